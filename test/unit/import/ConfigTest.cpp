// config.json in both dialects: what is taken, what is refused and how.
#include "compiler/import/Config.h"

#include <gtest/gtest.h>

#include <string>

using namespace mamba;

static ModelConfig parse(const std::string &text) {
  auto config = parseModelConfig(text, "config");
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : ModelConfig();
}

static std::string failureOf(const std::string &text) {
  auto config = parseModelConfig(text, "config");
  EXPECT_FALSE(config.ok());
  return config.ok() ? "" : config.status().message();
}

/// A Hugging Face config with more members, ", \"key\": value".
static std::string huggingFace(const std::string &members) {
  return R"({"model_type": "mamba", "hidden_size": 64,
             "num_hidden_layers": 3, "vocab_size": 200)" +
         members + "}";
}

static std::string original(const std::string &members) {
  return R"({"d_model": 64, "n_layer": 3, "vocab_size": 93)" + members + "}";
}

TEST(Config, ReadsHuggingFaceKeys) {
  ModelConfig config = parse(huggingFace(R"(,
    "intermediate_size": 128, "state_size": 16, "conv_kernel": 4,
    "time_step_rank": 5, "use_bias": false, "use_conv_bias": true,
    "tie_word_embeddings": false, "layer_norm_epsilon": 1e-6,
    "hidden_act": "silu", "rms_norm": true)"));
  EXPECT_EQ(config.dialect, ConfigDialect::HuggingFace);
  EXPECT_EQ(config.width, 64);
  EXPECT_EQ(config.layers, 3);
  EXPECT_EQ(config.vocab, 200);
  EXPECT_EQ(config.validVocab, 0);
  EXPECT_EQ(config.inner, 128);
  EXPECT_EQ(config.state, 16);
  EXPECT_EQ(config.convWidth, 4);
  EXPECT_EQ(config.dtRank, 5);
  EXPECT_EQ(config.projectionBias, false);
  EXPECT_EQ(config.convBias, true);
  EXPECT_EQ(config.tiedHead, false);
  EXPECT_EQ(config.eps, 1e-6);
}

TEST(Config, ReadsOriginalKeys) {
  ModelConfig config = parse(original(R"(,
    "d_intermediate": 0, "attn_layer_idx": [], "pad_vocab_size_multiple": 16,
    "ssm_cfg": {"layer": "Mamba1", "d_state": 8, "d_conv": 3, "expand": 2,
                "dt_rank": 4, "bias": true, "conv_bias": false},
    "rms_norm": true, "tie_embeddings": true)"));
  EXPECT_EQ(config.dialect, ConfigDialect::Original);
  EXPECT_EQ(config.width, 64);
  EXPECT_EQ(config.layers, 3);
  EXPECT_EQ(config.vocab, 96);
  EXPECT_EQ(config.validVocab, 93);
  EXPECT_EQ(config.inner, 128);
  EXPECT_EQ(config.state, 8);
  EXPECT_EQ(config.convWidth, 3);
  EXPECT_EQ(config.dtRank, 4);
  EXPECT_EQ(config.projectionBias, true);
  EXPECT_EQ(config.convBias, false);
  EXPECT_EQ(config.tiedHead, true);
  EXPECT_EQ(config.eps, 1e-5);
}

TEST(Config, WhatIsNotSaidIsEmpty) {
  for (const std::string &text :
       {original(""), original(R"(, "ssm_cfg": {})"),
        original(R"(, "ssm_cfg": null)"), huggingFace("")}) {
    ModelConfig config = parse(text);
    EXPECT_FALSE(config.inner || config.state || config.convWidth ||
                 config.dtRank || config.projectionBias || config.convBias ||
                 config.tiedHead)
        << text;
  }
  EXPECT_FALSE(parse(original("")).vocab);
}

TEST(Config, TakesWhatRealFilesHold) {
  // Words that strict JSON forbids, ranks by rule, original keys as well.
  ModelConfig config = parse(huggingFace(
      R"(, "time_step_limit": [0.0, Infinity], "time_step_rank": "auto",
           "d_model": 7, "n_layer": 9, "ssm_cfg": {}, "expand": 2,
           "pad_vocab_size_multiple": 8)"));
  EXPECT_EQ(config.dialect, ConfigDialect::HuggingFace);
  EXPECT_EQ(config.width, 64);
  EXPECT_EQ(config.vocab, 200);
  EXPECT_EQ(config.dtRank, 4);
  EXPECT_EQ(config.inner, 128);
  EXPECT_EQ(parse(R"({"hidden_size": 65, "num_hidden_layers": 1,
                      "vocab_size": 2, "time_step_rank": "auto"})")
                .dtRank,
            5);
}

TEST(Config, InnerWidthMayBeAFractionOrOfItsOwn) {
  EXPECT_EQ(parse(original(R"(, "ssm_cfg": {"expand": 1.5})")).inner, 96);
  EXPECT_EQ(
      parse(huggingFace(R"(, "expand": 1.25, "intermediate_size": 80)")).inner,
      80);
  EXPECT_EQ(parse(huggingFace(R"(, "intermediate_size": 80)")).inner, 80);
}

TEST(Config, RefusesOtherModels) {
  EXPECT_EQ(failureOf(R"({"model_type": "mamba2"})"),
            "config: mamba-2 checkpoints are not supported yet");
  EXPECT_EQ(failureOf(original(R"(, "ssm_cfg": {"layer": "Mamba2"})")),
            "config: 'ssm_cfg': mamba-2 checkpoints are not supported yet");
  EXPECT_EQ(failureOf(original(R"(, "ssm_cfg": {"layer": "Mamba3"})")),
            "config: 'ssm_cfg': layer 'Mamba3' is not supported: expected "
            "'Mamba1'");
  EXPECT_EQ(failureOf(R"({"model_type": "llama"})"),
            "config: model type 'llama' is not supported: expected 'mamba' or "
            "'falcon_mamba'");
  EXPECT_EQ(failureOf(R"({"architectures": ["LlamaForCausalLM"],
                          "hidden_size": 8})"),
            "config: 'architectures' must hold 'MambaForCausalLM' or "
            "'FalconMambaForCausalLM', got 'LlamaForCausalLM'");
}

TEST(Config, ReadsFalconMamba) {
  const std::string sizes =
      R"("hidden_size": 64, "num_hidden_layers": 3, "vocab_size": 200)";
  EXPECT_FALSE(parse(huggingFace(R"(, "mixer_rms_eps": 1e-3)")).mixerEps);
  EXPECT_EQ(parse(R"({"model_type": "falcon_mamba", )" + sizes + "}").mixerEps,
            1e-6);
  // By the class alone; the published 'expand' is not that of the sizes.
  ModelConfig config =
      parse(R"({"architectures": ["FalconMambaForCausalLM"], "expand": 16,
                "intermediate_size": 128, "mixer_rms_eps": 1e-4,
                "layer_norm_epsilon": 1e-5, "time_step_rank": 8,
                "tie_word_embeddings": false, )" +
            sizes + "}");
  EXPECT_EQ(config.dialect, ConfigDialect::HuggingFace);
  EXPECT_EQ(config.mixerEps, 1e-4);
  EXPECT_EQ(config.eps, 1e-5);
  EXPECT_EQ(config.inner, 128);
  EXPECT_EQ(config.dtRank, 8);
  EXPECT_EQ(config.tiedHead, false);
  EXPECT_EQ(parse(R"({"model_type": "falcon_mamba", "expand": 2, )" + sizes +
                  "}")
                .inner,
            128);

  EXPECT_EQ(failureOf(R"({"model_type": "falcon_mamba", "mixer_rms_eps": 1, )" +
                      sizes + "}"),
            "config: 'mixer_rms_eps' must be between 0 and 1");
  // Of original keys it would be another model.
  EXPECT_NE(failureOf(original(R"(, "model_type": "falcon_mamba")"))
                .find("'hidden_size'"),
            std::string::npos);
}

