// A model without kernels: a pack in memory and a device whose arithmetic is
// plain enough to be checked by hand.
#pragma once

#include "runtime/model/Api.h"
#include "runtime/device/ModelCheck.h"
#include "runtime/model/Session.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mamba::test {

inline constexpr int64_t kVocab = 11, kValid = 9;
// Pool [2, 3], outside [3, 2]: the last two token ids, plus a tenth of the
// channel.
inline constexpr int64_t kWindow = 2, kChannels = 3;
inline constexpr int64_t kSums = 4; // sum over tokens of (id + 1) * (k + 1)

/// What a sequence's logits are after its tokens summed up to `sum`.
inline float fakeLogit(double sum, int64_t column) {
  double weighted = sum * static_cast<double>(column + 3) + static_cast<double>(7 * column);
  return static_cast<float>(std::fmod(std::trunc(weighted), 13)) / 4;
}

struct PackOptions {
  bool model = true, weights = false, embed = false, logitsEntry = true;
  bool sampleEntry = false;
  bool damaged = false; // The embedded weight is not the one that was hashed.
  std::string signature = "f00d", config = "", tokenizer = "", source = "";
  std::string generation = "";
  uint64_t valid = kValid;
  std::optional<CheckSpec> check = {};
  std::vector<float> samples = {}; // of the check
};

inline constexpr float kWeight[4] = {1, 2, 3, 4};

inline Manifest fakeManifest(const PackOptions &options) {
  Manifest manifest;
  manifest.compiler = "fake";
  manifest.source = options.source;
  if (options.model)
    manifest.model =
        ModelSpec{"mamba1", kVocab, options.valid, 1, options.signature};
  if (options.weights)
    manifest.checkpoint = {{"w", DType::F32, {2, 2}}};
  if (options.embed)
    manifest.blobs = {
        {"weight:w", sha256Hex(kWeight, sizeof(kWeight)), sizeof(kWeight)}};
  manifest.check = options.check;
  if (options.check) {
    uint64_t bytes = options.samples.size() * sizeof(float);
    manifest.blobs.push_back({options.check->blob,
                              sha256Hex(options.samples.data(), bytes), bytes});
  }
  std::vector<StateSpec> states = {
      {"conv_state.0",
       "conv_in",
       "conv_out",
       DType::F32,
       {kWindow, kChannels},
       true},
      {"ssm_state.0", "sum_in", "sum_out", DType::F32, {kSums}, false}};
  TensorSpec ids{"input_ids", DType::I32, RowKind::T, {}, kVocab};
  manifest.entries = {
      {"next", {ids}, {{"logits", DType::F32, RowKind::S, {kVocab}}}, states}};
  if (options.logitsEntry)
    manifest.entries.push_back({"logits",
                                {ids},
                                {{"logits", DType::F32, RowKind::T, {kVocab}}},
                                states});
  if (options.sampleEntry) {
    auto row = [](const char *name) {
      return TensorSpec{name, DType::F32, RowKind::S, {1}};
    };
    manifest.entries.push_back({"sample",
                                {ids,
                                 row("u"),
                                 row("temperature"),
                                 {"top_k", DType::I32, RowKind::S, {}},
                                 row("top_p"),
                                 row("min_p")},
                                {{"token", DType::I32, RowKind::S, {}},
                                 row("largest"),
                                 {"logits", DType::F32, RowKind::S, {kVocab}}},
                                states});
  }
  // y[t] = gain * x[t] + the sequence's running sum, kept in ssm_state.0.
  manifest.entries.push_back(
      {"scale",
       {{"x", DType::F32, RowKind::T, {kSums}},
        {"gain", DType::F32, RowKind::Constant, {kSums}}},
       {{"y", DType::F32, RowKind::T, {kSums}},
        {"count", DType::F32, RowKind::S, {}}},
       {states[1]}});
  return manifest;
}

