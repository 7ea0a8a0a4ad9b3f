// Kernels that begin while the one before runs wait where they must: without the
// wait, or behind what needs it, somebody notices.
#include "runtime/pack/Cubin.h"
#include "test/unit/gpu/BrokenCode.h"
#include "test/unit/gpu/Ptxas.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"
#include "test/unit/lab/RowTexts.h"

using namespace mamba;

namespace {

class GpuOverlap : public OnGpu {
protected:
  GpuOverlap() : OnGpu("cuda:sm_90a") {}

  void expectWaitNeeded(const KernelText &text) {
    BrokenCode code(lab, text, {1, 1, 1}, random);
    SCOPED_TRACE(code.describe());
    const std::string &ptx = code.ptx(), wait = "griddepcontrol.wait;";
    unsigned kernels = 0;
    for (size_t at = ptx.find(wait); at != std::string::npos;
         at = ptx.find(wait, at + 1)) {
      ++kernels;
      EXPECT_EQ(ptx.find("griddepcontrol.launch_dependents;", at),
                ptx.find("griddepcontrol", at + 1));
      std::string without = ptx;
      without.replace(at, wait.size(), "");
      EXPECT_TRUE(code.isNoticed(without, BrokenCode::By::Defect))
          << "nobody misses " << code.line(at);
      // Behind all that the kernel does.
      size_t end = without.find("\tret;", at);
      ASSERT_NE(end, std::string::npos);
      without.insert(end, wait);
      EXPECT_TRUE(code.isNoticed(without, BrokenCode::By::Defect))
          << "nobody notices that it moved from " << code.line(at);
    }
    EXPECT_GT(kernels, 0u);
  }

  /// Loads of global memory before the kernel's wait, in its PTX and, where it can
  /// be assembled, in its machine code: ptxas moves those of constant memory.
  void expectLoadsBeforeWait(const KernelText &text, size_t least) {
    LabKernels kernels = lab.compile({text});
    ASSERT_EQ(kernels.size(), 1u);
    const std::string &ptx = lab.ptx();
    size_t wait = ptx.find("griddepcontrol.wait"), count = 0;
    for (size_t at = ptx.find("ld.global"); at < wait;
         at = ptx.find("ld.global", at + 1))
      ++count;
    EXPECT_GE(count, least);
    if (!hasPtxas())
      return;
    std::string code = assembled(ptx, "sm_90a");
    auto cubin = readCubin({reinterpret_cast<const uint8_t *>(code.data()), code.size()},
                           "code");
    ASSERT_TRUE(cubin.ok()) << cubin.status().message();
    EXPECT_GE(machineLoadsBeforeWait(cubin->kernels.at(0).code), least);
  }

private:
  /// Of Hopper's machine code: instructions of 16 bytes, of which the low 12 bits say
  /// what it is.
  static size_t machineLoadsBeforeWait(std::span<const uint8_t> code) {
    constexpr unsigned load = 0x981, wait = 0x82e;
    size_t loads = 0;
    for (size_t at = 0; at + 16 <= code.size(); at += 16) {
      unsigned opcode = code[at] | (code[at + 1] & 15) << 8;
      if (opcode == wait)
        return loads;
      loads += opcode == load;
    }
    ADD_FAILURE() << "no wait in the machine code";
    return 0;
  }
};

TEST_F(GpuOverlap, Norm) { expectWaitNeeded(normTexts(129)[2]); }
TEST_F(GpuOverlap, Embedding) { expectWaitNeeded(embeddingTexts(19)[0]); }
TEST_F(GpuOverlap, Convolution) {
  expectWaitNeeded(convText({.E = 35, .W = 4, .biased = true, .silu = true}));
}
TEST_F(GpuOverlap, Scan) {
  KernelText text = scanText({.E = 21,
                              .N = 3,
                              .rank = 3,
                              .softplus = true,
                              .skip = true,
                              .gateAfter = true,
                              .split = true});
  for (const char *tokenClass : {"prefill", "decode"}) {
    text.tokenClass = tokenClass;
    expectLoadsBeforeWait(text, 2);
    expectWaitNeeded(text);
  }
}
TEST_F(GpuOverlap, Projection) {
  expectWaitNeeded(linearText({.K = 75, .O = 33, .norm = true}));
}
TEST_F(GpuOverlap, Sampling) { expectWaitNeeded(argmaxText(100, 97)); }

/// A projection of few rows, of whatever weights, on both units.
KernelText fewRows(const char *weights, bool onMatrixUnit) {
  KernelText text = narrowRows(
      storeMatrix(linearText({.K = 512, .O = 64, .norm = true}), "w", weights),
      "bf16", Narrow::Both);
  text.schedule = onMatrixUnit
                      ? schedule({{"lanes", 4},
                                  {"row_block", 8},
                                  {"col_block", 16},
                                  {"col_tile", 16},
                                  {"k_block", 512},
                                  {"threads", 64},
                                  {"mma", 16}})
                      : schedule({{"lanes", 8},
                                  {"row_block", 1},
                                  {"col_block", 32},
                                  {"col_tile", 2},
                                  {"k_block", 512},
                                  {"threads", 128}});
  return text;
}

// All loads of the first weights are on their way before the wait.
TEST_F(GpuOverlap, ProjectionOfFewRowsLoadsWeightsFirst) {
  for (bool onMatrixUnit : {false, true})
    for (const char *weights : {"bf16", "int8", "int4"}) {
      SCOPED_TRACE(std::string(weights) + (onMatrixUnit ? ", mma" : ""));
      KernelText text = fewRows(weights, onMatrixUnit);
      expectLoadsBeforeWait(text, 4);
      expectWaitNeeded(text);
    }
  // With a convolution of the rows too, which looks for its slots.
  KernelText text = linearText({.K = 512, .O = 9, .conv = {.W = 4}});
  text.schedule = schedule({{"lanes", 8},
                            {"row_block", 1},
                            {"col_block", 16},
                            {"col_tile", 2},
                            {"k_block", 512},
                            {"threads", 64}});
  expectLoadsBeforeWait(text, 8);
  expectWaitNeeded(text);
}

} // namespace
