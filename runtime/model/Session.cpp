#include "runtime/model/Session.h"
#include "runtime/model/Softmax.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace mamba {

void Session::Slot::remember(std::span<const int32_t> tokens) {
  if (tokens.size() > kRecentTokens)
    tokens = tokens.last(kRecentTokens);
  size_t keep = std::min(recentCount, kRecentTokens - tokens.size());
  std::copy(recent.begin() + (recentCount - keep), recent.begin() + recentCount,
            recent.begin());
  std::copy(tokens.begin(), tokens.end(), recent.begin() + keep);
  recentCount = keep + tokens.size();
}

void Session::Piece::clear() {
  sequence.clear();
  ends.clear();
  seqStart.assign(1, 0);
  slot.clear();
  position.clear();
  tokens.clear();
}

Result<std::unique_ptr<Session>> Session::create(std::shared_ptr<Model> model,
                                                 SessionOptions options) {
  if (options.slots == 0 || options.slots > kMaxSlots)
    return invalidArgument("slots must be from 1 to " +
                           std::to_string(kMaxSlots) + ", got " +
                           std::to_string(options.slots));
  if (options.maxStepTokens == 0)
    return invalidArgument("tokens a step must be at least 1");
  if (!model->ready())
    return invalidArgument("the weights are not loaded");
  if (options.batchInvariant) {
    const auto &programs = model->executable().target().programs;
    if (std::none_of(programs.begin(), programs.end(),
                     [](const Program &p) { return p.invariant; }))
      return unavailable("pack " + inQuotes(model->info().pack()->path()) +
                         " has no batch-invariant programs; build it with "
                         "--batch-invariant");
  }

  std::unique_ptr<Session> session(new Session);
  session->model_ = std::move(model);
  session->options_ = options;
  MAMBA_RETURN_IF_ERROR(session->findModelEntries());
  MAMBA_ASSIGN_OR_RETURN(
      session->context_,
      session->model_->executable().createContext(options.slots));
  session->slots_.resize(options.slots);
  // Untouched pages of unused slots cost nothing.
  auto count = checkedMul(options.slots, session->vocabSize_);
  if (!count || *count > std::numeric_limits<uint64_t>::max() / sizeof(float))
    return outOfMemory("logits of " + std::to_string(options.slots) +
                       " slots do not fit into memory");
  session->pendingLogits_.reset(new float[*count]);
  return session;
}

/// Finds and checks the entries `next` and `logits` of a model.
Status Session::findModelEntries() {
  const Manifest &manifest = model_->manifest();
  if (!manifest.model)
    return {};
  vocabSize_ = manifest.model->vocabSize;
  auto check = [&](const char *name, RowKind rows,
                   std::optional<uint32_t> &index) -> Status {
    for (uint32_t i = 0; i < manifest.entries.size(); ++i) {
      const EntrySpec &entry = manifest.entries[i];
      if (entry.name != name)
        continue;
      bool fits =
          entry.inputs.size() == 1 && entry.outputs.size() == 1 &&
          entry.inputs[0].dtype == DType::I32 &&
          entry.inputs[0].rows == RowKind::T && entry.inputs[0].shape.empty() &&
          entry.outputs[0].dtype == DType::F32 &&
          entry.outputs[0].rows == rows &&
          entry.outputs[0].shape == std::vector<int64_t>{int64_t(vocabSize_)};
      if (!fits)
        return invalidData("entry " + inQuotes(name) + " of pack " +
                           inQuotes(model_->info().pack()->path()) +
                           " must take token ids I32 and give logits F32 [" +
                           std::to_string(vocabSize_) + "]");
      index = i;
    }
    return {};
  };
  MAMBA_RETURN_IF_ERROR(check("next", RowKind::S, nextEntry_));
  MAMBA_RETURN_IF_ERROR(check("logits", RowKind::T, logitsEntry_));
  return findSampleEntry();
}

Status Session::hasNoModel() const {
  return unavailable("pack " + inQuotes(model_->info().pack()->path()) +
                     " has no entry 'next': it holds no whole model");
}

Status Session::checkSlot(uint32_t slot) const {
  if (slot >= slots_.size())
    return invalidArgument("slot " + std::to_string(slot) +
                           " is out of range: the session has " +
                           std::to_string(slots_.size()));
  return {};
}

/// For what would change a slot: a generation is not under way.
Status Session::checkIdle() const {
  if (isGenerating_)
    return invalidArgument("the session is generating; what it is called with "
                           "may only look at positions and tokens");
  return {};
}

Status Session::checkIdle(uint32_t slot) const {
  MAMBA_RETURN_IF_ERROR(checkSlot(slot));
  return checkIdle();
}

Status Session::checkUsable(uint32_t slot) const {
  MAMBA_RETURN_IF_ERROR(checkIdle(slot));
  if (slots_[slot].broken)
    return invalidArgument("slot " + std::to_string(slot) +
                           " is unusable since a step failed in it; clear it");
  return {};
}

