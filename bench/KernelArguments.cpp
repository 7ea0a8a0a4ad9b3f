#include "bench/KernelArguments.h"

#include "runtime/support/Float16.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>

using namespace mlir;

namespace mamba::bench {

Buffer allocate(size_t bytes) { return Buffer(std::aligned_alloc(64, bytes / 64 * 64 + 64)); }

static size_t elements(RankedTensorType type, int64_t rows) {
  size_t n = 1;
  for (int64_t d : type.getShape())
    n *= ShapedType::isDynamic(d) ? rows : d;
  return n;
}

static size_t bytesOf(RankedTensorType type, int64_t rows) {
  return elements(type, rows) * type.getElementTypeBitWidth() / 8;
}

/// Small numbers of both signs; integers of 32 bits are tokens and the like.
static void fill(RankedTensorType type, void *p, size_t n) {
  auto value = [](size_t i) {
    return 0.01f * float(int(i * 2654435761u >> 20 & 255) - 128) / 128;
  };
  Type element = type.getElementType();
  for (size_t i = 0; i < n; ++i)
    if (element.isF32())
      static_cast<float *>(p)[i] = value(i);
    else if (element.isBF16())
      static_cast<uint16_t *>(p)[i] = f32ToBf16(value(i));
    else if (element.isF16())
      static_cast<uint16_t *>(p)[i] = f32ToF16(value(i));
    else if (element.isInteger(8))
      static_cast<int8_t *>(p)[i] = int8_t(value(i) * 12700);
    else if (element.isInteger(32))
      static_cast<int32_t *>(p)[i] = 7;
    else
      static_cast<int64_t *>(p)[i] = 7;
}

double KernelOperands::bytes(int64_t rows) const {
  double bytes = 0;
  for (RankedTensorType type : types) {
    double size = double(bytesOf(type, rows));
    // Of an embedding's table only the rows that are read count.
    if (isEmbedding && type.hasStaticShape())
      size *= double(rows) / double(type.getShape().front());
    bytes += size;
  }
  return bytes;
}

KernelOperands operandsOf(ssm::KernelOp kernel) {
  KernelOperands operands;
  auto add = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      operands.types.push_back(tensor);
      operands.weight.push_back(tensor.hasStaticShape());
    }
  };
  for (Value input : kernel.getInputs())
    add(input.getType());
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    if (!kernel.getTiedInput(i))
      add(kernel.getResult(i).getType());
  kernel.walk([&](ssm::EmbeddingOp) { operands.isEmbedding = true; });
  return operands;
}

Arguments::Arguments(const KernelOperands &operands, int64_t rows, bool cold) {
  auto make = [&](RankedTensorType type) {
    owned_.push_back(allocate(bytesOf(type, rows)));
    return owned_.back().get();
  };
  std::vector<void *> first;
  double weights = 0;
  for (auto [type, weight] : llvm::zip_equal(operands.types, operands.weight)) {
    first.push_back(make(type));
    fill(type, first.back(), elements(type, rows));
    weights += weight ? double(bytesOf(type, rows)) : 0;
  }
  sets_.push_back(first);
  int64_t copies = cold && weights > 0 ? std::clamp<int64_t>(768e6 / weights, 1, 400) : 1;
  while (int64_t(sets_.size()) < copies) {
    std::vector<void *> set = first;
    for (size_t i = 0; i < set.size(); ++i)
      if (operands.weight[i])
        set[i] = std::memcpy(make(operands.types[i]), first[i], bytesOf(operands.types[i], rows));
    sets_.push_back(std::move(set));
  }
}

void **Arguments::next() {
  std::vector<void *> &set = sets_[next_];
  next_ = (next_ + 1) % sets_.size();
  return set.data();
}

} // namespace mamba::bench
