#include "compiler/pack/Golden.h"

#include "compiler/pack/FirstError.h"
#include "compiler/pack/GoldenRanges.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/reference/Reference.h"
#include "dialects/plan/PlanDialect.h"
#include "passes/target/Schedule.h"
#include "runtime/support/Float16.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include "mlir/Parser/Parser.h"

#include <cstring>
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
  explicit CaseBuilder(plan::KernelOp planned)
      : planned(planned), kernel(planned.getKernel()), args(plan::kernelArgs(kernel)) {}

  void chooseBatch();
  void takeBatch(const std::vector<int64_t> &lengths);
  /// False if the case would be too large.
  bool describeInputs();
  Status evaluate();
  GoldenTest take() {
    if (golden.outputs.empty())
      return {std::nullopt, {}, "it has no output"};
    return {std::move(golden), std::move(samples), ""};
  }

private:
  uint64_t elementsOf(const plan::KernelArg &arg);
  reference::Tensor inputTensor(unsigned arg) const;
  void sample(unsigned arg, const reference::Tensor &tensor);
  int64_t dispatchRows(ArrayRef<reference::Value> results);

  plan::KernelOp planned;
  ssm::KernelOp kernel;
  SmallVector<plan::KernelArg> args;
  std::vector<float> samples;
  GoldenCase golden;
  int64_t tokens = 0;
};
} // namespace

static bool takesAnyLength(plan::KernelOp planned) {
  return llvm::any_of(planned.getClasses().getAsValueRange<StringAttr>(),
                      [](StringRef name) { return name != "decode" && name != "few"; });
}

/// Ragged, with an empty sequence and a slot that none uses; all of one token
/// for kernels that only decoding runs. The longest batch that is cheap: kernels
/// then meet full tiles, edges and several chunks of time.
void CaseBuilder::chooseBatch() {
  uint64_t weights = 0;
  for (const plan::KernelArg &arg : args)
    if (arg.type.hasStaticShape())
      weights += arg.type.getNumElements();
  if (planned.isDecodeOnly())
    golden.lengths = {1, 1, 1};
  else if (takesAnyLength(planned) && weights * 105 <= cheapProducts)
    golden.lengths = {70, 0, 35};
  else if (weights * 12 <= cheapProducts)
    golden.lengths = {9, 0, 3};
  else
    golden.lengths = {3, 0, 1};
  golden.slots = {2, 0, 3};
  golden.positions = {0, 0, 5};
  tokens = std::accumulate(golden.lengths.begin(), golden.lengths.end(), int64_t(0));
}

/// Of new sequences in the first slots.
void CaseBuilder::takeBatch(const std::vector<int64_t> &lengths) {
  golden.lengths = lengths;
  golden.positions.assign(lengths.size(), 0);
  golden.slots.resize(lengths.size());
  std::iota(golden.slots.begin(), golden.slots.end(), 0);
  tokens = std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
}

uint64_t CaseBuilder::elementsOf(const plan::KernelArg &arg) {
  int64_t rows = arg.operand && isPool(kernel.getBlock().getArgument(*arg.operand)) ? poolSlots : tokens;
  uint64_t count = 1;
  for (int64_t extent : arg.type.getShape())
    count *= ShapedType::isDynamic(extent) ? rows : extent;
  return count;
}

bool CaseBuilder::describeInputs() {
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
  GoldenOutput output{arg, (count - 1) / stride + 1, stride, {}, samples.size()};
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
  // For tiles a quantised matrix is rounded to bf16.
  ssm::ScheduleAttr schedule = kernel.getScheduleAttr();
  bool exact = !schedule || !schedule.getMma() ||
               kernel.getBlock().getOps<ssm::DequantizeOp>().empty();
  bool hasTokens = false;
  for (auto [i, arg] : llvm::enumerate(args)) {
    if (!arg.result)
      continue;
    sample(i, std::get<reference::Tensor>((*results)[*arg.result]));
    exact &= golden.args[i].dtype == DType::F32;
    hasTokens |= golden.args[i].dtype == DType::I32;
  }
  // A token is right or wrong, and the logit beside it is copied.
  golden.tolerance = hasTokens ? 1e-9 : exact ? 2e-4 : 1e-2;
  golden.rows = dispatchRows(*results);
  return {};
}

//===----------------------------------------------------------------------===//

std::string goldenText(plan::KernelOp planned) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(planned.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto copy = cast<plan::KernelOp>(b.clone(*planned));
  // Nothing of how it is computed, but whether by a matrix unit.
  copy.setSymName("kernel");
  StringRef lengths = copy.isDecodeOnly() ? "decode" : takesAnyLength(copy) ? "prefill" : "few";
  copy.setClassesAttr(b.getStrArrayAttr({lengths}));
  copy.removeGridAttr();
  copy.removeScratchAttr();
  copy.removeThreadsAttr();
  copy.removeSharedAttr();
  copy.removeVariantsAttr();
  copy.setOverlap(false);
  if (ssm::ScheduleAttr schedule = copy.getKernel().getScheduleAttr();
      schedule && schedule.getMma())
    copy.getKernel().setScheduleAttr(Schedule{.mma = schedule.getMma()}.get(b.getContext()));
  else
    copy.getKernel().removeScheduleAttr();
  for (Operation *op : {copy.getOperation(), copy.getKernel().getOperation()})
    op->removeAttr("ssm.schedule_from");
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  return text;
}

Result<GoldenTest> computeGolden(const std::string &text, const DialectRegistry &registry,
                                 const std::vector<int64_t> &lengths) {
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  FirstError error(context);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return error.status("a kernel's ops cannot be read again");
  CaseBuilder builder(cast<plan::KernelOp>(module->getBody()->front()));
  if (lengths.empty())
    builder.chooseBatch();
  else
    builder.takeBatch(lengths);
  if (!builder.describeInputs())
    return GoldenTest{std::nullopt, {},
                      "its arguments have more than " + std::to_string(maxElements) + " elements"};
  if (Status status = builder.evaluate(); !status.ok())
    return error.status(status.message());
  return builder.take();
}

std::vector<uint8_t> writeGoldenTest(const GoldenTest &test) {
  std::string head = (test.golden ? writeGoldenCase(*test.golden) : "-" + test.why) + "\n";
  std::vector<uint8_t> bytes(head.begin(), head.end());
  auto *values = reinterpret_cast<const uint8_t *>(test.samples.data());
  bytes.insert(bytes.end(), values, values + test.samples.size() * sizeof(float));
  return bytes;
}

std::optional<GoldenTest> readGoldenTest(std::span<const uint8_t> bytes) {
  StringRef text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  auto [head, values] = text.split('\n');
  GoldenTest test;
  if (head.consume_front("-")) {
    test.why = head.str();
    return test;
  }
  Result<GoldenCase> golden = readGoldenCase(head, "golden");
  if (!golden.ok() || values.size() % sizeof(float) != 0)
    return std::nullopt;
  test.golden = std::move(*golden);
  test.samples.resize(values.size() / sizeof(float));
  if (!test.samples.empty())
    std::memcpy(test.samples.data(), values.data(), values.size());
  return test;
}

} // namespace mamba