TEST(Config, RefusesUnsupportedFeatures) {
  EXPECT_EQ(failureOf(original(R"(, "rms_norm": false)")),
            "config: 'rms_norm' is false: models with LayerNorm are not "
            "supported yet");
  EXPECT_EQ(failureOf(original(R"(, "d_intermediate": 4)")),
            "config: 'd_intermediate' is 4: models with MLP layers are not "
            "supported yet");
  EXPECT_EQ(failureOf(original(R"(, "attn_layer_idx": [1, 2])")),
            "config: 'attn_layer_idx' lists 2 layers: attention layers are "
            "not supported yet");
  EXPECT_EQ(failureOf(huggingFace(R"(, "hidden_act": "gelu")")),
            "config: 'hidden_act' is 'gelu', only 'silu' is supported");
}

TEST(Config, NamesKeyWishAndFact) {
  EXPECT_EQ(failureOf(R"({"hidden_size": "64"})"),
            "config: 'hidden_size' must be an integer from 1 to 1048576, got "
            "a string");
  EXPECT_EQ(failureOf(R"({"hidden_size": 64})"),
            "config: 'num_hidden_layers' is missing, it must be an integer "
            "from 1 to 4096");
  EXPECT_EQ(failureOf(huggingFace(R"(, "state_size": 16.5)")),
            "config: 'state_size' must be an integer from 1 to 65536, got "
            "16.5");
  EXPECT_EQ(failureOf(huggingFace(R"(, "use_bias": 1)")),
            "config: 'use_bias' must be true or false, got a number");
  EXPECT_EQ(failureOf(huggingFace(R"(, "time_step_rank": "full")")),
            "config: 'time_step_rank' must be an integer or \"auto\", got "
            "'full'");
  EXPECT_EQ(failureOf(original(R"(, "ssm_cfg": [])")),
            "config: 'ssm_cfg' must be an object, got an array");
  EXPECT_EQ(failureOf("[]"), "config: a model's configuration must be an "
                             "object, got an array");
  EXPECT_EQ(failureOf("{}"),
            "config: the model's width is missing: expected 'hidden_size' "
            "(Hugging Face) or 'd_model' (original)");
}

