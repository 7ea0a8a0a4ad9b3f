// How lanes part and meet again: branches, loops, ends, tables, calls.
#include "test/unit/sim/EngineRun.h"

using namespace mamba::sim;

// Lanes leave a loop one by one and are together behind it.
TEST(EngineFlow, LoopOfDifferentLengthsReconverges) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
mov.u32 %r0, 0;
LOOP:
add.u32 %r0, %r0, 3;
mad.lo.u32 %r1, %t, 3, 3;
setp.lt.u32 %p0, %r0, %r1;
@%p0 bra LOOP;
activemask.b32 %r2;
popc.b32 %r3, %r2;
mad.lo.u32 %r4, %r3, 1000, %r0;
st.global.u32 [%mine], %r4;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 32000 + 3 * (l + 1)) << l;
}

// An if in an else in a loop: inside, only the lanes concerned; behind, all.
TEST(EngineFlow, NestedBranchesReconverge) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
mov.u32 %r9, 0;
mov.u32 %r8, 0;
AGAIN:
and.b32 %r0, %t, 1;
setp.eq.u32 %p0, %r0, 0;
@%p0 bra EVEN;
and.b32 %r1, %t, 2;
setp.eq.u32 %p1, %r1, 0;
@%p1 bra ONE;
activemask.b32 %r2;
bra INNER;
ONE:
activemask.b32 %r2;
INNER:
activemask.b32 %r3;
bra OUTER;
EVEN:
activemask.b32 %r2;
mov.u32 %r3, %r2;
OUTER:
activemask.b32 %r4;
popc.b32 %r5, %r2;
popc.b32 %r6, %r3;
popc.b32 %r7, %r4;
mad.lo.u32 %r5, %r5, 100, %r6;
mad.lo.u32 %r5, %r5, 100, %r7;
add.u32 %r8, %r8, %r5;
add.u32 %r9, %r9, 1;
setp.lt.u32 %p2, %r9, 3;
@%p2 bra AGAIN;
st.global.u32 [%mine], %r8;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 3u * (l % 2 == 0 ? 161632u : 81632u)) << l;
}

// A branch whose two ways are one parts nobody.
TEST(EngineFlow, BranchesOverNothing) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 7;
mov.u32 %r1, 0;
@%p0 bra HERE;
HERE:
setp.lt.u32 %p1, %t, 20;
@%p1 bra THERE;
@!%p0 bra BACK;
BACK:
mov.u32 %r1, 5;
THERE:
activemask.b32 %r2;
popc.b32 %r3, %r2;
mad.lo.u32 %r4, %r3, 1000, %r1;
st.global.u32 [%mine], %r4;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 32000u + (l < 20 ? 0 : 5)) << l;
}

// Lanes that end do not hold up the others, wherever they end.
TEST(EngineFlow, LanesThatEndInTheMiddle) {
  EngineRun r;
  r.block = 64;
  r.words = 64;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 s[64];
setp.ge.u32 %p0, %t, 50;
@%p0 bra END;
setp.eq.u32 %p1, %t, 3;
@%p1 bra WORK;
and.b32 %r0, %t, 7;
setp.ne.u32 %p2, %r0, 7;
@%p2 bra GO;
st.global.u32 [%mine], 1;
exit;
WORK:
st.global.u32 [%mine], 2;
ret;
GO:
bar.sync 0;
activemask.b32 %r1;
popc.b32 %r1, %r1;
st.global.u32 [%mine], %r1;
END:)")));
  for (uint32_t l = 0; l < 64; ++l) {
    uint32_t wish = l >= 50 ? 0xcdcdcdcd : l == 3 ? 2 : l % 8 == 7 ? 1 : l < 32 ? 27 : 16;
    EXPECT_EQ(r.out[l], wish) << l;
  }
}

// Lanes whose branches only lead to an end do not wait, and hold up no barrier.
TEST(EngineFlow, BranchesThatLeadToAnEnd) {
  EngineRun r;
  r.block = 64;
  r.words = 64;
  ASSERT_TRUE(succeeded(r.run(R"(
st.global.u32 [%mine], 1;
setp.gt.u32 %p0, %t, 40;
@%p0 bra A;
bar.sync 0;
st.global.u32 [%mine], 2;
bra Z;
C: bra D;
B: bra C;
A: bra B;
ROUND: bra ROUND;
D: ret;
Z:)")));
  for (uint32_t l = 0; l < 64; ++l)
    EXPECT_EQ(r.out[l], l > 40 ? 1u : 2u) << l;
}

// Two calls of two calls and so on, of branches that go backwards: about 90000
// instructions: some minutes, were decoding quadratic.
TEST(EngineFlow, ManyBackwardBranches) {
  std::string functions = ".func f0()\n{\nbra C20;\nC0: bra E;\n";
  for (int i = 1; i <= 20; ++i)
    functions += "C" + std::to_string(i) + ": bra C" + std::to_string(i - 1) + ";\n";
  functions += "E: ret;\n}\n";
  for (int i = 1; i <= 12; ++i) {
    std::string call = "call f" + std::to_string(i - 1) + ", ();\n";
    functions += ".func f" + std::to_string(i) + "()\n{\n" + call + call + "ret;\n}\n";
  }
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run("call f12, ();\nst.global.u32 [%mine], %t;", functions)));
  EXPECT_EQ(r.out[31], 31u);
}

