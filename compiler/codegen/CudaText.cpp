#include "compiler/codegen/CudaText.h"

#include "llvm/ADT/StringExtras.h"

#include <iterator>

using llvm::StringRef;

namespace mamba {

std::string within(const CudaExpr &expr, CudaExpr::Strength around) {
  return expr.strength < around ? "(" + expr.text + ")" : expr.text;
}

CudaExpr castTo(StringRef type, const CudaExpr &expr) {
  return {"(" + type.str() + ")" + within(expr, CudaExpr::Unary), CudaExpr::Unary};
}

static bool isOfName(char c) { return llvm::isAlnum(c) || c == '_'; }

bool mentions(StringRef text, StringRef name) {
  for (size_t at = text.find(name); at != StringRef::npos; at = text.find(name, at + 1)) {
    size_t end = at + name.size();
    if ((at == 0 || !isOfName(text[at - 1])) && (end == text.size() || !isOfName(text[end])))
      return true;
  }
  return false;
}

std::string listed(llvm::ArrayRef<std::string> items) { return llvm::join(items, ", "); }

/// Where the line is best cut so that its first part fits: at the least nested
/// blank within the width, behind a comma rather than elsewhere.
static size_t cutOf(StringRef line, size_t width) {
  size_t best = StringRef::npos;
  int depth = 0, bestCost = 1 << 20;
  for (size_t i = 0; i < line.size() && i < width; ++i) {
    if (StringRef("([{").contains(line[i]))
      ++depth;
    else if (StringRef(")]}").contains(line[i]))
      --depth;
    if (line[i] != ' ' || i < width / 3)
      continue;
    int cost = 2 * depth + (line[i - 1] != ',');
    if (cost <= bestCost) {
      best = i;
      bestCost = cost;
    }
  }
  return best;
}

void CudaText::line(const std::string &text) {
  std::string space(2 * indent, ' ');
  StringRef rest = text;
  while (space.size() + rest.size() > width) {
    size_t cut = cutOf(rest, width - space.size() + 1);
    if (cut == StringRef::npos)
      break;
    lines.push_back(space + rest.take_front(cut).rtrim().str());
    rest = rest.drop_front(cut).ltrim();
    if (space.size() == 2 * indent)
      space += "    ";
  }
  lines.push_back(space + rest.str());
}

std::vector<std::string> CudaText::cut(size_t from) {
  std::vector<std::string> taken(lines.begin() + from, lines.end());
  lines.resize(from);
  return taken;
}

void CudaText::append(std::vector<std::string> more) {
  lines.insert(lines.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

std::string CudaText::str() const {
  std::string all;
  for (const std::string &line : lines)
    all += line + "\n";
  return all;
}

} // namespace mamba
