// Text that is wrong, or that asks for too much: one line that says where.
#include "PtxText.h"

using namespace mamba;
using namespace mamba::ptx;

namespace {
struct Case {
  std::string line, message;
};
} // namespace

/// The line alone in a kernel's body.
static void expectInBody(const std::vector<Case> &cases) {
  for (const Case &test : cases)
    EXPECT_EQ(failure(kernel(test.line)), "text: line 12: '" + test.line + "': " + test.message);
}

/// The line alone in a module.
static void expectInModule(const std::vector<Case> &cases) {
  for (const Case &test : cases)
    EXPECT_EQ(failure(kHeader + test.line + "\n"),
              "text: line 4: '" + test.line + "': " + test.message);
}

TEST(PtxError, Header) {
  EXPECT_EQ(failure(""),
            "text: line 1: the text has no .version and .target: it is not a PTX module");
  EXPECT_EQ(failure("ELF"), "text: line 1: 'ELF': expected a directive, got 'ELF'");
  EXPECT_EQ(failure(".target sm_80"), "text: line 1: '.target sm_80': expected '.version' first");
  EXPECT_EQ(failure(".version 8.0\n.entry k()"),
            "text: line 2: '.entry k()': expected '.target' after '.version'");
  EXPECT_EQ(failure(".version 8"),
            "text: line 1: '.version 8': expected a version such as 8.0, got '8'");
  EXPECT_EQ(failure(".version 5.0"),
            "text: line 1: '.version 5.0': PTX before 6.3 is not supported, got 5.0");
  EXPECT_EQ(failure(".version 8.0\n.target gfx90"),
            "text: line 2: '.target gfx90': expected a target such as sm_80, got 'gfx90'");
  expectInModule({
      {".version 8.0", "a second .version: one module at a time"},
      {".target sm_90", "a second .target: one module at a time"},
      {".address_size 32", "addresses of 32 bits are not supported: compile for 64"},
      {".alias a, b;", "'.alias' is not known in a module"},
      {"mov.b32 %r1, %r2;", "expected a directive, got 'mov'"},
  });
}

TEST(PtxError, Names) {
  expectInBody({
      {"mov.b32 %r1, %r10;", "'%r10' is not declared"},
      {"ld.global.f32 %f1, [%rx];", "'%rx' is not declared"},
      {"@%q bra L;", "'%q' is not declared"},
      {"@%r1 bra L;", "'%r1' is not a predicate"},
      {"and.pred %p1, %p2, !%r1;", "'%r1' is not a predicate"},
      {"bra L;", "there is no label 'L' in this function"},
      {"bra L; { L: ret; }", "there is no label 'L' in this function"},
      {"bra %r1;", "'%r1' is not a label"},
      {"L: mov.b32 %r1, L;", "a label is no operand of this instruction"},
      {"mov.b64 %rd1, k;", "the address of a function is not supported: call it by name"},
      {"mov.u32 %r1, %tid;", "expected '.x', '.y' or '.z' after '%tid', got ';'"},
      {".reg .b32 %r<3>;", "'%r0' is declared twice in this block"},
      {".reg .b32 a, a;", "'a' is declared twice in this block"},
      {"a: ret; a:", "'a' is declared twice in this block"},
      {".shared .b32 p;", "'p' is declared twice in this block"},
      {".reg .b32 _;", "expected the name of a register, got '_'"},
      {"brx.idx %r1, L;", "'L' is not the label of .branchtargets before it"},
  });
  expectInModule({
      {".global .b32 a; .const .b32 a;", "'a' is declared twice in this module"},
      {".func f() { ret; } .func f() { ret; }", "'f' is declared twice in this module"},
      {".func f(); .func f(.param .b32 a) { ret; }",
       "'f' was declared with other parameters in line 4"},
      {".entry k(.param .b32 a, .param .b32 a) { ret; }", "'a' is declared twice"},
  });
}

