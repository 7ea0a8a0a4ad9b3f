#include "test/unit/lab/RowTexts.h"

namespace mamba {

std::vector<KernelText> embeddingTexts(int64_t D) {
  std::string table = weightType({11, D});
  return {{.args = {{"t", table}, {"i", tokensType, 0, 11}},
           .ops = "%y = ssm.embedding %t[%i] : " + table + ", " + tokensType +
                  " -> " + rowsType(D),
           .yields = {{"y", rowsType(D)}},
           .tolerance = 0}};
}

std::vector<KernelText> normTexts(int64_t D) {
  std::vector<KernelText> texts;
  std::string rows = rowsType(D), weight = weightType({D});
  texts.push_back({.args = {{"x", rows, -3, 3}},
                   .ops = typed("%y = ssm.rms_norm %x eps 1.0e-05", rows),
                   .yields = {{"y", rows}}});
  texts.push_back({.args = {{"x", rows, -3, 3}, {"w", weight}},
                   .ops = "%y = ssm.rms_norm %x weight %w eps 1.0e-01 : " +
                          rows + ", " + weight,
                   .yields = {{"y", rows}}});
  texts.push_back(
      {.args = {{"x", rows}, {"w", weight}},
       .ops = "%n = ssm.rms_norm %x weight %w eps 1.0e-05 : " + rows + ", " +
              weight + "\n" + typed("%s = ssm.silu %n", rows) +
              typed("%y = ssm.add %s, %x", rows),
       .yields = {{"y", rows}}});
  return texts;
}

std::vector<KernelText> expressionTexts(int64_t D) {
  std::vector<KernelText> texts;
  std::string rows = rowsType(D);
  std::vector<KernelText::Arg> two = {{"x", rows, -20, 20},
                                      {"z", rows, -20, 20}};
  for (const char *op : {"%y = ssm.silu %x", "%y = ssm.softplus %x"})
    texts.push_back(
        {.args = {two[0]}, .ops = typed(op, rows), .yields = {{"y", rows}}});
  for (const char *op :
       {"%y = ssm.add %x, %z", "%y = ssm.gate %x, %z", "%y = ssm.add %x, %x"})
    texts.push_back(
        {.args = two, .ops = typed(op, rows), .yields = {{"y", rows}}});
  texts.push_back({.args = two,
                   .ops = typed("%a = ssm.softplus %z", rows) +
                          typed("%b = ssm.gate %a, %x", rows) +
                          typed("%c = ssm.silu %x", rows) +
                          typed("%y = ssm.add %b, %c", rows),
                   .yields = {{"y", rows}, {"b", rows}}});
  return texts;
}

std::vector<KernelText> splitTexts(int64_t D) {
  std::vector<KernelText> texts;
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
                          typed("%n = ssm.rms_norm %b eps 1.0e-05", rows) +
                          typed("%y = ssm.gate %n, %a", rows),
                   .yields = {{"y", rows}}});
  // a part of a part
  texts.push_back({.args = {{"x", whole}},
                   .ops = "%c, %q = ssm.split %x : " + whole + " -> " +
                          rowsType(D + 2) + ", " + rowsType(D + 3) +
                          "\n%r, %a = ssm.split %q : " + rowsType(D + 3) +
                          " -> " + rowsType(3) + ", " + rows + "\n" +
                          typed("%y = ssm.silu %a", rows),
                   .yields = {{"y", rows}, {"a", rows}}});
  return texts;
}

std::vector<KernelText> lastRowTexts(int64_t D) {
  std::vector<KernelText> texts;
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
  return texts;
}

KernelText argmaxText(int64_t V, int64_t valid) {
  return {.args = {{"x", rowsType(V)}},
          .ops = "%y = ssm.argmax %x valid " + std::to_string(valid) + " : " +
                 rowsType(V) + " -> " + tokensType,
          .yields = {{"y", tokensType}},
          .tolerance = 0};
}

KernelText sampleText(int64_t V, int64_t valid) {
  std::string one = rowsType(1), ones = one + ", " + one;
  return {
      .args = {{"x", rowsType(V), -6, 6},
               {"u", one, 0, 1},
               {"t", one, 0.3, 2},
               {"k", tokensType, 0, double(V + 2)},
               {"p", one, 0.1, 1.2},
               {"m", one, 0, 0.3}},
      .ops = "%y, %l = ssm.sample %x at %u temperature %t top_k %k top_p %p min_p %m valid " +
             std::to_string(valid) + " : (" + rowsType(V) + ", " + ones + ", " + tokensType +
             ", " + ones + ") -> (" + tokensType + ", " + one + ")",
      .yields = {{"y", tokensType}, {"l", one}},
      .tolerance = 0};
}

std::vector<KernelText> castTexts() {
  std::vector<KernelText> texts;
  auto cast = [&](const std::string &x, const std::string &y) {
    texts.push_back({.args = {{"x", x, -300, 300}},
                     .ops = "%y = ssm.cast %x : " + x + " to " + y,
                     .yields = {{"y", y}},
                     .tolerance = 0});
  };
  for (const char *from : {"f32", "bf16", "f16"})
    for (const char *to : {"f32", "bf16", "f16"})
      if (std::string(from) != to)
        cast(weightType({7, 131}, from), weightType({7, 131}, to));
  // More than one tile.
  cast(weightType({20001}), weightType({20001}, "bf16"));
  return texts;
}

std::vector<KernelText> decayTexts(int64_t E) {
  std::vector<KernelText> texts;
  std::string A = weightType({E, 5}), s = weightType({5});
  texts.push_back({.args = {{"a", A, -8, 4}},
                   .ops = "%y = ssm.decay %a : " + A,
                   .yields = {{"y", A}},
                   .tolerance = 3e-7});
  texts.push_back({.args = {{"a", A, -8, 4}},
                   .ops = "%d = ssm.decay %a : " + A +
                          "\n%y = ssm.scale %d by 1.4426950408889634 : " + A,
                   .yields = {{"y", A}},
                   .tolerance = 4e-7});
  texts.push_back({.args = {{"a", A}, {"s", s}},
                   .ops = "%y = ssm.scale_columns %a, %s : " + A + ", " + s,
                   .yields = {{"y", A}},
                   .tolerance = 1e-7});
  return texts;
}

KernelText reshapeText() {
  std::string odd = weightType({5, 3, 7}), other = weightType({7, 15});
  return {.args = {{"w", odd}},
          .ops = "%r = ssm.reshape %w : " + odd + " to " + other +
                 "\n%y = ssm.scale %r by -2.0 : " + other,
          .yields = {{"y", other}},
          .tolerance = 0};
}

} // namespace mamba
