#include "bench/gpu/TextTable.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mamba::bench {

std::string TextTable::text() const {
  if (rows_.size() < 2)
    return "";
  std::vector<size_t> widths(shape_.size());
  for (const auto &row : rows_)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto &row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string blanks(widths[i] - row[i].size(), ' ');
      line += (i ? "  " : "") + (shape_[i] == 'r' ? blanks + row[i] : row[i] + blanks);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    if (&row == &rows_.front())
      text += std::string(std::min<size_t>(line.size(), 100), '-') + "\n";
  }
  return text;
}

std::string number(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string withUnit(double value, const std::string &unit) {
  constexpr const char *kPrefixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P"};
  int at = 3;
  for (; at > 0 && value != 0 && std::fabs(value) < 1; --at)
    value *= 1000;
  for (; at < 8 && std::fabs(value) >= 1000; ++at)
    value /= 1000;
  return number("%.3g ", value) + kPrefixes[at] + unit;
}

} // namespace mamba::bench
