#include "runtime/device/cpu/CpuFeatures.h"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

using namespace mamba;

#if defined(__x86_64__)
TEST(CpuFeatures, BaselineIsThere) {
  CpuFeatures features = CpuFeatures::detect();
  for (const char *name :
       {"64bit", "x87", "cx8", "cmov", "fxsr", "mmx", "sse", "sse2", "nopl"})
    EXPECT_TRUE(features.has(name)) << name;
  EXPECT_EQ(hostArch(), "x86_64");
}

// All that LLVM's getHostCPUFeatures reports is known.
TEST(CpuFeatures, LlvmNamesAreKnown) {
  CpuFeatures features = CpuFeatures::detect();
  std::istringstream names(
      "64bit adx aes amx-avx512 amx-bf16 amx-complex amx-fp16 amx-fp8 amx-int8 "
      "amx-movrs amx-tf32 amx-tile avx avx10.1 avx10.2 avx2 avx512bf16 "
      "avx512bitalg avx512bw avx512cd avx512dq avx512f avx512fp16 avx512ifma "
      "avx512vbmi avx512vbmi2 avx512vl avx512vnni avx512vp2intersect "
      "avx512vpopcntdq avxifma avxneconvert avxvnni avxvnniint16 avxvnniint8 "
      "bmi bmi2 ccmp cf cldemote clflushopt clwb clzero cmov cmpccxadd crc32 "
      "cx16 cx8 egpr enqcmd f16c fma fma4 fsgsbase fxsr gfni hreset invpcid kl "
      "lwp lzcnt mmx movbe movdir64b movdiri movrs mwaitx ndd nf pclmul "
      "pconfig "
      "pku popcnt ppx prefetchi prfchw ptwrite push2pop2 raoint rdpid rdpru "
      "rdrnd rdseed rtm sahf serialize sgx sha sha512 shstk sm3 sm4 sse sse2 "
      "sse3 sse4.1 sse4.2 sse4a ssse3 tbm tsxldtrk uintr usermsr vaes "
      "vpclmulqdq waitpkg wbnoinvd widekl xop xsave xsavec xsaveopt xsaves zu");
  for (std::string name; names >> name;)
    EXPECT_TRUE(features.isKnown(name)) << name;
  EXPECT_FALSE(features.isKnown("avx9000"));
  EXPECT_FALSE(features.has("avx9000"));
}

// The kernel's view, where it has names for the same.
TEST(CpuFeatures, AgreesWithTheKernel) {
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.rfind("flags", 0) == 0) {
      std::istringstream words(line.substr(line.find(':') + 1));
      for (std::string word; words >> word;)
        flags.insert(word);
      break;
    }
  if (flags.empty())
    GTEST_SKIP() << "no flags in /proc/cpuinfo";
  CpuFeatures features = CpuFeatures::detect();
  for (auto [ours, theirs] :
       std::initializer_list<std::pair<const char *, const char *>>{
           {"sse4.1", "sse4_1"},
           {"sse4.2", "sse4_2"},
           {"ssse3", "ssse3"},
           {"avx", "avx"},
           {"avx2", "avx2"},
           {"fma", "fma"},
           {"f16c", "f16c"},
           {"bmi", "bmi1"},
           {"bmi2", "bmi2"},
           {"lzcnt", "abm"},
           {"movbe", "movbe"},
           {"popcnt", "popcnt"},
           {"avx512f", "avx512f"},
           {"avx512bw", "avx512bw"},
           {"avx512dq", "avx512dq"},
           {"avx512vl", "avx512vl"},
           {"avx512cd", "avx512cd"},
           {"avx512vnni", "avx512_vnni"},
           {"avx512bf16", "avx512_bf16"},
           {"avx512fp16", "avx512_fp16"},
           {"avx512vbmi", "avx512vbmi"},
           {"avxvnni", "avx_vnni"},
           {"amx-tile", "amx_tile"},
           {"amx-bf16", "amx_bf16"},
           {"amx-int8", "amx_int8"},
           {"gfni", "gfni"},
           {"vaes", "vaes"}})
    EXPECT_EQ(features.has(ours), flags.count(theirs) == 1) << ours;
}

TEST(CpuFeatures, AmxIsGrantedWhereItIs) {
  if (!CpuFeatures::detect().has("amx-tile"))
    GTEST_SKIP() << "this processor has no AMX";
  Status status = requestAmx();
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(requestAmx().ok()) << "twice is fine";
}
#endif
