#include "runtime/device/Golden.h"

#include "runtime/support/Float16.h"
#include "runtime/support/SplitMix64.h"

#include <cmath>
#include <cstdio>
#include <cstring>

using namespace mamba;

/// Calls set(i, x) for every element with its random number.
template <typename Set>
static void forEach(const GoldenArg &arg, uint64_t index, Set set) {
  uint64_t seed = 0x6d616d6261 + (index << 40);
  for (uint64_t i = 0; i < arg.count; ++i)
    set(i, splitmix64(seed + i));
}

/// Integers wrap to T; 16-bit floats pass as their bits through `convert`.
template <typename T, typename Convert>
static void fillIndices(const GoldenArg &arg, uint64_t index, void *to,
                        Convert convert) {
  forEach(arg, index, [&](uint64_t i, uint64_t x) {
    static_cast<T *>(to)[i] = convert(x % arg.bound);
  });
}

template <typename T, typename Convert>
static void fillUniform(const GoldenArg &arg, uint64_t index, void *to,
                        Convert convert) {
  double range = arg.hi - arg.lo;
  forEach(arg, index, [&](uint64_t i, uint64_t x) {
    double u = static_cast<double>(x >> 40) / 16777216.0;
    static_cast<T *>(to)[i] = convert(static_cast<float>(arg.lo + range * u));
  });
}

void mamba::fillGoldenArg(const GoldenArg &arg, uint64_t index, void *to) {
  bool isUniform = arg.fill == GoldenArg::Fill::Uniform;
  auto same = [](auto value) { return value; };
  auto toF16 = [](auto value) { return f32ToF16(static_cast<float>(value)); };
  auto toBf16 = [](auto value) { return f32ToBf16(static_cast<float>(value)); };
  if (arg.fill == GoldenArg::Fill::Poison) {
    std::memset(to, 0xff, arg.count * dtypeBytes(arg.dtype));
    return;
  }
  switch (arg.dtype) {
  case DType::F32:
    return isUniform ? fillUniform<float>(arg, index, to, same)
                     : fillIndices<float>(arg, index, to, same);
  case DType::F16:
    return isUniform ? fillUniform<uint16_t>(arg, index, to, toF16)
                     : fillIndices<uint16_t>(arg, index, to, toF16);
  case DType::BF16:
    return isUniform ? fillUniform<uint16_t>(arg, index, to, toBf16)
                     : fillIndices<uint16_t>(arg, index, to, toBf16);
  case DType::U8:
  case DType::I8:
    return fillIndices<uint8_t>(arg, index, to, same);
  case DType::I32:
    return fillIndices<uint32_t>(arg, index, to, same);
  case DType::I64:
    return fillIndices<uint64_t>(arg, index, to, same);
  default: // Refused by verifyManifest.
    return;
  }
}

template <typename T> static T load(const void *from, uint64_t i) {
  T value;
  std::memcpy(&value, static_cast<const uint8_t *>(from) + i * sizeof(T),
              sizeof(T));
  return value;
}

static double element(DType dtype, const void *from, uint64_t i) {
  switch (dtype) {
  case DType::F32:
    return load<float>(from, i);
  case DType::F16:
    return f16ToF32(load<uint16_t>(from, i));
  case DType::BF16:
    return bf16ToF32(load<uint16_t>(from, i));
  case DType::U8:
    return load<uint8_t>(from, i);
  case DType::I8:
    return load<int8_t>(from, i);
  case DType::I32:
    return load<int32_t>(from, i);
  case DType::I64:
    return static_cast<double>(load<int64_t>(from, i));
  default:
    return std::nan("");
  }
}

double mamba::relativeError(DType dtype, const void *from, uint64_t stride,
                            std::span<const float> expected) {
  double difference = 0, norm = 0;
  for (uint64_t i = 0; i < expected.size(); ++i) {
    double wish = expected[i];
    double delta = element(dtype, from, i * stride) - wish;
    difference += delta * delta;
    norm += wish * wish;
  }
  return std::sqrt(difference) / (norm > 0 ? std::sqrt(norm) : 1);
}

Status mamba::compareGoldenOutput(const GoldenCase &golden,
                                  const GoldenOutput &output, const void *from,
                                  std::span<const float> expected) {
  double error = relativeError(golden.args[output.arg].dtype, from,
                               output.stride, expected);
  if (error <= golden.tolerance) // Not so if it is NaN.
    return {};
  char message[120];
  std::snprintf(message, sizeof(message),
                "argument %u has relative error %.3g, allowed is %.3g",
                output.arg, std::fabs(error), golden.tolerance);
  return internalError(message);
}
