#include "runtime/device/sim/Schedule.h"
#include "runtime/device/sim/Control.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace mamba;
using namespace mamba::sim;

namespace {
/// Instructions that a warp executes before another one's turn.
constexpr uint32_t kSlice = 1 << 14;
constexpr size_t maxKept = size_t(64) << 20;
} // namespace

/// A host thread keeps it from launch to launch: fresh pages cost more than
/// what a small kernel does.
struct BlockRunner::Storage {
  std::vector<uint8_t> rows;
  std::vector<uint32_t> preds;
  std::vector<uint64_t> ready;
  std::vector<uint8_t> shared, local;
  std::vector<Tally> tallies;
  std::vector<const Allocation *> allocations;
  std::vector<TouchedPiece> touched;
  uint64_t serial = 0; // of the last block; what earlier ones touched is forgotten

  bool isWorthKeeping() const { return rows.size() + shared.size() + local.size() < maxKept; }
  static std::unique_ptr<Storage> take() {
    return spare ? std::move(spare) : std::make_unique<Storage>();
  }
  static void giveBack(std::unique_ptr<Storage> storage) {
    if (storage->isWorthKeeping())
      spare = std::move(storage);
  }
  static thread_local std::unique_ptr<Storage> spare;
};
thread_local std::unique_ptr<BlockRunner::Storage> BlockRunner::Storage::spare;

/// At least so large; what is in it is of no interest.
template <typename T> static void reserveRoom(std::vector<T> &room, size_t size) {
  if (room.size() < size)
    room.resize(size);
}

uint32_t sim::pcOf(const Warp &w, const Inst *inst) {
  return uint32_t(inst - w.block->code);
}

const Inst *sim::fail(Warp &w, const Inst *at, DefectKind kind, std::string note) {
  Defect d;
  d.kind = kind;
  d.party.pc = pcOf(w, at);
  d.party.block = w.block->number;
  d.party.warp = w.index;
  d.party.lane = w.mask ? uint32_t(__builtin_ctz(w.mask)) : 0;
  d.note = std::move(note);
  w.block->defect = std::move(d);
  w.stop = Stop::Failed;
  return nullptr;
}
const Inst *sim::failMonitored(Warp &w) {
  w.block->defect = w.block->monitor->defect();
  w.stop = Stop::Failed;
  return nullptr;
}

BlockRunner::BlockRunner(Grid &grid, LaunchMonitor &monitor)
    : grid_(grid), program_(*grid.program), monitor_(monitor),
      storage_(Storage::take()) {
  Storage &s = *storage_;
  uint64_t rowBytes = uint64_t(program_.rows) * kRowBytes;
  uint64_t timed = program_.rows + program_.preds;
  reserveRoom(s.rows, rowBytes * grid.warps + 64);
  reserveRoom(s.shared, grid.sharedBytes + 256);
  reserveRoom(s.local, uint64_t(program_.localBytes) * kLanes * grid.warps + 64);
  s.preds.assign(uint64_t(program_.preds) * grid.warps, 0);
  s.allocations.assign(program_.code.size(), nullptr);
  if (grid.isCounted) {
    reserveRoom(s.ready, timed * grid.warps);
    s.tallies.assign(program_.code.size(), {});
    reserveRoom(s.touched, kTouchedPieces);
    block_.touched = s.touched.data();
  }
  block_.grid = &grid;
  block_.shared = s.shared.data() + (-reinterpret_cast<uintptr_t>(s.shared.data()) & 255);
  block_.sharedBytes = grid.sharedBytes;
  block_.localBytes = program_.localBytes;
  block_.code = program_.code.data();
  block_.allocationOf = s.allocations.data();
  block_.monitor = &monitor_;
  block_.isChecked = grid.checks.unwritten || grid.checks.races;
  block_.isCounted = grid.isCounted;
  block_.tallies = s.tallies.data();
  block_.warps.resize(grid.warps);
  for (Barrier &b : block_.barriers) {
    b.arrived.assign(grid.warps, 0);
    b.waiting.assign(grid.warps, 0);
  }
  uint8_t *rows = s.rows.data() + (-reinterpret_cast<uintptr_t>(s.rows.data()) & 63);
  for (uint32_t k = 0; k < grid.warps; ++k) {
    Warp &w = block_.warps[k];
    w.block = &block_;
    w.index = k;
    w.rows = rows + rowBytes * k;
    w.preds = s.preds.data() + uint64_t(program_.preds) * k;
    w.preds[kPredTrue >> 1] = kAllLanes;
    w.local = s.local.data() + uint64_t(program_.localBytes) * kLanes * k;
    w.ready = grid.isCounted ? s.ready.data() + timed * k : nullptr;
    fillRows(w);
  }
}
BlockRunner::~BlockRunner() { Storage::giveBack(std::move(storage_)); }

