#include "tools/mamba-run/Sampling.h"
#include "runtime/support/Format.h"
#include "tools/lib/Checks.h"

#include <CLI/CLI.hpp>

namespace mamba::run {

void addSamplingOptions(CLI::App &verb, SamplingOptions &options) {
  auto *temperature =
      verb.add_option("--temperature", options.temperature,
                      "0 is greedy, 1 the model's own distribution (1)");
  temperature->type_name("T")->check(cli::numberOf(kTemperatureRange));
  verb.add_option("--top-k", options.topK,
                  "Choose among the K most probable; 0: all (0)")
      ->check(cli::wholeNumber(0, UINT32_MAX))
      ->type_name("K");
  verb.add_option("--top-p", options.topP,
                  "Choose among the fewest that together reach P (1)")
      ->check(cli::numberOf(kTopPRange))
      ->type_name("P");
  verb.add_option("--min-p", options.minP,
                  "Choose among those at least P times as probable as the "
                  "best (0)")
      ->check(cli::numberOf(kMinPRange))
      ->type_name("P");
  verb.add_option("--repetition-penalty", options.repetitionPenalty,
                  "Above 1 makes tokens of the text so far less probable (1)")
      ->check(cli::numberOf(kRepetitionPenaltyRange))
      ->type_name("R");
  verb.add_option("--seed", options.seed, "Same seed, same text (0)")
      ->check(cli::wholeNumber(0, UINT64_MAX))
      ->type_name("N");
  verb.add_flag("--greedy", options.greedy, "Always the most probable token")
      ->excludes(temperature);
}

static Result<mamba_sampler_options> packOptions(const Runtime &runtime) {
  mamba_sampler_options options{};
  options.struct_size = sizeof(options);
  MAMBA_RETURN_IF_ERROR(
      check(mamba_pack_sampler_options(runtime.pack.get(), &options)));
  return options;
}

Result<Handle<mamba_sampler>> createSampler(const Runtime &runtime) {
  MAMBA_ASSIGN_OR_RETURN(mamba_sampler_options options, packOptions(runtime));
  mamba_sampler *sampler = nullptr;
  MAMBA_RETURN_IF_ERROR(check(mamba_sampler_create(
      runtime.packInfo.vocab_size, runtime.packInfo.valid_vocab_size, &options,
      &sampler)));
  return Handle<mamba_sampler>(sampler);
}

Status noteGenerationConfig(const Runtime &runtime,
                            const mamba_sampler *sampler) {
  MAMBA_ASSIGN_OR_RETURN(mamba_sampler_options said, packOptions(runtime));
  mamba_sampler_options held{}, defaults{};
  held.struct_size = sizeof(held);
  MAMBA_RETURN_IF_ERROR(check(mamba_sampler_get_options(sampler, &held)));
  mamba_sampler_options_init(&defaults);
  std::string list;
  auto add = [&](const char *name, double value, double now, double normal) {
    if (value == now && value != normal)
      list += (list.empty() ? "" : ", ") + format("%s %g", name, value);
  };
  add("temperature", said.temperature, held.temperature, defaults.temperature);
  add("top_k", said.top_k, held.top_k, defaults.top_k);
  add("top_p", said.top_p, held.top_p, defaults.top_p);
  add("min_p", said.min_p, held.min_p, defaults.min_p);
  add("repetition_penalty", said.repetition_penalty, held.repetition_penalty,
      defaults.repetition_penalty);
  if (!list.empty())
    report("sampling as the model's generation_config.json says: " + list +
           (said.temperature == 0 && held.temperature == 0 ? " (greedy)" : ""));
  return {};
}

Status setSampling(mamba_sampler *sampler, const SamplingOptions &options) {
  mamba_sampler_options chosen{};
  chosen.struct_size = sizeof(chosen);
  MAMBA_RETURN_IF_ERROR(check(mamba_sampler_get_options(sampler, &chosen)));
  chosen.temperature =
      options.greedy ? 0 : options.temperature.value_or(chosen.temperature);
  chosen.top_k = options.topK.value_or(chosen.top_k);
  chosen.top_p = options.topP.value_or(chosen.top_p);
  chosen.min_p = options.minP.value_or(chosen.min_p);
  chosen.repetition_penalty =
      options.repetitionPenalty.value_or(chosen.repetition_penalty);
  chosen.seed = options.seed.value_or(chosen.seed);
  return check(mamba_sampler_set_options(sampler, &chosen));
}

Result<std::vector<int32_t>> endTokens(const Runtime &runtime) {
  size_t count = 0;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_pack_end_tokens(runtime.pack.get(), nullptr, 0, &count)));
  std::vector<int32_t> tokens(count);
  MAMBA_RETURN_IF_ERROR(check(mamba_pack_end_tokens(
      runtime.pack.get(), tokens.data(), count, &count)));
  return tokens;
}

} // namespace mamba::run
