// Barriers of blocks and of warps, and what never completes.
#include "test/unit/sim/EngineRun.h"

using namespace mamba::sim;

TEST(EngineBarriers, AllWarpsWait) {
  EngineRun r;
  r.block = 96;
  r.words = 96;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 s[96];
shl.b32 %r0, %t, 2;
mov.u32 %r1, s;
add.u32 %r2, %r1, %r0;
st.shared.u32 [%r2], %t;
bar.sync 0;
sub.u32 %r3, 380, %r0;
add.u32 %r3, %r3, %r1;
ld.shared.u32 %r4, [%r3];
st.global.u32 [%mine], %r4;)")));
  for (uint32_t t = 0; t < 96; ++t)
    EXPECT_EQ(r.out[t], 95 - t);
}

// A warp that has ended counts as come; so do lanes that are not there.
TEST(EngineBarriers, EndedThreadsCount) {
  EngineRun r;
  r.block = 80;
  r.words = 80;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 32;
@%p0 exit;
barrier.cta.sync.aligned 3;
bar.sync 3;
st.global.u32 [%mine], 4;)")));
  for (uint32_t t = 0; t < 80; ++t)
    EXPECT_EQ(r.out[t], t < 32 ? 0xcdcdcdcd : 4) << t;
}

// Warp 0 makes, warp 1 takes, three times, over two named barriers.
TEST(EngineBarriers, ProducerAndConsumer) {
  EngineRun r;
  r.block = 64;
  r.words = 32;
  r.fill = 0;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 s[32];
and.b32 %r1, %t, 31;
shl.b32 %r0, %r1, 2;
mov.u32 %r2, s;
add.u32 %r2, %r2, %r0;
cvt.u64.u32 %q0, %r0;
add.u64 %q0, %q0, %out;
mov.u32 %r5, 0;
mov.u32 %r6, 0;
setp.ge.u32 %p0, %t, 32;
@%p0 bra TAKE;
MAKE:
add.u32 %r5, %r5, 1;
bar.sync 1, 64;
mad.lo.u32 %r7, %r5, 10, %r1;
st.shared.u32 [%r2], %r7;
bar.arrive 2, 64;
setp.lt.u32 %p1, %r5, 3;
@%p1 bra MAKE;
exit;
TAKE:
add.u32 %r5, %r5, 1;
barrier.cta.arrive.aligned 1, 64;
barrier.sync 2, 64;
ld.shared.u32 %r7, [%r2];
add.u32 %r6, %r6, %r7;
setp.lt.u32 %p1, %r5, 3;
@%p1 bra TAKE;
st.global.u32 [%q0], %r6;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 60 + 3 * l);
}

TEST(EngineBarriers, Reductions) {
  EngineRun r;
  r.block = 64;
  r.words = 64;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 40;
bar.red.popc.u32 %r0, 0, %p0;
bar.red.popc.u32 %r1, 0, 64, !%p0;
bar.red.and.pred %p1, 0, %p0;
barrier.cta.red.or.pred.aligned %p2, 0, %p0;
selp.u32 %r2, 1, 0, %p1;
selp.u32 %r3, 1, 0, %p2;
mad.lo.u32 %r0, %r0, 100, %r1;
mad.lo.u32 %r0, %r0, 10, %r2;
mad.lo.u32 %r0, %r0, 10, %r3;
st.global.u32 [%mine], %r0;)")));
  EXPECT_EQ(r.out, std::vector<uint32_t>(64, 402401));
}

// barrier.sync without .aligned: the lanes may come by different ways.
TEST(EngineBarriers, UnalignedBarrierOfPartedLanes) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 7;
@%p0 bra OTHER;
barrier.sync 1;
bra DONE;
OTHER:
barrier.sync 1;
DONE:
@%p0 barrier.sync 2, 32;
@!%p0 barrier.sync 2, 32;
activemask.b32 %r0;
st.global.u32 [%mine], %r0;)")));
}

TEST(EngineBarriers, DivergentBarrier) {
  EngineRun r;
  EXPECT_TRUE(failedWith(r.run("setp.lt.u32 %p0, %t, 7;\n@%p0 bar.sync 0;"),
                         {"divergent barrier", "`@%p0 bar.sync 0`", "7 of the warp's 32"}));
  EXPECT_TRUE(failedWith(r.run("setp.lt.u32 %p0, %t, 7;\n@%p0 bra L;\nbar.sync 0;\nL:\n"
                               "add.u32 %r0, %r0, 1;"),
                         {"divergent barrier", "25 of the warp's 32"}));
}

TEST(EngineBarriers, BarriersThatNeverComplete) {
  EngineRun r;
  r.block = 64;
  EXPECT_TRUE(failedWith(r.run("setp.ge.u32 %p0, %t, 32;\n@%p0 exit;\nbar.sync 1, 64;"),
                         {"deadlock", "bar.sync 1, 64", "barrier 1 has 32 of 64 threads"}));
  EXPECT_TRUE(failedWith(r.run("setp.ge.u32 %p0, %t, 32;\n@%p0 exit;\nbar.arrive 5, 64;"),
                         {"deadlock", "the block has ended", "barrier 5 has 32 of 64"}));
  EXPECT_TRUE(failedWith(
      r.run("setp.lt.u32 %p0, %t, 32;\n@%p0 bra A;\nbar.sync 1, 64;\nbra E;\nA:\n"
            "bar.sync 2, 64;\nE:\nadd.u32 %r0, %r0, 1;"),
      {"deadlock", "barrier 1 has 32 of 64 threads; barrier 2 has 32 of 64 threads"}));
}

