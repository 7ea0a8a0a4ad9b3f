// Exact agreement with the `tokenizers` library, whose answers are on file.
#include "TokenizerSamples.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace mamba::test {
namespace {

class Vectors : public ::testing::TestWithParam<const char *> {};

// Every text gives the library's ids, and every sequence of ids its text.
TEST_P(Vectors, AgreeWithTokenizersLibrary) {
  nlohmann::json file = nlohmann::json::parse(readFile(
      dataPath("tokenizer/" + std::string(GetParam()) + ".vectors.json")));
  std::string path = dataPath(file["tokenizer"].get<std::string>());
  auto tokenizer = Tokenizer::fromJson(readFile(path), path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  ASSERT_GT(file["vectors"].size(), 70u);
  for (const nlohmann::json &row : file["vectors"]) {
    SCOPED_TRACE(row.dump());
    Ids ids = row["ids"].get<Ids>();
    if (row.contains("text")) {
      std::string text = row["text"].get<std::string>();
      EXPECT_EQ(encode(*tokenizer, text), ids);
      EXPECT_EQ(encode(*tokenizer, text, true),
                row.value("ids_with_special", ids));
    }
    std::string decoded = row["decoded"].get<std::string>();
    EXPECT_EQ(decode(*tokenizer, ids), decoded);
    EXPECT_EQ(decode(*tokenizer, ids, true),
              row.value("decoded_without_special", decoded));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Vectors,
    ::testing::Values("shakespeare", "nfc_added", "prefix_space",
                      "split_ignore_merges", "split_behaviors", "punctuation",
                      "unknown_fused", "unknown_dropped", "byte_fallback",
                      "byte_fallback_partial"),
    [](const auto &info) { return std::string(info.param); });

std::vector<std::string> splitAt(const std::string &text,
                                 const std::string &separator) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at; (at = text.find(separator, from)) != std::string::npos;
       from = at + separator.size())
    parts.push_back(text.substr(from, at - from));
  return parts; // what follows the last separator is empty
}

// The tokenizer of the published Mamba models on vectors of another project.
TEST(PublishedVectors, GptNeox20b) {
  const char *shared = std::getenv("MAMBA_SHARED_DATA");
  std::filesystem::path folder =
      std::filesystem::path(shared ? shared : MAMBA_DEFAULT_SHARED_DATA) /
      "tokenizer";
  std::filesystem::path json = folder / "gpt-neox-20b.tokenizer.json";
  if (!std::filesystem::exists(json))
    GTEST_SKIP() << "no " << json << ": set MAMBA_SHARED_DATA to the folder "
                 << "that holds tokenizer/gpt-neox-20b.tokenizer.json";
  auto tokenizer = Tokenizer::fromJson(readFile(json), json);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  EXPECT_EQ(tokenizer->size(), 50277);
  EXPECT_EQ(*tokenizer->idOf("<|endoftext|>"), 0);
  std::vector<std::string> texts = splitAt(
      readFile(folder / "gpt-neox-20b.vectors.inp"), "\n__ggml_vocab_test__\n");
  std::vector<std::string> answers =
      splitAt(readFile(folder / "gpt-neox-20b.vectors.out"), "\n");
  ASSERT_EQ(texts.size(), answers.size());
  ASSERT_EQ(texts.size(), 46u);
  for (size_t i = 0; i < texts.size(); ++i) {
    SCOPED_TRACE(texts[i]);
    std::istringstream line(answers[i]);
    Ids wanted{std::istream_iterator<int32_t>(line), {}};
    EXPECT_EQ(encode(*tokenizer, texts[i]), wanted);
  }
}

} // namespace
} // namespace mamba::test
