#include "passes/cpu/Generator.h"
#include "passes/cpu/WeightPanel.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mamba {

/// Of a weight that is in panels already, whether they are such panels.
static bool isInPanels(Value weight, int64_t block, int64_t interleave) {
  auto unpack = weight.getDefiningOp<ssm::UnpackOp>();
  return !unpack || (unpack.getBlock() == block && int64_t(unpack.getInterleave()) == interleave);
}

bool CpuGenerator::isLegal(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr schedule,
                           std::string &reason) const {
  int64_t lanes = schedule.getLanes();
  if (lanes < 4 || lanes > 64 || (lanes & (lanes - 1))) {
    reason = "lanes must be a power of two from 4 to 64, got " + std::to_string(lanes);
    return false;
  }
  // Products of two parameters and an operand's width then fit 64 bits.
  constexpr int64_t most = 1 << 20;
  if (std::max({schedule.getRowBlock(), schedule.getColBlock(), schedule.getRowTile(),
                schedule.getColTile(), schedule.getKBlock(), schedule.getChunk(),
                schedule.getStateBlock()}) > most) {
    reason = "a parameter is greater than " + std::to_string(most);
    return false;
  }
  if (!checkSchedule(kernel, target, schedule, reason))
    return false;
  for (PackedUse packed : packedUses(kernel, schedule)) {
    Value weight = packed.use->get(), scales;
    int64_t bits = 0;
    if (auto dequantize = weight.getDefiningOp<ssm::DequantizeOp>()) {
      weight = dequantize.getX(), scales = dequantize.getS();
      bits = dequantize.getBits();
    }
    Type stored = getElementTypeOrSelf(weight.getType());
    int64_t interleave = packedInterleave(stored, bits, /*dots=*/false, packed.quads);
    bool isKnown = isInPanels(weight, packed.block, interleave) ||
                   isInPanels(weight, packed.block,
                              packedInterleave(stored, bits, /*dots=*/true, packed.quads));
    if (!isKnown ||
        (scales && !isInPanels(scales, packed.block, 1))) {
      reason = "a weight is in other panels than the schedule's: block " +
               std::to_string(packed.block) + " interleave " + std::to_string(interleave);
      return false;
    }
  }
  return true;
}

bool CpuGenerator::keepsLayout(ssm::KernelOp kernel, ssm::ScheduleAttr a,
                               ssm::ScheduleAttr b) const {
  return llvm::equal(packedUses(kernel, a), packedUses(kernel, b),
                     [](const PackedUse &one, const PackedUse &other) {
                       return one.use == other.use && one.block == other.block &&
                              one.quads == other.quads;
                     });
}

void registerCpuGenerators() {
  // Once a process, however often a registry is filled.
  static bool done = [] {
    registerGenerator("cpu", createRowsGenerator());
    registerGenerator("cpu", createSampleGenerator());
    registerGenerator("cpu", createWeightsGenerator());
    registerGenerator("cpu", createConvGenerator());
    registerGenerator("cpu", createScanGenerator());
    registerGenerator("cpu", createLinearGenerator());
    return true;
  }();
  (void)done;
}

} // namespace mamba
