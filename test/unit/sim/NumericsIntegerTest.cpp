// Integer and bit instructions against loops over bits, written down from the
// PTX ISA's descriptions, and against wide arithmetic.
#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

template <typename T> std::vector<T> operands() {
  constexpr uint64_t top = uint64_t(1) << (kBits<T> - 1);
  std::vector<T> all = {T(0), T(1), T(2), T(-1), T(-2), T(top), T(top - 1), T(top + 1), T(7)};
  Random random(kBits<T>);
  for (int i = 0; i < 60; ++i)
    all.push_back(T(random.bits() >> random.below(kBits<T>)));
  return all;
}

const uint32_t kAmounts[] = {0,  1,  5,  15, 16,  17,  31,  32,
                             33, 63, 64, 65, 200, 255, 256, 0x80000000};

template <typename T> class NumericsIntegerOf : public testing::Test {};
using Types = testing::Types<uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t>;
TYPED_TEST_SUITE(NumericsIntegerOf, Types);

TYPED_TEST(NumericsIntegerOf, ArithmeticWraps) {
  using T = TypeParam;
  using Wide = __int128;
  for (T a : operands<T>())
    for (T b : operands<T>()) {
      ASSERT_EQ(addInt(a, b), T(Wide(a) + b));
      ASSERT_EQ(subInt(a, b), T(Wide(a) - b));
      ASSERT_EQ(mulLo(a, b), T((unsigned __int128)(a) * (unsigned __int128)(b)));
      if constexpr (std::is_signed_v<T>)
        ASSERT_EQ(mulHi(a, b), T((Wide(a) * b) >> kBits<T>));
      else
        ASSERT_EQ(mulHi(a, b), T(((unsigned __int128)(a)*b) >> kBits<T>));
      ASSERT_EQ(negInt(a), T(-Wide(a)));
      ASSERT_EQ(absInt(a), T(a < 0 ? -Wide(a) : Wide(a)));
      Wide distance = a < b ? Wide(b) - a : Wide(a) - b;
      ASSERT_EQ(sad(a, b, T(5)), T(distance + 5));
      ASSERT_EQ(minInt(a, b), a < b ? a : b);
      ASSERT_EQ(maxInt(a, b), a < b ? b : a);
    }
}

TYPED_TEST(NumericsIntegerOf, DivisionIsTotal) {
  using T = TypeParam;
  for (T a : operands<T>())
    for (T b : operands<T>()) {
      T quotient = divInt(a, b), rest = remInt(a, b);
      if (b == 0) {
        ASSERT_EQ(quotient, T(-1));
        ASSERT_EQ(rest, a);
        continue;
      }
      // a = quotient b + rest, rest smaller than b and of a's sign: wrapping for the least by -1.
      ASSERT_EQ(T(__int128(a)), T(__int128(quotient) * b + rest));
      ASSERT_EQ(__int128(rest), __int128(a) % __int128(b));
    }
}

TYPED_TEST(NumericsIntegerOf, CarriesGoThrough) {
  using T = TypeParam;
  for (T a : operands<T>())
    for (T b : operands<T>())
      for (uint32_t in : {0u, 1u}) {
        unsigned __int128 x = Unsigned<T>(a), y = Unsigned<T>(b);
        uint32_t carry = in;
        ASSERT_EQ(addCarry(a, b, carry), T(x + y + in));
        ASSERT_EQ(carry, uint32_t((x + y + in) >> kBits<T>));
        uint32_t borrow = in;
        ASSERT_EQ(subBorrow(a, b, borrow), T(x - y - in));
        ASSERT_EQ(borrow, uint32_t(x < y + in));
      }
}

TYPED_TEST(NumericsIntegerOf, ShiftsClamp) {
  using T = TypeParam;
  for (T a : operands<T>())
    for (uint32_t by : kAmounts) {
      __int128 wide = a;
      ASSERT_EQ(shr(a, by), T(wide >> std::min(by, 100u)));
      ASSERT_EQ(shl(a, by), by >= kBits<T> ? T(0) : T((unsigned __int128)(wide) << by));
    }
}

