#include "runtime/device/sim/CubinMix.h"

#include <cstring>
#include <iterator>
#include <numeric>

namespace mamba::sim {

namespace {

using M = MixClass;

constexpr size_t kInstructionBytes = 16;
constexpr uint32_t kOpcodeMask = 0x1ff;
constexpr uint16_t kNop = 0x118;

/// The lowest nine bits of an instruction. NVIDIA does not write them down; they
/// were found by assembling PTX of one instruction each with ptxas 13.0 for
/// sm_75 to sm_120. The names are those of NVIDIA's disassembler.
constexpr uint16_t kOpcodes[][32] = {
    // Fma: FMUL FADD FSWZADD FFMA FSEL FMNMX FSET FSETP FCHK; HADD2 HFMA2 HMUL2 HSET2 HSETP2
    // HFMA2.MMA HMNMX2; FFMA2 FMUL2 FADD2; FMNMX3
    {0x020, 0x021, 0x022, 0x023, 0x008, 0x009, 0x00a, 0x00b, 0x102, 0x030, 0x031, 0x032, 0x033,
     0x034, 0x035, 0x040, 0x049, 0x04a, 0x04b, 0x076},
    // Double: DMUL DADD DSETP DFMA
    {0x028, 0x029, 0x02a, 0x02b},
    // Special: MUFU
    {0x108},
    // Integer: the others below
    {},
    // Conversion: F2F F2I I2F FRND and their 64-bit forms, F2FP I2FP F2IP I2IP
    {0x104, 0x105, 0x106, 0x107, 0x110, 0x111, 0x112, 0x113, 0x03e, 0x045, 0x04d, 0x038},
    // LoadGlobal: LD LDG
    {0x180, 0x181},
    // StoreGlobal: ST STG
    {0x185, 0x186},
    // LoadShared: LDS LDSM
    {0x184, 0x03b},
    // StoreShared: STS STSM
    {0x188, 0x044},
    // LoadLocal: LDL
    {0x183},
    // StoreLocal: STL
    {0x187},
    // AsyncCopy: LDGSTS LDGDEPBAR DEPBAR
    {0x1ae, 0x1af, 0x11a},
    // Atomic: ATOM ATOMS ATOMG, their forms for CAS and floats, RED
    {0x18a, 0x18b, 0x18c, 0x18d, 0x18e, 0x1a3, 0x1a6, 0x1a8, 0x1a9},
    // Matrix: HMMA BMMA IMMA DMMA QMMA
    {0x03c, 0x03d, 0x037, 0x03f, 0x07a},
    // Shuffle: SHFL VOTE VOTEU MATCH REDUX MOVM
    {0x189, 0x006, 0x086, 0x1a1, 0x1c4, 0x03a},
    // Barrier: BAR B2R WARPSYNC MEMBAR ERRBAR UCGABAR
    {0x11d, 0x11c, 0x148, 0x192, 0x1ab, 0x1c7},
    // Control: BSYNC BREAK CALL BSSY YIELD BRA EXIT RET BMOV BPT NANOSLEEP
    {0x141, 0x142, 0x143, 0x144, 0x145, 0x146, 0x147, 0x14d, 0x150, 0x155, 0x15c, 0x15d}};
static_assert(std::size(kOpcodes) == unsigned(M::Other));

constexpr uint16_t kIntegerOpcodes[] = {
    // MOV P2R R2P CS2R SEL ISETP IADD3 LEA LOP3 IABS VABSDIFF PRMT IMNMX SHF SGXT BMSK PLOP3
    0x002, 0x003, 0x004, 0x005, 0x007, 0x00c, 0x010, 0x011, 0x012, 0x013, 0x014, 0x016, 0x017,
    0x019, 0x01a, 0x01b, 0x01c,
    // IMAD and its wide and high forms, IDP; VIADD VIADDMNMX VIMNMX; FLO BREV POPC
    0x024, 0x025, 0x026, 0x027, 0x036, 0x046, 0x048, 0x100, 0x101, 0x109,
    // S2R S2UR R2UR; LDC ULDC LDCU; CCTL
    0x119, 0x1c3, 0x1c2, 0x182, 0x0b9, 0x1ac, 0x18f,
    // UMOV UP2UR USEL UISETP UIADD3 ULEA ULOP3 UPRMT USHF USGXT UPLOP3 UIMAD UFLO UPOPC
    0x082, 0x083, 0x087, 0x08c, 0x090, 0x091, 0x092, 0x096, 0x099, 0x09a, 0x09c, 0x0a4, 0x0a5,
    0x0bd, 0x0bf};

/// HFMA2.MMA until sm_90, a 64-bit addition after it.
constexpr uint16_t kReused = 0x035;
constexpr unsigned kReusedSince = 100;

constexpr std::array<MixClass, kOpcodeMask + 1> byOpcode() {
  std::array<MixClass, kOpcodeMask + 1> kinds{};
  kinds.fill(M::Other);
  for (unsigned kind = 0; kind < std::size(kOpcodes); ++kind)
    for (uint16_t opcode : kOpcodes[kind])
      if (opcode != 0)
        kinds[opcode] = M(kind);
  for (uint16_t opcode : kIntegerOpcodes)
    kinds[opcode] = M::Integer;
  return kinds;
}
constexpr std::array<MixClass, kOpcodeMask + 1> kKinds = byOpcode();

} // namespace

const char *nameOf(MixClass kind) {
  static constexpr const char *names[kMixClasses] = {
      "fma", "double", "special", "integer", "conversion", "load global", "store global",
      "load shared", "store shared", "load local", "store local", "async copy", "atomic",
      "matrix", "shuffle", "barrier", "control", "other"};
  return names[unsigned(kind)];
}

uint32_t InstructionMix::total() const {
  return std::accumulate(counts.begin(), counts.end(), 0u);
}

InstructionMix mixOfCode(std::span<const uint8_t> code, unsigned chip) {
  InstructionMix mix;
  for (; code.size() >= kInstructionBytes; code = code.subspan(kInstructionBytes)) {
    uint32_t low;
    std::memcpy(&low, code.data(), sizeof low);
    low &= kOpcodeMask;
    if (low == kReused && chip >= kReusedSince)
      ++mix[M::Integer];
    else if (low != kNop)
      ++mix[kKinds[low]];
  }
  return mix;
}

} // namespace mamba::sim
