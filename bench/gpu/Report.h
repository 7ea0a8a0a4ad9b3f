// A record as a table to read: each figure beside its limit, its prediction and
// what is accepted.
#pragma once

#include "bench/gpu/Rows.h"

namespace mamba::bench {

/// Of a step whose library or program is not on this machine.
inline constexpr int kAbsentStatus = 3;

/// A misfit is a verification that this GPU has no code or no memory for.
enum class Verdict { Right, Wrong, Incomplete };
struct Verdicts {
  int right = 0, wrong = 0, incomplete = 0, misfits = 0; // steps that verify
  /// Of all: right only if the record is finished and something was right.
  Verdict whole = Verdict::Incomplete;
};

/// Of the steps of a record, which are those that were asked for.
Verdicts verdictsOf(const Row &record);
const char *textOf(Verdict verdict);

std::string reportOf(const Row &record, const CheckFolder &folder);

} // namespace mamba::bench