TYPED_TEST(NumericsIntegerOf, CountingBits) {
  using T = TypeParam;
  for (T a : operands<T>()) {
    uint32_t ones = 0, leading = kBits<T>, found = ~0u;
    for (unsigned i = 0; i < kBits<T>; ++i) {
      bool bit = Unsigned<T>(a) >> i & 1, sign = std::is_signed_v<T> && a < 0;
      ones += bit;
      if (bit)
        leading = kBits<T> - 1 - i;
      if (bit != sign)
        found = i;
    }
    ASSERT_EQ(popc(a), ones);
    ASSERT_EQ(clz(a), leading);
    ASSERT_EQ(bfind(a, false), found);
    ASSERT_EQ(bfind(a, true), found == ~0u ? found : kBits<T> - 1 - found);
  }
}

template <typename T> T bfeByBits(T a, uint32_t position, uint32_t length) {
  constexpr unsigned top = kBits<T> - 1;
  unsigned pos = position & 0xff, len = length & 0xff;
  auto bit = [&](unsigned i) { return Unsigned<T>(a) >> i & 1; };
  Unsigned<T> sign = 0, d = 0;
  if (std::is_signed_v<T> && len != 0)
    sign = Unsigned<T>(bit(std::min(pos + len - 1, top)));
  for (unsigned i = 0; i <= top; ++i)
    d |= Unsigned<T>((i < len && pos + i <= top ? bit(pos + i) : sign) << i);
  return T(d);
}

template <typename T> T bfiByBits(T a, T b, uint32_t position, uint32_t length) {
  unsigned pos = position & 0xff, len = length & 0xff;
  T f = b;
  for (unsigned i = 0; i < len && pos + i < kBits<T>; ++i) {
    T bit = T(1) << (pos + i);
    f = (f & ~bit) | ((a >> i & 1) ? bit : 0);
  }
  return f;
}

template <typename T> void checkFields() {
  for (T a : operands<T>())
    for (uint32_t position : kAmounts)
      for (uint32_t length : kAmounts) {
        ASSERT_EQ(bfe(a, position, length), bfeByBits(a, position, length))
            << a << " at " << position << " for " << length;
        if constexpr (!std::is_signed_v<T>) {
          ASSERT_EQ(bfi(a, T(~a * 3), position, length), bfiByBits(a, T(~a * 3), position, length));
        }
      }
}

TEST(NumericsInteger, BitFields) {
  checkFields<uint32_t>();
  checkFields<int32_t>();
  checkFields<uint64_t>();
  checkFields<int64_t>();
}

TEST(NumericsInteger, WideAndShortProducts) {
  EXPECT_EQ(mulWide<uint64_t>(~0u, ~0u), 0xfffffffe00000001u);
  EXPECT_EQ(mulWide<int64_t>(INT32_MIN, INT32_MIN), int64_t(1) << 62);
  EXPECT_EQ(mulWide<int32_t>(int16_t(-32768), int16_t(32767)), -32768 * 32767);
  EXPECT_EQ(mulWide<uint32_t>(uint16_t(65535), uint16_t(65535)), 0xfffe0001u);
  // 24 bits of each: what lies above is not looked at.
  EXPECT_EQ(mul24Lo(0xff000003u, 0x55000005u), 15u);
  EXPECT_EQ(mul24Lo(int32_t(0x00ffffff), 5), -5);
  EXPECT_EQ(mul24Lo(0x00ffffffu, 0x00ffffffu), uint32_t(0xffffffull * 0xffffff));
  EXPECT_EQ(mul24Hi(0x00ffffffu, 0x00ffffffu), uint32_t((0xffffffull * 0xffffff) >> 16));
  EXPECT_EQ(mul24Hi(int32_t(0x00800000), 0x007fffff),
            int32_t((int64_t(-0x800000) * 0x7fffff) >> 16));
}

