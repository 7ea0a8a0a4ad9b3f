// mamba-bench: each kernel and the whole model, beside the limits of this machine.
#include "bench/KernelBench.h"
#include "bench/ModelBench.h"
#include "runtime/device/cpu/ThreadPool.h"

#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>

#include <cstdio>

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  CLI::App app("Kernels and model beside this machine's limits. Options of Google Benchmark come first.\n"
               "Example: mamba-bench --benchmark_filter=scan --model DIR --pack X.mpk\n");
  std::string model, pack;
  int64_t tokens = 256;
  unsigned threads = mamba::availableProcessors();
  app.add_option("--model", model, "folder of a checkpoint")->required();
  app.add_option("--pack", pack, "its pack, for the whole model");
  app.add_option("--tokens", tokens, "tokens of a prefill")->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  mamba::bench::Machine machine = mamba::bench::measureMachine(threads);
  std::printf("limits of this machine, %u threads: read %.1f GB/s, f32 FMA %.0f GFLOP/s, scan in registers "
              "%.2f G updates/s, scalar expf scan %.2f G updates/s\n",
              machine.threads, machine.readBytesPerSecond / 1e9, machine.fmaFlopsPerSecond / 1e9,
              machine.scanUpdatesPerSecond / 1e9, machine.scalarScanUpdatesPerSecond / 1e9);
  std::string error;
  double prefillFlops = 0;
  if (!mamba::bench::registerKernels(model, tokens, machine, prefillFlops, error) ||
      (!pack.empty() && !mamba::bench::registerModel(pack, model, tokens, prefillFlops, machine, error))) {
    std::fprintf(stderr, "mamba-bench: %s\n", error.c_str());
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
