#include "compiler/codegen/CudaShell.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace mamba {

bool splitPtx(StringRef ptx, std::vector<PtxEntry> &entries, std::string &error) {
  SmallVector<StringRef> lines;
  ptx.split(lines, '\n');
  enum { Outside, Parameters, Head, Body } place = Outside;
  for (StringRef line : lines) {
    StringRef trimmed = line.trim();
    if (trimmed.empty() || trimmed.starts_with("//"))
      continue;
    switch (place) {
    case Outside:
      if (trimmed.consume_front(".visible .entry ")) {
        entries.push_back({trimmed.take_until([](char c) { return c == '('; }), {}, {}});
        place = trimmed.ends_with("()") ? Head : Parameters;
      } else if (!trimmed.starts_with(".version") && !trimmed.starts_with(".target") &&
                 !trimmed.starts_with(".address_size")) {
        error = "the PTX has '" + trimmed.str() + "' outside of its kernels";
        return false;
      }
      break;
    case Parameters:
      if (trimmed == ")")
        place = Head;
      else
        entries.back().parameters.push_back(trimmed.rtrim(',').rsplit(' ').second);
      break;
    case Head: // The bounds of threads and blocks are C++'s.
      if (trimmed == "{")
        place = Body;
      break;
    case Body:
      if (trimmed == "}")
        place = Outside;
      else
        entries.back().lines.push_back(line.rtrim());
      break;
    }
  }
  if (place != Outside)
    error = "the PTX ends within a kernel";
  return place == Outside;
}

namespace {

/// The text of one kernel in C++'s quotes.
class AsmWriter {
public:
  AsmWriter(const PtxEntry &entry, ArrayRef<std::string> parameters)
      : entry(entry), parameters(parameters) {}

  std::string write(std::string &error) {
    for (StringRef line : entry.lines) {
      StringRef rest = line.trim();
      if (rest.consume_front(".reg "))
        prefixes.insert(rest.split('%').second.take_while(isAlpha));
    }
    std::string text = "  asm volatile(\"{\\n\"\n";
    for (StringRef line : entry.lines) {
      std::string inner = read(line.trim());
      text += "               \"" + escape(inner.empty() ? line.ltrim() : inner) + "\\n\"\n";
    }
    if (!failure.empty()) {
      error = failure;
      return "";
    }
    text += "               \"}\"\n               :\n               : ";
    for (auto [i, parameter] : enumerate(operands))
      text += (i ? ", " : "") + ("\"l\"(" + parameters[parameter] + ")");
    return text + "\n               : \"memory\");\n";
  }

private:
  /// What stands for a load of a parameter; empty of other lines.
  std::string read(StringRef line) {
    if (!line.contains("_param_"))
      return "";
    if (!line.consume_front("ld.param.")) {
      failure = "'" + line.str() + "' takes the address of a parameter";
      return "";
    }
    auto [type, rest] = line.split(' ');
    if (rest.empty())
      std::tie(type, rest) = line.split('\t');
    auto [target, source] = rest.trim().split(", ");
    StringRef name = source.trim("[];");
    auto found = find(entry.parameters, name);
    if (type.trim() != "b64" || found == entry.parameters.end()) {
      failure = "'ld.param." + line.str() + "' is no load of one whole parameter";
      return "";
    }
    unsigned number = found - entry.parameters.begin();
    auto *known = find(operands, number);
    unsigned operand = known - operands.begin();
    if (known == operands.end())
      operands.push_back(number);
    return ("mov.b64 " + target + ", %" + Twine(operand) + ";").str();
  }

  /// Registers and labels renamed, in the characters of a string for asm.
  std::string escape(StringRef line) const {
    std::string text;
    while (!line.empty()) {
      char c = line.front();
      line = line.drop_front();
      if (c == '\t') {
        text += ' ';
      } else if (c == '"') {
        text += "\\\"";
      } else if (c == '$' && line.starts_with("L__BB")) {
        text += "ptx_";
      } else if (c == '%') {
        StringRef word = line.take_while(isAlpha), after = line.drop_front(word.size());
        bool isRegister = prefixes.contains(word) && !after.empty() &&
                          (isDigit(after.front()) || after.front() == '<');
        bool isOperand = word.empty();
        text += isOperand ? "%" : isRegister ? "%%ptx_" : "%%";
      } else {
        text += c;
      }
    }
    return text;
  }

  const PtxEntry &entry;
  ArrayRef<std::string> parameters;
  StringSet<> prefixes; // of registers: r, rd, p
  SmallVector<unsigned> operands; // the parameter of each
  std::string failure;
};

} // namespace

std::string asmOf(const PtxEntry &entry, ArrayRef<std::string> parameters, std::string &error) {
  return AsmWriter(entry, parameters).write(error);
}

} // namespace mamba
