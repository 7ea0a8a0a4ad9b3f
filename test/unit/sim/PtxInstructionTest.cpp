// Instructions and their operands, as the decoder gets them.
#include "PtxText.h"

#include <bit>

using namespace mamba;
using namespace mamba::ptx;
using Kind = Operand::Kind;
using Words = std::vector<std::string>;

TEST(PtxInstruction, OpcodeModifiersAndText) {
  Instruction load = parsedInstruction(
      "@!%p1 ld.global.nc.L1::no_allocate.L2::128B.v2.f32\n {%f1,\t_ }, // so\n [%rd3+-8];");
  EXPECT_EQ(load.opcode, "ld");
  EXPECT_EQ(load.modifiers, (Words{"global", "nc", "L1::no_allocate", "L2::128B", "v2", "f32"}));
  EXPECT_EQ(load.text, "@!%p1 ld.global.nc.L1::no_allocate.L2::128B.v2.f32 {%f1, _ }, [%rd3+-8]");
  EXPECT_EQ(load.line, 12u);
  EXPECT_EQ(load.guard, 31);
  EXPECT_TRUE(load.isGuardNegated);
  ASSERT_EQ(load.operands.size(), 2u);
  EXPECT_EQ(load.operands[0].kind, Kind::Vector);
  EXPECT_EQ(load.operands[0].elements.at(0).kind, Kind::Register);
  EXPECT_EQ(load.operands[0].elements.at(0).index, 21u);
  EXPECT_EQ(load.operands[0].elements.at(1).kind, Kind::Sink);
  EXPECT_EQ(load.operands[1].kind, Kind::Address);
  EXPECT_EQ(load.operands[1].base, Kind::Register);
  EXPECT_EQ(load.operands[1].index, 13u);
  EXPECT_EQ(load.operands[1].offset, -8);
}

TEST(PtxInstruction, ModifiersWithTwoColons) {
  Instruction copy = parsedInstruction(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%rd1], %r2, "
      "[%r3];");
  EXPECT_EQ(copy.modifiers, (Words{"async", "bulk", "shared::cluster", "global",
                                   "mbarrier::complete_tx::bytes"}));
  EXPECT_EQ(copy.operands.size(), 4u);
}

TEST(PtxInstruction, Immediates) {
  auto bits = [](const std::string &number) {
    Instruction move = parsedInstruction("mov.b64 %rd1, " + number + ";");
    return move.operands.size() == 2 ? move.operands[1] : Operand();
  };
  EXPECT_EQ(bits("0x7fU").bits, 0x7fu);
  EXPECT_EQ(bits("017").bits, 15u);
  EXPECT_EQ(bits("0b101").bits, 5u);
  EXPECT_EQ(bits("0").bits, 0u);
  EXPECT_EQ(bits("18446744073709551615").bits, ~uint64_t(0));
  EXPECT_EQ(bits("-2").bits, uint64_t(-2));
  EXPECT_EQ(bits("-9223372036854775808").bits, uint64_t(1) << 63);
  EXPECT_EQ(bits("WARP_SZ").bits, 32u);
  EXPECT_FALSE(bits("1").isFloat);

  EXPECT_EQ(bits("0f3F800000").bits, 0x3f800000u);
  EXPECT_TRUE(bits("0f3F800000").isFloat);
  EXPECT_TRUE(bits("0F3f800000").isF32Bits);
  EXPECT_EQ(bits("0dBFF0000000000000").bits, std::bit_cast<uint64_t>(-1.0));
  EXPECT_FALSE(bits("0dBFF0000000000000").isF32Bits);
  EXPECT_EQ(bits("-1.5").bits, std::bit_cast<uint64_t>(-1.5));
  EXPECT_EQ(bits("25e-1").bits, std::bit_cast<uint64_t>(2.5));
  EXPECT_TRUE(bits("25e-1").isFloat);
}

