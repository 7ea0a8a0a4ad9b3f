// What is the simulated GPU's own among the devices: targets, PTX that does not
// fit its pack, variants, and defects that its checks find.
#include "test/unit/device/FakeDriver.h"
#include "test/unit/device/TestPack.h"

#include "runtime/device/Golden.h"
#include "runtime/device/sim/SimTargets.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// A pack for the simulator that is changed, loaded and run.
struct SimModel {
  SimModel() : pack("sim"), weights(std::make_shared<TestWeights>()) {}

  Program &program() { return pack.target().programs[0]; }
  Status load(unsigned threads = 2) {
    context.reset();
    MAMBA_ASSIGN_OR_RETURN(executable, pack.load(threads));
    MAMBA_RETURN_IF_ERROR(executable->loadWeights(weights, nullptr));
    MAMBA_ASSIGN_OR_RETURN(context, executable->createContext(4));
    return {};
  }
  /// What loading says, or a step.
  std::string failure(const TestBatch &batch = {{3, 2}, {0, 1}, {0, 0}}) {
    Status status = load();
    if (status.ok())
      status = run(batch);
    return status.ok() ? "no failure" : status.message();
  }
  Status run(const TestBatch &batch) {
    x = randomFloats(batch.tokens() * kTestWidth, 7);
    y.assign(batch.tokens() * kTestWidth, 0);
    last.assign(batch.sequences() * kTestWidth, 0);
    const void *in[] = {x.data()};
    void *out[] = {y.data(), last.data()};
    return context->run(0, batch, false, in, out);
  }

  TestPack pack;
  std::shared_ptr<TestWeights> weights;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
  std::vector<float> x, y, last;
};

void expectHas(const std::string &message, const std::string &part) {
  EXPECT_NE(message.find(part), message.npos) << message << "\nhas no " << part;
}

} // namespace

//===----------------------------------------------------------------------===//
// Targets and options
//===----------------------------------------------------------------------===//

TEST(SimTargets, NewestChip) {
  TestPack pack("sim");
  TargetSpec target = pack.target();
  pack.manifest.targets.clear();
  for (const char *arch : {"sm_90", "sm_75", "sm_120", "sm_90a"}) {
    target.arch = arch;
    target.name = std::string("cuda:") + arch;
    pack.manifest.targets.push_back(target);
  }
  auto choose = [&](const char *wanted) {
    auto opened = pack.open();
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    auto chosen = chooseSimTarget(**opened, wanted);
    return chosen.ok() ? (*chosen)->name : chosen.status().message();
  };
  EXPECT_EQ(choose(nullptr), "cuda:sm_120");
  EXPECT_EQ(choose("cuda:sm_75"), "cuda:sm_75");
  EXPECT_EQ(choose("cuda:sm_86"),
            "'test.mpk' has no cuda target 'cuda:sm_86' (MAMBA_SIM_TARGET), it "
            "has 'cuda:sm_90', 'cuda:sm_75', 'cuda:sm_120', 'cuda:sm_90a'");
  EXPECT_EQ(choose(""), "cuda:sm_120");
  pack.manifest.targets.erase(pack.manifest.targets.begin() + 2);
  EXPECT_EQ(choose(nullptr), "cuda:sm_90a");
}

TEST(SimTargets, NoneInThePack) {
  TestPack pack;
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok());
  auto executable = loadOnSim(*opened, {});
  EXPECT_EQ(executable.status().code(), StatusCode::Unavailable);
  EXPECT_EQ(executable.status().message(),
            "'test.mpk' has no PTX for device 'sim', it has 'cpu:test'; build "
            "one with 'mamba-pack build --target=cuda:sm_80'");
}

TEST(SimTargets, Checks) {
  EXPECT_TRUE(parseSimChecks(nullptr)->races);
  EXPECT_TRUE(parseSimChecks("all")->races);
  EXPECT_TRUE(parseSimChecks("")->races);
  EXPECT_FALSE(parseSimChecks("memory")->races);
  EXPECT_TRUE(parseSimChecks("memory")->unwritten);
  EXPECT_FALSE(parseSimChecks("off")->unwritten);
  EXPECT_EQ(parseSimChecks("OFF").status().message(),
            "MAMBA_SIM_CHECKS must be all, memory or off, got 'OFF'");
  Environment checks("MAMBA_SIM_CHECKS", "none");
  EXPECT_EQ(SimModel().failure(),
            "MAMBA_SIM_CHECKS must be all, memory or off, got 'none'");
}

