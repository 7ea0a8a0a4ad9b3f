// mamba_session_*: sequences with their states, in memory and on disk.
#include "runtime/model/Api.h"
#include "runtime/model/StateFile.h"

using namespace mamba;
using namespace mamba::api;

namespace {

/// Arrays of C as spans; null is right only for none.
template <typename T>
Result<std::span<T>> spanOf(const char *name, T *data, size_t count) {
  if (count != 0)
    MAMBA_RETURN_IF_ERROR(require({{name, data}}));
  return std::span<T>(data, count);
}

/// For as long as it lives, nobody else changes these samplers.
class Generating {
public:
  explicit Generating(std::span<mamba_sampler *const> samplers)
      : samplers_(samplers) {
    mark(true);
  }
  ~Generating() { mark(false); }
  Generating(const Generating &) = delete;
  Generating &operator=(const Generating &) = delete;

private:
  void mark(bool isGenerating) {
    for (mamba_sampler *sampler : samplers_)
      sampler->isGenerating = isGenerating;
  }
  std::span<mamba_sampler *const> samplers_; // Borrowed.
};

} // namespace

extern "C" {

mamba_status mamba_session_create(mamba_model *model,
                                  const mamba_session_options *options,
                                  mamba_session **session) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}, {"session", session}}));
    mamba_session_options taken{};
    MAMBA_RETURN_IF_ERROR(takeStruct("options", options, taken));
    SessionOptions wanted;
    wanted.slots = taken.slots ? taken.slots : 1;
    bool isGpu = model->model->executable().device() == std::string_view("cuda");
    wanted.maxStepTokens = taken.max_step_tokens ? taken.max_step_tokens
                           : isGpu               ? kGpuStepTokens
                                                 : kDefaultStepTokens;
    wanted.batchInvariant = taken.batch_invariant != 0;
    MAMBA_ASSIGN_OR_RETURN(auto created, Session::create(model->model, wanted));
    *session = new mamba_session{std::move(created), {}};
    return {};
  });
}

void mamba_session_destroy(mamba_session *session) { delete session; }

uint32_t mamba_session_step_tokens(const mamba_session *session) {
  return session ? uint32_t(session->session->options().maxStepTokens) : 0;
}

mamba_status mamba_session_step(mamba_session *session,
                                const mamba_sequence *sequences,
                                size_t sequence_count, mamba_want want,
                                float *logits, size_t logit_count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}}));
    MAMBA_ASSIGN_OR_RETURN(auto given,
                           spanOf("sequences", sequences, sequence_count));
    MAMBA_ASSIGN_OR_RETURN(auto rows, spanOf("logits", logits, logit_count));
    if (want != MAMBA_WANT_NONE && want != MAMBA_WANT_LAST &&
        want != MAMBA_WANT_ALL)
      return invalidArgument("unknown want " + std::to_string(want));
    std::vector<SequenceTokens> &batch = session->batch;
    batch.clear();
    for (const mamba_sequence &sequence : given) {
      MAMBA_ASSIGN_OR_RETURN(auto tokens,
                             spanOf("tokens", sequence.tokens, sequence.count));
      batch.push_back({sequence.slot, tokens});
    }
    return session->session->step(batch, static_cast<WantLogits>(want), rows);
  });
}

mamba_status mamba_session_generate(mamba_session *session,
                                    const uint32_t *slots,
                                    mamba_sampler *const *samplers,
                                    size_t count, uint64_t max_tokens,
                                    mamba_tokens_fn on_tokens, void *user) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session},
                 {"on_tokens", reinterpret_cast<const void *>(on_tokens)}}));
    MAMBA_ASSIGN_OR_RETURN(auto slotSpan, spanOf("slots", slots, count));
    MAMBA_ASSIGN_OR_RETURN(auto given, spanOf("samplers", samplers, count));
    std::vector<SequenceSampler> sequences;
    for (size_t i = 0; i < count; ++i) {
      MAMBA_RETURN_IF_ERROR(require({{"samplers", given[i]}}));
      MAMBA_RETURN_IF_ERROR(checkIdle(given[i]));
      sequences.push_back({slotSpan[i], &given[i]->sampler});
    }
    Generating generating(given);
    return session->session->generate(
        sequences, max_tokens, [&](std::span<const int32_t> tokens) {
          return on_tokens(user, tokens.data(), tokens.size()) != 0;
        });
  });
}

mamba_status mamba_session_logits(mamba_session *session, uint32_t slot,
                                  const float **logits, size_t *count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session}, {"logits", logits}, {"count", count}}));
    MAMBA_ASSIGN_OR_RETURN(auto found, session->session->logits(slot));
    *logits = found.data();
    *count = found.size();
    return {};
  });
}

mamba_status mamba_session_score(mamba_session *session, uint32_t slot,
                                 const int32_t *tokens, size_t count,
                                 double *nll, size_t *predicted) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require(
        {{"session", session}, {"nll", nll}, {"predicted", predicted}}));
    MAMBA_ASSIGN_OR_RETURN(auto given, spanOf("tokens", tokens, count));
    MAMBA_ASSIGN_OR_RETURN(Score score, session->session->score(slot, given));
    *nll = score.nll;
    *predicted = score.predicted;
    return {};
  });
}