TEST(PtxInstruction, SymbolsSayWhereTheyAre) {
  Function f = parsedKernel(".local .align 8 .b8 frame[32]; .shared .b32 tile[64];\n"
                            "mov.u64 %rd1, frame+8;\nmov.u32 %r1, dyn;\n"
                            "ld.param.u32 %r2, [q];\nld.const.f32 %f1, [table+4];\n"
                            "ld.shared.f32 %f2, [tile];\nst.local.u8 [4096], %r1;");
  ASSERT_EQ(f.variables.size(), 2u);
  EXPECT_EQ(f.variables[1].space, Space::Shared);
  const Operand &frame = f.instructions.at(0).operands.at(1);
  EXPECT_EQ(frame.kind, Kind::Symbol);
  EXPECT_EQ(frame.index, 0u);
  EXPECT_EQ(frame.offset, 8);
  EXPECT_FALSE(frame.isModule || frame.isParam || frame.isResult);
  const Operand &dyn = f.instructions.at(1).operands.at(1);
  EXPECT_TRUE(dyn.isModule);
  EXPECT_EQ(dyn.index, 1u);
  const Operand &q = f.instructions.at(2).operands.at(1);
  EXPECT_EQ(q.kind, Kind::Address);
  EXPECT_EQ(q.base, Kind::Symbol);
  EXPECT_TRUE(q.isParam);
  EXPECT_EQ(q.index, 1u);
  const Operand &table = f.instructions.at(3).operands.at(1);
  EXPECT_TRUE(table.isModule);
  EXPECT_EQ(table.index, 0u);
  EXPECT_EQ(table.offset, 4);
  EXPECT_EQ(f.instructions.at(4).operands.at(1).index, 1u);
  const Operand &absolute = f.instructions.at(5).operands.at(0);
  EXPECT_EQ(absolute.base, Kind::Immediate);
  EXPECT_EQ(absolute.offset, 4096);
}

TEST(PtxInstruction, SpecialRegisters) {
  Function f = parsedKernel("mov.u32 %r1, %ctaid.z;\nmov.u32 %r2, %laneid;\n"
                            "mov.u32 %r3, %envreg31;\nmov.u64 %rd1, %clock64;\n"
                            ".reg .b32 %warpid;\nmov.u32 %r1, %warpid;");
  EXPECT_EQ(f.instructions.at(0).operands.at(1).kind, Kind::Special);
  EXPECT_EQ(f.instructions.at(0).operands.at(1).special.name, "ctaid");
  EXPECT_EQ(f.instructions.at(0).operands.at(1).special.axis, 2u);
  EXPECT_EQ(f.instructions.at(1).operands.at(1).special.name, "laneid");
  EXPECT_EQ(f.instructions.at(2).operands.at(1).special.name, "envreg31");
  EXPECT_EQ(f.instructions.at(3).operands.at(1).special.name, "clock64");
  // A declared name hides it.
  EXPECT_EQ(f.instructions.at(4).operands.at(1).kind, Kind::Register);
}

TEST(PtxInstruction, PairsAndNegatedPredicates) {
  Instruction compare = parsedInstruction("setp.eq.and.s32 %p1|%p2, %r1, -1, !%p3;");
  ASSERT_EQ(compare.operands.size(), 5u);
  EXPECT_EQ(compare.operands[0].index, 31u);
  EXPECT_EQ(compare.operands[1].index, 32u);
  EXPECT_TRUE(compare.operands[4].isNegated);
  EXPECT_FALSE(compare.operands[1].isNegated);
  Instruction elect = parsedInstruction("elect.sync _|%p1, -1;");
  EXPECT_EQ(elect.operands.at(0).kind, Kind::Sink);
}

TEST(PtxInstruction, MatrixOperands) {
  Instruction mma = parsedInstruction(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, "
      "{%r0, %r1, %r2, %r3}, {%r4, 0}, {0f00000000, %f1, %f2, %f3};");
  ASSERT_EQ(mma.operands.size(), 4u);
  EXPECT_EQ(mma.modifiers.at(2), "m16n8k16");
  EXPECT_EQ(mma.operands[2].elements.at(1).kind, Kind::Immediate);
  EXPECT_TRUE(mma.operands[3].elements.at(0).isF32Bits);
}

TEST(PtxInstruction, InstructionsWithoutOperands) {
  Function f = parsedKernel("cp.async.commit_group;\n@%p1 exit;\nret;");
  ASSERT_EQ(f.instructions.size(), 3u);
  EXPECT_EQ(f.instructions[0].modifiers, (Words{"async", "commit_group"}));
  EXPECT_TRUE(f.instructions[1].operands.empty());
  EXPECT_EQ(f.instructions[2].guard, -1);
}

