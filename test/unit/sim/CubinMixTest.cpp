// Cubins: what the reader finds in real ones, that damaged ones are refused, and
// the instruction mix of machine code. How they were made: cubin/small.ptx.
#include "runtime/device/sim/PtxMix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>

using namespace mamba;
using namespace mamba::sim;

namespace {

std::vector<uint8_t> load(const char *name) {
  std::ifstream file(std::string(MAMBA_SIM_CUBINS) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(CubinMix, KernelsOfRealCubins) {
  for (auto [name, chip] :
       {std::pair("small.sm_80.cubin", 80u), std::pair("small.sm_120.cubin", 120u)}) {
    std::vector<uint8_t> bytes = load(name);
    Result<Cubin> cubin = readCubin(bytes, name);
    ASSERT_TRUE(cubin.ok()) << cubin.status().message();
    EXPECT_EQ(cubin->chip, chip);
    ASSERT_EQ(cubin->kernels.size(), 2u);
    for (const CubinKernel &kernel : cubin->kernels) {
      EXPECT_GE(kernel.registers, 8u);
      EXPECT_LE(kernel.registers, 16u);
      bool isSmall = kernel.name == "small";
      EXPECT_TRUE(isSmall || kernel.name == "spills") << kernel.name;
      // Without the KB that the driver keeps on sm_120.
      EXPECT_EQ(kernel.sharedBytes, isSmall ? 1024u : 0u) << name;
      EXPECT_EQ(kernel.localBytes, isSmall ? 0u : 64u) << name;
      EXPECT_EQ(kernel.code.size() % 16, 0u);
    }
  }
}

TEST(CubinMix, CountsOfRealCode) {
  for (const char *name : {"small.sm_80.cubin", "small.sm_120.cubin"}) {
    std::vector<uint8_t> bytes = load(name);
    Result<Cubin> cubin = readCubin(bytes, name);
    ASSERT_TRUE(cubin.ok());
    for (const CubinKernel &kernel : cubin->kernels) {
      InstructionMix mix = mixOfCode(kernel.code, cubin->chip);
      bool isSmall = kernel.name == "small";
      EXPECT_EQ(mix[MixClass::Special], isSmall ? 2u : 0u) << name;
      EXPECT_EQ(mix[MixClass::LoadShared], isSmall ? 1u : 0u) << name;
      EXPECT_EQ(mix[MixClass::StoreShared], isSmall ? 1u : 0u) << name;
      EXPECT_EQ(mix[MixClass::Barrier], isSmall ? 1u : 0u) << name;
      EXPECT_EQ(mix[MixClass::LoadLocal], isSmall ? 0u : 1u) << name;
      EXPECT_EQ(mix[MixClass::StoreLocal], isSmall ? 0u : 1u) << name;
      EXPECT_EQ(mix[MixClass::LoadGlobal], 1u) << name;
      EXPECT_EQ(mix[MixClass::StoreGlobal], 1u) << name;
      EXPECT_GE(mix[MixClass::Fma], isSmall ? 1u : 0u) << name;
      EXPECT_GE(mix[MixClass::Control], 1u) << name;
      EXPECT_EQ(mix[MixClass::Other], 0u) << name;
      EXPECT_LT(mix.total(), kernel.code.size() / 16);
    }
  }
}

TEST(CubinMix, OfTheSamePtx) {
  std::vector<uint8_t> text = load("small.ptx");
  auto module = Module::load({reinterpret_cast<const char *>(text.data()), text.size()}, "small.ptx");
  ASSERT_TRUE(module.ok()) << module.status().message();
  InstructionMix small = mixOfPtx(**module, uint32_t((*module)->find("small")));
  EXPECT_EQ(small[MixClass::Special], 2u);
  EXPECT_EQ(small[MixClass::Fma], 1u);
  EXPECT_EQ(small[MixClass::LoadGlobal], 1u);
  EXPECT_EQ(small[MixClass::LoadShared], 1u);
  EXPECT_EQ(small[MixClass::Barrier], 1u);
  EXPECT_EQ(small[MixClass::Control], 1u);
  EXPECT_EQ(small.total(), 18u);
  InstructionMix spills = mixOfPtx(**module, uint32_t((*module)->find("spills")));
  EXPECT_EQ(spills[MixClass::LoadLocal], 1u);
  EXPECT_EQ(spills[MixClass::StoreLocal], 1u);
  EXPECT_EQ(spills[MixClass::Fma], 0u);
}

// One operation that changed its meaning, padding, and one that nobody has.
TEST(CubinMix, OperationsByChip) {
  std::vector<uint8_t> code(3 * 16);
  uint64_t operations[] = {0x7835, 0x7918, 0x79ff};
  for (size_t i = 0; i < 3; ++i)
    std::memcpy(&code[16 * i], &operations[i], 8);
  InstructionMix before = mixOfCode(code, 90), after = mixOfCode(code, 100);
  EXPECT_EQ(before[MixClass::Fma], 1u);
  EXPECT_EQ(after[MixClass::Integer], 1u);
  EXPECT_EQ(before[MixClass::Other], 1u);
  EXPECT_EQ(before.total(), 2u);
}

TEST(CubinMix, DamagedOnesAreRefused) {
  std::vector<uint8_t> good = load("small.sm_80.cubin");
  ASSERT_FALSE(good.empty());
  EXPECT_FALSE(readCubin({}, "x").ok());
  EXPECT_EQ(readCubin(std::vector<uint8_t>(100, 'x'), "x.cubin").status().message(),
            "x.cubin: not a cubin: give the output of ptxas or nvJitLink");
  // Cut anywhere: refused, or what is left is still consistent.
  for (size_t size = 0; size < good.size(); size += 7) {
    std::vector<uint8_t> cut(good.begin(), good.begin() + long(size));
    Result<Cubin> cubin = readCubin(cut, "x");
    if (cubin.ok())
      EXPECT_LE(cubin->kernels.size(), 2u);
  }
  // Any byte changed: never outside the bytes (sanitizers would say), code within.
  for (size_t i = 0; i < good.size(); ++i)
    for (uint8_t flip : {0x01, 0x80, 0xff}) {
      std::vector<uint8_t> bad = good;
      bad[i] ^= flip;
      Result<Cubin> cubin = readCubin(bad, "x");
      if (!cubin.ok())
        continue;
      for (const CubinKernel &kernel : cubin->kernels) {
        mixOfCode(kernel.code, cubin->chip);
        ASSERT_LE(kernel.code.size(), bad.size());
      }
    }
}

} // namespace
