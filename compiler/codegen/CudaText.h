// Text of C++: expressions with what binds how tightly, lines with their indent.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace mamba {

/// An expression of C++.
struct CudaExpr {
  /// The stronger it binds, the fewer parentheses it needs.
  enum Strength { Weak, Logic, Compare, Sum, Product, Unary, Atom };
  std::string text;
  Strength strength = Atom;
  /// An int, short or char with a sign.
  bool isSigned = false;
};

/// The expression where something that binds as strongly as `around` applies to it.
std::string within(const CudaExpr &expr, CudaExpr::Strength around);
/// Its first `(type)`.
CudaExpr castTo(llvm::StringRef type, const CudaExpr &expr);
/// Whether a name occurs in it.
bool mentions(llvm::StringRef text, llvm::StringRef name);

/// "a, b, c".
std::string listed(llvm::ArrayRef<std::string> items);

/// Lines of code.
class CudaText {
public:
  static constexpr size_t width = 100;

  /// A line at the current indent, broken after commas and before operators.
  void line(const std::string &text);
  void blank() { lines.push_back(""); }
  void open(const std::string &text) {
    line(text + " {");
    ++indent;
  }
  void close(const std::string &text = "}") {
    --indent;
    line(text);
  }
  /// A line without indent.
  void directive(const std::string &text) { lines.push_back(text); }

  /// Takes away what was written since there were `count` lines.
  size_t count() const { return lines.size(); }
  std::vector<std::string> cut(size_t from);
  void append(std::vector<std::string> more);
  unsigned indent = 0;

  std::string str() const;

private:
  std::vector<std::string> lines;
};

} // namespace mamba
