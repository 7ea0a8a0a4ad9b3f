#include "bench/gpu/ModelTimes.h"

#include "bench/gpu/KernelProbe.h"
#include "bench/gpu/RandomSource.h"
#include "runtime/model/Session.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include <chrono>
#include <cmath>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

namespace {

constexpr uint64_t kSeed = 1;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Runs until the median means something, or it has taken long enough.
template <typename Once>
Result<double> medianOf(unsigned least, unsigned most, double enough, Once once) {
  std::vector<double> times;
  for (double start = now();
       times.size() < least || (times.size() < most && now() - start < enough);) {
    MAMBA_ASSIGN_OR_RETURN(double seconds, once());
    times.push_back(seconds);
  }
  return median(times);
}

/// Sequences of one length, in slots of their own, with random tokens.
struct SameLengths {
  std::vector<int64_t> seqStart, position;
  std::vector<int32_t> slot, tokens;

  SameLengths(uint64_t sequences, uint64_t length, uint64_t vocabulary) {
    for (uint64_t s = 0; s <= sequences; ++s)
      seqStart.push_back(int64_t(s * length));
    for (uint64_t s = 0; s < sequences; ++s)
      slot.push_back(int32_t(s));
    position.assign(sequences, 0);
    for (uint64_t i = 0; i < sequences * length; ++i)
      tokens.push_back(int32_t(splitmix64(kSeed + i) % vocabulary));
  }
  Batch batch() const { return {seqStart, slot, position}; }
};

class ModelTimes {
public:
  ModelTimes(const nlohmann::json &plan, std::shared_ptr<Model> model)
      : plan_(plan), model_(std::move(model)),
        executable_(static_cast<CudaExecutable &>(model_->executable())) {}
  Status prepare();
  Status run(bool hasKernels);

private:
  /// What every row of a step begins with.
  Row rowOf(const char *kind, uint64_t sequences, uint64_t length) const;
  /// A step by the GPU's events; its logits stay there.
  Result<double> runOnce(Context &context, const SameLengths &step);
  Status decode(uint64_t batch, bool hasKernels);
  Result<double> decodeSeconds(uint64_t batch, std::optional<uint32_t> leftOut,
                               Launches *launches);
  Status decodeByWall(uint64_t batch, Row &row);
  Status prefill(uint64_t sequences, uint64_t length, bool hasKernels);
  Status sayKernel(Row row, uint32_t kernel, uint32_t times, double seconds, const char *how);
  /// A step that does not fit is told and passed over.
  Status guarded(Row row, Status status) const;

  const nlohmann::json &plan_; // The model's element; borrowed.
  std::shared_ptr<Model> model_;
  CudaExecutable &executable_; // model_'s
  std::unique_ptr<KernelProbe> probe_;
  uint32_t entry_ = 0;
  uint64_t vocabulary_ = 1;
};

Row ModelTimes::rowOf(const char *kind, uint64_t sequences, uint64_t length) const {
  return {{"row", kind},           {"model", plan_.at("name")}, {"weights", plan_.at("weights")},
          {"sequences", sequences}, {"length", length}};
}

Status ModelTimes::guarded(Row row, Status status) const {
  if (status.code() != StatusCode::OutOfMemory)
    return status;
  row["error"] = status.message();
  say(row);
  return {};
}

Status testKernelsOf(Executable &executable, const nlohmann::json &model) {
  uint64_t tests = 0;
  Status tested = executable.selfTest([&](uint64_t, uint64_t total) { tests = total; });
  if (tested.code() == StatusCode::OutOfMemory) // Nothing is known of the kernels.
    return tested;
  say({{"row", "check"},
       {"what", "kernels of " + model.at("name").get<std::string>() + ", " +
                    model.at("weights").get<std::string>()},
       {"how", executable.description()},
       {"ok", tested.ok()},
       {"message", tested.ok() ? std::to_string(tests) + " golden cases" : tested.message()}});
  return tested;
}

Status ModelTimes::prepare() {
  MAMBA_ASSIGN_OR_RETURN(entry_, model_->info().findEntry("next"));
  MAMBA_ASSIGN_OR_RETURN(vocabulary_, model_->info().validVocabSize());
  double start = now();
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<WeightSource> source,
                         RandomSource::create(model_->manifest(), kSeed));
  double middle = now();
  MAMBA_RETURN_IF_ERROR(model_->loadWeights(source, "a seed", nullptr));
  say({{"row", "load"},
       {"model", plan_.at("name")},
       {"weights", plan_.at("weights")},
       {"make_seconds", middle - start},
       {"load_seconds", now() - middle},
       {"packed_bytes", executable_.target().packedBytes}});
  MAMBA_ASSIGN_OR_RETURN(probe_, KernelProbe::create(executable_));
  return {};
}

