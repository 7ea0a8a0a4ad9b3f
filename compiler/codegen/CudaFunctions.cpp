#include "compiler/codegen/CudaFunctions.h"

#include "llvm/Support/ErrorHandling.h"

#include <utility>

namespace mamba {

/// A function of the special function unit.
#define APPROXIMATE(name, op)                                                                      \
  "__device__ inline float " name "(float x) {\n"                                                  \
  "  float y;\n"                                                                                   \
  "  asm(\"" op ".approx.ftz.f32 %0, %1;\" : \"=f\"(y) : \"f\"(x));\n"                              \
  "  return y;\n}\n"

#define LOAD_MATRICES(name, order)                                                                 \
  "__device__ inline uint4 " name "(const char *row) {\n"                                          \
  "  uint4 m;\n"                                                                                   \
  "  asm volatile(\"ldmatrix.sync.aligned.m8n8.x4" order ".shared.b16 {%0, %1, %2, %3}, [%4];\"\n"  \
  "               : \"=r\"(m.x), \"=r\"(m.y), \"=r\"(m.z), \"=r\"(m.w)\n"                          \
  "               : \"r\"((unsigned)__cvta_generic_to_shared(row))\n"                              \
  "               : \"memory\");\n"                                                                \
  "  return m;\n}\n"

/// Products of 16x16 or 16x8 by 8 columns, added to sums in f32.
#define MULTIPLY16(name, type)                                                                     \
  "// c + a b of 16x16 by 16x8.\n"                                                                  \
  "__device__ inline void multiply" name "K16(float &c0, float &c1, float &c2, float &c3,\n"       \
  "                                       unsigned a0, unsigned a1, unsigned a2, unsigned a3,\n"   \
  "                                       unsigned b0, unsigned b1) {\n"                           \
  "  asm volatile(\"mma.sync.aligned.m16n8k16.row.col.f32." type "." type ".f32 \"\n"              \
  "               \"{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\"\n"           \
  "               : \"+f\"(c0), \"+f\"(c1), \"+f\"(c2), \"+f\"(c3)\n"                              \
  "               : \"r\"(a0), \"r\"(a1), \"r\"(a2), \"r\"(a3), \"r\"(b0), \"r\"(b1));\n}\n"
#define MULTIPLY8(name, type)                                                                      \
  "// c + a b of 16x8 by 8x8.\n"                                                                    \
  "__device__ inline void multiply" name "K8(float &c0, float &c1, float &c2, float &c3,\n"        \
  "                                      unsigned a0, unsigned a1, unsigned b0) {\n"               \
  "  asm volatile(\"mma.sync.aligned.m16n8k8.row.col.f32." type "." type ".f32 \"\n"               \
  "               \"{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};\"\n"                       \
  "               : \"+f\"(c0), \"+f\"(c1), \"+f\"(c2), \"+f\"(c3)\n"                              \
  "               : \"r\"(a0), \"r\"(a1), \"r\"(b0));\n}\n"

/// x y + z of two numbers a word.
#define FMA_PAIR(name, type)                                                                       \
  "__device__ inline unsigned fma" name "Pair(unsigned x, unsigned y, unsigned z) {\n"             \
  "  unsigned sum;\n"                                                                              \
  "  asm(\"fma.rn." type " %0, %1, %2, %3;\" : \"=r\"(sum) : \"r\"(x), \"r\"(y), \"r\"(z));\n"         \
  "  return sum;\n}\n"

/// All of them, in the order in which they are written.
static constexpr CudaFunction functions[] = {
    {"exp2Approx",
     "// 2^x, 1 / x and 1 / sqrt(x) of the special function unit; subnormals are zero.\n" //
     APPROXIMATE("exp2Approx", "ex2")},
    {"reciprocalApprox", APPROXIMATE("reciprocalApprox", "rcp")},
    {"rsqrtApprox", APPROXIMATE("rsqrtApprox", "rsqrt")},
    {"log2Approx", APPROXIMATE("log2Approx", "lg2")},
    {"fromHalf", R"(__device__ inline float fromHalf(unsigned short bits) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(bits));
  return y;
}
)"},
    {"toHalf", R"(__device__ inline unsigned short toHalf(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
)"},
    {"fromBfloat", R"(__device__ inline float fromBfloat(unsigned short bits) {
  return __uint_as_float((unsigned)bits << 16);
}
)"},
    {"toBfloat", R"(__device__ inline unsigned short toBfloat(float x) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
)"},
    {"joinShorts", R"(// Elements of a vector in a word, the first in the lowest bits.
__device__ inline unsigned joinShorts(unsigned short x, unsigned short y) {
  return x | (unsigned)y << 16;
}
)"},
    {"joinBytes", R"(// Elements of a vector in a word, the first in the lowest bits.
__device__ inline unsigned joinBytes(unsigned char x, unsigned char y, unsigned char z,
                                     unsigned char w) {
  return x | (unsigned)y << 8 | (unsigned)z << 16 | (unsigned)w << 24;
}
)"},
    {"loadMatrices",
     "// Four matrices of 8 rows of 16 bytes from shared memory: lane l names row l % 8 of\n"
     "// matrix l / 8, and gets four bytes of row l / 4 of each.\n" //
     LOAD_MATRICES("loadMatrices", "")},
    {"loadMatricesTransposed", "// The same of transposed matrices.\n" //
     LOAD_MATRICES("loadMatricesTransposed", ".trans")},
    {"multiplyBf16K16", MULTIPLY16("Bf16", "bf16")},
    {"multiplyF16K16", MULTIPLY16("F16", "f16")},
    {"multiplyBf16K8", MULTIPLY8("Bf16", "bf16")},
    {"multiplyF16K8", MULTIPLY8("F16", "f16")},
    {"fmaBf16Pair", FMA_PAIR("Bf16", "bf16x2")},
    {"fmaReluBf16Pair", FMA_PAIR("ReluBf16", "relu.bf16x2")},
    {"fmaF16Pair", FMA_PAIR("F16", "f16x2")},
    {"copyAsync", R"(// Starts a copy of 16 bytes from global to shared memory.
__device__ inline void copyAsync(char *to, const char *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;"
               :
               : "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from)
               : "memory");
}
)"},
    {"copyAsyncFirst", R"(// The same, of which the first `bytes` are read and the rest are zeros.
__device__ inline void copyAsyncFirst(char *to, const char *from, unsigned bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"((unsigned)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes)
               : "memory");
}
)"},
    {"commitCopies", R"(// The copies since the last such call are a group.
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" : : : "memory"); }
)"},
    {"waitForCopies", R"(// All but the last `groups` groups have come.
template <int groups> __device__ inline void waitForCopies() {
  asm volatile("cp.async.wait_group %0;" : : "n"(groups) : "memory");
}
)"},
    {"divideUnsigned", R"(__device__ inline long long divideUnsigned(long long x, long long y) {
  return (long long)((unsigned long long)x / (unsigned long long)y);
}
)"},
    {"remainderUnsigned", R"(__device__ inline long long remainderUnsigned(long long x, long long y) {
  return (long long)((unsigned long long)x % (unsigned long long)y);
}
)"},
    {"fabsf", ""},
    {"__byte_perm", ""},
};

