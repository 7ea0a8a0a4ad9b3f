// mma, ldmatrix, stmatrix and movmatrix: fragments as the PTX ISA's formulas
// place them, products against float64 and integers.
#include "runtime/device/sim/Matrix.h"

#include "test/unit/sim/Numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace mamba::sim;
using namespace mamba::sim::numerics;
using Element = Mma::Element;

namespace {

constexpr unsigned kLanes = 32;

struct Place {
  unsigned row, column;
};

// Element i of lane's fragment of A, m x k.
Place placeOfA(const Mma &mma, unsigned lane, unsigned i) {
  unsigned group = lane >> 2, thread = lane % 4;
  switch (mma.a) {
  case Element::TF32:
    return {i % 2 == 0 ? group : group + 8, i < 2 ? thread : thread + 4};
  case Element::S8:
  case Element::U8:
    if (mma.m == 8)
      return {group, thread * 4 + i};
    if (mma.k == 16)
      return {i < 4 ? group : group + 8, thread * 4 + (i & 3)};
    return {i < 4 || (i >= 8 && i < 12) ? group : group + 8,
            thread * 4 + (i & 3) + (i >= 8 ? 16 : 0)};
  default:
    return {i < 2 || (i >= 4 && i < 6) ? group : group + 8,
            thread * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
  }
}

// Element i of lane's fragment of B, k x 8.
Place placeOfB(const Mma &mma, unsigned lane, unsigned i) {
  unsigned group = lane >> 2, thread = lane % 4;
  switch (mma.b) {
  case Element::TF32:
    return {i == 0 ? thread : thread + 4, group};
  case Element::S8:
  case Element::U8:
    return {thread * 4 + (i & 3) + (i >= 4 ? 16 : 0), group};
  default:
    return {thread * 2 + (i & 1) + (i >= 2 ? 8 : 0), group};
  }
}

// Element i of lane's fragment of C and D, m x 8.
Place placeOfC(unsigned lane, unsigned i) {
  return {(lane >> 2) + (i < 2 ? 0 : 8), (lane % 4) * 2 + (i & 1)};
}

struct Registers {
  uint32_t rows[4][kLanes] = {};
  uint32_t *pointers[4] = {rows[0], rows[1], rows[2], rows[3]};

  void put(unsigned lane, unsigned element, unsigned bytes, uint32_t value) {
    unsigned perRegister = 4 / bytes, shift = 8 * bytes * (element % perRegister);
    uint32_t mask = bytes == 4 ? ~0u : (1u << (8 * bytes)) - 1;
    rows[element / perRegister][lane] |= (value & mask) << shift;
  }
  uint32_t get(unsigned lane, unsigned element, unsigned bytes) const {
    unsigned perRegister = 4 / bytes, shift = 8 * bytes * (element % perRegister);
    uint32_t mask = bytes == 4 ? ~0u : (1u << (8 * bytes)) - 1;
    return rows[element / perRegister][lane] >> shift & mask;
  }
};

unsigned bytesOf(Element e) {
  return e == Element::S8 || e == Element::U8 ? 1 : e == Element::TF32 ? 4 : 2;
}

double worth(Element e, uint32_t bits) {
  switch (e) {
  case Element::F16: return F16::wide(uint16_t(bits));
  case Element::BF16: return BF16::wide(uint16_t(bits));
  case Element::TF32: return f32(bits & ~0x1fffu);
  case Element::S8: return int8_t(bits);
  case Element::U8: return uint8_t(bits);
  }
  return 0;
}

uint32_t randomBits(Random &random, Element e) {
  switch (e) {
  case Element::F16: return uint32_t(random.number(kF16, 0, 6));
  case Element::BF16: return uint32_t(random.number(kBF16, 0, 6));
  case Element::TF32: return uint32_t(random.number(kF32, 0, 6)); // low bits are to be ignored
  default: return uint32_t(random.bits());
  }
}

void check(const Mma &shape, uint64_t seed) {
  ASSERT_TRUE(shape.isKnown());
  Random random(seed);
  bool isInteger = bytesOf(shape.a) == 1;
  double a[16][32], b[32][8], c[16][8];
  Registers ra, rb, rc, rd;
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    for (unsigned i = 0; i < shape.registersA() * 4 / bytesOf(shape.a); ++i) {
      uint32_t bits = randomBits(random, shape.a);
      Place p = placeOfA(shape, lane, i);
      a[p.row][p.column] = worth(shape.a, bits);
      ra.put(lane, i, bytesOf(shape.a), bits);
    }
    for (unsigned i = 0; i < shape.registersB() * 4 / bytesOf(shape.b); ++i) {
      uint32_t bits = randomBits(random, shape.b);
      Place p = placeOfB(shape, lane, i);
      b[p.row][p.column] = worth(shape.b, bits);
      rb.put(lane, i, bytesOf(shape.b), bits);
    }
    for (unsigned i = 0; i < shape.m / 4; ++i) {
      Place p = placeOfC(lane, i);
      uint32_t bits = isInteger ? uint32_t(random.bits()) >> random.below(20)
                      : shape.isHalfC ? uint32_t(random.number(kF16, 3, 6))
                                      : uint32_t(random.number(kF32, 3, 6));
      c[p.row][p.column] = isInteger ? double(int32_t(bits))
                           : shape.isHalfC ? F16::wide(uint16_t(bits))
                                           : f32(bits);
      rc.put(lane, i, shape.isHalfC ? 2 : 4, bits);
    }
  }
  mma(shape, rd.pointers, ra.pointers, rb.pointers, rc.pointers);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    for (unsigned i = 0; i < shape.m / 4; ++i) {
      Place p = placeOfC(lane, i);
      double exact = c[p.row][p.column], size = std::fabs(exact);
      for (unsigned l = 0; l < shape.k; ++l) {
        double product = a[p.row][l] * b[l][p.column];
        exact += product;
        size += std::fabs(product);
      }
      uint32_t bits = rd.get(lane, i, shape.isHalfD ? 2 : 4);
      if (isInteger) {
        double wanted = shape.isSaturated ? std::clamp(exact, -0x1p31, 0x1p31 - 1) : exact;
        ASSERT_EQ(bits, uint32_t(int64_t(wanted))) << p.row << ", " << p.column;
        continue;
      }
      double got = shape.isHalfD ? F16::wide(uint16_t(bits)) : f32(bits);
      double bound = (shape.k + 1) * 0x1p-24 * size;
      if (shape.isHalfD)
        bound += std::fabs(exact) * 0x1p-11;
      ASSERT_LE(std::fabs(got - exact), bound) << p.row << ", " << p.column;
    }
}

TEST(NumericsMatrix, EveryShape) {
  IeeeMode ieee;
  for (Element e : {Element::F16, Element::BF16, Element::TF32})
    for (unsigned k : {4u, 8u, 16u}) {
      Mma shape{16, k, e, e};
      EXPECT_EQ(shape.isKnown(), e == Element::TF32 ? k < 16 : k > 4);
      if (shape.isKnown())
        for (uint64_t seed = 0; seed < 20; ++seed)
          check(shape, seed);
    }
  for (unsigned k : {8u, 16u})
    for (bool isHalfC : {false, true})
      for (bool isHalfD : {false, true})
        check({16, k, Element::F16, Element::F16, isHalfC, isHalfD}, k);
  for (Element a : {Element::S8, Element::U8})
    for (Element b : {Element::S8, Element::U8})
      for (bool isSaturated : {false, true})
        for (uint64_t seed = 0; seed < 5; ++seed) {
          check({16, 16, a, b, false, false, isSaturated}, seed);
          check({16, 32, a, b, false, false, isSaturated}, seed);
          check({8, 16, a, b, false, false, isSaturated}, seed);
        }
}

TEST(NumericsMatrix, UnknownShapes) {
  EXPECT_FALSE((Mma{16, 32, Element::F16, Element::F16}.isKnown()));
  EXPECT_FALSE((Mma{16, 16, Element::F16, Element::BF16}.isKnown()));
  EXPECT_FALSE((Mma{8, 16, Element::F16, Element::F16}.isKnown()));
  EXPECT_FALSE((Mma{16, 16, Element::S8, Element::F16}.isKnown()));
  EXPECT_FALSE((Mma{16, 16, Element::BF16, Element::BF16, true, true}.isKnown()));
  EXPECT_FALSE((Mma{16, 8, Element::TF32, Element::TF32, false, false, true}.isKnown()));
}

TEST(NumericsMatrix, SumsInTheOrderOfK) {
  IeeeMode ieee;
  // 1 + 2^-24 + 2^-24: each is lost; the other order would keep them.
  Mma shape{16, 8, Element::BF16, Element::BF16};
  Registers a, b, c, d;
  uint16_t one = 0x3f80, tiny = 0x3980; // 2^-12
  a.put(0, 0, 2, tiny);
  a.put(0, 1, 2, tiny);
  b.put(0, 0, 2, tiny);
  b.put(0, 1, 2, tiny);
  c.put(0, 0, 4, uint32_t(one) << 16);
  mma(shape, d.pointers, a.pointers, b.pointers, c.pointers);
  EXPECT_EQ(f32(d.rows[0][0]), 1.0f);
  c.rows[0][0] = 0;
  mma(shape, d.pointers, a.pointers, b.pointers, c.pointers);
  EXPECT_EQ(f32(d.rows[0][0]), 0x1p-23f);
}

TEST(NumericsMatrix, InfinitiesAndNaN) {
  IeeeMode ieee;
  Mma shape{16, 16, Element::F16, Element::F16};
  Registers a, b, c, d;
  a.put(0, 0, 2, 0x7c00); // inf * 0 in row 0
  a.put(4, 0, 2, 0x7c00); // inf * 1 in row 1
  b.put(4, 0, 2, 0x3c00); // B(0, 1) = 1
  mma(shape, d.pointers, a.pointers, b.pointers, c.pointers);
  EXPECT_EQ(d.rows[0][0], 0x7fffffffu);
  EXPECT_EQ(d.rows[1][4], 0x7f800000u); // row 1, column 1
  EXPECT_EQ(d.rows[0][4], 0x7fffffffu);
}

TEST(NumericsMatrix, ResultsMayReplaceOperands) {
  IeeeMode ieee;
  Random random(1);
  Mma shape;
  Registers a, b, c, d;
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      a.rows[r][lane] = randomBits(random, Element::F16) | randomBits(random, Element::F16) << 16;
      b.rows[r][lane] = randomBits(random, Element::F16) | randomBits(random, Element::F16) << 16;
      c.rows[r][lane] = uint32_t(random.number(kF32, 0, 4));
    }
  mma(shape, d.pointers, a.pointers, b.pointers, c.pointers);
  mma(shape, a.pointers, a.pointers, b.pointers, c.pointers);
  for (unsigned r = 0; r < 4; ++r)
    for (unsigned lane = 0; lane < kLanes; ++lane)
      ASSERT_EQ(a.rows[r][lane], d.rows[r][lane]);
}

