// Every legal schedule computes the same thing; the others are refused with the
// reason.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

#include "passes/target/Target.h"

#include <functional>

using namespace mamba;

namespace {

class GpuSchedules : public OnGpu {
protected:
  int64_t powerOf2(int64_t from, int64_t to) {
    return int64_t(1) << random.integer(from, to);
  }
  /// Draws schedules until one is legal.
  KernelText withSchedule(KernelText text,
                          const std::function<std::string()> &draw) {
    std::string reason;
    for (int tries = 0; tries < 500; ++tries) {
      text.schedule = draw();
      if (lab.takes(text, reason))
        return text;
    }
    ADD_FAILURE() << "no legal schedule was drawn: " << text.schedule << ": "
                  << reason;
    return text;
  }
};

TEST_F(GpuSchedules, ProjectionByTiles) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 10; ++i)
    texts.push_back(withSchedule(
        linearText({.K = random.integer(1, 70),
                    .O = random.integer(1, 140),
                    .norm = i % 2 == 0,
                    .biased = true,
                    .residual = i % 3 == 0}),
        [&] {
          int64_t rowTile = powerOf2(0, 3), colTile = random.integer(1, 8);
          int64_t rowBlock = rowTile * powerOf2(2, 5),
                  colBlock = colTile * powerOf2(2, 5);
          return schedule(
              {{"row_block", rowBlock},
               {"col_block", colBlock},
               {"row_tile", rowTile},
               {"col_tile", colTile},
               {"k_block", 8 * random.integer(1, 4)},
               {"threads", rowBlock / rowTile * (colBlock / colTile)}});
        }));
  checkAll(texts);
}

TEST_F(GpuSchedules, ProjectionOfFewRows) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 12; ++i) {
    int64_t K = random.integer(1, 700);
    KernelText text = linearText({.K = K,
                                  .O = random.integer(1, 70),
                                  .norm = i % 2 == 0,
                                  .biased = i % 3 != 0,
                                  .silu = true});
    constexpr const char *precisions[] = {"bf16", "int8", "int4", "f16"};
    if (i % 5 < 4)
      text = storeMatrix(text, "w", precisions[i % 5]);
    texts.push_back(withSchedule(text, [&] {
      int64_t lanes = powerOf2(3, 5), colTile = powerOf2(0, 3);
      int64_t groups = 32 / lanes * random.integer(1, 4);
      return schedule({{"lanes", lanes},
                       {"row_block", powerOf2(0, 4)},
                       {"col_block", colTile * groups},
                       {"col_tile", colTile},
                       {"k_block", i % 2 ? K : powerOf2(5, 10)},
                       {"threads", lanes * groups * random.integer(1, 4)}});
    }));
  }
  checkAll(texts);
}

TEST_F(GpuSchedules, Scan) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 14; ++i)
    texts.push_back(withSchedule(
        scanText({.E = random.integer(1, 90),
                  .N = random.integer(1, 40),
                  .rank = i % 2 ? random.integer(1, 20) : 0,
                  .softplus = true,
                  .log2 = i % 3 == 0,
                  .skip = true,
                  .gateInScan = i % 3 == 1}),
        [&] {
          int64_t lanes = powerOf2(0, 5), channels = powerOf2(0, 7);
          int64_t tile = powerOf2(2, 5);
          return schedule(
              {{"col_block", channels},
               {"row_tile", tile},
               {"k_block", i % 4 == 1 ? random.integer(1, 12) : 0},
               {"chunk", i % 5 ? tile * random.integer(1, 6) : 1},
               {"threads", channels * lanes},
               {"state_lanes", lanes},
               {"state_block", random.integer(0, 3)}});
        }));
  checkAll(texts);
}

TEST_F(GpuSchedules, Convolution) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 8; ++i)
    texts.push_back(withSchedule(
        convText({.E = random.integer(1, 140),
                  .W = random.integer(2, 8),
                  .biased = i % 2 == 0,
                  .silu = i % 3 == 0}),
        [&] {
          int64_t channels = random.integer(1, 64);
          return schedule({{"col_block", channels},
                           {"row_tile", random.integer(1, 8)},
                           {"threads", channels * random.integer(1, 16)}});
        }));
  checkAll(texts);
}

struct Refused {
  KernelText text;
  std::string schedule, reason;
};

