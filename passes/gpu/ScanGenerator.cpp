// The selective scan with what surrounds it: dt projection, softplus, skip, gate.
//
// A tile is one sequence by `col_block` channels, `state_lanes` lanes a channel;
// time is serial, the states stay in registers.
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
    for (Value value : {parts->scan.getB(), parts->scan.getC()})
      if (!cast<RankedTensorType>(value.getType()).getElementType().isF32()) {
        reason = "B and C of the scan must be f32";
        return false;
      }
    return true;
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    ScanParts parts = partsOf(kernel);
    // One row a sequence: four states a lane, so that pools move in whole lines.
    if (tokens == TokenClass::Decode)
      return inBlocks(kernel, lanesFor(parts.N, 4), 64, Schedule{.chunk = 1});
    return fitting(kernel, target, lanesFor(parts.N, 32), tokens == TokenClass::Few ? 8 : 16);
  }

  SmallVector<GpuVariant> variants(ssm::KernelOp kernel, const Target &target,
                                   TokenClass tokens) const override {
    ScanParts parts = partsOf(kernel);
    ssm::ScheduleAttr base = kernel.getScheduleAttr();
    constexpr int64_t lanes = 4;
    if (tokens == TokenClass::Decode || parts.N < lanes || lanesFor(parts.N, 32) >= lanes)
      return {};
    // Fewer channels than this leave schedulers of a large GPU (about 500 of
    // them) without a warp where a thread takes a whole channel.
    int64_t maxSequences = std::max<int64_t>(1, 16384 / parts.E);
    int64_t chunk = base && base.getChunk() == 8 ? 8 : 32;
    return {{maxSequences, fitting(kernel, target, lanes, chunk), "l4"}};
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
    if (!ScanShape::check(parts, s, reason))
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

  /// Blocks of 32 channels or more, and the largest chunk up to that many steps
  /// that fits. A weight of dt's projection that takes more than half of shared
  /// memory goes through it in pieces, once a chunk, which are longer then.
  static ssm::ScheduleAttr fitting(ssm::KernelOp kernel, const Target &target, int64_t lanes,
                                   int64_t chunk) {
    ScanParts parts = partsOf(kernel);
    int64_t threads = std::clamp<int64_t>(32 * lanes, 64, 256);
    int64_t rank = parts.projection ? lastDim(parts.delta) : 0;
    if (rank * threads / lanes * 4 > target.sharedBytes / 2) {
      rank = 32;
      chunk = std::max<int64_t>(chunk, 32);
    }
    ssm::ScheduleAttr s;
    for (; chunk > 1; chunk /= 2) {
      int64_t tile = std::clamp<int64_t>(chunk / lanes, 1, 8);
      s = inBlocks(kernel, lanes, threads,
                   Schedule{.rowTile = tile, .kBlock = rank, .chunk = chunk});
      if (ScanShape(parts, s).sharedBytes(parts) <= target.sharedBytes)
        break;
    }
    return s;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuScanGenerator() { return std::make_unique<ScanGenerator>(); }

} // namespace mamba
