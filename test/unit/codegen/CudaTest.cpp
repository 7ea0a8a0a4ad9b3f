// Kernels in CUDA C++: what is written, and what is refused.
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/codegen/CudaShell.h"
#include "compiler/codegen/CudaText.h"
#include "compiler/codegen/Nvrtc.h"
#include "compiler/pipeline/Pipeline.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <string>

using namespace mlir;
using namespace mamba;

namespace {

class CudaTest : public testing::Test {
protected:
  CudaTest() {
    DialectRegistry registry;
    registerCompiler(registry);
    registerCodegen(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        errors += diagnostic.str() + "\n";
    });
  }

  /// The C++ of a kernel `k` with that body over `%x` and `%y`, memory of 64
  /// floats; empty after an error.
  std::string cudaOf(const std::string &body) {
    auto module = parseSourceString<ModuleOp>(R"(
      module attributes {ssm.target = "cuda:sm_80"} {
        gpu.module @code {
          gpu.func @k(%xp: memref<f32> {llvm.noalias}, %yp: memref<f32> {llvm.noalias}) kernel
              attributes {nvvm.reqntid = array<i32: 32, 1, 1>} {
            %c0 = arith.constant 0 : index
            %c1 = arith.constant 1 : index
            %c8 = arith.constant 8 : index
            %zero = arith.constant 0.0 : f32
            %t = gpu.thread_id x upper_bound 32
            %x = memref.reinterpret_cast %xp to offset: [0], sizes: [64], strides: [1]
              : memref<f32> to memref<64xf32>
            %y = memref.reinterpret_cast %yp to offset: [0], sizes: [64], strides: [1]
              : memref<f32> to memref<64xf32>
            )" + body + R"(
            gpu.return
          }
        }
      })", &context);
    std::string ptx = ".visible .entry k(\n\t.param .u64 k_param_0,\n\t.param .u64 k_param_1\n)\n"
                      "{\n\tret;\n}\n";
    if (!module)
      return "";
    FailureOr<std::string> text = emitCuda(*module, ptx);
    return succeeded(text) ? *text : "";
  }

  void expectRefused(const std::string &body, const std::string &message) {
    errors.clear();
    EXPECT_EQ(cudaOf(body), "");
    EXPECT_NE(errors.find(message), std::string::npos) << errors;
    EXPECT_EQ(errors.find('\n'), errors.size() - 1) << errors;
  }
  void expectWritten(const std::string &body, const std::string &text) {
    errors.clear();
    std::string cuda = cudaOf(body);
    EXPECT_NE(cuda.find(text), std::string::npos) << errors << cuda;
  }

  MLIRContext context;
  std::string errors;
};

TEST_F(CudaTest, WhatHasNoCxxIsRefusedByName) {
  expectRefused(R"(%v = memref.load %x[%t] : memref<64xf32>
                   %w = math.exp %v : f32
                   memref.store %w, %y[%t] : memref<64xf32>)",
                "'math.exp' has no CUDA C++");
  expectRefused(R"(%v = memref.load %x[%t] : memref<64xf32>
                   %w = arith.extf %v : f32 to f64
                   %s = arith.addf %w, %w : f64
                   %r = arith.truncf %s : f64 to f32
                   memref.store %r, %y[%t] : memref<64xf32>)",
                "'arith.extf' has no CUDA C++: it makes a value of type 'f64'");
  expectRefused(R"(%v = vector.load %x[%t] {alignment = 16 : i64} : memref<64xf32>, vector<4xf32>
                   %w = vector.extract %v[%t] : f32 from vector<4xf32>
                   memref.store %w, %y[%t] : memref<64xf32>)",
                "'vector.extract' has no CUDA C++: it takes no element of known place");
  expectRefused(R"(%v = vector.load %x[%t] : memref<64xf32>, vector<4xf32>
                   vector.store %v, %y[%t] {alignment = 16 : i64} : memref<64xf32>, vector<4xf32>)",
                "'vector.load' has no CUDA C++: its 16 bytes are not aligned to 4");
  expectRefused(R"(%v = memref.load %x[%t] : memref<64xf32>
                   %w = llvm.call_intrinsic "llvm.nvvm.sin.approx.ftz.f"(%v) : (f32) -> f32
                   memref.store %w, %y[%t] : memref<64xf32>)",
                "it calls llvm.nvvm.sin.approx.ftz.f");
  expectRefused("nvvm.barrier0\n%v = memref.load %x[%t] : memref<64xf32>\n"
                "%w = arith.maximumf %v, %zero : f32\n"
                "memref.store %w, %y[%t] : memref<64xf32>",
                "'arith.maximumf' has no CUDA C++");
}

