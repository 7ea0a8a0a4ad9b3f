// The lane handlers for x86-64 with Avx2.
#include "runtime/device/sim/LaneHeaders.h"

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#endif

#define MAMBA_WIDTH 8

namespace mamba::sim::avx2 {
namespace {
#include "runtime/device/sim/LanesCommon.inc"
#include "runtime/device/sim/LanesInteger.inc"
#include "runtime/device/sim/LanesFloat.inc"
#include "runtime/device/sim/LanesCompare.inc"
#include "runtime/device/sim/LanesConvert.inc"
#include "runtime/device/sim/LanesMemory.inc"
} // namespace
extern const LaneUnit unit;
const LaneUnit unit{integer, predicates, floating, compare, conversion, conversionPair, testp, load,
                    store};
} // namespace mamba::sim::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
