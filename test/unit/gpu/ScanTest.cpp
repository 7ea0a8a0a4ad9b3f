// The selective scan, with what is fused before and after it.
#include "test/unit/gpu/GpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

using namespace mamba;

namespace {

using GpuScan = OnGpu;

TEST_F(GpuScan, EachNumberOfStates) {
  std::vector<KernelText> texts;
  bool odd = false;
  for (int64_t N : {1, 2, 5, 8, 15, 16, 17, 33, 64, 100, 256}) {
    texts.push_back(
        scanText({.E = odd ? 19 : 37, .N = N, .log2 = odd, .skip = odd}));
    odd = !odd;
  }
  checkAll(texts);
}

TEST_F(GpuScan, EachNumberOfChannels) {
  std::vector<KernelText> texts;
  for (int64_t E : {1, 3, 16, 31, 65, 131})
    texts.push_back(scanText(
        {.E = E, .N = 5, .softplus = true, .skip = true, .gateInScan = true}));
  checkAll(texts);
}

TEST_F(GpuScan, ProjectedTimeStep) {
  std::vector<KernelText> texts;
  for (int64_t rank : {1, 3, 8, 48})
    texts.push_back(scanText(mambaScan(37, 16, rank)));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3}));
  texts.push_back(scanText({.E = 21, .N = 7, .rank = 3, .softplus = true}));
  texts.push_back(scanText(
      {.E = 21, .N = 7, .rank = 5, .deltaBias = true, .softplus = true}));
  checkAll(texts);
}

// The weight is bf16; rows are, or are taken apart into three.
void addByTheMatrixUnit(const ScanForm &form, std::vector<KernelText> &texts) {
  KernelText text = storeMatrix(scanText(form), "wd", "bf16");
  for (int64_t lanes : {1, 4}) {
    text.schedule = schedule({{"col_block", 32},
                              {"row_tile", 8},
                              {"chunk", 16},
                              {"threads", 32 * lanes},
                              {"state_lanes", lanes},
                              {"mma", 16}});
    texts.push_back(text);
    texts.push_back(narrowRows(text, "bf16", Narrow::Inputs));
  }
}

TEST_F(GpuScan, ProjectedByTheMatrixUnit) {
  std::vector<KernelText> texts;
  for (auto [E, N, rank] : {std::tuple(64, 16, 32), {37, 12, 48}, {80, 8, 160}})
    addByTheMatrixUnit(mambaScan(E, N, rank), texts);
  checkAll(texts);
}

// By blocks whose threads have a channel or share one, with dt projected whole, in
// pieces and by the matrix unit, and step by step.
TEST_F(GpuScan, NormsOfItsInputs) {
  std::vector<KernelText> texts = {
      scanText(falconScan(37, 16, 3)), scanText(falconScan(70, 5, 1)),
      scanText(falconScan(37, 16, 64)), scanText(falconScan(21, 33, 20)),
      scanText({.E = 21, .N = 7, .deltaBias = true, .softplus = true, .norms = true}),
      scanText({.E = 21, .N = 7, .rank = 3, .constantB = true, .norms = true}),
      scanText({.E = 21, .N = 7, .rank = 3, .constantC = true, .norms = true})};
  texts.push_back(narrowRows(texts[0], "bf16", Narrow::Both));
  for (size_t i = 0, forms = texts.size(); i < forms; ++i) {
    texts.push_back(texts[i]);
    texts.back().tokenClass = "decode";
  }
  KernelText text = scanText(falconScan(37, 12, 24));
  for (auto [channels, lanes, chunk, piece] :
       {std::tuple(32, 1, 16, 0), {32, 1, 32, 8}, {16, 4, 8, 0}, {8, 8, 32, 8}, {96, 2, 16, 0}}) {
    texts.push_back(text);
    texts.back().schedule = schedule({{"col_block", channels},
                                      {"row_tile", 8},
                                      {"k_block", piece},
                                      {"chunk", chunk},
                                      {"threads", channels * lanes},
                                      {"state_lanes", lanes}});
  }
  addByTheMatrixUnit(falconScan(37, 12, 48), texts);
  checkAll(texts);
}

// Their norms are 0 then, and not a quotient of zeros.
TEST_F(GpuScan, NormsOfZeros) {
  KernelText text = scanText(falconScan(37, 16, 3));
  for (KernelText::Arg &arg : text.args)
    if (arg.name == "dbc")
      arg.lo = arg.hi = 0;
  std::vector<KernelText> texts(2, text);
  texts[1].tokenClass = "decode";
  checkAll(texts);
}

TEST_F(GpuScan, EachForm) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 16; ++i)
    texts.push_back(scanText(drawnScan(i, random)));
  checkAll(texts);
}

TEST_F(GpuScan, Decoding) {
  std::vector<KernelText> texts = {
      scanText(mambaScan(37, 16, 3)), scanText(mambaScan(130, 5, 8)),
      scanText(mambaScan(37, 16, 48)), scanText(mambaScan(64, 8, 20)),
      scanText({.E = 21, .N = 256, .deltaBias = true, .softplus = true}),
      scanText({.E = 65, .N = 1, .skip = true, .gateInScan = true}),
      scanText({.E = 33, .N = 17, .constantB = true, .constantC = true})};
  for (KernelText &text : texts)
    text.tokenClass = "decode";
  checkAll(texts);
}

} // namespace