// A vector that no variable can hold: a variable for each element, also where a
// loop carries it, where a branch chooses it and where vectors change places.
TEST_F(CudaTest, LongVectorsAreCarriedByElements) {
  expectWritten(R"(
    %start = vector.broadcast %zero : f32 to vector<5xf32>
    %sum = scf.for %i = %c0 to %c8 step %c1 iter_args(%p = %start) -> (vector<5xf32>) {
      %v = memref.load %x[%i] : memref<64xf32>
      %all = vector.broadcast %v : f32 to vector<5xf32>
      %next = arith.addf %p, %all : vector<5xf32>
      scf.yield %next : vector<5xf32>
    }
    %last = vector.extract %sum[4] : f32 from vector<5xf32>
    memref.store %last, %y[%t] : memref<64xf32>)",
                R"(
  float sum0 = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum3 = 0.0f, sum4 = 0.0f;
  for (long long i = 0; i < 8; ++i) {
    sum0 = sum0 + a0[i];
    sum1 = sum1 + a0[i];
    sum2 = sum2 + a0[i];
    sum3 = sum3 + a0[i];
    sum4 = sum4 + a0[i];
  }
  a1[thread] = sum4;
)");
  std::string cuda = cudaOf(R"(
    %v = memref.load %x[%c0] : memref<64xf32>
    %a = vector.broadcast %zero : f32 to vector<8xf32>
    %b = vector.broadcast %v : f32 to vector<8xf32>
    %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%p = %a, %q = %b)
        -> (vector<8xf32>, vector<8xf32>) {
      scf.yield %q, %p : vector<8xf32>, vector<8xf32>
    }
    %isFirst = arith.cmpi eq, %t, %c0 : index
    %chosen = scf.if %isFirst -> (vector<8xf32>) {
      scf.yield %r#0 : vector<8xf32>
    } else {
      scf.yield %r#1 : vector<8xf32>
    }
    %last = vector.extract %chosen[7] : f32 from vector<8xf32>
    memref.store %last, %y[%t] : memref<64xf32>)");
  EXPECT_EQ(errors, "");
  for (const char *text : {"float v0 = 0.0f, v1 = 0.0f", "    const float next7 = v7;\n    v0 = v8;\n",
                           "    v8 = next0;\n", "    v15 = next7;\n  }\n"})
    EXPECT_NE(cuda.find(text), std::string::npos) << text << cuda;
  EXPECT_NE(cuda.find("  a1[thread] = thread == 0 ? v7 : v15;\n"), std::string::npos) << cuda;
}

// Values that a loop carries may change places.
TEST_F(CudaTest, CarriedValuesChangePlaces) {
  std::string cuda = cudaOf(R"(
    %a = memref.load %x[%c0] : memref<64xf32>
    %b = memref.load %x[%c1] : memref<64xf32>
    %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%p = %a, %q = %b) -> (f32, f32) {
      scf.yield %q, %p : f32, f32
    }
    memref.store %r#0, %y[%c0] : memref<64xf32>
    memref.store %r#1, %y[%c1] : memref<64xf32>)");
  EXPECT_NE(cuda.find("    const float next0 = a0_0;\n    a0_0 = a0_1;\n    a0_1 = next0;\n"),
            std::string::npos)
      << errors << cuda;
}

TEST_F(CudaTest, SumsGoOnInTheirVariable) {
  expectWritten(R"(
    %r = scf.for %i = %c0 to %c8 step %c1 iter_args(%p = %zero) -> f32 {
      %v = memref.load %x[%i] : memref<64xf32>
      %s = math.fma %v, %v, %p : f32
      scf.yield %s : f32
    }
    memref.store %r, %y[%t] : memref<64xf32>)",
                "  float sum0 = 0.0f;\n"
                "  for (long long i = 0; i < 8; ++i) {\n"
                "    const float a0_0 = a0[i];\n"
                "    sum0 = fmaf(a0_0, a0_0, sum0);\n"
                "  }\n"
                "  a1[thread] = sum0;\n");
}

