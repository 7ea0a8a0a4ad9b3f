// Launches: shapes, limits, host threads, the first defect.
#include "test/unit/sim/EngineRun.h"
#include "test/unit/support/Sanitizers.h"

#include <fstream>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

using namespace mamba;
using namespace mamba::sim;

namespace {
const char *shapeText = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 out) .reqntid 4, 3, 2
{
.reg .b32 %r<20>;
.reg .b64 %q<3>;
ld.param.u64 %q0, [out];
mov.u32 %r0, %tid.x;
mov.u32 %r1, %tid.y;
mov.u32 %r2, %tid.z;
mov.u32 %r3, %ctaid.x;
mov.u32 %r4, %ctaid.y;
mov.u32 %r5, %ctaid.z;
mov.u32 %r6, %ntid.y;
mov.u32 %r7, %nctaid.z;
mad.lo.u32 %r8, %r5, 3, %r4;
mad.lo.u32 %r8, %r8, 2, %r3;
mad.lo.u32 %r8, %r8, 2, %r2;
mad.lo.u32 %r8, %r8, 3, %r1;
mad.lo.u32 %r8, %r8, 4, %r0;
mul.wide.u32 %q1, %r8, 4;
add.u64 %q1, %q1, %q0;
mad.lo.u32 %r9, %r6, 10, %r7;
mad.lo.u32 %r9, %r9, 1000, %r8;
st.global.u32 [%q1], %r9;
ret;
}
)";

Status launchShape(std::vector<uint32_t> grid, std::vector<uint32_t> block,
                   std::vector<uint32_t> &out, size_t paramBytes = 8, uint32_t shared = 0) {
  auto module = Module::load(shapeText, "test");
  if (!module.ok())
    return module.status();
  GlobalMemory memory;
  uint64_t address = *memory.map(out.data(), out.size() * 4, "out", true);
  std::vector<uint8_t> params(paramBytes);
  std::memcpy(params.data(), &address, std::min<size_t>(paramBytes, 8));
  Launch launch;
  for (unsigned k = 0; k < 3; ++k) {
    launch.grid[k] = grid[k];
    launch.block[k] = block[k];
  }
  launch.params = params;
  launch.dynamicShared = shared;
  return run(**module, launch, memory, {}, 2, nullptr);
}
} // namespace

TEST(EngineLaunch, ThreeDimensions) {
  std::vector<uint32_t> out(2 * 3 * 4 * 24);
  Status s = launchShape({2, 3, 4}, {4, 3, 2}, out);
  ASSERT_TRUE(s.ok()) << s.message();
  for (uint32_t i = 0; i < out.size(); ++i)
    EXPECT_EQ(out[i], 34000 + i);
}

TEST(EngineLaunch, WrongShapesAreRefused) {
  std::vector<uint32_t> out(24);
  struct Case {
    std::vector<uint32_t> grid, block;
    size_t paramBytes;
    uint32_t shared;
    const char *wish;
  } cases[] = {
      {{1, 1, 1}, {4, 3, 3}, 8, 0, "at most 24"},
      {{1, 1, 1}, {2, 3, 2}, 8, 0, "requires 4 x 3 x 2"},
      {{1, 0, 1}, {4, 3, 2}, 8, 0, "has none"},
      {{1, 70000, 1}, {4, 3, 2}, 8, 0, "too large"},
      {{1, 1, 1}, {4, 3, 2}, 7, 0, "7 bytes of parameters, but it takes 8"},
      {{1, 1, 1}, {4, 3, 2}, 8, 1 << 20, "1048576 bytes of shared memory"},
  };
  for (const Case &c : cases) {
    Status s = launchShape(c.grid, c.block, out, c.paramBytes, c.shared);
    ASSERT_FALSE(s.ok()) << c.wish;
    EXPECT_NE(s.message().find(c.wish), std::string::npos) << s.message();
    EXPECT_EQ(s.message().rfind("kernel 'k': ", 0), 0u) << s.message();
  }
}

TEST(EngineLaunch, DynamicSharedMemoryLiesBehindTheStatic) {
  EngineRun r;
  r.dynamicShared = 128;
  const char *body = R"(
.shared .align 4 .b8 fixed[20];
mov.u32 %r0, dynamic;
shl.b32 %r1, %t, 2;
add.u32 %r1, %r1, %r0;
st.shared.u32 [%r1], %t;
ld.shared.u32 %r2, [%r1];
mov.u32 %r3, %dynamic_smem_size;
mad.lo.u32 %r2, %r3, 1000, %r2;
mad.lo.u32 %r2, %r0, 1000000, %r2;
st.global.u32 [%mine], %r2;
setp.eq.u32 %p0, %t, 0;
@%p0 st.shared.u32 [fixed+16], %r0;)";
  const char *dynamic = ".extern .shared .align 16 .b8 dynamic[];\n";
  ASSERT_TRUE(succeeded(r.run(body, dynamic)));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 32128000 + l);
  r.dynamicShared = 124;
  EXPECT_TRUE(
      failedWith(r.run(body, dynamic), {"st.shared.u32 [%r1], %t", "lane 31", "156 bytes"}));
}

namespace {
/// Every thread of every block mixes numbers for a while; blocks differ in length.
const char *mixBody = R"(
mov.u32 %r0, %ctaid.x;
mov.u32 %r1, %ntid.x;
mad.lo.u32 %r2, %r0, %r1, %t;
mov.u32 %r3, %r2;
and.b32 %r4, %r2, 63;
LOOP:
mad.lo.u32 %r3, %r3, 1664525, 1013904223;
sub.u32 %r4, %r4, 1;
setp.gt.s32 %p0, %r4, 0;
@%p0 bra LOOP;
mad.wide.u32 %q0, %r2, 4, %out;
ld.global.u32 %r6, [%q0];
st.global.u32 [%q0], %r3;
)";
} // namespace

