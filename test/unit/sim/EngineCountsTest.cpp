// What is counted of a run.
#include "test/unit/sim/EngineRun.h"

#include <ostream>

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

namespace {
/// Shared memory of 8 KB at %r0, all written, in front of the load.
struct Banks {
  uint64_t wavefronts, needed;
  bool operator==(const Banks &) const = default;
};
std::ostream &operator<<(std::ostream &out, const Banks &b) {
  return out << b.wavefronts << " of " << b.needed;
}
Banks banksOf(const std::string &accesses) {
  std::string fill = ".shared .align 128 .b8 s[8192];\nmov.u32 %r0, s;\n"
                     "mad.lo.u32 %r39, %t, 256, %r0;\n";
  for (int k = 0; k < 16; ++k)
    fill += "st.shared.v4.u32 [%r39+" + std::to_string(16 * k) + "], {%t, %t, %t, %t};\n";
  fill += "bar.warp.sync -1;\n";
  Counts before = countsOf(fill), all = countsOf(fill + accesses);
  return {all.sharedWavefronts - before.sharedWavefronts, all.sharedNeeded - before.sharedNeeded};
}
/// Loads of 4, 8 and 16 bytes at s + the lane's %r1.
std::string load(int words) {
  return words == 1   ? "add.u32 %r1, %r1, %r0;\nld.shared.u32 %r2, [%r1];\n"
         : words == 2 ? "add.u32 %r1, %r1, %r0;\nld.shared.v2.u32 {%r2, %r3}, [%r1];\n"
                      : "add.u32 %r1, %r1, %r0;\nld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r1];\n";
}
/// %r1 = lane * stride.
std::string strided(int stride) {
  return "mul.lo.u32 %r1, %t, " + std::to_string(stride) + ";\n";
}
} // namespace

// Words of 4 bytes: a stride in words shares a bank with as many lanes as its
// power of two says.
TEST(EngineCounts, BanksOfWords) {
  EXPECT_EQ(banksOf(strided(4) + load(1)), (Banks{1, 1}));
  EXPECT_EQ(banksOf(strided(8) + load(1)), (Banks{2, 1}));
  EXPECT_EQ(banksOf(strided(12) + load(1)), (Banks{1, 1}));
  EXPECT_EQ(banksOf(strided(128) + load(1)), (Banks{32, 1}));
  EXPECT_EQ(banksOf(strided(132) + load(1)), (Banks{1, 1}));
  EXPECT_EQ(banksOf(strided(2) + "add.u32 %r1, %r1, %r0;\nld.shared.u16 %r2, [%r1];\n"),
            (Banks{1, 1}));
}

// A swizzle: 32 rows of 128 bytes, each turned by its number, read by columns.
TEST(EngineCounts, BanksOfASwizzle) {
  std::string column = "xor.b32 %r1, %t, 5;\nshl.b32 %r1, %r1, 2;\nmad.lo.u32 %r1, %t, 128, %r1;\n";
  EXPECT_EQ(banksOf(column + load(1)), (Banks{1, 1}));
  std::string plain = "mad.lo.u32 %r1, %t, 128, 20;\n";
  EXPECT_EQ(banksOf(plain + load(1)), (Banks{32, 1}));
}

// 8 bytes go in halves, 16 in quarters of the warp.
TEST(EngineCounts, BanksOfVectors) {
  EXPECT_EQ(banksOf(strided(8) + load(2)), (Banks{2, 2}));
  EXPECT_EQ(banksOf(strided(16) + load(2)), (Banks{4, 2}));
  EXPECT_EQ(banksOf(strided(16) + load(4)), (Banks{4, 4}));
  EXPECT_EQ(banksOf(strided(32) + load(4)), (Banks{8, 4}));
  EXPECT_EQ(banksOf(strided(128) + load(4)), (Banks{32, 4}));
  EXPECT_EQ(banksOf(strided(144) + load(4)), (Banks{4, 4})); // padded rows
  EXPECT_EQ(banksOf(strided(256) + "add.u32 %r1, %r1, %r0;\n"
                                   "st.shared.v4.u32 [%r1], {%t, %t, %t, %t};\n"),
            (Banks{32, 4}));
}