TEST(EngineFlow, BranchByTable) {
  const char *body = R"(
and.b32 %r0, %t, 3;
%ADD
table: .branchtargets A, B, A, C;
brx.idx %r0, table;
A: mov.u32 %r1, 10;
bra.uni DONE;
B: mov.u32 %r1, 20;
bra.uni DONE;
C: mov.u32 %r1, 30;
DONE:
activemask.b32 %r2;
popc.b32 %r2, %r2;
mad.lo.u32 %r1, %r2, 100, %r1;
st.global.u32 [%mine], %r1;)";
  auto with = [&](const std::string &add) {
    std::string text = body;
    return text.replace(text.find("%ADD"), 4, add);
  };
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(with(""))));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 3200u + (l % 4 == 1 ? 20 : l % 4 == 3 ? 30 : 10)) << l;
  EXPECT_TRUE(failedWith(r.run(with("add.u32 %r0, %r0, 2;")),
                         {"brx.idx", "entry 4 of a table of 4", "lane 2"}));
}

TEST(EngineFlow, GuardsOfAnyInstruction) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 8;
mov.u32 %r0, 5;
@%p0 mov.u32 %r0, 6;
@!%p0 add.u32 %r0, %r0, 100;
@%p0 st.global.u32 [%mine], %r0;
@%p0 exit;
st.global.u32 [%mine], %r0;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l < 8 ? 6u : 105u) << l;
}

// Both ways lead to the next instruction.
TEST(EngineFlow, BranchToTheNextInstruction) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
and.b32 %r0, %t, 1;
setp.eq.u32 %p0, %r0, 0;
@%p0 bra NEXT;
NEXT:
table: .branchtargets SAME, SAME;
brx.idx %r0, table;
SAME:
activemask.b32 %r1;
st.global.u32 [%mine], %r1;)")));
  EXPECT_EQ(r.out, std::vector<uint32_t>(32, ~0u));
}

