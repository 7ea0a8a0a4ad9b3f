// Floating-point instructions through the whole simulator, every combination of
// rounding and modifiers: the decoder has to find the function that the unit
// tests of numerics show to be right.
#include "test/unit/sim/Instructions.h"

#include "runtime/device/sim/SpecialFunctions.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

using Cases = std::vector<InstructionCase>;

struct Rounding {
  const char *name;
  Round mode;
};
const Rounding kRoundings[] = {
    {".rn", Round::NearestEven}, {".rz", Round::Zero}, {".rm", Round::Down}, {".rp", Round::Up}};

/// f32 with .ftz and .sat around an operation of up to three operands.
template <typename F> auto modified(F f, bool ftz, bool sat) {
  return [=](uint64_t x, uint64_t y, uint64_t z) -> uint64_t {
    float a = f32(uint32_t(x)), b = f32(uint32_t(y)), c = f32(uint32_t(z));
    if (ftz)
      a = flush(a), b = flush(b), c = flush(c);
    float r = f(a, b, c);
    r = ftz ? flush(r) : r;
    return bits(sat ? saturate(r) : r);
  };
}
template <typename F> auto onDoubles(F f) {
  return [=](uint64_t x, uint64_t y, uint64_t z) -> uint64_t {
    return bits(f(f64(x), f64(y), f64(z)));
  };
}

TEST(InstructionsFloat, F32ArithmeticWithEveryModifier) {
  Cases cases;
  for (const Rounding &round : kRoundings)
    for (bool ftz : {false, true}) {
      std::string suffix = std::string(round.name) + (ftz ? ".ftz" : "");
      Round mode = round.mode;
      for (bool sat : {false, true}) {
        std::string end = suffix + (sat ? ".sat" : "") + ".f32 %d, %a, %b";
        cases.push_back(
            {"add" + end + ";", "fff",
             modified([=](float a, float b, float) { return add(a, b, mode); }, ftz, sat)});
        cases.push_back(
            {"sub" + end + ";", "fff",
             modified([=](float a, float b, float) { return sub(a, b, mode); }, ftz, sat)});
        cases.push_back(
            {"mul" + end + ";", "fff",
             modified([=](float a, float b, float) { return mul(a, b, mode); }, ftz, sat)});
        cases.push_back(
            {"fma" + end + ", %c;", "ffff",
             modified([=](float a, float b, float c) { return numerics::fma(a, b, c, mode); }, ftz,
                      sat)});
      }
      cases.push_back(
          {"div" + suffix + ".f32 %d, %a, %b;", "fff",
           modified([=](float a, float b, float) { return div(a, b, mode); }, ftz, false)});
      cases.push_back({"rcp" + suffix + ".f32 %d, %a;", "ff",
                       modified([=](float a, float, float) { return rcp(a, mode); }, ftz, false)});
      cases.push_back(
          {"sqrt" + suffix + ".f32 %d, %a;", "ff",
           modified([=](float a, float, float) { return numerics::sqrt(a, mode); }, ftz, false)});
    }
  // Without a rounding: to nearest.
  cases.push_back({"add.f32 %d, %a, %b;", "fff",
                   modified([](float a, float b, float) { return add(a, b); }, false, false)});
  cases.push_back({"mul.ftz.f32 %d, %a, %b;", "fff",
                   modified([](float a, float b, float) { return mul(a, b); }, true, false)});
  cases.push_back(
      {"mad.rn.f32 %d, %a, %b, %c;", "ffff",
       modified([](float a, float b, float c) { return numerics::fma(a, b, c); }, false, false)});
  checkInstructions(cases);
}

// sm_100: two f32 in a 64-bit register.
TEST(InstructionsFloat, PairsOfF32) {
  auto onPairs = [](bool ftz, float (*f)(float, float, float)) {
    auto one = modified(f, ftz, false);
    return [=](uint64_t a, uint64_t b, uint64_t c) {
      return one(a, b, c) | one(a >> 32, b >> 32, c >> 32) << 32;
    };
  };
  Cases cases;
  for (bool ftz : {false, true}) {
    std::string end = std::string(".rn") + (ftz ? ".ftz" : "") + ".f32x2 %d, %a, %b";
    cases.push_back({"add" + end + ";", "222",
                     onPairs(ftz, [](float a, float b, float) { return add(a, b); })});
    cases.push_back({"sub" + end + ";", "222",
                     onPairs(ftz, [](float a, float b, float) { return sub(a, b); })});
    cases.push_back({"mul" + end + ";", "222",
                     onPairs(ftz, [](float a, float b, float) { return mul(a, b); })});
    cases.push_back({"fma" + end + ", %c;", "2222", onPairs(ftz, [](float a, float b, float c) {
                       return numerics::fma(a, b, c);
                     })});
  }
  checkInstructions(cases);
}