// Reads of one word are one, and hide no conflict beside them.
TEST(EngineCounts, BanksOfBroadcasts) {
  EXPECT_EQ(banksOf("mov.u32 %r1, 64;\n" + load(1)), (Banks{1, 1}));
  // Four lanes a word, words in one bank.
  EXPECT_EQ(banksOf("shr.u32 %r1, %t, 2;\nshl.b32 %r1, %r1, 7;\n" + load(1)), (Banks{8, 1}));
  // Wide reads whose lanes agree in pairs come back two at once.
  EXPECT_EQ(banksOf("mov.u32 %r1, 64;\n" + load(2)), (Banks{1, 1}));
  EXPECT_EQ(banksOf("mov.u32 %r1, 64;\n" + load(4)), (Banks{2, 2}));
  EXPECT_EQ(banksOf("shr.u32 %r1, %t, 1;\nshl.b32 %r1, %r1, 4;\n" + load(4)), (Banks{2, 2}));
  EXPECT_EQ(banksOf("shr.u32 %r1, %t, 2;\nand.b32 %r2, %t, 1;\nmad.lo.u32 %r1, %r1, 2, %r2;\n"
                    "shl.b32 %r1, %r1, 4;\n" +
                    load(4)),
            (Banks{2, 2}));
  // But not where that would make lanes take turns.
  EXPECT_EQ(banksOf("and.b32 %r1, %t, 29;\nshl.b32 %r1, %r1, 4;\n" + load(4)), (Banks{4, 4}));
  EXPECT_EQ(banksOf("shr.u32 %r1, %t, 1;\nshl.b32 %r1, %r1, 7;\n" + load(4)), (Banks{16, 4}));
  EXPECT_EQ(banksOf("and.b32 %r1, %t, 15;\nshl.b32 %r1, %r1, 4;\n" + load(4)), (Banks{4, 4}));
}

// Lanes that are off count nothing.
TEST(EngineCounts, BanksOfSomeLanes) {
  std::string some = strided(16) + "add.u32 %r1, %r1, %r0;\nsetp.lt.u32 %p0, %t, 8;\n";
  EXPECT_EQ(banksOf(some + "@%p0 ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [%r1];\n"),
            (Banks{1, 1}));
  EXPECT_EQ(banksOf(some + "@%p0 ld.shared.u32 %r2, [%r1];\n"), (Banks{1, 1}));
  EXPECT_EQ(banksOf(some + "setp.gt.u32 %p0, %t, 99;\n@%p0 ld.shared.u32 %r2, [%r1];\n"),
            (Banks{0, 0}));
}

// A matrix of eight rows of 16 bytes is a pass.
TEST(EngineCounts, BanksOfMatrices) {
  auto matrices = [](int stride, const std::string &swizzle) {
    return "mul.lo.u32 %r1, %t, " + std::to_string(stride) + ";\n" + swizzle +
           "add.u32 %r1, %r1, %r0;\n"
           "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r2, %r3, %r4, %r5}, [%r1];\n";
  };
  EXPECT_EQ(banksOf(matrices(16, "")), (Banks{4, 4}));
  EXPECT_EQ(banksOf(matrices(128, "")), (Banks{32, 4}));
  EXPECT_EQ(banksOf(matrices(64, "")), (Banks{16, 4}));
  EXPECT_EQ(banksOf(matrices(80, "")), (Banks{4, 4}));
  EXPECT_EQ(banksOf(matrices(128, "and.b32 %r6, %t, 7;\nshl.b32 %r6, %r6, 4;\n"
                                  "xor.b32 %r1, %r1, %r6;\n")),
            (Banks{4, 4}));
  EXPECT_EQ(banksOf(strided(16) + "add.u32 %r1, %r1, %r0;\n"
                                  "ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r2, %r3}, [%r1];\n"),
            (Banks{2, 2}));
}