mamba_status mamba_session_position(const mamba_session *session, uint32_t slot,
                                    int64_t *position) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session}, {"position", position}}));
    MAMBA_ASSIGN_OR_RETURN(*position, session->session->position(slot));
    return {};
  });
}

mamba_status mamba_session_recent(const mamba_session *session, uint32_t slot,
                                  const int32_t **tokens, size_t *count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session}, {"tokens", tokens}, {"count", count}}));
    MAMBA_ASSIGN_OR_RETURN(auto recent, session->session->recent(slot));
    *tokens = recent.data();
    *count = recent.size();
    return {};
  });
}

mamba_status mamba_session_clear(mamba_session *session, uint32_t slot) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}}));
    return session->session->clear(slot);
  });
}

mamba_status mamba_session_copy(mamba_session *session, uint32_t from,
                                uint32_t to) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}}));
    return session->session->copy(from, to);
  });
}

mamba_status mamba_session_read_state(mamba_session *session,
                                      uint32_t slot, const char *state_id,
                                      void *to, size_t bytes) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session}, {"state_id", state_id}, {"to", to}}));
    return session->session->readState(slot, state_id,
                                       {static_cast<uint8_t *>(to), bytes});
  });
}

mamba_status mamba_session_write_state(mamba_session *session, uint32_t slot,
                                       const char *state_id, const void *from,
                                       size_t bytes) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require(
        {{"session", session}, {"state_id", state_id}, {"from", from}}));
    return session->session->writeState(
        slot, state_id, {static_cast<const uint8_t *>(from), bytes});
  });
}

mamba_status
mamba_session_call(mamba_session *session, size_t entry, const uint32_t *slots,
                   const int64_t *lengths, size_t sequence_count,
                   const void *const *inputs, const size_t *input_bytes,
                   size_t input_count, void *const *outputs,
                   const size_t *output_bytes, size_t output_count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}}));
    MAMBA_ASSIGN_OR_RETURN(auto slotSpan,
                           spanOf("slots", slots, sequence_count));
    MAMBA_ASSIGN_OR_RETURN(auto lengthSpan,
                           spanOf("lengths", lengths, sequence_count));
    if (input_count != 0)
      MAMBA_RETURN_IF_ERROR(
          require({{"inputs", inputs}, {"input_bytes", input_bytes}}));
    if (output_count != 0)
      MAMBA_RETURN_IF_ERROR(
          require({{"outputs", outputs}, {"output_bytes", output_bytes}}));
    std::vector<std::span<const uint8_t>> in;
    std::vector<std::span<uint8_t>> out;
    for (size_t i = 0; i < input_count; ++i) {
      MAMBA_ASSIGN_OR_RETURN(
          auto bytes, spanOf("inputs", static_cast<const uint8_t *>(inputs[i]),
                             input_bytes[i]));
      in.push_back(bytes);
    }
    for (size_t i = 0; i < output_count; ++i)
      out.emplace_back(static_cast<uint8_t *>(outputs[i]),
                       outputs[i] ? output_bytes[i] : 0);
    if (entry > std::numeric_limits<uint32_t>::max())
      return invalidArgument("entry " + std::to_string(entry) +
                             " is out of range");
    return session->session->call(static_cast<uint32_t>(entry), slotSpan,
                                  lengthSpan, in, out);
  });
}

mamba_status mamba_session_save(mamba_session *session, uint32_t slot,
                                const mamba_sampler *sampler,
                                const char *path) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}, {"path", path}}));
    return saveState(*session->session, slot,
                     sampler ? &sampler->sampler : nullptr, path);
  });
}

mamba_status mamba_session_load(mamba_session *session, uint32_t slot,
                                mamba_sampler *sampler, const char *path) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}, {"path", path}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    return loadState(*session->session, slot,
                     sampler ? &sampler->sampler : nullptr, path);
  });
}

mamba_status mamba_session_save_memory(mamba_session *session, uint32_t slot,
                                       const mamba_sampler *sampler,
                                       void **data, size_t *size) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"session", session}, {"data", data}, {"size", size}}));
    MAMBA_ASSIGN_OR_RETURN(
        std::string bytes,
        stateToBytes(*session->session, slot,
                     sampler ? &sampler->sampler : nullptr));
    *data = copyForCaller(bytes.data(), bytes.size());
    *size = bytes.size();
    return {};
  });
}

mamba_status mamba_session_load_memory(mamba_session *session, uint32_t slot,
                                       mamba_sampler *sampler, const void *data,
                                       size_t size) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"session", session}, {"data", data}}));
    MAMBA_RETURN_IF_ERROR(checkIdle(sampler));
    return stateFromBytes(*session->session, slot,
                          sampler ? &sampler->sampler : nullptr,
                          {static_cast<const uint8_t *>(data), size});
  });
}

} // extern "C"
