// What an element (a step of a channel) of a scan costs, by variant: special
// functions, counted as the simulator executes them and in machine code; global
// sectors; passes over the banks of shared memory.
#include "runtime/device/sim/CubinMix.h"
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/gpu/Ptxas.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

constexpr int64_t E = 64, N = 16;

KernelText scheduledScan(int64_t rank, const std::string &schedule) {
  KernelText text = scanText(mambaScan(E, N, rank));
  text.schedule = schedule;
  return text;
}

/// Four slices of it: found by themselves, or the scan in them.
KernelText slicedScan(bool finds, const std::string &schedule) {
  ScanForm form = mambaScan(E, N, 0);
  form.slices = 4;
  form.findsSlices = finds;
  form.skip = form.gateAfter = !finds;
  KernelText text = scanText(form);
  text.schedule = schedule;
  return text;
}

std::string cut(int64_t channels, int64_t lanes, int64_t chunk,
                int64_t fmaExp = 0, int64_t mma = 0) {
  return schedule({{"col_block", channels},
                   {"row_tile", 8},
                   {"chunk", chunk},
                   {"threads", channels * lanes},
                   {"state_lanes", lanes},
                   {"mma", mma},
                   {"state_block", fmaExp}});
}
const std::string decoding =
    "<col_block = 16, chunk = 1, threads = 64, state_lanes = 4>";

struct Costs {
  double special;    // of an element
  double sectors;    // by what its bytes need
  double wavefronts; // of a warp's step: 32 elements
};

class ScanCosts : public OnGpu {
protected:
  /// The costs of an element of long sequences: their ends left out.
  Costs costsOf(const KernelText &text) {
    LabKernels kernels = lab.compile({text});
    EXPECT_EQ(kernels.size(), 1u);
    if (kernels.empty())
      return {};
    auto &kernel = static_cast<GpuKernel &>(*kernels[0]);
    bool decodes = text.tokenClass == "decode";
    sim::Counts few = count(kernel, decodes ? 8 : 1, decodes ? 1 : 64),
                more = count(kernel, decodes ? 24 : 1, decodes ? 1 : 192);
    auto grown = [&](uint64_t sim::Counts::*count) {
      return double(more.*count - few.*count);
    };
    double elements = double(E) * (decodes ? 16 : 128);
    return {grown(&sim::Counts::laneSpecial) / elements,
            32 *
                (grown(&sim::Counts::globalLoadSectors) +
                 grown(&sim::Counts::globalStoreSectors)) /
                (grown(&sim::Counts::globalLoadBytes) +
                 grown(&sim::Counts::globalStoreBytes)),
            32 * grown(&sim::Counts::sharedWavefronts) / elements};
  }

  /// Special functions in the machine code of the schedule.
  int64_t specialInCode(const KernelText &text) {
    LabKernels kernels = lab.compile({text});
    std::string bytes = assembled(lab.ptx(), "sm_80");
    auto cubin = readCubin(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, "scan");
    if (kernels.empty() || !cubin.ok())
      return ADD_FAILURE() << "no machine code", -1;
    const std::string &name =
        static_cast<GpuKernel &>(*kernels[0]).schedules.back().name;
    for (const CubinKernel &kernel : cubin->kernels)
      if (kernel.name == name)
        return sim::mixOfCode(kernel.code, cubin->chip)[sim::MixClass::Special];
    return -1;
  }

private:
  sim::Counts count(const GpuKernel &kernel, int64_t sequences, int64_t length) {
    sim::Counts counts;
    KernelInputs inputs = kernel.randomInputs(
        shuffledBatch(std::vector<int64_t>(sequences, length), random), random);
    auto results =
        kernel.execute(inputs, kernel.schedules.back(), {}, &counts);
    EXPECT_TRUE(results.ok()) << results.status().message();
    return counts;
  }
};

// N exponentials of decays, one for softplus (its logarithm is a polynomial),
// two for SiLU.
TEST_F(ScanCosts, Plain) {
  Costs costs = costsOf(scheduledScan(0, cut(64, 1, 16)));
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_EQ(costs.sectors, 1);
  EXPECT_LE(costs.wavefronts, 16.5);
}

TEST_F(ScanCosts, PolynomialsForThreeOfTheStates) {
  EXPECT_EQ(costsOf(scheduledScan(0, cut(64, 1, 16, 3))).special, N);
}

TEST_F(ScanCosts, FourThreadsAChannel) {
  Costs costs = costsOf(scheduledScan(0, cut(32, 4, 32)));
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_EQ(costs.sectors, 1);
  EXPECT_LE(costs.wavefronts, 35);
}

TEST_F(ScanCosts, EightThreadsAChannel) {
  Costs costs = costsOf(scheduledScan(0, cut(16, 8, 32)));
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_EQ(costs.sectors, 1);
  EXPECT_LE(costs.wavefronts, 68);
}

// Of slices by themselves neither y nor its gate is computed.
TEST_F(ScanCosts, FindingSlices) {
  Costs costs = costsOf(slicedScan(true, cut(64, 1, 16)));
  EXPECT_EQ(costs.special, N + 1);
  EXPECT_EQ(costs.sectors, 1);
  EXPECT_LE(costs.wavefronts, 8.25);
}

TEST_F(ScanCosts, FindingSlicesWithPolynomialsForTwoOfTheStates) {
  EXPECT_EQ(costsOf(slicedScan(true, cut(64, 1, 16, 2))).special, N - 1);
}

// What a slice enters with costs the same for all its rows, and is left out.
TEST_F(ScanCosts, InSlices) {
  Costs costs = costsOf(slicedScan(false, cut(64, 1, 16)));
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_EQ(costs.sectors, 1);
  EXPECT_LE(costs.wavefronts, 16.5);
}

TEST_F(ScanCosts, ProjectedByProducts) {
  Costs costs = costsOf(scheduledScan(48, cut(64, 1, 16)));
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_EQ(costs.sectors, 1);
}

TEST_F(ScanCosts, ProjectedByTheMatrixUnit) {
  KernelText text = narrowRows(
      storeMatrix(scheduledScan(48, cut(64, 1, 16, 0, 16)), "wd", "bf16"), "bf16",
      Narrow::Both);
  Costs costs = costsOf(text);
  EXPECT_EQ(costs.special, N + 3);
  EXPECT_LE(costs.sectors, 1);
}

// Each of the four lanes has dt, the first the gate.
TEST_F(ScanCosts, Decoding) {
  KernelText text = scheduledScan(0, decoding);
  text.tokenClass = "decode";
  Costs costs = costsOf(text);
  EXPECT_EQ(costs.special, N + 4 + 2);
  EXPECT_EQ(costs.wavefronts, 0);
}

// Eight steps stand in the code.
TEST_F(ScanCosts, InMachineCode) {
  if (!hasPtxas())
    GTEST_SKIP() << "ptxas is not there";
  EXPECT_EQ(specialInCode(scheduledScan(0, cut(64, 1, 16))), 8 * (N + 3));
  EXPECT_EQ(specialInCode(scheduledScan(0, cut(64, 1, 16, 3))), 8 * N);
  // A thread steps with a quarter of the states, and has dt and y of 8 steps.
  EXPECT_EQ(specialInCode(scheduledScan(0, cut(32, 4, 32))), 8 * (N / 4 + 3));
  EXPECT_EQ(specialInCode(scheduledScan(0, decoding)), N / 4 + 3);
}

} // namespace
