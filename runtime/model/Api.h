// What the C functions of mamba/runtime.h share: handles, failures, structs.
#pragma once

#include "mamba/runtime.h"
#include "runtime/model/Model.h"
#include "runtime/model/PackInfo.h"
#include "runtime/model/Sampler.h"
#include "runtime/model/Session.h"
#include "runtime/model/tokenizer/StreamDecoder.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

// Handles share what they were made from, so that any order of giving back is
// right.
struct mamba_pack {
  explicit mamba_pack(std::shared_ptr<const mamba::PackInfo> info);
  std::shared_ptr<const mamba::PackInfo> info;
  std::vector<std::vector<std::vector<int64_t>>> stateDims; // [entry][state]
};

struct mamba_model {
  explicit mamba_model(std::shared_ptr<mamba::Model> model);
  std::shared_ptr<mamba::Model> model;
  std::vector<std::vector<int64_t>> stateDims; // [state], outside layout
};

struct mamba_session {
  std::unique_ptr<mamba::Session> session;
  std::vector<mamba::SequenceTokens> batch; // Of a step, kept for the next.
};

struct mamba_sampler {
  mamba::Sampler sampler;
  bool isGenerating = false; // In mamba_session_generate, which may call back.
};

struct mamba_tokenizer {
  mamba::Tokenizer tokenizer;
};

struct mamba_decoder {
  mamba::StreamDecoder decoder;
  std::string text; // What the last call gave out.
};

namespace mamba::api {

/// Keeps the sentence for mamba_last_error. Never throws.
void setLastError(const char *message) noexcept;

/// Runs `body`, which returns a Status, and turns what it returns or throws
/// into a code and the thread's last error.
template <typename Body> mamba_status guarded(Body &&body) noexcept {
  try {
    Status status = body();
    if (status.ok())
      return MAMBA_OK;
    setLastError(status.message().c_str());
    return static_cast<mamba_status>(status.code());
  } catch (const std::bad_alloc &) {
    setLastError("out of memory");
    return MAMBA_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    setLastError(error.what());
    return MAMBA_INTERNAL;
  } catch (...) {
    setLastError("unknown exception");
    return MAMBA_INTERNAL;
  }
}

/// A failure that names the first of the arguments that is null.
struct Required {
  const char *name;
  const void *pointer;
};
Status require(std::initializer_list<Required> arguments);

/// Structs grow at their end, a new field where the old sizeof was, so not in
/// padding: a program compiled with the old one may have anything there. No
/// struct comes near this many bytes.
inline constexpr size_t kMaxStructSize = 4096;

/// A caller's struct_size: of this version, an older or a newer one.
Status checkStructSize(const char *name, size_t size);

/// Copies a filled struct to the caller's, as much of it as the caller knows;
/// what only the caller knows becomes zeros.
template <typename Struct>
Status giveStruct(const char *name, Struct &filled, Struct *to) {
  size_t size = to->struct_size;
  MAMBA_RETURN_IF_ERROR(checkStructSize(name, size));
  filled.struct_size = size;
  auto *bytes = reinterpret_cast<uint8_t *>(to);
  size_t known = std::min(size, sizeof(Struct));
  std::memcpy(bytes, &filled, known);
  std::memset(bytes + known, 0, size - known);
  return {};
}

/// Reads the caller's options over the defaults; null keeps these.
template <typename Struct>
Status takeStruct(const char *name, const Struct *from, Struct &options) {
  if (!from)
    return {};
  size_t size = from->struct_size;
  MAMBA_RETURN_IF_ERROR(checkStructSize(name, size));
  const auto *bytes = reinterpret_cast<const uint8_t *>(from);
  size_t known = std::min(size, sizeof(Struct));
  if (std::any_of(bytes + known, bytes + size, [](uint8_t b) { return b; }))
    return invalidArgument(
        "'" + std::string(name) + "' is of a newer version, " +
        std::to_string(size) + " bytes, and sets what is unknown after " +
        std::to_string(sizeof(Struct)) + "; use a newer library");
  std::memcpy(&options, bytes, known);
  return {};
}

/// For what changes a sampler: a callback of mamba_session_generate must not.
Status checkIdle(const mamba_sampler *sampler);

/// Null for null.
Progress makeProgress(mamba_progress_fn progress, void *user);

/// A copy for mamba_free; null for no bytes.
void *copyForCaller(const void *data, size_t bytes);

/// `dims` is borrowed by the result.
mamba_tensor_info describe(const TensorSpec &spec);
mamba_tensor_info describe(const StateSpec &spec,
                           const std::vector<int64_t> &dims);

} // namespace mamba::api
