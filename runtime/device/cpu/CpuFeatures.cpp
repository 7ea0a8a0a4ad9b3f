// The bits are from Intel's and AMD's manuals (instruction CPUID) and, for
// AArch64, Linux's elf_hwcaps; the names are LLVM's.
#include "runtime/device/cpu/CpuFeatures.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

using namespace mamba;

#if defined(__x86_64__)

std::string_view mamba::hostArch() { return "x86_64"; }

namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// Leaves that a processor does not have read as zero.
class CpuId {
public:
  CpuId()
      : max_(__get_cpuid_max(0, nullptr)),
        maxExtended_(__get_cpuid_max(0x80000000, nullptr)) {}

  Registers leaf(uint32_t number, uint32_t sub = 0) const {
    Registers r;
    if (number <= (number < 0x80000000 ? max_ : maxExtended_))
      __cpuid_count(number, sub, r.eax, r.ebx, r.ecx, r.edx);
    return r;
  }

private:
  uint32_t max_, maxExtended_;
};

/// Registers that the operating system saves when it switches threads.
enum Saved : uint8_t { Any, Avx, Avx512, Amx, Apx };

struct Bit {
  const char *name;
  uint8_t bit;
  Saved needs = Any;
};

// One table a register of a leaf.
constexpr Bit kLeaf1Ecx[] = {
    {"sse3", 0},      {"pclmul", 1},     {"ssse3", 9},   {"fma", 12, Avx},
    {"cx16", 13},     {"sse4.1", 19},    {"sse4.2", 20}, {"crc32", 20},
    {"movbe", 22},    {"popcnt", 23},    {"aes", 25},    {"xsave", 26, Avx},
    {"avx", 28, Avx}, {"f16c", 29, Avx}, {"rdrnd", 30}};
constexpr Bit kLeaf1Edx[] = {{"x87", 0},  {"cx8", 8},   {"cmov", 15},
                             {"mmx", 23}, {"fxsr", 24}, {"sse", 25},
                             {"sse2", 26}};
constexpr Bit kLeaf7Ebx[] = {{"fsgsbase", 0},
                             {"sgx", 2},
                             {"bmi", 3},
                             {"avx2", 5, Avx},
                             {"bmi2", 8},
                             {"invpcid", 10},
                             {"rtm", 11},
                             {"avx512f", 16, Avx512},
                             {"avx512dq", 17, Avx512},
                             {"rdseed", 18},
                             {"adx", 19},
                             {"avx512ifma", 21, Avx512},
                             {"clflushopt", 23},
                             {"clwb", 24},
                             {"avx512cd", 28, Avx512},
                             {"sha", 29},
                             {"avx512bw", 30, Avx512},
                             {"avx512vl", 31, Avx512}};
constexpr Bit kLeaf7Ecx[] = {{"avx512vbmi", 1, Avx512},
                             {"pku", 4},
                             {"waitpkg", 5},
                             {"avx512vbmi2", 6, Avx512},
                             {"shstk", 7},
                             {"gfni", 8},
                             {"vaes", 9, Avx},
                             {"vpclmulqdq", 10, Avx},
                             {"avx512vnni", 11, Avx512},
                             {"avx512bitalg", 12, Avx512},
                             {"avx512vpopcntdq", 14, Avx512},
                             {"rdpid", 22},
                             {"kl", 23},
                             {"cldemote", 25},
                             {"movdiri", 27},
                             {"movdir64b", 28},
                             {"enqcmd", 29}};
constexpr Bit kLeaf7Edx[] = {{"uintr", 5},
                             {"avx512vp2intersect", 8, Avx512},
                             {"serialize", 14},
                             {"tsxldtrk", 16},
                             {"pconfig", 18},
                             {"amx-bf16", 22, Amx},
                             {"avx512fp16", 23, Avx512},
                             {"amx-tile", 24, Amx},
                             {"amx-int8", 25, Amx}};
constexpr Bit kLeaf7Sub1Eax[] = {{"sha512", 0},       {"sm3", 1},
                                 {"sm4", 2},          {"raoint", 3},
                                 {"avxvnni", 4, Avx}, {"avx512bf16", 5, Avx512},
                                 {"cmpccxadd", 7},    {"amx-fp16", 21, Amx},
                                 {"hreset", 22},      {"avxifma", 23, Avx},
                                 {"movrs", 31}};
constexpr Bit kLeaf7Sub1Edx[] = {
    {"avxvnniint8", 4, Avx}, {"avxneconvert", 5, Avx},
    {"amx-complex", 8, Amx}, {"avxvnniint16", 10, Avx},
    {"prefetchi", 14},       {"usermsr", 15},
    {"egpr", 21, Apx},       {"push2pop2", 21, Apx},
    {"ppx", 21, Apx},        {"ndd", 21, Apx},
    {"ccmp", 21, Apx},       {"nf", 21, Apx},
    {"cf", 21, Apx},         {"zu", 21, Apx},
    {"jmpabs", 21, Apx}};
constexpr Bit kLeafDSub1Eax[] = {
    {"xsaveopt", 0, Avx}, {"xsavec", 1, Avx}, {"xsaves", 3, Avx}};
