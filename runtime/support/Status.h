// Status and Result: how every fallible function of the runtime answers.
// The runtime never exits and never throws across its boundary.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace mamba {

enum class StatusCode {
  Ok,
  InvalidArgument, // the caller's value is wrong
  InvalidData,     // a file's content is wrong
  NotFound,        // a file, tensor, entry or token is missing
  IoError,         // the operating system refused
  OutOfMemory,
  Unavailable,     // this machine lacks what is needed
  Internal,        // our own defect
};

/// The outcome of an operation. The message is one line that says what is
/// wrong, where, and what to do; lower case, no full stop.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::Ok; }
  StatusCode code() const { return code_; }
  const std::string &message() const { return message_; }

  /// The same failure with "context: " before its message.
  Status withContext(const std::string &context) const {
    return ok() ? *this : Status(code_, context + ": " + message_);
  }

private:
  StatusCode code_ = StatusCode::Ok;
  std::string message_;
};

inline Status invalidArgument(std::string m) {
  return {StatusCode::InvalidArgument, std::move(m)};
}
inline Status invalidData(std::string m) {
  return {StatusCode::InvalidData, std::move(m)};
}
inline Status notFound(std::string m) {
  return {StatusCode::NotFound, std::move(m)};
}
inline Status ioError(std::string m) {
  return {StatusCode::IoError, std::move(m)};
}
inline Status outOfMemory(std::string m) {
  return {StatusCode::OutOfMemory, std::move(m)};
}
inline Status unavailable(std::string m) {
  return {StatusCode::Unavailable, std::move(m)};
}
inline Status internalError(std::string m) {
  return {StatusCode::Internal, std::move(m)};
}

/// A value, or the reason why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {
    assert(!status_.ok() && "a Result without a value needs a failure");
  }

  bool ok() const { return value_.has_value(); }
  const Status &status() const { return status_; }
  T &operator*() & { return *value_; }
  const T &operator*() const & { return *value_; }
  T &&operator*() && { return std::move(*value_); }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

private:
  std::optional<T> value_;
  Status status_;
};

} // namespace mamba

/// Returns the failure of a Status-valued expression to the caller.
#define MAMBA_RETURN_IF_ERROR(expr)                                            \
  do {                                                                         \
    if (::mamba::Status mambaStatus = (expr); !mambaStatus.ok())               \
      return mambaStatus;                                                      \
  } while (false)

#define MAMBA_CONCAT_INNER(a, b) a##b
#define MAMBA_CONCAT(a, b) MAMBA_CONCAT_INNER(a, b)
/// `MAMBA_ASSIGN_OR_RETURN(auto x, f())`: binds the value or returns the
/// failure to the caller.
#define MAMBA_ASSIGN_OR_RETURN(decl, expr)                                     \
  auto MAMBA_CONCAT(mambaResult, __LINE__) = (expr);                           \
  if (!MAMBA_CONCAT(mambaResult, __LINE__).ok())                               \
    return MAMBA_CONCAT(mambaResult, __LINE__).status();                       \
  decl = *std::move(MAMBA_CONCAT(mambaResult, __LINE__))
