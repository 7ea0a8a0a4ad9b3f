// The manifest of a kernel pack as plain records; FORMAT.md is the contract.
#pragma once

#include "runtime/support/DType.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// The format that this code writes. It reads every minor version of it.
inline constexpr int64_t kManifestFormat = 4, kManifestMinor = 3;
/// Whether this code reads packs of format "4", "4.1"; if not, what to do.
Status verifyFormat(std::string_view text);

/// More tiles than this in one dispatch are refused, so that a tile's number
/// fits every device (CUDA's largest grid).
inline constexpr uint64_t kMaxTiles = 0x7fffffff;
/// Every program takes steps of this many tokens and sequences, or of its
/// maxTokens if that is less.
inline constexpr uint64_t kGuaranteedRows = 65536;
inline constexpr uint64_t kMaxDispatchArgs = 64;
/// Rows in T and S arenas start at multiples of this, in bytes.
inline constexpr uint64_t kArenaAlignment = 64;
/// No count or size in bytes of a manifest is larger.
inline constexpr uint64_t kMaxManifestSize = uint64_t(1) << 48;
/// A kernel's scratch memory for each thread, and the code of a target; bytes.
inline constexpr uint64_t kMaxScratchBytes = uint64_t(1) << 28;
inline constexpr uint64_t kMaxCodeBytes = uint64_t(1) << 30;
/// Threads and bytes of static shared memory of a block of a cuda kernel.
inline constexpr uint32_t kMaxBlockThreads = 1024;
inline constexpr uint32_t kMaxStaticShared = 48 << 10;
/// A block's threads come in warps; registers that a thread can have.
inline constexpr uint32_t kWarpThreads = 32;
inline constexpr uint32_t kMaxThreadRegisters = 255;

/// What a dynamic count refers to: T tokens, S sequences, or a constant.
enum class RowKind : uint8_t { T, S, Constant };

struct RowCount {
  RowKind kind = RowKind::Constant;
  uint64_t value = 1; // the count of a constant
  uint64_t of(uint64_t tokens, uint64_t sequences) const {
    return kind == RowKind::T ? tokens : kind == RowKind::S ? sequences : value;
  }
};

struct TensorSpec {
  std::string name;
  DType dtype;
  RowKind rows = RowKind::Constant;
  std::vector<int64_t> shape; // static dimensions after the rows
  uint64_t below = 0; // of an input: its elements index that many rows, if any
  bool operator==(const TensorSpec &) const = default;
};

struct StateSpec {
  std::string id;
  std::string input, output; // names for `call`
  DType dtype;
  std::vector<int64_t> shape; // of one slot
  bool transposed = false;    // last two dimensions exchanged outside
  bool operator==(const StateSpec &) const = default;
};

struct EntrySpec {
  std::string name;
  std::vector<TensorSpec> inputs, outputs;
  std::vector<StateSpec> states;
  bool operator==(const EntrySpec &) const = default;
};

enum class ArgSpace : uint8_t { In, Out, State, Weight, Packed, T, S, C };

struct ArgRef {
  ArgSpace space;
  uint64_t number;
};

struct Grid {
  RowCount of;
  uint64_t block = 1, times = 1;
  /// For a verified grid and at most maxRows() rows.
  uint64_t tiles(uint64_t tokens, uint64_t sequences) const {
    return (of.of(tokens, sequences) + block - 1) / block * times;
  }
  /// The largest T, S or n for which there are at most kMaxTiles tiles.
  uint64_t maxRows() const { return kMaxTiles / times * block; }
};

/// Another kernel for the same arguments, for steps of few sequences.
struct DispatchVariant {
  uint64_t maxSequences;
  uint32_t kernel;
  Grid grid;
};

struct Dispatch {
  uint32_t kernel;
  RowCount rows;
  Grid grid;
  std::vector<ArgRef> args;
  /// The first with S <= maxSequences takes the kernel's place; maxSequences rise.
  std::vector<DispatchVariant> variants = {};

