// When a scan's time is cut into slices that are scanned beside each other.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mamba {

/// Of a scan of E channels: how many slices, and the steps that profit: at least
/// `minTokens` rows of at most `maxSequences` sequences (0: none do). The second
/// pass makes it nearly twice the work, so half of a GPU must stand still else: the
/// channels of all sequences are 2,560 at most. Slices give it about 528 blocks of
/// 64 channels, four for each multiprocessor of a large one, and are worth their
/// second pass from four chunks of 16 rows on. A rule of E alone: the order of sums
/// reads no machine.
struct SliceRule {
  explicit SliceRule(int64_t E)
      : slices(std::clamp<int64_t>(33792 / E, 2, 32)), minTokens(64 * slices),
        maxSequences(2560 / E) {}
  int64_t slices, minTokens, maxSequences;
};

} // namespace mamba