namespace {
uint32_t specialValue(SpecialRow what, const Grid &grid, const Block &block, uint32_t warp,
                      uint32_t lane) {
  const Launch &launch = *grid.launch;
  uint32_t thread = warp * kLanes + lane;
  switch (what) {
  case SpecialRow::TidX: return thread % launch.block[0];
  case SpecialRow::TidY: return thread / launch.block[0] % launch.block[1];
  case SpecialRow::TidZ: return thread / launch.block[0] / launch.block[1];
  case SpecialRow::LaneId: return lane;
  case SpecialRow::WarpId: return warp;
  case SpecialRow::LaneMaskEq: return 1u << lane;
  case SpecialRow::LaneMaskLe: return (2u << lane) - 1;
  case SpecialRow::LaneMaskLt: return (1u << lane) - 1;
  case SpecialRow::LaneMaskGe: return ~((1u << lane) - 1);
  case SpecialRow::LaneMaskGt: return ~((2u << lane) - 1);
  case SpecialRow::NtidX: return launch.block[0];
  case SpecialRow::NtidY: return launch.block[1];
  case SpecialRow::NtidZ: return launch.block[2];
  case SpecialRow::CtaidX: return block.id[0];
  case SpecialRow::CtaidY: return block.id[1];
  case SpecialRow::CtaidZ: return block.id[2];
  case SpecialRow::NctaidX: return launch.grid[0];
  case SpecialRow::NctaidY: return launch.grid[1];
  case SpecialRow::NctaidZ: return launch.grid[2];
  case SpecialRow::NWarpId: return grid.warps;
  case SpecialRow::DynamicSharedSize: return launch.dynamicShared;
  case SpecialRow::TotalSharedSize: return grid.sharedBytes;
  }
  return 0;
}
bool isOfBlock(SpecialRow what) {
  return what == SpecialRow::CtaidX || what == SpecialRow::CtaidY || what == SpecialRow::CtaidZ;
}
} // namespace

/// What is the same in all blocks.
void BlockRunner::fillRows(Warp &w) {
  for (const Constant &c : program_.constants)
    for (unsigned l = 0; l < kLanes; ++l) {
      if (c.isWide)
        w.row<uint64_t>(c.row)[l] = c.value;
      else
        w.row<uint32_t>(c.row)[l] = uint32_t(c.value);
    }
  for (const SpecialUse &s : program_.specials)
    if (!isOfBlock(s.what))
      for (unsigned l = 0; l < kLanes; ++l)
        w.row<uint32_t>(s.row)[l] = specialValue(s.what, grid_, block_, w.index, l);
}
void BlockRunner::fillBlockRows(Warp &w) {
  for (const SpecialUse &s : program_.specials)
    if (isOfBlock(s.what)) {
      uint32_t value = specialValue(s.what, grid_, block_, w.index, 0);
      std::fill_n(w.row<uint32_t>(s.row), kLanes, value);
    }
  for (uint32_t row : program_.zeroRows)
    std::memset(w.rows + row, 0, kRowBytes);
  std::fill(w.preds + kFirstPred, w.preds + program_.preds, 0);
}

