// mamba-run bench: how fast prompts are read and tokens made.
#include "runtime/support/Json.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace mamba::run {

namespace {

struct BenchOptions {
  CommonOptions common;
  uint32_t promptLength = 512, genLength = 128, batch = 1, repetitions = 5;
  bool json = false, generate = false;
};

/// Of several runs of the same work.
struct Spread {
  double median, least, most;
};

Spread spreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t n = values.size();
  double median =
      n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  return {median, values.front(), values.back()};
}

nlohmann::ordered_json toJson(const Spread &spread) {
  return {
      {"median", spread.median}, {"min", spread.least}, {"max", spread.most}};
}

class Bench {
public:
  explicit Bench(const BenchOptions &options) : options_(options) {}
  Result<int> run();

private:
  int32_t nextToken();
  Status step(uint32_t tokensEach);
  Status decode(uint32_t genLength);
  Status createSamplers(const Runtime &runtime);
  Status repetition(uint32_t promptLength, uint32_t genLength,
                    double &prefillSeconds, double &decodeSeconds);
  std::string table(const Runtime &runtime, const Spread &prefill,
                    const Spread &decode) const;
  nlohmann::ordered_json json(const Runtime &runtime, const Spread &prefill,
                              const Spread &decode) const;
  Status write(const Runtime &runtime, const Spread &prefill,
               const Spread &decode) const;
  double bytesPerStep(const Runtime &runtime) const;

  const BenchOptions &options_;
  Handle<mamba_session> session_;
  std::vector<Handle<mamba_sampler>> samplers_; // With --generate, by slot.
  uint64_t random_ = 1;
  int64_t vocabSize_ = 0;
};

/// Tokens do not matter for speed, but one and the same would be too kind to
/// caches.
int32_t Bench::nextToken() {
  random_ = random_ * 6364136223846793005 + 1442695040888963407;
  return static_cast<int32_t>((random_ >> 33) %
                              static_cast<uint64_t>(vocabSize_));
}

Status Bench::step(uint32_t tokensEach) {
  std::vector<std::vector<int32_t>> tokens(options_.batch);
  std::vector<mamba_sequence> sequences;
  for (uint32_t slot = 0; slot < options_.batch; ++slot) {
    for (uint32_t i = 0; i < tokensEach; ++i)
      tokens[slot].push_back(nextToken());
    sequences.push_back({slot, tokens[slot].data(), tokens[slot].size()});
  }
  return check(mamba_session_step(session_.get(), sequences.data(),
                                  sequences.size(), MAMBA_WANT_NONE, nullptr,
                                  0));
}

Status Bench::createSamplers(const Runtime &runtime) {
  mamba_sampler_options greedy;
  mamba_sampler_options_init(&greedy);
  greedy.temperature = 0;
  while (samplers_.size() < options_.batch) {
    mamba_sampler *sampler = nullptr;
    MAMBA_RETURN_IF_ERROR(check(mamba_sampler_create(
        runtime.packInfo.vocab_size, runtime.packInfo.valid_vocab_size, &greedy,
        &sampler)));
    samplers_.emplace_back(sampler);
  }
  return {};
}

Status Bench::decode(uint32_t genLength) {
  if (!options_.generate) {
    for (uint32_t i = 0; i < genLength; ++i)
      MAMBA_RETURN_IF_ERROR(step(1));
    return {};
  }
  std::vector<uint32_t> slots;
  std::vector<mamba_sampler *> samplers;
  for (const auto &sampler : samplers_) {
    slots.push_back(static_cast<uint32_t>(slots.size()));
    samplers.push_back(sampler.get());
  }
  auto goOn = [](void *, const int32_t *, size_t) -> int32_t { return 1; };
  // The first comes of the prompt, and none feeds the last.
  return check(mamba_session_generate(session_.get(), slots.data(),
                                      samplers.data(), slots.size(),
                                      genLength + 1, goOn, nullptr));
}

Status Bench::repetition(uint32_t promptLength, uint32_t genLength,
                         double &prefillSeconds, double &decodeSeconds) {
  for (uint32_t slot = 0; slot < options_.batch; ++slot)
    MAMBA_RETURN_IF_ERROR(check(mamba_session_clear(session_.get(), slot)));
  double start = now();
  MAMBA_RETURN_IF_ERROR(step(promptLength));
  double middle = now();
  MAMBA_RETURN_IF_ERROR(decode(genLength));
  prefillSeconds = middle - start;
  decodeSeconds = now() - middle;
  return {};
}

/// What a decode step moves at least: each weight once, each state in and out.
double Bench::bytesPerStep(const Runtime &runtime) const {
  return static_cast<double>(runtime.modelInfo.decode_bytes) +
         2.0 * options_.batch *
             static_cast<double>(runtime.modelInfo.state_bytes);
}

