// When a scan is generated, and by which schedules.
#include "passes/cpu/Generator.h"
#include "passes/cpu/ScanEmission.h"
#include "passes/cpu/ScanTiles.h"
#include "passes/cpu/TilePanels.h"
#include "passes/target/Schedule.h"

using namespace mlir;

namespace mamba {
namespace {

ScanParts partsOf(ssm::KernelOp kernel) {
  std::string reason;
  return *matchScan(kernel, reason);
}

/// Channels of a tile: so many as whoever compiles says of the module, or four vectors;
/// no more than there are.
int64_t blockOf(ssm::KernelOp kernel, int64_t E, int64_t lanes) {
  auto module = kernel->getParentOfType<ModuleOp>();
  auto given = module ? module->getAttrOfType<IntegerAttr>("ssm.scan_block") : IntegerAttr();
  int64_t block = given ? std::max(given.getInt(), lanes) : 4 * lanes;
  return std::min(block, (E + lanes - 1) / lanes * lanes);
}

class ScanGenerator : public CpuGenerator {
public:
  StringRef family() const override { return "scan"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    std::optional<ScanParts> parts = matchScan(kernel, reason);
    if (parts && parts->conv.conv) {
      reason = "kernels of a CPU compute a convolution once, in a kernel of its own";
      return false;
    }
    return parts.has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    ScanParts parts = partsOf(kernel);
    // Time is serial in every class; only the projection of dt differs.
    bool isMany = tokens == TokenClass::Prefill || tokens == TokenClass::Long;
    bool tiles = isMany && ScanTiles::takes(parts, target);
    return Schedule{.lanes = target.lanes,
                    .rowBlock = tiles ? 256 : 0,
                    .colBlock = blockOf(kernel, parts.E, target.lanes),
                    .rowTile = target.registers / 8,
                    .chunk = 32,
                    // Beside the constants of exp2, all of which AArch64 holds in
                    // registers, eight states and decays leave too few of them.
                    .stateBlock = target.isArm() ? 4 : 8,
                    .mma = tiles ? kTileStep : 0}
        .get(kernel.getContext());
  }

  SmallVector<PackedUse> packedUses(ssm::KernelOp kernel, ssm::ScheduleAttr s) const override {
    ScanParts parts = partsOf(kernel);
    OpOperand &A = parts.scan ? parts.scan.getAMutable() : parts.scanSlices.getAMutable();
    SmallVector<PackedUse> uses = {{&A, s.getColBlock()}};
    if (parts.projection)
      uses.push_back({&parts.projection.getWMutable(), s.getColBlock()});
    return uses;
  }

  KernelGrid generate(CpuEmitter &e) const override {
    return ScanEmission(e, partsOf(e.kernel)).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s,
                     std::string &reason) const override {
    if (s.getColBlock() <= 0 || s.getColBlock() % s.getLanes() || s.getChunk() <= 0 ||
        s.getStateBlock() <= 0 || s.getStateBlock() % 2 || s.getRowTile() <= 0) {
      reason = "a scan needs positive chunk and row_tile, an even state_block, and col_block a "
               "multiple of lanes";
      return false;
    }
    ScanParts parts = partsOf(kernel);
    if (s.getMma() > 0 && !ScanTiles::isLegal(parts, target, s, reason))
      return false;
    int64_t accumulators = s.getRowTile() * (s.getColBlock() / s.getLanes());
    if (parts.projection && s.getMma() <= 0 && accumulators > 64) {
      reason = "row_tile * col_block takes " + std::to_string(accumulators) +
               " accumulators, 64 is the limit";
      return false;
    }
    int64_t bytes = ScanEmission::scratchBytes(parts, s);
    if (s.getMma() > 0)
      bytes += ScanTiles::scratchBytes(parts, s);
    if (bytes > target.l2Bytes) {
      reason = "chunk, col_block and row_block take " + std::to_string(bytes) +
               " bytes of scratch memory, the second level cache has " +
               std::to_string(target.l2Bytes);
      return false;
    }
    return true;
  }
};

} // namespace

std::unique_ptr<CpuGenerator> createScanGenerator() { return std::make_unique<ScanGenerator>(); }

} // namespace mamba
