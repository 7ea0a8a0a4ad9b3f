// What the analytic model of a CPU says of schedules that differ in one thing.
#include "compiler/pipeline/Pipeline.h"
#include "compiler/tune/PredictCosts.h"
#include "compiler/tune/PredictCpu.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mamba;

namespace {

class Predict : public testing::Test {
protected:
  Predict() {
    DialectRegistry registry;
    registerCompiler(registry);
    context.appendDialectRegistry(registry);
    std::string error;
    target = *parseTarget("cpu:x86-64-v4", error);
    target.l1Bytes = 48 << 10;
    target.l2Bytes = 2 << 20;
  }

  ssm::KernelOp kernelOf(const std::string &text) {
    module = parseSourceString<ModuleOp>(text, &context);
    ssm::KernelOp found;
    if (module)
      module->walk([&](ssm::KernelOp op) { found = op; });
    return found;
  }

  /// x W^T of rows and a matrix of this type.
  ssm::KernelOp projection(const std::string &type, int64_t K, int64_t O) {
    std::string k = std::to_string(K), o = std::to_string(O);
    std::string rows = "tensor<?x" + k + "x" + type + ">", wide = "tensor<?x" + k + "xf32>",
                matrix = "tensor<" + o + "x" + k + "x" + type + ">",
                outputs = "tensor<?x" + o + "xf32>";
    std::string widen = type == "f32" ? "" : "%c = ssm.cast %a : " + rows + " to " + wide + "\n";
    return kernelOf("func.func @f(%x: " + rows + ", %w: " + matrix + ") -> " + outputs +
                    " {\n%y = ssm.kernel (%a = %x, %b = %w) : (" + rows + ", " + matrix + ") -> " +
                    outputs + " {\n" + widen + "%l = ssm.linear " +
                    (type == "f32" ? "%a" : "%c") + ", %b : " + wide + ", " + matrix + " -> " +
                    outputs + "\nssm.yield %l : " + outputs + "\n}\nreturn %y : " + outputs +
                    "\n}\n");
  }

  double us(ssm::KernelOp kernel, const Schedule &schedule, int64_t rows = 512,
            unsigned threads = 2) {
    return predictUs(kernel, target, schedule, {rows, threads});
  }