uint64_t Session::room(uint32_t slot) const {
  return kMaxPosition - slots_[slot].position - slots_[slot].unfed.has_value();
}

Status Session::checkRoom(uint32_t slot, uint64_t count) const {
  if (count <= room(slot))
    return {};
  return invalidArgument("slot " + text(slot) + " has room for " + text(room(slot)) +
                         " more tokens, got " + text(count) + "; a sequence has at most " +
                         text(kMaxPosition));
}

Status Session::checkDistinct(std::span<const uint32_t> slots) {
  ++checks_;
  for (uint32_t slot : slots) {
    MAMBA_RETURN_IF_ERROR(checkUsable(slot));
    if (slots_[slot].check == checks_)
      return invalidArgument("slot " + std::to_string(slot) +
                             " occurs twice in one step");
    slots_[slot].check = checks_;
  }
  return {};
}

Status Session::checkToken(int64_t token, uint64_t bound,
                           const std::string &what) const {
  if (token >= 0 && uint64_t(token) < bound)
    return {};
  return invalidArgument(what + " is " + std::to_string(token) +
                         ", must be from 0 to " + std::to_string(bound - 1));
}

Status Session::checkStep(std::span<const SequenceTokens> sequences,
                          WantLogits want, std::span<float> logits) {
  MAMBA_RETURN_IF_ERROR(checkIdle());
  if (!vocabSize_ || !nextEntry_)
    return hasNoModel();
  if (want == WantLogits::All && !logitsEntry_)
    return unavailable("pack " + inQuotes(model_->info().pack()->path()) +
                       " has no entry 'logits'");

  stepSlots_.clear();
  uint64_t tokens = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    stepSlots_.push_back(sequences[s].slot);
    tokens += sequences[s].tokens.size();
    for (size_t i = 0; i < sequences[s].tokens.size(); ++i)
      if (int32_t token = sequences[s].tokens[i];
          token < 0 || uint64_t(token) >= vocabSize_)
        return checkToken(token, vocabSize_,
                          "token " + std::to_string(i) + " of sequence " +
                              std::to_string(s));
  }
  MAMBA_RETURN_IF_ERROR(checkDistinct(stepSlots_));
  for (const SequenceTokens &sequence : sequences)
    MAMBA_RETURN_IF_ERROR(checkRoom(sequence.slot, sequence.tokens.size()));
  uint64_t rows = want == WantLogits::All    ? tokens
                  : want == WantLogits::Last ? sequences.size()
                                             : 0;
  if (checkedMul(rows, vocabSize_) != logits.size())
    return invalidArgument("expected room for " + std::to_string(rows) + " x " +
                           std::to_string(vocabSize_) + " logits, got " +
                           std::to_string(logits.size()));
  return {};
}

/// Fills piece_ with tokens from (sequence, offset) on and moves that mark.
void Session::cutPiece(std::span<const SequenceTokens> sequences,
                       size_t &sequence, size_t &offset) {
  piece_.clear();
  while (sequence < sequences.size() &&
         piece_.tokens.size() < options_.maxStepTokens) {
    auto rest = sequences[sequence].tokens.subspan(offset);
    size_t take = std::min<size_t>(rest.size(), options_.maxStepTokens -
                                                    piece_.tokens.size());
    if (take != 0) {
      uint32_t slot = sequences[sequence].slot;
      piece_.tokens.insert(piece_.tokens.end(), rest.begin(),
                           rest.begin() + take);
      piece_.seqStart.push_back(piece_.tokens.size());
      piece_.slot.push_back(slot);
      piece_.position.push_back(slots_[slot].position);
      piece_.sequence.push_back(sequence);
      piece_.ends.push_back(take == rest.size());
    }
    offset += take;
    if (take == rest.size()) {
      ++sequence;
      offset = 0;
    }
  }
}

Status Session::run(uint32_t entry, std::span<const void *const> inputs,
                    std::span<void *const> outputs) {
  Batch batch{piece_.seqStart, piece_.slot, piece_.position};
  try {
    return context_->run(entry, batch, options_.batchInvariant, inputs,
                         outputs);
  } catch (const std::bad_alloc &) {
    // Nobody knows whether it has begun.
    return unavailable("out of memory"); // Takes none itself.
  }
}

