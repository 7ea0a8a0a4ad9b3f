// The tensors of a checkpoint: found under all their names, compared with the
// config, refused with tensor, wish and fact.
#include "TinyCheckpoint.h"

#include <functional>

using namespace mamba;

namespace {

const std::string kMixer = "backbone.layers.1.mixer.";

TEST(Mamba1Weights, ReadsSizesOffTheTensors) {
  TinyCheckpoint tiny;
  tiny.write();
  tiny.bind(tiny.config(), [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.sizes.vocab, 5);
    EXPECT_EQ(weights.sizes.inner, 8);
    EXPECT_EQ(weights.sizes.state, 2);
    EXPECT_EQ(weights.sizes.conv, 3);
    EXPECT_EQ(weights.sizes.dtRank, 1);
    ASSERT_EQ(weights.layers.size(), 2u);
    EXPECT_EQ(weights.layers[1].d->name, "backbone.layers.1.mixer.D");
    EXPECT_EQ(weights.head, weights.embedding);
    EXPECT_TRUE(weights.warnings.empty());
  });
}

TEST(Mamba1Weights, BiasesAreReadOffTheirPresence) {
  TinyCheckpoint tiny;
  tiny.tensors.erase(kMixer + "conv1d.bias");
  tiny.tensors["backbone.layers.0.mixer.in_proj.bias"].shape = {16};
  tiny.write();
  tiny.bind(tiny.config(), [](const Mamba1Weights &weights) {
    EXPECT_TRUE(weights.layers[0].convBias);
    EXPECT_TRUE(weights.layers[0].inProjBias);
    EXPECT_FALSE(weights.layers[0].outProjBias);
    EXPECT_FALSE(weights.layers[1].convBias);
    EXPECT_FALSE(weights.layers[1].inProjBias);
  });
}

TEST(Mamba1Weights, BiasesMustBeAsTheConfigSays) {
  TinyCheckpoint tiny;
  ModelConfig config = tiny.config();
  config.convBias = false;
  EXPECT_EQ(tiny.failure(config),
            ": has tensor 'backbone.layers.0.mixer.conv1d.bias', but "
            "'use_conv_bias' in config.json is false");
  config.convBias = true;
  config.projectionBias = true;
  config.dialect = ConfigDialect::Original;
  EXPECT_EQ(tiny.failure(config),
            ": lacks tensor 'backbone.layers.0.mixer.in_proj.bias', but "
            "'bias' in config.json is true");
}

TEST(Mamba1Weights, NamesMayHaveAPrefixAndTheOriginalEmbedding) {
  TinyCheckpoint tiny;
  tiny.rename("backbone.embeddings.weight", "backbone.embedding.weight");
  auto plain = tiny.tensors;
  tiny.tensors.clear();
  for (auto &[name, tensor] : plain)
    tiny.tensors["model." + name] = tensor;
  tiny.write();
  tiny.bind(tiny.config(), [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.embedding->name, "model.backbone.embedding.weight");
    EXPECT_EQ(weights.layers[0].norm->name,
              "model.backbone.layers.0.norm.weight");
    EXPECT_TRUE(weights.warnings.empty());
  });
}

TEST(Mamba1Weights, ErrorsHaveTheNamesOfTheFile) {
  TinyCheckpoint tiny;
  auto plain = tiny.tensors;
  tiny.tensors.clear();
  for (auto &[name, tensor] : plain)
    tiny.tensors["model." + name] = tensor;
  std::string norm = "model.backbone.layers.1.norm.weight";
  tiny.tensors[norm].shape = {5};
  EXPECT_EQ(tiny.failure(), ": tensor '" + norm +
                                "' must have the shape [4], got [5]; compare "
                                "config.json");
  tiny.tensors.erase(norm);
  EXPECT_EQ(tiny.failure(), " has no tensor '" + norm + "'");
  tiny.tensors[norm].shape = {4};
  tiny.tensors["model.backbone.layers.2.norm.weight"].shape = {4};
  EXPECT_EQ(tiny.failure(), ": has tensor 'model.backbone.layers.2.norm.weight', "
                            "but config.json says that there are only 2 layers");
  tiny.tensors.erase("model.backbone.layers.2.norm.weight");
  tiny.tensors["lm_head.weight"].shape = {5, 4};
  EXPECT_EQ(tiny.failure(), ": tensor 'lm_head.weight' lacks the prefix "
                            "'model.' that the others have");
}