TEST(InstructionsFloat, F64ArithmeticInEveryMode) {
  Cases cases;
  for (const Rounding &round : kRoundings) {
    std::string suffix = std::string(round.name) + ".f64 %d, %a";
    Round mode = round.mode;
    cases.push_back({"add" + suffix + ", %b;", "ddd",
                     onDoubles([=](double a, double b, double) { return add(a, b, mode); })});
    cases.push_back({"sub" + suffix + ", %b;", "ddd",
                     onDoubles([=](double a, double b, double) { return sub(a, b, mode); })});
    cases.push_back({"mul" + suffix + ", %b;", "ddd",
                     onDoubles([=](double a, double b, double) { return mul(a, b, mode); })});
    cases.push_back(
        {"fma" + suffix + ", %b, %c;", "dddd",
         onDoubles([=](double a, double b, double c) { return numerics::fma(a, b, c, mode); })});
    cases.push_back({"div" + suffix + ", %b;", "ddd",
                     onDoubles([=](double a, double b, double) { return div(a, b, mode); })});
    cases.push_back({"rcp" + suffix + ";", "dd",
                     onDoubles([=](double a, double, double) { return rcp(a, mode); })});
    cases.push_back({"sqrt" + suffix + ";", "dd",
                     onDoubles([=](double a, double, double) { return numerics::sqrt(a, mode); })});
  }
  cases.push_back({"min.f64 %d, %a, %b;", "ddd",
                   onDoubles([](double a, double b, double) { return numerics::min(a, b); })});
  cases.push_back({"max.f64 %d, %a, %b;", "ddd",
                   onDoubles([](double a, double b, double) { return numerics::max(a, b); })});
  cases.push_back({"abs.f64 %d, %a;", "dd",
                   onDoubles([](double a, double, double) { return numerics::abs(a); })});
  cases.push_back(
      {"neg.f64 %d, %a;", "dd", onDoubles([](double a, double, double) { return neg(a); })});
  cases.push_back({"copysign.f64 %d, %a, %b;", "ddd",
                   onDoubles([](double a, double b, double) { return numerics::copysign(a, b); })});
  cases.push_back({"rcp.approx.ftz.f64 %d, %a;", "dd", onDoubles([](double a, double, double) {
                     return specialF64(Special::Rcp, a);
                   })});
  cases.push_back({"rsqrt.approx.ftz.f64 %d, %a;", "dd", onDoubles([](double a, double, double) {
                     return specialF64(Special::Rsqrt, a);
                   })});
  checkInstructions(cases);
}

TEST(InstructionsFloat, F32MinMaxAndSigns) {
  Cases cases;
  for (bool ftz : {false, true}) {
    std::string f = ftz ? ".ftz" : "";
    auto put = [&](const std::string &name, const std::string &kinds,
                   float (*function)(float, float, float)) {
      std::string operands = kinds.size() == 2   ? " %d, %a;"
                             : kinds.size() == 3 ? " %d, %a, %b;"
                                                 : " %d, %a, %b, %c;";
      cases.push_back({name + operands, kinds, modified(function, ftz, false)});
    };
    put("min" + f + ".f32", "fff", [](float a, float b, float) { return numerics::min(a, b); });
    put("max" + f + ".f32", "fff", [](float a, float b, float) { return numerics::max(a, b); });
    put("min" + f + ".NaN.f32", "fff", [](float a, float b, float) { return minNaN(a, b); });
    put("max" + f + ".NaN.f32", "fff", [](float a, float b, float) { return maxNaN(a, b); });
    put("min" + f + ".xorsign.abs.f32", "fff",
        [](float a, float b, float) { return minXorSign(a, b, false); });
    put("max" + f + ".xorsign.abs.f32", "fff",
        [](float a, float b, float) { return maxXorSign(a, b, false); });
    put("max" + f + ".NaN.xorsign.abs.f32", "fff",
        [](float a, float b, float) { return maxXorSign(a, b, true); });
    put("min" + f + ".f32", "ffff",
        [](float a, float b, float c) { return numerics::min(numerics::min(a, b), c); });
    put("max" + f + ".NaN.f32", "ffff",
        [](float a, float b, float c) { return maxNaN(maxNaN(a, b), c); });
    put("abs" + f + ".f32", "ff", [](float a, float, float) { return numerics::abs(a); });
    put("neg" + f + ".f32", "ff", [](float a, float, float) { return neg(a); });
  }
  cases.push_back(
      {"copysign.f32 %d, %a, %b;", "fff",
       modified([](float a, float b, float) { return numerics::copysign(a, b); }, false, false)});
  checkInstructions(cases);
}

