// Kernels whose candidates do what FakeWorkers and FakePredictions say.
#pragma once

#include "runtime/tune/PredictSweep.h"
#include "runtime/tune/Sweep.h"

namespace mamba::tune {

struct FakeKernel {
  std::string key;
  std::vector<std::string> schedules; // "chunk=1"
};

/// With candidates of these chunks.
inline FakeKernel fakeKernel(const std::vector<int64_t> &chunks,
                             const std::string &dims = "64x16") {
  FakeKernel kernel{"scan selective_scan f32->f32 prefill " + dims, {}};
  for (int64_t chunk : chunks)
    kernel.schedules.push_back("chunk=" + std::to_string(chunk));
  return kernel;
}

/// Candidates that are timed; the i-th is predicted to take i microseconds.
class FakeTrials final : public SweepSource {
public:
  explicit FakeTrials(std::vector<FakeKernel> all) : all(std::move(all)) {}
  size_t kernels() const override { return all.size(); }
  KernelResult kernel(size_t index) const override {
    KernelResult result;
    result.key = all[index].key;
    result.rows = 512;
    for (const std::string &schedule : all[index].schedules)
      result.candidates.push_back({schedule, double(result.candidates.size()), "", {}});
    return result;
  }
  Result<Arguments> prepare(size_t, const std::string &folder) const override {
    return Arguments{"@golden", folder};
  }
  Arguments trial(size_t index, size_t candidate, const std::string &folder) const override {
    return {"@try", folder, all[index].schedules[candidate], made(index, candidate, folder)};
  }
  std::string made(size_t, size_t candidate, const std::string &folder) const override {
    return folder + "/" + std::to_string(candidate) + ".mpk";
  }

private:
  std::vector<FakeKernel> all;
};

/// Candidates that are predicted.
class FakePredicted final : public PredictionSource {
public:
  explicit FakePredicted(std::vector<FakeKernel> all) : all(std::move(all)) {}
  size_t kernels() const override { return all.size(); }
  std::string key(size_t index) const override { return all[index].key; }
  std::vector<std::string> schedules(size_t index) const override { return all[index].schedules; }
  Status prepare(size_t, const std::string &) const override { return {}; }
  Arguments prediction(size_t index, size_t candidate, const std::string &folder,
                       const std::string &file) const override {
    return {"@predict", folder, all[index].schedules[candidate], "A100", file};
  }
  Arguments check(size_t index, size_t candidate, const std::string &folder) const override {
    return {"@verify", folder, all[index].schedules[candidate], folder};
  }
  Arguments reference(size_t, const std::string &folder) const override {
    return {"@golden", folder};
  }

private:
  std::vector<FakeKernel> all;
};

} // namespace mamba::tune