TEST(Mamba1Weights, ComeInShards) {
  TinyCheckpoint tiny;
  auto all = tiny.tensors;
  std::string map;
  for (auto &[name, tensor] : all)
    map +=
        (map.empty() ? "\"" : ", \"") + name +
        (name.find("layers.1") == std::string::npos ? "\": \"a.safetensors\""
                                                    : "\": \"b.safetensors\"");
  auto inSecond = [](const auto &item) {
    return item.first.find("layers.1") != std::string::npos;
  };
  std::erase_if(tiny.tensors, inSecond);
  tiny.write("a.safetensors");
  tiny.tensors = all;
  std::erase_if(tiny.tensors, std::not_fn(inSecond));
  tiny.write("b.safetensors");
  tiny.folder.add("model.safetensors.index.json",
                  "{\"weight_map\": {" + map + "}}");
  tiny.bind(tiny.config(), [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.layers.size(), 2u);
    EXPECT_TRUE(weights.warnings.empty());
  });
}

TEST(Mamba1Weights, MismatchNamesTensorWishAndFact) {
  TinyCheckpoint tiny;
  tiny.tensors[kMixer + "x_proj.weight"].shape = {6, 8};
  EXPECT_EQ(tiny.failure(),
            ": tensor 'backbone.layers.1.mixer.x_proj.weight' must have the "
            "shape [5, 8], got [6, 8]; compare config.json");
}

TEST(Mamba1Weights, ConfiguredSizesMustFit) {
  TinyCheckpoint tiny;
  ModelConfig config = tiny.config();
  config.state = 16;
  EXPECT_EQ(tiny.failure(config),
            ": tensor 'backbone.layers.0.mixer.x_proj.weight' must have the "
            "shape [33, 8], got [5, 8]; compare config.json");
  config = tiny.config();
  config.vocab = 8;
  EXPECT_EQ(tiny.failure(config),
            ": tensor 'backbone.embeddings.weight' must have the shape [8, 4], "
            "got [5, 4]; compare config.json");
}

TEST(Mamba1Weights, TensorsThatTellASizeMustHaveTheRank) {
  TinyCheckpoint tiny;
  tiny.tensors["backbone.layers.0.mixer.A_log"].shape = {16};
  EXPECT_EQ(tiny.failure(),
            ": tensor 'backbone.layers.0.mixer.A_log' must have 2 dimensions, "
            "got the shape [16]");
  tiny.tensors["backbone.layers.0.mixer.A_log"].shape = {8, 0};
  EXPECT_EQ(tiny.failure(),
            ": dimension 1 of tensor 'backbone.layers.0.mixer.A_log' must be "
            "between 1 and 65536, got the shape [8, 0]");
}

TEST(Mamba1Weights, VocabularyIsNoSmallerThanConfigured) {
  TinyCheckpoint tiny;
  ModelConfig config = tiny.config();
  config.dialect = ConfigDialect::Original;
  config.validVocab = 6; // Without pad_vocab_size_multiple.
  EXPECT_EQ(tiny.failure(config),
            ": dimension 0 of tensor 'backbone.embeddings.weight' must be "
            "between 6 and 134217728, got the shape [5, 4]");
}

TEST(Mamba1Weights, MissingTensor) {
  TinyCheckpoint tiny;
  tiny.tensors.erase(kMixer + "D");
  EXPECT_EQ(tiny.failure(), " has no tensor 'backbone.layers.1.mixer.D'");
  tiny.tensors.erase("backbone.embeddings.weight");
  EXPECT_EQ(tiny.failure(),
            " has no tensor 'backbone.embeddings.weight' or "
            "'backbone.embedding.weight': it is not a Mamba model");
}