TEST(NumericsInteger, Saturation) {
  EXPECT_EQ(addSat(INT32_MAX, 1), INT32_MAX);
  EXPECT_EQ(addSat(INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(addSat(-3, 5), 2);
  EXPECT_EQ(subSat(INT32_MIN, 1), INT32_MIN);
  EXPECT_EQ(subSat(0, INT32_MIN), INT32_MAX);
  EXPECT_EQ(madHiSat(INT32_MIN, INT32_MIN, INT32_MAX), INT32_MAX);
  EXPECT_EQ(madHiSat(INT32_MIN, INT32_MAX, INT32_MIN), INT32_MIN);
}

TEST(NumericsInteger, FunnelShifts) {
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    uint32_t a = uint32_t(random.bits()), b = uint32_t(random.bits());
    for (uint32_t by : kAmounts) {
      uint32_t clamped = std::min(by, 32u), wrapped = by & 31;
      auto left = [&](uint32_t n) { return n == 0 ? b : n == 32 ? a : b << n | a >> (32 - n); };
      auto right = [&](uint32_t n) { return n == 0 ? a : n == 32 ? b : b << (32 - n) | a >> n; };
      ASSERT_EQ(shfLeft(a, b, by, false), left(clamped));
      ASSERT_EQ(shfLeft(a, b, by, true), left(wrapped));
      ASSERT_EQ(shfRight(a, b, by, false), right(clamped));
      ASSERT_EQ(shfRight(a, b, by, true), right(wrapped));
    }
  }
}

TEST(NumericsInteger, Lop3HasEveryTable) {
  uint32_t a = 0xf0f0f0f0, b = 0xcccccccc, c = 0xaaaaaaaa;
  for (unsigned table = 0; table < 256; ++table)
    // Of these three the result is the table itself, four times.
    ASSERT_EQ(lop3(a, b, c, uint8_t(table)), table * 0x01010101u);
  EXPECT_EQ(lop3(1, 3, 5, 0x96), 1u ^ 3u ^ 5u);
  EXPECT_EQ(lop3(0xff00, 0x1234, 0xffff, 0xca), 0x12ffu); // a ? b : c
}

TEST(NumericsInteger, Permutations) {
  uint32_t a = 0x83828180, b = 0x07060504;
  auto bytes = [&](unsigned d3, unsigned d2, unsigned d1, unsigned d0) {
    uint64_t from = uint64_t(b) << 32 | a;
    auto at = [&](unsigned i) { return uint32_t(from >> (8 * i)) & 0xff; };
    return at(d3) << 24 | at(d2) << 16 | at(d1) << 8 | at(d0);
  };
  EXPECT_EQ(prmt(a, b, 0x7531, Permute::Index), bytes(7, 5, 3, 1));
  EXPECT_EQ(prmt(a, b, 0xffff0246, Permute::Index), bytes(0, 2, 4, 6));
  EXPECT_EQ(prmt(a, b, 0xcb98, Permute::Index), 0x00ffffffu); // signs of 4, 3, 1, 0
  // The tables of the PTX ISA, selectors 0 to 3, bytes 3 to 0 of the result.
  struct {
    Permute mode;
    uint8_t bytes[4][4];
  } tables[] = {{Permute::F4e, {{3, 2, 1, 0}, {4, 3, 2, 1}, {5, 4, 3, 2}, {6, 5, 4, 3}}},
                {Permute::B4e, {{5, 6, 7, 0}, {6, 7, 0, 1}, {7, 0, 1, 2}, {0, 1, 2, 3}}},
                {Permute::Rc8, {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}},
                {Permute::Ecl, {{3, 2, 1, 0}, {3, 2, 1, 1}, {3, 2, 2, 2}, {3, 3, 3, 3}}},
                {Permute::Ecr, {{0, 0, 0, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}, {3, 2, 1, 0}}},
                {Permute::Rc16, {{1, 0, 1, 0}, {3, 2, 3, 2}, {1, 0, 1, 0}, {3, 2, 3, 2}}}};
  for (const auto &table : tables)
    for (unsigned s = 0; s < 4; ++s) {
      const uint8_t *d = table.bytes[s];
      EXPECT_EQ(prmt(a, b, s, table.mode), bytes(d[0], d[1], d[2], d[3]))
          << int(table.mode) << " selector " << s;
    }
}

TEST(NumericsInteger, ReversedAndFoundBits) {
  Random random(4);
  for (int i = 0; i < 200; ++i) {
    uint64_t a = random.bits(), reversed = 0;
    for (unsigned j = 0; j < 64; ++j)
      reversed |= (a >> j & 1) << (63 - j);
    ASSERT_EQ(brev(a), reversed);
    ASSERT_EQ(brev(uint32_t(a)), uint32_t(reversed >> 32));
  }
  EXPECT_EQ(fns(0xaaaaaaaa, 3, 1), 3u);
  EXPECT_EQ(fns(0xaaaaaaaa, 3, -1), 3u);
  EXPECT_EQ(fns(0xaaaaaaaa, 2, 1), 3u);
  EXPECT_EQ(fns(0xaaaaaaaa, 2, -1), 1u);
  EXPECT_EQ(fns(0xaaaaaaaa, 3, 2), 5u);
  EXPECT_EQ(fns(0xaaaaaaaa, 1, -2), ~0u);
  EXPECT_EQ(fns(0xaaaaaaaa, 3, 0), 3u);
  EXPECT_EQ(fns(0xaaaaaaaa, 2, 0), ~0u);
}

TEST(NumericsInteger, MasksAndExtensions) {
  EXPECT_EQ(bmsk(3, 4, false), 0x78u);
  EXPECT_EQ(bmsk(28, 8, false), 0xf0000000u);
  EXPECT_EQ(bmsk(32, 4, false), 0u);
  EXPECT_EQ(bmsk(33, 4, true), 0x1eu);
  EXPECT_EQ(bmsk(0, 32, false), ~0u);
  EXPECT_EQ(bmsk(4, 32, true), 0u);
  EXPECT_EQ(szext(int32_t(0x18), 5, false), -8);
  EXPECT_EQ(szext(uint32_t(0xf8), 5, false), 0x18u);
  EXPECT_EQ(szext(int32_t(0x80000000), 32, false), INT32_MIN);
  EXPECT_EQ(szext(int32_t(0x80000000), 32, true), 0);
  EXPECT_EQ(szext(int32_t(7), 35, true), -1);
}

TEST(NumericsInteger, DotProducts) {
  Random random(6);
  for (int i = 0; i < 500; ++i) {
    uint32_t a = uint32_t(random.bits()), b = uint32_t(random.bits()), c = uint32_t(random.bits());
    for (bool signA : {false, true})
      for (bool signB : {false, true}) {
        auto part = [](uint32_t x, unsigned shift, unsigned width, bool isSigned) {
          int64_t field = x >> shift & ((1u << width) - 1);
          return isSigned && field >> (width - 1) ? field - (int64_t(1) << width) : field;
        };
        int64_t four = c, low = c, high = c;
        for (unsigned j = 0; j < 4; ++j)
          four += part(a, 8 * j, 8, signA) * part(b, 8 * j, 8, signB);
        for (unsigned j = 0; j < 2; ++j) {
          low += part(a, 16 * j, 16, signA) * part(b, 8 * j, 8, signB);
          high += part(a, 16 * j, 16, signA) * part(b, 16 + 8 * j, 8, signB);
        }
        ASSERT_EQ(dp4a(a, b, c, signA, signB), uint32_t(four));
        ASSERT_EQ(dp2a(a, b, c, signA, signB, false), uint32_t(low));
        ASSERT_EQ(dp2a(a, b, c, signA, signB, true), uint32_t(high));
      }
  }
}

} // namespace