TEST_F(CudaTest, ABranchThatOnlyChoosesIsAnExpression) {
  expectWritten(R"(
    %in = arith.cmpi slt, %t, %c8 : index
    %r = scf.if %in -> f32 {
      %v = memref.load %x[%t] : memref<64xf32>
      scf.yield %v : f32
    } else {
      scf.yield %zero : f32
    }
    memref.store %r, %y[%t] : memref<64xf32>)",
                "thread < 8 ? a0[thread] : 0.0f;\n");
}

// A load does not move past a store or a barrier.
TEST_F(CudaTest, LoadsStayBeforeStores) {
  expectWritten(R"(
    %v = memref.load %x[%t] : memref<64xf32>
    memref.store %zero, %y[%t] : memref<64xf32>
    gpu.barrier
    %w = arith.addf %v, %v : f32
    memref.store %v, %y[%c0] : memref<64xf32>)",
                "  const float a0_0 = a0[thread];\n"
                "  a1[thread] = 0.0f;\n"
                "  __syncthreads();\n"
                "  a1[0] = a0_0;\n");
}

TEST(CudaText, LinesBreakBehindCommas) {
  CudaText text;
  text.indent = 1;
  text.line("f(" + std::string(60, 'a') + ", " + std::string(60, 'b') + ");");
  EXPECT_EQ(text.str(),
            "  f(" + std::string(60, 'a') + ",\n      " + std::string(60, 'b') + ");\n");
}

TEST(CudaText, NamesAreWhole) {
  EXPECT_TRUE(mentions("a + sum1", "sum1"));
  EXPECT_FALSE(mentions("a + sum12", "sum1"));
  EXPECT_FALSE(mentions("my_sum1", "sum1"));
}

TEST(CudaShell, RegistersLabelsAndParameters) {
  std::string ptx = ".version 8.0\n.target sm_80\n.address_size 64\n"
                    ".visible .entry k(\n\t.param .u64 k_param_0,\n"
                    "\t.param .u64 .ptr .align 4 k_param_1\n)\n.reqntid 32, 1, 1\n{\n"
                    "\t.reg .b64 \t%rd<3>;\n\tld.param.b64 \t%rd1, [k_param_1];\n"
                    "\tmov.u32 \t%r1, %tid.x;\n\tbra \t$L__BB0_1;\n$L__BB0_1:\n"
                    "\t.pragma \"nounroll\";\n\tret;\n}\n";
  std::vector<PtxEntry> entries;
  std::string error;
  ASSERT_TRUE(splitPtx(ptx, entries, error)) << error;
  ASSERT_EQ(entries.size(), 1u);
  std::string text = asmOf(entries[0], {"rows", "x"}, error);
  EXPECT_EQ(error, "");
  EXPECT_NE(text.find("\"mov.b64 %%ptx_rd1, %0;\\n\""), std::string::npos) << text;
  EXPECT_NE(text.find("%%tid.x"), std::string::npos) << text;
  EXPECT_NE(text.find("ptx_L__BB0_1:"), std::string::npos) << text;
  EXPECT_NE(text.find(".pragma \\\"nounroll\\\";"), std::string::npos) << text;
  EXPECT_NE(text.find(": \"l\"(x)"), std::string::npos) << text;
  EXPECT_FALSE(splitPtx(ptx + ".global .b8 x[4];\n", entries, error));
  EXPECT_EQ(error, "the PTX has '.global .b8 x[4];' outside of its kernels");
}

TEST(Nvrtc, ItsComplaintIsOneLine) {
  std::string error;
  FailureOr<NvrtcCode> code = compileCuda("nonsense", "sm_80", /*fromPtx=*/false, error);
  EXPECT_TRUE(failed(code));
  EXPECT_FALSE(error.empty());
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  if (!hasNvrtc())
    GTEST_SKIP() << nvrtcName();
  EXPECT_EQ(error.find("NVRTC refuses the C++: "), 0u) << error;
}

} // namespace