TEST(EngineBarriers, WrongUse) {
  EngineRun r;
  r.block = 64;
  EXPECT_TRUE(failedWith(r.run("mov.u32 %r0, 16;\nbar.sync %r0;"), {"barrier 16", "there are 16"}));
  EXPECT_TRUE(failedWith(r.run("bar.sync 0, 33;"), {"33 threads", "multiple of 32"}));
  EXPECT_TRUE(failedWith(r.run("setp.lt.u32 %p0, %t, 32;\n@%p0 bar.sync 0, 64;\n"
                               "@!%p0 bar.sync 0, 32;"),
                         {"for 32 threads here and for 64"}));
  EXPECT_TRUE(failedWith(r.run("bar.arrive 0, 128;\nbar.arrive 0, 128;"),
                         {"comes to barrier 0 again"}));
}

// bar.warp.sync meets itself from both sides of a branch.
TEST(EngineBarriers, WarpBarrierOfPartedLanes) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 s[32];
shl.b32 %r0, %t, 2;
mov.u32 %r1, s;
add.u32 %r2, %r1, %r0;
xor.b32 %r0, %r0, 64;
add.u32 %r3, %r1, %r0;
setp.lt.u32 %p0, %t, 16;
@%p0 bra LOW;
add.u32 %r4, %t, 100;
st.shared.u32 [%r2], %r4;
bar.warp.sync -1;
ld.shared.u32 %r5, [%r3];
bra DONE;
LOW:
st.shared.u32 [%r2], %t;
bar.warp.sync -1;
ld.shared.u32 %r5, [%r3];
DONE:
st.global.u32 [%mine], %r5;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l < 16 ? l + 116 : l - 16) << l;
}

// A shuffle of all lanes that the lanes reach at different times: one instruction.
TEST(EngineBarriers, ShuffleWaitsForItsLanes) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
and.b32 %r0, %t, 3;
setp.eq.u32 %p0, %r0, 0;
setp.eq.u32 %p1, %r0, 1;
@%p0 bra A;
@%p1 bra A;
add.u32 %r1, %t, 1000;
bra S;
A:
add.u32 %r1, %t, 2000;
S:
shfl.sync.bfly.b32 %r2, %r1, 2, 31, -1;
st.global.u32 [%mine], %r2;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], (l ^ 2) + ((l ^ 2) % 4 < 2 ? 2000 : 1000)) << l;
}

TEST(EngineBarriers, LanesThatNeverComeAreADeadlock) {
  EngineRun r;
  EXPECT_TRUE(failedWith(r.run(R"(
setp.lt.u32 %p0, %t, 4;
@%p0 shfl.sync.bfly.b32 %r2, %r1, 1, 31, -1;
@!%p0 shfl.sync.bfly.b32 %r2, %r1, 1, 31, -1;)"),
                         {"deadlock", "lanes 0x0000000f of warp 0 wait for 0xfffffff0"}));
  EXPECT_TRUE(failedWith(r.run("shfl.sync.bfly.b32 %r2, %r1, 1, 31, 15;"),
                         {"shfl.sync", "lane 4", "member mask"}));
}

// What a lane that takes no part holds is undefined; nobody shall rely on it.
TEST(EngineBarriers, ShuffleFromALaneThatTakesNoPart) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
mov.u32 %r1, 7;
and.b32 %r0, %t, 1;
setp.eq.u32 %p0, %r0, 1;
@%p0 shfl.sync.bfly.b32 %r1, %t, 1, 31, 0xaaaaaaaa;
st.global.u32 [%mine], %r1;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l % 2 ? ~0u : 7u) << l;
}

// Each half of the warp meets by itself, and each orders its own lanes' accesses.
TEST(EngineBarriers, HalvesOfAWarpMeet) {
  EngineRun r;
  auto half = [](const char *distance) {
    return std::string(R"(
and.b32 %r1, %t, 16;
mov.u32 %r2, 0xffff;
shl.b32 %r2, %r2, %r1;
st.global.u32 [%mine], %t;
bar.warp.sync %r2;
xor.b32 %r3, %t, )") + distance + R"(;
mad.wide.u32 %q1, %r3, 4, %out;
ld.global.u32 %r4, [%q1];
bar.warp.sync %r2;
st.global.u32 [%mine], %r4;)";
  };
  ASSERT_TRUE(succeeded(r.run(half("9"))));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l ^ 9) << l;
  EXPECT_TRUE(failedWith(r.run(half("17")), {"race on global memory"}));
}

// Groups of lanes that name their own members each shuffle among themselves.
TEST(EngineBarriers, GroupsOfLanes) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
and.b32 %r0, %t, 1;
mov.u32 %r1, 0x55555555;
shl.b32 %r1, %r1, %r0;
redux.sync.add.u32 %r2, %t, %r1;
st.global.u32 [%mine], %r2;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l % 2 ? 256u : 240u);
}
