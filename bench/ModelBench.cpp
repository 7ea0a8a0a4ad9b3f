#include "bench/ModelBench.h"

#include "bench/LoadedModel.h"

#include <benchmark/benchmark.h>

namespace mamba::bench {

bool registerModel(const std::string &packPath, const KernelOptions &kernels,
                   const ModelWork &work, std::shared_ptr<const Machine> machine,
                   std::string &error) {
  // Lives as long as the benchmarks, which run after this returns.
  auto loaded = std::make_shared<LoadedModel>();
  if (!loaded->load(packPath, kernels.target, kernels.checkpoint, machine->threads, error))
    return false;

  auto steps = [=](benchmark::State &state, int64_t count) {
    std::vector<int32_t> ids = loaded->prompt(0, count);
    Stopwatch watch;
    for (auto _ : state)
      if (!loaded->step(ids.data(), ids.size()))
        state.SkipWithError(mamba_last_error());
    double runs = double(state.iterations()) / watch.seconds();
    state.counters["tok/s"] = runs * double(count);
    return runs;
  };
  double bytes =
      double(loaded->modelInfo.decode_bytes) + 2.0 * double(loaded->modelInfo.state_bytes);
  benchmark::RegisterBenchmark("model/decode", [=](benchmark::State &state) {
    state.counters["of_read"] = steps(state, 1) * bytes / machine->readBytesPerSecond;
  })->UseRealTime();
  for (int64_t count : kernels.tokens)
    benchmark::RegisterBenchmark(
        ("model/prefill" + std::to_string(count)).c_str(),
        [=](benchmark::State &state) {
          Work all = work.perStep;
          all.add(work.perToken, double(count));
          state.counters["of_floor"] = steps(state, count) * all.seconds(*machine, work.lanes);
        })
        ->UseRealTime();
  return true;
}

} // namespace mamba::bench
