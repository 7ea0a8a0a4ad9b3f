#include "test/unit/gpu/GpuLab.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/codegen/Nvrtc.h"
#include "passes/fusion/Passes.h"
#include "passes/gpu/Passes.h"
#include "test/unit/gpu/DeviceBuffer.h"
#include "test/unit/gpu/LabProgram.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

#include <cstdlib>
#include <cstring>

using namespace mlir;

namespace mamba {

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

/// Blocks of a kernel: a tile is one.
static uint64_t blocksOf(plan::GridAttr grid, int64_t rows, int64_t sequences) {
  uint64_t n = grid.getOf() == plan::GridOf::Rows        ? rows
               : grid.getOf() == plan::GridOf::Sequences ? sequences
                                                         : grid.getCount();
  return (n + grid.getBlock() - 1) / grid.getBlock() * grid.getTimes();
}

/// Slots of a pool that the batch does not name hold nothing to read.
static void hideOtherSlots(DeviceBuffer &pool, int64_t slots,
                           const BatchValue &batch) {
  uint64_t bytes = slots ? pool.bytes() / slots : 0;
  for (int64_t slot = 0; slot < slots; ++slot)
    if (!llvm::is_contained(batch.slot, slot))
      pool.markUnwritten(slot * bytes, bytes);
}

/// Of a row of tokens or a slot of a pool; weights have none.
static uint64_t rowBytes(RankedTensorType type) {
  if (type.hasStaticShape())
    return 0;
  uint64_t bytes = elementBytes(type.getElementType());
  for (int64_t extent : type.getShape().drop_front())
    bytes *= extent;
  return bytes;
}

std::vector<Tensor> GpuKernel::run(const KernelInputs &inputs) const {
  return run(inputs, scheduleFor(inputs.batch.sequences()));
}

const GpuKernel::Schedule &GpuKernel::scheduleFor(int64_t sequences) const {
  return *llvm::find_if(schedules, [&](const Schedule &schedule) {
    return !schedule.maxSequences || sequences <= *schedule.maxSequences;
  });
}

std::vector<Tensor> GpuKernel::run(const KernelInputs &inputs,
                                   const Schedule &schedule) const {
  Result<std::vector<Tensor>> results = execute(inputs, schedule);
  if (results.ok())
    return std::move(*results);
  ADD_FAILURE() << results.status().message();
  return {};
}

Result<std::vector<Tensor>> GpuKernel::execute(const KernelInputs &inputs,
                                               const Schedule &schedule,
                                               Place place,
                                               sim::Counts *counts) const {
  const BatchValue &batch = inputs.batch;
  int64_t rows = hasRows() ? resultRows(batch) : 1;
  ssm::KernelOp kernel = op().getKernel();
  SmallVector<plan::KernelArg> args = plan::kernelArgs(kernel);

  sim::GlobalMemory memory;
  constexpr size_t stepParams = 2, firstArg = 2;
  std::vector<std::optional<DeviceBuffer>> buffers(args.size() + firstArg);
  std::vector<uint64_t> params(stepParams + buffers.size());
  params[0] = isOfSequences() ? rows : place.row + rows;
  params[1] = batch.sequences();
  auto add = [&](size_t number, const std::string &name,
                 const std::vector<uint8_t> &bytes, int64_t align,
                 DeviceBuffer::Use use, uint64_t before) {
    buffers[number].emplace(memory, name, bytes, align, use, before);
    params[stepParams + number] = buffers[number]->address();
  };
  std::vector<int64_t> starts = batch.seqStart;
  for (int64_t &start : starts)
    start += place.row;
  std::vector<int32_t> slots(batch.slot.begin(), batch.slot.end());
  for (int32_t &slot : slots)
    slot += int32_t(place.slot);

  std::vector<std::vector<int64_t>> shapes(args.size());
  auto addArg = [&](size_t i) {
    const plan::KernelArg &arg = args[i];
    Type element = arg.type.getElementType();
    std::string name = "argument " + std::to_string(i);
    // As runtime/pack/FORMAT.md promises: rows and pools lie at multiples of
    // 64, weights at multiples of 256.
    int64_t align = arg.type.hasStaticShape() ? 256 : 64;
    if (!arg.operand) {
      Tensor results(shapeFor(arg.type, rows));
      uint64_t first = isOfSequences() ? 0 : place.row * rowBytes(arg.type);
      add(firstArg + i, name,
          std::vector<uint8_t>(results.values.size() * elementBytes(element),
                               0xff),
          align, DeviceBuffer::Output, first);
      shapes[i] = results.shape;
      return;
    }
    const Tensor &tensor = std::get<Tensor>(inputs.operands[*arg.operand]);
    shapes[i] = tensor.shape;
    bool isPool = arg.role == plan::Role::InOut;
    add(firstArg + i, name, bytesOf(tensor, element), align,
        isPool ? DeviceBuffer::InOut : DeviceBuffer::Input,
        (isPool ? place.slot : place.row) * rowBytes(arg.type));
    if (isPool && place.slot == 0)
      hideOtherSlots(*buffers[firstArg + i], tensor.rows(), batch);
  };
  // Weights have been there for long, the rest is what kernels before leave.
  for (auto [i, arg] : llvm::enumerate(args))
    if (isWeightOfProgram(arg))
      addArg(i);
  uint64_t settled = memory.time();
  add(0, "seq_start", bytesOfArray(starts), 8, DeviceBuffer::Input, 0);
  add(1, "slot", bytesOfArray(slots), 4, DeviceBuffer::Input, 0);
  for (auto [i, arg] : llvm::enumerate(args))
    if (!isWeightOfProgram(arg))
      addArg(i);

  plan::KernelOp planned = schedule.planned;
  sim::Launch launch;
  launch.kernel = schedule.index;
  launch.grid[0] = blocksOf(planned.getGridAttr(), rows, batch.sequences());
  launch.block[0] = *planned.getThreads();
  launch.params = {reinterpret_cast<const uint8_t *>(params.data()),
                   params.size() * sizeof(uint64_t)};
  if (planned.getOverlap())
    launch.overlapsSince = settled;
  if (launch.grid[0])
    MAMBA_RETURN_IF_ERROR(sim::run(module, launch, memory, sim::Checks(),
                                   /*threads=*/1, counts));

  std::vector<Tensor> results(kernel.getNumResults());
  for (auto [i, arg] : llvm::enumerate(args)) {
    Type element = arg.type.getElementType();
    const DeviceBuffer &buffer = *buffers[firstArg + i];
    if (!arg.result)
      continue;
    if (arg.role == plan::Role::Out &&
        !buffer.isFullyWritten(elementBytes(element)))
      return invalidData(schedule.name + ": some elements of argument " +
                         std::to_string(i) + " were not written");
    results[*arg.result] = tensorOf(buffer.data(), element, shapes[i]);
  }
  return results;
}

void GpuKernel::checkAgain(const KernelInputs &inputs,
                           const std::vector<Tensor> &want,
                           const std::vector<Tensor> &got) const {
  const Schedule &taken = scheduleFor(inputs.batch.sequences());
  for (const Schedule &schedule : schedules)
    if (&schedule != &taken) {
      SCOPED_TRACE(schedule.name);
      expectRight(inputs, want, run(inputs, schedule));
    }
}

//===----------------------------------------------------------------------===//
// Many kernels
//===----------------------------------------------------------------------===//

void GpuLab::addPreparation(PassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createAssignSchedulesPass());
}
void GpuLab::addGenerator(PassManager &pm) {
  pm.addPass(createGpuGenerateKernelsPass());
}

