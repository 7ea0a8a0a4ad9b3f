// cvt between all types, and mov with its packed forms, through the simulator.
#include "test/unit/sim/Instructions.h"

#include <gtest/gtest.h>

using namespace mamba::sim;
using namespace mamba::sim::numerics;
using mamba::ptx::Type;

namespace {

using Cases = std::vector<InstructionCase>;

struct Number {
  const char *name;
  Type type;
  char kind; // of its register
  bool isFloat, isSigned;
  unsigned bits;
};
const Number kNumbers[] = {
    {".u8", Type::U8, 'i', false, false, 8},    {".s8", Type::S8, 'i', false, true, 8},
    {".u16", Type::U16, 's', false, false, 16}, {".s16", Type::S16, 's', false, true, 16},
    {".u32", Type::U32, 'i', false, false, 32}, {".s32", Type::S32, 'i', false, true, 32},
    {".u64", Type::U64, 'l', false, false, 64}, {".s64", Type::S64, 'l', false, true, 64},
    {".f16", Type::F16, 'h', true, true, 16},   {".bf16", Type::BF16, 'b', true, true, 16},
    {".f32", Type::F32, 'f', true, true, 32},   {".f64", Type::F64, 'd', true, true, 64}};

/// What the register holds: a signed result fills it with its sign.
uint64_t inRegister(const Number &to, uint64_t r) {
  return !to.isFloat && to.isSigned ? extendSign(r, to.bits) : r;
}

void put(Cases &cases, const std::string &modifiers, const Number &to, const Number &from,
         const Conversion &c) {
  cases.push_back({"cvt" + modifiers + to.name + from.name + " %d, %a;",
                   {to.kind, from.kind},
                   [=](uint64_t a, uint64_t, uint64_t) { return inRegister(to, convert(c, a)); }});
}

const std::pair<const char *, Round> kRounds[] = {
    {"n", Round::NearestEven}, {"z", Round::Zero}, {"m", Round::Down}, {"p", Round::Up}};

TEST(InstructionsMove, CvtBetweenIntegers) {
  Cases cases;
  for (const Number &to : kNumbers)
    for (const Number &from : kNumbers) {
      if (to.isFloat || from.isFloat)
        continue;
      Conversion c{to.type, from.type};
      put(cases, "", to, from, c);
      c.isSaturated = true;
      put(cases, ".sat", to, from, c);
    }
  checkInstructions(cases);
}

TEST(InstructionsMove, CvtBetweenIntegersAndFloats) {
  Cases cases;
  for (const Number &to : kNumbers)
    for (const Number &from : kNumbers) {
      if (to.isFloat == from.isFloat)
        continue;
      for (auto [letter, round] : kRounds) {
        Conversion c{to.type, from.type, round, from.isFloat};
        std::string modifier = std::string(".r") + letter + (from.isFloat ? "i" : "");
        put(cases, modifier, to, from, c);
        if (from.type != Type::F32 && to.type != Type::F32)
          continue;
        c.isFlushed = true;
        put(cases, modifier + ".ftz", to, from, c);
      }
    }
  checkInstructions(cases);
}

TEST(InstructionsMove, CvtBetweenFloats) {
  Cases cases;
  for (const Number &to : kNumbers)
    for (const Number &from : kNumbers) {
      if (!to.isFloat || !from.isFloat)
        continue;
      bool isExact =
          to.type == from.type || to.type == Type::F64 || (to.type == Type::F32 && from.bits == 16);
      for (auto [letter, round] : kRounds) {
        if (isExact)
          break;
        Conversion c{to.type, from.type, round};
        put(cases, std::string(".r") + letter, to, from, c);
        c.isSaturated = true;
        put(cases, std::string(".r") + letter + ".sat", to, from, c);
      }
      if (isExact && to.type != from.type)
        put(cases, "", to, from, {to.type, from.type});
      if (to.type == from.type)
        for (auto [letter, round] : kRounds)
          put(cases, std::string(".r") + letter + "i", to, from, {to.type, from.type, round, true});
    }
  // .ftz, .relu, .satfinite, tf32 and pairs.
  const Number &f32n = kNumbers[10], &f64n = kNumbers[11], &f16n = kNumbers[8],
               &bf16n = kNumbers[9];
  Conversion c{Type::F32, Type::F64};
  c.isFlushed = true;
  put(cases, ".rn.ftz", f32n, f64n, c);
  c = {Type::F32, Type::F32, Round::Down, true};
  c.isFlushed = true;
  put(cases, ".rmi.ftz", f32n, f32n, c);
  c = {Type::F32, Type::F32};
  c.isSaturated = true;
  put(cases, ".sat", f32n, f32n, c);
  for (const Number *to : {&f16n, &bf16n}) {
    c = {to->type, Type::F32};
    c.isRelu = true;
    put(cases, ".rn.relu", *to, f32n, c);
    std::string pair = std::string(to->name) + "x2.f32 %d, %a, %b;";
    char kind = to->kind == 'h' ? 'x' : 'y';
    for (bool isZero : {false, true})
      for (bool isRelu : {false, true}) {
        Conversion p{to->type, Type::F32, isZero ? Round::Zero : Round::NearestEven};
        p.isRelu = isRelu;
        cases.push_back(
            {std::string("cvt.r") + (isZero ? "z" : "n") + (isRelu ? ".relu" : "") + pair,
             {kind, 'f', 'f'},
             [=](uint64_t a, uint64_t b, uint64_t) {
               return convertPair(p, uint32_t(a), uint32_t(b));
             }});
      }
  }
  Number tf32{".tf32", Type::TF32, 'i', true, true, 32};
  put(cases, ".rna", tf32, f32n, {Type::TF32, Type::F32, Round::NearestAway});
  put(cases, ".rn", tf32, f32n, {Type::TF32, Type::F32, Round::NearestEven});
  checkInstructions(cases);
}

// A register may be wider than the type: the low bits count.
TEST(InstructionsMove, CvtOfWiderRegisters) {
  Cases cases;
  cases.push_back({"cvt.s32.s8 %d, %a;", "ii",
                   [](uint64_t a, uint64_t, uint64_t) { return uint32_t(int8_t(a)); }});
  cases.push_back({"cvt.u64.u8 %d, %a;", "ll",
                   [](uint64_t a, uint64_t, uint64_t) { return uint64_t(uint8_t(a)); }});
  cases.push_back({"cvt.s64.s16 %d, %a;", "li",
                   [](uint64_t a, uint64_t, uint64_t) { return uint64_t(int16_t(a)); }});
  cases.push_back({"cvt.s16.s8 %d, %a;", "sl",
                   [](uint64_t a, uint64_t, uint64_t) { return uint64_t(uint16_t(int8_t(a))); }});
  cases.push_back({"cvt.rn.f32.u16 %d, %a;", "fi", [](uint64_t a, uint64_t, uint64_t) {
                     return uint64_t(bits(float(uint16_t(a))));
                   }});
  checkInstructions(cases);
}

TEST(InstructionsMove, Packing) {
  Cases cases;
  cases.push_back({"mov.b32 %d, {%a, %b};", "iss",
                   [](uint64_t a, uint64_t b, uint64_t) { return a | b << 16; }});
  cases.push_back({"mov.b64 %d, {%a, %b};", "lii",
                   [](uint64_t a, uint64_t b, uint64_t) { return a | b << 32; }});
  cases.push_back({"mov.b64 %d, {%a, %b, %b, %c};", "lsss", [](uint64_t a, uint64_t b, uint64_t c) {
                     return a | b << 16 | b << 32 | c << 48;
                   }});
  cases.push_back(
      {"mov.b32 {%d, _}, %a;", "si", [](uint64_t a, uint64_t, uint64_t) { return a & 0xffff; }});
  cases.push_back(
      {"mov.b32 {_, %d}, %a;", "si", [](uint64_t a, uint64_t, uint64_t) { return a >> 16; }});
  cases.push_back(
      {"mov.b64 {_, %d}, %a;", "il", [](uint64_t a, uint64_t, uint64_t) { return a >> 32; }});
  cases.push_back({"mov.b64 {_, _, %d, _}, %a;", "sl",
                   [](uint64_t a, uint64_t, uint64_t) { return a >> 32 & 0xffff; }});
  cases.push_back({"mov.u32 %d, 0f3F800000;", "i",
                   [](uint64_t, uint64_t, uint64_t) { return uint64_t(0x3f800000); }});
  cases.push_back({"mov.f64 %d, 0d3FF8000000000000;", "d",
                   [](uint64_t, uint64_t, uint64_t) { return bits(1.5); }});
  cases.push_back(
      {"mov.f32 %d, 1.5;", "f", [](uint64_t, uint64_t, uint64_t) { return uint64_t(bits(1.5f)); }});
  cases.push_back(
      {"mov.u32 %d, -2;", "i", [](uint64_t, uint64_t, uint64_t) { return uint64_t(0xfffffffe); }});
  cases.push_back(
      {"add.s64 %d, %a, -1;", "ll", [](uint64_t a, uint64_t, uint64_t) { return a - 1; }});
  cases.push_back(
      {"fma.rn.f32 %d, %a, 0f40000000, 0fBF800000;", "ff", [](uint64_t a, uint64_t, uint64_t) {
         return uint64_t(bits(numerics::fma(f32(uint32_t(a)), 2.0f, -1.0f)));
       }});
  checkInstructions(cases);
}

} // namespace
