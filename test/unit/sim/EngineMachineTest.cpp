// What machines do and compilers rely on, though the PTX ISA says otherwise or nothing.
#include "test/unit/sim/EngineRun.h"

using namespace mamba::sim;

// After a subtraction the carry says that nothing was borrowed: nvcc's 128-bit
// division reads it with addc.
TEST(EngineMachine, CarryAfterSubtraction) {
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(R"(
mov.u32 %r9, 0;
sub.cc.u32 %r0, %t, 16;
addc.u32 %r1, %r9, %r9;
sub.cc.u32 %r0, %t, 16;
subc.cc.u32 %r2, %r9, %r9;
addc.u32 %r3, %r9, %r9;
and.b32 %r2, %r2, 1;
mad.lo.u32 %r1, %r1, 10, %r2;
mad.lo.u32 %r1, %r1, 10, %r3;
st.global.u32 [%mine], %r1;)")));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], l < 16 ? 10u : 101u) << l;
}

// A register that nothing wrote reads as 0, also where another one's row was
// used before: results do not depend on what ran before.
TEST(EngineMachine, UnwrittenRegistersAreZero) {
  EngineRun r;
  r.grid = 3;
  r.checks.races = false;
  ASSERT_TRUE(succeeded(r.run(R"(
add.u32 %r2, %r1, 5;
setp.eq.u32 %p1, %t, 40;
@%p1 mov.u32 %r3, 9;
@%p2 add.u32 %r2, %r2, 100;
add.u32 %r2, %r2, %r3;
mov.u32 %r4, 77;
mul.lo.u32 %r4, %r4, %r4;
mov.u32 %r1, %r4;
st.global.u32 [%mine], %r2;)")));
  EXPECT_EQ(r.out, std::vector<uint32_t>(32, 5));
}

// More registers than rows: values that live at the same time keep apart, in a
// loop too.
TEST(EngineMachine, ManyRegisters) {
  std::string body = "mov.u32 %r0, 0;\nmov.u32 %r39, 0;\n";
  for (int k = 1; k < 30; ++k)
    body += "add.u32 %r" + std::to_string(k) + ", %t, " + std::to_string(k) + ";\n";
  body += "LOOP:\n";
  for (int k = 1; k < 30; ++k)
    body += "add.u32 %r39, %r39, %r" + std::to_string(k) + ";\n";
  body += "mov.u32 %r1, %r2;\nadd.u32 %r0, %r0, 1;\nsetp.lt.u32 %p0, %r0, 3;\n@%p0 bra LOOP;\n"
          "st.global.u32 [%mine], %r39;";
  EngineRun r;
  ASSERT_TRUE(succeeded(r.run(body)));
  for (uint32_t l = 0; l < 32; ++l)
    EXPECT_EQ(r.out[l], 3 * (29 * l + 435) + 2) << l;
}
