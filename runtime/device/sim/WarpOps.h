// shfl, vote, match, redux, elect: what lanes of a warp tell each other.
#pragma once

#include "runtime/device/sim/Program.h"

namespace mamba::sim {

enum class ShuffleMode : uint32_t { Up, Down, Butterfly, Index };
enum class VoteMode : uint32_t { All, Any, Uniform, Ballot };
enum class ReduxOp : uint32_t { Add, Min, Max, And, Or, Xor, MinS, MaxS, MinF, MaxF };

namespace exchange {
/// flags: ShuffleMode; d, a: rows; b: row of the lane, c: row of the clamp;
/// more[0]: row of the members; imm: predicate code of the second result.
const Inst *shuffle(Warp &w, const Inst *i);
/// flags: VoteMode; d: predicate code, or the row of a ballot; a: predicate
/// code; b: row of the members.
const Inst *vote(Warp &w, const Inst *i);
/// flags: bit 0 .all, bit 1 64 bits; d, a: rows; b: row of the members; imm: predicate code.
const Inst *match(Warp &w, const Inst *i);
/// flags: ReduxOp, bit 8 .abs, bit 9 .NaN; d, a: rows; b: row of the members.
const Inst *redux(Warp &w, const Inst *i);
/// d: row; imm: predicate code; a: row of the members.
const Inst *elect(Warp &w, const Inst *i);
} // namespace exchange

} // namespace mamba::sim