nlohmann::ordered_json Bench::json(const Runtime &runtime,
                                   const Spread &prefill,
                                   const Spread &decode) const {
  double stepsPerSecond = decode.median / options_.batch;
  nlohmann::ordered_json json;
  json["pack"] = options_.common.pack;
  json["device"] = runtime.modelInfo.device;
  json["target"] = runtime.modelInfo.target;
  if (options_.common.threads)
    json["threads"] = options_.common.threads;
  else
    json["threads"] = nullptr; // one for each processor
  json["prompt_len"] = options_.promptLength;
  json["gen_len"] = options_.genLength;
  json["batch"] = options_.batch;
  json["repetitions"] = options_.repetitions;
  json["generate"] = options_.generate;
  json["prefill_tok_per_s"] = toJson(prefill);
  json["decode_tok_per_s"] = toJson(decode);
  json["packed_weight_bytes"] = runtime.modelInfo.packed_bytes;
  json["decode_weight_bytes"] = runtime.modelInfo.decode_bytes;
  json["state_bytes_per_sequence"] = runtime.modelInfo.state_bytes;
  json["bytes_per_decode_step"] = bytesPerStep(runtime);
  json["decode_gb_per_s"] = bytesPerStep(runtime) * stepsPerSecond / 1e9;
  return json;
}

std::string Bench::table(const Runtime &runtime, const Spread &prefill,
                         const Spread &decode) const {
  char text[1024];
  double stepsPerSecond = decode.median / options_.batch;
  std::snprintf(
      text, sizeof(text),
      "%s, batch %u, median of %u (least to most)\n"
      "prefill %6u tokens: %10.1f tok/s (%.1f to %.1f)\n"
      "decode  %6u tokens: %10.1f tok/s (%.1f to %.1f)\n"
      "a decode step moves %.3f MB (weights, states): %.2f GB/s\n",
      runtime.modelInfo.target, options_.batch, options_.repetitions,
      options_.promptLength, prefill.median, prefill.least, prefill.most,
      options_.genLength, decode.median, decode.least, decode.most,
      bytesPerStep(runtime) / 1e6,
      bytesPerStep(runtime) * stepsPerSecond / 1e9);
  return text;
}

Status Bench::write(const Runtime &runtime, const Spread &prefill,
                    const Spread &decode) const {
  if (!options_.json) {
    MAMBA_RETURN_IF_ERROR(
        writeOutput(table(runtime, prefill, decode)).status());
    return reportProfile(runtime, options_.common);
  }
  nlohmann::ordered_json all = json(runtime, prefill, decode);
  if (options_.common.profile) {
    MAMBA_ASSIGN_OR_RETURN(std::string profile,
                           profileJson(runtime, options_.common));
    all["profile"] = nlohmann::ordered_json::parse(profile);
  }
  return writeOutput(all.dump() + "\n").status();
}

Result<int> Bench::run() {
  MAMBA_ASSIGN_OR_RETURN(Runtime runtime,
                         openRuntime(options_.common, "bench"));
  vocabSize_ = runtime.packInfo.vocab_size;
  MAMBA_ASSIGN_OR_RETURN(
      session_, createSession(runtime, options_.common, options_.batch));
  if (options_.generate)
    MAMBA_RETURN_IF_ERROR(createSamplers(runtime));
  double prefillSeconds = 0, decodeSeconds = 0;
  // Once without a clock: pages, caches, threads.
  MAMBA_RETURN_IF_ERROR(repetition(options_.promptLength,
                                   std::min(options_.genLength, 4u),
                                   prefillSeconds, decodeSeconds));
  MAMBA_RETURN_IF_ERROR(check(mamba_model_clear_profile(runtime.model.get())));
  std::vector<double> prefill, decode;
  ProgressBar bar("measuring", options_.common.quiet);
  for (uint32_t i = 0; i < options_.repetitions; ++i) {
    MAMBA_RETURN_IF_ERROR(repetition(options_.promptLength, options_.genLength,
                                     prefillSeconds, decodeSeconds));
    prefill.push_back(double(options_.batch) * options_.promptLength /
                      prefillSeconds);
    decode.push_back(double(options_.batch) * options_.genLength /
                     decodeSeconds);
    bar.update(i + 1, options_.repetitions);
  }
  bar.clear();
  MAMBA_RETURN_IF_ERROR(write(runtime, spreadOf(prefill), spreadOf(decode)));
  return kDone;
}

} // namespace

void addBench(CLI::App &app, Work &run) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App *verb = app.add_subcommand(
      "bench", "Measures prefill and decode, without text");
  addCommonOptions(*verb, options->common);
  auto positive = cli::wholeNumber(1, 1 << 24);
  verb->add_option("--prompt-len", options->promptLength,
                   "Tokens of each prompt")
      ->check(positive)
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--gen-len", options->genLength,
                   "Decode steps after the prompt")
      ->check(positive)
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--batch", options->batch, "Sequences side by side")
      ->check(cli::wholeNumber(1, 65536))
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--repetitions", options->repetitions,
                   "How often the whole is measured")
      ->check(cli::wholeNumber(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  verb->add_flag("--generate", options->generate,
                 "Decode the most probable tokens, chosen where generate "
                 "chooses them; without it, given ones");
  verb->add_flag("--json", options->json,
                 "One JSON line, the profile in it if it is asked for");
  verb->footer("Example:\n"
               "  mamba-run bench model.mpk --prompt-len 512 --gen-len 128 "
               "--batch 1 --json\n"
               "  mamba-run bench model.mpk --batch 8 --profile");
  verb->callback(
      [options, &run] { run = [options] { return Bench(*options).run(); }; });
}

} // namespace mamba::run