TEST(Devices, ByName) {
  TestPack pack("sim");
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok());
  Environment driver("MAMBA_CUDA_DRIVER", "/nonexistent/libcuda.so.1");
  auto load = [&](const char *device) {
    auto executable = loadOnDevice(*opened, device, {1});
    return executable.ok() ? std::string((*executable)->device())
                           : executable.status().message();
  };
  EXPECT_EQ(load("sim"), "sim");
  expectHas(load("cpu"), "'cuda:sm_80' is for device 'cuda'");
  expectHas(load("auto"), "'cuda:sm_80' is for device 'cuda'");
  EXPECT_EQ(load("tpu"), "unknown device 'tpu'; use 'cpu', 'cuda', 'cuda:N', "
                         "'sim' or 'auto'");
  for (const char *device : {"cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda1"})
    expectHas(load(device), "unknown device '");
}

//===----------------------------------------------------------------------===//
// PTX that does not fit its pack
//===----------------------------------------------------------------------===//

TEST(SimLoad, Kernels) {
  constexpr const char *kWhere = "'test.mpk': target 'cuda:sm_80': ";
  SimModel model;
  model.pack.kernel("scan").symbol = "scam";
  EXPECT_EQ(model.failure(),
            std::string(kWhere) + "its PTX has no kernel 'scam'");

  SimModel argument;
  for (Dispatch &dispatch : argument.program().dispatches)
    if (dispatch.args.size() == 2)
      dispatch.args.push_back({ArgSpace::C, 0});
  argument.pack.target().recipe[0].args.push_back({ArgSpace::Packed, 0});
  EXPECT_EQ(argument.failure(),
            std::string(kWhere) +
                "kernel 'doubleWeight': its PTX has 6 parameters of 48 bytes, "
                "the pack gives 7 of 8 bytes each");

  SimModel size;
  size.pack.editPtx(".param .u64 last, .param .u64 out)",
                    ".param .u64 last, .param .u32 out)");
  size.pack.editPtx("ld.param.u64 %rd8, [out];", "ld.param.u32 %rd8, [out];");
  EXPECT_EQ(size.failure(),
            std::string(kWhere) +
                "kernel 'copyLast': its PTX has 6 parameters of 44 bytes, the "
                "pack gives 6 of 8 bytes each");
  SimModel inside;
  inside.pack.editPtx(
      "slot,\n\t.param .u64 last, .param .u64 out)",
      "slot,\n\t.param .u32 last, .param .u64 out)");
  inside.pack.editPtx("ld.param.u64 %rd7, [last];", "ld.param.u32 %rd7, [last];");
  expectHas(inside.failure(), "kernel 'copyLast': parameter 4 of its PTX has "
                              "4 bytes, the pack gives 8");

  SimModel chip;
  chip.pack.editPtx(".target sm_80", ".target sm_75");
  EXPECT_EQ(chip.failure(), std::string(kWhere) +
                                "its PTX is for 'sm_75', the pack says 'sm_80'");

  SimModel shared;
  shared.pack.kernel("scaleRows").launch->shared = 63;
  EXPECT_EQ(shared.failure(), std::string(kWhere) +
                                 "kernel 'scaleRows': its PTX has 64 bytes of "
                                 "shared memory, the pack says 63");

  SimModel threads;
  threads.pack.editPtx(".param .u64 last, .param .u64 out)",
                     ".param .u64 last, .param .u64 out)\n.maxntid 32, 1, 1");
  threads.pack.kernel("copyLast").launch->threads = 64;
  EXPECT_EQ(threads.failure(), std::string(kWhere) +
                                 "kernel 'copyLast': its PTX is for blocks of "
                                 "at most 32 threads, the pack has 64");
}

TEST(SimLoad, TextThatIsNoPtx) {
  SimModel model;
  model.pack.object = {'n', 'o', 'n', 'e'};
  expectHas(model.failure(), "'test.mpk': target 'cuda:sm_80': ");
  expectHas(model.failure(), "code.0");

  SimModel unknown;
  unknown.pack.editPtx("neg.f32 %f2, %f0;", "nag.f32 %f2, %f0;");
  expectHas(unknown.failure(), "nag");

  SimModel flipped;
  flipped.pack.flipCode = true;
  expectHas(flipped.failure(), "the bytes of 'code.0' have SHA-256 ");
}