TEST(PtxError, Syntax) {
  expectInBody({
      {"mov.b32 %r1 %r2;", "expected ',' or ';', got '%r2'"},
      // Not taken for a line of debug data, and so not skipped.
      {"@@%p1 bra L;", "expected a predicate, got '@'"},
      {"mul.f32 %f1, %f2|%f3, %f4;", "expected ',' or ';', got '|'"},
      {"ld.global.b32 %r1|[%rd1];", "two results must be registers or '_'"},
      {"mov.b32 %r1, ;", "expected an operand, got ';'"},
      {"ld.global. %r1;", "a dot without a word after it"},
      {"mov.b32 %r1, 0f3F80;", "a malformed number, expected 0f and 8 hexadecimal digits"},
      {"mov.b32 %r1, 0d3F80;", "a malformed number, expected 0d and 16 hexadecimal digits"},
      {"mov.b32 %r1, 08;", "a malformed number"},
      {"mov.b32 %r1, 12ab;", "a malformed number"},
      {"mov.f32 %f1, 1e999;", "a malformed number"},
      {"mov.f32 %f1, -0f3F800000;",
       "a sign before a hexadecimal floating point number: write it into the number"},
      {"mov.b64 %rd1, 18446744073709551616;", "an integer of more than 64 bits"},
      {"mov.b64 %rd1, -9223372036854775809;", "an integer of more than 64 bits"},
      {"ld.global.b32 %r1, [%rd1+9223372036854775808];",
       "an offset must be from 0 to 9223372036854775807, got 9223372036854775808"},
      {"ld.global.b32 %r1, [%rd1;", "expected ']', got ';'"},
      {"ld.global.b32 %r1, [%tid.x];", "'%tid' is not an address"},
      {"ld.global.b32 %r1, [0f00000000];", "an address must be an integer"},
      {"mov.b64 %rd1, {};", "expected a number, got '}'"},
      {"mov.b64 %rd1, {%r1, %tid.x};",
       "an element of a vector must be a register, a number or '_'"},
      {"mov.b32 %r1, #;", "a character that PTX does not have"},
      {".pragma nounroll;", "expected a string, got 'nounroll'"},
      {".pragma \"nounroll;", "a string that does not end on its line"},
      {".entry l() { ret; }", "'.entry' is not known in a function"},
      {".reg .b32 %a<x>;", "expected a number of registers, got 'x'"},
  });
  EXPECT_EQ(failure(kHeader + ".entry k() {\nret;\n"),
            "text: line 6: the body of 'k' does not end, expected '}'");
  EXPECT_EQ(failure(kernel("mov.b32 %r1, /* so;")),
            "text: line 12: 'mov.b32 %r1,': a comment that does not end, expected '*/'");
  EXPECT_EQ(failure(kernel("ret")), "text: line 13: '}': expected an operand, got '}'");
  EXPECT_EQ(failure(kernel("ret;") + "}"), "text: line 14: '}': expected a directive, got '}'");
  EXPECT_EQ(failure(kernel("mov.b32 %r1, \x01;")),
            "text: line 12: 'mov.b32 %r1, \\x01;': a character that PTX does not have");
}

TEST(PtxError, WhatTheReaderLacksIsNamed) {
  expectInBody({
      {"mov.b32 %r1, (3*4);",
       "an expression of constants is not supported: write its value"},
      {".reg .v4 .f32 %v;",
       "vector registers are not supported: declare a register for each element"},
      {".reg .bf16 %b;",
       "nothing can be declared with the type '.bf16': use '.b16' or '.b32'"},
      {"vadd.s32.s32.s32 %r1, %r2.b0, %r3.b1;",
       "parts of registers are not supported: take them with mov, shr or bfe"},
      {"cp.async.bulk.tensor.2d.shared::cluster.global.tile [%r1], [%rd1, {%r2, %r3}];",
       "coordinates in an address (of a tensor map or a texture) are not supported: compute the "
       "address"},
      {"call %rd1, ();", "indirect calls are not supported: call functions by name"},
      {"f: .callprototype ()_ (.param .b32 _);",
       "indirect calls are not supported: call functions by name"},
      {".global .b32 x;", "'.global' stands in a function: declare it in the module"},
      {"call f;", "'f' is not declared: functions stand before their calls"},
      {"call p;", "'p' is not a function"},
      {"call k;", "'k' has 0 results and 2 parameters, not 0 and 0"},
  });
  expectInModule({
      {".func (.reg .b32 r) f() { ret; }",
       "parameters in registers are not supported: use .param"},
      {".global .b32 a; .global .u64 b = a;",
       "an address as an initial value is not supported: compute it in the kernel"},
      {".global .texref t;", "expected a type, got '.texref'"},
      {".local .b32 a;", "'.local' stands outside of a function: declare it in one"},
      {".global .pred a;", "a predicate cannot be a variable: declare it with .reg"},
      {".entry k() .maxnctapercell 3 { ret; }",
       "'.maxnctapercell' is not known in the head of a function"},
  });
}

