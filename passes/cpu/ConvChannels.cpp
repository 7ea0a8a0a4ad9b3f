#include "passes/cpu/ConvChannels.h"

#include "passes/target/Match.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mamba {

ConvChannels::ConvChannels(CpuEmitter &e, ssm::Conv1dOp conv)
    : E(lastDim(conv.getY())), W(lastDim(conv.getW())), e(e), conv(conv) {}

int64_t ConvChannels::panel(int64_t E, int64_t lanes) {
  // Vectors of 8 lanes come with 16 registers, those of 16 and of AArch64 with 32.
  return std::min<int64_t>(lanes == 8 ? 2 * lanes : 4 * lanes, llvm::alignTo(E, lanes));
}

ConvChannels::Taps ConvChannels::taps(Value channel) {
  Value packed = packedArgument(conv.getW());
  Value block = e.index(lastDim(packed)), panel = e.div(channel, block);
  Taps taps;
  for (int64_t k = 0; k < W; ++k)
    taps.weights.push_back(
        vector::LoadOp::create(e.b, e.vectorType, e.buffer(packed),
                               ValueRange{panel, e.index(k), e.rem(channel, block)}));
  taps.bias = conv.getBias() ? e.load1(e.buffer(conv.getBias()), channel) : e.zero();
  return taps;
}

Value ConvChannels::sum(const Taps &taps, ValueRange inputs) {
  Value sum = taps.bias;
  for (auto [weight, input] : llvm::zip_equal(taps.weights, inputs))
    sum = e.math.fma(weight, input, sum);
  return sum;
}

SmallVector<Value> ConvChannels::loadPool(Value slot, Value channel) {
  SmallVector<Value> inputs;
  for (int64_t k = 0; k < W - 1; ++k)
    inputs.push_back(e.loadAt(e.buffer(conv.getState()), {slot, e.index(k), channel},
                              e.edgeMask(channel, E)));
  return inputs;
}

void ConvChannels::storePool(ValueRange inputs, Value slot, Value channel) {
  for (auto [k, input] : llvm::enumerate(inputs))
    e.storeAt(input, e.buffer(conv.getState()), {slot, e.index(k), channel},
              e.edgeMask(channel, E));
}

} // namespace mamba
