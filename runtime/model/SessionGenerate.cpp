// The part of a session that goes on by itself: tokens are chosen, appended and
// handed out, on a GPU one step ahead of whoever reads them.
#include "runtime/model/Log.h"
#include "runtime/model/Session.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string_view>
#include <unordered_set>

namespace mamba {

//===----------------------------------------------------------------------===//
// The entry `sample`; FORMAT.md
//===----------------------------------------------------------------------===//

namespace {

enum SampleInput { kIds, kU, kTemperature, kTopK, kTopP, kMinP, kSampleInputs };
enum SampleOutput { kToken, kLargest, kLogits, kSampleOutputs };

bool isTensor(const TensorSpec &tensor, DType dtype, RowKind rows,
              std::vector<int64_t> shape) {
  return tensor.dtype == dtype && tensor.rows == rows && tensor.shape == shape;
}

bool isSampleEntry(const EntrySpec &entry, int64_t vocabSize) {
  if (entry.inputs.size() != kSampleInputs ||
      entry.outputs.size() != kSampleOutputs)
    return false;
  for (SampleInput input : {kU, kTemperature, kTopP, kMinP})
    if (!isTensor(entry.inputs[input], DType::F32, RowKind::S, {1}))
      return false;
  return isTensor(entry.inputs[kIds], DType::I32, RowKind::T, {}) &&
         isTensor(entry.inputs[kTopK], DType::I32, RowKind::S, {}) &&
         isTensor(entry.outputs[kToken], DType::I32, RowKind::S, {}) &&
         isTensor(entry.outputs[kLargest], DType::F32, RowKind::S, {1}) &&
         isTensor(entry.outputs[kLogits], DType::F32, RowKind::S, {vocabSize});
}

} // namespace

Status Session::findSampleEntry() {
  const Manifest &manifest = model_->manifest();
  for (uint32_t i = 0; i < manifest.entries.size(); ++i) {
    const auto &programs = model_->executable().target().programs;
    auto runs = [&](const Program &program) {
      return program.entry == i &&
             program.invariant == options_.batchInvariant;
    };
    if (manifest.entries[i].name != "sample" ||
        std::none_of(programs.begin(), programs.end(), runs))
      continue;
    if (!isSampleEntry(manifest.entries[i], int64_t(vocabSize_)))
      return invalidData("entry 'sample' of pack " +
                         inQuotes(model_->info().pack()->path()) +
                         " has other tensors than FORMAT.md asks for");
    sampleEntry_ = i;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// On the host
//===----------------------------------------------------------------------===//

Status Session::checkGenerate(std::span<const SequenceSampler> sequences) {
  if (!vocabSize_ || !nextEntry_)
    return hasNoModel();
  std::vector<uint32_t> slots;
  std::unordered_set<const Sampler *> samplers;
  for (const SequenceSampler &sequence : sequences) {
    slots.push_back(sequence.slot);
    if (!samplers.insert(sequence.sampler).second)
      return invalidArgument("slot " + std::to_string(sequence.slot) +
                             " has the sampler of another sequence; each needs "
                             "its own");
    if (sequence.sampler->vocabSize() != vocabSize_)
      return invalidArgument(
          "the sampler of slot " + std::to_string(sequence.slot) + " is for " +
          std::to_string(sequence.sampler->vocabSize()) +
          " logits, the model has " + std::to_string(vocabSize_));
  }
  MAMBA_RETURN_IF_ERROR(checkDistinct(slots));
  for (uint32_t slot : slots)
    if (!slots_[slot].hasLogits && !slots_[slot].unfed)
      return notFound("slot " + std::to_string(slot) +
                      " has no pending logits; feed it a token first");
  for (uint32_t slot : slots)
    MAMBA_RETURN_IF_ERROR(checkRoom(slot, 1));
  return {};
}

Status Session::feedUnfed(std::span<const uint32_t> slots) {
  unfed_.clear();
  std::copy_if(slots.begin(), slots.end(), std::back_inserter(unfed_),
               [&](uint32_t slot) { return slots_[slot].unfed.has_value(); });
  for (std::span<const uint32_t> rest = unfed_; !rest.empty();) {
    auto part = rest.first(std::min<size_t>(rest.size(), options_.maxStepTokens));
    rest = rest.subspan(part.size());
    piece_.clear();
    for (uint32_t slot : part) {
      piece_.tokens.push_back(*slots_[slot].unfed);
      piece_.seqStart.push_back(piece_.tokens.size());
      piece_.slot.push_back(int32_t(slot));
      piece_.position.push_back(slots_[slot].position);
      piece_.ends.push_back(1);
    }
    Status ran = runLast();
    if (!hasBegun(ran))
      return ran;
    for (uint32_t slot : part) {
      Slot &fed = slots_[slot];
      fed.broken |= !ran.ok();
      fed.unfed.reset();
      ++fed.position;
      fed.hasLogits = ran.ok();
    }
    MAMBA_RETURN_IF_ERROR(ran);
  }
  return {};
}

/// Into sampled_ and sampling_; a task of its own.
void Session::sample(const SequenceSampler &sequence, uint32_t index) {
  try {
    auto token =
        sequence.sampler->sample({pending(sequence.slot), vocabSize_});
    sampling_[index] = token.status();
    if (token.ok())
      sampled_[index] = *token;
  } catch (const std::bad_alloc &) {
    sampling_[index] = outOfMemory("out of memory"); // Takes none itself.
  }
}

/// One token a sequence from the pending logits; the sequences have them then.
Result<std::span<const int32_t>>
Session::sampleOnHost(std::span<const SequenceSampler> sequences) {
  stepSlots_.clear();
  for (const SequenceSampler &sequence : sequences)
    stepSlots_.push_back(sequence.slot);
  MAMBA_RETURN_IF_ERROR(feedUnfed(stepSlots_));
  sampled_.resize(sequences.size());
  sampling_.resize(sequences.size());
  draws_.clear();
  for (const SequenceSampler &sequence : sequences)
    draws_.push_back(sequence.sampler->draws());
  model_->executable().runOnThreads(
      sequences.size(), [&](uint32_t i) { sample(sequences[i], i); });
  auto failed = std::find_if(sampling_.begin(), sampling_.end(),
                             [](const Status &status) { return !status.ok(); });
  if (failed != sampling_.end()) {
    for (size_t i = 0; i < sequences.size(); ++i)
      sequences[i].sampler->setDraws(draws_[i]);
    uint32_t slot = sequences[size_t(failed - sampling_.begin())].slot;
    return failed->withContext("slot " + std::to_string(slot));
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    Slot &slot = slots_[sequences[i].slot];
    MAMBA_RETURN_IF_ERROR(sequences[i].sampler->accept({&sampled_[i], 1}));
    slot.remember({&sampled_[i], 1});
    slot.unfed = sampled_[i];
    slot.hasLogits = false;
  }
  return std::span<const int32_t>(sampled_);
}

Status
Session::generateOnHost(std::span<const SequenceSampler> sequences,
                        uint64_t count, const OnTokens &onTokens) {
  for (uint64_t i = 0; i < count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(std::span<const int32_t> tokens,
                           sampleOnHost(sequences));
    if (!onTokens(tokens))
      break;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// On the device
//===----------------------------------------------------------------------===//

/// A step feeds each sequence the token that the step before chose, and chooses
/// the next; while the host looks at one step's tokens, the next step runs.
class Session::DeviceSampling {
public:
  DeviceSampling(Session &session, StepQueue &queue,
                 std::span<const SequenceSampler> sequences)
      : session_(session), queue_(queue), sequences_(sequences) {
    seqStart_.push_back(0);
    for (const SequenceSampler &sequence : sequences) {
      seqStart_.push_back(int64_t(seqStart_.size()));
      slots_.push_back(int32_t(sequence.slot));
      positions_.push_back(session.slots_[sequence.slot].position);
    }
    for (Chosen &chosen : chosen_) {
      chosen.tokens.resize(sequences.size());
      chosen.largest.resize(sequences.size());
    }
  }

  /// Nothing is queued any more; where steps may or may not have moved the
  /// states, the slots are not to be used.
  ~DeviceSampling() {
    if (isWhole_)
      return;
    while (waited_ != submitted_ && queue_.wait().ok())
      ++waited_;
    for (const SequenceSampler &sequence : sequences_)
      session_.slots_[sequence.slot].broken = true;
  }

  Status run(uint64_t count, const OnTokens &onTokens);

private:
  /// What a step gives.
  struct Chosen {
    std::vector<int32_t> tokens;
    std::vector<float> largest;
  };
  Status loop(uint64_t count, const OnTokens &onTokens);
  Status submit(const int32_t *tokens, uint64_t ahead);
  Result<std::span<const int32_t>> wait();
  Status takeIn(const Chosen &chosen);
  Status settle();

  Session &session_;
  StepQueue &queue_;
  std::span<const SequenceSampler> sequences_;
  // The batch of all steps.
  std::vector<int64_t> seqStart_, positions_;
  std::vector<int32_t> slots_;
  std::vector<float> u_, temperature_, topP_, minP_;
  std::vector<int32_t> topK_;
  std::array<Chosen, StepQueue::kDepth> chosen_; // by number of the step
  uint64_t submitted_ = 0, waited_ = 0;
  bool isWhole_ = true; // The states are those of the tokens handed out.
};

/// `tokens` null: those that the step before chose. `ahead`: how many choices
/// are made by steps that are still queued.
Status Session::DeviceSampling::submit(const int32_t *tokens, uint64_t ahead) {
  for (auto *values : {&u_, &temperature_, &topP_, &minP_})
    values->clear();
  topK_.clear();
  for (const SequenceSampler &sequence : sequences_) {
    SamplerDraw draw = sequence.sampler->drawFor(ahead);
    u_.push_back(draw.u);
    temperature_.push_back(draw.temperature);
    topK_.push_back(draw.topK);
    topP_.push_back(draw.topP);
    minP_.push_back(draw.minP);
  }
  const void *inputs[kSampleInputs] = {
      tokens,       u_.data(),    temperature_.data(),
      topK_.data(), topP_.data(), minP_.data()};
  Chosen &chosen = chosen_[submitted_ % chosen_.size()];
  void *outputs[kSampleOutputs] = {chosen.tokens.data(), chosen.largest.data(),
                                   nullptr};
  Batch batch{seqStart_, slots_, positions_};
  std::optional<uint32_t> carried;
  if (!tokens)
    carried = kToken;
  isWhole_ = false;
  MAMBA_RETURN_IF_ERROR(queue_.submit({*session_.sampleEntry_, batch,
                                       session_.options_.batchInvariant, inputs,
                                       outputs, carried}));
  ++submitted_;
  for (int64_t &position : positions_)
    ++position;
  return {};
}

/// The oldest step is done: its sequences hold what they were fed.
Result<std::span<const int32_t>> Session::DeviceSampling::wait() {
  MAMBA_RETURN_IF_ERROR(queue_.wait());
  const Chosen &chosen = chosen_[waited_++ % chosen_.size()];
  for (size_t i = 0; i < sequences_.size(); ++i) {
    Slot &slot = session_.slots_[sequences_[i].slot];
    slot.unfed.reset();
    ++slot.position;
  }
  return std::span<const int32_t>(chosen.tokens);
}

/// The sequences have the tokens that a step chose.
Status Session::DeviceSampling::takeIn(const Chosen &chosen) {
  for (size_t i = 0; i < sequences_.size(); ++i)
    if (!std::isfinite(chosen.largest[i]))
      return invalidData("the logits of slot " +
                         std::to_string(sequences_[i].slot) +
                         (std::isnan(chosen.largest[i]) ? " have a NaN"
                          : chosen.largest[i] > 0       ? " are infinite"
                                                  : " are all -infinity") +
                         "; the weights may be damaged");
  for (size_t i = 0; i < sequences_.size(); ++i) {
    std::span<const int32_t> token(&chosen.tokens[i], 1);
    Slot &slot = session_.slots_[sequences_[i].slot];
    sequences_[i].sampler->countDraw();
    MAMBA_RETURN_IF_ERROR(sequences_[i].sampler->accept(token));
    slot.remember(token);
    slot.unfed = token[0];
  }
  return {};
}

Status Session::DeviceSampling::loop(uint64_t count, const OnTokens &onTokens) {
  MAMBA_ASSIGN_OR_RETURN(std::span<const int32_t> first,
                         session_.sampleOnHost(sequences_));
  for (size_t i = 0; i < sequences_.size(); ++i)
    positions_[i] = session_.slots_[sequences_[i].slot].position;
  Status queued = count > 1 ? submit(first.data(), 0) : Status();
  bool goesOn = onTokens(first); // They were chosen, whatever comes.
  MAMBA_RETURN_IF_ERROR(queued);
  // The step that is queued feeds the tokens handed out last.
  for (uint64_t given = 1; goesOn && given < count; ++given) {
    if (given + 1 < count)
      MAMBA_RETURN_IF_ERROR(submit(nullptr, 1));
    const Chosen &chosen = chosen_[waited_ % chosen_.size()];
    MAMBA_ASSIGN_OR_RETURN(std::span<const int32_t> tokens, wait());
    MAMBA_RETURN_IF_ERROR(takeIn(chosen));
    goesOn = onTokens(tokens);
  }
  return {};
}

/// A step that is still queued is part of the sequences; what it chose is not.
Status Session::DeviceSampling::settle() {
  if (waited_ == submitted_)
    return {};
  MAMBA_RETURN_IF_ERROR(wait().status());
  size_t vocab = session_.vocabSize_;
  std::vector<float> &rows = session_.rows_;
  rows.resize(sequences_.size() * vocab);
  MAMBA_RETURN_IF_ERROR(queue_.fetch(kLogits, rows.data()));
  for (size_t i = 0; i < sequences_.size(); ++i) {
    uint32_t slot = sequences_[i].slot;
    std::copy_n(rows.data() + i * vocab, vocab, session_.pending(slot));
    session_.slots_[slot].hasLogits = true;
  }
  return {};
}

Status Session::DeviceSampling::run(uint64_t count, const OnTokens &onTokens) {
  Status status = loop(count, onTokens);
  if (!status.ok() && hasBegun(status))
    return status;
  Status settled = settle();
  isWhole_ = settled.ok();
  return status.ok() ? settled : status;
}

//===----------------------------------------------------------------------===//
// Either
//===----------------------------------------------------------------------===//

const char *Session::whyOnHost(
    std::span<const SequenceSampler> sequences) const {
  const ModelSpec &model = *model_->manifest().model;
  uint64_t valid = model.validVocabSize ? model.validVocabSize : vocabSize_;
  if (!sampleEntry_)
    return "the pack has no entry 'sample' for this target";
  if (sequences.size() > options_.maxStepTokens)
    return "there are more sequences than tokens in a step";
  for (const SequenceSampler &sequence : sequences) {
    if (sequence.sampler->needsHistory())
      return "a repetition penalty needs the text so far";
    if (sequence.sampler->validVocabSize() != valid)
      return "the sampler chooses among other tokens than the pack's kernels";
  }
  return nullptr;
}

Status Session::generate(std::span<const SequenceSampler> sequences,
                         uint64_t count, const OnTokens &onTokens) {
  MAMBA_RETURN_IF_ERROR(checkIdle());
  MAMBA_RETURN_IF_ERROR(checkGenerate(sequences));
  if (sequences.empty() || count == 0)
    return {};
  for (const SequenceSampler &sequence : sequences)
    count = std::min(count, room(sequence.slot));
  struct Busy {
    bool &flag;
    explicit Busy(bool &flag) : flag(flag) { flag = true; }
    ~Busy() { flag = false; }
  } busy(isGenerating_);
  // A processor's logits are the host's already, and float64 is exact there.
  if (model_->executable().target().device != "cuda")
    return generateOnHost(sequences, count, onTokens);
  if (const char *why = whyOnHost(sequences)) {
    logMessage(LogLevel::Warning,
               std::string("tokens are chosen on the host, which is slower: ") +
                   why);
    return generateOnHost(sequences, count, onTokens);
  }
  StepQueue *queue = context_->queue();
  if (!queue)
    queue = hostQueue_ ? &*hostQueue_
                       : &hostQueue_.emplace(*context_, model_->manifest());
  return DeviceSampling(*this, *queue, sequences).run(count, onTokens);
}

} // namespace mamba
