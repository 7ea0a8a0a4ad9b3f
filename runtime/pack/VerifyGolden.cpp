// What FORMAT.md promises of a self-test.
#include "runtime/pack/VerifyParts.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mamba;

/// The largest buffer of a self-test; bytes.
static constexpr uint64_t kMaxGoldenBytes = uint64_t(1) << 34;

static bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::BF16 || dtype == DType::F16;
}

static bool isGoldenType(DType dtype) {
  return isFloat(dtype) || dtype == DType::U8 || dtype == DType::I8 ||
         dtype == DType::I32 || dtype == DType::I64;
}

static Status verifyGoldenArg(const GoldenArg &arg) {
  std::string dtype(dtypeName(arg.dtype));
  if (!isGoldenType(arg.dtype))
    return invalidData("a self-test has no values of dtype " + dtype);
  if (arg.count > kMaxGoldenBytes / dtypeBytes(arg.dtype))
    return invalidData(text(arg.count) + " elements of " + dtype +
                       " are more than " + text(kMaxGoldenBytes) + " bytes");
  if (arg.fill == GoldenArg::Fill::Index && arg.bound == 0)
    return invalidData("the bound of an index must be at least 1");
  if (arg.fill != GoldenArg::Fill::Uniform)
    return {};
  constexpr double kMax = std::numeric_limits<float>::max();
  if (!isFloat(arg.dtype))
    return invalidData("uniform values need a floating-point dtype, got " +
                       dtype);
  if (!(arg.lo >= -kMax && arg.lo <= arg.hi && arg.hi <= kMax))
    return invalidData("uniform bounds must be finite and rising");
  return {};
}

static Status verifyGoldenOutput(const GoldenCase &golden, const GoldenOutput &output,
                                 const BlobTable &blobs) {
  MAMBA_RETURN_IF_ERROR(
      verifyIndex("argument", output.arg, golden.args.size()));
  if (output.count == 0 || output.stride == 0)
    return invalidData("count and stride must be at least 1");
  std::optional<uint64_t> last = checkedMul(output.count - 1, output.stride);
  if (!last || *last >= golden.args[output.arg].count)
    return invalidData(text(output.count) + " samples of stride " +
                       text(output.stride) + " leave an argument of " +
                       text(golden.args[output.arg].count) + " elements");
  auto blob = blobs.find(output.blob);
  if (blob == blobs.end())
    return invalidData(inQuotes(output.blob) + " is not a blob");
  std::optional<uint64_t> end = checkedAdd(output.offset, output.count);
  if (!end || *end > blob->second->rawBytes / sizeof(float))
    return invalidData("samples from " + text(output.offset) + " leave blob " +
                       inQuotes(output.blob) + " of " +
                       text(blob->second->rawBytes) + " bytes");
  return {};
}

Status mamba::verifyGolden(const GoldenCase &golden, const BlobTable &blobs) {
  size_t sequences = golden.lengths.size();
  if (golden.slots.size() != sequences || golden.positions.size() != sequences)
    return invalidData("lengths, slots and positions must be as many, got " +
                       text(sequences) + ", " + text(golden.slots.size()) +
                       " and " + text(golden.positions.size()));
  std::vector<int32_t> slots = golden.slots;
  std::sort(slots.begin(), slots.end());
  if (std::adjacent_find(slots.begin(), slots.end()) != slots.end())
    return invalidData("two sequences have the same slot");
  if (!slots.empty() &&
      (slots[0] < 0 || uint64_t(slots.back()) >= kGuaranteedRows))
    return invalidData("slots must be below " + text(kGuaranteedRows));
  uint64_t tokens = 0;
  for (int64_t length : golden.lengths)
    tokens += std::min<uint64_t>(length, kGuaranteedRows + 1);
  if (tokens > kGuaranteedRows || sequences > kGuaranteedRows)
    return invalidData("lengths exceed " + text(kGuaranteedRows) + " tokens");
  for (int64_t position : golden.positions)
    if (position < 0)
      return invalidData("position " + std::to_string(position) +
                         " is negative");
  MAMBA_RETURN_IF_ERROR(
      verifyGrid(golden.grid, golden.grid.of.of(tokens, sequences)));
  for (size_t i = 0; i < golden.args.size(); ++i)
    MAMBA_RETURN_IF_ERROR(
        verifyGoldenArg(golden.args[i]).withContext("argument " + text(i)));
  if (golden.outputs.empty())
    return invalidData("there is no output to compare");
  for (size_t i = 0; i < golden.outputs.size(); ++i)
    MAMBA_RETURN_IF_ERROR(verifyGoldenOutput(golden, golden.outputs[i], blobs)
                              .withContext("output " + text(i)));
  if (!std::isfinite(golden.tolerance) || golden.tolerance < 0)
    return invalidData("the tolerance must be a finite number of at least 0");
  return {};
}
