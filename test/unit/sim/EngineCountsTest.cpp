// What is counted of a run.
#include "test/unit/sim/EngineRun.h"

using namespace mamba::sim;

namespace {
Counts countsOf(const std::string &body, uint32_t block = 32) {
  EngineRun r;
  r.block = block;
  r.words = 4096;
  r.run(body);
  EXPECT_TRUE(succeeded(r));
  return r.counts;
}
/// Instructions that EngineRun::run adds: ld.param, mov, mad.wide and ret.
constexpr uint64_t kAround = 4;
} // namespace

TEST(EngineCounts, Classes) {
  Counts c = countsOf(R"(
mov.f32 %f0, 0f3F800000;
fma.rn.f32 %f1, %f0, %f0, %f0;
add.f32 %f1, %f1, %f0;
ex2.approx.ftz.f32 %f2, %f1;
and.b32 %r0, %t, 7;
cvt.rn.f32.u32 %f3, %t;
setp.lt.u32 %p0, %t, 8;
@%p0 ex2.approx.ftz.f32 %f2, %f1;
shfl.sync.bfly.b32 %r1, %r0, 1, 31, -1;
bar.sync 0;
atom.global.add.u32 %r2, [%out+4092], 1;
@%p0 st.global.f32 [%mine], %f2;)");
  EXPECT_EQ(c.launches, 1u);
  EXPECT_EQ(c.instructions, 12 + kAround);
  EXPECT_EQ(c.fma, 2u);
  EXPECT_EQ(c.special, 2u);
  EXPECT_EQ(c.laneSpecial, 40u);
  EXPECT_EQ(c.logic, 1u);
  EXPECT_EQ(c.conversion, 1u);
  EXPECT_EQ(c.integer, 2u); // setp, mad.wide
  EXPECT_EQ(c.shuffles, 1u);
  EXPECT_EQ(c.barriers, 1u);
  EXPECT_EQ(c.atomics, 1u);
  EXPECT_EQ(c.stores, 1u);
  EXPECT_EQ(c.loads, 1u);
  EXPECT_EQ(c.laneInstructions, 32 * (10 + kAround) + 2 * 8);
}

// 32-byte pieces: in a row 4, a piece each 32, all lanes at one place 1.
TEST(EngineCounts, Sectors) {
  auto sectors = [](const std::string &stride) {
    return countsOf("mad.wide.u32 %q0, %t, " + stride +
                    ", %out;\nld.global.f32 %f0, [%q0];\nst.global.f32 [%q0], %f0;");
  };
  EXPECT_EQ(sectors("4").globalLoadSectors, 4u);
  EXPECT_EQ(sectors("4").globalStoreSectors, 4u);
  EXPECT_EQ(sectors("4").globalLoadBytes, 128u);
  EXPECT_EQ(sectors("8").globalLoadSectors, 8u);
  EXPECT_EQ(sectors("32").globalLoadSectors, 32u);
  EXPECT_EQ(countsOf("ld.global.f32 %f0, [%out];").globalLoadSectors, 1u);
  EXPECT_EQ(countsOf("mad.wide.u32 %q0, %t, 16, %out;\n"
                     "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%q0];")
                .globalLoadSectors,
            16u);
}

// Passes over the banks: lanes at different words of one bank take turns.
TEST(EngineCounts, BankConflicts) {
  auto wavefronts = [](const std::string &stride, const std::string &load) {
    std::string begin = ".shared .align 16 .b8 s[8192];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t, " +
                        stride + ", %r0;\nst.shared.v4.u32 [%r1], {%t, %t, %t, %t};\n"
                        "bar.warp.sync -1;\n";
    Counts c = countsOf(begin);
    EXPECT_EQ(c.sharedAccesses, 1u);
    uint64_t before = c.sharedWavefronts;
    return countsOf(begin + load).sharedWavefronts - before;
  };
  EXPECT_EQ(wavefronts("16", "ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r1];"), 4u);
  EXPECT_EQ(wavefronts("16", "ld.shared.v2.u32 {%r2, %r3}, [%r1];"), 4u);
  EXPECT_EQ(wavefronts("16", "ld.shared.u32 %r2, [%r1];"), 4u);
  EXPECT_EQ(wavefronts("32", "ld.shared.u32 %r2, [%r1];"), 8u);
  EXPECT_EQ(wavefronts("128", "ld.shared.u32 %r2, [%r1];"), 32u);
  EXPECT_EQ(wavefronts("144", "ld.shared.u32 %r2, [%r1];"), 4u);
  EXPECT_EQ(wavefronts("16", "ld.shared.u32 %r2, [%r0];"), 1u);
}

// The chain of dependent instructions, not their number.
TEST(EngineCounts, CriticalPath) {
  std::string chain, apart;
  for (int k = 0; k < 100; ++k) {
    chain += "add.f32 %f1, %f1, %f0;\n";
    apart += "add.f32 %f" + std::to_string(1 + k % 8) + ", %f0, %f0;\n";
  }
  std::string begin = "mov.f32 %f0, 0f3F800000;\nmov.f32 %f1, 0f00000000;\n";
  uint64_t serial = countsOf(begin + chain).criticalPath;
  uint64_t parallel = countsOf(begin + apart).criticalPath;
  EXPECT_GE(serial, 400u);
  EXPECT_LE(serial, 440u);
  EXPECT_LE(parallel, 40u);
}

// A barrier lifts all warps to the slowest.
TEST(EngineCounts, CriticalPathThroughABarrier) {
  std::string half = "ex2.approx.ftz.f32 %f1, %f1;\n", long8;
  for (int k = 0; k < 8; ++k)
    long8 += half;
  std::string body = "mov.f32 %f1, 0f3F800000;\nsetp.lt.u32 %p0, %t, 32;\n@%p0 bra A;\n" + long8 +
                     "st.global.f32 [%mine], %f1;\nA:\nbar.sync 0;\nsetp.lt.u32 %p0, %t, 32;\n"
                     "@!%p0 bra B;\nld.global.f32 %f1, [%mine+128];\n" +
                     long8 + "st.global.f32 [%mine], %f1;\nB:\nadd.u32 %r0, %r0, 1;";
  Counts c = countsOf(body, 64);
  EXPECT_GE(c.criticalPath, 2u * 8 * 18 + 270);
  EXPECT_LE(c.criticalPath, 2u * 8 * 18 + 270 + 100);
}

// Without checks not every access is seen: then there is no number at all.
TEST(EngineCounts, DistinctBytesOnlyWithChecks) {
  for (bool isChecked : {true, false}) {
    EngineRun r;
    r.checks.unwritten = r.checks.races = isChecked;
    ASSERT_TRUE(succeeded(r.run("atom.global.add.u32 %r0, [%out], 1;\nld.global.u32 %r1, [%out+64];")));
    EXPECT_EQ(r.counts.uniqueBytesRead != 0, isChecked);
    EXPECT_EQ(r.counts.uniqueBytesWritten != 0, isChecked);
  }
}
