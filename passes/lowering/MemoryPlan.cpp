#include "passes/lowering/MemoryPlan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

using namespace mamba;

/// Offsets in T and S arenas are multiplied by a number of rows: only multiples
/// of the alignment stay aligned.
static constexpr int64_t alignment = 64;

static int64_t alignedBytes(const Lifetime &buffer) {
  return llvm::alignTo(std::max<int64_t>(buffer.bytes, 1), alignment);
}

/// The start of the smallest gap of at least `bytes` between the ranges
/// [begin, end), or where the last of them ends.
static int64_t bestFit(llvm::SmallVectorImpl<std::pair<int64_t, int64_t>> &taken, int64_t bytes) {
  llvm::sort(taken);
  int64_t best = -1, bestGap = std::numeric_limits<int64_t>::max(), end = 0;
  for (auto [from, to] : taken) {
    int64_t gap = from - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, to);
  }
  return best >= 0 ? best : end;
}

MemoryPlan mamba::planMemory(llvm::ArrayRef<Lifetime> buffers) {
  MemoryPlan plan;
  plan.offsets.resize(buffers.size());
  auto order = llvm::to_vector(llvm::seq<size_t>(0, buffers.size()));
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tuple(-buffers[a].bytes, a) < std::tuple(-buffers[b].bytes, b);
  });

  llvm::SmallVector<size_t> placed;
  for (size_t i : order) {
    llvm::SmallVector<std::pair<int64_t, int64_t>> taken;
    for (size_t j : placed)
      if (buffers[j].first <= buffers[i].last && buffers[i].first <= buffers[j].last)
        taken.push_back({plan.offsets[j], plan.offsets[j] + alignedBytes(buffers[j])});
    plan.offsets[i] = bestFit(taken, alignedBytes(buffers[i]));
    plan.bytes = std::max(plan.bytes, plan.offsets[i] + alignedBytes(buffers[i]));
    placed.push_back(i);
  }
  return plan;
}
