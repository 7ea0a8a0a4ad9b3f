#include "test/unit/cpu/CpuLab.h"

#include "compiler/codegen/Codegen.h"
#include "passes/cpu/Passes.h"
#include "passes/fusion/Passes.h"
#include "passes/target/Target.h"
#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cpu/FloatMode.h"
#include "test/unit/cpu/GuardedBuffer.h"

#include <cstring>

using namespace mlir;

namespace mamba {

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

enum class TileOrder { Rising, Falling };

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

/// A buffer with the values of a tensor, or of integers of type T.
static GuardedBuffer bufferOf(const Tensor &tensor, Type element) {
  std::vector<uint8_t> bytes = bytesOf(tensor, element);
  GuardedBuffer buffer(bytes.size());
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer;
}
template <typename T>
static GuardedBuffer bufferOf(const std::vector<int64_t> &values) {
  std::vector<T> narrow(values.begin(), values.end());
  GuardedBuffer buffer(narrow.size() * sizeof(T));
  std::memcpy(buffer.data(), narrow.data(), buffer.bytes());
  return buffer;
}

namespace {

class CpuKernel : public LabKernel {
public:
  CpuKernel(KernelText text, plan::KernelOp planned, MambaKernel code)
      : LabKernel(std::move(text), planned), code(code) {}

  std::vector<Tensor> run(const KernelInputs &inputs) const override {
    return run(inputs, TileOrder::Rising);
  }

protected:
  void checkAgain(const KernelInputs &inputs, const std::vector<Tensor> &want,
                  const std::vector<Tensor> &got) const override {
    EXPECT_TRUE(sameBits(got, run(inputs, TileOrder::Falling)))
        << "the order of tiles changes the results";
  }

private:
  std::vector<Tensor> run(const KernelInputs &inputs, TileOrder order) const;

  MambaKernel code;
};

} // namespace

std::vector<Tensor> CpuKernel::run(const KernelInputs &inputs,
                                   TileOrder order) const {
  ssm::KernelOp kernel = op().getKernel();
  SmallVector<plan::KernelArg> args = plan::kernelArgs(kernel);
  const BatchValue &batch = inputs.batch;
  int64_t rows = resultRows(batch);

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
      Tensor tensor(shapeFor(arg.type, rows));
      shapes.push_back(tensor.shape);
      buffers.emplace_back(tensor.values.size() * elementBytes(element));
    }
    addresses.push_back(buffers.back().data());
  }
  GuardedBuffer starts = bufferOf<int64_t>(batch.seqStart),
                slots = bufferOf<int32_t>(batch.slot),
                positions = bufferOf<int64_t>(batch.position);
  MambaKernelArgs abi = {};
  abi.rows = hasRows() ? rows : 1;
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
      results[*arg.result] = tensorOf(buffers[i].data(), element, shapes[i]);
      continue;
    }
    GuardedBuffer before =
        bufferOf(std::get<Tensor>(inputs.operands[*arg.operand]), element);
    EXPECT_EQ(std::memcmp(before.data(), buffers[i].data(), before.bytes()), 0)
        << describe() << " writes into operand " << *arg.operand;
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Many kernels
//===----------------------------------------------------------------------===//

std::string CpuLab::obstacle() const {
  std::string error;
  FailureOr<Target> parsed = parseTarget(target, error);
  if (failed(parsed))
    return error;
  CpuFeatures features = CpuFeatures::detect();
  bool tiles = false;
  for (const std::string &feature : parsed->features) {
    if (!features.has(feature))
      return "this machine lacks " + feature;
    tiles |= CpuFeatures::isAmx(feature);
  }
  if (Status granted = requestAmx(); tiles && !granted.ok())
    return granted.message();
  return {};
}

void CpuLab::addPreparation(PassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createAssignSchedulesPass());
  pm.addPass(createPackOperandsPass());
}
void CpuLab::addGenerator(PassManager &pm) {
  pm.addPass(createGenerateKernelsPass());
}

LabKernels CpuLab::compile(const std::vector<KernelText> &texts) {
  Generated generated = generate(texts);
  if (!generated.module)
    return {};
  std::unique_ptr<MachineCode> code = MachineCode::compile(*generated.module);
  if (!code)
    return {};
  LabKernels kernels;
  for (auto [text, planned] : llvm::zip_equal(texts, generated.kernels))
    kernels.push_back(std::make_unique<CpuKernel>(
        text, planned, code->kernel(planned.getSymName().str())));
  modules.push_back(std::move(generated.module));
  codes.push_back(std::move(code));
  return kernels;
}

void EachTarget::checkAll(const std::vector<KernelText> &texts) {
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    kernel->check(random);
}

std::string targetTestName(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::erase_if(name, [](char c) { return c == ':' || c == '-'; });
  return name;
}

} // namespace mamba