/// Runs the entry `next` over piece_; logits of sequences that end in it become
/// pending.
Status Session::runLast() {
  const void *inputs[] = {piece_.tokens.data()};
  bool anyEnds = std::count(piece_.ends.begin(), piece_.ends.end(), 1) != 0;
  // Neighbouring slots in order: their pending rows are the output as it is.
  bool direct = anyEnds;
  for (size_t i = 1; i < piece_.slot.size(); ++i)
    direct &= piece_.slot[i] == piece_.slot[i - 1] + 1;
  float *out = nullptr;
  if (direct) {
    out = pending(piece_.slot[0]);
  } else if (anyEnds) {
    rows_.resize(piece_.slot.size() * vocabSize_);
    out = rows_.data();
  }
  void *outputs[] = {out};
  MAMBA_RETURN_IF_ERROR(run(*nextEntry_, inputs, outputs));
  if (out && !direct)
    for (size_t i = 0; i < piece_.slot.size(); ++i)
      if (piece_.ends[i])
        std::memcpy(pending(piece_.slot[i]), out + i * vocabSize_,
                    vocabSize_ * sizeof(float));
  return {};
}

/// Runs the entry `logits` over piece_ into `rows` [tokens of the piece, V].
Status Session::runAll(float *rows) {
  const void *inputs[] = {piece_.tokens.data()};
  void *outputs[] = {rows};
  MAMBA_RETURN_IF_ERROR(run(*logitsEntry_, inputs, outputs));
  for (size_t i = 0; i < piece_.slot.size(); ++i)
    if (piece_.ends[i])
      std::memcpy(pending(piece_.slot[i]),
                  rows + (piece_.seqStart[i + 1] - 1) * vocabSize_,
                  vocabSize_ * sizeof(float));
  return {};
}

/// Moves the slots of piece_ on.
void Session::finishPiece(std::span<const SequenceTokens> sequences) {
  for (size_t i = 0; i < piece_.slot.size(); ++i) {
    Slot &slot = slots_[piece_.slot[i]];
    auto tokens = std::span<const int32_t>(piece_.tokens)
                      .subspan(piece_.seqStart[i],
                               piece_.seqStart[i + 1] - piece_.seqStart[i]);
    slot.position += tokens.size();
    slot.hasLogits = piece_.ends[i];
    slot.remember(tokens);
  }
}

Status Session::step(std::span<const SequenceTokens> sequences, WantLogits want,
                     std::span<float> logits) {
  MAMBA_RETURN_IF_ERROR(checkStep(sequences, want, logits));
  stepSlots_.clear();
  for (const SequenceTokens &sequence : sequences)
    if (!sequence.tokens.empty())
      stepSlots_.push_back(sequence.slot);
  MAMBA_RETURN_IF_ERROR(feedUnfed(stepSlots_));
  float *rows = logits.data();
  size_t sequence = 0, offset = 0;
  while (true) {
    cutPiece(sequences, sequence, offset);
    if (piece_.tokens.empty())
      break;
    Status ran = want == WantLogits::All ? runAll(rows) : runLast();
    if (!ran.ok()) {
      for (const SequenceTokens &s : sequences)
        slots_[s.slot].broken |= !s.tokens.empty() && hasBegun(ran);
      return ran;
    }
    finishPiece(sequences);
    if (want == WantLogits::All)
      rows += piece_.tokens.size() * vocabSize_;
  }
  if (want == WantLogits::Last)
    for (const SequenceTokens &s : sequences) {
      if (s.tokens.empty())
        std::fill_n(rows, vocabSize_, 0.0f);
      else
        std::memcpy(rows, pending(s.slot), vocabSize_ * sizeof(float));
      rows += vocabSize_;
    }
  return {};
}

Result<Score> Session::score(uint32_t slot, std::span<const int32_t> tokens) {
  MAMBA_RETURN_IF_ERROR(checkUsable(slot));
  MAMBA_ASSIGN_OR_RETURN(uint64_t valid, model_->info().validVocabSize());
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || uint64_t(tokens[i]) >= valid)
      return checkToken(tokens[i], valid, "token " + std::to_string(i));

  Score score;
  size_t done = 0;
  auto add = [&](const float *logits, size_t token) -> Status {
    auto nll = negativeLogLikelihood({logits, valid}, tokens[token]);
    if (!nll.ok())
      return nll.status().withContext("predicting token " +
                                      std::to_string(token));
    score.nll += *nll;
    ++score.predicted;
    return {};
  };
  MAMBA_RETURN_IF_ERROR(feedUnfed({&slot, 1}));
  std::vector<float> logits;
  while (done < tokens.size()) {
    if (slots_[slot].hasLogits)
      MAMBA_RETURN_IF_ERROR(add(pending(slot), done));
    size_t count =
        std::min<size_t>(tokens.size() - done, options_.maxStepTokens);
    logits.resize(count * vocabSize_);
    SequenceTokens sequence{slot, tokens.subspan(done, count)};
    MAMBA_RETURN_IF_ERROR(step({&sequence, 1}, WantLogits::All, logits));
    for (size_t i = 0; i + 1 < count; ++i)
      MAMBA_RETURN_IF_ERROR(add(logits.data() + i * vocabSize_, done + i + 1));
    done += count;
  }
  return score;
}

