#include "bench/KernelBench.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/import/Import.h"
#include "compiler/pipeline/Pipeline.h"
#include "dialects/plan/PlanDialect.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/cpu/ThreadPool.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <random>

using namespace mlir;

namespace mamba::bench {
namespace {

struct AlignedFree {
  void operator()(void *p) const { std::free(p); }
};
using Buffer = std::unique_ptr<void, AlignedFree>;

/// What one row costs; bytes are those of the arguments.
struct Work {
  double flops = 0;   // of projections
  double updates = 0; // of states of a scan
};

struct Kernel {
  std::string name;
  MambaKernel entry;
  plan::GridAttr grid;
  int64_t scratch;
  std::vector<RankedTensorType> args; // in the order of the ABI
  std::vector<bool> weight;           // static, read once a run
  Work perRow;                        // what grows with rows
  bool ofSequences = false;           // its own rows are sequences, not tokens
};

struct Compiled {
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  ElfImage image;
  std::unique_ptr<ThreadPool> pool;
  std::vector<Kernel> kernels;
};

int64_t elements(RankedTensorType type, int64_t rows) {
  int64_t n = 1;
  for (int64_t d : type.getShape())
    n *= ShapedType::isDynamic(d) ? rows : d;
  return n;
}

Kernel describe(plan::KernelOp op, MambaKernel entry) {
  Kernel k{op.getSymName().str(), entry, *op.getGrid(), int64_t(*op.getScratch()), {}, {}, {}, false};
  ssm::KernelOp kernel = op.getKernel();
  for (Value input : kernel.getInputs())
    if (auto type = dyn_cast<RankedTensorType>(input.getType())) {
      k.args.push_back(type);
      k.weight.push_back(type.hasStaticShape());
    }
  for (unsigned i = 0; i < kernel.getNumResults(); ++i)
    if (!kernel.getTiedInput(i)) {
      k.args.push_back(cast<RankedTensorType>(kernel.getResult(i).getType()));
      k.weight.push_back(false);
    }
  kernel.walk([&](ssm::LastRowsOp) { k.ofSequences = true; });
  kernel.walk([&](ssm::LinearOp linear) {
    k.perRow.flops += 2.0 * cast<RankedTensorType>(linear.getW().getType()).getNumElements();
  });
  kernel.walk([&](ssm::SelectiveScanOp scan) {
    k.perRow.updates += cast<RankedTensorType>(scan.getA().getType()).getNumElements();
  });
  return k;
}

/// Arguments in memory; as many sets as it takes for weights to come from
/// memory and not from a cache.
struct Arguments {
  std::vector<Buffer> owned;
  std::vector<std::vector<void *>> sets;
};

Arguments allocate(const Kernel &k, int64_t rows, bool cold) {
  Arguments result;
  auto make = [&](RankedTensorType type) {
    size_t bytes = (elements(type, rows) * 4 + 63) / 64 * 64;
    void *p = std::aligned_alloc(64, bytes);
    auto *values = static_cast<float *>(p);
    if (type.getElementType().isInteger())
      std::fill_n(static_cast<int32_t *>(p), bytes / 4, 7);
    else
      for (size_t i = 0; i < bytes / 4; ++i)
        values[i] = 0.01f * float(int(i * 2654435761u >> 20 & 255) - 128) / 128;
    result.owned.emplace_back(p);
    return p;
  };
  double weights = 0;
  for (auto [type, weight] : llvm::zip_equal(k.args, k.weight))
    if (weight)
      weights += 4.0 * elements(type, rows);
  int64_t copies = cold && weights > 0 ? std::clamp<int64_t>(768e6 / weights, 1, 400) : 1;
  std::vector<void *> shared;
  for (auto [type, weight] : llvm::zip_equal(k.args, k.weight))
    shared.push_back(weight ? nullptr : make(type));
  for (int64_t c = 0; c < copies; ++c) {
    std::vector<void *> set = shared;
    for (size_t i = 0; i < set.size(); ++i)
      if (k.weight[i])
        set[i] = make(k.args[i]);
    result.sets.push_back(std::move(set));
  }
  return result;
}

void run(benchmark::State &state, Compiled &compiled, const Kernel &k, int64_t rows,
         const Machine &machine) {
  bool decode = rows == 1;
  Arguments arguments = allocate(k, rows, decode);
  int64_t seqStart[2] = {0, rows}, position[1] = {0};
  int32_t slot[1] = {0};
  Buffer scratch(std::aligned_alloc(64, (k.scratch + 64) / 64 * 64));
  int64_t ownRows = k.ofSequences ? 1 : rows;
  int64_t of = k.grid.getOf() == plan::GridOf::Rows        ? ownRows
               : k.grid.getOf() == plan::GridOf::Sequences ? 1
                                                           : k.grid.getCount();
  uint32_t tiles = (of + k.grid.getBlock() - 1) / k.grid.getBlock() * k.grid.getTimes();
  size_t next = 0;
  Stopwatch watch;
  for (auto _ : state) {
    MambaKernelArgs args{};
    args.rows = ownRows;
    args.sequences = 1;
    args.seqStart = seqStart;
    args.slot = slot;
    args.position = position;
    args.buffers = arguments.sets[next].data();
    next = (next + 1) % arguments.sets.size();
    ThreadPool::Job job{k.entry, &args, tiles};
    compiled.pool->run({&job, 1}, scratch.get());
  }
  double bytes = 0;
  for (RankedTensorType type : k.args)
    // Of an embedding's table only the rows that are read count.
    bytes += 4.0 * (type.hasStaticShape() && k.name.starts_with("embedding")
                        ? double(rows) * type.getShape().back()
                        : double(elements(type, rows)));
  double runs = double(state.iterations()) / watch.seconds();
  state.counters["GB/s"] = runs * bytes / 1e9;
  state.counters["of_read"] = runs * bytes / machine.readBytesPerSecond;
  if (k.perRow.flops > 0) {
    state.counters["GFLOP/s"] = runs * k.perRow.flops * double(rows) / 1e9;
    state.counters["of_fma"] = runs * k.perRow.flops * double(rows) / machine.fmaFlopsPerSecond;
  }
  if (k.perRow.updates > 0) {
    double updates = runs * k.perRow.updates * double(rows);
    state.counters["of_scan"] = updates / machine.scanUpdatesPerSecond;
    state.counters["x_scalar"] = updates / machine.scalarScanUpdatesPerSecond;
  }
}

} // namespace

bool registerKernels(const std::string &checkpoint, int64_t tokens, const Machine &machine,
                     double &prefillFlops, std::string &error) {
  // Lives as long as the benchmarks, which run after this returns.
  auto compiled = std::make_shared<Compiled>();
  DialectRegistry registry;
  registerCompiler(registry);
  registerCodegen(registry);
  compiled->context.appendDialectRegistry(registry);
  auto module = importCheckpoint(checkpoint, {}, compiled->context, error);
  if (failed(module))
    return false;
  compiled->module = std::move(*module);
  error = "the model does not compile";
  if (failed(runPipeline(*compiled->module, {}, Phase::LLVM)))
    return false;
  FailureOr<SharedObject> object = emitSharedObject(*compiled->module);
  if (failed(object))
    return false;
  Result<ElfImage> image = ElfImage::load(object->elf, "x86_64");
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(machine.threads, 1 << 20);
  if (!image.ok() || !pool.ok()) {
    error = (image.ok() ? pool.status() : image.status()).message();
    return false;
  }
  compiled->image = std::move(*image);
  compiled->pool = std::move(*pool);
  for (plan::KernelOp op : compiled->module->getOps<plan::KernelOp>()) {
    Result<MambaKernel> entry = compiled->image.kernel(object->entries.at(op.getSymName().str()));
    if (!entry.ok()) {
      error = entry.status().message();
      return false;
    }
    auto kernel = std::make_shared<Kernel>(describe(op, *entry));
    auto has = [&](StringRef name) {
      return llvm::any_of(op.getClasses(), [&](Attribute a) { return cast<StringAttr>(a).getValue() == name; });
    };
    auto add = [&](const std::string &name, int64_t rows) {
      benchmark::RegisterBenchmark((name + "/" + kernel->name).c_str(),
                                   [=](benchmark::State &state) { run(state, *compiled, *kernel, rows, machine); })
          ->UseRealTime();
    };
    if (has("decode"))
      add("decode", 1);
    if (has("prefill"))
      add("prefill", tokens);
  }
  // The head of `next` works on the last row only.
  prefillFlops = 0;
  for (plan::ProgramOp program : compiled->module->getOps<plan::ProgramOp>())
    if (program.getEntry() == "next" && program.getClassName() == "prefill")
      for (plan::DispatchOp dispatch : program.getBody().getOps<plan::DispatchOp>()) {
        bool perToken = dispatch.getRows().getKind() == plan::RowKind::T;
        dispatch.getKernelOp().getKernel().walk([&](ssm::LinearOp linear) {
          prefillFlops += 2.0 * cast<RankedTensorType>(linear.getW().getType()).getNumElements() *
                          (perToken ? double(tokens) : 1.0);
        });
      }
  return true;
}

} // namespace mamba::bench