bool BlockRunner::run(uint64_t number) {
  const Launch &launch = *grid_.launch;
  block_.number = number;
  block_.serial = ++storage_->serial;
  block_.id[0] = uint32_t(number % launch.grid[0]);
  block_.id[1] = uint32_t(number / launch.grid[0] % launch.grid[1]);
  block_.id[2] = uint32_t(number / launch.grid[0] / launch.grid[1]);
  monitor_.begin(number);
  block_.usedBarriers = 0;
  for (Barrier &b : block_.barriers) {
    std::fill(b.arrived.begin(), b.arrived.end(), 0);
    std::fill(b.waiting.begin(), b.waiting.end(), 0);
  }
  for (Warp &w : block_.warps) {
    uint32_t threads = std::min(grid_.threads - w.index * kLanes, kLanes);
    startWarp(w, threads == kLanes ? kAllLanes : (1u << threads) - 1, block_.code);
    w.hasWaited = launch.overlapsSince ? 0 : kAllLanes;
    fillBlockRows(w);
    if (grid_.isCounted) {
      std::fill_n(w.ready, program_.rows + program_.preds, 0);
      w.floor = w.latest = w.end = 0;
      w.copyEnd = w.groups = 0;
    }
  }
  ++blocks_;
  warps_ += grid_.warps;
  bool isGood = schedule();
  for (const Warp &w : block_.warps)
    criticalPath_ = std::max(criticalPath_, w.end);
  return isGood;
}

bool BlockRunner::schedule() {
  for (;;) {
    bool isAny = false, isDone = true;
    for (Warp &w : block_.warps) {
      if (w.isDone || w.isBlocked) {
        isDone &= w.isDone;
        continue;
      }
      isAny = true;
      isDone = false;
      if (grid_.isCounted)
        runWarp<true>(w);
      else
        runWarp<false>(w);
      if (w.stop == Stop::Failed)
        return false;
      if (w.executed + w.waited > grid_.checks.maxWarpInstructions) {
        fail(w, w.splits[w.current].pc, DefectKind::Deadlock,
             "the warp has executed " + std::to_string(w.executed) +
                 " instructions and goes on: an endless loop, or a wait for what never comes");
        return false;
      }
      if (grid_.firstDefect.load(std::memory_order_relaxed) < block_.number)
        return true; // nobody will read what this block did
    }
    if (isAny)
      continue;
    if (isDone && !block_.usedBarriers)
      return true;
    // Nobody can go on: tell it where the first one waits.
    for (Warp &w : block_.warps)
      for (const Split &s : w.splits)
        if (s.state == Split::State::AtBarrier || s.state == Split::State::AtWarpBarrier) {
          w.mask = s.mask;
          fail(w, s.state == Split::State::AtBarrier ? s.pc - 1 : s.pc, DefectKind::Deadlock,
               describeWaits(block_));
          return false;
        }
    Warp &w = block_.warps[0];
    unsigned number = unsigned(__builtin_ctz(block_.usedBarriers));
    w.mask = 1;
    fail(w, block_.barriers[number].first, DefectKind::Deadlock,
         "the block has ended, but " + describeWaits(block_));
    return false;
  }
}

/// Executes, counts and times an instruction.
inline const Inst *BlockRunner::runTimed(Warp &w, const Inst *i) {
  size_t pc = size_t(i - block_.code);
  Tally &tally = block_.tallies[pc];
  ++tally.warps;
  tally.lanes += unsigned(__builtin_popcount(w.mask));
  const InstNote &note = program_.notes[pc];
  const uint32_t *value = program_.dependences.data() + note.firstDependence;
  uint64_t start = w.floor;
  for (unsigned k = 0; k < note.sources; ++k)
    start = std::max(start, w.ready[value[k]]);
  uint64_t end = start + note.latency;
  auto finish = [&] {
    for (unsigned k = 0; k < note.results; ++k)
      w.ready[value[note.sources + k]] = end;
    w.end = std::max(w.end, end);
    if (note.isOrdering)
      w.floor = end;
  };
  finish();
  if (note.isOrdering || note.isStore)
    w.latest = std::max(w.latest, start);
  if (!w.mask)
    return i + 1;
  block_.start = start;
  i = i->run(w, i);
  if (block_.arrival) {
    end = std::max(end, std::exchange(block_.arrival, 0));
    finish();
  }
  return i;
}

template <bool IsCounted> void BlockRunner::runWarp(Warp &w) {
  if (!chooseSplit(w, true))
    return;
  w.stop = Stop::None;
  const Inst *i = w.splits[w.current].pc;
  uint32_t budget = kSlice;
  do {
    uint32_t mask = w.active & w.pred(i->guard);
    w.mask = mask;
    if constexpr (IsCounted)
      i = runTimed(w, i);
    else
      i = mask ? i->run(w, i) : i + 1;
  } while (i && --budget);
  w.executed += kSlice - budget;
  if (i)
    w.splits[w.current].pc = i;
}