TEST(PtxInstruction, LabelsNameTheInstructionAfterThem) {
  Function f = parsedKernel("start:\n@%p1 bra $end;\nbra.uni start;\n$end:\n$also:");
  ASSERT_EQ(f.instructions.size(), 2u);
  EXPECT_EQ(f.instructions[0].operands.at(0).kind, Kind::Label);
  EXPECT_EQ(f.instructions[0].operands.at(0).index, 2u);
  EXPECT_EQ(f.instructions[1].operands.at(0).index, 0u);
}

TEST(PtxInstruction, BlocksShadow) {
  Function f = parsedKernel("bra L;\n"
                            "{\n.reg .f32 %r1; mov.f32 %r1, %f1;\nbra L;\n"
                            "  { bra M; }\n"
                            "L: mov.f32 %f1, %r1;\n}\n"
                            "mov.b32 %r1, %r2;\nL:\nM:");
  ASSERT_EQ(f.instructions.size(), 6u);
  EXPECT_EQ(f.registers.size(), 35u);
  EXPECT_EQ(f.registers[34].name, "%r1");
  EXPECT_EQ(f.registers[34].type, Type::F32);
  EXPECT_EQ(f.instructions[0].operands.at(0).index, 6u);
  EXPECT_EQ(f.instructions[1].operands.at(0).index, 34u);
  EXPECT_EQ(f.instructions[2].operands.at(0).index, 4u);
  EXPECT_EQ(f.instructions[3].operands.at(0).index, 6u);
  EXPECT_EQ(f.instructions[5].operands.at(0).index, 1u);
}

TEST(PtxInstruction, IndexedBranchHasItsLabels) {
  Function f = parsedKernel("$table: .branchtargets\n\tA,\n\tB,\n\tA;\n"
                            "brx.idx %r1, $table;\nA: ret;\nB:");
  const std::vector<Operand> &operands = f.instructions.at(0).operands;
  ASSERT_EQ(operands.size(), 2u);
  EXPECT_EQ(operands[0].kind, Kind::Register);
  EXPECT_EQ(operands[1].kind, Kind::Vector);
  ASSERT_EQ(operands[1].elements.size(), 3u);
  EXPECT_EQ(operands[1].elements[0].kind, Kind::Label);
  EXPECT_EQ(operands[1].elements[0].index, 1u);
  EXPECT_EQ(operands[1].elements[1].index, 2u);
  EXPECT_EQ(operands[1].elements[2].index, 1u);
}

TEST(PtxInstruction, CallsHaveResultsFunctionAndArguments) {
  auto module = parsed(kHeader + ".func g() { ret; }\n"
                                 ".func (.param .b32 r) f(.param .b32 a) {\n"
                                 ".reg .b32 %r<2>; .param .b32 in; .param .b32 out;\n"
                                 "st.param.b32 [r], 1;\ncall.uni g;\n"
                                 "call.uni (out),\n f,\n (\n in\n );\nret; }\n");
  ASSERT_TRUE(module);
  const Function &f = module->functions.at(1);
  const Operand &result = f.instructions.at(0).operands.at(0);
  EXPECT_TRUE(result.isResult);
  EXPECT_EQ(result.kind, Kind::Address);
  const std::vector<Operand> &plain = f.instructions.at(1).operands;
  ASSERT_EQ(plain.size(), 3u);
  EXPECT_TRUE(plain[0].elements.empty());
  EXPECT_EQ(plain[1].kind, Kind::Function);
  EXPECT_EQ(plain[1].index, 0u);
  EXPECT_TRUE(plain[2].elements.empty());
  const std::vector<Operand> &own = f.instructions.at(2).operands;
  EXPECT_EQ(own[1].index, 1u);
  EXPECT_EQ(own[0].elements.at(0).kind, Kind::Symbol);
  EXPECT_EQ(own[0].elements.at(0).index, 1u);
  EXPECT_EQ(own[2].elements.at(0).index, 0u);
  EXPECT_EQ(f.instructions.at(2).text, "call.uni (out), f, ( in )");
}
