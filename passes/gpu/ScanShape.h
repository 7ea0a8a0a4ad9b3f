// What a schedule makes of a scan: who holds which states, and the matrices in
// shared memory.
//
// `state_lanes` threads share a channel, the l-th holds the states from l * states
// on. With a chunk of 1 they are neighbours in a warp, and no memory is shared: see
// ScanDirect.cpp. Else time goes in chunks, the recurrence `row_tile` steps at a
// time, and neighbours have neighbouring channels: see ScanChunks.cpp.
#pragma once

#include "passes/target/Match.h"
#include "passes/target/Target.h"

namespace mamba {

/// A chunk of rows [steps][columns] in shared memory as it is read: vectors of
/// four numbers, [chunk / steps][vectors][lanes][4]. A lane has `states`
/// neighbouring columns; a vector holds some of one step, or all of two or four
/// steps. Where all lanes of a warp want the same it is read at once.
struct TimeMatrix {
  int64_t columns, lanes, states;

  /// Steps of a vector, and vectors that a lane's columns take.
  int64_t steps() const { return states == 1 ? 4 : states == 2 ? 2 : 1; }
  int64_t vectors() const { return steps() > 1 ? 1 : (states + 3) / 4; }
  /// Columns of a vector.
  int64_t width() const { return 4 / steps(); }
  /// Vectors of a chunk.
  int64_t count(int64_t chunk) const { return chunk / steps() * vectors() * lanes; }
  /// Some numbers of the vectors are of no column.
  bool hasGaps() const { return lanes * states != columns || (steps() == 1 && states % 4); }
};

struct ScanShape {
  ScanShape(const ScanParts &parts, ssm::ScheduleAttr schedule);

  int64_t E, N, channels, lanes, states, chunk;
  /// Steps of the recurrence in a straight line.
  int64_t group;
  /// How many of a lane's decays are polynomials: the schedule's state_block.
  int64_t fmaExp;
  /// Columns that dt is projected from; 0: delta is read.
  int64_t rank;
  /// The projection is the matrix unit's: see ScanMma.cpp.
  bool isMma;
  /// What it multiplies: rows in f32 are the sum of three in bf16.
  int64_t planes;
  /// How many norms make factors of the rows: of what dt is projected from, of B, of C.
  int64_t norms;
  /// How many slices time is cut into; 0: it is not.
  int64_t slices;
  /// The slices are scanned by themselves, to find their states and sums of dt.
  bool findsSlices;
  /// What a thread carries from step to step: its states, and perhaps the sum of dt.
  int64_t carried() const { return states + findsSlices; }

  /// The states of a lane are not all there: those from N on are not.
  bool masksStates() const { return lanes * states != N; }
  /// The last block has channels that are not there.
  bool masksChannels() const { return E % channels != 0; }
  bool inChunks() const { return chunk > 1; }
  /// Tiles of channels.
  int64_t across() const { return (E + channels - 1) / channels; }

  // In chunks:
  /// dt and y go through shared memory: several threads step with a dt, or its
  /// projection comes in pieces.
  bool isShared() const { return lanes > 1 || inPieces(); }
  /// The steps that a thread finds dt and y of at a time, and the longest vectors
  /// they make.
  int64_t tile() const { return isShared() ? chunk / lanes : group; }
  int64_t tileVector() const { return tile() % 4 == 0 ? 4 : tile() % 2 == 0 ? 2 : 1; }
  /// B and C, and what dt is projected from.
  TimeMatrix inTime() const { return {N, lanes, states}; }
  TimeMatrix input() const { return {rank, piece, 1}; }
  /// Of the matrix unit's operands, rows of `rank` elements: an odd number of 16
  /// bytes, so that eight rows meet in no bank.
  int64_t lineWidth() const { return 8 * (rank / 8 | 1); }
  /// Elements of 16 bytes of its rows in memory.
  int64_t lineVector() const { return planes == 1 ? 8 : 4; }
  /// Numbers of a row of dt, [chunk / 4][channels of 4 steps]; a little more where
  /// the matrix unit's lanes write rows and columns of it.
  int64_t dtWidth() const { return 4 * channels + (isMma ? 4 : 0); }
  /// The columns of dt's projection that are in shared memory at a time, whole
  /// groups of four; columns from `rank` on hold zeros.
  int64_t piece;
  bool inPieces() const { return piece < rank; }
  /// The width of a row of the projection's weight, [piece / 4][channels of 4
  /// columns]: chosen so that the lanes of a warp meet in no bank.
  int64_t weightWidth() const { return 4 * (channels | 1); }

  /// Whether the schedule is one of a scan; if not, why not.
  static bool check(const ScanParts &parts, const Target &target, ssm::ScheduleAttr schedule,
                    std::string &reason);
  int64_t sharedBytes(ScanParts parts) const;
  /// What it takes at least, and what the assembler may take: more than this
  /// would keep a third warp from each scheduler.
  int64_t registers(ScanParts parts) const;
  int64_t allowedRegisters(ScanParts parts) const;
};

/// Whether the matrix unit of the target takes dt's projection; if not, why not.
bool takesMma(ScanParts parts, const Target &target, std::string &reason);

/// Whether B or C is one for all steps.
bool isConstantInTime(mlir::Value value);

} // namespace mamba