// One lane waits for what another one, in the other branch, has still to write.
TEST(EngineFlow, LanesThatSpinLetOthersRun) {
  EngineRun r;
  r.checks.races = false;
  ASSERT_TRUE(succeeded(r.run(R"(
.shared .align 4 .b32 flag;
st.volatile.shared.u32 [flag], 0;
bar.warp.sync -1;
setp.eq.u32 %p0, %t, 5;
@%p0 bra WRITE;
SPIN:
ld.volatile.shared.u32 %r0, [flag];
setp.eq.u32 %p1, %r0, 0;
@%p1 bra SPIN;
bra.uni DONE;
WRITE:
mov.u32 %r0, 77;
st.volatile.shared.u32 [flag], %r0;
DONE:
st.global.u32 [%mine], %r0;)")));
  EXPECT_EQ(r.out, std::vector<uint32_t>(32, 77));
}

// Warps that spin let others run, too.
TEST(EngineFlow, WarpsThatSpinLetOthersRun) {
  EngineRun r;
  r.block = 64;
  r.words = 64;
  r.fill = 0;
  r.checks.races = false;
  ASSERT_TRUE(succeeded(r.run(R"(
setp.lt.u32 %p0, %t, 32;
@!%p0 bra WRITE;
SPIN:
ld.volatile.global.u32 %r0, [%out+252];
setp.eq.u32 %p1, %r0, 0;
@%p1 bra SPIN;
WRITE:
add.u32 %r1, %t, 1;
st.volatile.global.u32 [%mine], %r1;)")));
  for (uint32_t t = 0; t < 64; ++t)
    EXPECT_EQ(r.out[t], t + 1);
}

TEST(EngineFlow, EndlessLoopIsADeadlock) {
  EngineRun r;
  r.checks.maxWarpInstructions = 100000;
  EXPECT_TRUE(failedWith(r.run("LOOP:\nadd.u32 %r0, %r0, 1;\nbra LOOP;"),
                         {"deadlock", "instructions and goes on", "kernel 'k'"}));
}

// A lock that is never freed is found about as soon.
TEST(EngineFlow, SpinningOnAnAtomicIsADeadlock) {
  EngineRun r;
  r.checks.maxWarpInstructions = 1 << 20;
  EXPECT_TRUE(failedWith(r.run("LOOP:\natom.global.exch.b32 %r0, [%out], 1;\n"
                               "setp.ne.u32 %p0, %r0, 0;\n@%p0 bra LOOP;"),
                         {"deadlock", "instructions and goes on"}));
}

namespace {
/// Functions f0 to f<count>, each of which calls the next.
std::string chain(int count) {
  std::string text;
  for (int i = count; i >= 0; --i)
    text += ".func f" + std::to_string(i) + "()\n{\n" +
            (i == count ? "" : "call f" + std::to_string(i + 1) + ", ();\n") + "ret;\n}\n";
  return text;
}
} // namespace

TEST(EngineFlow, CallsAreSoDeepAtMost) {
  EngineRun r;
  const char *body = "call f0, ();\nst.global.u32 [%mine], %t;";
  EXPECT_TRUE(succeeded(r.run(body, chain(63))));
  EXPECT_TRUE(failedWith(r.run(body, chain(64)), {"'f64', which is more than 64 calls deep"}));
  EXPECT_TRUE(failedWith(r.run(body, chain(30000)), {"'f64', which is more than 64 calls deep"}));
}

TEST(EngineFlow, TrapIsADefect) {
  EngineRun r;
  EXPECT_TRUE(failedWith(r.run("setp.eq.u32 %p0, %t, 9;\n@%p0 trap;"), {"trap", "lane 9"}));
}

// Parameters and results, a call in a call, lanes that return at different places.
TEST(EngineFlow, Calls) {
  const char *module = R"(
.func (.param .b32 r) twice(.param .b32 x)
{
.reg .b32 %a;
ld.param.u32 %a, [x];
add.u32 %a, %a, %a;
st.param.b32 [r], %a;
ret;
}
.func (.param .b32 r) choose(.param .b32 x, .param .b64 p)
{
.reg .b32 %a;
.reg .b64 %q;
.reg .pred %p;
ld.param.u32 %a, [x];
setp.gt.u32 %p, %a, 9;
@%p bra BIG;
st.param.b32 [r], 7;
ret;
BIG:
ld.param.u64 %q, [p];
st.u32 [%q], %a;
{
.param .b32 in;
.param .b32 back;
st.param.b32 [in], %a;
call.uni (back), twice, (in);
ld.param.b32 %a, [back];
}
st.param.b32 [r], %a;
ret;
}
)";
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
.local .align 4 .b32 place;
.param .b32 x;
.param .b64 p;
.param .b32 back;
mov.u64 %q0, place;
cvta.local.u64 %q0, %q0;
st.u32 [%q0], 1;
st.param.b32 [x], %t;
st.param.b64 [p], %q0;
mov.u32 %r0, 500;
setp.ne.u32 %p0, %t, 31;
@!%p0 bra SKIP;
@%p0 call (back), choose, (x, p);
ld.param.b32 %r0, [back];
SKIP:
ld.local.u32 %r1, [place];
activemask.b32 %r2;
popc.b32 %r2, %r2;
mad.lo.u32 %r0, %r0, 100, %r1;
mad.lo.u32 %r0, %r0, 100, %r2;
st.global.u32 [%mine], %r0;)",
                              module)));
  for (uint32_t l = 0; l < 32; ++l) {
    uint32_t back = l == 31 ? 500 : l > 9 ? 2 * l : 7, place = l > 9 && l != 31 ? l : 1;
    EXPECT_EQ(r.out[l], (back * 100 + place) * 100 + 32) << l;
  }
}

TEST(EngineFlow, RecursionIsRefusedByName) {
  EngineRun r;
  EXPECT_TRUE(failedWith(r.run("call f, ();", ".func f()\n{\ncall f, ();\nret;\n}\n"),
                         {"line", "calls 'f'", "no recursion", "kernel 'k'"}));
}

TEST(EngineFlow, UnknownInstructionsAreRefused) {
  for (const char *text :
       {"tanh.approx.bf17 %r0, %r1;", "add.u32.foo %r0, %r1, %r2;", "madd.lo.u32 %r0, %r1, %r2;",
        "wgmma.fence.sync.aligned;", "add.rz.u32 %r0, %r1, %r2;"}) {
    EngineRun r;
    std::string name = std::string("'") + std::string(text).substr(0, 10);
    EXPECT_TRUE(failedWith(r.run(text), {"test: line 15: ", name.c_str(),
                                         "is not known to the simulator", "kernel 'k'"}))
        << text;
  }
  EngineRun r;
  EXPECT_TRUE(failedWith(r.run("add.u32 %r0, %q1, %r2;"), {"line 15", "another size"}));
  EXPECT_TRUE(failedWith(r.run("griddepcontrol.wait;"),
                         {"line 15: 'griddepcontrol.wait' needs a module of .version 7.8 and "
                          ".target sm_90 or later"}));
  EXPECT_TRUE(failedWith(r.run("ld.global.v2.f32 {%f0}, [%out];"), {"line 15", "number"}));
}
