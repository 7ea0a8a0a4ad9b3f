// mamba-run call: runs one entry of a pack on tensors from a file.
#include "runtime/support/Quote.h"
#include "runtime/support/SafetensorsWriter.h"
#include "tools/lib/Checks.h"
#include "tools/mamba-run/Common.h"
#include "tools/mamba-run/Interrupt.h"
#include "tools/mamba-run/Tensors.h"
#include "tools/mamba-run/Verbs.h"

#include <CLI/CLI.hpp>

#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <set>

namespace mamba::run {

namespace {

struct CallOptions {
  CommonOptions common;
  std::string entry, input, output, prefix;
};

/// One call over a padded batch: B sequences of at most L tokens.
class EntryCall {
public:
  EntryCall(const CallOptions &options, SafetensorsFile file)
      : options_(options), file_(std::move(file)) {}
  Result<int> run();

private:
  Result<mamba_tensor_info> tensor(mamba_role role, size_t index) const;
  Status findBatch();
  Status agree(const TensorView &found, const mamba_tensor_info &info,
               std::optional<int64_t> &extent, size_t dim);
  std::vector<int64_t> outsideShape(const mamba_tensor_info &info) const;
  Result<const TensorView *> find(const mamba_tensor_info &info) const;
  Status gatherInput(const mamba_tensor_info &info);
  Status setStates();
  Status call();
  Status addOutputs();
  Status addStates();
  Status write(const mamba_tensor_info &info, const char *name,
               std::vector<uint8_t> bytes);

  const CallOptions &options_;
  SafetensorsFile file_;
  Runtime runtime_;
  size_t entry_ = 0;
  mamba_entry_info entryInfo_{};
  Handle<mamba_session> session_;
  std::optional<int64_t> batch_, length_;              // B, L
  std::vector<int64_t> lengths_;                       // [B]
  uint64_t tokens_ = 0;                                // sum of lengths
  std::vector<std::vector<uint8_t>> inputs_, outputs_; // packed rows
  std::vector<std::vector<uint8_t>> written_;          // writer_ borrows these
  SafetensorsWriter writer_;
};

Result<mamba_tensor_info> EntryCall::tensor(mamba_role role,
                                            size_t index) const {
  mamba_tensor_info info{};
  info.struct_size = sizeof(info);
  MAMBA_RETURN_IF_ERROR(check(
      mamba_pack_get_tensor(runtime_.pack.get(), entry_, role, index, &info)));
  return info;
}

/// "[B, L, 16]" with what is known filled in.
std::string wishedShape(const mamba_tensor_info &info,
                        std::optional<int64_t> batch,
                        std::optional<int64_t> length) {
  std::vector<std::string> parts;
  if (info.rows != MAMBA_ROWS_ONE)
    parts.push_back(batch ? std::to_string(*batch) : "B");
  if (info.rows == MAMBA_ROWS_TOKENS)
    parts.push_back(length ? std::to_string(*length) : "L");
  for (size_t i = 0; i < info.rank; ++i)
    parts.push_back(std::to_string(info.dims[i]));
  std::string text = std::string(info.dtype) + " [";
  for (size_t i = 0; i < parts.size(); ++i)
    text += (i ? ", " : "") + parts[i];
  return text + "]";
}

/// Takes a leading extent from a found tensor; all that have it must agree.
Status EntryCall::agree(const TensorView &found, const mamba_tensor_info &info,
                        std::optional<int64_t> &extent, size_t dim) {
  size_t leading = info.rows == MAMBA_ROWS_TOKENS ? 2 : 1;
  if (found.shape.size() != leading + info.rank ||
      (extent && *extent != found.shape[dim]))
    return tensorMismatch(file_, found.name, wishedShape(info, batch_, length_),
                          found);
  extent = found.shape[dim];
  return {};
}

/// B and L, from the tensors that have them. Every input must be there.
Status EntryCall::findBatch() {
  for (size_t i = 0; i < entryInfo_.input_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_INPUT, i));
    const TensorView *found = file_.find(options_.prefix + info.name);
    if (!found)
      return notFound("no tensor " + inQuotes(options_.prefix + info.name) +
                      " in " + inQuotes(file_.name()) + "; entry " +
                      inQuotes(options_.entry) + " expects " +
                      wishedShape(info, batch_, length_));
    if (info.rows == MAMBA_ROWS_ONE)
      continue;
    MAMBA_RETURN_IF_ERROR(agree(*found, info, batch_, 0));
    if (info.rows == MAMBA_ROWS_TOKENS)
      MAMBA_RETURN_IF_ERROR(agree(*found, info, length_, 1));
  }
  for (size_t i = 0; i < entryInfo_.state_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_STATE, i));
    if (const TensorView *found = file_.find(options_.prefix + info.name))
      MAMBA_RETURN_IF_ERROR(agree(*found, info, batch_, 0));
  }
  if (!batch_)
    batch_ = 1;
  if (!length_)
    length_ = 1; // Nothing has one row a token: one step of each sequence.
  if (*batch_ < 1 || *batch_ > 65536)
    return invalidData("the batch of " + inQuotes(file_.name()) + " has " +
                       std::to_string(*batch_) +
                       " sequences, must be from 1 to 65536");
  MAMBA_ASSIGN_OR_RETURN(
      lengths_,
      readLengths(file_, options_.prefix + "lengths", *batch_, *length_));
  for (int64_t length : lengths_)
    tokens_ += length;
  return {};
}

