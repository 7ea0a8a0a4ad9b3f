#include "compiler/pack/Golden.h"

#include "compiler/pack/GoldenRanges.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/reference/Reference.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/support/Float16.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include <numeric>

using namespace mlir;

namespace mamba {

/// A case's arguments have at most so many elements: half a gigabyte each for
/// builder and self-test.
static constexpr uint64_t maxElements = 100'000'000;
/// A longer batch is taken if the weights times its tokens stay below this.
static constexpr uint64_t cheapProducts = 40'000'000;
static constexpr uint64_t samplesOfOutput = 512;
static constexpr int64_t poolSlots = 4;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

double goldenInput(const GoldenArg &arg, uint64_t index, uint64_t i) {
  uint64_t x = splitmix64(0x6d616d6261 + (index << 40) + i);
  if (arg.fill == GoldenArg::Fill::Index)
    return arg.dtype == DType::I8 ? double(int8_t(x % arg.bound)) : double(x % arg.bound);
  double u = double(x >> 40) / double(1 << 24);
  float value = float(arg.lo + (arg.hi - arg.lo) * u);
  if (arg.dtype == DType::F16)
    return f16ToF32(f32ToF16(value));
  if (arg.dtype == DType::BF16)
    return bf16ToF32(f32ToBf16(value));
  return value;
}

//===----------------------------------------------------------------------===//
// One case
//===----------------------------------------------------------------------===//

namespace {
class CaseBuilder {
public:
  CaseBuilder(plan::KernelOp planned, const std::string &blob, std::vector<float> &samples)
      : planned(planned), kernel(planned.getKernel()), args(plan::kernelArgs(kernel)), blob(blob),
        samples(samples) {}

  /// False if the case would be too large.
  bool describeInputs();
  Status evaluate();
  GoldenCase take() { return std::move(golden); }

private:
  void chooseBatch();
  uint64_t elementsOf(const plan::KernelArg &arg);
  reference::Tensor inputTensor(unsigned arg) const;
  void sample(unsigned arg, const reference::Tensor &tensor);
  int64_t dispatchRows(ArrayRef<reference::Value> results);
  void describeGrid(ArrayRef<reference::Value> results);