TEST(Mamba1Weights, OtherTypes) {
  TinyCheckpoint tiny;
  tiny.tensors[kMixer + "D"].dtype = DType::F64;
  EXPECT_EQ(tiny.failure(),
            ": tensor 'backbone.layers.1.mixer.D' is F64, expected F32, F16 or "
            "BF16");
}

TEST(Mamba1Weights, MoreLayersThanConfigured) {
  TinyCheckpoint tiny;
  ModelConfig config = tiny.config();
  config.layers = 1;
  EXPECT_EQ(tiny.failure(config),
            ": has tensor 'backbone.layers.1.mixer.A_log', but config.json "
            "says that there are only 1 layers");
  // However far away, and whatever follows the number.
  for (const char *name :
       {"backbone.layers.2.x", "backbone.layers.7.mixer.D",
        "backbone.layers.10.mixer.D", "backbone.layers.007.mixer.D",
        "backbone.layers.99999999999999999999.mixer.D"}) {
    TinyCheckpoint more;
    more.tensors[name].shape = {4};
    EXPECT_EQ(more.failure(), ": has tensor '" + std::string(name) +
                                  "', but config.json says that there are "
                                  "only 2 layers");
  }
}

TEST(Mamba1Weights, TensorsOfOtherArchitectures) {
  for (const char *name :
       {"backbone.layers.1.norm.bias", "backbone.norm_f.bias", "lm_head.bias",
        "backbone.layers.0.mixer.dt_bias"}) {
    TinyCheckpoint tiny;
    tiny.tensors[name].shape = {4};
    EXPECT_EQ(tiny.failure(),
              std::string(": tensor '") + name +
                  "' is not one of a Mamba-1 model: models that have it are "
                  "not supported yet");
  }
}

TEST(Mamba1Weights, UnusedTensorsAreAWarning) {
  TinyCheckpoint tiny;
  for (const char *name : {"a", "b", "c", "d"})
    tiny.tensors[name].shape = {1};
  tiny.write();
  std::string where = "checkpoint '" + tiny.folder.path() + "' has ";
  tiny.bind(tiny.config(), [&](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.warnings,
              std::vector<std::string>{
                  where + "4 tensors that are not used: 'a', 'b', 'c', ..."});
  });
}

TEST(Mamba1Weights, HeadOfItsOwn) {
  TinyCheckpoint tiny;
  tiny.tensors["lm_head.weight"] = {.shape = {5, 4}, .fill = 1};
  tiny.write();
  ModelConfig config = tiny.config();
  auto hasOwnHead = [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.head->name, "lm_head.weight");
    EXPECT_TRUE(weights.warnings.empty());
  };
  tiny.bind(config, hasOwnHead); // The config does not say.
  config.tiedHead = false;
  tiny.bind(config, hasOwnHead);

  config.tiedHead = true;
  tiny.bind(config, [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.head, weights.embedding);
    EXPECT_EQ(weights.warnings,
              std::vector<std::string>{
                  "tensor 'lm_head.weight' differs from the embedding and is "
                  "not used: config.json says that the head is tied"});
  });
}

TEST(Mamba1Weights, SavedCopyOfTheEmbeddingIsTied) {
  TinyCheckpoint tiny;
  tiny.tensors["lm_head.weight"].shape = {5, 4};
  tiny.write();
  tiny.bind(tiny.config(), [](const Mamba1Weights &weights) {
    EXPECT_EQ(weights.head, weights.embedding);
    EXPECT_TRUE(weights.warnings.empty());
  });
}

TEST(Mamba1Weights, UntiedHeadMustBeThere) {
  TinyCheckpoint tiny;
  ModelConfig config = tiny.config();
  config.tiedHead = false;
  EXPECT_EQ(tiny.failure(config),
            " has no tensor 'lm_head.weight', but config.json says that the "
            "head is not tied to the embedding");
}

TEST(Mamba1Weights, HeadMustHaveTheShapeOfTheEmbedding) {
  TinyCheckpoint tiny;
  tiny.tensors["lm_head.weight"].shape = {6, 4};
  EXPECT_EQ(tiny.failure(),
            ": tensor 'lm_head.weight' must have the shape [5, 4], got [6, 4]; "
            "compare config.json");
}

} // namespace