const CudaFunction &cudaFunction(llvm::StringRef name) {
  for (const CudaFunction &function : functions)
    if (function.name == name)
      return function;
  llvm_unreachable("no such function");
}

const CudaFunction *cudaFunctionOf(llvm::StringRef intrinsic) {
  static constexpr std::pair<llvm::StringRef, llvm::StringRef> known[] = {
      {"llvm.nvvm.ex2.approx.ftz.f", "exp2Approx"},
      {"llvm.nvvm.rcp.approx.ftz.f", "reciprocalApprox"},
      {"llvm.nvvm.rsqrt.approx.ftz.f", "rsqrtApprox"},
      {"llvm.nvvm.lg2.approx.ftz.f", "log2Approx"},
      {"llvm.nvvm.prmt", "__byte_perm"},
      {"llvm.nvvm.fma.rn.bf16x2", "fmaBf16Pair"},
      {"llvm.nvvm.fma.rn.relu.bf16x2", "fmaReluBf16Pair"},
      {"llvm.nvvm.fma.rn.f16x2", "fmaF16Pair"},
      {"llvm.fabs", "fabsf"},
      {"llvm.fabs.f32", "fabsf"},
  };
  for (auto [name, function] : known)
    if (name == intrinsic)
      return &cudaFunction(function);
  return nullptr;
}

std::string textOf(const CudaFunctions &used) {
  std::string text;
  for (const CudaFunction &function : functions)
    if (used.contains(&function) && !function.text.empty())
      text += "\n" + function.text.str();
  return text;
}

} // namespace mamba
