// How loads, stores and atomics reach memory.
#pragma once

#include "runtime/device/sim/Program.h"
#include "runtime/device/sim/Warp.h"

namespace mamba::sim {

/// Inst::flags of an access. a: row of the address, imm is added. more: rows of
/// the elements.
struct MemoryFlags {
  uint32_t bits = 0;

  static constexpr uint32_t hasBase = 1, isWideBase = 2;
  static constexpr uint32_t isNonCoherent = uint32_t(1) << 31;
  static MemoryFlags make(ptx::Space space, AccessKind kind, Order order) {
    return {uint32_t(space) << 4 | uint32_t(kind) << 8 | uint32_t(order) << 12};
  }
  ptx::Space space() const { return ptx::Space(bits >> 4 & 15); }
  AccessKind kind() const { return AccessKind(bits >> 8 & 15); }
  Order order() const { return Order(bits >> 12 & 15); }
};

/// How the lanes' addresses lie.
enum class Pattern : uint8_t {
  Any,  // Block::host holds a pointer for each lane
  Line, // all 32 lanes, one after the other; host[0] is the first
  Same  // all 32 lanes at one place: host[0]
};

/// Finds where the lanes of Warp::mask access `space` (never Generic):
/// Block::addresses are in that space, Block::host become pointers. False at a
/// defect. The slow way, which knows everything.
bool resolveSlowly(Warp &w, const Inst *i, ptx::Space space, AccessKind kind, Order order,
                   unsigned bytes, unsigned align);

/// Block::addresses of all lanes, by a, imm and flags.
void makeAddresses(Warp &w, const Inst *i);

/// After an access that is not weak was done.
void afterOrdered(Warp &w, const Inst *i, ptx::Space space, AccessKind kind, unsigned bytes);

/// Sorts lanes with generic addresses by their space: takes those of the first
/// lane of `rest`, sets Warp::mask to them, makes Block::addresses theirs.
ptx::Space takeSpace(Warp &w, uint32_t &rest);

/// Counts an access that has been resolved, from Block::addresses; a load of global
/// memory also sets Block::arrival. (MemoryCounting.cpp)
void countAccess(Block &block, uint32_t mask, ptx::Space space, AccessKind kind, unsigned bytes,
                 Pattern pattern = Pattern::Any);
/// The same of a matrix's rows, 16 bytes in shared memory at each lane's address.
void countMatrixRows(Block &block, uint32_t mask);

namespace memory {
/// Params of the kernel at imm: the same for all lanes. flags: bytes of an
/// element, bit 8 it is signed, bit 9 its row is wide; more[0]: elements, then rows.
const Inst *loadParam(Warp &w, const Inst *i);
/// d: predicate code; a: row of a generic address; flags: ptx::Space.
const Inst *isInSpace(Warp &w, const Inst *i);
} // namespace memory

} // namespace mamba::sim
