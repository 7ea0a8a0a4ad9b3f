#include "test/unit/lab/LabKernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

using namespace mlir;

namespace mamba {

std::string LabKernel::describe() const {
  std::string schedule;
  llvm::raw_string_ostream(schedule) << op().getKernel().getScheduleAttr();
  return op().getSymName().str() + " " + schedule;
}

bool LabKernel::hasRows() const {
  return llvm::any_of(
      plan::kernelArgs(op().getKernel()),
      [](const plan::KernelArg &arg) { return !arg.type.hasStaticShape(); });
}

bool LabKernel::isOfSequences() const {
  return !op().getKernel().getBlock().getOps<ssm::LastRowsOp>().empty();
}

int64_t LabKernel::resultRows(const BatchValue &batch) const {
  return isOfSequences() ? batch.sequences() : batch.tokens();
}

Tensor LabKernel::asTaken(unsigned i, const Tensor &value) const {
  BlockArgument argument = op().getKernel().getBlock().getArgument(i);
  for (Operation *user : argument.getUsers())
    if (auto unpack = dyn_cast<ssm::UnpackOp>(user))
      return reference::pack(value, unpack.getBlock(), unpack.getInterleave());
  return value;
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Slots of a pool for that many sequences: some are never used.
static int64_t slotsFor(const BatchValue &batch) {
  return batch.sequences() + 3;
}

BatchValue shuffledBatch(const std::vector<int64_t> &lengths,
                         RandomTensors &random) {
  BatchValue batch = reference::makeBatch(lengths);
  std::vector<int64_t> slots(slotsFor(batch));
  std::iota(slots.begin(), slots.end(), 0);
  for (size_t i = slots.size() - 1; i > 0; --i)
    std::swap(slots[i], slots[random.integer(0, i)]);
  std::copy_n(slots.begin(), lengths.size(), batch.slot.begin());
  for (int64_t &position : batch.position)
    position = random.integer(0, 1000);
  return batch;
}

KernelInputs LabKernel::randomInputs(const BatchValue &batch,
                                     RandomTensors &random) const {
  KernelInputs inputs{batch, {}};
  for (auto [i, type] :
       llvm::enumerate(op().getKernel().getInputs().getTypes())) {
    auto tensorType = dyn_cast<RankedTensorType>(type);
    if (!tensorType) {
      inputs.operands.push_back(batch);
      continue;
    }
    const KernelText::Arg &arg = text.args[i];
    Type element = tensorType.getElementType();
    bool isPool = tensorType.getRank() == 3 && tensorType.isDynamicDim(0);
    Tensor tensor =
        random(shapeFor(tensorType, isPool ? slotsFor(batch) : batch.tokens()),
               arg.lo, arg.hi);
    auto precision = element.isF16()    ? reference::Precision::F16
                     : element.isBF16() ? reference::Precision::BF16
                                        : reference::Precision::F32;
    for (double &x : tensor.values)
      x = isa<FloatType>(element) ? reference::roundTo(x, precision)
                                  : std::floor(x);
    inputs.operands.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<Tensor> LabKernel::reference(const KernelInputs &inputs) const {
  auto results =
      reference::evaluate(op().getKernel().getBlock(), inputs.operands);
  std::vector<Tensor> tensors;
  if (failed(results)) {
    ADD_FAILURE() << "the reference cannot evaluate " << describe();
    return tensors;
  }
  for (reference::Value &value : *results)
    tensors.push_back(std::get<Tensor>(value));
  return tensors;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static void expectClose(const Tensor &got, const Tensor &want,
                        double tolerance) {
  ASSERT_EQ(got.shape, want.shape);
  double squares = 0;
  for (double x : want.values)
    squares += x * x;
  double rms =
      want.values.empty() ? 0 : std::sqrt(squares / want.values.size());
  size_t worst = 0;
  double worstExcess = -1;
  for (size_t i = 0; i < want.values.size(); ++i) {
    // What is smaller than a normal number may be flushed.
    double allowed = tolerance * (std::fabs(want.values[i]) + rms);
    if (tolerance > 0)
      allowed += std::numeric_limits<float>::min();
    double excess = std::fabs(got.values[i] - want.values[i]) - allowed;
    if (!(excess <= 0) && !(excess <= worstExcess)) { // NaN is worst.
      worst = i;
      worstExcess =
          std::isnan(excess) ? std::numeric_limits<double>::infinity() : excess;
    }
  }
  EXPECT_LT(worstExcess, 0)
      << "element " << worst << " of " << want.values.size() << " is "
      << got.values[worst] << ", should be " << want.values[worst];
}

void LabKernel::expectRight(const KernelInputs &inputs,
                            const std::vector<Tensor> &want,
                            const std::vector<Tensor> &got) const {
  ASSERT_EQ(got.size(), want.size());
  const BatchValue &batch = inputs.batch;
  std::vector<bool> advanced(slotsFor(batch));
  for (int64_t s = 0; s < batch.sequences(); ++s)
    advanced[batch.slot[s]] = batch.seqStart[s + 1] > batch.seqStart[s];
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE("result " + std::to_string(i));
    expectClose(got[i], want[i], tolerance());
    std::optional<unsigned> tied = op().getKernel().getTiedInput(i);
    if (!tied)
      continue;
    const Tensor &before = std::get<Tensor>(inputs.operands[*tied]);
    for (int64_t slot = 0; slot < before.rows(); ++slot)
      EXPECT_TRUE(advanced[slot] ||
                  sameBits(reference::rowsOf(before, slot, slot + 1),
                           reference::rowsOf(got[i], slot, slot + 1)))
          << "slot " << slot
          << " is not of the batch, or of an empty sequence, and changes";
  }
}

void LabKernel::checkOn(const BatchValue &batch, RandomTensors &random) const {
  KernelInputs inputs = randomInputs(batch, random);
  std::vector<Tensor> want = reference(inputs), got = run(inputs);
  expectRight(inputs, want, got);
  checkAgain(inputs, want, got);
}

/// Lengths of the sequences of some batches.
static std::vector<std::vector<int64_t>> ragged(RandomTensors &random) {
  std::vector<std::vector<int64_t>> batches = {
      {0, 0}, {1}, {1, 1, 1, 1, 1}, {2, 0, 70, 1, 3, 33, 0}};
  std::vector<int64_t> drawn(random.integer(1, 5));
  for (int64_t &length : drawn)
    length =
        random.integer(0, 3) ? random.integer(0, 40) : random.integer(60, 135);
  batches.push_back(drawn);
  return batches;
}

static std::vector<std::vector<int64_t>> decoding(RandomTensors &random) {
  std::vector<std::vector<int64_t>> batches;
  for (int64_t sequences : {int64_t(1), int64_t(2), random.integer(3, 31),
                            int64_t(33), random.integer(34, 40)})
    batches.emplace_back(sequences, 1);
  return batches;
}

void LabKernel::check(RandomTensors &random) const {
  std::vector<std::vector<int64_t>> batches = {{}};
  if (hasRows()) {
    auto more = onlyDecodes() ? decoding(random) : ragged(random);
    batches.insert(batches.end(), more.begin(), more.end());
  }
  for (const std::vector<int64_t> &lengths : batches) {
    SCOPED_TRACE(describe() + ", lengths " + testing::PrintToString(lengths));
    checkOn(shuffledBatch(lengths, random), random);
  }
}

void LabKernel::checkDecoding(RandomTensors &random) const {
  for (int64_t sequences : {int64_t(1), random.integer(2, 5), random.integer(6, 21)})
    for (bool ragged : {false, true}) {
      std::vector<int64_t> lengths(sequences, 1);
      for (int64_t &length : lengths)
        length = ragged ? random.integer(0, 1) : 1;
      SCOPED_TRACE(describe() + ", lengths " + testing::PrintToString(lengths));
      checkOn(shuffledBatch(lengths, random), random);
    }
}

} // namespace mamba