TEST(PtxError, Variables) {
  expectInModule({
      {".global .align 3 .b32 a;", "an alignment must be a power of two, got 3"},
      {".global .align 131072 .b32 a;",
       "an alignment must be from 1 to 65536, got 131072"},
      {".global .b32 a[];", "'a' has no bytes: write its extent into the brackets"},
      {".global .b32 a[0];", "'a' has no bytes: write its extent into the brackets"},
      {".global .b32 a[2][];", "expected an extent, got ']'"},
      {".global .b32 a[1][1][1][1][1][1][1][1][1];", "an array of more than 8 dimensions"},
      {".global .b8 a[2] = {1, 2, 3};",
       "more initial values than the array's 2 elements"},
      {".global .b8 a[2] = {256};", "an initial value that does not fit into 1 byte"},
      {".global .s8 a[2] = {-129};", "an initial value that does not fit into 1 byte"},
      {".global .f32 a = 1;", "expected a floating point number, got '1'"},
      {".global .b16 a = 0f3F800000;", "expected an integer, got '0f3F800000'"},
      {".global .b8 a[2][2] = {1, 2};", "expected '{', got '1'"},
      {".global .b8 a = ;", "expected a number, got ';'"},
      {".shared .b8 a = 1;",
       "only variables in .global and .const that are not .extern can have an initial value"},
  });
}

TEST(PtxError, AbsurdSizes) {
  expectInModule({
      {".global .b8 a[4294967296];", "'a' has 4 GiB or more"},
      {".global .b64 a[65536][65536][65536][65536];", "'a' has 4 GiB or more"},
      {".global .b64 a[0][18446744073709551615];", "'a' has 4 GiB or more"},
      {".global .b8 a[2147483648], b[2147483648];",
       "the variables in .global have 4 GiB or more"},
      {".global .b8 a[67108865] = {1};", "more than 64 MiB of initial values in a module"},
      {".global .b8 a[2][67108864] = {{}, {1}};",
       "more than 64 MiB of initial values in a module"},
      {".global .b8 a[][67108864] = {{}, {}};",
       "more than 64 MiB of initial values in a module"},
      {".entry k(.param .b8 a[32765]) { ret; }",
       "more than 32764 bytes of parameters: pass a pointer to them"},
      {".entry k() .maxntid 64, 64 { ret; }",
       "the product of the extents must be at most 1024, got 4096"},
      {".entry k() .reqntid 0 { ret; }", "an extent must be from 1 to 1024, got 0"},
  });
  expectInBody({
      {".reg .b32 %a<1048577>;", "more than 1048576 registers in a module"},
      {".reg .b32 %a<18446744073709551615>;", "more than 1048576 registers in a module"},
  });
  EXPECT_EQ(failure(std::string((32 << 20) + 1, ' ')),
            "text: more than 32 MiB of PTX: split it into modules");
}

TEST(PtxError, DepthAndLengthAreLimited) {
  auto nested = [](int depth) {
    return kernel(std::string(depth, '{') + "ret;" + std::string(depth, '}'));
  };
  EXPECT_EQ(failure(nested(63)), "parsed");
  EXPECT_TRUE(failure(nested(64)).ends_with("': blocks nested deeper than 64 levels"));
  EXPECT_TRUE(failure(nested(1 << 20)).ends_with("': blocks nested deeper than 64 levels"));

  auto vector = [](int count) {
    std::string list = "%r1";
    for (int i = 1; i < count; ++i)
      list += ",%r1";
    return kernel("mov.b64 %rd1, {" + list + "};");
  };
  EXPECT_EQ(failure(vector(128)), "parsed");
  std::string message = failure(vector(1 << 16));
  EXPECT_TRUE(message.ends_with("': a vector of more than 128 elements"));
  EXPECT_LT(message.size(), 250u);

  // Each use of a table copies its labels.
  std::string branches = "t: .branchtargets A";
  for (int i = 0; i < 5000; ++i)
    branches += ",A";
  branches += ";\nA:\n";
  for (int i = 0; i < 1000; ++i)
    branches += "brx.idx %r1, t;\n";
  EXPECT_TRUE(failure(kernel(branches))
                  .ends_with("'brx.idx %r1, t;': more than 1048576 targets of brx in a module"));
}

TEST(PtxError, EveryPrefixOfATextIsRefusedInOneLine) {
  std::string text = kernel("@%p1 bra L;\n{ .reg .b16 a<2>; mov.b32 {a0, a1}, %r1; }\n"
                            "L: ld.global.v2.f32 {%f1, _}, [%rd1+16]; /* end */\nret;");
  size_t header = kHeader.size();
  for (size_t length = 0; length < text.size(); ++length) {
    std::string message = failure(text.substr(0, length));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    if (length < header - 20)
      EXPECT_TRUE(message.starts_with("text: line ")) << length << ": " << message;
  }
}
