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

Result<Sampler> Sampler::create(int64_t vocabSize, int64_t validVocabSize,
                                const SamplerOptions &options) {
  MAMBA_RETURN_IF_ERROR(options.validate());
  if (vocabSize < 1 || vocabSize > std::numeric_limits<int32_t>::max())
    return invalidArgument(
        "vocabulary size must be from 1 to 2147483647, got " +
        std::to_string(vocabSize));
  if (validVocabSize < 1 || validVocabSize > vocabSize)
    return invalidArgument("valid vocabulary size must be from 1 to " +
                           std::to_string(vocabSize) + ", got " +
                           std::to_string(validVocabSize));
  Sampler sampler;
  sampler.options_ = options;
  sampler.validVocabSize_ = validVocabSize;
  sampler.counts_.resize(vocabSize);
  sampler.seen_.reserve(vocabSize);
  sampler.scores_.reserve(validVocabSize);
  sampler.weights_.reserve(validVocabSize);
  sampler.candidates_.reserve(validVocabSize);
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
      seen_.push_back(token); // There is room for all.
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
  size_t best = findLargest(scores_);
  if (isGreedy())
    return static_cast<int32_t>(best);
  if (std::isinf(scores_[best])) // A penalty can push the scores there.
    return invalidData("a logit is infinite after the repetition penalty");
  if (options_.topK != 0 && options_.topK < scores_.size()) {
    takeBest(scores_[best]);
  } else {
    weights_.resize(scores_.size());
    weigh(scores_, scores_[best], options_.temperature, weights_);
    if (options_.topP >= 1)
      return drawAmong(weights_, [](size_t token) { return int32_t(token); });
    candidates_.clear();
    for (size_t token = 0; token < weights_.size(); ++token)
      if (weights_[token] > 0)
        candidates_.push_back({weights_[token], static_cast<int32_t>(token)});
  }
  keepTopP();
  return drawCandidate();
}

/// By falling score, equal ones by id. (Weights can be equal where scores are
/// not.)
bool Sampler::isBetter(int32_t a, int32_t b) const {
  double x = scores_[a], y = scores_[b];
  return x != y ? x > y : a < b;
}

/// Puts the best of the candidates from `first` on into [first, last), sorted.
void Sampler::sortCandidates(size_t first, size_t last) {
  std::partial_sort(candidates_.begin() + first, candidates_.begin() + last,
                    candidates_.end(),
                    [&](const Candidate &a, const Candidate &b) {
                      return isBetter(a.token, b.token);
                    });
}

/// The candidates are the topK best tokens, left out those without weight: in
/// order of id if these are all that have weight, else the best first.
void Sampler::takeBest(double largest) {
  auto weightOf = [&](double score) {
    return expNonPositive((score - largest) / options_.temperature);
  };
  // A heap with the worst of them in front.
  auto order = [&](const Candidate &a, const Candidate &b) {
    return isBetter(a.token, b.token);
  };
  candidates_.clear();
  for (uint32_t token = 0; token < options_.topK; ++token)
    candidates_.push_back({0, static_cast<int32_t>(token)});
  std::make_heap(candidates_.begin(), candidates_.end(), order);
  double worst = scores_[candidates_.front().token];
  double bestLeft = -std::numeric_limits<double>::infinity();
  for (size_t token = options_.topK; token < scores_.size(); ++token) {
    double score = scores_[token];
    if (score <= worst) { // Of equal ones the first was here before.
      bestLeft = std::max(bestLeft, score);
      continue;
    }
    bestLeft = std::max(bestLeft, worst);
    std::pop_heap(candidates_.begin(), candidates_.end(), order);
    candidates_.back().token = static_cast<int32_t>(token);
    std::push_heap(candidates_.begin(), candidates_.end(), order);
    worst = scores_[candidates_.front().token];
  }
  if (weightOf(bestLeft) > 0)
    sortCandidates(0, candidates_.size());
  else
    sortById();
  for (Candidate &candidate : candidates_)
    candidate.weight = weightOf(scores_[candidate.token]);
  std::erase_if(candidates_,
                [](const Candidate &c) { return c.weight <= 0; });
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

void Sampler::sortById() {
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate &a, const Candidate &b) {
              return a.token < b.token;
            });
}

int32_t Sampler::drawCandidate() {
  sortById(); // Whatever the filters sorted.
  weights_.clear();
  for (const Candidate &candidate : candidates_)
    weights_.push_back(candidate.weight);
  return drawAmong(weights_,
                   [&](size_t index) { return candidates_[index].token; });
}

/// Of weights in order of their tokens' ids, those that minP leaves.
template <typename TokenOf>
int32_t Sampler::drawAmong(std::span<const double> weights, TokenOf tokenOf) {
  double total = 0;
  size_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i)
    if (isKept(weights[i])) {
      total += weights[i];
      last = i;
    }
  double target = uniformDraw(options_.seed, draws_++) * total, sum = 0;
  for (size_t i = 0; i < last; ++i)
    if (isKept(weights[i])) {
      sum += weights[i];
      if (sum > target)
        return tokenOf(i);
    }
  return tokenOf(last); // Or the product rounded up to the total.
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
  seen_.reserve(counts_.size()); // A copy of a sampler has less room.
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
