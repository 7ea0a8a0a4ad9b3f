#include "test/unit/cpu/KernelLab.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pipeline/Pipeline.h"
#include "passes/cpu/Passes.h"
#include "passes/fusion/Passes.h"
#include "passes/lowering/KernelTable.h"
#include "passes/target/Target.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cpu/FloatMode.h"
#include "runtime/support/Float16.h"
#include "test/unit/cpu/GuardedBuffer.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>

using namespace mlir;

namespace mamba {

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string weightType(std::vector<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element + ">";
}
std::string rowsType(int64_t width) {
  return "tensor<?x" + std::to_string(width) + "xf32>";
}
std::string poolType(int64_t rows, int64_t columns) {
  return "tensor<?x" + std::to_string(rows) + "x" + std::to_string(columns) +
         "xf32>";
}

template <typename Range, typename Each>
static std::string joined(const Range &range, Each each) {
  std::string text;
  for (const auto &item : range)
    text += (text.empty() ? "" : ", ") + each(item);
  return text;
}

std::string KernelText::function(const std::string &name) const {
  auto typeOf = [](const auto &item) { return item.type; };
  std::ostringstream out;
  out << "func.func @" << name << "("
      << joined(args,
                [](const Arg &arg) { return "%" + arg.name + ": " + arg.type; })
      << ") attributes {ssm.class = \"" << tokenClass << "\"} {\n  "
      << "%results:" << yields.size() << " = ssm.kernel ("
      << joined(
             args,
             [](const Arg &arg) { return "%" + arg.name + " = %" + arg.name; })
      << ") " << (schedule.empty() ? "" : "schedule " + schedule) << " : ("
      << joined(args, typeOf) << ") -> (" << joined(yields, typeOf) << ") {\n"
      << ops << "\n  ssm.yield "
      << joined(yields, [](const Yield &yield) { return "%" + yield.name; })
      << " : " << joined(yields, typeOf) << "\n  }\n  return\n}\n";
  return out.str();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

static int64_t elementBytes(Type type) {
  return type.getIntOrFloatBitWidth() / 8;
}

static void writeElement(Type type, uint8_t *to, double value) {
  if (type.isF32()) {
    float x = static_cast<float>(value);
    std::memcpy(to, &x, sizeof(x));
  } else if (type.isInteger(32)) {
    auto x = static_cast<int32_t>(value);
    std::memcpy(to, &x, sizeof(x));
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
  uint16_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  return type.isF16() ? f16ToF32(bits) : bf16ToF32(bits);
}

static GuardedBuffer bufferOf(const Tensor &tensor, Type type) {
  int64_t size = elementBytes(type);
  GuardedBuffer buffer(tensor.values.size() * size);
  for (size_t i = 0; i < tensor.values.size(); ++i)
    writeElement(type, buffer.data() + i * size, tensor.values[i]);
  return buffer;
}

static Tensor tensorOf(const GuardedBuffer &buffer, Type type,
                       std::vector<int64_t> shape) {
  Tensor tensor(std::move(shape));
  for (size_t i = 0; i < tensor.values.size(); ++i)
    tensor.values[i] =
        readElement(type, buffer.data() + i * elementBytes(type));
  return tensor;
}

template <typename T>
static GuardedBuffer bufferOf(const std::vector<int64_t> &values) {
  GuardedBuffer buffer(values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    T x = static_cast<T>(values[i]);
    std::memcpy(buffer.data() + i * sizeof(T), &x, sizeof(T));
  }
  return buffer;
}

static std::vector<int64_t> shapeFor(RankedTensorType type, int64_t dynamic) {
  std::vector<int64_t> shape = type.getShape().vec();
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = dynamic;
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

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

std::unique_ptr<MachineCode> MachineCode::compile(ModuleOp module) {
  PassManager pm(module.getContext());
  buildCpuLegalization(pm.nest<ModuleOp>());
  if (failed(pm.run(module))) {
    ADD_FAILURE() << "legalisation failed";
    return nullptr;
  }
  FailureOr<SharedObject> object = emitSharedObject(module);
  if (failed(object)) {
    ADD_FAILURE() << "code generation failed";
    return nullptr;
  }
  auto code = std::make_unique<MachineCode>();
  Result<ElfImage> image = ElfImage::load(object->elf, "x86_64");
  if (!image.ok()) {
    ADD_FAILURE() << image.status().message();
    return nullptr;
  }
  code->image = std::move(*image);
  code->entries = object->entries;
  return code;
}

MambaKernel MachineCode::kernel(const std::string &symbol) const {
  auto entry = entries.find(symbol);
  if (entry == entries.end()) {
    ADD_FAILURE() << "no entry " << symbol;
    return nullptr;
  }
  Result<MambaKernel> kernel = image.kernel(entry->second);
  EXPECT_TRUE(kernel.ok());
  return kernel.ok() ? *kernel : nullptr;
}

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

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

RankedTensorType LabKernel::operandType(unsigned i) const {
  return cast<RankedTensorType>(op().getKernel().getInputs()[i].getType());
}

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
      x = element.isInteger(32) ? std::floor(x)
                                : reference::roundTo(x, precision);
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

/// Runs all tiles of the grid, each with scratch memory of its own.
static void runTiles(MambaKernel code, MambaKernelArgs &args,
                     plan::GridAttr grid, int64_t scratchBytes,
                     TileOrder order) {
  uint64_t n = grid.getOf() == plan::GridOf::Rows        ? args.rows
               : grid.getOf() == plan::GridOf::Sequences ? args.sequences
                                                         : grid.getCount();
  uint64_t tiles =
      (n + grid.getBlock() - 1) / grid.getBlock() * grid.getTimes();
  GuardedBuffer scratch(scratchBytes);
  args.scratch = scratch.data();
  FloatMode mode;
  bool within = runsWithinItsBuffers([&] {
    for (uint64_t i = 0; i < tiles; ++i) {
      scratch.poison();
      code(&args, order == TileOrder::Rising ? i : tiles - 1 - i);
    }
  });
  EXPECT_TRUE(within) << "reads or writes beyond the end of a buffer";
  EXPECT_TRUE(scratch.guardHolds()) << "writes before its scratch memory";
}

std::vector<Tensor> LabKernel::run(const KernelInputs &inputs,
                                   TileOrder order) const {
  ssm::KernelOp kernel = op().getKernel();
  SmallVector<plan::KernelArg> args = plan::kernelArgs(kernel);
  const BatchValue &batch = inputs.batch;
  bool ofSequences = !kernel.getBlock().getOps<ssm::LastRowsOp>().empty();
  int64_t resultRows = ofSequences ? batch.sequences() : batch.tokens();

  std::vector<GuardedBuffer> buffers;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<void *> addresses;
  for (const plan::KernelArg &arg : args) {
    Type element = arg.type.getElementType();
    if (arg.operand) {
      const Tensor &tensor = std::get<Tensor>(inputs.operands[*arg.operand]);
      shapes.push_back(tensor.shape);
      buffers.push_back(bufferOf(tensor, element));
    } else {
      Tensor tensor(shapeFor(arg.type, resultRows));
      shapes.push_back(tensor.shape);
      buffers.emplace_back(tensor.values.size() * elementBytes(element));
    }
    addresses.push_back(buffers.back().data());
  }
  GuardedBuffer starts = bufferOf<int64_t>(batch.seqStart),
                slots = bufferOf<int32_t>(batch.slot),
                positions = bufferOf<int64_t>(batch.position);
  MambaKernelArgs abi = {};
  abi.rows = hasRows() ? resultRows : 1;
  abi.sequences = batch.sequences();
  abi.seqStart = reinterpret_cast<const int64_t *>(starts.data());
  abi.slot =
      hasRows() ? reinterpret_cast<const int32_t *>(slots.data()) : nullptr;
  abi.position =
      hasRows() ? reinterpret_cast<const int64_t *>(positions.data()) : nullptr;
  abi.buffers = addresses.data();
  runTiles(code, abi, op().getGridAttr(), op().getScratch().value_or(0), order);

  std::vector<Tensor> results(kernel.getNumResults());
  for (auto [i, arg] : llvm::enumerate(args)) {
    Type element = arg.type.getElementType();
    EXPECT_TRUE(buffers[i].guardHolds())
        << describe() << " writes before argument " << i;
    if (arg.result) {
      results[*arg.result] = tensorOf(buffers[i], element, shapes[i]);
      continue;
    }
    GuardedBuffer before =
        bufferOf(std::get<Tensor>(inputs.operands[*arg.operand]), element);
    EXPECT_EQ(std::memcmp(before.data(), buffers[i].data(), before.bytes()), 0)
        << describe() << " writes into operand " << *arg.operand;
  }
  return results;
}

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

void LabKernel::checkOn(const BatchValue &batch, RandomTensors &random) const {
  KernelInputs inputs = randomInputs(batch, random);
  std::vector<Tensor> want = reference(inputs), got = run(inputs);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE("result " + std::to_string(i));
    expectClose(got[i], want[i], tolerance());
  }
  EXPECT_TRUE(sameBits(got, run(inputs, TileOrder::Falling)))
      << "the order of tiles changes the results";

  std::vector<bool> advanced(slotsFor(batch));
  for (int64_t s = 0; s < batch.sequences(); ++s)
    advanced[batch.slot[s]] = batch.seqStart[s + 1] > batch.seqStart[s];
  for (size_t i = 0; i < got.size(); ++i)
    if (std::optional<unsigned> tied = op().getKernel().getTiedInput(i)) {
      const Tensor &before = std::get<Tensor>(inputs.operands[*tied]);
      for (int64_t slot = 0; slot < before.rows(); ++slot)
        EXPECT_TRUE(advanced[slot] ||
                    sameBits(reference::rowsOf(before, slot, slot + 1),
                             reference::rowsOf(got[i], slot, slot + 1)))
            << "slot " << slot
            << " is not of the batch, or of an empty sequence, and changes";
    }
}

void LabKernel::check(RandomTensors &random) const {
  std::vector<std::vector<int64_t>> batches = {{}};
  if (hasRows()) {
    batches.insert(batches.end(),
                   {{0, 0}, {1, 1, 1, 1, 1}, {2, 0, 70, 1, 3, 33, 0}});
    std::vector<int64_t> drawn(random.integer(1, 5));
    for (int64_t &length : drawn)
      length = random.integer(0, 3) ? random.integer(0, 40)
                                    : random.integer(60, 135);
    batches.push_back(drawn);
  }
  for (const std::vector<int64_t> &lengths : batches) {
    SCOPED_TRACE(describe() + ", lengths " + testing::PrintToString(lengths));
    checkOn(shuffledBatch(lengths, random), random);
  }
}

//===----------------------------------------------------------------------===//
// Many kernels
//===----------------------------------------------------------------------===//

static const DialectRegistry &registry() {
  static const DialectRegistry *all = [] {
    auto *registry = new DialectRegistry();
    registerCompiler(*registry);
    registerCodegen(*registry);
    return registry;
  }();
  return *all;
}

KernelLab::KernelLab(const std::string &target)
    : target(target), context(registry(), MLIRContext::Threading::DISABLED) {
  context.loadAllAvailableDialects();
}

std::string KernelLab::obstacle() const {
  std::string error;
  FailureOr<Target> parsed = parseTarget(target, error);
  if (failed(parsed))
    return error;
  CpuFeatures features = CpuFeatures::detect();
  for (const std::string &feature : parsed->features)
    if (!features.has(feature))
      return "this machine lacks " + feature;
  return {};
}

OwningOpRef<ModuleOp> KernelLab::parse(const std::vector<KernelText> &texts) {
  std::string source =
      "module attributes {ssm.target = \"" + target + "\"} {\n";
  for (size_t i = 0; i < texts.size(); ++i)
    source += texts[i].function("k" + std::to_string(i));
  source += "}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  EXPECT_TRUE(module) << source;
  return module;
}

std::vector<LabKernel>
KernelLab::compile(const std::vector<KernelText> &texts) {
  OwningOpRef<ModuleOp> module = parse(texts);
  if (!module)
    return {};
  PassManager schedule(&context);
  schedule.addNestedPass<func::FuncOp>(createAssignSchedulesPass());
  schedule.addPass(createPackOperandsPass());
  if (failed(schedule.run(*module))) {
    ADD_FAILURE() << "the kernels do not get schedules";
    return {};
  }
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  KernelTable table(builder);
  std::vector<plan::KernelOp> planned;
  for (auto func : llvm::make_early_inc_range(module->getOps<func::FuncOp>())) {
    planned.push_back(
        table.outline(*func.getOps<ssm::KernelOp>().begin(), "prefill"));
    func.erase();
  }
  PassManager generate(&context);
  generate.addPass(createGenerateKernelsPass());
  if (failed(generate.run(*module))) {
    ADD_FAILURE() << "the kernels are not generated";
    return {};
  }
  std::unique_ptr<MachineCode> code = MachineCode::compile(*module);
  if (!code)
    return {};
  std::vector<LabKernel> kernels;
  for (size_t i = 0; i < texts.size(); ++i)
    kernels.emplace_back(texts[i], planned[i],
                         code->kernel(planned[i].getSymName().str()));
  modules.push_back(std::move(module));
  codes.push_back(std::move(code));
  return kernels;
}

void EachTarget::checkAll(const std::vector<KernelText> &texts) {
  std::vector<LabKernel> kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const LabKernel &kernel : kernels)
    kernel.check(random);
}

std::string targetTestName(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
  return name;
}

} // namespace mamba