std::vector<int64_t>
EntryCall::outsideShape(const mamba_tensor_info &info) const {
  std::vector<int64_t> shape(info.dims, info.dims + info.rank);
  if (info.rows == MAMBA_ROWS_TOKENS)
    shape.insert(shape.begin(), *length_);
  if (info.rows != MAMBA_ROWS_ONE)
    shape.insert(shape.begin(), *batch_);
  return shape;
}

/// The file's tensor for an input or a state, of the right type and shape; null
/// if there is none.
Result<const TensorView *>
EntryCall::find(const mamba_tensor_info &info) const {
  const TensorView *found = file_.find(options_.prefix + info.name);
  if (!found)
    return found;
  // Token ids are I64 in files and I32 in kernels.
  bool widened =
      std::string_view(info.dtype) == "I32" && found->dtype == DType::I64;
  if ((dtypeName(found->dtype) != info.dtype && !widened) ||
      found->shape != outsideShape(info))
    return tensorMismatch(file_, found->name,
                          wishedShape(info, batch_, length_), *found);
  return found;
}

/// Narrows I64 to I32.
Result<std::vector<uint8_t>> narrow(const TensorView &tensor) {
  uint64_t count = tensor.bytes / sizeof(int64_t);
  std::vector<uint8_t> bytes(count * sizeof(int32_t));
  for (uint64_t i = 0; i < count; ++i) {
    int64_t value;
    std::memcpy(&value, tensor.data + i * sizeof(value), sizeof(value));
    if (value < std::numeric_limits<int32_t>::min() ||
        value > std::numeric_limits<int32_t>::max())
      return invalidData("element " + std::to_string(i) + " of tensor " +
                         inQuotes(tensor.name) + " is " +
                         std::to_string(value) + ", too large for I32");
    auto narrowed = static_cast<int32_t>(value);
    std::memcpy(bytes.data() + i * sizeof(narrowed), &narrowed,
                sizeof(narrowed));
  }
  return bytes;
}

