#include "passes/fusion/KernelMerge.h"

#include "passes/fusion/KernelBuild.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace mamba;
using namespace mamba::ssm;

namespace {

/// Ops outside of any kernel, that is to say: a member of the merge or not.
using OpSet = llvm::SmallPtrSet<Operation *, 8>;

bool reads(Operation *op, const OpSet &defs) {
  return llvm::any_of(op->getOperands(), [&](Value value) {
    return defs.contains(value.getDefiningOp());
  });
}

/// The ops between the members that need a member's values, so that they have
/// to stand behind the merged kernel; none if a member needs theirs.
std::optional<SmallVector<Operation *>>
opsToMoveBehind(const OpSet &members, const OpSet &gone, Operation *first,
                Operation *last) {
  SmallVector<Operation *> later;
  OpSet laterSet;
  for (Operation *op = first->getNextNode(); op; op = op->getNextNode()) {
    if (gone.contains(op))
      continue;
    bool member = members.contains(op);
    if (member && reads(op, laterSet))
      return std::nullopt;
    if (op == last)
      break;
    if (!member && (reads(op, members) || reads(op, laterSet))) {
      later.push_back(op);
      laterSet.insert(op);
    }
  }
  return later;
}

unsigned countStateOps(Block &block) {
  return llvm::count_if(block, [](Operation &op) { return isStateOp(&op); });
}

/// Collects the bodies of kernels in one free block, as if they were inlined.
class MergedBody {
public:
  void append(KernelOp kernel) {
    IRMapping mapping;
    for (BlockArgument arg : kernel.getBlock().getArguments())
      mapping.map(arg, valueOf(kernel.getInput(arg)));
    for (Operation &op : kernel.getBlock().without_terminator()) {
      Operation *copy = op.clone(mapping);
      if (Operation *equal = findEqual(copy)) {
        mapping.map(op.getResults(), equal->getResults());
        copy->destroy();
      } else {
        block.push_back(copy);
      }
    }
    for (OpResult result : kernel->getResults())
      inlined[result] = mapping.lookupOrDefault(yieldedFor(result));
  }

  /// What a value of the function is in the block: itself, unless a kernel
  /// that was appended yields it.
  Value valueOf(Value value) const {
    auto it = inlined.find(value);
    return it == inlined.end() ? value : it->second;
  }

  /// Erases the ops that nothing in the block and none of the values needs.
  void eraseUnused(ValueRange needed) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && llvm::none_of(op.getResults(), [&](Value result) {
            return llvm::is_contained(needed, result);
          }))
        op.erase();
  }

  Block block;

private:
  Operation *findEqual(Operation *op) {
    for (Operation &other : block)
      if (OperationEquivalence::isEquivalentTo(
              op, &other, OperationEquivalence::IgnoreLocations))
        return &other;
    return nullptr;
  }

  llvm::DenseMap<Value, Value> inlined;
};

} // namespace

std::optional<TrialMerge> TrialMerge::build(ArrayRef<KernelOp> producers,
                                            KernelOp consumer, Producers mode,
                                            std::string &reason,
                                            ArrayRef<KernelOp> rewritten) {
  TrialMerge merge;
  merge.consumer = consumer;
  merge.producers.assign(producers.begin(), producers.end());
  merge.mode = mode;
  llvm::sort(merge.producers,
             [](KernelOp a, KernelOp b) { return a->isBeforeInBlock(b); });

  OpSet members, gone;
  members.insert(consumer);
  members.insert_range(producers);
  gone.insert_range(rewritten);
  for (Operation *member : members)
    if (cast<KernelOp>(member).getScheduleAttr()) {
      reason = "a kernel with a schedule is not changed any more";
      return std::nullopt;
    }
  if (mode == Producers::Move) {
    auto later =
        opsToMoveBehind(members, gone, merge.producers.front(), consumer);
    if (!later) {
      reason = "another op reads the one kernel and feeds the other";
      return std::nullopt;
    }
    merge.later = std::move(*later);
  }

  MergedBody body;
  for (KernelOp producer : merge.producers)
    body.append(producer);
  body.append(consumer);

  SmallVector<Value> results;
  auto keep = [&](OpResult result) {
    merge.replaced.emplace_back(result, results.size());
    results.push_back(body.valueOf(result));
  };
  llvm::for_each(consumer->getResults(), keep);
  if (mode == Producers::Move)
    for (KernelOp producer : merge.producers)
      for (OpResult result : producer->getResults())
        if (producer.getTiedInput(result.getResultNumber()) ||
            llvm::any_of(result.getUsers(), [&](Operation *user) {
              return !members.contains(user) && !gone.contains(user);
            }))
          keep(result);
  body.eraseUnused(results);

  if (mode == Producers::Clone &&
      countStateOps(body.block) > countStateOps(consumer.getBlock())) {
    reason = "an op that advances a state is never computed twice";
    return std::nullopt;
  }

  OpBuilder builder(consumer);
  merge.merged = buildKernel(builder, consumer.getLoc(), body.block, results);
  return merge;
}

TrialMerge::TrialMerge(TrialMerge &&other)
    : merged(std::exchange(other.merged, KernelOp())), consumer(other.consumer),
      producers(std::move(other.producers)), mode(other.mode),
      replaced(std::move(other.replaced)), later(std::move(other.later)) {}

TrialMerge::~TrialMerge() {
  if (merged)
    merged.erase();
}

KernelOp TrialMerge::commit() {
  KernelOp kernel = std::exchange(merged, KernelOp());
  for (auto [old, index] : replaced)
    old.replaceAllUsesWith(kernel.getOutputs()[index]);
  consumer.erase();
  for (KernelOp producer : llvm::reverse(producers))
    if (producer.use_empty())
      producer.erase();
  Operation *last = kernel;
  for (Operation *op : later) {
    op->moveAfter(last);
    last = op;
  }
  return kernel;
}

KernelOp mamba::mergeInto(ArrayRef<KernelOp> producers, KernelOp consumer,
                          Producers mode, const Target &target,
                          std::string &reason) {
  std::string why;
  std::optional<TrialMerge> merge =
      TrialMerge::build(producers, consumer, mode, why);
  if (merge && canGenerate(merge->kernel(), target, why))
    return merge->commit();
  reason = why;
  return {};
}

void mamba::noteDeclined(KernelOp kernel, StringRef pass, StringRef reason) {
  remark::missed(kernel.getLoc(),
                 remark::RemarkOpts::name(pass).category("fusion"))
      << remark::reason("{0}", reason.str());
}