Status Session::call(uint32_t entry, std::span<const uint32_t> slots,
                     std::span<const int64_t> lengths,
                     std::span<const std::span<const uint8_t>> inputs,
                     std::span<const std::span<uint8_t>> outputs) {
  MAMBA_RETURN_IF_ERROR(checkIdle());
  const Manifest &manifest = model_->manifest();
  if (entry >= manifest.entries.size())
    return invalidArgument("entry " + std::to_string(entry) +
                           " is out of range: the pack has " +
                           std::to_string(manifest.entries.size()));
  const EntrySpec &spec = manifest.entries[entry];
  MAMBA_RETURN_IF_ERROR(checkDistinct(slots));
  MAMBA_RETURN_IF_ERROR(feedUnfed(slots));
  piece_.clear();
  for (size_t s = 0; s < slots.size(); ++s) {
    int64_t end;
    if (lengths[s] < 0 ||
        __builtin_add_overflow(piece_.seqStart.back(), lengths[s], &end))
      return invalidArgument("length of sequence " + std::to_string(s) +
                             " is " + std::to_string(lengths[s]));
    MAMBA_RETURN_IF_ERROR(checkRoom(slots[s], uint64_t(lengths[s])));
    piece_.seqStart.push_back(end);
    piece_.slot.push_back(slots[s]);
    piece_.position.push_back(slots_[slots[s]].position);
  }
  Batch batch{piece_.seqStart, piece_.slot, piece_.position};

  auto checkSize = [&](const TensorSpec &tensor, uint64_t got) -> Status {
    auto row = tensorBytes(tensor.dtype, tensor.shape);
    uint64_t rows = RowCount{tensor.rows}.of(batch.tokens(), slots.size());
    auto bytes = row ? checkedMul(*row, rows) : std::nullopt;
    if (bytes == got)
      return {};
    return invalidArgument("tensor " + inQuotes(tensor.name) + " of entry " +
                           inQuotes(spec.name) + " must have " +
                           (bytes ? std::to_string(*bytes) : "too many") +
                           " bytes, got " + std::to_string(got));
  };
  if (inputs.size() != spec.inputs.size() ||
      outputs.size() != spec.outputs.size())
    return invalidArgument("entry " + inQuotes(spec.name) + " has " +
                           std::to_string(spec.inputs.size()) + " inputs and " +
                           std::to_string(spec.outputs.size()) +
                           " outputs, got " + std::to_string(inputs.size()) +
                           " and " + std::to_string(outputs.size()));
  std::vector<const void *> in;
  std::vector<void *> out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorSpec &tensor = spec.inputs[i];
    MAMBA_RETURN_IF_ERROR(checkSize(tensor, inputs[i].size()));
    in.push_back(inputs[i].data());
    // They index a table: no kernel checks them.
    if (tensor.below != 0)
      for (uint64_t t = 0; t < inputs[i].size() / sizeof(int32_t);
           ++t) {
        int32_t token;
        std::memcpy(&token, inputs[i].data() + t * sizeof(token),
                    sizeof(token));
        if (token < 0 || uint64_t(token) >= tensor.below)
          return checkToken(token, tensor.below,
                            "row " + std::to_string(t) + " of " +
                                inQuotes(tensor.name));
      }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].data())
      MAMBA_RETURN_IF_ERROR(checkSize(spec.outputs[i], outputs[i].size()));
    out.push_back(outputs[i].data());
  }

  Status ran = run(entry, in, out);
  if (!hasBegun(ran))
    return ran;
  for (size_t s = 0; s < slots.size(); ++s) {
    Slot &slot = slots_[slots[s]];
    slot.broken |= !ran.ok();
    slot.position += lengths[s];
    slot.hasLogits &= lengths[s] == 0;
    if (lengths[s] != 0)
      slot.recentCount = 0; // We do not know what the rows were.
  }
  return ran;
}

Result<std::span<const float>> Session::logits(uint32_t slot) {
  MAMBA_RETURN_IF_ERROR(checkUsable(slot));
  MAMBA_RETURN_IF_ERROR(feedUnfed({&slot, 1}));
  if (!slots_[slot].hasLogits)
    return notFound("slot " + std::to_string(slot) +
                    " has no pending logits; feed it a token first");
  return std::span<const float>(pending(slot), vocabSize_);
}

Result<int64_t> Session::position(uint32_t slot) const {
  MAMBA_RETURN_IF_ERROR(checkSlot(slot));
  return slots_[slot].position + slots_[slot].unfed.has_value();
}

Result<std::span<const int32_t>> Session::recent(uint32_t slot) const {
  MAMBA_RETURN_IF_ERROR(checkSlot(slot));
  return std::span<const int32_t>(slots_[slot].recent)
      .first(slots_[slot].recentCount);
}

} // namespace mamba