TEST(InstructionsFloat, SpecialFunctions) {
  Cases cases;
  struct {
    const char *name;
    Special function;
    bool hasFlush;
  } table[] = {{"ex2", Special::Ex2, true},   {"lg2", Special::Lg2, true},
               {"rcp", Special::Rcp, true},   {"rsqrt", Special::Rsqrt, true},
               {"sqrt", Special::Sqrt, true}, {"sin", Special::Sin, true},
               {"cos", Special::Cos, true},   {"tanh", Special::Tanh, false}};
  for (const auto &row : table)
    for (bool ftz : {false, true}) {
      if (ftz && !row.hasFlush)
        continue;
      Special function = row.function;
      cases.push_back({row.name + std::string(ftz ? ".approx.ftz" : ".approx") + ".f32 %d, %a;",
                       "ff", [=](uint64_t a, uint64_t, uint64_t) {
                         return bits(special(function, ftz, f32(uint32_t(a))));
                       }});
    }
  for (bool full : {false, true})
    for (bool ftz : {false, true})
      cases.push_back({std::string("div.") + (full ? "full" : "approx") + (ftz ? ".ftz" : "") +
                           ".f32 %d, %a, %b;",
                       "fff", [=](uint64_t a, uint64_t b, uint64_t) {
                         return bits(divApprox(full, ftz, f32(uint32_t(a)), f32(uint32_t(b))));
                       }});
  auto pair = [](uint16_t (*f)(Special, uint16_t), Special s, uint64_t a) {
    return f(s, uint16_t(a)) | uint32_t(f(s, uint16_t(a >> 16))) << 16;
  };
  for (auto [name, s] :
       {std::pair("ex2.approx", Special::Ex2), std::pair("tanh.approx", Special::Tanh)}) {
    std::string text = name, bf = text + (s == Special::Ex2 ? ".ftz" : "");
    cases.push_back({text + ".f16 %d, %a;", "hh", [s = s](uint64_t a, uint64_t, uint64_t) {
                       return specialF16(s, uint16_t(a));
                     }});
    cases.push_back({text + ".f16x2 %d, %a;", "xx", [=, s = s](uint64_t a, uint64_t, uint64_t) {
                       return pair(specialF16, s, a);
                     }});
    cases.push_back({bf + ".bf16 %d, %a;", "bb", [s = s](uint64_t a, uint64_t, uint64_t) {
                       return specialBF16(s, uint16_t(a));
                     }});
    cases.push_back({bf + ".bf16x2 %d, %a;", "yy", [=, s = s](uint64_t a, uint64_t, uint64_t) {
                       return pair(specialBF16, s, a);
                     }});
  }
  checkInstructions(cases);
}

/// Single and packed forms of one operation on halves.
using Half = std::function<uint16_t(uint16_t, uint16_t, uint16_t)>;
void putHalves(Cases &cases, const std::string &name, bool isBF, unsigned operands, Half f) {
  std::string list = operands == 1   ? " %d, %a;"
                     : operands == 2 ? " %d, %a, %b;"
                                     : " %d, %a, %b, %c;";
  std::string type = isBF ? ".bf16" : ".f16";
  cases.push_back({name + type + list, std::string(operands + 1, isBF ? 'b' : 'h'), f});
  cases.push_back({name + type + "x2" + list, std::string(operands + 1, isBF ? 'y' : 'x'),
                   [f](uint64_t a, uint64_t b, uint64_t c) -> uint64_t {
                     auto high = [](uint64_t x) { return uint16_t(x >> 16); };
                     return f(uint16_t(a), uint16_t(b), uint16_t(c)) |
                            uint32_t(f(high(a), high(b), high(c))) << 16;
                   }});
}