  MLIRContext context;
  Target target;
  OwningOpRef<ModuleOp> module;
};

constexpr Schedule kTiles = {.lanes = 16, .rowBlock = 128, .colBlock = 192, .colTile = 32,
                             .kBlock = 512, .mma = 32};
constexpr Schedule kFma = {.lanes = 16, .rowBlock = 96, .colBlock = 64, .rowTile = 6,
                           .colTile = 64, .kBlock = 128};

TEST_F(Predict, RowsAPowerOfTwoApartWantTheSameSets) {
  // 32 rows of 1 KiB: 8 ways of the 12, however the rows lie but for powers of two.
  EXPECT_EQ(shareOfRowsMissed(3072, 1024, target), 0);
  EXPECT_EQ(shareOfRowsMissed(4096, 1024, target), 1);
  EXPECT_EQ(shareOfRowsMissed(4096 + 128, 1024, target), 0);
  // Near miss: in two thirds of the sets they leave no way to what passes.
  EXPECT_NEAR(shareOfRowsMissed(3072, 1536, target), 2.0 / 3, 1e-9);
}

TEST_F(Predict, PanelsThatTheSecondLevelCacheLosesCost) {
  ssm::KernelOp kernel = projection("bf16", 1536, 1536);
  Schedule wide = kTiles;
  wide.colBlock = 768; // 2.3 MiB
  EXPECT_GT(us(kernel, wide), 1.2 * us(kernel, kTiles));
  target.l2Bytes = 16 << 20;
  EXPECT_LT(us(kernel, wide), us(kernel, kTiles));
}

TEST_F(Predict, EachPartOfKMovesItsSums) {
  ssm::KernelOp kernel = projection("bf16", 1536, 192);
  Schedule parts = kTiles;
  parts.kBlock = 256;
  EXPECT_GT(us(kernel, parts), us(kernel, kTiles));
}

TEST_F(Predict, TheLastThreadCounts) {
  ssm::KernelOp kernel = projection("bf16", 1536, 96);
  Schedule s = kTiles;
  s.rowBlock = 512; // one tile
  double alone = us(kernel, s);
  s.rowBlock = 256;
  EXPECT_NEAR(us(kernel, s), alone / 2, 0.1 * alone);
  // Near miss: three tiles on two threads.
  EXPECT_GT(us(kernel, s, 768), 1.9 * us(kernel, s, 512));
  EXPECT_LT(us(kernel, s, 768, 3), 1.1 * us(kernel, s, 512));
}

TEST_F(Predict, FewSumsInRegistersWaitForLoads) {
  ssm::KernelOp kernel = projection("f32", 768, 1024);
  Schedule few = kFma, many = kFma;
  few.rowTile = 3;
  many.rowTile = 12; // two vectors at a time
  EXPECT_GT(us(kernel, few), us(kernel, kFma));
  EXPECT_GT(us(kernel, many), us(kernel, kFma));
}

TEST_F(Predict, FewRowsInTwoTurnsAreReadTwice) {
  Schedule four = {.lanes = 16, .rowBlock = 16, .colBlock = 64, .rowTile = 4, .colTile = 64};
  Schedule eight = four;
  eight.rowTile = 8;
  ssm::KernelOp kernel = projection("bf16", 1536, 768);
  EXPECT_GT(us(kernel, eight, 8), us(kernel, four, 8)) << "32 sums";
  // Near miss: 24 sums are in registers at once.
  four.colBlock = four.colTile = eight.colBlock = eight.colTile = 48;
  EXPECT_LT(us(kernel, eight, 8), us(kernel, four, 8));
}

TEST_F(Predict, APartOfAPanelThatTheFirstLevelCacheLosesCosts) {
  ssm::KernelOp kernel = projection("f32", 768, 1024);
  Schedule s = kFma;
  s.rowTile = 3;
  double fits = us(kernel, s);
  s.kBlock = 256; // 64 KiB
  EXPECT_GT(us(kernel, s), fits);
  target.l1Bytes = 128 << 10;
  EXPECT_LT(us(kernel, s), fits);
}

constexpr const char *kScan = R"mlir(
func.func @f(%d: tensor<?x48xf32>, %u: tensor<?x1536xf32>, %w: tensor<1536x48xf32>, %A: tensor<1536x16xf32>,
             %B: tensor<?x16xf32>, %C: tensor<?x16xf32>, %h: tensor<?x1536x16xf32>, %batch: !ssm.batch)
    -> (tensor<?x1536xf32>, tensor<?x1536x16xf32>) {
  %y:2 = ssm.kernel (%d0 = %d, %u0 = %u, %w0 = %w, %A0 = %A, %B0 = %B, %C0 = %C, %h0 = %h, %b0 = %batch)
      : (tensor<?x48xf32>, tensor<?x1536xf32>, tensor<1536x48xf32>, tensor<1536x16xf32>, tensor<?x16xf32>,
         tensor<?x16xf32>, tensor<?x1536x16xf32>, !ssm.batch) -> (tensor<?x1536xf32>, tensor<?x1536x16xf32>) {
    %dt = ssm.linear %d0, %w0 : tensor<?x48xf32>, tensor<1536x48xf32> -> tensor<?x1536xf32>
    %s:2 = ssm.selective_scan %u0 delta %dt A %A0 B %B0 C %C0 state %h0 of %b0
        : (tensor<?x1536xf32>, tensor<?x1536xf32>, tensor<1536x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>,
           tensor<?x1536x16xf32>, !ssm.batch) -> (tensor<?x1536xf32>, tensor<?x1536x16xf32>)
    ssm.yield %s#0, %s#1 : tensor<?x1536xf32>, tensor<?x1536x16xf32>
  }
  return %y#0, %y#1 : tensor<?x1536xf32>, tensor<?x1536x16xf32>
}
)mlir";

TEST_F(Predict, AScansSumsStayInRegistersOrLeaveThem) {
  ssm::KernelOp kernel = kernelOf(kScan);
  ASSERT_TRUE(kernel);
  Schedule own = {.lanes = 16, .colBlock = 64, .rowTile = 4, .chunk = 32, .stateBlock = 8};
  auto with = [&](int64_t Schedule::*parameter, int64_t value) {
    Schedule s = own;
    s.*parameter = value;
    return us(kernel, s);
  };
  double base = us(kernel, own);
  EXPECT_GT(with(&Schedule::rowTile, 8), 1.1 * base) << "32 sums beside four weights";
  EXPECT_GT(with(&Schedule::rowTile, 2), base);
  EXPECT_GT(with(&Schedule::stateBlock, 4), base) << "passes";
  EXPECT_GT(with(&Schedule::chunk, 128), base) << "a chunk that passes read from L2";
  double spilled = with(&Schedule::stateBlock, 16) / base;
  target.registers = 64;
  EXPECT_LT(with(&Schedule::stateBlock, 16) / us(kernel, own), spilled) << "states and decays";
}

} // namespace
