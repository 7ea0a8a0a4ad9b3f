#include "runtime/device/sim/Matrix.h"

#include "runtime/device/sim/NumericsHalf.h"
#include "runtime/device/sim/NumericsInteger.h"
#include "runtime/support/LaneClones.h"

#include <cstring>

namespace mamba::sim {

namespace {

using numerics::f32;
using Element = Mma::Element;

constexpr unsigned kLanes = 32, kN = 8, kMaxM = 16, kMaxK = 32;

bool isInteger(Element e) { return e == Element::S8 || e == Element::U8; }
unsigned bytesOf(Element e) { return isInteger(e) ? 1 : e == Element::TF32 ? 4 : 2; }

/// Element `index` of a register.
float floatAt(Element e, uint32_t value, unsigned index) {
  uint16_t half = uint16_t(value >> (16 * index));
  if (e == Element::F16)
    return numerics::F16::wide(half);
  if (e == Element::BF16)
    return numerics::BF16::wide(half);
  return f32(value & 0xffffe000); // tf32: the rest is not looked at
}
int32_t integerAt(Element e, uint32_t value, unsigned index) {
  uint8_t byte = uint8_t(value >> (8 * index));
  return e == Element::S8 ? int8_t(byte) : byte;
}

/// A fragment as a matrix of `Rows` x `K`: A, or B turned so that its columns
/// are rows. A register holds 4 bytes of a row; the four lanes of a group hold
/// 16 neighbouring ones; registers go down 8 rows first (`rows` of them 8
/// apart), then 16 bytes to the right.
template <typename T, typename At>
void spread(T (*out)[kMaxK], Element e, unsigned registers, unsigned rowBlocks,
            const uint32_t *const *fragment, At at) {
  unsigned perRegister = 4 / bytesOf(e);
  for (unsigned r = 0; r < registers; ++r)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      unsigned row = lane / 4 + 8 * (r % rowBlocks);
      unsigned column = perRegister * (lane % 4 + 4 * (r / rowBlocks));
      for (unsigned i = 0; i < perRegister; ++i)
        out[row][column + i] = at(e, fragment[r][lane], i);
    }
}

/// sum[i][j] += a[i][k] b[k][j], k upwards.
MAMBA_LANE_CLONES void multiply(unsigned m, unsigned k, float (*sum)[kN], const float (*a)[kMaxK],
                                const float (*b)[kN]) {
  for (unsigned i = 0; i < m; ++i) {
    float row[kN];
    for (unsigned j = 0; j < kN; ++j)
      row[j] = sum[i][j];
    for (unsigned l = 0; l < k; ++l)
      for (unsigned j = 0; j < kN; ++j)
        row[j] += a[i][l] * b[l][j];
    for (unsigned j = 0; j < kN; ++j)
      sum[i][j] = row[j];
  }
}

/// Where element `index` (0, 1) of accumulator row block r is in the matrix.
unsigned rowOf(unsigned lane, unsigned block) { return lane / 4 + 8 * block; }
unsigned columnOf(unsigned lane, unsigned index) { return 2 * (lane % 4) + index; }

void mmaFloat(const Mma &mma, uint32_t *const *d, const uint32_t *const *a,
              const uint32_t *const *b, const uint32_t *const *c) {
  float left[kMaxM][kMaxK], turned[kN][kMaxK], right[kMaxK][kN], sum[kMaxM][kN];
  spread(left, mma.a, mma.registersA(), mma.m / 8, a, floatAt);
  spread(turned, mma.b, mma.registersB(), 1, b, floatAt);
  for (unsigned l = 0; l < mma.k; ++l)
    for (unsigned j = 0; j < kN; ++j)
      right[l][j] = turned[j][l];
  for (unsigned block = 0; block < mma.m / 8; ++block)
    for (unsigned lane = 0; lane < kLanes; ++lane)
      for (unsigned i = 0; i < 2; ++i)
        sum[rowOf(lane, block)][columnOf(lane, i)] =
            mma.isHalfC ? floatAt(Element::F16, c[block][lane], i) : f32(c[2 * block + i][lane]);
  multiply(mma.m, mma.k, sum, left, right);
  for (unsigned block = 0; block < mma.m / 8; ++block)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      const float *pair = &sum[rowOf(lane, block)][columnOf(lane, 0)];
      if (mma.isHalfD) {
        d[block][lane] = numerics::narrowFloat<numerics::F16>(pair[0]) |
                         uint32_t(numerics::narrowFloat<numerics::F16>(pair[1])) << 16;
        continue;
      }
      for (unsigned i = 0; i < 2; ++i)
        d[2 * block + i][lane] = numerics::bits(numerics::canonical(pair[i]));
    }
}

