#include "tools/mamba-pack/Table.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace mamba::pack {

std::string bytesText(uint64_t bytes) {
  const char *units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = double(bytes);
  int unit = 0;
  for (; value >= 1000 && unit < 4; ++unit)
    value /= 1000;
  std::ostringstream text;
  text << std::fixed << std::setprecision(unit == 0 || value >= 100 ? 0 : 1) << value << " "
       << units[unit];
  return text.str();
}

void Table::add(std::vector<std::string> cells) {
  widths_.resize(std::max(widths_.size(), cells.size()));
  for (size_t i = 0; i < cells.size(); ++i)
    widths_[i] = std::max(widths_[i], cells[i].size());
  lines_.push_back(std::move(cells));
}

void Table::print(std::ostream &os) const {
  for (const auto &cells : lines_) {
    std::string line = "   ";
    for (size_t i = 0; i < cells.size(); ++i)
      line += " " + cells[i] + std::string(widths_[i] - cells[i].size() + 1, ' ');
    os << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
  }
}

} // namespace mamba::pack
