// Scans with their time cut into slices: of each two kernels.
#pragma once

#include "test/unit/lab/KernelLab.h"
#include "test/unit/lab/KernelTexts.h"

namespace mamba {

/// As Mamba-1 has it, in so many slices.
ScanForm mambaSlices(int64_t E, int64_t N, int64_t rank, int64_t slices);
/// The kernel that finds what each slice leaves.
KernelText findingText(ScanForm form);
/// It, and the scan that takes what it found.
std::vector<KernelText> bothTexts(const std::vector<ScanForm> &forms);

/// Forms with many numbers of slices, of states, and drawn ones.
std::vector<ScanForm> eachNumberOfSlices();
std::vector<ScanForm> eachNumberOfStates();
std::vector<ScanForm> drawnSlices(RandomTensors &random);

/// The second kernel with what the first has found does what a scan does whose time
/// is not cut: on sequences that cross no slice's end, one or many, on fewer rows than
/// slices, on sequences without rows at a slice's ends.
void checkTogether(KernelLab &lab, const std::vector<KernelText> &texts, RandomTensors &random);
/// The two kernels and the one whose time is not cut.
std::vector<KernelText> togetherTexts(ScanForm form);

} // namespace mamba
