// State files: a round trip, and what damaged or foreign files do (nothing).
#include "runtime/model/StateFile.h"
#include "runtime/support/Sha256.h"
#include "test/unit/model/FakeModel.h"
#include "test/unit/support/TempFolder.h"

#include <nlohmann/json.hpp>

using namespace mamba;
using namespace mamba::test;

namespace {

struct StateFileTest : testing::Test {
  StateFileTest() {
    session = fake.session({.slots = 2});
    SequenceTokens sequence{0, tokens};
    EXPECT_TRUE(session->step({&sequence, 1}, WantLogits::None, {}).ok());
    EXPECT_TRUE(sampler.accept(tokens).ok());
    for (int i = 0; i < 5; ++i)
      EXPECT_TRUE(sampler.sample(*session->logits(0)).ok());
  }

  static Sampler makeSampler(SamplerOptions options) {
    return *Sampler::create(kVocab, kValid, options);
  }

  /// Everything that a load could change.
  std::string fingerprint(Session &of, uint32_t slot,
                          const Sampler &with) {
    auto snapshot = of.snapshot(slot);
    std::string text = std::to_string(snapshot->position) + ";";
    for (auto &state : snapshot->states)
      text.append(state.begin(), state.end());
    text.append(reinterpret_cast<const char *>(snapshot->logits.data()),
                snapshot->logits.size() * sizeof(float));
    for (int32_t token : snapshot->recent)
      text += std::to_string(token) + ",";
    SamplerState state = with.state();
    text +=
        std::to_string(state.draws) + ";" + std::to_string(state.options.seed);
    for (auto [token, count] : state.counts)
      text += "," + std::to_string(token) + "x" + std::to_string(count);
    return text;
  }

  /// Loading these bytes fails and changes nothing.
  std::string expectRefused(const std::string &bytes) {
    std::string path = folder.add("bad.safetensors", bytes);
    std::string before = fingerprint(*session, 0, sampler);
    Status status = loadState(*session, 0, &sampler, path);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(fingerprint(*session, 0, sampler), before);
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
    return status.message();
  }

  TempFolder folder;
  Fake fake;
  std::vector<int32_t> tokens = {1, 4, 4, 7};
  std::unique_ptr<Session> session;
  Sampler sampler = makeSampler({.repetitionPenalty = 1.5,
                                 .temperature = 0.7,
                                 .topK = 5,
                                 .seed = 0xffffffffffffffff});
};

TEST_F(StateFileTest, roundTrip) {
  std::string path = folder / "s.safetensors";
  ASSERT_TRUE(saveState(*session, 0, &sampler, path).ok());
  Fake other;
  auto loaded = other.session({.slots = 3});
  Sampler target = makeSampler({});
  Status status = loadState(*loaded, 2, &target, path);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(fingerprint(*loaded, 2, target), fingerprint(*session, 0, sampler));
  EXPECT_EQ(target.options(), sampler.options());
  EXPECT_EQ(copyOf(*loaded->logits(2)), expectedLogits(tokens));
  // Twice is as good as once, and over a used slot too.
  ASSERT_TRUE(loadState(*loaded, 2, &target, path).ok());
  EXPECT_EQ(fingerprint(*loaded, 2, target), fingerprint(*session, 0, sampler));
}

TEST_F(StateFileTest, sameStateSameBytes) {
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "a").ok());
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "b").ok());
  EXPECT_EQ(slurp(folder / "a"), slurp(folder / "b"));
}

TEST_F(StateFileTest, holdsTheOutsideLayout) {
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "a").ok());
  auto file = SafetensorsFile::open(folder / "a");
  ASSERT_TRUE(file.ok());
  const TensorView *conv = file->find("conv_state.0");
  ASSERT_TRUE(conv);
  EXPECT_EQ(conv->shape, (std::vector<int64_t>{1, 3, 2}));
  float values[6];
  std::memcpy(values, conv->data, sizeof(values));
  EXPECT_EQ(values[0], 4); // channel 0: tokens 4, 7
  EXPECT_EQ(values[1], 7);
  EXPECT_EQ(*file->findMetadata("mamba.position"), "4");
  EXPECT_EQ(file->find("logits")->shape, (std::vector<int64_t>{1, kVocab}));
}

