// Integer and bit instructions of PTX whose edges C++ does not define: pure
// functions of one lane. T is the operand type: uint16_t ... int64_t.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace mamba::sim::numerics {

template <typename T> using Unsigned = std::make_unsigned_t<T>;
template <typename T> inline constexpr unsigned kBits = sizeof(T) * 8;

/// Two's complement, wrapping: never the undefined overflow of C++. Through
/// 64 bits, since narrow operands would promote to int.
template <typename T> T addInt(T a, T b) { return T(uint64_t(a) + uint64_t(b)); }
template <typename T> T subInt(T a, T b) { return T(uint64_t(a) - uint64_t(b)); }
template <typename T> T mulLo(T a, T b) { return T(uint64_t(a) * uint64_t(b)); }
template <typename T> T negInt(T a) { return T(uint64_t(0) - uint64_t(a)); }
template <typename T> T absInt(T a) { return a < 0 ? negInt(a) : a; }
template <typename T> T mulHi(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return T((Wide(a) * Wide(b)) >> 64);
  } else {
    using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    return T((Wide(a) * Wide(b)) >> kBits<T>);
  }
}
/// mul.wide: 16 to 32, 32 to 64 bits.
template <typename W, typename T> W mulWide(T a, T b) { return W(W(a) * W(b)); }

/// .sat of s32.
inline int32_t saturateInt(int64_t a) {
  constexpr int64_t low = std::numeric_limits<int32_t>::min();
  constexpr int64_t high = std::numeric_limits<int32_t>::max();
  return int32_t(a < low ? low : a > high ? high : a);
}
inline int32_t addSat(int32_t a, int32_t b) { return saturateInt(int64_t(a) + b); }
inline int32_t subSat(int32_t a, int32_t b) { return saturateInt(int64_t(a) - b); }
inline int32_t madHiSat(int32_t a, int32_t b, int32_t c) {
  return saturateInt(int64_t(mulHi(a, b)) + c);
}

/// add.cc, addc, sub.cc, subc, mad.cc, madc: `carry` goes in and comes out; it
/// is 0 or 1, for subtractions the borrow.
template <typename T> T addCarry(T a, T b, uint32_t &carry) {
  unsigned __int128 s = (unsigned __int128)(Unsigned<T>(a)) + Unsigned<T>(b) + carry;
  carry = uint32_t(s >> kBits<T>) & 1;
  return T(s);
}
template <typename T> T subBorrow(T a, T b, uint32_t &borrow) {
  unsigned __int128 s = (unsigned __int128)(Unsigned<T>(a)) - Unsigned<T>(b) - borrow;
  borrow = uint32_t(s >> kBits<T>) & 1;
  return T(s);
}

/// Division by zero gives all ones, its remainder the dividend, as the machine
/// does; the least value by -1 wraps.
template <typename T> T divInt(T a, T b) {
  if (b == 0)
    return T(~Unsigned<T>(0));
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1))
      return negInt(a);
  return T(a / b);
}
template <typename T> T remInt(T a, T b) {
  if (b == 0)
    return a;
  if constexpr (std::is_signed_v<T>)
    if (b == T(-1))
      return 0;
  return T(a % b);
}

/// mul24: of the low 24 bits of each; .lo bits 31..0, .hi bits 47..16.
template <typename T> int64_t product24(T a, T b) {
  if constexpr (std::is_signed_v<T>)
    return int64_t(int32_t(uint32_t(a) << 8) >> 8) * int64_t(int32_t(uint32_t(b) << 8) >> 8);
  else
    return int64_t(a & 0xffffff) * int64_t(b & 0xffffff);
}
template <typename T> T mul24Lo(T a, T b) { return T(product24(a, b)); }
template <typename T> T mul24Hi(T a, T b) { return T(product24(a, b) >> 16); }

template <typename T> T minInt(T a, T b) { return a < b ? a : b; }
template <typename T> T maxInt(T a, T b) { return a > b ? a : b; }
template <typename T> T sad(T a, T b, T c) {
  return addInt(c, a < b ? subInt(b, a) : subInt(a, b));
}

/// Shift amounts beyond the width count as the width.
template <typename T> T shl(T a, uint32_t by) {
  return by >= kBits<T> ? T(0) : T(uint64_t(a) << by);
}
template <typename T> T shr(T a, uint32_t by) {
  if (by >= kBits<T>)
    return std::is_signed_v<T> && a < 0 ? T(-1) : T(0);
  return T(a >> by);
}
/// shf.l, shf.r of b:a; .wrap takes the amount modulo 32, .clamp at most 32.
inline uint32_t shfAmount(uint32_t by, bool isWrapped) {
  return isWrapped ? by & 31 : by < 32 ? by : 32;
}
inline uint32_t shfLeft(uint32_t a, uint32_t b, uint32_t by, bool isWrapped) {
  return uint32_t(((uint64_t(b) << 32 | a) << shfAmount(by, isWrapped)) >> 32);
}
inline uint32_t shfRight(uint32_t a, uint32_t b, uint32_t by, bool isWrapped) {
  return uint32_t((uint64_t(b) << 32 | a) >> shfAmount(by, isWrapped));
}

/// lop3: bit i of the table is the result where a, b, c are i's bits 2, 1, 0.
inline uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint8_t table) {
  uint32_t r = 0;
  for (unsigned i = 0; i < 8; ++i)
    if (table >> i & 1)
      r |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return r;
}

