#include "test/unit/lab/Bytes.h"

#include "runtime/support/Float16.h"

#include "llvm/ADT/STLExtras.h"

#include <cstring>

using namespace mlir;

namespace mamba {

int64_t elementBytes(Type type) { return type.getIntOrFloatBitWidth() / 8; }

static void writeElement(Type type, uint8_t *to, double value) {
  if (type.isF32()) {
    float x = static_cast<float>(value);
    std::memcpy(to, &x, sizeof(x));
  } else if (type.isInteger(32)) {
    auto x = static_cast<int32_t>(value);
    std::memcpy(to, &x, sizeof(x));
  } else if (type.isInteger(8)) {
    *to = static_cast<uint8_t>(static_cast<int8_t>(value));
  } else {
    auto x = static_cast<float>(value);
    uint16_t bits = type.isF16() ? f32ToF16(x) : f32ToBf16(x);
    std::memcpy(to, &bits, sizeof(bits));
  }
}

static double readElement(Type type, const uint8_t *from) {
  if (type.isF32()) {
    float x;
    std::memcpy(&x, from, sizeof(x));
    return x;
  }
  if (type.isInteger(32)) {
    int32_t x;
    std::memcpy(&x, from, sizeof(x));
    return x;
  }
  if (type.isInteger(8))
    return static_cast<int8_t>(*from);
  uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return type.isF16() ? f16ToF32(bits) : bf16ToF32(bits);
}

std::vector<uint8_t> bytesOf(const Tensor &tensor, Type element) {
  int64_t size = elementBytes(element);
  std::vector<uint8_t> bytes(tensor.values.size() * size);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    writeElement(element, bytes.data() + i * size, tensor.values[i]);
  return bytes;
}

Tensor tensorOf(const uint8_t *bytes, Type element,
                std::vector<int64_t> shape) {
  Tensor tensor(std::move(shape));
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] = readElement(element, bytes + i * elementBytes(element));
  return tensor;
}

std::vector<int64_t> shapeFor(RankedTensorType type, int64_t rows) {
  std::vector<int64_t> shape = type.getShape().vec();
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = rows;
  return shape;
}

bool sameBits(const Tensor &a, const Tensor &b) {
  return a.shape == b.shape &&
         std::memcmp(a.values.data(), b.values.data(),
                     a.values.size() * sizeof(double)) == 0;
}
bool sameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b) {
  return a.size() == b.size() &&
         llvm::all_of(llvm::zip_equal(a, b), [](auto pair) {
           return sameBits(std::get<0>(pair), std::get<1>(pair));
         });
}

} // namespace mamba