TEST_F(StateFileTest, withoutASamplerTheSamplerStays) {
  ASSERT_TRUE(saveState(*session, 0, nullptr, folder / "a").ok());
  Sampler other = makeSampler({.seed = 77});
  ASSERT_TRUE(loadState(*session, 1, &other, folder / "a").ok());
  EXPECT_EQ(other.options().seed, 77u);
  // And a sampler in the file is no must.
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "b").ok());
  ASSERT_TRUE(loadState(*session, 1, nullptr, folder / "b").ok());
}

TEST_F(StateFileTest, anEmptySlotIsAStateToo) {
  ASSERT_TRUE(saveState(*session, 1, nullptr, folder / "a").ok());
  ASSERT_TRUE(loadState(*session, 0, nullptr, folder / "a").ok());
  EXPECT_EQ(*session->position(0), 0);
  EXPECT_FALSE(session->logits(0).ok());
}

TEST_F(StateFileTest, anotherModelIsRefusedWithBothSignatures) {
  Fake other({.signature = "beef"});
  auto foreign = other.session();
  ASSERT_TRUE(saveState(*foreign, 0, nullptr, folder / "a").ok());
  std::string message = expectRefused(slurp(folder / "a"));
  EXPECT_NE(message.find("expected signature 'f00d', found 'beef'"),
            std::string::npos)
      << message;
}

TEST_F(StateFileTest, everyTruncationIsRefused) {
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "a").ok());
  std::string bytes = slurp(folder / "a");
  for (size_t size = 0; size < bytes.size(); size += 13)
    expectRefused(bytes.substr(0, size));
  expectRefused(bytes.substr(0, bytes.size() - 1));
  expectRefused(bytes + '\0');
}

TEST_F(StateFileTest, everyFlippedDataByteIsRefused) {
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "a").ok());
  std::string bytes = slurp(folder / "a");
  uint64_t header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (size_t i = 8 + header; i < bytes.size(); i += 3) {
    std::string bad = bytes;
    bad[i] ^= 0x10;
    expectRefused(bad);
  }
}

TEST_F(StateFileTest, flippedHeaderBytesNeverDoHarm) {
  ASSERT_TRUE(saveState(*session, 0, &sampler, folder / "a").ok());
  std::string bytes = slurp(folder / "a");
  uint64_t header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (size_t i = 0; i < 8 + header; i += i < 8 ? 1 : 3) {
    std::string bad = bytes;
    bad[i] ^= 1;
    // A flip may rename a metadata key that nobody reads; that may load.
    (void)loadState(*session, 1, &sampler, folder.add("flip", bad));
  }
}

TEST_F(StateFileTest, notAStateFile) {
  SafetensorsWriter writer;
  auto bytes = writer.serialize();
  std::string message = expectRefused(*bytes);
  EXPECT_NE(message.find("not a state file"), std::string::npos);
  expectRefused("");
  EXPECT_EQ(loadState(*session, 0, nullptr, folder / "missing").code(),
            StatusCode::NotFound);
}

/// Rebuilds the file with a changed header; the digest is made to fit, as an
/// attacker would.
struct Rebuilt {
  std::map<std::string, std::string> metadata;
  struct Tensor {
    DType dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Tensor> tensors;

