// Cycles until a result can be read, as measured on recent chips and published
// (Volta to Hopper; Jia et al., Luo et al.); what the critical path is made of.
#pragma once

namespace mamba::sim {

inline constexpr unsigned kAluLatency = 4;
inline constexpr unsigned kMoveLatency = 4;
inline constexpr unsigned kWideLatency = 5;     // 64-bit integers, multiplications
inline constexpr unsigned kDivideLatency = 40;  // a routine
inline constexpr unsigned kPredicateLatency = 6; // until a branch or a selection reads it
inline constexpr unsigned kSpecialLatency = 18;
inline constexpr unsigned kConversionLatency = 8;
inline constexpr unsigned kDoubleLatency = 8;
inline constexpr unsigned kShuffleLatency = 23;
inline constexpr unsigned kVoteLatency = 10;
inline constexpr unsigned kSharedLatency = 26;
inline constexpr unsigned kGlobalLatency = 270; // from L2
inline constexpr unsigned kDramLatency = 480;   // what the L2 does not have
inline constexpr unsigned kLocalLatency = 33;   // from L1
inline constexpr unsigned kParamLatency = 8;    // from the constant cache
inline constexpr unsigned kAtomicLatency = 300;
inline constexpr unsigned kSharedAtomicLatency = 50;
inline constexpr unsigned kMatrixLatency = 33;
inline constexpr unsigned kLdmatrixLatency = 29;
inline constexpr unsigned kBranchLatency = 4;

} // namespace mamba::sim