/// PTX of a module as the generators wrote it; empty after a failure.
std::string GpuLab::ptxOf(ModuleOp module) {
  OwningOpRef<ModuleOp> legal = module.clone();
  PassManager pm(module.getContext());
  buildGpuLegalization(pm.nest<gpu::GPUModuleOp>());
  if (failed(pm.run(*legal))) {
    ADD_FAILURE() << "legalisation failed";
    return {};
  }
  FailureOr<std::string> ptx = emitPtx(*legal);
  if (failed(ptx)) {
    ADD_FAILURE() << "code generation failed";
    return {};
  }
  if (compiler == GpuCompiler::Llvm)
    return std::move(*ptx);
  FailureOr<std::string> cuda = emitCuda(module, *ptx);
  if (failed(cuda)) {
    ADD_FAILURE() << "no CUDA C++";
    return {};
  }
  lastCuda = std::move(*cuda);
  std::string error, chip = StringRef(target).split(':').second.str();
  FailureOr<NvrtcCode> code =
      compileCuda(lastCuda, chip, compiler == GpuCompiler::NvrtcPtx, error);
  if (failed(code)) {
    ADD_FAILURE() << error;
    return {};
  }
  return std::move(code->ptx);
}

/// The schedules of a kernel in the order in which the runtime asks.
static std::vector<GpuKernel::Schedule>
schedulesOf(ModuleOp module, plan::KernelOp planned, const sim::Module &code) {
  std::vector<GpuKernel::Schedule> schedules;
  auto add = [&](plan::KernelOp kernel, std::optional<int64_t> maxSequences) {
    int index = code.find(kernel.getSymName());
    if (index < 0)
      ADD_FAILURE() << "no kernel " << kernel.getSymName().str();
    else
      schedules.push_back(
          {kernel, kernel.getSymName().str(), maxSequences, uint32_t(index)});
  };
  if (ArrayAttr variants = planned.getVariantsAttr())
    for (auto variant : variants.getAsRange<plan::VariantAttr>())
      add(module.lookupSymbol<plan::KernelOp>(variant.getKernel()),
          variant.getMaxSequences());
  add(planned, std::nullopt);
  return schedules;
}

