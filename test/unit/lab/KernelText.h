// Kernels as tests write them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mamba {

// Types in MLIR's syntax.
std::string rowsType(int64_t width); // tensor<?xWIDTHxf32>
std::string weightType(std::vector<int64_t> shape,
                       const std::string &element = "f32");
std::string poolType(int64_t rows,
                     int64_t columns); // tensor<?xROWSxCOLUMNSxf32>
inline const std::string batchType = "!ssm.batch";
inline const std::string tokensType = "tensor<?xi32>";

/// One ssm.kernel as text.
struct KernelText {
  /// An operand, %name inside; its values are drawn from [lo, hi), tokens from
  /// the integers there.
  struct Arg {
    std::string name, type;
    double lo = -1, hi = 1;
  };
  struct Yield {
    std::string name, type;
  };
  std::vector<Arg> args;
  std::string ops;
  std::vector<Yield> yields;
  std::string schedule = {}; // "<lanes = 8, ...>"; empty: the generator's own
  std::string tokenClass = "prefill";
  double tolerance =
      4e-6; // of each element, relative to it plus the root mean square

  /// As a function of that name around it.
  std::string function(const std::string &name) const;
};

/// An op and its only type, as a line.
std::string typed(const std::string &op, const std::string &type);

/// "<lanes = 8, ...>" of parameters and their values.
std::string
schedule(const std::vector<std::pair<const char *, int64_t>> &parameters);

} // namespace mamba
