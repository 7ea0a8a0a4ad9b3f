// mamba_sampler_*, mamba_tokenizer_*, mamba_decoder_*: logits to tokens to
// text.
#include "runtime/model/Api.h"

using namespace mamba;
using namespace mamba::api;

namespace {

SamplerOptions fromC(const mamba_sampler_options &options) {
  SamplerOptions result;
  result.repetitionPenalty = options.repetition_penalty;
  result.temperature = options.temperature;
  result.topK = options.top_k;
  result.topP = options.top_p;
  result.minP = options.min_p;
  result.seed = options.seed;
  return result;
}

mamba_sampler_options toC(const SamplerOptions &options) {
  mamba_sampler_options result{};
  result.struct_size = sizeof(result);
  result.repetition_penalty = options.repetitionPenalty;
  result.temperature = options.temperature;
  result.top_k = options.topK;
  result.top_p = options.topP;
  result.min_p = options.minP;
  result.seed = options.seed;
  return result;
}

} // namespace

extern "C" {

void mamba_sampler_options_init(mamba_sampler_options *options) {
  // It is not told how much room there is: fields of later versions are not its to set.
  static_assert(sizeof(mamba_sampler_options) == 6 * 8 + sizeof(size_t),
                "write no more than the struct of version 6 has");
  if (options)
    *options = toC(SamplerOptions());
}

mamba_status mamba_pack_sampler_options(const mamba_pack *pack,
                                        mamba_sampler_options *options) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"options", options}}));
    MAMBA_ASSIGN_OR_RETURN(GenerationConfig config,
                           pack->info->generationConfig());
    SamplerOptions chosen;
    chosen.temperature = config.temperature.value_or(chosen.temperature);
    if (!config.doSample.value_or(true))
      chosen.temperature = 0;
    chosen.topK = config.topK.value_or(chosen.topK);
    chosen.topP = config.topP.value_or(chosen.topP);
    chosen.minP = config.minP.value_or(chosen.minP);
    chosen.repetitionPenalty =
        config.repetitionPenalty.value_or(chosen.repetitionPenalty);
    mamba_sampler_options filled = toC(chosen);
    return giveStruct("options", filled, options);
  });
}

mamba_status mamba_sampler_create(int64_t vocab_size, int64_t valid_vocab_size,
                                  const mamba_sampler_options *options,
                                  mamba_sampler **sampler) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"sampler", sampler}}));
    mamba_sampler_options taken = toC(SamplerOptions());
    MAMBA_RETURN_IF_ERROR(takeStruct("options", options, taken));
    MAMBA_ASSIGN_OR_RETURN(
        Sampler created,
        Sampler::create(vocab_size, valid_vocab_size, fromC(taken)));
    *sampler = new mamba_sampler{std::move(created)};
    return {};
  });
}

void mamba_sampler_destroy(mamba_sampler *sampler) { delete sampler; }

mamba_status mamba_sampler_get_options(const mamba_sampler *sampler,
                                       mamba_sampler_options *options) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"sampler", sampler}, {"options", options}}));
    mamba_sampler_options filled = toC(sampler->sampler.options());
    return giveStruct("options", filled, options);
  });
}

mamba_status mamba_sampler_set_options(mamba_sampler *sampler,
                                       const mamba_sampler_options *options) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"sampler", sampler}, {"options", options}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    mamba_sampler_options taken = toC(sampler->sampler.options());
    MAMBA_RETURN_IF_ERROR(takeStruct("options", options, taken));
    return sampler->sampler.setOptions(fromC(taken));
  });
}

mamba_status mamba_sampler_accept(mamba_sampler *sampler, const int32_t *tokens,
                                  size_t count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"sampler", sampler}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    if (count == 0)
      return {};
    MAMBA_RETURN_IF_ERROR(require({{"tokens", tokens}}));
    return sampler->sampler.accept({tokens, count});
  });
}

mamba_status mamba_sampler_reset(mamba_sampler *sampler) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"sampler", sampler}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    sampler->sampler.reset();
    return {};
  });
}

mamba_status mamba_sampler_sample(mamba_sampler *sampler, const float *logits,
                                  size_t count, int32_t *token) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"sampler", sampler}, {"logits", logits}, {"token", token}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    MAMBA_ASSIGN_OR_RETURN(*token, sampler->sampler.sample({logits, count}));
    return {};
  });
}

mamba_status mamba_tokenizer_create(const mamba_pack *pack,
                                    mamba_tokenizer **tokenizer) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"tokenizer", tokenizer}}));
    MAMBA_ASSIGN_OR_RETURN(Tokenizer created, pack->info->tokenizer());
    *tokenizer = new mamba_tokenizer{std::move(created)};
    return {};
  });
}

void mamba_tokenizer_destroy(mamba_tokenizer *tokenizer) { delete tokenizer; }

int32_t mamba_tokenizer_size(const mamba_tokenizer *tokenizer) {
  return tokenizer ? tokenizer->tokenizer.size() : 0;
}

mamba_status mamba_tokenizer_encode(const mamba_tokenizer *tokenizer,
                                    const char *text, size_t length,
                                    int32_t **tokens, size_t *count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require(
        {{"tokenizer", tokenizer}, {"tokens", tokens}, {"count", count}}));
    if (length != 0)
      MAMBA_RETURN_IF_ERROR(require({{"text", text}}));
    MAMBA_ASSIGN_OR_RETURN(auto ids,
                           tokenizer->tokenizer.encode(
                               length ? std::string_view(text, length) : ""));
    *tokens = static_cast<int32_t *>(
        copyForCaller(ids.data(), ids.size() * sizeof(int32_t)));
    *count = ids.size();
    return {};
  });
}

mamba_status mamba_tokenizer_decode(const mamba_tokenizer *tokenizer,
                                    const int32_t *tokens, size_t count,
                                    int32_t skip_special, char **text,
                                    size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require(
        {{"tokenizer", tokenizer}, {"text", text}, {"length", length}}));
    if (count != 0)
      MAMBA_RETURN_IF_ERROR(require({{"tokens", tokens}}));
    MAMBA_ASSIGN_OR_RETURN(
        std::string decoded,
        tokenizer->tokenizer.decode({tokens, count}, skip_special != 0));
    *text =
        static_cast<char *>(copyForCaller(decoded.c_str(), decoded.size() + 1));
    *length = decoded.size();
    return {};
  });
}

mamba_status mamba_decoder_create(const mamba_tokenizer *tokenizer,
                                  int32_t skip_special,
                                  mamba_decoder **decoder) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"tokenizer", tokenizer}, {"decoder", decoder}}));
    *decoder = new mamba_decoder{
        StreamDecoder(tokenizer->tokenizer, skip_special != 0), {}};
    return {};
  });
}

void mamba_decoder_destroy(mamba_decoder *decoder) { delete decoder; }

mamba_status mamba_decoder_push(mamba_decoder *decoder, int32_t token,
                                const char **text, size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"decoder", decoder}, {"text", text}, {"length", length}}));
    MAMBA_ASSIGN_OR_RETURN(decoder->text, decoder->decoder.push(token));
    *text = decoder->text.c_str();
    *length = decoder->text.size();
    return {};
  });
}

mamba_status mamba_decoder_flush(mamba_decoder *decoder, const char **text,
                                 size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"decoder", decoder}, {"text", text}, {"length", length}}));
    decoder->text = decoder->decoder.flush();
    *text = decoder->text.c_str();
    *length = decoder->text.size();
    return {};
  });
}

} // extern "C"