Result<double> ModelTimes::runOnce(Context &context, const SameLengths &step) {
  const void *inputs[] = {step.tokens.data()};
  void *outputs[] = {nullptr};
  MAMBA_RETURN_IF_ERROR(context.run(entry_, step.batch(), false, inputs, outputs));
  return probe_->seconds();
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// By events, in a context of its own: its graphs leave out what is left out.
Result<double> ModelTimes::decodeSeconds(uint64_t batch, std::optional<uint32_t> leftOut,
                                         Launches *launches) {
  probe_->leaveOut(leftOut);
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, executable_.createContext(batch));
  SameLengths step(batch, 1, vocabulary_);
  auto once = [&] { return runOnce(*context, step); };
  probe_->takeLaunches();
  MAMBA_RETURN_IF_ERROR(once().status());
  if (launches)
    *launches = probe_->takeLaunches();
  MAMBA_RETURN_IF_ERROR(medianOf(2, 20, 0.02, once).status());
  return medianOf(5, 200, 0.15, once);
}

/// As a program has it: a session, steps one by one, and tokens chosen greedily.
Status ModelTimes::decodeByWall(uint64_t batch, Row &row) {
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Session> session,
                         Session::create(model_, {.slots = batch}));
  SameLengths step(batch, 1, vocabulary_);
  std::vector<SequenceTokens> sequences;
  for (uint32_t slot = 0; slot < batch; ++slot)
    sequences.push_back({slot, std::span(step.tokens).subspan(slot, 1)});
  auto once = [&]() -> Result<double> {
    double start = now();
    MAMBA_RETURN_IF_ERROR(session->step(sequences, WantLogits::None, {}));
    return now() - start;
  };
  MAMBA_RETURN_IF_ERROR(once().status());
  MAMBA_ASSIGN_OR_RETURN(double seconds, medianOf(5, 200, 0.15, once));
  row["wall_seconds"] = seconds;
  MAMBA_ASSIGN_OR_RETURN(std::span<const float> logits, session->logits(0));
  bool isFinite = true;
  for (float logit : logits)
    isFinite &= std::isfinite(logit);
  row["finite"] = isFinite;

  std::vector<Sampler> samplers;
  std::vector<SequenceSampler> chosen;
  for (uint32_t slot = 0; slot < batch; ++slot) {
    MAMBA_ASSIGN_OR_RETURN(
        Sampler sampler,
        Sampler::create(session->vocabSize(), vocabulary_, {.temperature = 0}));
    samplers.push_back(std::move(sampler));
  }
  for (uint32_t slot = 0; slot < batch; ++slot)
    chosen.push_back({slot, &samplers[slot]});
  double start = 0, end = 0;
  uint64_t tokens = 0;
  MAMBA_RETURN_IF_ERROR(session->generate(chosen, 256, [&](std::span<const int32_t>) {
    end = now();
    if (tokens++ == 8) // The first steps capture.
      start = end;
    return tokens < 16 || end - start < 0.2;
  }));
  row["generate_seconds"] = (end - start) / double(tokens - 9);
  return {};
}