  struct Choice {
    uint32_t kernel;
    const Grid &grid;
  };
  Choice choose(uint64_t sequences) const {
    for (const DispatchVariant &variant : variants)
      if (sequences <= variant.maxSequences)
        return {variant.kernel, variant.grid};
    return {kernel, grid};
  }
};

struct GoldenArg {
  enum class Fill : uint8_t { Uniform, Index, Poison };
  DType dtype;
  uint64_t count;
  Fill fill;
  double lo = 0, hi = 0; // uniform
  uint64_t bound = 1;    // index
};

struct GoldenOutput {
  uint32_t arg;
  uint64_t count, stride;
  std::string blob;
  uint64_t offset;
};

struct GoldenCase {
  uint64_t rows = 0;
  std::vector<int64_t> lengths, positions;
  std::vector<int32_t> slots;
  Grid grid;
  std::vector<GoldenArg> args;
  std::vector<GoldenOutput> outputs;
  double tolerance;
};

/// How a cuda kernel is launched: a tile of the grid is a block.
struct LaunchSpec {
  uint32_t threads; // a block, in x
  uint32_t shared;  // bytes of static shared memory
  /// What the assembler gave it; none if no assembler was at hand.
  std::optional<uint32_t> registers = {};
  /// It may begin while the kernel before it ends, and waits itself (sm_90).
  bool overlap = false;
};

struct KernelSpec {
  std::string symbol;
  uint64_t entry;   // offset in the loaded image; 0 of a cuda kernel
  uint64_t scratch; // bytes for each thread
  std::string ops, schedule;
  std::vector<GoldenCase> golden;
  std::optional<LaunchSpec> launch = {}; // of cuda kernels, and only of them
  /// Who chose the schedule: "default", "database" or "given"; of a database,
  /// which of its entries.
  std::string scheduleFrom = "default";
  std::optional<std::string> scheduleEntry = {};
  /// Of a cuda kernel: the form of its code that was measured to be the fastest:
  /// "cubin", "ptx", "nvrtc", or "nvrtc:96" with at most so many registers.
  std::optional<std::string> codeForm = {};
};

/// The steps that a program serves; what is absent bounds nothing.
struct StepBounds {
  std::optional<uint64_t> maxLength; // of a sequence; 1: every one has exactly 1
  std::optional<uint64_t> maxTokens, minTokens, maxSequences;

  bool hold(uint64_t tokens, uint64_t sequences, uint64_t shortest, uint64_t longest) const {
    if (tokens > maxTokens.value_or(tokens) || tokens < minTokens.value_or(tokens) ||
        sequences > maxSequences.value_or(sequences))
      return false;
    return longest <= maxLength.value_or(longest) && (maxLength != 1u || shortest >= 1);
  }
};

struct Program {
  uint32_t entry;
  std::string className;
  bool invariant = false;
  StepBounds bounds;
  uint64_t arenaT = 0, arenaS = 0,
           arenaC = 0; // bytes a token, a sequence, once
  std::vector<Dispatch> dispatches;
  /// That the time of its scans is cut into; absent where it is not.
  std::optional<uint64_t> slices = {};
};

struct TargetSpec {
  std::string name, device;
  std::string arch; // "x86_64"; of device cuda "sm_80"
  std::vector<std::string> features;
  std::string code;                 // an ELF object, or PTX
  std::optional<std::string> cubin; // machine code of the PTX for `arch`
  std::optional<std::string> cuda;  // the same kernels as CUDA C++
  std::vector<KernelSpec> kernels;
  uint64_t packedBytes = 0;
  std::vector<Dispatch> recipe;
  std::vector<Program> programs;
};

/// Sequences of one length each.
struct StepSpec {
  uint64_t sequences = 1, length = 1;
  uint64_t tokens() const { return sequences * length; }
  bool operator==(const StepSpec &) const = default;
};

