// The one mechanism by which the fusions merge kernels.
#pragma once

#include "dialects/ssm/SSMDialect.h"
#include "passes/target/Target.h"

#include "mlir/Support/LLVM.h"

#include <optional>
#include <string>

namespace mamba {

/// What becomes of the producers of a merge.
enum class Producers {
  /// Their ops move; values that others still read become results of the
  /// merged kernel.
  Move,
  /// Their ops are cloned, because recomputing is right, and the kernels stay
  /// while others read them. Ops that advance a state are never cloned.
  Clone,
  /// The same, but of an op that advances a state the clone only reads the pool:
  /// the op itself must then be moved behind the consumer.
  CloneReading,
};

/// A merge that is not yet decided: the merged kernel stands before the
/// consumer, unused, so that a target can be asked about it. Destroyed without
/// commit(), it leaves no trace.
class TrialMerge {
public:
  /// Builds the ops of the producers, in the order of the block, and then those
  /// of the consumer, each op once (equal ops are one), into one kernel. Its
  /// results are the consumer's and then the producers' that are still read,
  /// or that are states. None, with a reason, if a kernel has a schedule
  /// already, if the merged kernel would need its own result, or if a state op
  /// would be cloned. Kernels that are `rewritten` count as gone: other trials,
  /// committed before this one, take their place and read no producer.
  static std::optional<TrialMerge>
  build(llvm::ArrayRef<ssm::KernelOp> producers, ssm::KernelOp consumer,
        Producers mode, std::string &reason,
        llvm::ArrayRef<ssm::KernelOp> rewritten = {});
  TrialMerge(TrialMerge &&other);
  TrialMerge(const TrialMerge &) = delete;
  TrialMerge &operator=(TrialMerge &&) = delete;
  ~TrialMerge();

  ssm::KernelOp kernel() const { return merged; }

  /// Puts the merged kernel in the place of the consumer, and of the producers
  /// that nobody reads any more; erases those.
  ssm::KernelOp commit();

private:
  TrialMerge() = default;

  ssm::KernelOp merged; // null after commit() and after a move
  ssm::KernelOp consumer;
  llvm::SmallVector<ssm::KernelOp> producers;
  Producers mode = Producers::Move;
  // Results that are replaced, and by which of the merged kernel.
  llvm::SmallVector<std::pair<mlir::Value, unsigned>> replaced;
  // Ops before the consumer that read producers: they move behind the merged
  // kernel.
  llvm::SmallVector<mlir::Operation *> later;
};

/// Merges if that is possible and the target generates the merged kernel. If
/// not, null and a reason, and nothing has changed.
ssm::KernelOp mergeInto(llvm::ArrayRef<ssm::KernelOp> producers,
                        ssm::KernelOp consumer, Producers mode,
                        const Target &target, std::string &reason);

/// Notes, as a remark of the pass, why a kernel was left alone.
void noteDeclined(ssm::KernelOp kernel, llvm::StringRef pass,
                  llvm::StringRef reason);

} // namespace mamba
