// What a target can do. Fusion asks canGenerate(); the generators of passes/cpu
// and passes/gpu implement it: one predicate for legality and for the error.
#pragma once

#include "passes/target/Schedule.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace mamba {

/// A machine that code is generated for.
struct Target {
  std::string name;   // as on the command line: "cpu:native", "cuda:sm_80"
  std::string device; // "cpu", "cuda"
  std::string arch;   // "x86_64", "aarch64", "sm_80"
  std::vector<std::string> features; // LLVM's names of what is present, sorted

  // Of a CPU.
  int64_t lanes = 16;     // f32 lanes of a kernel's vectors
  int64_t registers = 32;            // vector registers of that width
  int64_t l1Bytes = 32 << 10, l2Bytes = 1 << 20;

  /// Whether it has an instruction that rounds f32 to bf16.
  bool roundsToBf16 = false;

  // Of a GPU: its chip's number, 80 of sm_80; a block's threads and static shared memory, a thread's and a
  // multiprocessor's 32-bit registers.
  int64_t chip = 0, blockThreads = 1024, sharedBytes = 48 << 10, threadRegisters = 255,
          allRegisters = 64 << 10;

  bool isGpu() const { return device == "cuda"; }
  bool isArm() const { return arch == "aarch64"; }

  bool has(llvm::StringRef feature) const;
};

/// The class of steps that a clone of the model serves; see DESIGN decision 4.
/// Long is prefill with few sequences of many tokens: the same schedules, but
/// scans in slices.
enum class TokenClass { Invariant, Decode, Few, Long, Prefill };
llvm::StringRef tokenClassName(TokenClass c);

/// The names of the targets that are the same everywhere: not cpu:native.
std::vector<std::string> knownTargetNames();

/// The target of a name, or an error: what is wrong and what is known.
/// cpu:native asks the hardware; a cuda target is a chip.
llvm::FailureOr<Target> parseTarget(llvm::StringRef name, std::string &error);

/// The target noted on the op or its nearest parent as `ssm.target = "name"`.
/// An error is emitted if there is none or it is unknown.
mlir::FailureOr<Target> targetOf(mlir::Operation *op);
/// The class noted as `ssm.class`, prefill without one.
TokenClass tokenClassOf(mlir::Operation *op);

/// Values of a parameter of a schedule that are worth trying.
struct ScheduleAxis {
  int64_t Schedule::*parameter;
  std::vector<int64_t> values;
};

/// Adds an axis around a parameter of `own`: its half, and its doubles up to `most`
/// times as much; none where the parameter does not apply.
void addAxis(std::vector<ScheduleAxis> &axes, const Schedule &own,
             int64_t Schedule::*parameter, int64_t most);

/// Generates one family of kernels for one device.
class KernelGenerator {
public:
  virtual ~KernelGenerator() = default;
  /// "linear", "scan": the first word of its kernels' names.
  virtual llvm::StringRef family() const = 0;
  /// Whether it generates the ops in the kernel's region; if not, why not, as
  /// a phrase ("the norm has a weight: fold it into the projection first").
  virtual bool canGenerate(ssm::KernelOp kernel, const Target &target,
                           std::string &reason) const = 0;
  /// The schedule that its heuristic picks.
  virtual ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                                     TokenClass tokens) const = 0;
  /// Whether a schedule fits; if not, why not, with the numbers.
  virtual bool isLegal(ssm::KernelOp kernel, const Target &target,
                       ssm::ScheduleAttr schedule, std::string &reason) const = 0;
  /// What a search varies, the parameters of the heuristic's schedule that matter
  /// for its speed; not every combination is legal.
  virtual std::vector<ScheduleAxis> axes(ssm::KernelOp kernel, const Target &target,
                                         TokenClass tokens) const {
    return {};
  }
  /// Whether the kernel's weights lie in memory alike under both schedules: one
  /// layout of a weight serves all classes of steps.
  virtual bool keepsLayout(ssm::KernelOp kernel, ssm::ScheduleAttr a,
                           ssm::ScheduleAttr b) const {
    return true;
  }
};

/// Called by the stages that implement generators, once, at start.
void registerGenerator(llvm::StringRef device, std::unique_ptr<KernelGenerator> generator);

/// The generator that takes the kernel, or null; then reason has one phrase.
const KernelGenerator *findGenerator(ssm::KernelOp kernel, const Target &target,
                                     std::string &reason);
inline bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) {
  return findGenerator(kernel, target, reason) != nullptr;
}

} // namespace mamba
