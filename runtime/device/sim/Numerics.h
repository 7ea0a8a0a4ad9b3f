// What one lane of a GPU computes: exact where PTX says so. Bits in, bits out;
// no state, no failure. See README.md for the edges.
#pragma once

#include "runtime/device/sim/NumericsConvert.h"
#include "runtime/device/sim/NumericsFloat.h"
#include "runtime/device/sim/NumericsHalf.h"
#include "runtime/device/sim/NumericsInteger.h"
