// Integer and bit instructions through the whole simulator, every type.
#include "test/unit/sim/Instructions.h"

#include <gtest/gtest.h>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

using Cases = std::vector<InstructionCase>;

template <typename T> struct Named;
template <> struct Named<uint16_t> {
  static constexpr const char *name = ".u16", *raw = ".b16";
  static constexpr char kind = 's';
};
template <> struct Named<int16_t> {
  static constexpr const char *name = ".s16";
  static constexpr char kind = 's';
};
template <> struct Named<uint32_t> {
  static constexpr const char *name = ".u32", *raw = ".b32";
  static constexpr char kind = 'i';
};
template <> struct Named<int32_t> {
  static constexpr const char *name = ".s32";
  static constexpr char kind = 'i';
};
template <> struct Named<uint64_t> {
  static constexpr const char *name = ".u64", *raw = ".b64";
  static constexpr char kind = 'l';
};
template <> struct Named<int64_t> {
  static constexpr const char *name = ".s64";
  static constexpr char kind = 'l';
};

template <typename T> void put1(Cases &cases, const std::string &name, T (*f)(T)) {
  cases.push_back({name + Named<T>::name + " %d, %a;", std::string(2, Named<T>::kind),
                   [=](uint64_t a, uint64_t, uint64_t) { return uint64_t(f(T(a))); }});
}
template <typename T> void put2(Cases &cases, const std::string &name, T (*f)(T, T)) {
  cases.push_back({name + Named<T>::name + " %d, %a, %b;", std::string(3, Named<T>::kind),
                   [=](uint64_t a, uint64_t b, uint64_t) { return uint64_t(f(T(a), T(b))); }});
}
template <typename T> void put3(Cases &cases, const std::string &name, T (*f)(T, T, T)) {
  cases.push_back(
      {name + Named<T>::name + " %d, %a, %b, %c;", std::string(4, Named<T>::kind),
       [=](uint64_t a, uint64_t b, uint64_t c) { return uint64_t(f(T(a), T(b), T(c))); }});
}

template <typename T> void arithmeticOf(Cases &cases) {
  put2<T>(cases, "add", addInt<T>);
  put2<T>(cases, "sub", subInt<T>);
  put2<T>(cases, "mul.lo", mulLo<T>);
  put2<T>(cases, "mul.hi", mulHi<T>);
  put2<T>(cases, "div", divInt<T>);
  put2<T>(cases, "rem", remInt<T>);
  put2<T>(cases, "min", minInt<T>);
  put2<T>(cases, "max", maxInt<T>);
  put3<T>(cases, "sad", sad<T>);
  put3<T>(cases, "mad.lo", [](T a, T b, T c) { return addInt(mulLo(a, b), c); });
  put3<T>(cases, "mad.hi", [](T a, T b, T c) { return addInt(mulHi(a, b), c); });
  if constexpr (std::is_signed_v<T>) {
    put1<T>(cases, "abs", absInt<T>);
    put1<T>(cases, "neg", negInt<T>);
  }
  std::string shift = std::string("shr") + Named<T>::name + " %d, %a, %b;";
  cases.push_back(
      {shift, {Named<T>::kind, Named<T>::kind, 'n'}, [](uint64_t a, uint64_t b, uint64_t) {
         return uint64_t(shr<T>(T(a), uint32_t(b)));
       }});
}

TEST(InstructionsInteger, ArithmeticOfEveryType) {
  Cases cases;
  arithmeticOf<uint16_t>(cases);
  arithmeticOf<int16_t>(cases);
  arithmeticOf<uint32_t>(cases);
  arithmeticOf<int32_t>(cases);
  arithmeticOf<uint64_t>(cases);
  arithmeticOf<int64_t>(cases);
  checkInstructions(cases);
}