/// Appends an input's rows, without padding, to inputs_.
Status EntryCall::gatherInput(const mamba_tensor_info &info) {
  MAMBA_ASSIGN_OR_RETURN(const TensorView *found, find(info));
  std::vector<uint8_t> bytes;
  if (dtypeName(found->dtype) != info.dtype) {
    MAMBA_ASSIGN_OR_RETURN(bytes, narrow(*found));
  } else if (found->bytes != 0) {
    bytes.assign(found->data, found->data + found->bytes);
  }
  if (info.rows == MAMBA_ROWS_TOKENS && !bytes.empty()) {
    uint64_t rowBytes = bytes.size() / (*batch_ * *length_);
    uint64_t to = 0;
    for (int64_t s = 0; s < *batch_; ++s) {
      std::memmove(bytes.data() + to, bytes.data() + s * *length_ * rowBytes,
                   lengths_[s] * rowBytes);
      to += lengths_[s] * rowBytes;
    }
    bytes.resize(to);
  }
  inputs_.push_back(std::move(bytes));
  return {};
}

/// States that the file does not hold stay zero.
Status EntryCall::setStates() {
  for (size_t i = 0; i < entryInfo_.state_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_STATE, i));
    MAMBA_ASSIGN_OR_RETURN(const TensorView *found, find(info));
    if (!found || found->bytes == 0)
      continue;
    uint64_t bytes = found->bytes / *batch_;
    for (int64_t s = 0; s < *batch_; ++s)
      MAMBA_RETURN_IF_ERROR(check(mamba_session_write_state(
          session_.get(), static_cast<uint32_t>(s), info.state_id,
          found->data + s * bytes, bytes)));
  }
  return {};
}

Status EntryCall::call() {
  std::vector<uint32_t> slots;
  for (int64_t s = 0; s < *batch_; ++s)
    slots.push_back(static_cast<uint32_t>(s));
  std::vector<const void *> in;
  std::vector<void *> out;
  std::vector<size_t> inBytes, outBytes;
  for (const auto &bytes : inputs_) {
    in.push_back(bytes.data());
    inBytes.push_back(bytes.size());
  }
  static uint8_t nothing; // An output of no rows, but wanted.
  for (auto &bytes : outputs_) {
    out.push_back(bytes.empty() ? &nothing : bytes.data());
    outBytes.push_back(bytes.size());
  }
  return check(mamba_session_call(session_.get(), entry_, slots.data(),
                                  lengths_.data(), slots.size(), in.data(),
                                  inBytes.data(), in.size(), out.data(),
                                  outBytes.data(), out.size()));
}

Status EntryCall::write(const mamba_tensor_info &info, const char *name,
                        std::vector<uint8_t> bytes) {
  auto dtype = parseDType(info.dtype);
  if (!dtype)
    return internalError("unknown type " + std::string(info.dtype));
  written_.push_back(std::move(bytes)); // Moving keeps the bytes' address.
  return writer_.addTensor(name, *dtype, outsideShape(info),
                           written_.back().data(), written_.back().size());
}

/// Spreads the packed rows of the outputs over [B, L, ...], zero past a
/// length.
Status EntryCall::addOutputs() {
  for (size_t i = 0; i < entryInfo_.output_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_OUTPUT, i));
    std::vector<uint8_t> bytes = std::move(outputs_[i]);
    if (info.rows == MAMBA_ROWS_TOKENS) {
      std::vector<uint8_t> packed = std::move(bytes);
      MAMBA_ASSIGN_OR_RETURN(
          bytes,
          allocateTensor(info.name, outsideShape(info), info.element_size));
      uint64_t rowBytes = tokens_ ? packed.size() / tokens_ : 0, from = 0;
      for (int64_t s = 0; s < *batch_ && rowBytes != 0; ++s) {
        if (lengths_[s] != 0)
          std::memcpy(bytes.data() + s * *length_ * rowBytes,
                      packed.data() + from, lengths_[s] * rowBytes);
        from += lengths_[s] * rowBytes;
      }
    }
    MAMBA_RETURN_IF_ERROR(write(info, info.name, std::move(bytes)));
  }
  return {};
}

