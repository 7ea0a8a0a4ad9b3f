// Kernels that treat each row by itself.
#include "test/unit/cpu/KernelLab.h"

using namespace mamba;

namespace {

using RowKernels = EachTarget;
MAMBA_FOR_EACH_TARGET(RowKernels);

constexpr int64_t widths[] = {1, 3, 17, 44, 64, 129};

std::string typed(const std::string &op, int64_t D) {
  return op + " : " + rowsType(D) + "\n";
}

TEST_P(RowKernels, Embedding) {
  std::vector<KernelText> texts;
  for (int64_t D : widths) {
    std::string table = weightType({11, D});
    texts.push_back({.args = {{"t", table}, {"i", tokensType, 0, 11}},
                     .ops = "%y = ssm.embedding %t[%i] : " + table + ", " +
                            tokensType + " -> " + rowsType(D),
                     .yields = {{"y", rowsType(D)}},
                     .tolerance = 0});
  }
  checkAll(texts);
}

TEST_P(RowKernels, Norms) {
  std::vector<KernelText> texts;
  for (int64_t D : widths) {
    std::string rows = rowsType(D), weight = weightType({D});
    texts.push_back({.args = {{"x", rows, -3, 3}},
                     .ops = typed("%y = ssm.rms_norm %x eps 1.0e-05", D),
                     .yields = {{"y", rows}}});
    texts.push_back({.args = {{"x", rows, -3, 3}, {"w", weight}},
                     .ops = "%y = ssm.rms_norm %x weight %w eps 1.0e-01 : " +
                            rows + ", " + weight,
                     .yields = {{"y", rows}}});
    texts.push_back(
        {.args = {{"x", rows}, {"w", weight}},
         .ops = "%n = ssm.rms_norm %x weight %w eps 1.0e-05 : " + rows + ", " +
                weight + "\n" + typed("%s = ssm.silu %n", D) +
                typed("%y = ssm.add %s, %x", D),
         .yields = {{"y", rows}}});
  }
  checkAll(texts);
}

TEST_P(RowKernels, ElementwiseExpressions) {
  std::vector<KernelText> texts;
  for (int64_t D : widths) {
    std::string rows = rowsType(D);
    std::vector<KernelText::Arg> two = {{"x", rows, -20, 20},
                                        {"z", rows, -20, 20}};
    for (const char *op : {"%y = ssm.silu %x", "%y = ssm.softplus %x"})
      texts.push_back(
          {.args = {two[0]}, .ops = typed(op, D), .yields = {{"y", rows}}});
    for (const char *op :
         {"%y = ssm.add %x, %z", "%y = ssm.gate %x, %z", "%y = ssm.add %x, %x"})
      texts.push_back(
          {.args = two, .ops = typed(op, D), .yields = {{"y", rows}}});
    texts.push_back({.args = two,
                     .ops = typed("%a = ssm.softplus %z", D) +
                            typed("%b = ssm.gate %a, %x", D) +
                            typed("%c = ssm.silu %x", D) +
                            typed("%y = ssm.add %b, %c", D),
                     .yields = {{"y", rows}, {"b", rows}}});
  }
  checkAll(texts);
}

// Parts are read in place, at odd offsets, or written each to its own buffer.
TEST_P(RowKernels, Splits) {
  std::vector<KernelText> texts;
  for (int64_t D : widths) {
    std::string rows = rowsType(D), odd = rowsType(5),
                whole = rowsType(2 * D + 5);
    std::string split = "%a, %o, %b = ssm.split %x : " + whole + " -> " + rows +
                        ", " + odd + ", " + rows + "\n";
    texts.push_back({.args = {{"x", whole}},
                     .ops = split,
                     .yields = {{"a", rows}, {"o", odd}, {"b", rows}},
                     .tolerance = 0});
    texts.push_back({.args = {{"x", whole}},
                     .ops = split +
                            typed("%n = ssm.rms_norm %b eps 1.0e-05", D) +
                            typed("%y = ssm.gate %n, %a", D),
                     .yields = {{"y", rows}}});
    // a part of a part
    texts.push_back({.args = {{"x", whole}},
                     .ops = "%c, %q = ssm.split %x : " + whole + " -> " +
                            rowsType(D + 2) + ", " + rowsType(D + 3) +
                            "\n%r, %a = ssm.split %q : " + rowsType(D + 3) +
                            " -> " + rowsType(3) + ", " + rows + "\n" +
                            typed("%y = ssm.silu %a", D),
                     .yields = {{"y", rows}, {"a", rows}}});
  }
  checkAll(texts);
}

TEST_P(RowKernels, LastRows) {
  std::vector<KernelText> texts;
  for (int64_t D : widths) {
    std::string rows = rowsType(D), whole = rowsType(D + 3);
    std::string last = " of %batch : " + rows + " -> " + rows;
    texts.push_back({.args = {{"x", rows}, {"batch", batchType}},
                     .ops = "%y = ssm.last_rows %x" + last,
                     .yields = {{"y", rows}},
                     .tolerance = 0});
    texts.push_back({.args = {{"x", whole}, {"batch", batchType}},
                     .ops = "%o, %p = ssm.split %x : " + whole + " -> " +
                            rowsType(3) + ", " + rows +
                            "\n%y = ssm.last_rows %p" + last,
                     .yields = {{"y", rows}},
                     .tolerance = 0});
  }
  checkAll(texts);
}

} // namespace