TEST(GpuSchedulesRefused, WithTheReason) {
  KernelText linear = linearText({.K = 64, .O = 8}),
             normed = linearText({.K = 64, .O = 8, .norm = true}),
             conv = convText({.E = 8, .W = 4}),
             scan = scanText({.E = 8, .N = 40}), rows = expressionTexts(8)[0],
             recipe = decayTexts(4)[0];
  auto tiles = [](int64_t rowBlock, int64_t colBlock, int64_t rowTile,
                  int64_t colTile, int64_t kBlock, int64_t threads) {
    return schedule({{"row_block", rowBlock},
                     {"col_block", colBlock},
                     {"row_tile", rowTile},
                     {"col_tile", colTile},
                     {"k_block", kBlock},
                     {"threads", threads}});
  };
  auto fewRows = [](int64_t lanes, int64_t rowBlock, int64_t colBlock,
                    int64_t colTile, int64_t kBlock, int64_t threads) {
    return schedule({{"lanes", lanes},
                     {"row_block", rowBlock},
                     {"col_block", colBlock},
                     {"col_tile", colTile},
                     {"k_block", kBlock},
                     {"threads", threads}});
  };
  auto scanCut = [](int64_t channels, int64_t stateLanes, int64_t chunk,
                    int64_t threads) {
    return schedule({{"col_block", channels},
                     {"row_tile", 8},
                     {"chunk", chunk},
                     {"threads", threads},
                     {"state_lanes", stateLanes}});
  };
  std::string threads = "threads must be a multiple of 32 up to 1024, got ";
  std::vector<Refused> cases = {
      {rows, "<row_block = 1>", threads + "0"},
      {rows, "<row_block = 1, threads = 48>", threads + "48"},
      {rows, "<row_block = 1, threads = 2048>", threads + "2048"},
      {rows, "<row_block = 1, threads = -32>", threads + "-32"},
      {rows, "<row_block = 2, threads = 32>", "row_block must be 1, got 2"},
      {recipe, "<threads = 33>", threads + "33"},
      {linear, tiles(64, 64, 4, 4, 16, 128), "must be the threads"},
      {linear, tiles(64, 64, 0, 4, 16, 256), "must be the threads"},
      {linear, tiles(64, 64, 4, 4, 12, 256),
       "multiple of 8 up to 1024, got 12"},
      {linear, tiles(64, 64, 4, 4, 128, 256),
       "bytes of shared memory, a block has 49152"},
      {linear, tiles(256, 256, 16, 16, 8, 256),
       "registers, a thread of 256 has 255"},
      {linear, tiles(256, 256, 8, 8, 8, 1024),
       "registers, a thread of 1024 has 64"},
      {linear, fewRows(32, 3, 4, 1, 64, 128), "powers of two"},
      {linear, fewRows(32, 16, 16, 8, 64, 128), "at most 64 outputs a lane"},
      {linear, fewRows(4, 1, 4, 1, 64, 128), "8, 16 or 32 for few rows, got 4"},
      {linear, fewRows(8, 1, 8, 1, 24, 64),
       "multiple of the 32 k whose weights are loaded at a time, got 24 of 64"},
      {normed, fewRows(8, 1, 6, 1, 64, 128), "times the 4 groups of a warp"},
      {linear, fewRows(32, 1, 3, 1, 64, 128), "the threads are a multiple"},
      {conv, "<col_block = 24, row_tile = 4, threads = 64>",
       "threads a multiple of col_block"},
      {conv, "<col_block = 32, row_tile = 9, threads = 64>",
       "row_tile of a convolution is 1 to 8, got 9"},
      {scan, scanCut(32, 3, 8, 96), "state_lanes must be a power of two"},
      {scan, scanCut(32, 2, 8, 32), "threads = col_block * state_lanes"},
      {scan, scanCut(32, 2, 0, 64), "a chunk of 1 to 256 steps, got 0"},
      {scan, scanCut(32, 1, 8, 32), "a lane holds 40 states"},
      {scan, scanCut(32, 2, 12, 64), "multiple of row_tile"},
      {scan, scanCut(32, 16, 8, 512), "of state_lanes, got 8, 8 and 16"},
      {scan, scanCut(32, 2, 128, 64), "a lane finds dt of 64 steps at a time"},
      {scan, scanCut(128, 8, 128, 1024), "bytes of shared memory"},
      {scan, "<col_block = 32, row_tile = 6, chunk = 12, threads = 64, "
             "state_lanes = 2>",
       "row_tile of a scan is 4, 8, 16 or 32, got 6"},
      {scan, "<col_block = 32, row_tile = 4, chunk = 12, threads = 64, "
             "state_lanes = 2, state_block = 21>",
       "must be at most its 20 states, got 21"},
  };
  GpuLab lab("cuda:sm_80");
  for (Refused &refused : cases) {
    SCOPED_TRACE(refused.schedule);
    refused.text.schedule = refused.schedule;
    std::string reason;
    EXPECT_FALSE(lab.takes(refused.text, reason));
    EXPECT_NE(reason.find(refused.reason), std::string::npos) << reason;
  }
}

// What no generator of a GPU takes.
TEST(GpuKernelsRefused, WithTheReason) {
  std::string from = weightType({8, 8}), to = weightType({1, 8, 16});
  std::vector<std::pair<KernelText, std::string>> cases = {
      {{.args = {{"w", from}},
        .ops = "%y = ssm.pack %w block 16 : " + from + " -> " + to,
        .yields = {{"y", to}}},
       "kernels of a GPU read no packed weights"},
      {convText({.E = 8, .W = 9}), "a convolution is at most 8 wide, got 9"},
      {scanText({.E = 8, .N = 257}), "a scan has at most 256 states, got 257"}};
  GpuLab lab("cuda:sm_80");
  std::string reason;
  auto target = parseTarget("cuda:sm_80", reason);
  for (const auto &[text, expected] : cases) {
    auto module = lab.parse({text});
    ASSERT_TRUE(module);
    module->walk([&](ssm::KernelOp kernel) {
      EXPECT_FALSE(canGenerate(kernel, *target, reason));
      EXPECT_NE(reason.find(expected), std::string::npos) << reason;
    });
  }
}

} // namespace