template <typename T> void logicOf(Cases &cases) {
  constexpr char k = Named<T>::kind;
  std::string type = Named<T>::raw;
  auto binary = [&](const char *name, auto f) {
    cases.push_back({name + type + " %d, %a, %b;", std::string(3, k),
                     [=](uint64_t a, uint64_t b, uint64_t) { return uint64_t(f(a, b)); }});
  };
  binary("and", [](uint64_t a, uint64_t b) { return a & b; });
  binary("or", [](uint64_t a, uint64_t b) { return a | b; });
  binary("xor", [](uint64_t a, uint64_t b) { return a ^ b; });
  cases.push_back({"not" + type + " %d, %a;", std::string(2, k),
                   [](uint64_t a, uint64_t, uint64_t) { return ~a; }});
  cases.push_back({"cnot" + type + " %d, %a;", std::string(2, k),
                   [](uint64_t a, uint64_t, uint64_t) { return uint64_t(a == 0); }});
  cases.push_back(
      {"shl" + type + " %d, %a, %b;", {k, k, 'n'}, [](uint64_t a, uint64_t b, uint64_t) {
         return uint64_t(shl<T>(T(a), uint32_t(b)));
       }});
  cases.push_back(
      {"shr" + type + " %d, %a, %b;", {k, k, 'n'}, [](uint64_t a, uint64_t b, uint64_t) {
         return uint64_t(shr<T>(T(a), uint32_t(b)));
       }});
  cases.push_back({"mov" + type + " %d, %a;", std::string(2, k),
                   [](uint64_t a, uint64_t, uint64_t) { return a; }});
  cases.push_back({"selp" + type + " %d, %a, %b, %c;",
                   {k, k, k, 'p'},
                   [](uint64_t a, uint64_t b, uint64_t p) { return p ? a : b; }});
}

TEST(InstructionsInteger, LogicAndShifts) {
  Cases cases;
  logicOf<uint16_t>(cases);
  logicOf<uint32_t>(cases);
  logicOf<uint64_t>(cases);
  for (const char *name : {"and", "or", "xor"})
    cases.push_back(
        {std::string(name) + ".pred %d, %a, %b;", "ppp", [=](uint64_t a, uint64_t b, uint64_t) {
           return name[0] == 'a' ? a & b : name[0] == 'o' ? a | b : a ^ b;
         }});
  cases.push_back({"not.pred %d, %a;", "pp", [](uint64_t a, uint64_t, uint64_t) { return a ^ 1; }});
  cases.push_back({"mov.pred %d, %a;", "pp", [](uint64_t a, uint64_t, uint64_t) { return a; }});
  for (bool isLeft : {false, true})
    for (bool isWrapped : {false, true})
      cases.push_back({std::string("shf.") + (isLeft ? "l" : "r") +
                           (isWrapped ? ".wrap" : ".clamp") + ".b32 %d, %a, %b, %c;",
                       "iiin", [=](uint64_t a, uint64_t b, uint64_t c) {
                         return (isLeft ? shfLeft : shfRight)(uint32_t(a), uint32_t(b), uint32_t(c),
                                                              isWrapped);
                       }});
  for (unsigned table : {0x00u, 0x96u, 0xcau, 0xe8u, 0x1eu, 0xffu, 0x80u, 0x7bu})
    cases.push_back({"lop3.b32 %d, %a, %b, %c, " + std::to_string(table) + ";", "iiii",
                     [=](uint64_t a, uint64_t b, uint64_t c) {
                       return lop3(uint32_t(a), uint32_t(b), uint32_t(c), uint8_t(table));
                     }});
  checkInstructions(cases);
}

