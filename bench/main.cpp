// mamba-bench: each kernel and the whole model, beside the limits of this machine.
#include "bench/KernelBench.h"
#include "bench/ModelBench.h"
#include "runtime/device/Processors.h"

#include <CLI/CLI.hpp>
#include <benchmark/benchmark.h>

#include <cstdio>
#include <new>

using namespace mamba::bench;

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  CLI::App app("Kernels and model beside this machine's limits. Options of Google Benchmark come "
               "first.\nExample: mamba-bench --benchmark_filter=scan --model DIR --pack X.mpk\n");
  KernelOptions kernels;
  std::string pack;
  unsigned threads = mamba::availableProcessors();
  bool limits = false, json = false;
  auto *onlyLimits = app.add_flag("--limits", limits, "nothing but the limits");
  app.add_flag("--json", json, "the limits as one JSON line")->needs(onlyLimits);
  auto *model = app.add_option("--model", kernels.checkpoint, "folder of a checkpoint");
  app.add_option("--pack", pack, "its pack, for the whole model")->needs(model);
  app.add_option("--target", kernels.target, "what the kernels are compiled for")
      ->capture_default_str();
  app.add_option("--weights", kernels.weights, "f32, bf16, f16, int8 or int4")
      ->capture_default_str();
  app.add_option("--activations", kernels.activations, "f32, bf16, f16 or int8")
      ->capture_default_str();
  app.add_option("--tokens", kernels.tokens, "tokens of each prefill: 512,4096")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--threads", threads, "threads")->check(CLI::Range(1, 1024));
  try {
    app.parse(argc, argv);
    if (limits == bool(*model))
      throw CLI::RequiredError("one of --model and --limits");
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }

  auto machine = std::make_shared<Machine>();
  machine->threads = threads;
  std::string error;
  ModelWork work;
  if (!limits && (!registerKernels(kernels, machine, work, error) ||
                  (!pack.empty() && !registerModel(pack, kernels, work, machine, error)))) {
    std::fprintf(stderr, "mamba-bench: %s\n", error.c_str());
    return 1;
  }
  try {
    *machine = measureMachine(threads);
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "mamba-bench: the limits take 1 GB of memory, which cannot be had\n");
    return 1;
  }
  std::printf("%s\n", (json ? machine->json() : machine->text()).c_str());
  if (limits)
    return 0;
  benchmark::RunSpecifiedBenchmarks();
  std::printf("%s\n", measureMachine(threads).text().c_str());
  return 0;
}