/// An argument of a kernel in a step of any size.
struct LaunchArg {
  RowKind rows = RowKind::Constant;
  uint64_t bytes = 0; // a row; all of a constant
  bool isWritten = false;
  uint64_t below = 0; // its I32 elements index that many rows; 0: they do not
  bool operator==(const LaunchArg &) const = default;
};

/// What a kernel of a GPU is launched on in a step of any size, whatever its schedule.
struct LaunchShape {
  RowCount rows;
  bool readsSequences = false; // where they begin, and their slots
  std::vector<LaunchArg> args;
};

/// What a prediction of a variant's time needs.
struct PredictionSpec {
  Grid grid; // for the rows of a LaunchShape
  /// The one that it is judged by; then a larger one, if there is one, at which it
  /// must not be slower.
  std::vector<StepSpec> steps;
};

/// A kernel with one of its schedules.
struct VariantSpec {
  std::string schedule;   // as databases have it: "lanes=16 row_block=128"
  double predictedUs = 0; // microseconds; 0: nobody knows
  TargetSpec target;      // with this kernel alone, its last golden case that of timing
  std::optional<PredictionSpec> prediction = {};
};

/// A kernel of a tuning pack, with schedules to choose from.
struct TuningSpec {
  std::string key, target;           // as databases have them
  std::vector<VariantSpec> variants; // the generator's own choice first
  /// Where its time can be predicted; then all variants have a prediction.
  std::optional<LaunchShape> launch = {};
};

struct WeightSpec {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  bool operator==(const WeightSpec &) const = default;
};

struct BlobSpec {
  std::string name, sha256;
  uint64_t rawBytes;
};

struct ModelSpec {
  std::string architecture;
  uint64_t vocabSize = 0, validVocabSize = 0, layers = 0;
  std::string signature;
  bool operator==(const ModelSpec &) const = default;
};

/// The end-to-end check: what the whole model gives for some tokens.
struct CheckSpec {
  uint32_t entry = 0;  // takes tokens alone, gives a row of F32 for each sequence
  std::string weights; // The fingerprint of those that it is for.
  uint64_t below = 0;  // Token ids are.
  std::vector<std::vector<int64_t>> steps; // Of each the lengths, by sequence.
  uint64_t stride = 1;                     // Every so many columns are compared.
  std::string blob;
  double tolerance = 0; // relative L2 of a row's samples
};

struct Manifest {
  int64_t minor = kManifestMinor; // of the format
  std::string compiler;
  std::string source; // Absolute folder of the checkpoint, or empty.
  /// Of the matrices and of rows between kernels: "f32", "bf16", "f16", "int8"
  /// or "int4"; "f32", "bf16" or "f16".
  std::string weights = "f32", activations = "f32";
  std::optional<ModelSpec> model;
  std::vector<WeightSpec> checkpoint;
  std::vector<EntrySpec> entries;
  std::vector<TargetSpec> targets;
  std::vector<BlobSpec> blobs;
  std::optional<CheckSpec> check = {};
  /// Of a tuning pack, which has no entries and targets.
  std::vector<TuningSpec> tuning = {};
};

/// The manifest as JSON text, keys in the order of FORMAT.md.
std::string writeManifest(const Manifest &manifest);

/// Checks what FORMAT.md promises of a manifest. The message names the place,
/// as in "target 'cpu:native': program 2: dispatch 5: ...".
Status verifyManifest(const Manifest &manifest);

/// Parses and verifies everything that can be verified without the blobs:
/// after it succeeds, every index and offset in the manifest is in range.
/// `what` names the file in messages.
Result<Manifest> readManifest(std::string_view json, const std::string &what);

/// A self-test by itself, as a manifest has it.
std::string writeGoldenCase(const GoldenCase &golden);
Result<GoldenCase> readGoldenCase(std::string_view json, const std::string &what);

} // namespace mamba
