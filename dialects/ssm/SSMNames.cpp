// What printed IR calls the results of ops that have several, and weights.
#include "dialects/ssm/SSMDialect.h"

#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mamba::ssm;

/// Names the results as the metadata of the op's location lists them
/// (`fused<["x", "z"]>[...]` for two), or else as `defaults` does, if it has
/// one for each. The printer itself knows NameLocs, which hold one name.
static void nameResults(Operation *op, ArrayRef<StringRef> defaults,
                        OpAsmSetValueNameFn setName) {
  SmallVector<StringRef> names(defaults);
  if (auto loc = op->getLoc()->findInstanceOf<FusedLoc>())
    if (auto list = dyn_cast_if_present<ArrayAttr>(loc.getMetadata()))
      if (llvm::all_of(list, llvm::IsaPred<StringAttr>) &&
          list.size() == op->getNumResults())
        names = llvm::map_to_vector(list.getAsRange<StringAttr>(),
                                    [](StringAttr s) { return s.getValue(); });
  if (names.size() != op->getNumResults())
    return;
  for (auto [result, name] : llvm::zip_equal(op->getResults(), names))
    setName(result, name);
}

/// "backbone.layers.3.mixer.in_proj.bias" is in_proj_bias.3.
static std::string shortWeightName(StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  StringRef layer, leaf = parts.pop_back_val();
  for (StringRef part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      layer = part;
  StringRef owner = parts.empty() || parts.back() == layer ? "" : parts.back();
  std::string result = leaf.str();
  if (leaf == "weight" && !owner.empty())
    result = owner.str();
  else if (leaf == "bias" && !owner.empty())
    result = (owner + "_bias").str();
  return layer.empty() ? result : result + "." + layer.str();
}

void WeightOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  std::string name = shortWeightName(getName());
  nameResults(*this, StringRef(name), setName);
}

void SplitOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameResults(*this, {}, setName);
}

void Conv1dOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameResults(*this, {"conv_out", "conv_next"}, setName);
}

void SampleOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameResults(*this, {"token", "largest"}, setName);
}

void SelectiveScanOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  nameResults(*this, {"y", "ssm_next"}, setName);
}
