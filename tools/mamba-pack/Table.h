// Text in columns.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace mamba::pack {

/// "1.2 MB".
std::string bytesText(uint64_t bytes);

/// Cells under headings, each column as wide as it needs.
class Table {
public:
  explicit Table(std::vector<std::string> headings) { add(std::move(headings)); }
  void add(std::vector<std::string> cells);
  void print(std::ostream &os) const;

private:
  std::vector<std::vector<std::string>> lines_;
  std::vector<size_t> widths_;
};

} // namespace mamba::pack
