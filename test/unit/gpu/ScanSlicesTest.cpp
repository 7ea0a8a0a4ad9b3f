// The selective scan with its time cut into slices, in two kernels.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

/// The two kernels of a scan as Mamba-1 has it.
ScanForm mambaSlices(int64_t E, int64_t N, int64_t rank, int64_t slices) {
  ScanForm form = mambaScan(E, N, rank);
  form.slices = slices;
  return form;
}

KernelText finding(ScanForm form) {
  form.findsSlices = true;
  form.skip = form.gateInScan = form.gateAfter = form.stateFirst = false;
  return scanText(form);
}

std::string cut(int64_t channels, int64_t lanes, int64_t chunk,
                int64_t fmaExp = 0, int64_t mma = 0, int64_t piece = 0) {
  return schedule({{"col_block", channels},
                   {"row_tile", 4},
                   {"k_block", piece},
                   {"chunk", chunk},
                   {"state_block", fmaExp},
                   {"threads", channels * lanes},
                   {"state_lanes", lanes},
                   {"mma", mma}});
}

class GpuScanSlices : public OnGpu {
protected:
  /// Each kernel by itself against the reference.
  void checkBoth(const std::vector<ScanForm> &forms) {
    std::vector<KernelText> texts;
    for (const ScanForm &form : forms) {
      texts.push_back(finding(form));
      texts.push_back(scanText(form));
    }
    checkAll(texts);
  }

  /// The second kernel with what the first has found does what a scan does whose
  /// time is not cut.
  void checkTogether(ScanForm form, const std::vector<std::vector<int64_t>> &batches) {
    KernelText second = scanText(form), first = finding(form);
    ScanForm whole = form;
    whole.slices = 0;
    KernelText plain = scanText(whole);
    LabKernels kernels = lab.compile({first, second, plain});
    ASSERT_EQ(kernels.size(), 3u);
    for (const std::vector<int64_t> &lengths : batches) {
      SCOPED_TRACE(kernels[1]->describe() + ", lengths " + testing::PrintToString(lengths));
      KernelInputs inputs = kernels[1]->randomInputs(shuffledBatch(lengths, random), random);
      auto operandsOf = [&](const KernelText &text) {
        KernelInputs some{inputs.batch, {}};
        for (const KernelText::Arg &arg : text.args)
          for (size_t i = 0; i < second.args.size(); ++i)
            if (second.args[i].name == arg.name)
              some.operands.push_back(inputs.operands[i]);
        return some;
      };
      std::vector<Tensor> found = kernels[0]->run(operandsOf(first));
      ASSERT_EQ(found.size(), 1u);
      for (size_t i = 0; i < second.args.size(); ++i)
        if (second.args[i].name == "s")
          inputs.operands[i] = found[0];
      kernels[1]->expectRight(inputs, kernels[2]->reference(operandsOf(plain)),
                              kernels[1]->run(inputs));
    }
  }
};

TEST_F(GpuScanSlices, EachNumberOfSlices) {
  std::vector<ScanForm> forms;
  for (int64_t slices : {1, 2, 3, 7, 16, 33})
    forms.push_back(mambaSlices(37, 5, 3, slices));
  checkBoth(forms);
}

TEST_F(GpuScanSlices, EachNumberOfStates) {
  std::vector<ScanForm> forms;
  for (int64_t N : {1, 2, 7, 16, 33, 100, 256})
    forms.push_back(mambaSlices(N % 2 ? 66 : 19, N, 0, 4));
  checkBoth(forms);
}

TEST_F(GpuScanSlices, EachForm) {
  std::vector<ScanForm> forms;
  for (int i = 0; i < 12; ++i) {
    ScanForm form = drawnScan(i, random);
    form.slices = random.integer(1, 9);
    form.rank = random.integer(0, 1) * random.integer(1, 70);
    forms.push_back(form);
  }
  checkBoth(forms);
}

// Threads that share a channel, the projection in pieces or by the matrix unit,
// polynomials: what a scan can do, slices can.
TEST_F(GpuScanSlices, EachSchedule) {
  std::vector<KernelText> texts;
  auto add = [&](const ScanForm &form, const std::string &schedule) {
    for (KernelText text : {finding(form), scanText(form)}) {
      text.schedule = schedule;
      texts.push_back(text);
    }
  };
  ScanForm form = mambaSlices(37, 12, 24, 5);
  add(form, cut(32, 1, 4));
  add(form, cut(32, 1, 16, /*fmaExp=*/3));
  add(form, cut(32, 1, 16, 0, 0, /*piece=*/8));
  add(form, cut(16, 2, 8, /*fmaExp=*/1));
  add(form, cut(16, 4, 32));
  add(form, cut(16, 4, 16, 0, 0, /*piece=*/16));
  add(form, cut(8, 8, 32));
  form.N = 7;
  add(form, cut(16, 4, 16));
  form = mambaSlices(37, 8, 48, 5);
  for (int64_t lanes : {1, 4})
    for (KernelText text : {finding(form), scanText(form)}) {
      text = storeMatrix(text, "wd", "bf16");
      text.schedule = cut(32, lanes, 16, 0, /*mma=*/16);
      texts.push_back(text);
      texts.push_back(narrowRows(text, "bf16", Narrow::Inputs));
    }
  checkAll(texts);
}

// Sequences that cross no slice's end, one or many; more slices than rows;
// sequences without rows at a slice's ends.
TEST_F(GpuScanSlices, BothTogether) {
  std::vector<std::vector<int64_t>> batches = {
      {},  {0, 0},           {1},           {5},
      {3}, {300},            {150, 150},    {100, 0, 0, 100, 100},
      {1, 298, 1},           {0, 7, 0, 293, 0}};
  std::vector<int64_t> drawn(random.integer(2, 9));
  for (int64_t &length : drawn)
    length = random.integer(0, 2) ? random.integer(0, 9) : random.integer(40, 200);
  batches.push_back(drawn);
  for (int64_t slices : {2, 3, 8, 33})
    checkTogether(mambaSlices(2 * random.integer(0, 40) + 1, 2 * random.integer(0, 8) + 1,
                              random.integer(0, 1) * 3, slices),
                  batches);
}

} // namespace