TEST(InstructionsInteger, BitFieldsAndCounts) {
  Cases cases;
  auto bfeOf = [&]<typename T>(T) {
    constexpr char k = Named<T>::kind;
    cases.push_back({std::string("bfe") + Named<T>::name + " %d, %a, %b, %c;",
                     {k, k, 'n', 'n'},
                     [](uint64_t a, uint64_t b, uint64_t c) {
                       return uint64_t(bfe<T>(T(a), uint32_t(b), uint32_t(c)));
                     }});
    for (bool isShift : {false, true})
      cases.push_back(
          {std::string(isShift ? "bfind.shiftamt" : "bfind") + Named<T>::name + " %d, %a;",
           {'i', k},
           [=](uint64_t a, uint64_t, uint64_t) { return uint64_t(bfind<T>(T(a), isShift)); }});
  };
  bfeOf(uint32_t());
  bfeOf(int32_t());
  bfeOf(uint64_t());
  bfeOf(int64_t());
  auto rawOf = [&]<typename T>(T) {
    constexpr char k = Named<T>::kind;
    std::string type = Named<T>::raw;
    cases.push_back({"popc" + type + " %d, %a;", {'i', k}, [](uint64_t a, uint64_t, uint64_t) {
                       return uint64_t(popc<T>(T(a)));
                     }});
    cases.push_back({"clz" + type + " %d, %a;", {'i', k}, [](uint64_t a, uint64_t, uint64_t) {
                       return uint64_t(clz<T>(T(a)));
                     }});
    cases.push_back({"brev" + type + " %d, %a;", {k, k}, [](uint64_t a, uint64_t, uint64_t) {
                       return uint64_t(brev(T(a)));
                     }});
    // Four operands: the length is fixed.
    for (unsigned length : {0u, 1u, 7u, 32u, 64u, 300u})
      cases.push_back({"bfi" + type + " %d, %a, %b, %c, " + std::to_string(length) + ";",
                       {k, k, k, 'n'},
                       [=](uint64_t a, uint64_t b, uint64_t c) {
                         return uint64_t(bfi<T>(T(a), T(b), uint32_t(c), length));
                       }});
  };
  rawOf(uint32_t());
  rawOf(uint64_t());
  for (bool isWrapped : {false, true}) {
    std::string mode = isWrapped ? ".wrap" : ".clamp";
    cases.push_back(
        {"bmsk" + mode + ".b32 %d, %a, %b;", "inn", [=](uint64_t a, uint64_t b, uint64_t) {
           return bmsk(uint32_t(a), uint32_t(b), isWrapped);
         }});
    cases.push_back(
        {"szext" + mode + ".s32 %d, %a, %b;", "iin", [=](uint64_t a, uint64_t b, uint64_t) {
           return uint32_t(szext(int32_t(a), uint32_t(b), isWrapped));
         }});
    cases.push_back(
        {"szext" + mode + ".u32 %d, %a, %b;", "iin", [=](uint64_t a, uint64_t b, uint64_t) {
           return szext(uint32_t(a), uint32_t(b), isWrapped);
         }});
  }
  cases.push_back({"fns.b32 %d, %a, %b, 2;", "iin", [](uint64_t a, uint64_t b, uint64_t) {
                     return fns(uint32_t(a), uint32_t(b), 2);
                   }});
  cases.push_back({"fns.b32 %d, %a, 9, -3;", "ii",
                   [](uint64_t a, uint64_t, uint64_t) { return fns(uint32_t(a), 9, -3); }});
  const std::pair<const char *, Permute> modes[] = {{"", Permute::Index},    {".f4e", Permute::F4e},
                                                    {".b4e", Permute::B4e},  {".rc8", Permute::Rc8},
                                                    {".ecl", Permute::Ecl},  {".ecr", Permute::Ecr},
                                                    {".rc16", Permute::Rc16}};
  for (auto [name, mode] : modes)
    cases.push_back({std::string("prmt.b32") + name + " %d, %a, %b, %c;", "iiii",
                     [mode = mode](uint64_t a, uint64_t b, uint64_t c) {
                       return prmt(uint32_t(a), uint32_t(b), uint32_t(c), mode);
                     }});
  checkInstructions(cases);
}

