#include "runtime/model/Sampler.h"
#include "runtime/model/Random.h"
#include "runtime/model/Softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace mamba {

namespace {

Status outOfRange(const char *name, const char *range, double value) {
  std::ostringstream message;
  message << name << " must be " << range << ", got " << value;
  return invalidArgument(message.str());
}

} // namespace

Status SamplerOptions::validate() const {
  // Written so that NaN fails each.
  if (!(repetitionPenalty > 0 && std::isfinite(repetitionPenalty)))
    return outOfRange("repetition penalty", "above 0 and finite",
                      repetitionPenalty);
  if (!(temperature >= 0 && std::isfinite(temperature)))
    return outOfRange("temperature", "at least 0 and finite", temperature);
  if (!(topP > 0 && topP <= 1))
    return outOfRange("top-p", "above 0 and at most 1", topP);
  if (!(minP >= 0 && minP <= 1))
    return outOfRange("min-p", "between 0 and 1", minP);
  return {};
}

Result<Sampler> Sampler::create(uint64_t vocabSize, uint64_t validVocabSize,
                                const SamplerOptions &options) {
  MAMBA_RETURN_IF_ERROR(options.validate());
  if (vocabSize == 0 || vocabSize > std::numeric_limits<int32_t>::max())
    return invalidArgument(
        "vocabulary size must be from 1 to 2147483647, got " +
        std::to_string(vocabSize));
  if (validVocabSize == 0 || validVocabSize > vocabSize)
    return invalidArgument("valid vocabulary size must be from 1 to " +
                           std::to_string(vocabSize) + ", got " +
                           std::to_string(validVocabSize));
  Sampler sampler;
  sampler.options_ = options;
  sampler.validVocabSize_ = validVocabSize;
  sampler.counts_.resize(vocabSize);
  return sampler;
}

Status Sampler::setOptions(const SamplerOptions &options) {
  MAMBA_RETURN_IF_ERROR(options.validate());
  if (options.seed != options_.seed)
    draws_ = 0;
  options_ = options;
  return {};
}

Status Sampler::accept(std::span<const int32_t> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || uint64_t(tokens[i]) >= counts_.size())
      return invalidArgument(
          "token " + std::to_string(i) + " is " + std::to_string(tokens[i]) +
          ", must be from 0 to " + std::to_string(counts_.size() - 1));
  for (int32_t token : tokens)
    if (counts_[token]++ == 0)
      seen_.push_back(token);
  return {};
}

void Sampler::reset() {
  for (int32_t token : seen_)
    counts_[token] = 0;
  seen_.clear();
  draws_ = 0;
}

/// Fills scores_: logits of the valid tokens after the repetition penalty.
Status Sampler::scoreTokens(std::span<const float> logits) {
  if (logits.size() != counts_.size())
    return invalidArgument("expected " + std::to_string(counts_.size()) +
                           " logits, got " + std::to_string(logits.size()));
  auto valid = logits.first(validVocabSize_);
  MAMBA_RETURN_IF_ERROR(checkLogits(valid));
  scores_.assign(valid.begin(), valid.end());
  if (options_.repetitionPenalty != 1)
    for (int32_t token : seen_) {
      if (uint64_t(token) >= validVocabSize_)
        continue;
      double &score = scores_[token];
      score = score > 0 ? score / options_.repetitionPenalty
                        : score * options_.repetitionPenalty;
    }
  return {};
}

Result<int32_t> Sampler::sample(std::span<const float> logits) {
  MAMBA_RETURN_IF_ERROR(scoreTokens(logits));
  // The first of the largest: of equal logits the lower id wins.
  auto best = std::max_element(scores_.begin(), scores_.end());
  if (isGreedy())
    return static_cast<int32_t>(best - scores_.begin());

  double largest = *best;
  if (std::isinf(largest)) // A penalty can push the scores there.
    return invalidData("a logit is infinite after the repetition penalty");
  candidates_.clear();
  for (size_t token = 0; token < scores_.size(); ++token) {
    // Without the largest first, a small temperature would overflow.
    double weight =
        expNonPositive((scores_[token] - largest) / options_.temperature);
    if (weight > 0)
      candidates_.push_back({weight, static_cast<int32_t>(token)});
  }
  keepTopK();
  keepTopP();
  if (options_.minP > 0)
    std::erase_if(candidates_, [&](const Candidate &candidate) {
      return candidate.weight < options_.minP;
    });
  return draw();
}

