// The selective scan with what surrounds it: dt projection, softplus, skip, gate.
//
// A tile is one sequence, or a slice of all rows, by `col_block` channels,
// `state_lanes` threads a channel; time is serial, the states stay in registers.
#include "passes/gpu/Generator.h"
#include "passes/gpu/ScanThread.h"
#include "passes/target/Schedule.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mamba {
namespace {

ScanParts partsOf(ssm::KernelOp kernel) {
  std::string reason;
  return *matchScan(kernel, reason);
}

/// The least lanes that hold N states, at most `states` each.
int64_t lanesFor(int64_t N, int64_t states) {
  return std::min<int64_t>(llvm::PowerOf2Ceil((N + states - 1) / states), 32);
}

class ScanGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "scan"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<ScanParts> parts = matchScan(kernel, reason);
    if (!parts)
      return false;
    if (!kernel.getBlock().getOps<ssm::UnpackOp>().empty()) {
      reason = "kernels of a GPU read no packed weights";
      return false;
    }
    if (parts->slices && parts->conv.conv) {
      reason = "a scan in slices computes no convolution";
      return false;
    }
    for (Value value : {parts->B, parts->C})
      if (value && !cast<RankedTensorType>(value.getType()).getElementType().isF32()) {
        reason = "B and C of the scan must be f32";
        return false;
      }
    return true;
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    ScanParts parts = partsOf(kernel);
    // One row a sequence: four states a lane, so that pools move in whole lines.
    if (!parts.slices && (tokens == TokenClass::Decode || parts.conv.conv))
      return inBlocks(kernel, lanesFor(parts.N, 4), 64, Schedule{.chunk = 1});
    int64_t lanes = lanesFor(parts.N, 32), chunk = tokens == TokenClass::Few ? 8 : 16;
    ssm::ScheduleAttr s = fitting(kernel, target, lanes, 64, chunk);
    // A weight too large for 64 channels may fit for 32; and if it goes in pieces,
    // more threads have fewer sums in registers. Slices fill the machine: there a
    // thread has a channel, if it can; of a small chunk, for its rows are in the
    // registers of a warp on their way.
    if (parts.slices && ScanShape(parts, s).inPieces())
      s = fitting(kernel, target, lanes, 32, 8);
    if (ScanShape(parts, s).inPieces() && lanes < 4 && parts.N >= 4)
      return fitting(kernel, target, 4, 32, 32);
    return s;
  }

  SmallVector<GpuVariant> variants(ssm::KernelOp kernel, const Target &target,
                                   TokenClass tokens) const override {
    ScanParts parts = partsOf(kernel);
    ssm::ScheduleAttr base = kernel.getScheduleAttr();
    if (tokens == TokenClass::Decode || parts.slices || parts.conv.conv)
      return {};
    int64_t chunk = tokens == TokenClass::Few || (base && base.getChunk() == 8) ? 8 : 32;
    int64_t held = base ? base.getStateLanes() : lanesFor(parts.N, 32);
    SmallVector<GpuVariant> variants;
    // A thread a channel needs twice a warp for each of the about 500 schedulers
    // of a large GPU. Below that threads share channels; where even then blocks
    // of 32 channels leave multiprocessors without one, blocks of 16.
    auto add = [&](int64_t lanes, int64_t channels, int64_t below, StringRef suffix) {
      if (parts.N >= lanes && held < lanes && below >= parts.E)
        variants.push_back(
            {below / parts.E, fitting(kernel, target, lanes, channels, chunk), suffix.str()});
    };
    add(8, 16, 2048, "l8");
    add(4, 32, 32768, "l4");
    return variants;
  }

  KernelGrid generate(GpuEmitter &e) const override {
    ScanParts parts = partsOf(e.kernel);
    e.allowRegisters(ScanShape(parts, e.schedule).allowedRegisters(parts));
    return ScanThread(e, parts).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    ScanParts parts = partsOf(kernel);
    if (!ScanShape::check(parts, target, s, reason))
      return false;
    ScanShape shape(parts, s);
    needs = {shape.sharedBytes(parts), shape.registers(parts)};
    return true;
  }

private:
  /// Blocks of that many threads, fewer for few channels.
  static ssm::ScheduleAttr inBlocks(ssm::KernelOp kernel, int64_t lanes, int64_t threads,
                                    Schedule s) {
    int64_t needed = llvm::alignTo(partsOf(kernel).E * lanes, 32);
    s.threads = std::min(threads, needed);
    s.stateLanes = lanes;
    s.colBlock = s.threads / lanes;
    return s.get(kernel.getContext());
  }

  /// Blocks of that many channels, and the largest chunk up to that many steps
  /// that fits. A weight of dt's projection that takes more than half of shared
  /// memory goes through it in pieces, once a chunk, which are longer then.
  static ssm::ScheduleAttr fitting(ssm::KernelOp kernel, const Target &target, int64_t lanes,
                                   int64_t channels, int64_t chunk) {
    ScanParts parts = partsOf(kernel);
    int64_t rank = parts.projection ? lastDim(parts.delta) : 0, piece = rank;
    int64_t threads = std::min<int64_t>(channels * lanes, 256);
    auto fits = [&](ssm::ScheduleAttr s) {
      return ScanShape(parts, s).sharedBytes(parts) <= target.sharedBytes;
    };
    std::string reason;
    ssm::ScheduleAttr least =
        inBlocks(kernel, lanes, threads, Schedule{.rowTile = 8, .chunk = 16, .mma = 16});
    bool isMma =
        takesMma(parts, target, reason) && least.getColBlock() % 16 == 0 && fits(least);
    int64_t projection = isMma ? 6 + rank / 25 : rank * 3 / 2;
    if (isMma) {
      chunk = std::max<int64_t>(chunk, 16);
      rank = piece = 0;
    }
    if (rank * channels * 4 > target.sharedBytes / 2) {
      piece = 32;
      chunk = std::max<int64_t>(chunk, 32);
    }
    int64_t fmaExp = lanes == 1 ? polynomials(target, parts, projection) : 0;
    ssm::ScheduleAttr s;
    for (; chunk >= (isMma ? 16 : 8); chunk /= 2) {
      s = inBlocks(kernel, lanes, threads,
                   Schedule{.rowTile = 8, .kBlock = piece, .chunk = chunk, .stateBlock = fmaExp,
                            .mma = isMma ? 16 : 0});
      if (fits(s))
        break;
    }
    return s;
  }

  /// How many of a channel's exponentials are better polynomials: each saves 8
  /// cycles of a scheduler's special-function unit and costs 10 issue slots. Of a
  /// warp's step the unit takes 8 (N + 3) cycles, all the rest about 5 N + 46
  /// slots and those of dt's projection; without y 8 (N + 1) and 4 N + 27.
  static int64_t polynomials(const Target &target, const ScanParts &parts, int64_t projection) {
    // These have an FMA pipe of half the width, which is full already.
    if (target.arch == "sm_75" || target.arch == "sm_80")
      return 0;
    int64_t N = parts.N, special = 8 * (N + (parts.C ? 3 : 1));
    int64_t slots = (parts.C ? 5 * N + 46 : 4 * N + 27) + projection;
    return std::max<int64_t>(special - slots, 0) / 18;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuScanGenerator() { return std::make_unique<ScanGenerator>(); }

} // namespace mamba