TEST(EngineLaunch, HostThreadsChangeNothing) {
  EngineRun one, four;
  one.grid = four.grid = 57;
  one.block = four.block = 96;
  one.words = four.words = 57 * 96;
  four.threads = 4;
  ASSERT_TRUE(succeeded(one.run(mixBody)));
  ASSERT_TRUE(succeeded(four.run(mixBody)));
  EXPECT_EQ(one.out, four.out);
  EXPECT_EQ(std::memcmp(&one.counts, &four.counts, sizeof one.counts), 0);
  EXPECT_EQ(one.counts.blocks, 57u);
  EXPECT_EQ(one.counts.warps, 57u * 3);
}

// Of several blocks with a defect the lowest one's is told, every time.
TEST(EngineLaunch, TheFirstBlocksDefectWins) {
  for (unsigned threads : {1u, 4u})
    for (int repeat = 0; repeat < 5; ++repeat) {
      EngineRun r;
      r.grid = 40;
      r.block = 32;
      r.words = 13 * 32; // block 13 and all behind it write too far
      r.threads = threads;
      EXPECT_TRUE(failedWith(r.run(mixBody), {"(13,0,0)", "'out'", "lane 0"})) << threads;
    }
}

TEST(EngineLaunch, LaunchesRunBesideEachOther) {
  std::vector<EngineRun> runs(3);
  std::vector<std::thread> team;
  for (EngineRun &r : runs)
    team.emplace_back([&r] {
      r.grid = 20;
      r.words = 640;
      r.threads = 2;
      r.run(mixBody);
    });
  for (std::thread &t : team)
    t.join();
  for (EngineRun &r : runs) {
    EXPECT_TRUE(succeeded(r));
    EXPECT_EQ(r.out, runs[0].out);
  }
}

// Neither on the calling thread nor on one that helps does anything escape.
TEST(EngineLaunch, NotEnoughMemoryIsAFailure) {
  if (MAMBA_ASAN || MAMBA_TSAN)
    GTEST_SKIP() << "their memory knows no such limit";
  EngineRun r;
  r.grid = 8;
  r.threads = 4;
  r.words = 8 * 32;
  ASSERT_TRUE(succeeded(r.run(mixBody)));
  r.block = 1024;
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit = before;
  limit.rlim_cur = pages * uint64_t(sysconf(_SC_PAGESIZE)) + (uint64_t(300) << 20);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  r.run(".local .align 4 .b8 big[500000];\nst.local.u32 [big], %t;");
  setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(r.status.code(), StatusCode::OutOfMemory);
  EXPECT_TRUE(failedWith(r, {"not enough memory to simulate a launch"}));
  r.block = 32;
  EXPECT_TRUE(succeeded(r.run(mixBody)));
}

// Variables of the module keep what kernels write, and begin as they say.
TEST(EngineLaunch, VariablesOfTheModule) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
mov.u64 %q0, table;
mul.wide.u32 %q1, %t, 4;
and.b64 %q1, %q1, 15;
add.u64 %q2, %q0, %q1;
ld.global.u32 %r0, [%q2];
ld.const.u32 %r1, [scale+4];
mad.lo.u32 %r0, %r0, %r1, 0;
setp.eq.u32 %p0, %t, 0;
@%p0 st.global.u32 [counter], 41;
bar.warp.sync -1;
atom.global.add.u32 %r2, [counter], 1;
bar.warp.sync -1;
ld.global.u32 %r3, [counter];
mad.lo.u32 %r0, %r3, 1000, %r0;
st.global.u32 [%mine], %r0;)",
                              ".global .align 4 .b32 table[4] = {1, 2, 3, 4};\n"
                              ".const .align 4 .b32 scale[2] = {5, 6};\n"
                              ".global .align 4 .b32 counter;\n")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 73000 + (l % 4 + 1) * 6) << l;
}

// One access whose lanes reach four spaces through generic addresses.
TEST(EngineLaunch, GenericAddresses) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 s;
.local .align 4 .b32 own;
setp.eq.u32 %p6, %t, 0;
@%p6 st.shared.u32 [s], 10;
st.local.u32 [own], %t;
bar.warp.sync -1;
mov.u64 %q0, s;
cvta.shared.u64 %q0, %q0;
mov.u64 %q1, own;
cvta.local.u64 %q1, %q1;
mov.u64 %q2, table;
cvta.global.u64 %q2, %q2;
and.b32 %r0, %t, 3;
setp.eq.u32 %p0, %r0, 0;
setp.eq.u32 %p1, %r0, 1;
setp.eq.u32 %p2, %r0, 2;
mov.u64 %q3, %mine;
@%p0 mov.u64 %q3, %q0;
@%p1 mov.u64 %q3, %q1;
@%p2 mov.u64 %q3, %q2;
st.global.u32 [%mine], 7;
ld.u32 %r1, [%q3];
isspacep.shared %p3, %q3;
isspacep.local %p4, %q3;
isspacep.global %p5, %q3;
selp.u32 %r2, 100, 0, %p3;
@%p4 mov.u32 %r2, 200;
@%p5 mov.u32 %r2, 300;
add.u32 %r1, %r1, %r2;
st.global.u32 [%mine], %r1;)",
                              ".global .align 4 .b32 table[4] = {1, 2, 3, 4};\n")));
  for (uint32_t l = 0; l < 32; ++l) {
    uint32_t wish[] = {110, 200 + l, 301, 307};
    EXPECT_EQ(r.out[l], wish[l % 4]) << l;
  }
}