TEST(InstructionsInteger, WideSaturatedAndDotProducts) {
  Cases cases;
  cases.push_back(
      {"mul.wide.u16 %d, %a, %b;", "iss", [](uint64_t a, uint64_t b, uint64_t) { return a * b; }});
  cases.push_back({"mul.wide.s16 %d, %a, %b;", "iss", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint64_t(int64_t(int16_t(a)) * int16_t(b));
                   }});
  cases.push_back(
      {"mul.wide.u32 %d, %a, %b;", "lii", [](uint64_t a, uint64_t b, uint64_t) { return a * b; }});
  cases.push_back({"mul.wide.s32 %d, %a, %b;", "lii", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint64_t(int64_t(int32_t(a)) * int32_t(b));
                   }});
  cases.push_back({"mad.wide.u32 %d, %a, %b, %c;", "liil",
                   [](uint64_t a, uint64_t b, uint64_t c) { return a * b + c; }});
  cases.push_back({"mad.wide.s32 %d, %a, %b, %c;", "liil", [](uint64_t a, uint64_t b, uint64_t c) {
                     return uint64_t(int64_t(int32_t(a)) * int32_t(b)) + c;
                   }});
  cases.push_back({"mad.wide.s16 %d, %a, %b, %c;", "issi", [](uint64_t a, uint64_t b, uint64_t c) {
                     return uint64_t(int64_t(int16_t(a)) * int16_t(b)) + c;
                   }});
  cases.push_back({"add.sat.s32 %d, %a, %b;", "iii", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint32_t(addSat(int32_t(a), int32_t(b)));
                   }});
  cases.push_back({"sub.sat.s32 %d, %a, %b;", "iii", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint32_t(subSat(int32_t(a), int32_t(b)));
                   }});
  cases.push_back(
      {"mad.hi.sat.s32 %d, %a, %b, %c;", "iiii", [](uint64_t a, uint64_t b, uint64_t c) {
         return uint32_t(madHiSat(int32_t(a), int32_t(b), int32_t(c)));
       }});
  cases.push_back({"min.relu.s32 %d, %a, %b;", "iii", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint32_t(maxInt(minInt(int32_t(a), int32_t(b)), 0));
                   }});
  cases.push_back({"max.relu.s32 %d, %a, %b;", "iii", [](uint64_t a, uint64_t b, uint64_t) {
                     return uint32_t(maxInt(maxInt(int32_t(a), int32_t(b)), 0));
                   }});
  auto of24 = [&]<typename T>(T) {
    put2<T>(cases, "mul24.lo", mul24Lo<T>);
    put2<T>(cases, "mul24.hi", mul24Hi<T>);
    put3<T>(cases, "mad24.lo", [](T a, T b, T c) { return addInt(mul24Lo(a, b), c); });
    put3<T>(cases, "mad24.hi", [](T a, T b, T c) { return addInt(mul24Hi(a, b), c); });
  };
  of24(uint32_t());
  of24(int32_t());
  // Two 16-bit operations at once.
  auto halves = [](auto f) {
    return [=](uint64_t a, uint64_t b, uint64_t) -> uint64_t {
      return uint16_t(f(uint16_t(a), uint16_t(b))) |
             uint32_t(uint16_t(f(uint16_t(a >> 16), uint16_t(b >> 16)))) << 16;
    };
  };
  cases.push_back(
      {"add.u16x2 %d, %a, %b;", "iii", halves([](uint16_t a, uint16_t b) { return a + b; })});
  cases.push_back(
      {"add.s16x2 %d, %a, %b;", "iii", halves([](uint16_t a, uint16_t b) { return a + b; })});
  cases.push_back({"min.u16x2 %d, %a, %b;", "iii",
                   halves([](uint16_t a, uint16_t b) { return a < b ? a : b; })});
  cases.push_back({"max.u16x2 %d, %a, %b;", "iii",
                   halves([](uint16_t a, uint16_t b) { return a < b ? b : a; })});
  cases.push_back({"min.s16x2 %d, %a, %b;", "iii",
                   halves([](uint16_t a, uint16_t b) { return int16_t(a) < int16_t(b) ? a : b; })});
  cases.push_back({"max.s16x2 %d, %a, %b;", "iii",
                   halves([](uint16_t a, uint16_t b) { return int16_t(a) < int16_t(b) ? b : a; })});
  for (bool signA : {false, true})
    for (bool signB : {false, true}) {
      std::string types =
          std::string(signA ? ".s32" : ".u32") + (signB ? ".s32" : ".u32") + " %d, %a, %b, %c;";
      cases.push_back({"dp4a" + types, "iiii", [=](uint64_t a, uint64_t b, uint64_t c) {
                         return dp4a(uint32_t(a), uint32_t(b), uint32_t(c), signA, signB);
                       }});
      for (bool isHigh : {false, true})
        cases.push_back({std::string("dp2a.") + (isHigh ? "hi" : "lo") + types, "iiii",
                         [=](uint64_t a, uint64_t b, uint64_t c) {
                           return dp2a(uint32_t(a), uint32_t(b), uint32_t(c), signA, signB, isHigh);
                         }});
    }
  checkInstructions(cases);
}

template <typename T> void comparisonsOf(Cases &cases) {
  constexpr char k = Named<T>::kind;
  std::vector<std::pair<const char *, Compare>> names = {{"eq", Compare::Eq}, {"ne", Compare::Ne},
                                                         {"lt", Compare::Lt}, {"le", Compare::Le},
                                                         {"gt", Compare::Gt}, {"ge", Compare::Ge}};
  if constexpr (!std::is_signed_v<T>)
    names.insert(
        names.end(),
        {{"lo", Compare::Lt}, {"ls", Compare::Le}, {"hi", Compare::Gt}, {"hs", Compare::Ge}});
  for (auto [name, op] : names) {
    Compare c = op;
    std::string text = std::string(".") + name;
    auto f = [=](uint64_t a, uint64_t b) { return uint64_t(compare<T>(c, T(a), T(b))); };
    cases.push_back({"setp" + text + Named<T>::name + " %d, %a, %b;",
                     {'p', k, k},
                     [=](uint64_t a, uint64_t b, uint64_t) { return f(a, b); }});
    cases.push_back({"setp" + text + ".or" + Named<T>::name + " %d, %a, %b, %c;",
                     {'p', k, k, 'p'},
                     [=](uint64_t a, uint64_t b, uint64_t p) { return f(a, b) | p; }});
    if (sizeof(T) == 4)
      cases.push_back({"set" + text + ".u32" + Named<T>::name + " %d, %a, %b;",
                       {'i', k, k},
                       [=](uint64_t a, uint64_t b, uint64_t) { return f(a, b) ? ~0u : 0; }});
  }
}

