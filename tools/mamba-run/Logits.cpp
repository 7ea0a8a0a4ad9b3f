// mamba-run logits: what the model says of given tokens, and its states.
#include "runtime/support/SafetensorsWriter.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/Tensors.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

namespace mamba::run {

namespace {

struct LogitsOptions {
  CommonOptions common;
  std::string input, output;
  uint32_t chunk = 0; // 0: as many as one run of the kernels takes
};

/// One run over a batch of B padded rows.
class LogitsRun {
public:
  explicit LogitsRun(const LogitsOptions &options) : options_(options) {}
  Result<int> run();

private:
  Status readInput(const SafetensorsFile &file);
  Status checkTokens() const;
  Status feedPrompt(const Runtime &runtime);
  Status readStates(const Runtime &runtime);
  Status decode();
  Status step(std::span<const std::vector<int32_t>> tokens, mamba_want want);

  const LogitsOptions &options_;
  int64_t vocabSize_ = 0, rows_ = 0;
  TokenMatrix prompt_;
  std::vector<int64_t> lengths_; // [B]
  std::optional<TokenMatrix> decode_;
  Handle<mamba_session> session_;
  std::vector<float> stepLogits_;
  SafetensorsWriter writer_;

  // Written at the end; writer_ borrows their bytes.
  std::vector<uint8_t> logits_, decodeLogits_;
  std::vector<std::vector<uint8_t>> states_;
};

Status LogitsRun::readInput(const SafetensorsFile &file) {
  MAMBA_ASSIGN_OR_RETURN(prompt_, readTokenMatrix(file, "input_ids"));
  rows_ = prompt_.rows;
  if (rows_ < 1 || rows_ > 65536)
    return invalidData("input_ids of '" + options_.input + "' has " +
                       std::to_string(rows_) +
                       " rows, must be from 1 to 65536");
  MAMBA_ASSIGN_OR_RETURN(lengths_,
                         readLengths(file, "lengths", rows_, prompt_.columns));
  if (const TensorView *tensor = file.find("decode_ids")) {
    MAMBA_ASSIGN_OR_RETURN(decode_, readTokenMatrix(file, "decode_ids"));
    if (decode_->rows != rows_)
      return tensorMismatch(file, "decode_ids",
                            "I64 [" + std::to_string(rows_) +
                                ", T] as input_ids has rows",
                            *tensor);
  }
  return {};
}

/// All token ids that will be fed, before anything runs.
Status LogitsRun::checkTokens() const {
  for (int64_t row = 0; row < rows_; ++row)
    for (int64_t i = 0; i < lengths_[row]; ++i)
      MAMBA_RETURN_IF_ERROR(
          checkedToken(prompt_, "input_ids", row, i, vocabSize_).status());
  if (decode_)
    for (int64_t row = 0; row < rows_; ++row)
      for (int64_t i = 0; i < decode_->columns; ++i)
        MAMBA_RETURN_IF_ERROR(
            checkedToken(*decode_, "decode_ids", row, i, vocabSize_).status());
  return {};
}

/// Appends tokens[row] to each row's sequence; stepLogits_ gets what `want`
/// says.
Status LogitsRun::step(std::span<const std::vector<int32_t>> tokens,
                       mamba_want want) {
  std::vector<mamba_sequence> sequences;
  size_t total = 0;
  for (size_t row = 0; row < tokens.size(); ++row) {
    sequences.push_back(
        {static_cast<uint32_t>(row), tokens[row].data(), tokens[row].size()});
    total += tokens[row].size();
  }
  stepLogits_.resize((want == MAMBA_WANT_ALL ? total : tokens.size()) *
                     vocabSize_);
  return check(mamba_session_step(session_.get(), sequences.data(),
                                  sequences.size(), want, stepLogits_.data(),
                                  stepLogits_.size()));
}

Status LogitsRun::feedPrompt(const Runtime &runtime) {
  // All rows side by side, a piece of each at a time.
  int64_t piece =
      options_.chunk ? options_.chunk
                     : std::max<int64_t>(16, MAMBA_DEFAULT_STEP_TOKENS / rows_);
  piece = std::clamp<int64_t>(piece, 1, std::max<int64_t>(1, prompt_.columns));
  uint32_t perStep =
      static_cast<uint32_t>(std::min<int64_t>(65536, piece * rows_));
  MAMBA_ASSIGN_OR_RETURN(session_,
                         createSession(runtime, options_.common,
                                       static_cast<uint32_t>(rows_), perStep));
  std::vector<int64_t> shape = {rows_, prompt_.columns, vocabSize_};
  MAMBA_ASSIGN_OR_RETURN(logits_,
                         allocateTensor("logits", shape, sizeof(float)));

  ProgressBar bar("reading the prompt", options_.common.quiet);
  uint64_t rowBytes = vocabSize_ * sizeof(float);
  std::vector<std::vector<int32_t>> tokens(rows_);
  for (int64_t start = 0; start < prompt_.columns; start += piece) {
    for (int64_t row = 0; row < rows_; ++row) {
      const int64_t *ids = prompt_.ids.data() + row * prompt_.columns;
      int64_t end = std::min(lengths_[row], start + piece);
      tokens[row].assign(ids + std::min(start, end), ids + end);
    }
    MAMBA_RETURN_IF_ERROR(step(tokens, MAMBA_WANT_ALL));
    const float *from = stepLogits_.data();
    for (int64_t row = 0; row < rows_; ++row) {
      if (tokens[row].empty())
        continue;
      std::memcpy(logits_.data() + (row * prompt_.columns + start) * rowBytes,
                  from, tokens[row].size() * rowBytes);
      from += tokens[row].size() * vocabSize_;
    }
    bar.update(start + piece, prompt_.columns);
  }
  return writer_.addTensor("logits", DType::F32, shape, logits_.data(),
                           logits_.size());
}

Status LogitsRun::readStates(const Runtime &runtime) {
  size_t count = runtime.modelInfo.state_count;
  states_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    mamba_tensor_info info{};
    info.struct_size = sizeof(info);
    MAMBA_RETURN_IF_ERROR(
        check(mamba_model_get_state(runtime.model.get(), i, &info)));
    auto dtype = parseDType(info.dtype);
    std::vector<int64_t> shape = {rows_};
    shape.insert(shape.end(), info.dims, info.dims + info.rank);
    MAMBA_ASSIGN_OR_RETURN(
        auto bytes, allocateTensor(info.state_id, shape, info.element_size));
    uint64_t rowBytes = bytes.size() / rows_;
    for (int64_t row = 0; row < rows_ && rowBytes != 0; ++row)
      MAMBA_RETURN_IF_ERROR(check(mamba_session_read_state(
          session_.get(), static_cast<uint32_t>(row), info.state_id,
          bytes.data() + row * rowBytes, rowBytes)));
    states_.push_back(std::move(bytes));
    MAMBA_RETURN_IF_ERROR(
        writer_.addTensor(info.state_id, dtype.value_or(DType::F32), shape,
                          states_.back().data(), states_.back().size()));
  }
  return {};
}

/// Feeds decode_ids one token of each row at a time.
Status LogitsRun::decode() {
  std::vector<int64_t> shape = {rows_, decode_->columns, vocabSize_};
  MAMBA_ASSIGN_OR_RETURN(decodeLogits_,
                         allocateTensor("decode_logits", shape, sizeof(float)));
  uint64_t rowBytes = vocabSize_ * sizeof(float);
  std::vector<std::vector<int32_t>> tokens(rows_);
  for (int64_t t = 0; t < decode_->columns; ++t) {
    for (int64_t row = 0; row < rows_; ++row)
      tokens[row] = {
          static_cast<int32_t>(decode_->ids[row * decode_->columns + t])};
    MAMBA_RETURN_IF_ERROR(step(tokens, MAMBA_WANT_LAST));
    for (int64_t row = 0; row < rows_; ++row)
      std::memcpy(decodeLogits_.data() +
                      (row * decode_->columns + t) * rowBytes,
                  stepLogits_.data() + row * vocabSize_, rowBytes);
  }
  return writer_.addTensor("decode_logits", DType::F32, shape,
                           decodeLogits_.data(), decodeLogits_.size());
}

Result<int> LogitsRun::run() {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file,
                         SafetensorsFile::open(options_.input));
  MAMBA_RETURN_IF_ERROR(readInput(file));
  MAMBA_ASSIGN_OR_RETURN(Runtime runtime,
                         openRuntime(options_.common, "logits"));
  vocabSize_ = runtime.packInfo.vocab_size;
  if (Status checked = checkTokens(); !checked.ok())
    return checked.withContext("'" + options_.input + "'");
  MAMBA_RETURN_IF_ERROR(feedPrompt(runtime));
  MAMBA_RETURN_IF_ERROR(readStates(runtime));
  if (decode_)
    MAMBA_RETURN_IF_ERROR(decode());
  HoldInterrupt hold; // What is begun is written whole.
  MAMBA_RETURN_IF_ERROR(writer_.write(options_.output));
  MAMBA_RETURN_IF_ERROR(reportProfile(runtime, options_.common));
  return kDone;
}

} // namespace

