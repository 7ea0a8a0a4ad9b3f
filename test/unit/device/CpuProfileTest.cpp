// What a profile of the CPU counts; its times are a clock's.
#include "test/unit/device/TestPack.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace mamba;

namespace {

/// An executable that counts, and a context.
struct Profiled {
  explicit Profiled(unsigned threads, bool counts = true) {
    // The self-test says how wide rows between kernels are: scan's have 8 floats.
    GoldenCase golden;
    golden.rows = 3;
    golden.lengths = {2, 0, 1};
    golden.slots = {0, 1, 2};
    golden.positions = {0, 0, 0};
    golden.args.assign(4, {DType::F32, 3 * kTestWidth, GoldenArg::Fill::Uniform});
    golden.outputs = {{2, 1, 1, "golden.0", 0}};
    pack.golden = {0};
    pack.kernel("scan").golden = {golden};
    auto opened = pack.open();
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    auto loaded = loadOnCpu(*opened, {threads, counts});
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    executable = *std::move(loaded);
    EXPECT_TRUE(
        executable->loadWeights(std::make_shared<TestWeights>(), nullptr).ok());
    context = *executable->createContext(4);
  }
  void run(const TestBatch &batch) {
    std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, 1), y(x),
                       last(batch.sequences() * kTestWidth);
    const void *in[] = {x.data()};
    void *out[] = {y.data(), last.data()};
    ASSERT_TRUE(context->run(0, batch, false, in, out).ok());
  }
  nlohmann::json json() const {
    return nlohmann::json::parse(*executable->profile("", ProfileForm::Json));
  }
  std::string message(const std::string &chip) const {
    return executable->profile(chip, ProfileForm::Text).status().message();
  }

  TestPack pack;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
};

nlohmann::json kernelOf(const nlohmann::json &program, const std::string &name) {
  for (const nlohmann::json &kernel : program["kernels"])
    if (kernel["name"] == name)
      return kernel;
  ADD_FAILURE() << "no kernel " << name << " in " << program;
  return {};
}

} // namespace

TEST(CpuProfile, CountsStepsKernelsAndBytes) {
  for (unsigned threads : {1u, 2u}) {
    Profiled model(threads);
    EXPECT_TRUE(model.json()["programs"].empty());
    model.run({{3, 2}, {0, 1}, {0, 0}});
    model.run({{4, 0}, {0, 1}, {3, 2}});
    nlohmann::json profile = model.json();
    EXPECT_EQ(profile["threads"], threads);
    ASSERT_EQ(profile["programs"].size(), 1u);
    const nlohmann::json &program = profile["programs"][0];
    EXPECT_EQ(program["entry"], "run");
    EXPECT_EQ(program["class"], "prefill");
    EXPECT_EQ(program["steps"], 2);
    EXPECT_EQ(program["tokens"], 9);
    ASSERT_EQ(program["kernels"].size(), 4u) << "not the recipe's";
    double seconds = 0;
    uint64_t bytes = 0;
    for (const nlohmann::json &kernel : program["kernels"]) {
      EXPECT_EQ(kernel["dispatches"], 2) << kernel;
      EXPECT_GE(kernel["waited"], 0) << kernel;
      EXPECT_LE(kernel["waited"], 1) << kernel;
      seconds += kernel["seconds"].get<double>();
      bytes += kernel["bytes"].get<uint64_t>();
    }
    EXPECT_NEAR(program["seconds"], seconds, 1e-9 + seconds * 1e-6);
    EXPECT_EQ(program["bytes"], bytes);
    constexpr uint64_t kRow = 4 * kTestWidth;
    EXPECT_EQ(kernelOf(program, "copyBias")["bytes"], 2 * kRow) << "a weight";
    // x and 32 bytes of prepared weights each step.
    EXPECT_EQ(kernelOf(program, "scaleRows")["bytes"], 9 * kRow + 2 * kRow);
    // Rows between kernels, y, the last rows, and states in and out.
    EXPECT_EQ(kernelOf(program, "scan")["bytes"], (9 + 9 + 4 + 2 * 4) * kRow);

    std::string table = *model.executable->profile("", ProfileForm::Text);
    for (const char *part : {"entry run, class prefill: 2 steps of 4.5 tokens", "scaleRows",
                             "copyLast", "waited", "a step"})
      EXPECT_NE(table.find(part), table.npos) << part << " in " << table;
    model.executable->clearProfile();
    EXPECT_TRUE(model.json()["programs"].empty());
  }
}

TEST(CpuProfile, Refuses) {
  EXPECT_EQ(Profiled(2, false).message(""),
            "nothing was counted, a profile must be asked for when the model is made");
  EXPECT_EQ(Profiled(2).message("sm_80"),
            "chip 'sm_80' is for device 'sim', the cpu's profile is measured");
}
