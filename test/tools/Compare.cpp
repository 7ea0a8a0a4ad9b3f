#include "test/tools/Tensors.h"

#include "runtime/support/Quote.h"
#include "runtime/support/Safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace mamba::test {

namespace {

struct Pair {
  const TensorView *got, *expected;
};

/// The largest relative L2 distance of a row of dimension 0; infinite when
/// something is not finite. A row of zeros must be zeros.
double distance(const Pair &pair) {
  int64_t rows = pair.got->shape.empty() ? 1 : pair.got->shape[0];
  uint64_t count = pair.got->bytes / sizeof(float);
  if (count == 0)
    return 0;
  uint64_t perRow = count / rows;
  double worst = 0;
  for (uint64_t from = 0; from < count; from += perRow) {
    double difference = 0, norm = 0;
    for (uint64_t i = from; i < from + perRow; ++i) {
      float a, b;
      std::memcpy(&a, pair.got->data + i * sizeof(a), sizeof(a));
      std::memcpy(&b, pair.expected->data + i * sizeof(b), sizeof(b));
      if (!std::isfinite(a) || !std::isfinite(b))
        return INFINITY;
      difference += (double(a) - b) * (double(a) - b);
      norm += double(b) * b;
    }
    double relative = difference == 0 ? 0 : std::sqrt(difference / norm);
    worst = std::max(worst, relative);
  }
  return worst;
}

Status checkPair(const Pair &pair, const CompareOptions &options) {
  if (pair.got->dtype != pair.expected->dtype ||
      pair.got->shape != pair.expected->shape)
    return invalidData("tensor " + inQuotes(pair.got->name) +
                       " has another type or shape in " +
                       inQuotes(options.expected));
  if (options.bits) {
    if (std::memcmp(pair.got->data, pair.expected->data, pair.got->bytes) == 0)
      return {};
    return invalidData("tensor " + inQuotes(pair.got->name) +
                       " has other bits in " + inQuotes(options.expected));
  }
  if (pair.got->dtype != DType::F32)
    return invalidData("tensor " + inQuotes(pair.got->name) + " is not F32");
  double found = distance(pair);
  std::printf("%s: %.3g\n", pair.got->name.c_str(), found);
  if (found <= options.tolerance)
    return {};
  char text[128];
  std::snprintf(text, sizeof(text), ": relative L2 %.3g is above %.3g", found,
                options.tolerance);
  return invalidData("tensor " + inQuotes(pair.got->name) + text);
}

} // namespace

Status compare(const CompareOptions &options) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile got,
                         SafetensorsFile::open(options.got));
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile expected,
                         SafetensorsFile::open(options.expected));
  std::vector<std::string> names = options.names;
  if (names.empty())
    for (const TensorView &tensor : expected.tensors())
      if (tensor.dtype == DType::F32 &&
          std::count(options.except.begin(), options.except.end(),
                     tensor.name) == 0)
        names.push_back(tensor.name);
  if (names.empty())
    return invalidData("no tensors to compare in " +
                       inQuotes(options.expected));
  Status worst;
  for (const std::string &name : names) {
    size_t equals = name.find('=');
    std::string other = name.substr(equals == name.npos ? 0 : equals + 1);
    Pair pair;
    MAMBA_ASSIGN_OR_RETURN(pair.got, got.get(name.substr(0, equals)));
    MAMBA_ASSIGN_OR_RETURN(pair.expected,
                           expected.get(options.expectedPrefix + other));
    if (Status status = checkPair(pair, options); !status.ok() && worst.ok())
      worst = status; // Go on, to show the others too.
  }
  return worst;
}

} // namespace mamba::test