template <typename T> uint32_t popc(T a) { return uint32_t(std::popcount(Unsigned<T>(a))); }
template <typename T> uint32_t clz(T a) { return uint32_t(std::countl_zero(Unsigned<T>(a))); }
inline uint32_t brev(uint32_t a) {
  a = (a >> 1 & 0x55555555) | (a & 0x55555555) << 1;
  a = (a >> 2 & 0x33333333) | (a & 0x33333333) << 2;
  a = (a >> 4 & 0x0f0f0f0f) | (a & 0x0f0f0f0f) << 4;
  return a << 24 | (a & 0xff00) << 8 | (a >> 8 & 0xff00) | a >> 24;
}
inline uint64_t brev(uint64_t a) {
  return uint64_t(brev(uint32_t(a))) << 32 | brev(uint32_t(a >> 32));
}
/// Position of the highest bit that is not the sign's; -1 without one.
/// isShift: how far that bit is from the top instead.
template <typename T> uint32_t bfind(T a, bool isShift) {
  Unsigned<T> value = a;
  if constexpr (std::is_signed_v<T>)
    value = a < 0 ? ~value : value;
  if (value == 0)
    return ~0u;
  uint32_t position = kBits<T> - 1 - clz(value);
  return isShift ? kBits<T> - 1 - position : position;
}
/// Position of the offset-th set bit counted from base, upward or (offset < 0)
/// downward, base included; -1 without one. offset 0: base itself, if set.
inline uint32_t fns(uint32_t mask, uint32_t base, int32_t offset) {
  base &= 31;
  if (offset == 0)
    return mask >> base & 1 ? base : ~0u;
  int32_t step = offset > 0 ? 1 : -1;
  for (int32_t p = int32_t(base); p >= 0 && p < 32; p += step)
    if ((mask >> p & 1) && (offset -= step) == 0)
      return uint32_t(p);
  return ~0u;
}

/// Position and length count modulo 256. What lies beyond the top is the sign
/// of the field (of a, if the field passes the top), or 0 for unsigned T.
template <typename T> T bfe(T a, uint32_t position, uint32_t length) {
  position &= 0xff;
  length &= 0xff;
  if (length == 0)
    return 0;
  T field = shr(a, position);
  if (length >= kBits<T> || position + length >= kBits<T>)
    return field;
  unsigned rest = kBits<T> - length;
  return T(T(Unsigned<T>(field) << rest) >> rest);
}
/// The low bits of a into b.
template <typename T> T bfi(T a, T b, uint32_t position, uint32_t length) {
  position &= 0xff;
  length &= 0xff;
  if (position >= kBits<T> || length == 0)
    return b;
  T mask = length >= kBits<T> ? ~T(0) : T((T(1) << length) - 1);
  mask = T(mask << position);
  return (b & ~mask) | (T(a << position) & mask);
}
inline uint32_t bmsk(uint32_t position, uint32_t length, bool isWrapped) {
  uint32_t low = position & 31, high = low + (length & 31);
  if (!isWrapped && position >= 32)
    return 0;
  uint32_t above = high >= 32 || (!isWrapped && length >= 32) ? 0 : ~0u << high;
  return (~0u << low) & ~above;
}
/// Sign (int32_t) or zero extension of the low `length` bits.
template <typename T> T szext(T a, uint32_t length, bool isWrapped) {
  if (isWrapped)
    length &= 31;
  if (length >= 32)
    return a;
  if (length == 0)
    return 0;
  return T(T(uint32_t(a) << (32 - length)) >> (32 - length));
}

enum class Permute : uint8_t { Index, F4e, B4e, Rc8, Ecl, Ecr, Rc16 };

/// prmt: bytes 0..3 are a's, 4..7 b's.
inline uint32_t prmt(uint32_t a, uint32_t b, uint32_t selector, Permute mode) {
  uint64_t from = uint64_t(b) << 32 | a;
  uint32_t r = 0, s = selector & 3;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t byte = 0;
    bool isSign = false;
    switch (mode) {
    case Permute::Index:
      byte = selector >> (4 * i) & 7;
      isSign = selector >> (4 * i) & 8;
      break;
    case Permute::F4e: byte = s + i; break;
    case Permute::B4e: byte = (s - i) & 7; break;
    case Permute::Rc8: byte = s; break;
    case Permute::Ecl: byte = i > s ? i : s; break;
    case Permute::Ecr: byte = i < s ? i : s; break;
    case Permute::Rc16: byte = (s & 1) * 2 + (i & 1); break;
    }
    uint32_t value = uint32_t(from >> (8 * byte)) & 0xff;
    if (isSign)
      value = value & 0x80 ? 0xff : 0;
    r |= value << (8 * i);
  }
  return r;
}

/// Four products of bytes and c, wrapping; each operand's bytes are signed or not.
inline uint32_t dp4a(uint32_t a, uint32_t b, uint32_t c, bool isSignedA, bool isSignedB) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    uint32_t x = isSignedA ? uint32_t(int8_t(a >> shift)) : uint8_t(a >> shift);
    uint32_t y = isSignedB ? uint32_t(int8_t(b >> shift)) : uint8_t(b >> shift);
    c += x * y;
  }
  return c;
}
/// Two products: the halves of a by two bytes of b, the lower or the higher ones.
inline uint32_t dp2a(uint32_t a, uint32_t b, uint32_t c, bool isSignedA, bool isSignedB,
                     bool isHigh) {
  for (unsigned i = 0; i < 2; ++i) {
    unsigned shift = 8 * (i + (isHigh ? 2 : 0));
    uint32_t x = isSignedA ? uint32_t(int16_t(a >> 16 * i)) : uint16_t(a >> 16 * i);
    uint32_t y = isSignedB ? uint32_t(int8_t(b >> shift)) : uint8_t(b >> shift);
    c += x * y;
  }
  return c;
}

} // namespace mamba::sim::numerics
