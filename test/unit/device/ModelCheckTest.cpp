// The end-to-end check on every device, and what a GPU remembers of it.
#include "test/unit/device/FakeDriver.h"
#include "test/unit/device/TestPack.h"

#include "runtime/device/ModelCheck.h"
#include "runtime/pack/Check.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// A pack whose entry `next` gives weight b whatever the token is, with a check
/// for the weights of TestWeights.
struct Checked {
  explicit Checked(const std::string &device) : pack(device), device(device) {
    EntrySpec entry = {"next",
                       {{"ids", DType::I32, RowKind::T, {}, 100}},
                       {{"logits", DType::F32, RowKind::S, {kTestWidth}}},
                       {}};
    pack.manifest.entries.push_back(entry);
    pack.manifest.checkpoint.erase(pack.manifest.checkpoint.begin());
    for (Dispatch &dispatch : pack.target().recipe)
      renumber(dispatch);
    for (Dispatch &dispatch : pack.target().programs[0].dispatches)
      renumber(dispatch);
    Program program;
    program.entry = 1;
    program.className = "prefill";
    RowCount one = {RowKind::Constant, 1};
    uint32_t copyBias = pack.target().programs[0].dispatches[0].kernel;
    program.dispatches = {
        {copyBias, one, {one, 1, 1}, {{ArgSpace::Weight, 1}, {ArgSpace::Out, 0}}}};
    pack.target().programs.push_back(program);

    CheckSpec check;
    check.entry = 1;
    check.below = 100;
    check.steps = {{3}, {1}, {1}};
    check.stride = 3;
    check.blob = "golden.0";
    check.tolerance = 1e-6;
    Fingerprint fingerprint;
    for (const WeightSpec &spec : pack.manifest.checkpoint)
      fingerprint.add(spec, *weights->find(spec));
    check.weights = fingerprint.finish();
    pack.manifest.check = check;
    for (int step = 0; step < 3; ++step)
      for (size_t column = 0; column < kTestWidth; column += 3)
        pack.golden.push_back(weights->b[column]);
  }
  /// The checkpoint has lost its first tensor, which nothing reads.
  static void renumber(Dispatch &dispatch) {
    for (ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight)
        --arg.number;
  }

  /// What loading and checkModel say.
  std::string outcome() {
    executable.reset();
    informed.clear();
    auto opened = pack.open();
    if (!opened.ok())
      return opened.status().message();
    DeviceOptions options;
    options.threads = 1;
    options.inform = [&](const std::string &text) { informed += text; };
    auto loaded = loadOnDevice(*opened, device, options);
    if (!loaded.ok())
      return loaded.status().message();
    executable = *std::move(loaded);
    Status status = executable->loadWeights(weights, nullptr);
    if (!status.ok())
      return "loading: " + status.message();
    auto check = executable->checkModel();
    if (!check.ok())
      return "checking: " + check.status().message();
    return (check->hasRun ? "ran: " : "") + check->text;
  }

  TestPack pack;
  std::string device;
  std::shared_ptr<TestWeights> weights = std::make_shared<TestWeights>();
  std::unique_ptr<Executable> executable;
  std::string informed;
};

class ModelChecks : public testing::TestWithParam<const char *> {
protected:
  FakeDriver fake; // Of no meaning for other devices.
};
INSTANTIATE_TEST_SUITE_P(Devices, ModelChecks,
                         testing::Values("cpu", "sim", "cuda"),
                         [](const auto &info) { return info.param; });

bool has(const std::string &text, const std::string &part) {
  return text.find(part) != text.npos;
}

} // namespace

TEST_P(ModelChecks, RightModelsPass) {
  Checked model(GetParam());
  std::string outcome = model.outcome();
  EXPECT_TRUE(has(outcome, "ran: end to end 3 steps are right: relative error "))
      << outcome;
}

TEST_P(ModelChecks, FailureNamesStepSequenceAndToken) {
  Checked model(GetParam());
  model.pack.golden[5] += 0.5f; // step 1
  std::string outcome = model.outcome();
  bool isGpu = model.device == "cuda";
  EXPECT_TRUE(has(outcome, std::string(isGpu ? "loading: " : "checking: ") +
                               "end-to-end check of target '" +
                               model.pack.target().name +
                               "': step 1, sequence 0: the logits after token 3 "
                               "have relative error "))
      << outcome;
  EXPECT_TRUE(has(outcome, ", allowed is 1e-06")) << outcome;
  // Weights that failed are not there.
  EXPECT_EQ(model.executable->createContext(1).ok(), !isGpu);
}

TEST_P(ModelChecks, NaNFails) {
  Checked model(GetParam());
  model.pack.golden[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(has(model.outcome(), "step 0, sequence 0: "));
}

TEST_P(ModelChecks, OtherWeightsAreNotChecked) {
  Checked model(GetParam());
  model.pack.manifest.check->weights[0] ^= 1;
  model.pack.golden[0] = 99;
  EXPECT_EQ(model.outcome(), "no end-to-end check: the pack's is for other weights");
  model.pack.manifest.check.reset();
  model.pack.golden.clear();
  EXPECT_EQ(model.outcome(), "no end-to-end check: the pack has none");
}

TEST_P(ModelChecks, NoWeightsNoCheck) {
  Checked model(GetParam());
  auto loaded = model.pack.load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  auto check = (*loaded)->checkModel();
  ASSERT_TRUE(check.ok()) << check.status().message();
  EXPECT_FALSE(check->hasRun);
  EXPECT_EQ(check->text, "no end-to-end check: the weights are not loaded");
}

// A GPU is checked when it gets weights; that it passed is remembered, that it
// failed is not.
TEST(ModelCheck, AGpuRemembers) {
  FakeDriver fake;
  Checked model("cuda");
  auto load = [&] {
    uint64_t before = fake.calls("cuGraphLaunch");
    std::string outcome = model.outcome();
    bool isRight = has(outcome, "ran: ");
    EXPECT_EQ(has(outcome, "loading: "), !isRight) << outcome;
    // checkModel after it, if the loading went well, takes two.
    return std::pair(isRight,
                     fake.calls("cuGraphLaunch") - before - 2 * isRight);
  };
  using Loaded = std::pair<bool, uint64_t>;
  EXPECT_EQ(load(), Loaded(true, 2)) << "decode steps are replayed";
  EXPECT_TRUE(has(model.informed, "end to end 3 steps are right"));
  EXPECT_EQ(load(), Loaded(true, 0)) << "it passed before";
  EXPECT_EQ(model.informed, "");
  {
    Environment off("MAMBA_CUDA_GRAPHS", "off");
    EXPECT_TRUE(has(model.outcome(), "ran: "));
    EXPECT_TRUE(has(model.informed, "are right")) << "other launches, other proof";
  }
  model.pack.golden[0] += 1;
  for (int again = 0; again < 2; ++again)
    EXPECT_FALSE(load().first);
  model.pack.golden[0] -= 1;
  EXPECT_EQ(load(), Loaded(true, 0));
  // Which weights these are is asked at every load.
  model.pack.manifest.check->weights[0] ^= 1;
  EXPECT_EQ(model.outcome(), model.informed);
  EXPECT_TRUE(has(model.informed, "other weights"));
  model.executable.reset();
}
