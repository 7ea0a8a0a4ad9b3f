// The end-to-end check over a model whose logits depend on all that a sequence
// holds: the tokens are FORMAT.md's, slots and states are kept apart.
#include "test/unit/model/FakeModel.h"

#include "runtime/model/Log.h"
#include "runtime/pack/Check.h"
#include "runtime/support/SplitMix64.h"

namespace mamba::test {
namespace {

/// A ragged prompt, a piece of one, two decode steps.
PackOptions checkedPack() {
  PackOptions options;
  options.weights = options.embed = true;
  CheckSpec check;
  check.below = kValid;
  check.steps = {{5, 2}, {1, 3}, {1, 1}, {1, 1}};
  check.stride = 3;
  check.blob = "golden.0";
  check.tolerance = 1e-6;
  Fingerprint fingerprint;
  fingerprint.add({"w", DType::F32, {2, 2}},
                  {reinterpret_cast<const uint8_t *>(kWeight), sizeof(kWeight)});
  check.weights = fingerprint.finish();
  std::vector<std::vector<int32_t>> tokens(2);
  for (const std::vector<int64_t> &lengths : check.steps)
    for (uint64_t s = 0; s < 2; ++s) {
      for (int64_t i = 0; i < lengths[s]; ++i)
        tokens[s].push_back(checkToken(check, s, tokens[s].size()));
      std::vector<float> row = expectedLogits(tokens[s]);
      for (size_t column = 0; column < row.size(); column += check.stride)
        options.samples.push_back(row[column]);
    }
  options.check = check;
  return options;
}

/// Lines of the log while this lives.
struct LogLines {
  LogLines() {
    setLogFunction(
        [](void *user, LogLevel, const char *line) {
          static_cast<LogLines *>(user)->text += std::string(line) + "\n";
        },
        this);
  }
  ~LogLines() { setLogFunction(nullptr, nullptr); }
  std::string text;
};

TEST(ModelCheckTest, tokensAreDocumented) {
  CheckSpec check;
  check.below = 100;
  EXPECT_EQ(checkToken(check, 0, 0), int32_t(splitmix64(0x6d616d6261) % 100));
  EXPECT_EQ(checkToken(check, 2, 5),
            int32_t(splitmix64(0x6d616d6261 + (2ull << 40) + 5) % 100));
}

TEST(ModelCheckTest, sequencesGoOnInTheirSlots) {
  Fake fake(checkedPack());
  LogLines log;
  std::vector<std::pair<uint64_t, uint64_t>> progress;
  auto text = fake.model->selfTest([&](uint64_t done, uint64_t total) {
    progress.emplace_back(done, total);
  });
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_EQ(*text, "end to end 4 steps are right: relative error 0, allowed is "
                   "1e-06");
  EXPECT_EQ(log.text, *text + "\n");
  EXPECT_EQ(progress, (std::vector<std::pair<uint64_t, uint64_t>>{{1, 2}, {2, 2}}))
      << "the check is one more";
  ASSERT_EQ(fake.log.runs.size(), 4u);
  const FakeLog::Run &run = fake.log.runs[1];
  EXPECT_EQ(run.entry, "next");
  EXPECT_EQ(run.lengths, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(run.positions, (std::vector<int64_t>{5, 2}));
  EXPECT_EQ(run.slots, (std::vector<int32_t>{2, 1}));
}

TEST(ModelCheckTest, aWrongSampleIsNamed) {
  PackOptions options = checkedPack();
  options.samples[options.samples.size() - 1] += 1; // the last of sequence 1
  Fake fake(options);
  Status status = fake.model->selfTest({}).status();
  EXPECT_EQ(status.code(), StatusCode::Internal);
  EXPECT_EQ(status.message().rfind(
                "end-to-end check of target 'fake:native': step 3, sequence 1: "
                "the logits after token 6 have relative error ",
                0),
            0u)
      << status.message();
}

TEST(ModelCheckTest, whatIsNotRunIsSaid) {
  PackOptions options = checkedPack();
  auto said = [](const PackOptions &pack, bool load) {
    Fake fake(pack, load);
    auto text = fake.model->selfTest({});
    EXPECT_TRUE(fake.log.runs.empty());
    return text.ok() ? *text : text.status().message();
  };
  EXPECT_EQ(said(options, false),
            "no end-to-end check: the weights are not loaded");
  options.check->weights = std::string(64, '0');
  EXPECT_EQ(said(options, true),
            "no end-to-end check: the pack's is for other weights");
  options.check.reset();
  EXPECT_EQ(said(options, true), "no end-to-end check: the pack has none");
}

TEST(ModelCheckTest, fingerprintsTellWeightsApart) {
  std::vector<uint8_t> bytes(100000);
  auto print = [&](const WeightSpec &spec) {
    Fingerprint fingerprint;
    fingerprint.add(spec, bytes);
    return fingerprint.finish();
  };
  WeightSpec spec = {"w", DType::U8, {100000}};
  std::string before = print(spec);
  EXPECT_EQ(before.size(), 64u);
  // Pieces of 256 bytes: the first, the last, and between them.
  for (size_t at : {0u, 255u, 6649u, 99735u}) {
    bytes[at] ^= 1;
    EXPECT_NE(print(spec), before) << at;
    bytes[at] ^= 1;
  }
  bytes[256] ^= 1; // A near miss: not in a piece.
  EXPECT_EQ(print(spec), before);
  spec.shape = {1000, 100};
  EXPECT_NE(print(spec), before);
  bytes.resize(4096);
  spec.shape = {4096};
  before = print(spec);
  bytes[2000] ^= 1;
  EXPECT_NE(print(spec), before) << "small ones are looked at whole";
}

// Loading fails once and for all, and says why again.
TEST(ModelCheckTest, aFailureToLoadStays) {
  PackOptions options = checkedPack();
  options.damaged = true;
  Fake fake(options, false);
  std::string first = fake.model->loadWeights({}, {}).message();
  EXPECT_EQ(fake.model->loadWeights({}, {}).message(),
            "weights can be loaded once for a model, and that failed: " + first);
}

} // namespace
} // namespace mamba::test
