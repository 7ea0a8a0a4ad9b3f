#include "compiler/tune/Space.h"

#include "compiler/tune/PredictCpu.h"
#include "passes/fusion/KernelBuild.h"
#include "passes/lowering/Entries.h"
#include "passes/lowering/KernelTable.h"
#include "runtime/device/Processors.h"
#include "runtime/support/Quote.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;

namespace mamba {

std::string className(const TunedKernel &kernel) { return tokenClassName(kernel.tokens).str(); }

/// A module of one function that calls the kernel.
static std::string aloneInModule(ssm::KernelOp kernel, TokenClass tokens) {
  MLIRContext *context = kernel.getContext();
  Location loc = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto func = func::FuncOp::create(
      b, loc, "kernel",
      b.getFunctionType(kernel.getInputs().getTypes(), kernel.getResultTypes()));
  func->setAttr("ssm.class", b.getStringAttr(tokenClassName(tokens)));
  b.setInsertionPointToStart(func.addEntryBlock());
  auto copy = cast<ssm::KernelOp>(b.clone(*kernel));
  copy->setOperands(func.getArguments());
  copy.removeScheduleAttr();
  func::ReturnOp::create(b, loc, copy.getResults());
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

/// The generator's own schedule and its neighbours.
static std::vector<Schedule> candidatesOf(ssm::KernelOp kernel, const Target &target,
                                          TokenClass tokens, const KernelGenerator &generator,
                                          int64_t rows) {
  ssm::ScheduleAttr own = generator.schedule(kernel, target, tokens);
  std::vector<Schedule> found = {Schedule::of(own)};
  // Blocks beyond all rows are one, and so are groups.
  int64_t mostRows = std::max(own.getRowBlock(), 2 * rows - 1);
  int64_t mostTogether = std::max(own.getRowTile(), 2 * rows - 1);
  std::vector<Schedule> products = found;
  for (const ScheduleAxis &axis : generator.axes(kernel, target, tokens)) {
    std::vector<Schedule> next;
    for (Schedule schedule : products)
      for (int64_t value : axis.values) {
        schedule.*axis.parameter = value;
        next.push_back(schedule);
      }
    products = std::move(next);
  }
  for (const Schedule &schedule : products) {
    std::string ignored;
    ssm::ScheduleAttr attribute = schedule.get(kernel.getContext());
    if (!llvm::is_contained(found, schedule) && schedule.rowBlock <= mostRows &&
        schedule.rowTile <= mostTogether &&
        generator.isLegal(kernel, target, attribute, ignored) &&
        generator.keepsLayout(kernel, own, attribute))
      found.push_back(schedule);
  }
  return found;
}

/// Whether rows of sequences are all that it reads and writes.
static bool isOfSequences(ssm::KernelOp kernel, const DenseMap<Value, Rows> &rows) {
  auto isTokens = [&](Value value) { return rows.lookup(value) == Rows::Tokens; };
  auto isSequences = [&](Value value) { return rows.lookup(value) == Rows::Sequences; };
  return llvm::none_of(kernel.getInputs(), isTokens) &&
         llvm::any_of(kernel.getResults(), isSequences);
}

static std::vector<int64_t> lengthsOf(TokenClass tokens, bool ofSequences, const StepSize &step) {
  constexpr int64_t few = 8;
  if (ofSequences || tokens == TokenClass::Decode)
    return {1};
  return {tokens == TokenClass::Few ? few : step.prefillTokens};
}

static std::vector<double> predict(ssm::KernelOp kernel, const Target &target,
                                   const TunedKernel &tuned, const StepSize &step) {
  std::vector<double> us;
  CpuWork work = {tuned.lengths.front(), step.threads ? step.threads : availableProcessors()};
  if (!target.isGpu())
    for (const Schedule &schedule : tuned.candidates)
      us.push_back(predictUs(kernel, target, schedule, work));
  return us;
}

/// Those of the model's main entry first.
static SmallVector<func::FuncOp> functionsOf(ModuleOp fused) {
  SmallVector<func::FuncOp> functions;
  for (bool isMain : {true, false})
    for (auto func : fused.getOps<func::FuncOp>())
      if ((entryName(func) == "next") == isMain)
        functions.push_back(func);
  return functions;
}

Result<std::vector<TunedKernel>> tunedKernels(ModuleOp fused, const Target &target,
                                              const StepSize &step) {
  std::vector<TunedKernel> kernels;
  std::map<std::string, size_t> known;
  for (func::FuncOp func : functionsOf(fused)) {
    TokenClass tokens = tokenClassOf(func);
    // Long prompts have the schedules of prefill, and kernels of their own.
    if (tokens == TokenClass::Long)
      tokens = TokenClass::Prefill;
    FailureOr<DenseMap<Value, Rows>> rows = rowsOf(func);
    if (failed(rows))
      return invalidData("rows of tokens and of sequences are mixed");
    std::map<size_t, uint64_t> uses;
    for (ssm::KernelOp kernel : kernelsOf(func)) {
      std::string reason;
      const KernelGenerator *generator = findGenerator(kernel, target, reason);
      if (!generator)
        return invalidData("no kernel can be generated for target " + inQuotes(target.name) +
                           ": " + reason);
      ScheduleKey key = ScheduleKey::of(kernel, generator->family(), tokens);
      auto [at, isNew] = known.try_emplace(key.text(), kernels.size());
      ++uses[at->second];
      if (!isNew)
        continue;
      TunedKernel tuned;
      auto alone = cast<ssm::KernelOp>(kernel->clone());
      alone.removeScheduleAttr();
      tuned.name = kernelName(alone);
      alone->destroy();
      tuned.key = std::move(key);
      tuned.tokens = tokens;
      tuned.lengths = lengthsOf(tokens, isOfSequences(kernel, *rows), step);
      tuned.module = aloneInModule(kernel, tokens);
      tuned.candidates = candidatesOf(kernel, target, tokens, *generator, tuned.lengths.front());
      tuned.predictedUs = predict(kernel, target, tuned, step);
      kernels.push_back(std::move(tuned));
    }
    for (auto [kernel, count] : uses)
      kernels[kernel].uses = std::max(kernels[kernel].uses, count);
  }
  return kernels;
}

} // namespace mamba
