// Aligned columns.
#pragma once

#include <string>
#include <vector>

namespace mamba::bench {

class TextTable {
public:
  /// `shape` has a letter a column: l or r for where its text stands.
  TextTable(std::string shape, std::vector<std::string> head)
      : shape_(std::move(shape)), rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// An empty line.
  void gap() { rows_.push_back({}); }
  /// Nothing if there is no row.
  std::string text() const;

private:
  std::string shape_;
  std::vector<std::vector<std::string>> rows_;
};

/// printf's, of numbers.
std::string number(const char *format, double value);
/// "4.21 TB/s", by thousands.
std::string withUnit(double value, const std::string &unit);

} // namespace mamba::bench
