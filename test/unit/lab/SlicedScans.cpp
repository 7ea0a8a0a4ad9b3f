#include "test/unit/lab/SlicedScans.h"

#include <gtest/gtest.h>

namespace mamba {

ScanForm mambaSlices(int64_t E, int64_t N, int64_t rank, int64_t slices) {
  ScanForm form = mambaScan(E, N, rank);
  form.slices = slices;
  return form;
}

KernelText findingText(ScanForm form) {
  form.findsSlices = true;
  form.skip = form.gateInScan = form.gateAfter = form.stateFirst = false;
  return scanText(form);
}

std::vector<KernelText> bothTexts(const std::vector<ScanForm> &forms) {
  std::vector<KernelText> texts;
  for (const ScanForm &form : forms) {
    texts.push_back(findingText(form));
    texts.push_back(scanText(form));
  }
  return texts;
}

std::vector<ScanForm> eachNumberOfSlices() {
  std::vector<ScanForm> forms;
  for (int64_t slices : {1, 2, 3, 7, 16, 33})
    forms.push_back(mambaSlices(37, 5, 3, slices));
  return forms;
}

std::vector<ScanForm> eachNumberOfStates() {
  std::vector<ScanForm> forms;
  for (int64_t N : {1, 2, 7, 16, 33, 100, 256})
    forms.push_back(mambaSlices(N % 2 ? 66 : 19, N, 0, 4));
  return forms;
}

std::vector<ScanForm> drawnSlices(RandomTensors &random) {
  std::vector<ScanForm> forms;
  for (int i = 0; i < 12; ++i) {
    ScanForm form = drawnScan(i, random);
    form.slices = random.integer(1, 9);
    form.rank = random.integer(0, 1) * random.integer(1, 70);
    forms.push_back(form);
  }
  return forms;
}

std::vector<KernelText> togetherTexts(ScanForm form) {
  std::vector<KernelText> texts = bothTexts({form});
  form.slices = 0;
  texts.push_back(scanText(form));
  return texts;
}

/// Lengths of the sequences of some batches.
static std::vector<std::vector<int64_t>> batchesOf(RandomTensors &random) {
  std::vector<std::vector<int64_t>> batches = {
      {},  {0, 0},           {1},           {5},
      {3}, {300},            {150, 150},    {100, 0, 0, 100, 100},
      {1, 298, 1},           {0, 7, 0, 293, 0}};
  std::vector<int64_t> drawn(random.integer(2, 9));
  for (int64_t &length : drawn)
    length = random.integer(0, 2) ? random.integer(0, 9) : random.integer(40, 200);
  batches.push_back(drawn);
  return batches;
}

void checkTogether(KernelLab &lab, const std::vector<KernelText> &texts, RandomTensors &random) {
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), 3u);
  const std::vector<KernelText::Arg> &args = texts[1].args;
  for (const std::vector<int64_t> &lengths : batchesOf(random)) {
    SCOPED_TRACE(kernels[1]->describe() + ", lengths " + testing::PrintToString(lengths));
    KernelInputs inputs = kernels[1]->randomInputs(shuffledBatch(lengths, random), random);
    auto operandsOf = [&](const KernelText &text) {
      KernelInputs some{inputs.batch, {}};
      for (const KernelText::Arg &arg : text.args)
        for (size_t i = 0; i < args.size(); ++i)
          if (args[i].name == arg.name)
            some.operands.push_back(inputs.operands[i]);
      return some;
    };
    std::vector<Tensor> found = kernels[0]->run(operandsOf(texts[0]));
    ASSERT_EQ(found.size(), 1u);
    for (size_t i = 0; i < args.size(); ++i)
      if (args[i].name == "s")
        inputs.operands[i] = found[0];
    kernels[1]->expectRight(inputs, kernels[2]->reference(operandsOf(texts[2])),
                            kernels[1]->run(inputs));
  }
}

} // namespace mamba
