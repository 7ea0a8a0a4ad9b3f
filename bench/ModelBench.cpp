#include "bench/ModelBench.h"

#include "mamba/runtime.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace mamba::bench {
namespace {

struct Loaded {
  mamba_pack *pack = nullptr;
  mamba_model *model = nullptr;
  mamba_session *session = nullptr;
  mamba_pack_info info = {};
  mamba_model_info modelInfo = {};
};

bool ok(mamba_status status, std::string &error) {
  if (status == MAMBA_OK)
    return true;
  error = mamba_last_error();
  return false;
}

} // namespace

bool registerModel(const std::string &packPath, const std::string &checkpoint, int64_t tokens,
                   double prefillFlops, const Machine &machine, std::string &error) {
  // Lives until the program ends: the benchmarks run after this returns.
  auto *loaded = new Loaded;
  loaded->info.struct_size = sizeof loaded->info;
  loaded->modelInfo.struct_size = sizeof loaded->modelInfo;
  mamba_model_options options = {sizeof options, "cpu", machine.threads, 0};
  if (!ok(mamba_pack_open(packPath.c_str(), &loaded->pack), error) ||
      !ok(mamba_pack_get_info(loaded->pack, &loaded->info), error) ||
      !ok(mamba_model_create(loaded->pack, &options, &loaded->model), error) ||
      !ok(mamba_model_load_weights(loaded->model, checkpoint.c_str(), nullptr, nullptr), error) ||
      !ok(mamba_model_get_info(loaded->model, &loaded->modelInfo), error) ||
      !ok(mamba_session_create(loaded->model, nullptr, &loaded->session), error))
    return false;

  auto steps = [=](benchmark::State &state, int64_t count) {
    std::vector<int32_t> ids(count);
    for (int64_t i = 0; i < count; ++i)
      ids[i] = int32_t(i * 7919 % loaded->info.vocab_size);
    mamba_sequence sequence = {0, ids.data(), ids.size()};
    Stopwatch watch;
    for (auto _ : state)
      if (mamba_session_step(loaded->session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0) != MAMBA_OK)
        state.SkipWithError(mamba_last_error());
    double runs = double(state.iterations()) / watch.seconds();
    state.counters["tok/s"] = runs * double(count);
    return runs;
  };
  double bytes = double(loaded->modelInfo.packed_bytes) + 2.0 * double(loaded->modelInfo.state_bytes);
  benchmark::RegisterBenchmark("model/decode", [=](benchmark::State &state) {
    state.counters["of_read"] = steps(state, 1) * bytes / machine.readBytesPerSecond;
  })->UseRealTime();
  benchmark::RegisterBenchmark("model/prefill", [=](benchmark::State &state) {
    state.counters["of_fma"] = steps(state, tokens) * prefillFlops / machine.fmaFlopsPerSecond;
  })->UseRealTime();
  return true;
}

} // namespace mamba::bench
