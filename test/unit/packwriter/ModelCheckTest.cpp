// The end-to-end check's tolerance is of all targets, whatever their order, and is
// kept under all that it depends on.
#include "compiler/import/Import.h"
#include "compiler/pack/Jobs.h"
#include "compiler/pack/ModelCheck.h"
#include "compiler/pack/ModelCheckJob.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/pack/Pack.h"
#include "test/unit/support/TempFolder.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>

using namespace mamba;

namespace {

class ModelCheckTest : public testing::Test {
protected:
  ModelCheckTest() {
    options.input = source;
    options.output = folder / "x.mpk";
    options.targets = {"cpu:x86-64-v3"};
    options.check = BuildOptions::Check::Off;
    Status status = buildPack(options);
    EXPECT_TRUE(status.ok()) << status.message();
    pack = *Pack::open(options.output);
    registerCompiler(registry);
    mlir::MLIRContext context(registry);
    std::string error;
    auto module = importCheckpoint(source, {}, context, error);
    EXPECT_TRUE(mlir::succeeded(module)) << error;
    llvm::raw_string_ostream(imported) << **module;
    options.check = BuildOptions::Check::On;
    options.weights = options.activations = "bf16";
    options.knownSchedules = false;
  }

  double tolerance(std::vector<std::string> targets) {
    options.targets = std::move(targets);
    Jobs jobs({});
    BuildCache cache(KernelCache(folder / "cache"), jobs);
    ModelCheckJob job(options, registry, cache, pack->manifest(), imported, source);
    Status status = job.run([](const std::string &) {});
    EXPECT_TRUE(status.ok()) << status.message();
    return job.check ? job.check->tolerance : 0;
  }
  ptrdiff_t kept() const {
    return std::distance(std::filesystem::directory_iterator(folder / "cache"), {});
  }

  TempFolder folder;
  BuildOptions options;
  mlir::DialectRegistry registry;
  std::string imported, source = MAMBA_TEST_DATA "/golden/mamba1";
  std::shared_ptr<const Pack> pack;
};

} // namespace

TEST_F(ModelCheckTest, TheOrderOfTargetsChangesNothing) {
  double both = tolerance({"cpu:x86-64-v3", "cuda:sm_80"});
  EXPECT_GT(both, 2e-4);
  EXPECT_EQ(kept(), 1);
  EXPECT_EQ(tolerance({"cuda:sm_80", "cpu:x86-64-v3"}), both);
  EXPECT_EQ(kept(), 1) << "another order is the same check";
  tolerance({"cuda:sm_80"});
  EXPECT_EQ(kept(), 2) << "schedules of another target are another key";
}

// Who rounds alike is evaluated once, and the worst counts.
TEST_F(ModelCheckTest, TheToleranceIsTheLargest) {
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(imported, &context);
  auto checkpoint = openCheckpoint(source);
  ASSERT_TRUE(module && checkpoint.ok());
  auto spec = describeModelCheck(pack->manifest(), *checkpoint);
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  auto toleranceOf = [&](const std::vector<std::string> &precisions, size_t kinds) {
    std::vector<PipelineOptions> targets;
    for (const std::string &precision : precisions)
      for (const char *target : {"cpu:x86-64-v4", "cpu:x86-64-v3"})
        targets.push_back({.target = target,
                           .activations = precision,
                           .knownSchedules = false,
                           .scheduleFile = ""});
    auto rounded = roundRows(*module, targets);
    EXPECT_TRUE(rounded.ok()) << rounded.status().message();
    EXPECT_EQ(rounded->kinds.size(), kinds);
    auto values = computeModelCheck(pack->manifest(), *spec, *module, targets[0], *rounded,
                                    *checkpoint);
    EXPECT_TRUE(values.ok()) << values.status().message();
    return values->tolerance;
  };
  double fine = toleranceOf({"f16"}, 1), coarse = toleranceOf({"bf16"}, 1);
  EXPECT_LT(toleranceOf({"f32"}, 0), fine);
  EXPECT_LT(fine, coarse);
  EXPECT_EQ(toleranceOf({"f16", "bf16"}, 2), coarse);
  EXPECT_EQ(toleranceOf({"bf16", "f16"}, 2), coarse);
}

TEST_F(ModelCheckTest, AnotherDatabaseIsAnotherKey) {
  double own = tolerance({"cpu:x86-64-v3"});
  EXPECT_EQ(kept(), 1);
  options.scheduleFile = folder.add("x.tune", "# no record\n");
  EXPECT_EQ(tolerance({"cpu:x86-64-v3"}), own);
  EXPECT_EQ(kept(), 1) << "it gives no schedule";
  options.scheduleFile = folder.add(
      "x.tune", "cpu:x86-64-v3 | linear cast+linear bf16,bf16->f32 prefill 128x36 | lanes=8 "
                "row_block=48 col_block=32 row_tile=3 col_tile=16 k_block=64 | measured 1us "
                "spread 1% default 9us rows 512 threads 2 | here | none 2026-11-22\n");
  EXPECT_EQ(tolerance({"cpu:x86-64-v3"}), own);
  EXPECT_EQ(kept(), 2);
}