void mmaInteger(const Mma &mma, uint32_t *const *d, const uint32_t *const *a,
                const uint32_t *const *b, const uint32_t *const *c) {
  int32_t left[kMaxM][kMaxK], right[kN][kMaxK];
  spread(left, mma.a, mma.registersA(), mma.m / 8, a, integerAt);
  spread(right, mma.b, mma.registersB(), 1, b, integerAt);
  for (unsigned block = 0; block < mma.m / 8; ++block)
    for (unsigned i = 0; i < 2; ++i)
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        const int32_t *row = left[rowOf(lane, block)], *column = right[columnOf(lane, i)];
        int64_t sum = int32_t(c[2 * block + i][lane]);
        for (unsigned l = 0; l < mma.k; ++l)
          sum += row[l] * column[l];
        d[2 * block + i][lane] =
            mma.isSaturated ? uint32_t(numerics::saturateInt(sum)) : uint32_t(sum);
      }
}

/// The part of lane's register: half i of it.
unsigned matrixRow(unsigned lane, unsigned i, bool isTransposed) {
  return isTransposed ? columnOf(lane, i) : lane / 4;
}
unsigned matrixColumn(unsigned lane, unsigned i, bool isTransposed) {
  return isTransposed ? lane / 4 : columnOf(lane, i);
}

} // namespace

bool Mma::isKnown() const {
  if (isInteger(a) != isInteger(b) || (!isInteger(a) && a != b))
    return false;
  if (isInteger(a))
    return !isHalfC && !isHalfD && ((m == 16 && (k == 16 || k == 32)) || (m == 8 && k == 16));
  if (isSaturated || m != 16 || ((isHalfC || isHalfD) && a != Element::F16))
    return false;
  return a == Element::TF32 ? k == 4 || k == 8 : k == 8 || k == 16;
}

unsigned Mma::registersA() const { return m * k * bytesOf(a) / (4 * kLanes); }
unsigned Mma::registersB() const { return kN * k * bytesOf(b) / (4 * kLanes); }
unsigned Mma::registersC() const { return m / (isHalfC ? 8 : 4); }
unsigned Mma::registersD() const { return m / (isHalfD ? 8 : 4); }

void mma(const Mma &mma, uint32_t *const *d, const uint32_t *const *a, const uint32_t *const *b,
         const uint32_t *const *c) {
  (isInteger(mma.a) ? mmaInteger : mmaFloat)(mma, d, a, b, c);
}

void ldmatrix(unsigned count, bool isTransposed, uint32_t *const *d, const uint8_t *const *rows) {
  for (unsigned matrix = 0; matrix < count; ++matrix)
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      uint16_t half[2];
      for (unsigned i = 0; i < 2; ++i)
        std::memcpy(&half[i],
                    rows[8 * matrix + matrixRow(lane, i, isTransposed)] +
                        2 * matrixColumn(lane, i, isTransposed),
                    2);
      d[matrix][lane] = half[0] | uint32_t(half[1]) << 16;
    }
}

void stmatrix(unsigned count, bool isTransposed, uint8_t *const *rows, const uint32_t *const *a) {
  for (unsigned matrix = 0; matrix < count; ++matrix)
    for (unsigned lane = 0; lane < kLanes; ++lane)
      for (unsigned i = 0; i < 2; ++i) {
        uint16_t half = uint16_t(a[matrix][lane] >> (16 * i));
        std::memcpy(rows[8 * matrix + matrixRow(lane, i, isTransposed)] +
                        2 * matrixColumn(lane, i, isTransposed),
                    &half, 2);
      }
}

void movmatrix(uint32_t *d, const uint32_t *a) {
  uint32_t before[kLanes];
  std::memcpy(before, a, sizeof before);
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    uint32_t r = 0;
    for (unsigned i = 0; i < 2; ++i) {
      // Element (row, column) of the source lies in lane 4 row + column / 2.
      unsigned row = columnOf(lane, i), column = lane / 4;
      r |= (before[4 * row + column / 2] >> (16 * (column & 1)) & 0xffff) << (16 * i);
    }
    d[lane] = r;
  }
}

} // namespace mamba::sim
