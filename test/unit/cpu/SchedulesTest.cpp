// Every legal schedule computes the same thing; the others are refused with the
// reason.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

#include "passes/target/Target.h"

using namespace mamba;

namespace {

using Schedules = EachTarget;
MAMBA_FOR_EACH_TARGET(Schedules);

int64_t lanesFrom(RandomTensors &random) { return 4 << random.integer(0, 2); }

TEST_P(Schedules, Projection) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 20; ++i) {
    int64_t lanes = lanesFrom(random), colTile = lanes * random.integer(1, 4);
    texts.push_back(linearText({.K = random.integer(1, 70),
                                .O = random.integer(1, 140),
                                .norm = i % 2 == 0,
                                .biased = true,
                                .residual = i % 3 == 0}));
    texts.back().schedule =
        schedule({{"lanes", lanes},
                  {"row_block", random.integer(1, 20)},
                  {"col_block", colTile * random.integer(1, 3)},
                  {"row_tile", random.integer(1, 12)},
                  {"col_tile", colTile},
                  {"k_block", 32 * random.integer(0, 3)}});
    const char *stored[] = {"f32", "bf16", "f16", "int8", "int4"};
    if (i % 5)
      texts.back() = storeMatrix(texts.back(), "w", stored[i % 5]);
    if (i % 4 == 1)
      texts.back() = narrowRows(texts.back(), "bf16", Narrow::Inputs);
  }
  checkAll(texts);
}

TEST_P(Schedules, Scan) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 6; ++i) {
    int64_t lanes = lanesFrom(random);
    texts.push_back(scanText({.E = random.integer(1, 90),
                              .N = random.integer(1, 40),
                              .rank = i % 2 ? random.integer(1, 9) : 0,
                              .softplus = true,
                              .log2 = i % 3 == 0,
                              .skip = true,
                              .gateInScan = i % 3 == 1}));
    texts.back().schedule =
        schedule({{"lanes", lanes},
                  {"col_block", lanes * random.integer(1, 4)},
                  {"row_tile", random.integer(1, 6)},
                  {"chunk", random.integer(1, 64)},
                  {"state_block", 2 * random.integer(1, 8)}});
  }
  checkAll(texts);
}

TEST_P(Schedules, ConvolutionAndRows) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 6; ++i) {
    int64_t lanes = lanesFrom(random);
    texts.push_back(convText({.E = random.integer(1, 140),
                              .W = random.integer(2, 5),
                              .biased = true,
                              .silu = true}));
    texts.back().schedule = schedule(
        {{"lanes", lanes}, {"col_block", lanes * random.integer(1, 5)}});
    std::string rows = rowsType(random.integer(1, 140));
    texts.push_back(
        {.args = {{"x", rows}},
         .ops = "%n = ssm.rms_norm %x eps 1.0e-05 : " + rows +
                "\n%y = ssm.silu %n : " + rows,
         .yields = {{"y", rows}},
         .schedule = schedule(
             {{"lanes", lanes}, {"row_block", random.integer(1, 99)}})});
  }
  checkAll(texts);
}

std::string projectionCut(int64_t rowBlock, int64_t colBlock, int64_t rowTile,
                          int64_t colTile, int64_t kBlock = 0) {
  return schedule({{"lanes", 8},
                   {"row_block", rowBlock},
                   {"col_block", colBlock},
                   {"row_tile", rowTile},
                   {"col_tile", colTile},
                   {"k_block", kBlock}});
}
std::string scanCut(int64_t colBlock, int64_t rowTile, int64_t chunk,
                    int64_t stateBlock) {
  return schedule({{"lanes", 8},
                   {"col_block", colBlock},
                   {"row_tile", rowTile},
                   {"chunk", chunk},
                   {"state_block", stateBlock}});
}

struct Refused {
  KernelText text;
  std::string schedule, reason;
};

