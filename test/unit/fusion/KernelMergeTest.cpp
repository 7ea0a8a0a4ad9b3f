// What the fusions ask of KernelMerge but never show by themselves.
#include "passes/fusion/KernelMerge.h"
#include "passes/fusion/KernelBuild.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

namespace mamba {
namespace {

class KernelMerge : public testing::Test {
protected:
  KernelMerge() {
    context.loadDialect<mlir::func::FuncDialect, ssm::SSMDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(R"(
      func.func @f(%x: tensor<?x8xf32>, %w: tensor<8x3xf32>, %s: tensor<?x2x8xf32>, %batch: !ssm.batch)
          -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x2x8xf32>) {
        %y, %s1 = ssm.kernel (%a = %x, %b = %w, %c = %s, %d = %batch)
          : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x2x8xf32>) {
          %p, %q = ssm.conv1d %a, %b state %c of %d
            : (tensor<?x8xf32>, tensor<8x3xf32>, tensor<?x2x8xf32>, !ssm.batch) -> (tensor<?x8xf32>, tensor<?x2x8xf32>)
          ssm.yield %p, %q : tensor<?x8xf32>, tensor<?x2x8xf32>
        }
        %t = ssm.kernel (%a = %y) : (tensor<?x8xf32>) -> tensor<?x8xf32> {
          %p = ssm.silu %a : tensor<?x8xf32>
          ssm.yield %p : tensor<?x8xf32>
        }
        %u = ssm.kernel (%a = %y, %b = %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
          %p = ssm.silu %a : tensor<?x8xf32>
          %q = ssm.gate %p, %b : tensor<?x8xf32>
          ssm.yield %q : tensor<?x8xf32>
        }
        return %t, %u, %s1 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x2x8xf32>
      }
    )",
                                                     &context);
    auto kernels = kernelsOf(*module->getOps<mlir::func::FuncOp>().begin());
    conv = kernels[0];
    silu = kernels[1];
    gate = kernels[2];
  }

  std::string text() {
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    return text;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ssm::KernelOp conv, silu, gate;
  std::string reason;
};

TEST_F(KernelMerge, NeverClonesAStateOp) {
  std::string before = text();
  EXPECT_FALSE(TrialMerge::build(conv, silu, Producers::Clone, reason));
  EXPECT_EQ(reason, "an op that advances a state is never computed twice");
  EXPECT_EQ(text(), before);
}

// The pool as it was: the clone reads it, the op itself moves behind.
TEST_F(KernelMerge, ClonesAStateOpThatOnlyReads) {
  auto read = TrialMerge::build(conv, silu, Producers::CloneReading, reason);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->kernel().getNumResults(), 1u);
  auto moved =
      TrialMerge::build(conv, gate, Producers::Move, reason, {silu});
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->kernel().getNumResults(), 2u); // the gate's, the pool
  mlir::Value pool = conv.getInputs()[2];
  ssm::KernelOp reader = read->commit(), advancer = moved->commit();
  EXPECT_TRUE(llvm::succeeded(mlir::verify(*module)));
  EXPECT_TRUE(reader->isBeforeInBlock(advancer));
  EXPECT_TRUE(llvm::is_contained(reader.getInputs(), pool));
  EXPECT_EQ(advancer.getInputs()[*advancer.getTiedInput(1)], pool);
  EXPECT_EQ(kernelsOf(*module->getOps<mlir::func::FuncOp>().begin()).size(),
            2u);
}

TEST_F(KernelMerge, TrialLeavesNoTrace) {
  std::string before = text();
  {
    auto trial = TrialMerge::build(conv, silu, Producers::Move, reason);
    ASSERT_TRUE(trial);
    EXPECT_EQ(trial->kernel().getNumResults(),
              3u); // silu(y), y for the gate, the pool
  }
  EXPECT_EQ(text(), before);
}

TEST_F(KernelMerge, MoveKeepsWhatOthersRead) {
  auto trial = TrialMerge::build(conv, silu, Producers::Move, reason);
  ASSERT_TRUE(trial);
  ssm::KernelOp merged = trial->commit();
  EXPECT_TRUE(llvm::succeeded(mlir::verify(*module)));
  EXPECT_EQ(merged.getTiedInput(0), std::nullopt);
  EXPECT_EQ(merged.getTiedInput(1), std::nullopt);
  EXPECT_EQ(merged.getTiedInput(2), 2u);
  EXPECT_EQ(gate.getInputs()[0], merged.getOutputs()[1]);
}

TEST_F(KernelMerge, CloneLeavesTheProducer) {
  auto trial = TrialMerge::build(silu, gate, Producers::Clone, reason);
  ASSERT_TRUE(trial);
  ssm::KernelOp merged = trial->commit();
  EXPECT_TRUE(llvm::succeeded(mlir::verify(*module)));
  // Both kernels had silu of the same value.
  EXPECT_EQ(llvm::range_size(merged.getBlock().without_terminator()), 2u);
  EXPECT_FALSE(silu.use_empty());
}

TEST_F(KernelMerge, EqualOpsAreOne) {
  auto trial = TrialMerge::build({silu}, gate, Producers::Move, reason);
  ASSERT_TRUE(trial);
  ssm::KernelOp merged = trial->commit();
  EXPECT_TRUE(llvm::succeeded(mlir::verify(*module)));
  EXPECT_EQ(llvm::range_size(merged.getBlock().without_terminator()), 2u);
  EXPECT_EQ(merged.getNumResults(), 2u);
  EXPECT_EQ(merged.getInputs().size(), 2u);
}

} // namespace
} // namespace mamba