/// Puts the best of the candidates from `first` on into [first, last): by
/// falling score, equal ones by id. (Weights can be equal where scores are
/// not.)
void Sampler::sortCandidates(size_t first, size_t last) {
  std::partial_sort(candidates_.begin() + first, candidates_.begin() + last,
                    candidates_.end(),
                    [&](const Candidate &a, const Candidate &b) {
                      double x = scores_[a.token], y = scores_[b.token];
                      return x != y ? x > y : a.token < b.token;
                    });
}

void Sampler::keepTopK() {
  // To keep all is to do nothing: their order decides what is drawn.
  if (options_.topK == 0 || options_.topK >= candidates_.size())
    return;
  sortCandidates(0, options_.topK);
  candidates_.resize(options_.topK);
}

void Sampler::keepTopP() {
  if (options_.topP >= 1)
    return;
  double total = 0;
  for (const Candidate &candidate : candidates_)
    total += candidate.weight;
  double wanted = options_.topP * total, sum = 0;
  // Mostly few are needed of many: sort as far as the sum asks for.
  size_t sorted = 0, kept = 0;
  while (kept < candidates_.size() && (kept == 0 || sum < wanted)) {
    if (kept == sorted) {
      size_t next =
          std::min(candidates_.size(), std::max<size_t>(64, 4 * sorted));
      sortCandidates(sorted, next);
      sorted = next;
    }
    sum += candidates_[kept++].weight;
  }
  candidates_.resize(kept);
}

int32_t Sampler::draw() {
  // In order of id, whatever the filters sorted.
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate &a, const Candidate &b) {
              return a.token < b.token;
            });
  double total = 0;
  for (const Candidate &candidate : candidates_)
    total += candidate.weight;
  double target = uniformDraw(options_.seed, draws_++) * total, sum = 0;
  for (const Candidate &candidate : candidates_) {
    sum += candidate.weight;
    if (sum > target)
      return candidate.token;
  }
  return candidates_.back().token; // The product rounded up to the total.
}

SamplerDraw Sampler::drawFor(uint64_t ahead) const {
  // Rounded down: a float32 of almost 1 would be 1.
  double u = uniformDraw(options_.seed, draws_ + (isGreedy() ? 0 : ahead));
  SamplerDraw draw;
  draw.u = static_cast<float>(std::floor(u * 0x1p24) * 0x1p-24);
  draw.temperature = static_cast<float>(options_.temperature);
  draw.topP = static_cast<float>(options_.topP);
  draw.minP = static_cast<float>(options_.minP);
  draw.topK = static_cast<int32_t>(std::min<uint32_t>(
      options_.topK, std::numeric_limits<int32_t>::max()));
  return draw;
}

SamplerState Sampler::state() const {
  SamplerState state{options_, draws_, {}};
  state.counts.reserve(seen_.size());
  for (int32_t token : seen_)
    state.counts.emplace_back(token, counts_[token]);
  std::sort(state.counts.begin(), state.counts.end());
  return state;
}

Status Sampler::restore(const SamplerState &state) {
  MAMBA_RETURN_IF_ERROR(state.options.validate());
  int64_t previous = -1;
  for (auto [token, count] : state.counts) {
    if (token <= previous || uint64_t(token) >= counts_.size() || count == 0)
      return invalidData("the sampler's token counts are not a rising list of "
                         "tokens from 0 to " +
                         std::to_string(counts_.size() - 1));
    previous = token;
  }
  seen_.reserve(state.counts.size());
  reset();
  options_ = state.options;
  draws_ = state.draws;
  for (auto [token, count] : state.counts) {
    counts_[token] = count;
    seen_.push_back(token);
  }
  return {};
}

} // namespace mamba
