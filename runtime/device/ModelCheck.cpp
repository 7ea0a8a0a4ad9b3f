#include "runtime/device/ModelCheck.h"

#include "runtime/device/Golden.h"
#include "runtime/pack/Check.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace mamba;

namespace {

/// Feeds the steps to a context and compares what comes out.
class CheckRun {
public:
  CheckRun(Executable &executable, const CheckSpec &check)
      : executable_(executable), check_(check),
        sequences_(checkSequences(check)),
        columns_(checkColumns(executable.pack().manifest(), check)),
        positions_(sequences_, 0) {
    for (uint64_t s = 0; s < sequences_; ++s)
      slots_.push_back(static_cast<int32_t>(sequences_ - s));
  }
  Status run();
  double largestError() const { return largest_; }

private:
  Status runStep(Context &context, const std::vector<int64_t> &lengths);
  Status compareRow(size_t step, uint64_t sequence);

  Executable &executable_; // Borrowed.
  const CheckSpec &check_; // Borrowed.
  uint64_t sequences_, columns_;
  std::vector<int32_t> slots_;
  std::vector<int64_t> positions_; // Tokens so far, by sequence.
  std::vector<float> logits_;      // [sequences, columns]
  std::vector<float> expected_;    // Samples that are still to come first.
  size_t compared_ = 0;            // Of expected_.
  double largest_ = 0;
};

} // namespace

Status CheckRun::run() {
  MAMBA_ASSIGN_OR_RETURN(expected_, executable_.pack().golden(check_.blob));
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Context> context,
                         executable_.createContext(checkSlots(check_)));
  for (size_t step = 0; step < check_.steps.size(); ++step) {
    MAMBA_RETURN_IF_ERROR(runStep(*context, check_.steps[step])
                              .withContext("step " + std::to_string(step)));
    for (uint64_t s = 0; s < sequences_; ++s)
      MAMBA_RETURN_IF_ERROR(compareRow(step, s));
  }
  return {};
}

Status CheckRun::runStep(Context &context,
                         const std::vector<int64_t> &lengths) {
  std::vector<int64_t> seqStart = {0}, before = positions_;
  std::vector<int32_t> tokens;
  for (uint64_t s = 0; s < sequences_; ++s) {
    for (int64_t i = 0; i < lengths[s]; ++i)
      tokens.push_back(checkToken(check_, s, positions_[s]++));
    seqStart.push_back(static_cast<int64_t>(tokens.size()));
  }
  logits_.assign(sequences_ * columns_, std::nanf(""));
  const void *inputs[] = {tokens.data()};
  void *outputs[] = {logits_.data()};
  return context.run(check_.entry, {seqStart, slots_, before},
                     /*invariant=*/false, inputs, outputs);
}

Status CheckRun::compareRow(size_t step, uint64_t sequence) {
  uint64_t count = (columns_ - 1) / check_.stride + 1;
  std::span<const float> wanted(expected_.data() + compared_, count);
  compared_ += count;
  double error = relativeError(DType::F32, logits_.data() + sequence * columns_,
                               check_.stride, wanted);
  if (!(error <= check_.tolerance)) { // Also if it is NaN.
    char message[160];
    std::snprintf(message, sizeof(message),
                  "step %zu, sequence %llu: the logits after token %lld have "
                  "relative error %.3g, allowed is %.3g",
                  step, static_cast<unsigned long long>(sequence),
                  static_cast<long long>(positions_[sequence] - 1),
                  std::fabs(error), check_.tolerance);
    return internalError(message);
  }
  largest_ = std::max(largest_, error);
  return {};
}

std::string mamba::whyUnchecked(const Manifest &manifest,
                                WeightSource *source) {
  const std::string no = "no end-to-end check: ";
  if (!manifest.check)
    return no + "the pack has none";
  Fingerprint fingerprint;
  for (const WeightSpec &spec : manifest.checkpoint) {
    if (!source)
      return no + "the weights are not loaded";
    Result<std::span<const uint8_t>> bytes = source->find(spec);
    if (!bytes.ok())
      return no + bytes.status().message();
    fingerprint.add(spec, *bytes);
  }
  if (fingerprint.finish() != manifest.check->weights)
    return no + "the pack's is for other weights";
  return "";
}

Result<std::string> mamba::runModelCheck(Executable &executable) {
  const CheckSpec &check = *executable.pack().manifest().check;
  CheckRun run(executable, check);
  MAMBA_RETURN_IF_ERROR(run.run().withContext(
      "end-to-end check of target " + inQuotes(executable.target().name)));
  char text[120];
  std::snprintf(text, sizeof(text),
                "end to end %zu steps are right: relative error %.3g, allowed "
                "is %.3g",
                check.steps.size(), run.largestError(), check.tolerance);
  return std::string(text);
}

Result<ModelCheck> mamba::checkModelOf(Executable &executable,
                                       WeightSource *source) {
  std::string reason = whyUnchecked(executable.pack().manifest(), source);
  if (!reason.empty())
    return ModelCheck{false, reason};
  MAMBA_ASSIGN_OR_RETURN(std::string text, runModelCheck(executable));
  return ModelCheck{true, text};
}
