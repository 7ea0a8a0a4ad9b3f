#include "runtime/pack/DecodeBytes.h"

#include <algorithm>

using namespace mamba;

static const Program *findDecode(const Manifest &manifest,
                                 const TargetSpec &target) {
  for (const Program &program : target.programs)
    if (manifest.entries[program.entry].name == "next" &&
        program.bounds.maxLength == 1u)
      return &program;
  return nullptr;
}

std::set<uint64_t> mamba::packedOffsets(const TargetSpec &target) {
  std::set<uint64_t> offsets = {target.packedBytes};
  auto add = [&](const std::vector<Dispatch> &dispatches) {
    for (const Dispatch &dispatch : dispatches)
      for (const ArgRef &arg : dispatch.args)
        if (arg.space == ArgSpace::Packed)
          offsets.insert(arg.number);
  };
  add(target.recipe);
  for (const Program &program : target.programs)
    add(program.dispatches);
  return offsets;
}

bool mamba::looksUpRows(const EntrySpec &entry, const Dispatch &dispatch) {
  return std::any_of(dispatch.args.begin(), dispatch.args.end(),
                     [&](const ArgRef &arg) {
                       return arg.space == ArgSpace::In &&
                              entry.inputs[arg.number].dtype == DType::I32;
                     });
}

uint64_t mamba::decodeWeightBytes(const Manifest &manifest,
                                  const TargetSpec &target) {
  const Program *decode = findDecode(manifest, target);
  if (!decode)
    return target.packedBytes;
  const EntrySpec &entry = manifest.entries[decode->entry];
  std::set<uint64_t> packed, checkpoint;
  for (const Dispatch &dispatch : decode->dispatches) {
    if (looksUpRows(entry, dispatch))
      continue;
    for (const ArgRef &arg : dispatch.args) {
      if (arg.space == ArgSpace::Packed)
        packed.insert(arg.number);
      else if (arg.space == ArgSpace::Weight)
        checkpoint.insert(arg.number);
    }
  }
  uint64_t bytes = 0;
  std::set<uint64_t> offsets = packedOffsets(target);
  for (uint64_t offset : packed)
    bytes += *offsets.upper_bound(offset) - offset;
  for (uint64_t index : checkpoint) {
    const WeightSpec &weight = manifest.checkpoint[index];
    bytes += tensorBytes(weight.dtype, weight.shape).value_or(0);
  }
  return bytes;
}