LabKernels GpuLab::compile(const std::vector<KernelText> &texts) {
  Generated generated = generate(texts);
  if (!generated.module)
    return {};
  addProgram(*generated.module, generated.kernels);
  PassManager pm(generated.module->getContext());
  pm.addPass(createGpuOverlapLaunchesPass());
  if (failed(pm.run(*generated.module))) {
    ADD_FAILURE() << "launches do not overlap";
    return {};
  }
  lastPtx = ptxOf(*generated.module);
  if (lastPtx.empty())
    return {};
  Result<std::unique_ptr<sim::Module>> code =
      sim::Module::load(lastPtx, "test");
  if (!code.ok()) {
    ADD_FAILURE() << code.status().message();
    return {};
  }
  LabKernels kernels;
  for (auto [text, planned] : llvm::zip_equal(texts, generated.kernels))
    kernels.push_back(std::make_unique<GpuKernel>(
        text, planned, schedulesOf(*generated.module, planned, **code),
        **code));
  modules.push_back(std::move(generated.module));
  codes.push_back(std::move(*code));
  return kernels;
}

uint32_t testSeed() {
  const char *seed = std::getenv("MAMBA_TEST_SEED");
  return seed ? uint32_t(std::strtoul(seed, nullptr, 10)) : 1;
}

GpuCompiler testCompiler() {
  const char *name = std::getenv("MAMBA_GPU_COMPILER");
  std::string compiler = name ? name : "llvm";
  if (compiler == "nvrtc-cxx")
    return GpuCompiler::NvrtcCxx;
  if (compiler == "nvrtc-ptx")
    return GpuCompiler::NvrtcPtx;
  EXPECT_EQ(compiler, "llvm") << "$MAMBA_GPU_COMPILER names no compiler";
  return GpuCompiler::Llvm;
}

void OnGpu::SetUp() {
  if (testCompiler() != GpuCompiler::Llvm && !hasNvrtc())
    GTEST_SKIP() << nvrtcName();
}

void OnGpu::checkAll(const std::vector<KernelText> &texts) {
  SCOPED_TRACE("seed " + std::to_string(testSeed()));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    kernel->check(random);
}

void OnGpu::checkFewRows(const std::vector<KernelText> &texts, int64_t most) {
  SCOPED_TRACE("seed " + std::to_string(testSeed()));
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels)
    for (int64_t rows : {int64_t(1), random.integer(2, 7), int64_t(8),
                         random.integer(9, 15), int64_t(16),
                         random.integer(17, most)}) {
      SCOPED_TRACE(kernel->describe() + ", rows " + std::to_string(rows));
      kernel->checkOn(shuffledBatch({rows - rows / 2, 0, rows / 2}, random),
                      random);
    }
}

bool GpuLab::takes(const KernelText &text, std::string &reason) {
  auto module = parse({text});
  auto parsed = parseTarget(target, reason);
  bool legal = false;
  if (module)
    module->walk([&](ssm::KernelOp kernel) {
      const KernelGenerator *generator = findGenerator(kernel, *parsed, reason);
      legal = generator && generator->isLegal(kernel, *parsed,
                                              kernel.getScheduleAttr(), reason);
    });
  return legal;
}

void expectReasons(std::vector<ScheduleCase> cases) {
  for (ScheduleCase &c : cases) {
    SCOPED_TRACE(c.schedule + " on " + c.target);
    c.text.schedule = c.schedule;
    std::string reason;
    if (GpuLab(c.target).takes(c.text, reason))
      reason.clear();
    if (c.reason.empty())
      EXPECT_EQ(reason, "");
    else
      EXPECT_NE(reason.find(c.reason), std::string::npos) << reason;
  }
}

} // namespace mamba
