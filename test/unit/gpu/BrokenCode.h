// A kernel whose PTX is broken, one place at a time: somebody must notice.
#pragma once

#include "test/unit/gpu/GpuLab.h"

#include <string>
#include <vector>

namespace mamba {

class BrokenCode {
public:
  /// Compiles the kernel and runs each of its schedules on a batch. The lab
  /// outlives this and compiles nothing else meanwhile.
  BrokenCode(GpuLab &lab, const KernelText &text,
             const std::vector<int64_t> &lengths, RandomTensors &random);

  const std::string &ptx() const { return lab_.ptx(); }
  std::string describe() const;

  /// What it means to notice: a schedule fails, or also that it gives other bits.
  enum class By { Defect, Bits };
  bool isNoticed(const std::string &broken, By by) const;
  /// Puts `to` for each `from` in turn and expects that it is noticed. How many
  /// there are.
  unsigned replaceEach(const std::string &from, const std::string &to,
                       By by = By::Bits) const;
  /// For the first one alone, which must be there.
  void replaceFirst(const std::string &from, const std::string &to) const;
  /// "line 12", of what stands there in the PTX.
  std::string line(size_t at) const;

private:
  const GpuLab &lab_;
  LabKernels kernels_;
  KernelInputs inputs_;
  std::vector<std::vector<Tensor>> right_; // by schedule
};

} // namespace mamba
