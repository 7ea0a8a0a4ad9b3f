#include "bench/KernelBench.h"

#include "bench/KernelArguments.h"
#include "compiler/codegen/Codegen.h"
#include "compiler/import/Import.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/tune/TargetHere.h"
#include "dialects/plan/PlanDialect.h"
#include "passes/target/Target.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/cpu/ThreadPool.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <benchmark/benchmark.h>

#include <memory>

using namespace mlir;

namespace mamba::bench {

void Work::add(const Work &other, double times) {
  fmaFlops += other.fmaFlops * times;
  tileFlops += other.tileFlops * times;
  updates += other.updates * times;
}

double Work::seconds(const Machine &machine, int64_t lanes) const {
  const VectorLimits &vectors = machine.ofLanes(lanes);
  double seconds = fmaFlops / vectors.fmaFlopsPerSecond + updates / vectors.scanUpdatesPerSecond;
  return tileFlops > 0 ? seconds + tileFlops / machine.tileFlopsPerSecond : seconds;
}

namespace {

/// A few tokens of one sequence each: between decode and prefill.
constexpr int64_t kFewTokens = 8;

struct Kernel {
  std::string name;
  MambaKernel entry;
  plan::GridAttr grid;
  int64_t scratch;
  KernelOperands operands;
  Work perRow;             // what grows with rows
  bool ofSequences = false; // its own rows are sequences, not tokens
};

struct Compiled {
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  ElfImage image;
  std::unique_ptr<ThreadPool> pool;
  std::shared_ptr<const Machine> machine;
  int64_t lanes;
};

Result<SharedObject> compile(ModuleOp module, const KernelOptions &options) {
  PipelineOptions pipeline;
  pipeline.target = options.target;
  pipeline.weights = options.weights;
  pipeline.activations = options.activations;
  FirstError first(*module.getContext());
  FailureOr<SharedObject> object;
  if (succeeded(runPipeline(module, pipeline, Phase::LLVM)))
    object = emitSharedObject(module);
  if (failed(object))
    return first.status("the model does not compile");
  return std::move(*object);
}

Work workOf(ssm::KernelOp kernel) {
  Work work;
  bool tiles = kernel.getSchedule() && kernel.getSchedule()->getMma() > 0;
  kernel.walk([&](ssm::LinearOp linear) {
    double flops = 2.0 * cast<RankedTensorType>(linear.getW().getType()).getNumElements();
    (tiles ? work.tileFlops : work.fmaFlops) += flops;
  });
  kernel.walk([&](ssm::SelectiveScanOp scan) {
    work.updates += cast<RankedTensorType>(scan.getA().getType()).getNumElements();
  });
  return work;
}

Kernel describe(plan::KernelOp op, MambaKernel entry) {
  ssm::KernelOp kernel = op.getKernel();
  Kernel k{op.getSymName().str(), entry,           *op.getGrid(),
           int64_t(*op.getScratch()), operandsOf(kernel), workOf(kernel)};
  kernel.walk([&](ssm::LastRowsOp) { k.ofSequences = true; });
  return k;
}

uint32_t tilesOf(plan::GridAttr grid, int64_t rows) {
  int64_t of = grid.getOf() == plan::GridOf::Rows        ? rows
               : grid.getOf() == plan::GridOf::Sequences ? 1
                                                         : grid.getCount();
  return (of + grid.getBlock() - 1) / grid.getBlock() * grid.getTimes();
}

/// Shares of the limits that a kernel of `rows` reached with `runs` a second.
void report(benchmark::State &state, const Compiled &compiled, const Kernel &k, int64_t rows,
            double runs) {
  const Machine &machine = *compiled.machine;
  const VectorLimits &vectors = machine.ofLanes(compiled.lanes);
  double bytes = k.operands.bytes(rows);
  state.counters["GB/s"] = runs * bytes / 1e9;
  state.counters["of_read"] = runs * bytes / machine.readBytesPerSecond;
  double flops = k.perRow.fmaFlops + k.perRow.tileFlops;
  if (flops > 0) {
    state.counters["GFLOP/s"] = runs * flops * double(rows) / 1e9;
    bool tiles = k.perRow.tileFlops > 0;
    state.counters[tiles ? "of_tile" : "of_fma"] =
        runs * flops * double(rows) /
        (tiles ? machine.tileFlopsPerSecond : vectors.fmaFlopsPerSecond);
  }
  if (k.perRow.updates > 0) {
    double updates = runs * k.perRow.updates * double(rows);
    state.counters["of_scan"] = updates / vectors.scanUpdatesPerSecond;
    state.counters["x_scalar"] = updates / machine.scalarScanUpdatesPerSecond;
  }
}

void run(benchmark::State &state, Compiled &compiled, const Kernel &k, int64_t rows) {
  Arguments arguments(k.operands, rows, rows == 1);
  int64_t seqStart[2] = {0, rows}, position[1] = {0};
  int32_t slot[1] = {0};
  Buffer scratch = allocate(k.scratch);
  int64_t ownRows = k.ofSequences ? 1 : rows;
  uint32_t tiles = tilesOf(k.grid, ownRows);
  Stopwatch watch;
  for (auto _ : state) {
    MambaKernelArgs args{};
    args.rows = ownRows;
    args.sequences = 1;
    args.seqStart = seqStart;
    args.slot = slot;
    args.position = position;
    args.buffers = arguments.next();
    ThreadPool::Job job{k.entry, &args, tiles};
    compiled.pool->run({&job, 1}, scratch.get());
  }
  report(state, compiled, k, rows, double(state.iterations()) / watch.seconds());
}

ModelWork workOfModel(ModuleOp module, int64_t lanes) {
  ModelWork work;
  work.lanes = lanes;
  for (plan::ProgramOp program : module.getOps<plan::ProgramOp>())
    if (program.getEntry() == "next" && program.getClassName() == "prefill")
      for (plan::DispatchOp dispatch : program.getBody().getOps<plan::DispatchOp>()) {
        Work kernel = workOf(dispatch.getKernelOp().getKernel());
        bool perToken = dispatch.getRows().getKind() == plan::RowKind::T;
        (perToken ? work.perToken : work.perStep).add(kernel, 1);
      }
  return work;
}

/// Registers the kernel for each class of steps that it serves.
void registerKernel(std::shared_ptr<Compiled> compiled, plan::KernelOp op, MambaKernel entry,
                    const std::vector<int64_t> &tokens) {
  auto kernel = std::make_shared<Kernel>(describe(op, entry));
  auto add = [&](StringRef className, const std::string &label, int64_t rows) {
    bool serves = llvm::any_of(op.getClasses(), [&](Attribute a) {
      return cast<StringAttr>(a).getValue() == className;
    });
    if (serves)
      benchmark::RegisterBenchmark(
          (label + "/" + kernel->name).c_str(),
          [=](benchmark::State &state) { run(state, *compiled, *kernel, rows); })
          ->UseRealTime();
  };
  add("decode", "decode", 1);
  add("few", "few", kFewTokens);
  for (int64_t count : tokens)
    add("prefill", "prefill" + std::to_string(count), count);
}

} // namespace

bool registerKernels(const KernelOptions &options, std::shared_ptr<const Machine> machine,
                     ModelWork &work, std::string &error) {
  FailureOr<Target> target = parseTarget(options.target, error);
  if (failed(target))
    return false;
  if (target->isGpu()) {
    error = "target '" + options.target + "' is a GPU: mamba-bench measures processors";
    return false;
  }
  error = obstacleHere(*target);
  if (!error.empty())
    return false;
  // Lives as long as the benchmarks, which run after this returns.
  auto compiled = std::make_shared<Compiled>();
  DialectRegistry registry;
  registerCompiler(registry);
  registerCodegen(registry);
  compiled->context.appendDialectRegistry(registry);
  auto module = importCheckpoint(options.checkpoint, {}, compiled->context, error);
  if (failed(module))
    return false;
  compiled->module = std::move(*module);
  Result<SharedObject> object = compile(*compiled->module, options);
  if (!object.ok()) {
    error = object.status().message();
    return false;
  }
  Result<ElfImage> image = ElfImage::load(object->elf, target->arch);
  int64_t scratch = 0;
  for (plan::KernelOp op : compiled->module->getOps<plan::KernelOp>())
    scratch = std::max(scratch, int64_t(*op.getScratch()));
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(machine->threads, scratch);
  if (!image.ok() || !pool.ok()) {
    error = (image.ok() ? pool.status() : image.status()).message();
    return false;
  }
  compiled->image = std::move(*image);
  compiled->pool = std::move(*pool);
  compiled->machine = machine;
  compiled->lanes = target->lanes;
  for (plan::KernelOp op : compiled->module->getOps<plan::KernelOp>()) {
    Result<MambaKernel> entry = compiled->image.kernel(object->entries.at(op.getSymName().str()));
    if (!entry.ok()) {
      error = entry.status().message();
      return false;
    }
    registerKernel(compiled, op, *entry, options.tokens);
  }
  work = workOfModel(*compiled->module, target->lanes);
  return true;
}

} // namespace mamba::bench
