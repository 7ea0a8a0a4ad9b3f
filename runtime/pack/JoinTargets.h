// Targets of several manifests in one.
#pragma once

#include "runtime/pack/Manifest.h"

namespace mamba {

/// Adds a target of `from` and the entries and checkpoint weights that `into`
/// has not: numbers of these in the target's programs are adapted, names of
/// blobs are the caller's to adapt. An entry, weight or state of one name that
/// is not the same in both fails, as does a second target of one name.
Status joinTarget(Manifest &into, const Manifest &from, const TargetSpec &target);

/// Every blob that the target names, in a fixed order: to be read, or renamed.
template <typename Target, typename Visit>
void forEachBlob(Target &target, Visit visit) {
  visit("code", target.code);
  if (target.cubin)
    visit("cubin", *target.cubin);
  if (target.cuda)
    visit("cuda", *target.cuda);
  for (auto &kernel : target.kernels)
    for (auto &golden : kernel.golden)
      for (auto &output : golden.outputs)
        visit("golden", output.blob);
}

} // namespace mamba