/// The bytes of a pack file without targets.
inline std::string fakePackBytes(const PackOptions &options) {
  SafetensorsWriter writer;
  PackMetadata metadata = {
      {"mamba.pack", std::to_string(kManifestFormat)},
      {"mamba.manifest", writeManifest(fakeManifest(options))}};
  if (!options.config.empty())
    metadata["config.json"] = options.config;
  if (!options.tokenizer.empty())
    metadata["tokenizer.json"] = options.tokenizer;
  if (!options.generation.empty())
    metadata["generation_config.json"] = options.generation;
  EXPECT_TRUE(setPackMetadata(writer, metadata).ok());
  if (options.embed) {
    static const float damaged[4] = {1, 2, 3, 5};
    Status added = writer.addTensor("weight:w", DType::F32, {2, 2},
                                    options.damaged ? damaged : kWeight,
                                    sizeof(kWeight));
    EXPECT_TRUE(added.ok()) << added.message();
  }
  if (options.check) {
    Status added = writer.addTensor(
        options.check->blob, DType::F32, {int64_t(options.samples.size())},
        options.samples.data(), options.samples.size() * sizeof(float));
    EXPECT_TRUE(added.ok()) << added.message();
  }
  auto bytes = writer.serialize();
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return *bytes;
}

/// What the fake device did and shall do.
struct FakeLog {
  struct Run {
    std::string entry;
    std::vector<int64_t> lengths, positions;
    std::vector<int32_t> slots;
    bool invariant, wantsOutput;
  };
  std::vector<Run> runs;
  std::vector<float> u; // of all rows of `sample`
  int nanAfterRuns = -1; // of `sample`: then `largest` is NaN
  int failAfterRuns = -1;   // this many runs work
  StatusCode failCode = StatusCode::Unavailable;
  bool failsForMemory = false; // and not for good
  int failAfterWrites = -1; // this many state writes work
  std::vector<float> weight;
};

class FakeContext final : public Context {
public:
  FakeContext(const Manifest &manifest, FakeLog &log, uint64_t slots)
      : manifest_(manifest), log_(log), conv_(slots * kWindow * kChannels),
        sums_(slots * kSums) {}

  Status run(uint32_t entry, const Batch &batch, bool invariant,
             std::span<const void *const> inputs,
             std::span<void *const> outputs) override {
    const EntrySpec &spec = manifest_.entries[entry];
    FakeLog::Run run{spec.name, {}, {}, {}, invariant, outputs[0] != nullptr};
    for (size_t s = 0; s < batch.sequences(); ++s)
      run.lengths.push_back(batch.seqStart[s + 1] - batch.seqStart[s]);
    run.positions.assign(batch.position.begin(), batch.position.end());
    run.slots.assign(batch.slot.begin(), batch.slot.end());
    log_.runs.push_back(run);
    if (log_.failAfterRuns == 0 && log_.failsForMemory)
      return outOfMemory("the fake device has no room");
    if (log_.failAfterRuns == 0)
      return {log_.failCode, "the fake device has had enough"};
    if (log_.failAfterRuns > 0)
      --log_.failAfterRuns;
    if (spec.name == "sample") {
      sample(batch, inputs, outputs);
      return {};
    }
    for (size_t s = 0; s < batch.sequences(); ++s)
      if (spec.name == "scale")
        scale(batch, s, inputs, outputs);
      else
        tokens(batch, s, spec.name == "logits", inputs, outputs);
    return {};
  }