// Sectors by those that the distinct bytes would go into.
TEST(EngineCounts, Coalescing) {
  auto sectors = [](const std::string &address, const std::string &load) {
    Counts c = countsOf(address + "cvt.u64.u32 %q0, %r1;\nadd.u64 %q0, %q0, %out;\n" + load);
    return std::pair(c.globalLoadSectors + c.globalStoreSectors, c.globalNeededSectors);
  };
  const std::string word = "ld.global.u32 %r2, [%q0];\n",
                    vector = "ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%q0];\n";
  using Pair = std::pair<uint64_t, uint64_t>;
  EXPECT_EQ(sectors(strided(4), word), Pair(4, 4));
  EXPECT_EQ(sectors("mad.lo.u32 %r1, %t, 4, 16;\n", word), Pair(5, 4));
  EXPECT_EQ(sectors(strided(8), word), Pair(8, 4));
  EXPECT_EQ(sectors(strided(64), word), Pair(32, 4));
  EXPECT_EQ(sectors(strided(0), word), Pair(1, 1));
  EXPECT_EQ(sectors("and.b32 %r1, %t, 28;\n", word), Pair(1, 1));          // eight words
  EXPECT_EQ(sectors("and.b32 %r1, %t, 1;\nshl.b32 %r1, %r1, 5;\n", word), Pair(2, 1));
  EXPECT_EQ(sectors(strided(16), vector), Pair(16, 16));
  EXPECT_EQ(sectors(strided(64), vector), Pair(32, 16)); // half of each sector
  EXPECT_EQ(sectors(strided(4), "setp.lt.u32 %p0, %t, 3;\n@%p0 " + word), Pair(1, 1));
  EXPECT_EQ(sectors(strided(4), "st.global.u32 [%q0], %t;\n"), Pair(4, 4));
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

// The first of a block to touch a piece waits for the memory, the others for the L2.
TEST(EngineCounts, CriticalPathThroughMemory) {
  const std::string load = "ld.global.u32 %r1, [%out", next = "];\nand.b32 %r1, %r1, 0;\n"
                    "cvt.u64.u32 %q0, %r1;\nadd.u64 %out, %out, %q0;\n";
  auto path = [&](std::initializer_list<const char *> places, uint32_t block = 32) {
    std::string body;
    for (const char *place : places)
      body += load + place + next;
    return countsOf(body, block).criticalPath;
  };
  uint64_t once = path({"+0"});
  EXPECT_GE(once, 480u);
  EXPECT_LE(once, 540u);
  EXPECT_GE(path({"+0", "+256"}) - once, 480u);
  EXPECT_LE(path({"+0", "+32"}) - once, 290u);
  // Another warp's trip to memory holds up all that ask for the same meanwhile.
  EXPECT_EQ(path({"+0"}, 64), once);
}

// A wait takes as long as the copies that it waits for are still under way.
TEST(EngineCounts, CriticalPathThroughCopies) {
  auto path = [](int before, const std::string &wait, int behind) {
    std::string body = ".shared .align 128 .b8 s[1024];\nmov.u32 %r0, s;\n"
                       "mad.lo.u32 %r0, %t, 16, %r0;\nmad.wide.u32 %q0, %t, 16, %out;\n"
                       "mov.f32 %f0, 0f3F800000;\n"
                       "cp.async.cg.shared.global [%r0], [%q0], 16;\ncp.async.commit_group;\n";
    for (int k = 0; k < before; ++k)
      body += "ex2.approx.ftz.f32 %f0, %f0;\n";
    // Nothing starts before a branch's operand.
    body += "setp.gt.f32 %p0, %f0, 0f00000000;\n@!%p0 bra END;\n"
            "cp.async.cg.shared.global [%r0+512], [%q0+1024], 16;\ncp.async.commit_group;\n" +
            wait + ";\n";
    for (int k = 0; k < behind; ++k)
      body += "ex2.approx.ftz.f32 %f0, %f0;\n";
    return countsOf(body + "st.global.f32 [%mine+2048], %f0;\nEND:\ncp.async.wait_all;\n").criticalPath;
  };
  // Long after the first group has arrived; the wait behind the end waits for the second.
  uint64_t late = path(100, "cp.async.wait_group 1", 0);
  EXPECT_GE(late, 1800u + 480);
  EXPECT_LE(late, 1800u + 480 + 60);
  EXPECT_LE(path(100, "cp.async.wait_group 1", 20), late + 10); // in the time of the copy
  EXPECT_NEAR(double(path(100, "cp.async.wait_group 0", 20)), double(late) + 20 * 18, 40);
  // The first group is still under way.
  uint64_t early = path(1, "cp.async.wait_group 1", 20);
  EXPECT_GE(early, 480u + 20 * 18);
  EXPECT_LE(early, 480u + 20 * 18 + 60);
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