Status EntryCall::addStates() {
  for (size_t i = 0; i < entryInfo_.state_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_STATE, i));
    MAMBA_ASSIGN_OR_RETURN(auto bytes,
                           allocateTensor(info.output_name, outsideShape(info),
                                          info.element_size));
    uint64_t slotBytes = bytes.size() / *batch_;
    for (int64_t s = 0; s < *batch_ && slotBytes != 0; ++s)
      MAMBA_RETURN_IF_ERROR(check(mamba_session_read_state(
          session_.get(), static_cast<uint32_t>(s), info.state_id,
          bytes.data() + s * slotBytes, slotBytes)));
    MAMBA_RETURN_IF_ERROR(write(info, info.output_name, std::move(bytes)));
  }
  return {};
}

Result<int> EntryCall::run() {
  MAMBA_ASSIGN_OR_RETURN(runtime_, openRuntime(options_.common));
  MAMBA_RETURN_IF_ERROR(check(mamba_pack_find_entry(
      runtime_.pack.get(), options_.entry.c_str(), &entry_)));
  entryInfo_.struct_size = sizeof(entryInfo_);
  MAMBA_RETURN_IF_ERROR(
      check(mamba_pack_get_entry(runtime_.pack.get(), entry_, &entryInfo_)));
  MAMBA_RETURN_IF_ERROR(findBatch());
  MAMBA_ASSIGN_OR_RETURN(
      session_,
      createSession(runtime_, options_.common, static_cast<uint32_t>(*batch_)));
  for (size_t i = 0; i < entryInfo_.input_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_INPUT, i));
    MAMBA_RETURN_IF_ERROR(gatherInput(info));
  }
  MAMBA_RETURN_IF_ERROR(setStates());
  for (size_t i = 0; i < entryInfo_.output_count; ++i) {
    MAMBA_ASSIGN_OR_RETURN(auto info, tensor(MAMBA_OUTPUT, i));
    std::vector<int64_t> shape(info.dims, info.dims + info.rank);
    if (info.rows == MAMBA_ROWS_TOKENS)
      shape.insert(shape.begin(), tokens_);
    if (info.rows == MAMBA_ROWS_SEQUENCES)
      shape.insert(shape.begin(), *batch_);
    MAMBA_ASSIGN_OR_RETURN(auto bytes,
                           allocateTensor(info.name, shape, info.element_size));
    outputs_.push_back(std::move(bytes));
  }
  MAMBA_RETURN_IF_ERROR(call());
  MAMBA_RETURN_IF_ERROR(addOutputs());
  MAMBA_RETURN_IF_ERROR(addStates());
  HoldInterrupt hold; // What is begun is written whole.
  MAMBA_RETURN_IF_ERROR(writer_.write(options_.output));
  MAMBA_RETURN_IF_ERROR(reportProfile(runtime_, options_.common));
  return kDone;
}

Result<int> runCall(const CallOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file,
                         SafetensorsFile::open(options.input));
  return EntryCall(options, std::move(file)).run();
}

} // namespace

void addCall(CLI::App &app, Work &run) {
  auto options = std::make_shared<CallOptions>();
  CLI::App *verb =
      app.add_subcommand("call", "Runs one entry of a pack on tensors");
  addCommonOptions(*verb, options->common);
  verb->add_option("--entry", options->entry, "The entry's name")
      ->required()
      ->type_name("NAME");
  verb->add_option("--input", options->input,
                   "Tensors by argument name: [B,L,...] for one row a token, "
                   "[B,...] for states (zero if absent); optionally lengths "
                   "I64 [B]. Other tensors are ignored")
      ->required()
      ->type_name("IN.safetensors");
  verb->add_option("--output", options->output,
                   "Gets results and states by name, zero past a length")
      ->required()
      ->type_name("OUT.safetensors");
  verb->add_option("--prefix", options->prefix,
                   "Read the tensors PREFIX + argument name")
      ->type_name("PREFIX");
  verb->footer("Example:\n"
               "  mamba-run call scan.mpk --entry scan --input in.safetensors "
               "--output out.safetensors");
  verb->callback([options, &run] {
    cli::checkOutput("--output", options->output, inputsOf(options->common, {options->input}));
    run = [options] { return runCall(*options); };
  });
}

} // namespace mamba::run