template <typename H> void halfArithmetic() {
  constexpr bool isBF = H::format.exponentBits == 8;
  Cases cases;
  for (bool ftz : {false, true})
    for (bool sat : {false, true}) {
      if (isBF && (ftz || sat)) // bf16 has neither
        continue;
      std::string m = std::string(ftz ? ".ftz" : "") + (sat ? ".sat" : "");
      auto in = [=](uint16_t a) { return ftz ? flushHalf<H>(a) : a; };
      auto out = [=](uint16_t a) { return sat ? saturateHalf<H>(in(a)) : in(a); };
      putHalves(cases, "add.rn" + m, isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(addHalf<H>(in(a), in(b))); });
      putHalves(cases, "sub.rn" + m, isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(subHalf<H>(in(a), in(b))); });
      putHalves(cases, "mul.rn" + m, isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(mulHalf<H>(in(a), in(b))); });
      putHalves(cases, "fma.rn" + m, isBF, 3, [=](uint16_t a, uint16_t b, uint16_t c) {
        return out(fmaHalf<H>(in(a), in(b), in(c)));
      });
      if (sat)
        continue;
      putHalves(cases, "fma.rn" + m + ".relu", isBF, 3, [=](uint16_t a, uint16_t b, uint16_t c) {
        return out(reluHalf<H>(fmaHalf<H>(in(a), in(b), in(c))));
      });
      putHalves(cases, "min" + m, isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(minHalf<H>(in(a), in(b))); });
      putHalves(cases, "max" + m, isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(maxHalf<H>(in(a), in(b))); });
      putHalves(cases, "min" + m + ".NaN", isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(minNaNHalf<H>(in(a), in(b))); });
      putHalves(cases, "max" + m + ".NaN", isBF, 2,
                [=](uint16_t a, uint16_t b, uint16_t) { return out(maxNaNHalf<H>(in(a), in(b))); });
      putHalves(cases, "max" + m + ".xorsign.abs", isBF, 2, [=](uint16_t a, uint16_t b, uint16_t) {
        return out(xorSignHalf(maxHalf<H>(absHalf<H>(in(a)), absHalf<H>(in(b))), in(a), in(b)));
      });
      putHalves(cases, "neg" + m, isBF, 1,
                [=](uint16_t a, uint16_t, uint16_t) { return out(negHalf<H>(in(a))); });
      putHalves(cases, "abs" + m, isBF, 1,
                [=](uint16_t a, uint16_t, uint16_t) { return out(absHalf<H>(in(a))); });
    }
  checkInstructions(cases);
}
TEST(InstructionsFloat, F16Arithmetic) { halfArithmetic<F16>(); }
TEST(InstructionsFloat, BF16Arithmetic) { halfArithmetic<BF16>(); }

const std::pair<const char *, Compare> kCompares[] = {
    {"eq", Compare::Eq},   {"ne", Compare::Ne},   {"lt", Compare::Lt},   {"le", Compare::Le},
    {"gt", Compare::Gt},   {"ge", Compare::Ge},   {"equ", Compare::Equ}, {"neu", Compare::Neu},
    {"ltu", Compare::Ltu}, {"leu", Compare::Leu}, {"gtu", Compare::Gtu}, {"geu", Compare::Geu},
    {"num", Compare::Num}, {"nan", Compare::Nan}};

