// When a scan's time is cut into slices that are scanned beside each other.
#pragma once

#include <algorithm>
#include <cstdint>

namespace mamba {

/// How many slices, and the steps that profit: at least `minTokens` rows of at most
/// `maxSequences` sequences (0: none do). A slice is worth its second pass from 64 rows
/// on.
struct SliceRule {
  int64_t slices, minTokens, maxSequences;

  /// Of a scan of E channels on a chip. The second pass makes it nearly twice the work,
  /// so half of a GPU must stand still else: the channels of all sequences are 2,560 at
  /// most. One sequence of up to 8,192 profits too, but for chips whose memory is slow
  /// for their special functions, since it is read twice. Slices give a scan about 528
  /// blocks of 64 channels, four for each multiprocessor of a large GPU.
  static SliceRule ofGpu(int64_t E, int64_t chip) {
    int64_t slices = std::clamp<int64_t>(33792 / E, 2, 32), maxSequences = 2560 / E;
    bool isSlow = chip == 75 || chip == 86 || chip == 89 || chip == 120;
    if (maxSequences == 0 && E <= 8192 && !isSlow)
      maxSequences = 1;
    return {slices, kLeastRows * slices, maxSequences};
  }

  /// Of a scan on a CPU, in so many slices: that is for whoever compiles to say, who
  /// knows whether threads will have nothing else to do. S sequences, equally long, are
  /// scanned beside each other as they are, in T / S steps; two passes over N slices
  /// take 2 T / N, which is less where N is more than 2 S.
  static SliceRule ofCpu(int64_t slices) {
    return {slices, kLeastRows * slices, std::max<int64_t>(1, (slices - 1) / 2)};
  }
  /// So many slices have enough rows in a step of 1,024.
  static constexpr int64_t kLeastOfCpu = 2, kMostOfCpu = 16;

private:
  static constexpr int64_t kLeastRows = 64;
};

} // namespace mamba