TEST(NumericsMatrix, LoadsStoresAndTransposes) {
  for (unsigned count : {1u, 2u, 4u}) {
    uint16_t matrices[4][8][8], back[4][8][8] = {};
    uint8_t *from[32], *to[32];
    for (unsigned i = 0; i < 32; ++i) {
      from[i] = reinterpret_cast<uint8_t *>(matrices[i / 8][i % 8]);
      to[i] = reinterpret_cast<uint8_t *>(back[i / 8][i % 8]);
      for (unsigned j = 0; j < 8; ++j)
        matrices[i / 8][i % 8][j] = uint16_t(i * 8 + j);
    }
    for (bool isTransposed : {false, true}) {
      Registers d;
      ldmatrix(count, isTransposed, d.pointers, from);
      for (unsigned m = 0; m < count; ++m)
        for (unsigned lane = 0; lane < kLanes; ++lane)
          for (unsigned i = 0; i < 2; ++i) {
            unsigned row = lane / 4, column = (lane % 4) * 2 + i;
            ASSERT_EQ(d.rows[m][lane] >> (16 * i) & 0xffff,
                      isTransposed ? matrices[m][column][row] : matrices[m][row][column]);
          }
      stmatrix(count, isTransposed, to, d.pointers);
      for (unsigned m = 0; m < count; ++m)
        ASSERT_EQ(std::memcmp(matrices[m], back[m], sizeof back[m]), 0);
    }
    Registers straight, turned;
    ldmatrix(count, false, straight.pointers, from);
    ldmatrix(count, true, turned.pointers, from);
    movmatrix(straight.rows[0], straight.rows[0]);
    ASSERT_EQ(std::memcmp(straight.rows[0], turned.rows[0], sizeof turned.rows[0]), 0);
  }
}

} // namespace