  explicit Rebuilt(const std::string &path) {
    auto file = SafetensorsFile::open(path);
    for (auto &[key, value] : file->metadata())
      metadata[key] = value;
    for (auto &tensor : file->tensors())
      tensors[tensor.name] = {
          tensor.dtype, tensor.shape,
          std::string(reinterpret_cast<const char *>(tensor.data),
                      tensor.bytes)};
  }
  std::string bytes() {
    Sha256 digest;
    for (const char *key :
         {"mamba.signature", "mamba.position", "mamba.sampler"}) {
      digest.update(metadata.count(key) ? metadata[key] : "");
      digest.update("\n");
    }
    SafetensorsWriter writer;
    for (auto &[name, tensor] : tensors) {
      digest.update(name);
      digest.update("\n");
      digest.update(tensor.bytes);
      EXPECT_TRUE(writer
                      .addTensor(name, tensor.dtype, tensor.shape,
                                 tensor.bytes.data(), tensor.bytes.size())
                      .ok());
    }
    metadata["mamba.sha256"] = toHex(digest.finish());
    for (auto &[key, value] : metadata)
      EXPECT_TRUE(writer.setMetadata(key, value).ok());
    return *writer.serialize();
  }
};

TEST_F(StateFileTest, attacksWithAFittingDigestAreRefused) {
  std::string path = folder / "a";
  ASSERT_TRUE(saveState(*session, 0, &sampler, path).ok());
  {
    Rebuilt same(path);
    ASSERT_TRUE(
        loadState(*session, 1, nullptr, folder.add("same", same.bytes())).ok());
  }
  auto attack = [&](const std::function<void(Rebuilt &)> &change,
                    const std::string &words) {
    Rebuilt bad(path);
    change(bad);
    std::string message = expectRefused(bad.bytes());
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  for (const char *position :
       {"-1", "", "x", "4 ", "1e3", "9223372036854775808",
        "4611686018427387905"})
    attack([&](Rebuilt &r) { r.metadata["mamba.position"] = position; },
           "mamba.position");
  attack([](Rebuilt &r) { r.metadata["mamba.state"] = "2"; }, "'2'");
  attack([](Rebuilt &r) { r.tensors.erase("ssm_state.0"); },
         "expected F32 [1, 4], found none");
  attack(
      [](Rebuilt &r) {
        r.tensors["ssm_state.0"].shape = {4, 1};
      },
      "expected F32 [1, 4], found F32 [4, 1]");
  attack(
      [](Rebuilt &r) {
        r.tensors["conv_state.0"].shape = {1, 2, 3};
      },
      "expected F32 [1, 3, 2], found F32 [1, 2, 3]");
  attack([](Rebuilt &r) { r.tensors["ssm_state.0"].dtype = DType::I32; },
         "found I32");
  attack([](Rebuilt &r) { r.tensors["logits"].shape = {kVocab, 1}; }, "logits");
  attack([](Rebuilt &r) { r.tensors.erase("recent_tokens"); }, "recent_tokens");
  attack(
      [](Rebuilt &r) {
        int64_t token = kVocab;
        std::memcpy(r.tensors["recent_tokens"].bytes.data(), &token, 8);
      },
      "recent_tokens");
  attack(
      [](Rebuilt &r) {
        r.tensors["recent_tokens"] = {
            DType::I64, {33}, std::string(33 * 8, '\0')};
      },
      "recent_tokens");
  attack([](Rebuilt &r) { r.tensors.erase("sampler.counts"); },
         "sampler.counts");
  attack(
      [](Rebuilt &r) {
        r.tensors["sampler.counts"].shape = {1};
        r.tensors["sampler.counts"].bytes.resize(8);
      },
      "sampler");
  attack(
      [](Rebuilt &r) {
        int64_t token = -5;
        std::memcpy(r.tensors["sampler.tokens"].bytes.data(), &token, 8);
      },
      "sampler.tokens");
  for (const char *text :
       {"", "[]", "{}", R"({"generator":"mt19937"})", "{\"generator\":3}"})
    attack([&](Rebuilt &r) { r.metadata["mamba.sampler"] = text; },
           "mamba.sampler");
  for (auto [key, value] : std::vector<std::pair<std::string, nlohmann::json>>{
           {"top_p", 0},
           {"top_p", nullptr},
           {"temperature", -1},
           {"temperature", "hot"},
           {"top_k", 4294967296},
           {"top_k", -1},
           {"draws", -1},
           {"draws", 1.5},
           {"seed", "1"}})
    attack(
        [&](Rebuilt &r) {
          auto json = nlohmann::json::parse(r.metadata["mamba.sampler"]);
          json[key] = value;
          r.metadata["mamba.sampler"] = json.dump();
        },
        "mamba.sampler");
}

TEST_F(StateFileTest, aDeviceThatRefusesLeavesTheSlotAsItWas) {
  ASSERT_TRUE(saveState(*session, 1, nullptr, folder / "empty").ok());
  std::string before = fingerprint(*session, 0, sampler);
  for (int writes : {0, 1}) {
    fake.log.failAfterWrites = writes;
    EXPECT_FALSE(loadState(*session, 0, &sampler, folder / "empty").ok());
    EXPECT_EQ(fingerprint(*session, 0, sampler), before);
  }
}

TEST_F(StateFileTest, unwritableFoldersAreFailures) {
  EXPECT_FALSE(saveState(*session, 0, nullptr, folder / "no/such/folder").ok());
  EXPECT_FALSE(saveState(*session, 9, nullptr, folder / "a").ok());
  EXPECT_FALSE(loadState(*session, 9, nullptr, folder / "a").ok());
}

TEST_F(StateFileTest, packsWithoutAModelHaveNone) {
  Fake other({.model = false});
  auto bare = other.session();
  EXPECT_EQ(saveState(*bare, 0, nullptr, folder / "a").code(),
            StatusCode::Unavailable);
}

} // namespace