  plan::KernelOp planned;
  ssm::KernelOp kernel;
  SmallVector<plan::KernelArg> args;
  const std::string &blob;
  std::vector<float> &samples;
  GoldenCase golden;
  int64_t tokens = 0;
};
} // namespace

/// Ragged, with an empty sequence and a slot that none uses; all of one token
/// for kernels that only decoding runs. The longest batch that is cheap: kernels
/// then meet full tiles, edges and several chunks of time.
void CaseBuilder::chooseBatch() {
  uint64_t weights = 0;
  for (const plan::KernelArg &arg : args)
    if (arg.type.hasStaticShape())
      weights += arg.type.getNumElements();
  bool anyLength = llvm::any_of(planned.getClasses().getAsValueRange<StringAttr>(),
                                [](StringRef name) { return name != "decode" && name != "few"; });
  if (planned.isDecodeOnly())
    golden.lengths = {1, 1, 1};
  else if (anyLength && weights * 105 <= cheapProducts)
    golden.lengths = {70, 0, 35};
  else if (weights * 12 <= cheapProducts)
    golden.lengths = {9, 0, 3};
  else
    golden.lengths = {3, 0, 1};
  golden.slots = {2, 0, 3};
  golden.positions = {0, 0, 5};
  tokens = std::accumulate(golden.lengths.begin(), golden.lengths.end(), int64_t(0));
}

uint64_t CaseBuilder::elementsOf(const plan::KernelArg &arg) {
  int64_t rows = arg.operand && isPool(kernel.getBlock().getArgument(*arg.operand)) ? poolSlots : tokens;
  uint64_t count = 1;
  for (int64_t extent : arg.type.getShape())
    count *= ShapedType::isDynamic(extent) ? rows : extent;
  return count;
}

bool CaseBuilder::describeInputs() {
  chooseBatch();
  uint64_t total = 0;
  for (const plan::KernelArg &arg : args) {
    GoldenArg described;
    described.dtype = dtypeOf(arg.type.getElementType());
    described.count = elementsOf(arg);
    if (arg.operand)
      setRange(described, kernel.getBlock().getArgument(*arg.operand));
    else
      described.fill = GoldenArg::Fill::Poison;
    total += described.count;
    golden.args.push_back(described);
  }
  return total <= maxElements;
}

reference::Tensor CaseBuilder::inputTensor(unsigned arg) const {
  const GoldenArg &described = golden.args[arg];
  std::vector<int64_t> shape = args[arg].type.getShape().vec();
  int64_t rowElements = 1;
  for (int64_t extent : shape)
    rowElements *= ShapedType::isDynamic(extent) ? 1 : extent;
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = int64_t(described.count) / rowElements;
  reference::Tensor tensor(std::move(shape));
  for (uint64_t i = 0; i < described.count; ++i)
    tensor.values[i] = goldenInput(described, arg, i);
  return tensor;
}

/// Takes samples that reach every column.
void CaseBuilder::sample(unsigned arg, const reference::Tensor &tensor) {
  uint64_t count = tensor.values.size();
  golden.args[arg].count = count;
  if (count == 0)
    return;
  uint64_t stride = std::max<uint64_t>(1, llvm::divideCeil(count, samplesOfOutput));
  while (std::gcd(stride, uint64_t(tensor.shape.back())) != 1)
    ++stride;
  GoldenOutput output{arg, (count - 1) / stride + 1, stride, blob, samples.size()};
  for (uint64_t i = 0; i < output.count; ++i)
    samples.push_back(float(tensor.values[i * stride]));
  golden.outputs.push_back(std::move(output));
}

/// The rows of the first result that has rows, as in a dispatch, else those of
/// the operands.
int64_t CaseBuilder::dispatchRows(ArrayRef<reference::Value> results) {
  for (const plan::KernelArg &arg : args)
    if (arg.role == plan::Role::Out && !arg.type.hasStaticShape())
      return std::get<reference::Tensor>(results[*arg.result]).rows();
  for (const plan::KernelArg &arg : args)
    if (arg.role == plan::Role::In && !arg.type.hasStaticShape())
      return tokens;
  return 1;
}

void CaseBuilder::describeGrid(ArrayRef<reference::Value> results) {
  golden.rows = dispatchRows(results);
  plan::GridAttr grid = planned.getGridAttr();
  golden.grid.of.kind =
      grid.getOf() == plan::GridOf::Sequences ? RowKind::S : RowKind::Constant;
  golden.grid.of.value = grid.getOf() == plan::GridOf::Rows ? golden.rows : grid.getCount();
  golden.grid.block = grid.getBlock();
  golden.grid.times = grid.getTimes();
}

Status CaseBuilder::evaluate() {
  reference::BatchValue batch = reference::makeBatch(golden.lengths);
  batch.slot.assign(golden.slots.begin(), golden.slots.end());
  batch.position = golden.positions;

  std::vector<reference::Value> inputs(kernel.getInputs().size(), batch);
  for (auto [i, arg] : llvm::enumerate(args))
    if (arg.operand)
      inputs[*arg.operand] = inputTensor(i);
  auto results = reference::evaluate(kernel.getBlock(), inputs);
  if (failed(results))
    return internalError("the reference cannot evaluate kernel " +
                         inQuotes(planned.getSymName().str()));
  bool exact = true, hasTokens = false;
  for (auto [i, arg] : llvm::enumerate(args)) {
    if (!arg.result)
      continue;
    sample(i, std::get<reference::Tensor>((*results)[*arg.result]));
    exact &= golden.args[i].dtype == DType::F32;
    hasTokens |= golden.args[i].dtype == DType::I32;
  }
  // A token is right or wrong, and the logit beside it is copied.
  golden.tolerance = hasTokens ? 1e-9 : exact ? 2e-4 : 1e-2;
  describeGrid(*results);
  return {};
}

//===----------------------------------------------------------------------===//

Result<std::vector<float>> addGoldenCases(TargetSpec &target, ModuleOp plan,
                                          const std::string &blob,
                                          const std::function<void(const std::string &)> &note) {
  std::vector<float> samples;
  for (auto [spec, planned] : llvm::zip_equal(target.kernels, plan.getOps<plan::KernelOp>())) {
    CaseBuilder builder(planned, blob, samples);
    if (!builder.describeInputs()) {
      note("no self-test of kernel " + inQuotes(spec.symbol) + ": its arguments have more than " +
           std::to_string(maxElements) + " elements");
      continue;
    }
    MAMBA_RETURN_IF_ERROR(builder.evaluate());
    GoldenCase golden = builder.take();
    if (golden.outputs.empty())
      note("no self-test of kernel " + inQuotes(spec.symbol) + ": it has no output");
    else
      spec.golden.push_back(std::move(golden));
  }
  return samples;
}

} // namespace mamba
