// What stands around the instructions: header, variables, functions' heads.
#include "PtxText.h"

using namespace mamba;
using namespace mamba::ptx;

TEST(PtxModule, HeaderNamesVersionAndTarget) {
  auto module = parsed("// a comment\n.version 9.0\n.target sm_90a, debug\n.address_size 64\n");
  ASSERT_TRUE(module);
  EXPECT_EQ(module->version, 90u);
  EXPECT_EQ(module->target, "sm_90a");
}

TEST(PtxModule, ZeroByteAtTheEndIsNotText) {
  EXPECT_TRUE(parsed(kHeader + std::string(2, '\0')));
}

TEST(PtxModule, VariablesHaveSpaceTypeAlignmentAndSize) {
  auto module = parsed(kHeader + ".global .align 8 .b8 a[3][5];\n"
                                 ".extern .shared .align 16 .b8 b[];\n"
                                 ".shared .v4 .f32 c[2], d;\n"
                                 ".visible .const .u16 e;\n");
  ASSERT_TRUE(module);
  ASSERT_EQ(module->variables.size(), 5u);
  const Variable &a = module->variables[0], &b = module->variables[1], &c = module->variables[2],
                 &d = module->variables[3], &e = module->variables[4];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.space, Space::Global);
  EXPECT_EQ(a.type, Type::B8);
  EXPECT_EQ(a.align, 8u);
  EXPECT_EQ(a.bytes, 15u);
  EXPECT_FALSE(a.isExtern);
  EXPECT_EQ(a.line, 4u);
  EXPECT_TRUE(a.init.empty());
  EXPECT_EQ(b.space, Space::Shared);
  EXPECT_TRUE(b.isExtern);
  EXPECT_EQ(b.bytes, 0u);
  EXPECT_EQ(c.align, 16u);
  EXPECT_EQ(c.bytes, 32u);
  EXPECT_EQ(d.bytes, 16u);
  EXPECT_EQ(e.space, Space::Const);
  EXPECT_EQ(e.align, 2u);
}

TEST(PtxModule, InitialValuesBecomeBytes) {
  auto module = parsed(kHeader + ".global .b16 a[2][3] = {{1, -2}, {0x0304}};\n"
                                 ".global .f32 b = 0f3F800000;\n"
                                 ".global .f64 c[] = {1.5, 0d3FF0000000000000};\n"
                                 ".const .b8 d[4] = {1, 255};\n"
                                 ".global .s64 e = -1;\n"
                                 ".global .v2 .b8 f[2] = {{1, 2}, {3}};\n");
  ASSERT_TRUE(module);
  using Bytes = std::vector<uint8_t>;
  const auto &v = module->variables;
  EXPECT_EQ(v[0].init, (Bytes{1, 0, 0xfe, 0xff, 0, 0, 4, 3, 0, 0, 0, 0}));
  EXPECT_EQ(v[1].init, (Bytes{0, 0, 0x80, 0x3f}));
  EXPECT_EQ(v[2].bytes, 16u);
  EXPECT_EQ(v[2].init, (Bytes{0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  EXPECT_EQ(v[3].init, (Bytes{1, 255, 0, 0}));
  EXPECT_EQ(v[4].init, Bytes(8, 0xff));
  EXPECT_EQ(v[5].init, (Bytes{1, 2, 3, 0}));
}

TEST(PtxModule, ParametersLieAtTheirOffsets) {
  auto module = parsed(kHeader + ".visible .entry k(\n"
                                 "  .param .u32 a,\n"
                                 "  .param .u64 .ptr .global .align 64 b,\n"
                                 "  .param .u64 .ptr .align 1 c,\n"
                                 "  .param .u8 d,\n"
                                 "  .param .align 8 .b8 e[24],\n"
                                 "  .param .u16 f\n) { ret; }\n");
  ASSERT_TRUE(module);
  const Function &k = module->functions.at(0);
  EXPECT_TRUE(k.isEntry);
  EXPECT_TRUE(k.isDefined);
  EXPECT_EQ(k.line, 4u);
  EXPECT_EQ(k.paramOffsets, (std::vector<uint32_t>{0, 8, 16, 24, 32, 56}));
  EXPECT_EQ(k.paramBytes, 58u);
  EXPECT_EQ(k.params[1].type, Type::U64);
  EXPECT_EQ(k.params[1].align, 8u);
  EXPECT_EQ(k.params[4].bytes, 24u);
}

TEST(PtxModule, TuningDirectives) {
  auto module = parsed(kHeader + ".entry k() .maxntid 128, 2 .minnctapersm 3 .maxnreg 64\n"
                                 ".explicitcluster .reqnctapercluster 2, 1, 1 .maxclusterrank 8\n"
                                 ".pragma \"nounroll\"; { ret; }\n"
                                 ".entry l .reqntid 64 { ret; }\n");
  ASSERT_TRUE(module);
  using Extents = std::array<uint32_t, 3>;
  const Function &k = module->functions.at(0), &l = module->functions.at(1);
  EXPECT_EQ(k.maxntid, (Extents{128, 2, 1}));
  EXPECT_FALSE(k.reqntid);
  EXPECT_EQ(k.reqnctapercluster, (Extents{2, 1, 1}));
  EXPECT_EQ(k.minnctapersm, 3u);
  EXPECT_EQ(k.maxnreg, 64u);
  EXPECT_EQ(l.reqntid, (Extents{64, 1, 1}));
}

TEST(PtxModule, DeclarationAndDefinitionAreOneFunction) {
  auto module = parsed(kHeader + ".func (.param .b32 r) f(.param .b32 a);\n"
                                 ".extern .func g(.param .b64 a)\n;\n"
                                 ".func (.param .b32 r) f(.param .b32 a) { ret; }\n");
  ASSERT_TRUE(module);
  ASSERT_EQ(module->functions.size(), 2u);
  EXPECT_TRUE(module->functions[0].isDefined);
  EXPECT_EQ(module->functions[0].line, 7u);
  EXPECT_EQ(module->functions[0].results.at(0).bytes, 4u);
  EXPECT_FALSE(module->functions[1].isDefined);
}

TEST(PtxModule, WhatDebuggersReadIsSkipped) {
  auto module = parsed(kHeader + ".file 1 \"/tmp/a \\\" b.cu\", 1700000000, 512\n"
                                 ".entry k() {\n"
                                 ".loc 1 5 3, function_name $L__info_string0+12, inlined_at 1 4 2\n"
                                 "$L__tmp0: ret; $L__func_end0:\n}\n"
                                 ".section .debug_abbrev\n{\n.b8 1,2\n.b64 $L__tmp0\n"
                                 "name: .b32 .debug_loc+4\n.b32 $a-$b\n}\n");
  ASSERT_TRUE(module);
  EXPECT_EQ(module->functions.at(0).instructions.size(), 1u);
}

TEST(PtxModule, TypesHaveNamesAndSizes) {
  EXPECT_EQ(typeOf("f16x2"), Type::F16x2);
  EXPECT_EQ(typeOf("e4m3"), Type::None);
  EXPECT_EQ(bytesOf(Type::B128), 16u);
  EXPECT_EQ(bytesOf(Type::Pred), 1u);
  EXPECT_EQ(bytesOf(Type::None), 0u);
  for (const char *name : {"b8", "b16", "b32", "b64", "u8", "s64", "f16", "bf16x2", "tf32"})
    EXPECT_NE(bytesOf(typeOf(name)), 0u) << name;
}