void addLogits(CLI::App &app, Work &run) {
  auto options = std::make_shared<LogitsOptions>();
  CLI::App *verb = app.add_subcommand(
      "logits", "The logits of given tokens, and the states after them");
  addCommonOptions(*verb, options->common);
  verb->add_option("--input", options->input,
                   "input_ids I64 [B,L]; optionally lengths I64 [B] (the rest "
                   "of a row is ignored) and decode_ids I64 [B,T], fed one "
                   "token at a time afterwards")
      ->required()
      ->type_name("IN.safetensors");
  verb->add_option("--output", options->output,
                   "Gets logits [B,L,V], decode_logits [B,T,V], and "
                   "conv_state.i [B,C,W-1] and ssm_state.i as they are after "
                   "input_ids; zero past a row's length")
      ->required()
      ->type_name("OUT.safetensors");
  verb->add_option("--chunk", options->chunk,
                   "Feed input_ids in pieces of N tokens a row")
      ->check(cli::wholeNumber(1, 1 << 30))
      ->type_name("N");
  verb->footer("Example:\n"
               "  mamba-run logits model.mpk --input ids.safetensors --output "
               "logits.safetensors --chunk 16");
  verb->callback([options, &run] {
    cli::checkOutput("--output", options->output, inputsOf(options->common, {options->input}));
    run = [options] { return LogitsRun(*options).run(); };
  });
}

} // namespace mamba::run