TEST(SimLoad, Threads) {
  TestPack pack("sim");
  EXPECT_EQ(pack.load(5000).status().message(),
            "there can be at most 1024 threads, asked for 5000");
  EXPECT_TRUE(pack.load(0).ok()) << "0 is one for each processor";
}

TEST(SimLoad, Weights) {
  TestPack pack("sim");
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  EXPECT_EQ((*executable)->createContext(1).status().message(),
            "the weights are not loaded yet, call loadWeights before "
            "createContext");
  auto weights = std::make_shared<TestWeights>();
  weights->isShort = true;
  EXPECT_EQ((*executable)->loadWeights(weights, nullptr).message(),
            "weight 'w' must have 32 bytes, got 31");
  weights->isShort = false;
  EXPECT_TRUE((*executable)->loadWeights(weights, nullptr).ok())
      << "after a failure it may be tried again";
  EXPECT_EQ((*executable)->loadWeights(weights, nullptr).message(),
            "the weights are loaded already");
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

// Of a step that fails the outputs are untouched, and the next one works.
TEST(SimContext, DefectsNameKernelAndPlace) {
  SimModel model;
  model.program().dispatches.erase(model.program().dispatches.begin());
  std::string failure = model.failure();
  expectHas(failure, "entry 'run': program 'prefill', dispatch 0: ");
  expectHas(failure, "'scaleRows'");
  expectHas(failure, "'arena C'");
  EXPECT_EQ(model.y, std::vector<float>(model.y.size(), 0));
  {
    Environment checks("MAMBA_SIM_CHECKS", "off");
    ASSERT_TRUE(model.load().ok());
    EXPECT_TRUE(model.run({{2}, {0}, {0}}).ok()) << "nobody looks";
  }

  // A state of one slot less than the kernel thinks.
  SimModel state;
  state.pack.manifest.entries[0].states[0].shape = {kTestWidth / 2};
  failure = state.failure({{1, 1, 1, 1}, {0, 1, 2, 3}, {0, 0, 0, 0}});
  expectHas(failure, "'scan'");
  expectHas(failure, "'state 'h''");

  // Packed weights are read-only after the recipe.
  SimModel packed;
  packed.program().dispatches[0].args[1] = {ArgSpace::Packed, 0};
  failure = packed.failure();
  expectHas(failure, "'copyBias'");
  expectHas(failure, "packed weights");

  // The recipe's too, and weights are never written.
  SimModel weight;
  weight.pack.target().recipe[0].args[1] = {ArgSpace::Weight, 2};
  failure = weight.failure();
  expectHas(failure, "recipe dispatch 0: ");
  expectHas(failure, "'doubleWeight'");
  expectHas(failure, "'weight 'b''");

  // An arena is empty at the start of every step.
  SimModel fresh;
  ASSERT_TRUE(fresh.load().ok());
  ASSERT_TRUE(fresh.run({{2, 0, 3}, {0, 1, 2}, {0, 0, 0}}).ok());
  ASSERT_TRUE(fresh.run({{2, 0, 3}, {0, 1, 2}, {2, 0, 3}}).ok());
}

TEST(SimContext, OutputsMustBeWritten) {
  SimModel noStore;
  noStore.pack.editPtx("\t@%p1 ld.global.f32 %f0, [%rd7];\n"
                       "\tst.global.f32 [%rd8], %f0;\n",
                       "");
  EXPECT_EQ(noStore.failure(),
            "entry 'run': output 'last': nothing wrote element 0 of 16");
  EXPECT_EQ(noStore.last, std::vector<float>(16, 0));
  EXPECT_EQ(noStore.y, std::vector<float>(noStore.y.size(), 0));

  // A grid that is too small, and half of an element.
  SimModel grid;
  grid.program().dispatches[3].grid = {{}, 1, 1};
  EXPECT_EQ(grid.failure(),
            "entry 'run': output 'last': nothing wrote element 8 of 16");
  SimModel half;
  half.pack.editPtx("\tst.global.f32 [%rd8], %f0;\n",
                    "\t{ .reg .b16 %h<2>; .reg .b32 %w; mov.b32 %w, %f0;"
                    " mov.b32 {%h0, %h1}, %w; st.global.b16 [%rd8], %h0; }\n");
  EXPECT_EQ(half.failure(),
            "entry 'run': output 'last': nothing wrote element 0 of 16");

  // What nobody asked for is not looked at, nor is anything without checks.
  SimModel &model = noStore;
  ASSERT_TRUE(model.load().ok());
  TestBatch batch({3, 2}, {0, 1}, {0, 0});
  const void *in[] = {model.x.data()};
  void *out[] = {model.y.data(), nullptr};
  Status status = model.context->run(0, batch, false, in, out);
  EXPECT_TRUE(status.ok()) << status.message();
  Environment checks("MAMBA_SIM_CHECKS", "off");
  EXPECT_EQ(model.failure(), "no failure");
}

TEST(SimContext, RacesAreFound) {
  SimModel model;
  model.pack.editPtx("\tbar.sync 0;\n", "");
  std::string failure = model.failure({{20}, {0}, {0}});
  expectHas(failure, "'scaleRows'");
  Environment checks("MAMBA_SIM_CHECKS", "memory");
  (void)model.failure({{20}, {0}, {0}});
}

TEST(SimContext, ProfileNamesWhatRan) {
  SimModel plain;
  ASSERT_TRUE(plain.load().ok());
  EXPECT_EQ(plain.executable->profile("", ProfileForm::Text).status().message(),
            "nothing was counted, a profile must be asked for when the model "
            "is made");

  SimModel model;
  auto opened = model.pack.open();
  ASSERT_TRUE(opened.ok());
  DeviceOptions options;
  options.counts = true;
  auto loaded = loadOnSim(*opened, options);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  model.executable = *std::move(loaded);
  ASSERT_TRUE(model.executable->loadWeights(model.weights, nullptr).ok());
  model.context = *model.executable->createContext(4);
  ASSERT_TRUE(model.run({{3, 2}, {0, 1}, {0, 0}}).ok());
  auto profile = model.executable->profile("", ProfileForm::Text);
  ASSERT_TRUE(profile.ok()) << profile.status().message();
  for (const char *part : {"sm_80", "doubleWeight", "scaleRows", "copyLast"})
    expectHas(*profile, part);
  expectHas(*model.executable->profile("sm_90a", ProfileForm::Text), "sm_90a");
  expectHas(model.executable->profile("sm_12", ProfileForm::Text).status().message(),
            "unknown chip 'sm_12'");
}

//===----------------------------------------------------------------------===//
// Self-tests
//===----------------------------------------------------------------------===//

TEST(SimSelfTest, WritesOutsideOfArguments) {
  TestPack pack("sim");
  uint32_t index = pack.addKernel("overrun");
  GoldenCase golden;
  golden.rows = 4;
  golden.args = {{DType::F32, 4, GoldenArg::Fill::Poison, 0, 0, 1}};
  golden.outputs = {{0, 4, 1, "golden.0", 0}};
  golden.tolerance = 1e-6;
  pack.golden = {1, 1, 1, 1};
  pack.target().kernels[index].golden = {golden};
  auto executable = pack.load();
  ASSERT_TRUE(executable.ok()) << executable.status().message();
  std::string message = (*executable)->selfTest(nullptr).message();
  expectHas(message, "self-test of kernel 'overrun' of target 'cuda:sm_80', "
                     "case 0: ");
  expectHas(message, "'argument 0'");
}

static GoldenArg uniform(uint64_t count) {
  return {DType::F32, count, GoldenArg::Fill::Uniform, -1, 1, 1};
}
static GoldenArg poison(uint64_t count) {
  return {DType::F32, count, GoldenArg::Fill::Poison, 0, 0, 1};
}
static std::vector<float> filled(const GoldenCase &golden, uint64_t index) {
  std::vector<float> values(golden.args[index].count);
  fillGoldenArg(golden.args[index], index, values.data());
  return values;
}

/// Notes that `values` are expected of an argument.
static void expectValues(TestPack &pack, GoldenCase &golden, uint32_t arg,
                         const std::vector<float> &values) {
  golden.outputs.push_back(
      {arg, values.size(), 1, "golden.0", pack.golden.size()});
  pack.golden.insert(pack.golden.end(), values.begin(), values.end());
}

static void addScaleRowsGolden(TestPack &pack) {
  constexpr uint64_t kTokens = 21;
  GoldenCase golden;
  golden.rows = kTokens;
  golden.lengths = {kTokens};
  golden.slots = {0};
  golden.positions = {0};
  golden.tolerance = 1e-6;
  golden.grid = pack.target().programs[0].dispatches[1].grid;
  golden.args = {uniform(kTokens * kTestWidth), uniform(kTestWidth),
                 uniform(kTestWidth), poison(kTokens * kTestWidth)};
  std::vector<float> x = filled(golden, 0), packed = filled(golden, 1),
                     bias = filled(golden, 2);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = x[i] * packed[i % kTestWidth] + bias[i % kTestWidth];
  expectValues(pack, golden, 3, x);
  pack.kernel("scaleRows").golden = {golden};
}

/// Without an empty sequence the last rows are compared too: all are written.
static void addScanGolden(TestPack &pack, std::vector<int64_t> lengths) {
  GoldenCase golden;
  golden.lengths = std::move(lengths);
  uint64_t tokens = 0, sequences = golden.lengths.size();
  for (uint64_t s = 0; s < sequences; ++s) {
    tokens += golden.lengths[s];
    golden.slots.push_back(int32_t(sequences - s));
    golden.positions.push_back(0);
  }
  golden.rows = tokens;
  golden.tolerance = 1e-6;
  golden.grid = pack.target().programs[0].dispatches[2].grid;
  golden.args = {uniform(tokens * kTestWidth),
                 uniform((sequences + 1) * kTestWidth),
                 poison(tokens * kTestWidth), poison(sequences * kTestWidth)};
  std::vector<float> y = filled(golden, 0), pool = filled(golden, 1), last;
  bool isFull = true;
  for (size_t s = 0, t = 0; s < sequences; ++s) {
    float *h = &pool[golden.slots[s] * kTestWidth];
    isFull &= golden.lengths[s] != 0;
    for (int64_t end = t + golden.lengths[s]; int64_t(t) < end; ++t)
      for (size_t i = 0; i < kTestWidth; ++i)
        y[t * kTestWidth + i] = h[i] = y[t * kTestWidth + i] + 0.5f * h[i];
    last.insert(last.end(), h, h + kTestWidth);
  }
  expectValues(pack, golden, 2, y);
  expectValues(pack, golden, 1, pool);
  if (isFull)
    expectValues(pack, golden, 3, last);
  pack.kernel("scan").golden.push_back(golden);
}

static std::string selfTest(TestPack &pack) {
  auto executable = pack.load(1);
  if (!executable.ok())
    return executable.status().message();
  return (*executable)->selfTest(nullptr).message();
}

/// Whether the kernel is the same without it: the end, comments, what adds the
/// offset of the only variable in shared memory, which is 0, and where a
/// sequence starts, because that is what the block before left in %rd3.
static bool isIdle(const std::string &line) {
  return line == "\n\tret;" || line.find("//") != line.npos ||
         line.find("factors") != line.npos ||
         line.find(", %r1, %r") != line.npos ||
         line.find("%rd3, [%rd2]") != line.npos;
}

// The PTX is what runs: no instruction can go, and none can be another.
TEST(SimSelfTest, EveryInstructionMatters) {
  TestPack pack("sim");
  addScaleRowsGolden(pack);
  addScanGolden(pack, {9, 1, 11});
  addScanGolden(pack, {2, 0, 3});
  ASSERT_EQ(selfTest(pack), "");
  std::string text(pack.object.begin(), pack.object.end());
  size_t changed = 0;
  for (const char *kernel : {".visible .entry scaleRows(", ".visible .entry scan("}) {
    size_t at = text.find(kernel), end = text.find("\n}\n", at);
    ASSERT_NE(at, text.npos);
    for (at = text.find("\n\t", text.find(";\n\tmov", at)); at < end;
         at = text.find("\n\t", at + 1)) {
      size_t length = text.find('\n', at + 1) - at;
      std::string line = text.substr(at, length);
      if (isIdle(line))
        continue;
      std::string without = text;
      without.erase(at, length);
      pack.object.assign(without.begin(), without.end());
      EXPECT_NE(selfTest(pack), "") << "without" << line;
      for (auto [from, to] : {std::pair("add.", "sub."), {"sub.", "add."},
                              {"shl.", "shr."}, {".f32 %f0, %f0", ".f32 %f0, %f1"},
                              {"setp.ge", "setp.gt"}, {"setp.lt", "setp.le"},
                              {"0f3F000000", "0f3F000100"}, {", 7;", ", 3;"}}) {
        size_t place = line.find(from);
        if (place == line.npos)
          continue;
        std::string other = text;
        other.replace(at + place, std::string(from).size(), to);
        pack.object.assign(other.begin(), other.end());
        EXPECT_NE(selfTest(pack), "") << line << " with " << to;
      }
      ++changed;
    }
  }
  EXPECT_GT(changed, 60u);
}
