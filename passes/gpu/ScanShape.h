// What a schedule makes of a scan: who holds which states, and the matrices in
// shared memory.
//
// `state_lanes` neighbouring lanes share a channel, lane l holds the states from
// l * states on. With a chunk of 1 nothing is shared: see ScanDirect.cpp; else
// time goes in chunks: see ScanChunks.cpp.
#pragma once

#include "passes/target/Match.h"

namespace mamba {

struct ScanShape {
  ScanShape(const ScanParts &parts, ssm::ScheduleAttr schedule);

  int64_t E, N, channels, lanes, states, chunk, tile;
  /// Columns that dt is projected from; 0: delta is read.
  int64_t rank;

  /// The states of a lane are not all there: those from N on are not.
  bool masksStates() const { return lanes * states != N; }
  /// The last block has channels that are not there.
  bool masksChannels() const { return E % channels != 0; }
  bool inChunks() const { return chunk > 1; }
  /// Tiles of channels.
  int64_t across() const { return (E + channels - 1) / channels; }

  // Step by step:
  /// Elements of dt's projection that a lane reads at a time.
  int64_t laneGroup() const { return std::min<int64_t>((rank + lanes - 1) / lanes, 16); }

  // In chunks:
  /// Rows of a chunk that hold whole tiles of steps.
  int64_t rows() const;
  /// Of a lane in a row of B or C: its states, and perhaps some without one.
  int64_t slots() const;
  /// Slots that hold no state are read, and must be 0.
  bool readsEmptySlots() const { return masksStates() || (states > 2 && states % 4); }
  /// How many of them one load takes.
  int64_t slotVector() const { return slots() % 4 ? slots() : 4; }
  /// The columns of dt's projection that are in shared memory at a time, whole
  /// groups of kUnroll; columns from `rank` on hold zeros.
  int64_t piece;
  bool inPieces() const { return piece < rank; }
  static constexpr int64_t kUnroll = 4;
  /// Distance between the rows of the matrices: chosen so that the lanes of a
  /// warp meet in few banks.
  int64_t columnStride() const; // [rows][channels]: dt, dt * u, y
  int64_t inputStride() const;  // [piece][rows]: what dt is projected from
  int64_t weightStride() const; // [piece][channels]

  /// B and C of each step, or of all of them.
  int64_t rowsOf(mlir::Value inTime) const;
  /// y takes the place of dt where one thread reads and writes both.
  bool keepsY() const { return lanes > 1; }

  /// Whether the schedule is one of a scan; if not, why not.
  static bool check(const ScanParts &parts, ssm::ScheduleAttr schedule, std::string &reason);
  int64_t sharedBytes(ScanParts parts) const;
  /// What it takes at least, and what the assembler may take: more than this
  /// would keep a third warp from each scheduler.
  int64_t registers(ScanParts parts) const;
  int64_t allowedRegisters(ScanParts parts) const;
};

} // namespace mamba
