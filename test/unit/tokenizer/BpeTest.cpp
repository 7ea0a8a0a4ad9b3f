// The merge loop gives what the definition gives, fast.
#include "runtime/model/tokenizer/Bpe.h"

#include "TokenizerSamples.h"

#include <chrono>
#include <random>

namespace mamba::test {
namespace {

// Words over a, b and c with merges of random pairs of tokens.
nlohmann::json randomModel(std::mt19937 &random) {
  std::vector<std::string> tokens{"a", "b", "c"};
  nlohmann::json vocab = {{"a", 0}, {"b", 1}, {"c", 2}};
  nlohmann::json merges = nlohmann::json::array();
  for (int i = 0; i < 40; ++i) {
    std::string left = tokens[random() % tokens.size()];
    std::string right = tokens[random() % tokens.size()];
    nlohmann::json merge = {left, right};
    if (left.size() + right.size() > 12 ||
        std::find(merges.begin(), merges.end(), merge) != merges.end())
      continue;
    merges.push_back(merge);
    if (!vocab.contains(left + right)) {
      vocab[left + right] = tokens.size();
      tokens.push_back(left + right);
    }
  }
  return {{"vocab", vocab}, {"merges", merges}};
}

// The definition: merge the leftmost pair of the least rank until none is left.
Ids naive(const nlohmann::json &model, const std::string &word) {
  std::vector<std::string> parts;
  for (char c : word)
    parts.emplace_back(1, c);
  for (;;) {
    size_t rank = model["merges"].size(), at = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      for (size_t r = 0; r < rank; ++r)
        if (model["merges"][r][0] == parts[i] &&
            model["merges"][r][1] == parts[i + 1]) {
          rank = r;
          at = i;
        }
    if (rank == model["merges"].size())
      break;
    parts[at] += parts[at + 1];
    parts.erase(parts.begin() + at + 1);
  }
  Ids ids;
  for (const std::string &part : parts)
    ids.push_back(model["vocab"][part].get<int32_t>());
  return ids;
}

TEST(Bpe, MergesAsDefined) {
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    nlohmann::json model = randomModel(random);
    auto bpe = Bpe::fromJson(model);
    ASSERT_TRUE(bpe.ok()) << bpe.status().message();
    Bpe::Scratch scratch;
    for (int k = 0; k < 30; ++k) {
      std::string word(random() % 30, 0);
      for (char &c : word)
        c = static_cast<char>('a' + random() % 3);
      Ids ids;
      ASSERT_TRUE(bpe->encode(word, scratch, ids).ok());
      ASSERT_EQ(ids, naive(model, word)) << model << " " << word;
    }
  }
}

// One word of a megabyte: seconds, where a quadratic loop would take hours.
TEST(Bpe, TakesLongWords) {
  std::string path = dataPath("models/shakespeare/tokenizer.json");
  auto tokenizer = Tokenizer::fromJson(readFile(path), path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::mt19937 random(6);
  for (bool same : {true, false}) {
    std::string word(1 << 20, 'e');
    if (!same)
      for (char &c : word)
        c = static_cast<char>('a' + random() % 26);
    auto start = std::chrono::steady_clock::now();
    Ids ids = encode(*tokenizer, word);
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    EXPECT_LT(seconds.count(), 60);
    EXPECT_TRUE(decode(*tokenizer, ids) == word);
  }
}

TEST(Bpe, CachesOnlySoMuch) {
  Tokenizer tokenizer = load(tinyJson());
  // More different words than the cache holds, twice.
  std::string text;
  Ids wanted;
  for (int twice = 0; twice < 2; ++twice)
    for (int word = 0; word < 80000; ++word) {
      text += ' ';
      wanted.push_back(6);
      for (int rest = word, i = 0; i < 12; ++i, rest /= 4) {
        text += "cdef"[rest % 4];
        wanted.push_back(2 + rest % 4);
      }
    }
  EXPECT_TRUE(encode(tokenizer, text) == wanted);
}

} // namespace
} // namespace mamba::test