  uint64_t slots() const override { return sums_.size() / kSums; }
  Status readState(uint32_t state, uint32_t slot, void *to) const override {
    auto [data, size] = pool(state, slot);
    std::memcpy(to, data, size);
    return {};
  }
  Status writeState(uint32_t state, uint32_t slot, const void *from) override {
    if (log_.failAfterWrites == 0) {
      log_.failAfterWrites = -1;
      return unavailable("the fake device refuses to write");
    }
    if (log_.failAfterWrites > 0)
      --log_.failAfterWrites;
    auto [data, size] = pool(state, slot);
    std::memcpy(const_cast<float *>(data), from, size);
    return {};
  }
  Status clearSlot(uint32_t slot) override {
    for (uint32_t state = 0; state < 2; ++state) {
      auto [data, size] = pool(state, slot);
      std::memset(const_cast<float *>(data), 0, size);
    }
    return {};
  }
  Status copySlot(uint32_t from, uint32_t to) override {
    for (uint32_t state = 0; state < 2; ++state)
      std::memcpy(const_cast<float *>(pool(state, to).first),
                  pool(state, from).first, pool(state, from).second);
    return {};
  }

private:
  std::pair<const float *, size_t> pool(uint32_t state, uint32_t slot) const {
    return state == 0
               ? std::pair(conv_.data() + slot * kWindow * kChannels,
                           kWindow * kChannels * sizeof(float))
               : std::pair(sums_.data() + slot * kSums, kSums * sizeof(float));
  }
  void tokens(const Batch &batch, size_t s, bool all,
              std::span<const void *const> inputs,
              std::span<void *const> outputs) {
    const auto *ids = static_cast<const int32_t *>(inputs[0]);
    auto *out = static_cast<float *>(outputs[0]);
    float *conv = conv_.data() + batch.slot[s] * kWindow * kChannels;
    float *sums = sums_.data() + batch.slot[s] * kSums;
    for (int64_t t = batch.seqStart[s]; t < batch.seqStart[s + 1]; ++t) {
      std::memmove(conv, conv + kChannels,
                   (kWindow - 1) * kChannels * sizeof(float));
      for (int64_t c = 0; c < kChannels; ++c)
        conv[(kWindow - 1) * kChannels + c] = ids[t] + 0.1f * c;
      for (int64_t k = 0; k < kSums; ++k)
        sums[k] += (ids[t] + 1) * (k + 1);
      bool last = t + 1 == batch.seqStart[s + 1];
      if (out && (all || last))
        for (int64_t v = 0; v < kVocab; ++v)
          out[(all ? t : int64_t(s)) * kVocab + v] = fakeLogit(sums[0], v);
    }
    if (out && !all && batch.seqStart[s] == batch.seqStart[s + 1])
      std::fill_n(out + s * kVocab, kVocab, 0.0f);
  }
  /// The best token where the temperature is 0, else the one that u points at.
  void sample(const Batch &batch, std::span<const void *const> inputs,
              std::span<void *const> outputs) {
    auto *token = static_cast<int32_t *>(outputs[0]);
    auto *largest = static_cast<float *>(outputs[1]);
    auto *logits = static_cast<float *>(outputs[2]);
    const auto *u = static_cast<const float *>(inputs[1]);
    const auto *temperature = static_cast<const float *>(inputs[2]);
    void *rows[] = {logits};
    for (size_t s = 0; s < batch.sequences(); ++s) {
      tokens(batch, s, /*all=*/false, inputs, rows);
      log_.u.push_back(u[s]);
      const float *row = logits + s * kVocab;
      const float *best = std::max_element(row, row + kValid);
      largest[s] = log_.nanAfterRuns == 0 ? NAN : *best;
      token[s] = temperature[s] == 0 ? int32_t(best - row)
                                     : int32_t(u[s] * kValid);
    }
    if (log_.nanAfterRuns > 0)
      --log_.nanAfterRuns;
  }
  void scale(const Batch &batch, size_t s, std::span<const void *const> inputs,
             std::span<void *const> outputs) {
    const auto *x = static_cast<const float *>(inputs[0]);
    const auto *gain = static_cast<const float *>(inputs[1]);
    auto *y = static_cast<float *>(outputs[0]);
    auto *count = static_cast<float *>(outputs[1]);
    float *sums = sums_.data() + batch.slot[s] * kSums;
    for (int64_t t = batch.seqStart[s]; t < batch.seqStart[s + 1]; ++t)
      for (int64_t k = 0; k < kSums; ++k) {
        sums[k] += x[t * kSums + k];
        if (y)
          y[t * kSums + k] = gain[k] * x[t * kSums + k] + sums[k];
      }
    if (count)
      count[s] = float(batch.seqStart[s + 1] - batch.seqStart[s]);
  }

