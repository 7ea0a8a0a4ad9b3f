#include "runtime/pack/GenerationConfig.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

GenerationConfig parse(const std::string &text) {
  auto config = parseGenerationConfig(text, "g");
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : GenerationConfig();
}
std::string refusal(const std::string &text) {
  auto config = parseGenerationConfig(text, "g");
  return config.ok() ? "(taken)" : config.status().message();
}

} // namespace

TEST(GenerationConfig, WhatItSays) {
  GenerationConfig config = parse(
      R"({"_from_model_config": true, "do_sample": false, "temperature": 0.7,
          "top_k": 50, "top_p": 0.95, "min_p": 0, "repetition_penalty": 1.2,
          "eos_token_id": [1, 2], "transformers_version": "4.40.0"})");
  EXPECT_EQ(config.doSample, false);
  EXPECT_EQ(config.temperature, 0.7);
  EXPECT_EQ(config.topK, 50u);
  EXPECT_EQ(config.topP, 0.95);
  EXPECT_EQ(config.minP, 0);
  EXPECT_EQ(config.repetitionPenalty, 1.2);
  EXPECT_EQ(config.endTokens, (std::vector<int32_t>{1, 2}));
}

TEST(GenerationConfig, WhatItLeavesOutOrIsNull) {
  for (const char *text : {"{}", R"({"temperature": null, "top_k": null})"}) {
    GenerationConfig config = parse(text);
    EXPECT_FALSE(config.doSample || config.temperature || config.topK ||
                 config.topP || config.minP || config.repetitionPenalty ||
                 config.endTokens);
  }
  EXPECT_EQ(parse(R"({"eos_token_id": null})").endTokens,
            std::vector<int32_t>());
  EXPECT_EQ(parse(R"({"eos_token_id": 0})").endTokens, std::vector<int32_t>{0});
}

// What others write, who read integers from numbers and every token from -1.
TEST(GenerationConfig, FormsOfTopK) {
  EXPECT_EQ(parse(R"({"top_k": 50.0})").topK, 50u);
  EXPECT_EQ(parse(R"({"top_k": 4294967295})").topK, 4294967295u);
  for (const char *every : {"0", "-1", "0.0", "-1.0"})
    EXPECT_EQ(parse(std::string(R"({"top_k": )") + every + "}").topK, 0u)
        << every;
}

// The same limits as those of the command line.
TEST(GenerationConfig, ValuesOutOfRangeAreNamed) {
  EXPECT_EQ(refusal(R"({"temperature": -0.5})"),
            "g: 'temperature' must be a finite number of at least 0 and at most "
            "1e30, got -0.5");
  EXPECT_EQ(refusal(R"({"temperature": NaN})"),
            "g: 'temperature' must be a finite number of at least 0 and at most "
            "1e30, got nan");
  EXPECT_EQ(refusal(R"({"temperature": Infinity})"),
            "g: 'temperature' must be a finite number of at least 0 and at most "
            "1e30, got inf");
  EXPECT_EQ(refusal(R"({"temperature": 1e39})"),
            "g: 'temperature' must be a finite number of at least 0 and at most "
            "1e30, got 1e+39");
  std::string topK = "g: 'top_k' must be an integer from 0 to 4294967295, or -1 "
                     "for every token, got ";
  EXPECT_EQ(refusal(R"({"top_k": -2})"), topK + "-2");
  EXPECT_EQ(refusal(R"({"top_k": 4294967296})"),
            topK + "4294967296");
  EXPECT_EQ(refusal(R"({"top_k": 1.5})"), topK + "1.5");
  EXPECT_EQ(refusal(R"({"top_k": NaN})"), topK + "nan");
  EXPECT_EQ(refusal(R"({"top_k": "50"})"), "g: 'top_k' must be a number, got a string");
  EXPECT_EQ(refusal(R"({"top_p": 0})"),
            "g: 'top_p' must be above 0 and at most 1, got 0");
  EXPECT_EQ(refusal(R"({"top_p": 1.01})"),
            "g: 'top_p' must be above 0 and at most 1, got 1.01");
  EXPECT_EQ(refusal(R"({"min_p": -0.1})"),
            "g: 'min_p' must be between 0 and 1, got -0.1");
  EXPECT_EQ(refusal(R"({"min_p": 2})"),
            "g: 'min_p' must be between 0 and 1, got 2");
  EXPECT_EQ(refusal(R"({"repetition_penalty": 0})"),
            "g: 'repetition_penalty' must be above 0 and at most 1e30, got 0");
  EXPECT_EQ(refusal(R"({"eos_token_id": 2147483648})"),
            "g: 'eos_token_id' must be an integer from 0 to 2147483647, got "
            "2147483648");
  EXPECT_EQ(
      refusal(R"({"temperature": 0, "top_k": 0, "top_p": 1, "min_p": 1})"),
      "(taken)");
}

TEST(GenerationConfig, KindsAreNamed) {
  EXPECT_EQ(refusal(R"({"do_sample": 1})"),
            "g: 'do_sample' must be true or false, got a number");
  EXPECT_EQ(refusal(R"({"temperature": "hot"})"),
            "g: 'temperature' must be a number, got a string");
  EXPECT_EQ(refusal(R"({"eos_token_id": "end"})"),
            "g: 'eos_token_id' must be an integer from 0 to 2147483647, got a "
            "string");
  EXPECT_EQ(refusal("[]"), "g: must be an object, got an array");
  EXPECT_EQ(refusal("{").substr(0, 21), "g: line 1, column 2: ");
}