TEST(InstructionsInteger, Comparisons) {
  Cases cases;
  comparisonsOf<uint16_t>(cases);
  comparisonsOf<int16_t>(cases);
  comparisonsOf<uint32_t>(cases);
  comparisonsOf<int32_t>(cases);
  comparisonsOf<uint64_t>(cases);
  comparisonsOf<int64_t>(cases);
  for (auto [type, k] : {std::pair(".b16", 's'), std::pair(".b32", 'i'), std::pair(".b64", 'l')})
    cases.push_back({std::string("setp.ne") + type + " %d, %a, %b;",
                     {'p', k, k},
                     [](uint64_t a, uint64_t b, uint64_t) { return uint64_t(a != b); }});
  checkInstructions(cases);
}

// A second result, the comparison's negation, and'ed as well.
TEST(InstructionsInteger, BothPredicatesOfSetp) {
  std::vector<uint32_t> in;
  for (uint32_t lane = 0; lane < 32; ++lane)
    in.push_back(lane);
  std::vector<uint32_t> out = runKernel("mad.wide.u32 %q0, %t, 4, %in;\n"
                                        "ld.global.b32 %r0, [%q0];\n"
                                        "and.b32 %r1, %r0, 1;\n"
                                        "setp.ne.b32 %p2, %r1, 0;\n"
                                        "setp.lt.and.s32 %p0|%p1, %r0, 10, %p2;\n"
                                        "selp.b32 %r2, 1, 0, %p0;\n"
                                        "selp.b32 %r3, 2, 0, %p1;\n"
                                        "or.b32 %r2, %r2, %r3;\n"
                                        "mad.wide.u32 %q0, %t, 4, %out;\n"
                                        "st.global.b32 [%q0], %r2;\n",
                                        in, 32);
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], lane % 2 == 0 ? 0u : lane < 10 ? 1u : 2u) << lane;
}

// Additions and products of 64 bits in two halves: the carry goes between them.
TEST(InstructionsInteger, Carries) {
  Random random(21);
  std::vector<uint32_t> in;
  for (uint32_t i = 0; i < 32 * 4; ++i)
    in.push_back(random.below(4) == 0 ? ~0u : uint32_t(random.bits()));
  std::vector<uint32_t> out = runKernel("mad.wide.u32 %q0, %t, 16, %in;\n"
                                        "ld.global.v4.b32 {%r0, %r1, %r2, %r3}, [%q0];\n"
                                        "add.cc.u32 %r4, %r0, %r2;\n"
                                        "addc.u32 %r5, %r1, %r3;\n"
                                        "sub.cc.u32 %r6, %r0, %r2;\n"
                                        "subc.u32 %r7, %r1, %r3;\n"
                                        "mad.lo.cc.u32 %r8, %r0, %r2, %r1;\n"
                                        "madc.hi.u32 %r9, %r0, %r2, %r3;\n"
                                        "add.cc.u32 %r10, %r0, %r1;\n"
                                        "addc.cc.u32 %r11, %r2, %r3;\n"
                                        "addc.u32 %r12, 0, 0;\n"
                                        "mad.wide.u32 %q0, %t, 48, %out;\n"
                                        "st.global.v4.b32 [%q0], {%r4, %r5, %r6, %r7};\n"
                                        "st.global.v4.b32 [%q0+16], {%r8, %r9, %r10, %r11};\n"
                                        "st.global.v4.b32 [%q0+32], {%r12, %r12, %r12, %r12};\n",
                                        in, 32 * 12);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t *x = &in[4 * lane], *r = &out[12 * lane];
    uint64_t a = uint64_t(x[1]) << 32 | x[0], b = uint64_t(x[3]) << 32 | x[2];
    EXPECT_EQ(uint64_t(r[1]) << 32 | r[0], a + b);
    EXPECT_EQ(uint64_t(r[3]) << 32 | r[2], a - b);
    EXPECT_EQ(uint64_t(r[5]) << 32 | r[4], uint64_t(x[0]) * x[2] + (uint64_t(x[3]) << 32 | x[1]));
    unsigned __int128 wide = (unsigned __int128)(x[0]) + x[1];
    wide += ((unsigned __int128)(x[2]) + x[3]) << 32;
    EXPECT_EQ(r[6], uint32_t(wide));
    EXPECT_EQ(r[7], uint32_t(wide >> 32));
    EXPECT_EQ(r[8], uint32_t(wide >> 64));
  }
}

} // namespace
