// All that the lane handlers include: before their instruction set is set, so
// that nothing inline of these headers is compiled for it alone.
#pragma once

#include "runtime/device/sim/Lanes.h"
#include "runtime/device/sim/Memory.h"
#include "runtime/device/sim/Numerics.h"
#include "runtime/device/sim/SpecialFunctions.h"
#include "runtime/device/sim/Warp.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