Status ModelTimes::decode(uint64_t batch, bool hasKernels) {
  Row row = rowOf("step", batch, 1);
  Launches launches;
  MAMBA_ASSIGN_OR_RETURN(double whole, decodeSeconds(batch, {}, &launches));
  row["graph"] = executable_.usesGraphs();
  row["overlap"] = executable_.overlaps();
  row["seconds"] = whole;
  uint32_t count = 0;
  for (auto [kernel, times] : launches)
    count += times;
  row["launches"] = count;
  probe_->watch(false);
  Status byWall = decodeByWall(batch, row);
  probe_->watch(true);
  MAMBA_RETURN_IF_ERROR(byWall);
  say(row);
  if (!hasKernels)
    return {};
  for (auto [kernel, times] : launches) {
    MAMBA_ASSIGN_OR_RETURN(double others, decodeSeconds(batch, kernel, nullptr));
    MAMBA_RETURN_IF_ERROR(sayKernel(rowOf("kernel", batch, 1), kernel, times,
                                    (whole - others) / times, "left out"));
  }
  return {};
}

Status ModelTimes::sayKernel(Row row, uint32_t kernel, uint32_t times, double seconds,
                             const char *how) {
  row["kernel"] = executable_.target().kernels[kernel].symbol;
  row["times"] = times;
  row["seconds"] = seconds;
  row["how"] = how;
  say(row);
  return {};
}

//===----------------------------------------------------------------------===//
// Prefill
//===----------------------------------------------------------------------===//

Status ModelTimes::prefill(uint64_t sequences, uint64_t length, bool hasKernels) {
  probe_->leaveOut({});
  probe_->setMarks(false);
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, executable_.createContext(sequences));
  SameLengths step(sequences, length, vocabulary_);
  Row row = rowOf("step", sequences, length);
  MAMBA_RETURN_IF_ERROR(runOnce(*context, step).status());
  std::vector<double> walls;
  MAMBA_ASSIGN_OR_RETURN(double whole, medianOf(3, 20, 0.4, [&] {
                           double start = now();
                           Result<double> seconds = runOnce(*context, step);
                           walls.push_back(now() - start);
                           return seconds;
                         }));
  row["seconds"] = whole;
  row["wall_seconds"] = median(walls);
  say(row);
  if (!hasKernels)
    return {};
  probe_->setMarks(true);
  std::map<uint32_t, std::vector<double>> times;
  Launches launches;
  for (int i = 0; i < 3; ++i) {
    probe_->takeLaunches();
    MAMBA_RETURN_IF_ERROR(runOnce(*context, step).status());
    launches = probe_->takeLaunches();
    MAMBA_ASSIGN_OR_RETURN(auto of, probe_->kernelSeconds());
    for (auto &[kernel, seconds] : of)
      times[kernel].insert(times[kernel].end(), seconds.begin(), seconds.end());
  }
  for (auto [kernel, count] : launches)
    MAMBA_RETURN_IF_ERROR(sayKernel(rowOf("kernel", sequences, length), kernel, count,
                                    median(times[kernel]), "events"));
  return {};
}

Status ModelTimes::run(bool hasKernels) {
  for (const nlohmann::json &batch : plan_.at("batches"))
    MAMBA_RETURN_IF_ERROR(guarded(rowOf("step", batch.get<uint64_t>(), 1),
                                  decode(batch.get<uint64_t>(), hasKernels)));
  if (!hasKernels)
    return {};
  for (const nlohmann::json &step : plan_.at("prefill")) {
    auto sequences = step.at(0).get<uint64_t>(), length = step.at(1).get<uint64_t>();
    MAMBA_RETURN_IF_ERROR(
        guarded(rowOf("step", sequences, length), prefill(sequences, length, hasKernels)));
  }
  return {};
}

} // namespace

Status bench::timeModel(const CheckFolder &folder, const nlohmann::json &model, unsigned ordinal,
                        bool hasKernels) {
  std::string file = folder.file(model.at("pack").get<std::string>());
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const PackInfo> info, PackInfo::open(file));
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<Model> loaded,
                         Model::create(info, "cuda:" + std::to_string(ordinal), {}));
  if (hasKernels)
    MAMBA_RETURN_IF_ERROR(testKernelsOf(loaded->executable(), model));
  ModelTimes times(model, loaded);
  MAMBA_RETURN_IF_ERROR(times.prepare());
  return times.run(hasKernels);
}

Status bench::testKernels(const CheckFolder &folder, const nlohmann::json &model,
                          unsigned ordinal) {
  std::string file = folder.file(model.at("pack").get<std::string>());
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> opened, Pack::open(file));
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnCuda(opened, ordinal, {}));
  return testKernelsOf(*executable, model);
}
