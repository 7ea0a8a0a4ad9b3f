#include "test/unit/lab/KernelText.h"

#include <sstream>

namespace mamba {

std::string weightType(std::vector<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element + ">";
}
std::string rowsType(int64_t width) {
  return "tensor<?x" + std::to_string(width) + "xf32>";
}
std::string poolType(int64_t rows, int64_t columns) {
  return "tensor<?x" + std::to_string(rows) + "x" + std::to_string(columns) +
         "xf32>";
}

std::string typed(const std::string &op, const std::string &type) {
  return op + " : " + type + "\n";
}

std::string
schedule(const std::vector<std::pair<const char *, int64_t>> &parameters) {
  std::string text;
  for (auto [name, value] : parameters)
    text += (text.empty() ? "<" : ", ") + std::string(name) + " = " +
            std::to_string(value);
  return text + ">";
}

template <typename Range, typename Each>
static std::string joined(const Range &range, Each each) {
  std::string text;
  for (const auto &item : range)
    text += (text.empty() ? "" : ", ") + each(item);
  return text;
}

std::string KernelText::function(const std::string &name) const {
  auto typeOf = [](const auto &item) { return item.type; };
  std::ostringstream out;
  out << "func.func @" << name << "("
      << joined(args,
                [](const Arg &arg) { return "%" + arg.name + ": " + arg.type; })
      << ") attributes {ssm.class = \"" << tokenClass << "\"} {\n  "
      << "%results:" << yields.size() << " = ssm.kernel ("
      << joined(
             args,
             [](const Arg &arg) { return "%" + arg.name + " = %" + arg.name; })
      << ") " << (schedule.empty() ? "" : "schedule " + schedule) << " : ("
      << joined(args, typeOf) << ") -> (" << joined(yields, typeOf) << ") {\n"
      << ops << "\n  ssm.yield "
      << joined(yields, [](const Yield &yield) { return "%" + yield.name; })
      << " : " << joined(yields, typeOf) << "\n  }\n  return\n}\n";
  return out.str();
}

} // namespace mamba
