// What the C functions share, and those that belong to no handle.
#include "runtime/model/Api.h"
#include "runtime/model/Log.h"
#include "runtime/support/BuildInfo.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include <atomic>
#include <cstdlib>

namespace mamba::api {

static thread_local std::string lastError;
static thread_local bool lastErrorLost = false;

void setLastError(const char *message) noexcept {
  lastErrorLost = false;
  try {
    lastError = message;
  } catch (...) {
    lastErrorLost = true;
  }
}

Status require(std::initializer_list<Required> arguments) {
  for (const Required &argument : arguments)
    if (!argument.pointer)
      return invalidArgument(inQuotes(argument.name) + " must not be null");
  return {};
}

Status checkStructSize(const char *name, size_t size) {
  // Each struct has a field of this size, so that no version ends within a field.
  if (size >= sizeof(size_t) * 2 && size <= kMaxStructSize && size % sizeof(size_t) == 0)
    return {};
  return invalidArgument("struct_size of " + inQuotes(name) + " is " +
                         (size == 0 ? "not set" : std::to_string(size)) +
                         ", it must be the struct's sizeof");
}

Status checkIdle(const mamba_sampler *sampler) {
  if (sampler && sampler->isGenerating)
    return invalidArgument("the sampler is generating; what it is called with "
                           "may only look at its options");
  return {};
}

Progress makeProgress(mamba_progress_fn progress, void *user) {
  if (!progress)
    return {};
  return [=](uint64_t done, uint64_t total) { progress(user, done, total); };
}

void *copyForCaller(const void *data, size_t bytes) {
  if (bytes == 0)
    return nullptr;
  void *copy = std::malloc(bytes);
  if (!copy)
    throw std::bad_alloc();
  return std::memcpy(copy, data, bytes);
}

mamba_tensor_info describe(const TensorSpec &spec) {
  mamba_tensor_info info{};
  info.name = spec.name.c_str();
  info.output_name = info.state_id = "";
  info.dtype = dtypeName(spec.dtype).data(); // A literal: ends with a zero.
  info.element_size = dtypeBytes(spec.dtype);
  info.rows = spec.rows == RowKind::T   ? MAMBA_ROWS_TOKENS
              : spec.rows == RowKind::S ? MAMBA_ROWS_SEQUENCES
                                        : MAMBA_ROWS_ONE;
  info.dims = spec.shape.data();
  info.rank = spec.shape.size();
  return info;
}

mamba_tensor_info describe(const StateSpec &spec,
                           const std::vector<int64_t> &dims) {
  mamba_tensor_info info{};
  info.name = spec.input.c_str();
  info.output_name = spec.output.c_str();
  info.state_id = spec.id.c_str();
  info.dtype = dtypeName(spec.dtype).data();
  info.element_size = dtypeBytes(spec.dtype);
  info.rows = MAMBA_ROWS_SEQUENCES;
  info.dims = dims.data();
  info.rank = dims.size();
  return info;
}

} // namespace mamba::api

using namespace mamba;

// The two lists of codes are one.
static_assert(int(StatusCode::Ok) == MAMBA_OK);
static_assert(int(StatusCode::InvalidArgument) == MAMBA_INVALID_ARGUMENT);
static_assert(int(StatusCode::InvalidData) == MAMBA_INVALID_DATA);
static_assert(int(StatusCode::NotFound) == MAMBA_NOT_FOUND);
static_assert(int(StatusCode::IoError) == MAMBA_IO_ERROR);
static_assert(int(StatusCode::OutOfMemory) == MAMBA_OUT_OF_MEMORY);
static_assert(int(StatusCode::Unavailable) == MAMBA_UNAVAILABLE);
static_assert(int(StatusCode::Internal) == MAMBA_INTERNAL);
static_assert(kDefaultStepTokens == MAMBA_DEFAULT_STEP_TOKENS);
static_assert(kGpuStepTokens == MAMBA_GPU_STEP_TOKENS);

extern "C" {

const char *mamba_last_error(void) {
  return api::lastErrorLost ? "out of memory" : api::lastError.c_str();
}

const char *mamba_version(void) { return MAMBA_VERSION; }

const char *mamba_build_info(void) { return buildInfo(); }

uint32_t mamba_abi_version(void) { return MAMBA_ABI_VERSION; }

void mamba_free(void *memory) { std::free(memory); }

void mamba_dlpack_delete(void *managed) {
  // What the consumer has written comes before.
  if (managed)
    std::atomic_ref(*static_cast<uint64_t *>(managed))
        .store(0, std::memory_order_release);
}

void mamba_set_log(mamba_log_fn fn, void *user) {
  // A function type of C for one of ours: a small closure of the two.
  struct Sink {
    mamba_log_fn fn;
    void *user;
  };
  static Sink sink;
  static std::mutex mutex; // Of those who set one.
  std::lock_guard lock(mutex);
  setLogFunction(nullptr, nullptr); // Nobody reads `sink` from here on.
  sink = {fn, user};
  if (fn)
    setLogFunction(
        [](void *closure, LogLevel level, const char *message) {
          auto *to = static_cast<Sink *>(closure);
          to->fn(to->user,
                 level == LogLevel::Info ? MAMBA_LOG_INFO : MAMBA_LOG_WARNING,
                 message);
        },
        &sink);
}

} // extern "C"