  const Manifest &manifest_;
  FakeLog &log_;
  std::vector<float> conv_, sums_;
};

class FakeExecutable final : public Executable {
public:
  FakeExecutable(std::shared_ptr<const Pack> pack, FakeLog &log)
      : pack_(std::move(pack)), log_(log),
        states_(pack_->manifest().entries[0].states) {
    target_.name = "fake:native";
    target_.device = "fake";
    target_.packedBytes = 1000;
    for (uint32_t i = 0; i < pack_->manifest().entries.size(); ++i)
      target_.programs.emplace_back().entry = i;
  }
  const Pack &pack() const override { return *pack_; }
  const TargetSpec &target() const override { return target_; }
  const std::vector<StateSpec> &states() const override { return states_; }
  Status loadWeights(std::shared_ptr<WeightSource> source,
                     const Progress &progress) override {
    source_ = source;
    for (const WeightSpec &spec : pack_->manifest().checkpoint) {
      MAMBA_ASSIGN_OR_RETURN(auto bytes, source->find(spec));
      log_.weight.resize(bytes.size() / sizeof(float));
      std::memcpy(log_.weight.data(), bytes.data(), bytes.size());
      if (progress)
        progress(bytes.size(), bytes.size());
    }
    return {};
  }
  Result<std::unique_ptr<Context>> createContext(uint64_t slots) override {
    return std::unique_ptr<Context>(
        std::make_unique<FakeContext>(pack_->manifest(), log_, slots));
  }
  Status selfTest(const Progress &progress) override {
    if (progress)
      progress(1, 1);
    return {};
  }
  Result<ModelCheck> checkModel() override {
    return checkModelOf(*this, source_.get());
  }
  TargetSpec target_;

private:
  std::shared_ptr<const Pack> pack_;
  FakeLog &log_;
  std::vector<StateSpec> states_;
  std::shared_ptr<WeightSource> source_;
};

/// Pack, model and log together; outlives the sessions made from it.
struct Fake {
  explicit Fake(PackOptions options = {}, bool load = true)
      : bytes(fakePackBytes(options)) {
    auto pack = Pack::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                            bytes.size(), "fake.mpk");
    EXPECT_TRUE(pack.ok()) << pack.status().message();
    info = std::make_shared<PackInfo>(*pack);
    auto executable = std::make_unique<FakeExecutable>(*pack, log);
    target = &executable->target_;
    model = std::make_shared<Model>(info, std::move(executable));
    if (load) {
      Status loaded = model->loadWeights({}, {});
      EXPECT_TRUE(loaded.ok()) << loaded.message();
    }
  }
  std::unique_ptr<Session> session(SessionOptions options = {}) {
    auto session = Session::create(model, options);
    EXPECT_TRUE(session.ok()) << session.status().message();
    return session.ok() ? std::move(*session) : nullptr;
  }

  std::string bytes;
  FakeLog log;
  std::shared_ptr<const PackInfo> info;
  std::shared_ptr<Model> model;
  TargetSpec *target; // Borrowed from model.
};

/// Logits after all of `tokens`, from the definition.
inline std::vector<float> expectedLogits(std::span<const int32_t> tokens) {
  double sum = 0;
  for (int32_t token : tokens)
    sum += token + 1;
  std::vector<float> logits;
  for (int64_t v = 0; v < kVocab; ++v)
    logits.push_back(fakeLogit(sum, v));
  return logits;
}

inline std::vector<float> copyOf(std::span<const float> values) {
  return {values.begin(), values.end()};
}

} // namespace mamba::test