TEST(SchedulesRefused, WithTheReason) {
  KernelText linear = linearText({.K = 8, .O = 8}),
             scan = scanText({.E = 8, .N = 8}),
             conv = convText({.E = 8, .W = 4});
  KernelText rows = {.args = {{"x", rowsType(8)}},
                     .ops = "%y = ssm.silu %x : " + rowsType(8),
                     .yields = {{"y", rowsType(8)}}};
  std::string weight = weightType({8});
  KernelText recipe = {.args = {{"x", weight}},
                       .ops = "%y = ssm.decay %x : " + weight,
                       .yields = {{"y", weight}}};
  std::string lanes = "lanes must be a power of two from 4 to 64";
  std::vector<Refused> cases = {
      {rows, "<row_block = 4>", lanes + ", got 0"},
      {rows, "<lanes = 12, row_block = 4>", lanes + ", got 12"},
      {rows, "<lanes = 128, row_block = 4>", lanes},
      {rows, "<lanes = 2, row_block = 4>", lanes},
      {rows, "<lanes = 8>", "row_block"},
      {rows, "<lanes = 8, row_block = -1>", "row_block"},
      {linear, projectionCut(4, 16, 4, 12), "multiple of lanes"},
      {linear, projectionCut(4, 24, 4, 16), "col_block of col_tile"},
      {linear, projectionCut(0, 16, 4, 16), "row_block"},
      {linear, projectionCut(4, 16, 0, 16), "row_tile"},
      {linear, projectionCut(4, 64, 9, 64), "72"},
      {linear, projectionCut(4, 16, int64_t(1) << 62, 16), "greater than 1048576"},
      {scan, scanCut(8, 1, int64_t(1) << 62, 4), "greater than 1048576"},
      {linear, projectionCut(4, 16, 4, 16, 48), "k_block of 32"},
      {linear, projectionCut(4, 16, 4, 16, -32), "k_block of 32"},
      {conv, "<lanes = 8>", "col_block"},
      {conv, "<lanes = 8, col_block = 12>", "multiple of lanes"},
      {scan, scanCut(8, 1, 0, 4), "chunk"},
      {scan, scanCut(8, 1, 8, 3), "even state_block"},
      {scan, scanCut(12, 1, 8, 4), "multiple of lanes"},
      {scan, scanCut(8, 0, 8, 4), "row_tile"},
      {scan, scanCut(64, 1, 100000, 4), "second level cache"},
      {recipe, "<lanes = 8>", "col_block"},
  };
  CpuLab lab("cpu:x86-64-v3");
  std::string error;
  auto target = parseTarget("cpu:x86-64-v3", error);
  ASSERT_TRUE(succeeded(target));
  for (Refused &refused : cases) {
    SCOPED_TRACE(refused.schedule);
    refused.text.schedule = refused.schedule;
    auto module = lab.parse({refused.text});
    ASSERT_TRUE(module);
    module->walk([&](ssm::KernelOp kernel) {
      std::string reason;
      const KernelGenerator *generator = findGenerator(kernel, *target, reason);
      ASSERT_NE(generator, nullptr) << reason;
      EXPECT_FALSE(generator->isLegal(kernel, *target, kernel.getScheduleAttr(),
                                      reason));
      EXPECT_NE(reason.find(refused.reason), std::string::npos) << reason;
    });
  }
}

// What no generator takes is refused before anything is written.
TEST(KernelsRefused, PartsOfWhatIsComputedInTheKernel) {
  std::string whole = rowsType(8), half = rowsType(4);
  std::string ops = "%s = ssm.silu %x : " + whole +
                    "\n%a, %b = ssm.split %s : " + whole + " -> " + half +
                    ", " + half + "\n";
  std::vector<KernelText> texts = {
      {.args = {{"x", whole}}, .ops = ops, .yields = {{"b", half}}},
      {.args = {{"x", whole}},
       .ops = ops + "%y = ssm.silu %b : " + half,
       .yields = {{"y", half}}}};
  CpuLab lab("cpu:x86-64-v3");
  std::string reason;
  auto target = parseTarget("cpu:x86-64-v3", reason);
  auto module = lab.parse(texts);
  ASSERT_TRUE(module);
  module->walk([&](ssm::KernelOp kernel) {
    EXPECT_FALSE(canGenerate(kernel, *target, reason));
  });
}

} // namespace
