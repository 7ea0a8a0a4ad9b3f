#include "passes/target/ScheduleKey.h"

#include "passes/target/Match.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;

namespace mamba {

/// "rms_norm"; integers of another width than a byte are other weights.
static std::string opName(Operation &op) {
  std::string name = op.getName().stripDialect().str();
  if (auto dequantize = dyn_cast<ssm::DequantizeOp>(op))
    name += std::to_string(dequantize.getBits());
  return name;
}

static void addTypes(TypeRange types, std::string &names, llvm::SmallVector<int64_t> &dims) {
  bool isFirst = true;
  for (Type type : types) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      continue;
    llvm::raw_string_ostream(names) << (isFirst ? "" : ",") << tensor.getElementType();
    isFirst = false;
    for (int64_t extent : tensor.getShape())
      if (!ShapedType::isDynamic(extent) && !llvm::is_contained(dims, extent))
        dims.push_back(extent);
  }
}

ScheduleKey ScheduleKey::of(ssm::KernelOp kernel, StringRef family, TokenClass tokens) {
  ScheduleKey key;
  std::string ops, types;
  for (Operation &op : kernel.getBlock().without_terminator())
    ops += (ops.empty() ? "" : "+") + opName(op);
  addTypes(kernel.getInputs().getTypes(), types, key.dims);
  types += "->";
  addTypes(kernel.getResultTypes(), types, key.dims);
  // Long prompts have the schedules of prefill, and the last row of each is one of few.
  if (tokens == TokenClass::Long)
    tokens = TokenClass::Prefill;
  if (tokens == TokenClass::Prefill &&
      llvm::any_of(kernel.getBlock().getArguments(),
                   [&](Value argument) { return isOfSequences(kernel, argument); }))
    tokens = TokenClass::Few;
  key.kind = (family + " " + (ops.empty() ? "copy" : ops) + " " + types + " " +
              tokenClassName(tokens))
                 .str();
  return key;
}

std::string ScheduleKey::text() const {
  std::string text = kind + " ";
  for (auto [i, extent] : llvm::enumerate(dims))
    text += (i ? "x" : "") + std::to_string(extent);
  return text + (dims.empty() ? "-" : "");
}

std::optional<ScheduleKey> ScheduleKey::parse(StringRef text) {
  auto [kind, extents] = text.rsplit(' ');
  ScheduleKey key{kind.str(), {}};
  if (kind.count(' ') != 3 || kind.contains("  ") || kind.starts_with(" ") || kind.ends_with(" "))
    return std::nullopt;
  if (extents == "-")
    return key;
  for (StringRef extent : llvm::split(extents, 'x')) {
    int64_t value = 0;
    if (extent.getAsInteger(10, value) || value <= 0)
      return std::nullopt;
    key.dims.push_back(value);
  }
  return key;
}

std::optional<double> ScheduleKey::distance(const ScheduleKey &other) const {
  if (kind != other.kind || dims.size() != other.dims.size())
    return std::nullopt;
  double sum = 0;
  for (auto [a, b] : llvm::zip_equal(dims, other.dims))
    sum += std::abs(std::log2(double(a) / double(b)));
  return sum;
}

} // namespace mamba
