#include "test/unit/gpu/BrokenCode.h"

#include <algorithm>

namespace mamba {

static const GpuKernel &only(const LabKernels &kernels) {
  return static_cast<const GpuKernel &>(*kernels[0]);
}

BrokenCode::BrokenCode(GpuLab &lab, const KernelText &text,
                       const std::vector<int64_t> &lengths,
                       RandomTensors &random)
    : lab_(lab), kernels_(lab.compile({text})) {
  EXPECT_EQ(kernels_.size(), 1u);
  if (kernels_.size() != 1)
    return;
  const GpuKernel &kernel = only(kernels_);
  inputs_ = kernel.randomInputs(shuffledBatch(lengths, random), random);
  for (const GpuKernel::Schedule &schedule : kernel.schedules) {
    auto results = kernel.execute(inputs_, schedule);
    EXPECT_TRUE(results.ok()) << results.status().message();
    right_.push_back(results.ok() ? std::move(*results)
                                  : std::vector<Tensor>());
  }
}

std::string BrokenCode::describe() const {
  return kernels_.empty() ? "" : only(kernels_).describe();
}

std::string BrokenCode::line(size_t at) const {
  return "line " +
         std::to_string(std::count(ptx().begin(), ptx().begin() + at, '\n') + 1);
}

bool BrokenCode::isNoticed(const std::string &broken, By by) const {
  auto code = sim::Module::load(broken, "broken");
  if (!code.ok()) {
    ADD_FAILURE() << code.status().message();
    return true;
  }
  GpuKernel kernel = only(kernels_).with(**code);
  for (size_t i = 0; i < right_.size(); ++i) {
    auto got = kernel.execute(inputs_, kernel.schedules[i]);
    if (!got.ok() || (by == By::Bits && !sameBits(*got, right_[i])))
      return true;
  }
  return false;
}

unsigned BrokenCode::replaceEach(const std::string &from, const std::string &to,
                                 By by) const {
  unsigned tried = 0;
  for (size_t at = ptx().find(from); !kernels_.empty() && at != std::string::npos;
       at = ptx().find(from, at + 1)) {
    ++tried;
    std::string broken = ptx();
    broken.replace(at, from.size(), to);
    EXPECT_TRUE(isNoticed(broken, by))
        << describe() << ": nobody notices " << to << " in " << line(at);
  }
  return tried;
}

void BrokenCode::replaceFirst(const std::string &from,
                              const std::string &to) const {
  size_t at = ptx().find(from);
  ASSERT_NE(at, std::string::npos) << from;
  std::string broken = ptx();
  broken.replace(at, from.size(), to);
  EXPECT_TRUE(isNoticed(broken, By::Bits)) << describe() << ": " << to;
}

} // namespace mamba