TEST(InstructionsFloat, Comparisons) {
  Cases cases;
  for (auto [name, op] : kCompares) {
    std::string text = std::string("setp.") + name;
    Compare c = op;
    auto f32s = [=](bool ftz) {
      return [=](uint64_t a, uint64_t b, uint64_t) -> uint64_t {
        float x = f32(uint32_t(a)), y = f32(uint32_t(b));
        return ftz ? compare(c, flush(x), flush(y)) : compare(c, x, y);
      };
    };
    cases.push_back({text + ".f32 %d, %a, %b;", "pff", f32s(false)});
    cases.push_back({text + ".ftz.f32 %d, %a, %b;", "pff", f32s(true)});
    cases.push_back({text + ".f64 %d, %a, %b;", "pdd",
                     [=](uint64_t a, uint64_t b, uint64_t) { return compare(c, f64(a), f64(b)); }});
    cases.push_back({text + ".f16 %d, %a, %b;", "phh", [=](uint64_t a, uint64_t b, uint64_t) {
                       return compareHalf<F16>(c, uint16_t(a), uint16_t(b));
                     }});
    cases.push_back({text + ".bf16 %d, %a, %b;", "pbb", [=](uint64_t a, uint64_t b, uint64_t) {
                       return compareHalf<BF16>(c, uint16_t(a), uint16_t(b));
                     }});
    cases.push_back({text + ".and.f32 %d, %a, %b, %c;", "pffp",
                     [=](uint64_t a, uint64_t b, uint64_t p) { return f32s(false)(a, b, 0) & p; }});
    cases.push_back(
        {text + ".or.f32 %d, %a, %b, !%c;", "pffp",
         [=](uint64_t a, uint64_t b, uint64_t p) { return f32s(false)(a, b, 0) | (p ^ 1); }});
    cases.push_back(
        {text + ".xor.f64 %d, %a, %b, %c;", "pddp", [=](uint64_t a, uint64_t b, uint64_t p) {
           return uint64_t(compare(c, f64(a), f64(b))) ^ p;
         }});
    cases.push_back(
        {std::string("set.") + name + ".f32.f32 %d, %a, %b;", "fff",
         [=](uint64_t a, uint64_t b, uint64_t) { return f32s(false)(a, b, 0) ? bits(1.0f) : 0; }});
    cases.push_back(
        {std::string("set.") + name + ".ftz.u32.f32 %d, %a, %b;", "iff",
         [=](uint64_t a, uint64_t b, uint64_t) { return f32s(true)(a, b, 0) ? ~0u : 0; }});
    cases.push_back({std::string("set.") + name + ".f16x2.f16x2 %d, %a, %b;", "xxx",
                     [=](uint64_t a, uint64_t b, uint64_t) -> uint64_t {
                       auto one = [=](unsigned shift) {
                         return compareHalf<F16>(c, uint16_t(a >> shift), uint16_t(b >> shift))
                                    ? 0x3c00u
                                    : 0u;
                       };
                       return one(0) | one(16) << 16;
                     }});
  }
  checkInstructions(cases);
}

TEST(InstructionsFloat, ClassesAndSelections) {
  Cases cases;
  for (auto [name, op] :
       {std::pair("finite", TestP::Finite), std::pair("infinite", TestP::Infinite),
        std::pair("number", TestP::Number), std::pair("notanumber", TestP::NotANumber),
        std::pair("normal", TestP::Normal), std::pair("subnormal", TestP::Subnormal)}) {
    TestP t = op;
    cases.push_back({std::string("testp.") + name + ".f32 %d, %a;", "pf",
                     [=](uint64_t a, uint64_t, uint64_t) { return testp(t, f32(uint32_t(a))); }});
    cases.push_back({std::string("testp.") + name + ".f64 %d, %a;", "pd",
                     [=](uint64_t a, uint64_t, uint64_t) { return testp(t, f64(a)); }});
  }
  cases.push_back({"selp.f32 %d, %a, %b, %c;", "fffp",
                   [](uint64_t a, uint64_t b, uint64_t p) { return p ? a : b; }});
  cases.push_back({"selp.f64 %d, %a, %b, !%c;", "dddp",
                   [](uint64_t a, uint64_t b, uint64_t p) { return p ? b : a; }});
  // slct: a where c is not below zero; NaN is not, -0 is not.
  cases.push_back({"slct.f32.f32 %d, %a, %b, %c;", "ffff", [](uint64_t a, uint64_t b, uint64_t c) {
                     return f32(uint32_t(c)) >= 0 ? a : b;
                   }});
  cases.push_back(
      {"slct.ftz.u32.f32 %d, %a, %b, %c;", "iiif",
       [](uint64_t a, uint64_t b, uint64_t c) { return flush(f32(uint32_t(c))) >= 0 ? a : b; }});
  cases.push_back({"slct.u64.s32 %d, %a, %b, %c;", "llli",
                   [](uint64_t a, uint64_t b, uint64_t c) { return int32_t(c) >= 0 ? a : b; }});
  checkInstructions(cases);
}

} // namespace
