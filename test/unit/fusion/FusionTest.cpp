// The passes change how ops are grouped, never what a function computes: on
// random modules the float64 reference gives the same bits before and after.
#include "passes/fusion/KernelBuild.h"
#include "passes/fusion/Passes.h"
#include "test/unit/fusion/GenerateSome.h"
#include "test/unit/fusion/RandomModule.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace mamba {
namespace {

using reference::Tensor;
using reference::Value;

constexpr uint32_t modules = 300;

class OnRandomModules : public testing::Test {
protected:
  OnRandomModules() {
    context.loadDialect<mlir::func::FuncDialect, ssm::SSMDialect>();
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const RandomModule &random) {
    return mlir::parseSourceString<mlir::ModuleOp>(random.text, &context);
  }

  static void addFusions(mlir::OpPassManager &pm) {
    pm.addPass(createVerifyStatesPass());
    pm.addPass(createFormKernelsPass());
    pm.addPass(createFuseNormLinearPass());
    pm.addPass(createFuseConvSiluPass());
    pm.addPass(createFuseScanPass());
    pm.addPass(createFuseLinearAddPass());
    pm.addPass(createVerifyStatesPass());
  }

  static std::vector<Tensor> run(mlir::func::FuncOp func,
                                 const RandomModule &random) {
    auto values =
        reference::evaluate(func.getBody(), random.inputs,
                            [&](llvm::StringRef name) -> std::optional<Tensor> {
                              return random.weights.at(name.str());
                            });
    std::vector<Tensor> tensors;
    EXPECT_TRUE(llvm::succeeded(values)) << random.text;
    if (llvm::succeeded(values))
      for (Value &value : *values)
        tensors.push_back(std::get<Tensor>(value));
    return tensors;
  }

  static int64_t countOps(mlir::ModuleOp module,
                          llvm::function_ref<bool(mlir::Operation *)> which) {
    int64_t count = 0;
    module->walk([&](mlir::Operation *op) { count += which(op); });
    return count;
  }

  mlir::MLIRContext context;
};

/// With the percentage of kernels that the target accepts.
class Fusion : public OnRandomModules,
               public testing::WithParamInterface<int> {};

mlir::func::FuncOp theFunction(mlir::ModuleOp module) {
  return *module.getOps<mlir::func::FuncOp>().begin();
}

// Whatever a target accepts: nothing, about half of what is asked, everything.
TEST_P(Fusion, KeepsEveryBit) {
  int64_t before = 0, after = 0;
  for (uint32_t seed = 0; seed < modules; ++seed) {
    generateSome(GetParam(), seed);
    RandomModule random(seed, {2, 0, 3});
    auto module = parse(random);
    ASSERT_TRUE(module) << random.text;
    std::vector<Tensor> expected = run(theFunction(*module), random);
    int64_t states = countOps(*module, isStateOp);

    mlir::PassManager pm(&context);
    addFusions(pm.nest<mlir::func::FuncOp>());
    before += countOps(*module, [](mlir::Operation *op) {
      return llvm::isa<ssm::RMSNormOp, ssm::LinearOp, ssm::SiluOp,
                       ssm::SoftplusOp, ssm::AddOp, ssm::GateOp>(op) ||
             isStateOp(op);
    });
    ASSERT_TRUE(llvm::succeeded(pm.run(*module))) << random.text;
    after += countOps(*module, llvm::IsaPred<ssm::KernelOp>);

    EXPECT_EQ(run(theFunction(*module), random), expected) << random.text;
    EXPECT_EQ(countOps(*module, isStateOp), states)
        << "a state op was cloned or lost\n"
        << random.text;
  }
  if (GetParam() == 0)
    EXPECT_GE(after, before);
  else
    EXPECT_LT(after, before);
}

INSTANTIATE_TEST_SUITE_P(Percent, Fusion, testing::Values(0, 50, 100));

// Folding weights rounds differently, in the last places only.
TEST_F(OnRandomModules, FoldingIsExactUpToRounding) {
  for (uint32_t seed = 0; seed < modules; ++seed) {
    RandomModule random(seed, {2, 0, 3});
    auto module = parse(random);
    ASSERT_TRUE(module) << random.text;
    std::vector<Tensor> expected = run(theFunction(*module), random);
    mlir::PassManager pm(&context);
    pm.addNestedPass<mlir::func::FuncOp>(createFoldNormWeightPass());
    pm.addNestedPass<mlir::func::FuncOp>(createDecayToExp2Pass());
    ASSERT_TRUE(llvm::succeeded(pm.run(*module))) << random.text;
    std::vector<Tensor> got = run(theFunction(*module), random);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].shape, expected[i].shape);
      double error = 0, scale = 1;
      for (size_t j = 0; j < got[i].values.size(); ++j) {
        error =
            std::max(error, std::abs(got[i].values[j] - expected[i].values[j]));
        scale = std::max(scale, std::abs(expected[i].values[j]));
      }
      EXPECT_LE(error, 1e-11 * scale) << random.text;
    }
  }
}

// Every class computes what the entry computes, on a batch that is in all of
// them.
TEST_F(OnRandomModules, ClassesAgree) {
  for (uint32_t seed = 0; seed < modules / 10; ++seed) {
    RandomModule random(seed, {1, 1, 1});
    auto module = parse(random);
    ASSERT_TRUE(module) << random.text;
    std::vector<Tensor> expected = run(theFunction(*module), random);
    mlir::PassManager pm(&context);
    CloneClassesPassOptions options;
    options.batchInvariant = true;
    pm.addPass(createCloneClassesPass(options));
    ASSERT_TRUE(llvm::succeeded(pm.run(*module))) << random.text;
    int64_t clones = 0;
    for (auto func : module->getOps<mlir::func::FuncOp>()) {
      EXPECT_EQ(run(func, random), expected) << func.getName().str() << "\n"
                                             << random.text;
      ++clones;
    }
    EXPECT_EQ(clones, 4);
  }
}

} // namespace
} // namespace mamba
