// When a scan's time is cut into slices that are scanned beside each other.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mamba {

/// Of a scan of E channels on a chip: how many slices, and the steps that profit: at
/// least `minTokens` rows of at most `maxSequences` sequences (0: none do). The second
/// pass makes it nearly twice the work, so half of a GPU must stand still else: the
/// channels of all sequences are 2,560 at most. One sequence of up to 8,192 profits
/// too, but for chips whose memory is slow for their special functions, since it is
/// read twice. Slices give a scan about 528 blocks of 64 channels, four for each
/// multiprocessor of a large GPU, and are worth their second pass from four chunks of
/// 16 rows on.
struct SliceRule {
  SliceRule(int64_t E, int64_t chip)
      : slices(std::clamp<int64_t>(33792 / E, 2, 32)), minTokens(64 * slices),
        maxSequences(2560 / E) {
    bool isSlow = chip == 75 || chip == 86 || chip == 89 || chip == 120;
    if (maxSequences == 0 && E <= 8192 && !isSlow)
      maxSequences = 1;
  }
  int64_t slices, minTokens, maxSequences;
};

} // namespace mamba
