// What decides which schedule is best for a kernel, beside the machine.
#pragma once

#include "passes/target/Target.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <string>

namespace mamba {

/// In text: "linear cast+rms_norm+linear+cast bf16,bf16->bf16 prefill 768x3072":
/// family, ops, element types of operands and results, class of steps, and the
/// static dimensions of these types, equal ones once, in order.
struct ScheduleKey {
  std::string kind; // all but the dimensions
  llvm::SmallVector<int64_t> dims;

  static ScheduleKey of(ssm::KernelOp kernel, llvm::StringRef family, TokenClass tokens);
  std::string text() const;
  /// Nothing if it is no such text.
  static std::optional<ScheduleKey> parse(llvm::StringRef text);

  /// Sum of |log2(d / d')| over the dimensions; nothing where the kinds or the
  /// numbers of dimensions differ.
  std::optional<double> distance(const ScheduleKey &other) const;

  bool operator==(const ScheduleKey &) const = default;
};

} // namespace mamba