constexpr Bit kLeaf14Ebx[] = {{"ptwrite", 4}};
constexpr Bit kLeaf19Ebx[] = {{"widekl", 2}};
constexpr Bit kLeaf1ESub1Eax[] = {{"amx-fp8", 4, Amx},
                                  {"amx-tf32", 6, Amx},
                                  {"amx-avx512", 7, Amx},
                                  {"amx-movrs", 8, Amx}};
constexpr Bit kExtended1Ecx[] = {
    {"sahf", 0},       {"lzcnt", 5},     {"sse4a", 6},
    {"prfchw", 8},     {"xop", 11, Avx}, {"lwp", 15},
    {"fma4", 16, Avx}, {"tbm", 21},      {"mwaitx", 29}};
constexpr Bit kExtended1Edx[] = {{"64bit", 29}};
constexpr Bit kExtended8Ebx[] = {{"clzero", 0}, {"rdpru", 4}, {"wbnoinvd", 9}};

} // namespace

static uint64_t readXcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

CpuFeatures CpuFeatures::detect() {
  CpuId cpuid;
  Registers leaf1 = cpuid.leaf(1);
  bool osSaves = leaf1.ecx >> 27 & 1;
  uint64_t xcr0 = osSaves ? readXcr0() : 0;
  bool avx = (leaf1.ecx >> 28 & 1) && (xcr0 & 0x6) == 0x6;
  bool saved[] = {true, avx, avx && (xcr0 & 0xe0) == 0xe0,
                  (xcr0 & 0x60000) == 0x60000, (xcr0 & 0x80000) == 0x80000};

  CpuFeatures features;
  auto add = [&](auto &table, uint32_t value) {
    for (const Bit &bit : table)
      features.all_[bit.name] = (value >> bit.bit & 1) && saved[bit.needs];
  };
  add(kLeaf1Ecx, leaf1.ecx);
  add(kLeaf1Edx, leaf1.edx);
  Registers leaf7 = cpuid.leaf(7);
  add(kLeaf7Ebx, leaf7.ebx);
  add(kLeaf7Ecx, leaf7.ecx);
  add(kLeaf7Edx, leaf7.edx);
  Registers leaf7Sub1 = leaf7.eax >= 1 ? cpuid.leaf(7, 1) : Registers();
  add(kLeaf7Sub1Eax, leaf7Sub1.eax);
  add(kLeaf7Sub1Edx, leaf7Sub1.edx);
  add(kLeafDSub1Eax, cpuid.leaf(0xd, 1).eax);
  add(kLeaf14Ebx, cpuid.leaf(0x14).ebx);
  add(kLeaf19Ebx, cpuid.leaf(0x19).ebx);
  Registers leaf1E = cpuid.leaf(0x1e);
  add(kLeaf1ESub1Eax, leaf1E.eax >= 1 ? cpuid.leaf(0x1e, 1).eax : 0);
  Registers extended1 = cpuid.leaf(0x80000001);
  add(kExtended1Ecx, extended1.ecx);
  add(kExtended1Edx, extended1.edx);
  add(kExtended8Ebx, cpuid.leaf(0x80000008).ebx);

  bool hasAvx10 = (leaf7Sub1.edx >> 19 & 1) && saved[Avx512];
  uint32_t avx10 = hasAvx10 ? cpuid.leaf(0x24).ebx & 0xff : 0;
  features.all_["avx10.1"] = avx10 >= 1;
  features.all_["avx10.2"] = avx10 >= 2;
  features.all_["nopl"] = true; // Every x86-64 has it.
  return features;
}

Status mamba::requestAmx() {
#ifdef __linux__
  constexpr long kRequestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;              // XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0)
    return {};
  return unavailable("the operating system refuses AMX: " +
                     std::string(std::strerror(errno)));
#else
  return {};
#endif
}

#elif defined(__aarch64__)

std::string_view mamba::hostArch() { return "aarch64"; }

Status mamba::requestAmx() { return unavailable("this processor has no AMX"); }

CpuFeatures CpuFeatures::detect() {
  CpuFeatures features;
  features.all_["neon"] = features.all_["fp-armv8"] = true;
#ifdef __linux__
  struct Bit {
    const char *name;
    bool second; // Of AT_HWCAP2.
    uint8_t bit;
  };
  constexpr Bit kBits[] = {
      {"aes", false, 3},     {"sha2", false, 6},        {"crc", false, 7},
      {"lse", false, 8},     {"fullfp16", false, 10},   {"rdm", false, 12},
      {"jsconv", false, 13}, {"complxnum", false, 14},  {"rcpc", false, 15},
      {"sha3", false, 17},   {"sm4", false, 19},        {"dotprod", false, 20},
      {"sve", false, 22},    {"fp16fml", false, 23},    {"sve2", true, 1},
      {"sve2-aes", true, 2}, {"sve2-bitperm", true, 4}, {"f32mm", true, 10},
      {"f64mm", true, 11},   {"i8mm", true, 13},        {"bf16", true, 14},
      {"sme", true, 23}};
  unsigned long caps[] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
  for (const Bit &bit : kBits)
    features.all_[bit.name] = caps[bit.second] >> bit.bit & 1;
#endif
  return features;
}

#else

std::string_view mamba::hostArch() { return "unknown"; }
Status mamba::requestAmx() { return unavailable("this processor has no AMX"); }
CpuFeatures CpuFeatures::detect() { return {}; }

#endif