TEST(Config, TheTwoWordsForTheInnerWidthMustAgree) {
  EXPECT_EQ(parseModelConfig(
                huggingFace(R"(, "expand": 2.5, "intermediate_size": 128)"), "c")
                .status()
                .message(),
            "c: 'expand' times 'hidden_size' must be 'intermediate_size', got "
            "160 and 128");
}

TEST(Config, RefusesSizesOutOfRange) {
  for (const char *members :
       {R"(, "state_size": 0)", R"(, "state_size": -16)",
        R"(, "conv_kernel": 1)",
        R"(, "intermediate_size": 9223372036854775807)",
        R"(, "time_step_rank": 0)", R"(, "expand": 1e300)", R"(, "expand": -2)",
        R"(, "expand": NaN)", R"(, "expand": 0.001)",
        R"(, "layer_norm_epsilon": 0)", R"(, "layer_norm_epsilon": Infinity)",
        R"(, "layer_norm_epsilon": NaN)"})
    EXPECT_NE(failureOf(huggingFace(members)), "") << members;
  EXPECT_NE(failureOf(original(R"(, "pad_vocab_size_multiple": 0)")), "");
  EXPECT_EQ(failureOf(R"({"d_model": 64, "n_layer": 3, "vocab_size": 134217728,
                          "pad_vocab_size_multiple": 134217727})"),
            "config: the padded vocabulary has 268435454 rows, more than "
            "134217728");
  EXPECT_NE(failureOf(R"({"d_model": 64, "n_layer": 3, "vocab_size": 1e9})"),
            "");
}

// The last value that is taken, and the next one.
TEST(Config, SizesHaveLimits) {
  struct Limit {
    const char *key;
    int64_t most;
  };
  for (auto [key, most] : {Limit{"hidden_size", 1 << 20},
                           Limit{"num_hidden_layers", 1 << 12},
                           Limit{"vocab_size", 1 << 27},
                           Limit{"state_size", 1 << 16}}) {
    auto textWith = [name = key](int64_t value) {
      std::string text = R"({"hidden_size": 64, "num_hidden_layers": 3,
                             "vocab_size": 200, "state_size": 16})";
      size_t from = text.find(':', text.find(name)) + 1;
      text.replace(from, text.find_first_of(",}", from) - from,
                   std::to_string(value));
      return text;
    };
    EXPECT_TRUE(parseModelConfig(textWith(most), "config").ok()) << key;
    EXPECT_EQ(failureOf(textWith(most + 1)), std::string("config: '") + key +
                                     "' must be an integer from 1 to " +
                                     std::to_string(most) + ", got " +
                                     std::to_string(most + 1));
  }
}

TEST(Config, RefusesBrokenText) {
  EXPECT_TRUE(failureOf("").starts_with("config: line 1, column 1: "));
  EXPECT_TRUE(failureOf("{\"d_model\": 64,").starts_with("config: line 1"));
  auto missing = readModelConfig("/nonexistent/config.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
}
