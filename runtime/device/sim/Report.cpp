#include "runtime/device/sim/Report.h"

using namespace mamba;
using namespace mamba::sim;

namespace {
const char *nameOf(MemorySpace space) {
  switch (space) {
  case MemorySpace::Global:
    return "global";
  case MemorySpace::Shared:
    return "shared";
  case MemorySpace::Local:
    return "local";
  }
  return "";
}

std::string kindOf(const Defect &defect) {
  std::string space = std::string(nameOf(defect.space)) + " memory";
  const char *access = defect.party.isWrite ? "write" : "read";
  switch (defect.kind) {
  case DefectKind::OutOfBounds:
    return "out-of-bounds " + std::string(access) + " of " + space;
  case DefectKind::Misaligned:
    return "misaligned " + std::string(access) + " of " + space;
  case DefectKind::ReadOnly:
    return "write to read-only memory";
  case DefectKind::Unwritten:
    return "read of " + space + " that nothing wrote";
  case DefectKind::Race:
    return "race on " + space;
  case DefectKind::Early:
    return std::string(access) + " of " + space + " before griddepcontrol.wait";
  case DefectKind::NonCoherent:
    return std::string(access) + " of memory that one launch writes and ld.global.nc reads";
  case DefectKind::AsyncPending:
    return std::string(access) + " of shared memory before its cp.async was waited for";
  case DefectKind::AsyncSource:
    return "write to the source of a cp.async before its wait";
  case DefectKind::DivergentBarrier:
    return "divergent barrier";
  case DefectKind::Deadlock:
    return "deadlock";
  case DefectKind::Other:
    return defect.note;
  }
  return "";
}

std::string blockOf(const LaunchText &launch, uint64_t block) {
  if (block == Party::unknownBlock)
    return "another block";
  uint64_t x = launch.grid[0] ? launch.grid[0] : 1, y = launch.grid[1] ? launch.grid[1] : 1;
  return "block (" + std::to_string(block % x) + "," + std::to_string(block / x % y) + "," +
         std::to_string(block / x / y) + ")";
}

std::string instructionOf(const LaunchText &launch, uint32_t pc) {
  if (pc == Party::unknownPc || !launch.instruction)
    return "an unknown line";
  InstructionText found = launch.instruction(pc);
  return "line " + std::to_string(found.line) + " `" + std::string(found.text) + "`";
}

std::string partyOf(const LaunchText &launch, const Party &party) {
  return "warp " + std::to_string(party.warp) + " lane " + std::to_string(party.lane) + " of " +
         blockOf(launch, party.block);
}
} // namespace

Status mamba::sim::describe(const Defect &defect, const LaunchText &launch) {
  std::string text = "kernel '" + launch.kernel + "': " + kindOf(defect);
  text += ": " + instructionOf(launch, defect.party.pc) + " in " + partyOf(launch, defect.party);
  if (defect.other) {
    const Party &other = *defect.other;
    if (defect.kind == DefectKind::Race) {
      text += defect.party.isWrite ? " writes" : " reads";
      text += other.isWrite ? ", against the write of " : ", against the read of ";
    } else {
      text += ", copied by ";
    }
    text += instructionOf(launch, other.pc) + " in " + partyOf(launch, other);
  }
  if (!defect.where.empty()) {
    text += ", at " + defect.where;
    if (defect.bytes != 0)
      text += " (" + std::to_string(defect.bytes) + " bytes)";
  }
  if (!defect.note.empty() && defect.kind != DefectKind::Other)
    text += "; " + defect.note;
  return invalidData(text);
}
