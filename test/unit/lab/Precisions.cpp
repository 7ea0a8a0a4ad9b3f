#include "test/unit/lab/Precisions.h"

#include <algorithm>

namespace mamba {

/// Whether the type is tensor<?xNxf32>.
static bool isRows(const std::string &type) {
  return type.starts_with("tensor<?x") && type.ends_with("xf32>") &&
         std::count(type.begin(), type.end(), 'x') == 2;
}

static std::string withElement(std::string type, const std::string &element) {
  return type.replace(type.size() - 4, 3, element);
}

static std::string castText(const std::string &y, const std::string &x,
                            const std::string &from, const std::string &to) {
  return "%" + y + " = ssm.cast %" + x + " : " + from + " to " + to + "\n";
}

KernelText narrowRows(KernelText text, const std::string &element,
                      Narrow which, const std::string &except) {
  std::string widened;
  if (which == Narrow::Inputs || which == Narrow::Both)
    for (KernelText::Arg &arg : text.args)
      if (isRows(arg.type) && arg.name != except) {
        std::string wide = arg.type, name = arg.name;
        arg.name += "_n";
        arg.type = withElement(wide, element);
        widened += castText(name, arg.name, arg.type, wide);
      }
  text.ops = widened + text.ops + "\n";
  if (which == Narrow::Inputs)
    return text;
  std::vector<KernelText::Yield> more;
  for (KernelText::Yield &yield : text.yields)
    if (isRows(yield.type)) {
      KernelText::Yield rounded = {yield.name + "_n",
                                   withElement(yield.type, element)};
      text.ops += castText(rounded.name, yield.name, yield.type, rounded.type);
      if (which == Narrow::TwoResults)
        more.push_back(rounded);
      else
        yield = rounded;
    }
  text.yields.insert(text.yields.end(), more.begin(), more.end());
  if (text.tolerance > 0)
    text.tolerance = element == "bf16" ? 8e-3 : 1e-3;
  return text;
}

/// "<R x C>" of a matrix type.
static std::vector<int64_t> extents(const std::string &type) {
  size_t first = type.find('<') + 1, cross = type.find('x');
  return {std::stoll(type.substr(first)), std::stoll(type.substr(cross + 1))};
}

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

KernelText storeMatrix(KernelText text, const std::string &name,
                       const std::string &precision) {
  auto arg = std::find_if(text.args.begin(), text.args.end(),
                          [&](const auto &arg) { return arg.name == name; });
  std::string wide = arg->type;
  if (precision == "bf16" || precision == "f16") {
    arg->type = withElement(wide, precision);
    for (size_t at = text.ops.find(wide); at != std::string::npos;
         at = text.ops.find(wide, at + 1))
      text.ops.replace(at, wide.size(), arg->type);
    return text;
  }
  int64_t bits = precision == "int8" ? 8 : 4, O = extents(wide)[0],
          K = extents(wide)[1];
  std::string bytes = weightType({O, ceilDiv(K * bits, 8)}, "i8"),
              scales = weightType({O, ceilDiv(K, 32)}, "bf16");
  // Of the size that the matrix had.
  double step = arg->hi / (bits == 8 ? 127 : 8);
  *arg = {name + "_q", bytes, -128, 128};
  text.args.insert(arg + 1, {name + "_s", scales, -step, step});
  text.ops = "%" + name + " = ssm.dequantize %" + name + "_q by %" + name +
             "_s bits " + std::to_string(bits) + " : " + bytes + ", " + scales +
             " -> " + wide + "\n" + text.ops;
  return text;
}

KernelText int8Rows(KernelText text) {
  // %x is read once, by the norm or by the projection, behind what defines it.
  for (const std::string reader : {"ssm.rms_norm %x ", "ssm.linear %x,"}) {
    size_t at = text.ops.find(reader);
    if (at == std::string::npos)
      continue;
    size_t name = at + reader.find("%x"), line = text.ops.rfind('\n', at) + 1;
    size_t type = text.ops.find("tensor<", at), end = text.ops.find('>', type) + 1;
    std::string rounded = typed("%x8 = ssm.int8_rows %x", text.ops.substr(type, end - type));
    text.ops.replace(name, 2, "%x8");
    text.ops.insert(line, rounded);
    return text;
  }
  return text;
}

std::vector<KernelText> quantiseTexts(int64_t K) {
  std::vector<KernelText> texts;
  for (int64_t bits : {8, 4}) {
    std::string by = " bits " + std::to_string(bits) + " : ";
    std::string x = weightType({5, K}),
                s = weightType({5, ceilDiv(K, 32)}, "bf16"),
                q = weightType({5, ceilDiv(K * bits, 8)}, "i8");
    std::string scaled = "%s = ssm.quant_scales %x" + by + x + " -> " + s + "\n",
                stored = "%q = ssm.quantize %x by %s" + by + x + ", " + s +
                         " -> " + q + "\n";
    texts.push_back({.args = {{"x", x}},
                     .ops = scaled,
                     .yields = {{"s", s}},
                     .tolerance = 0});
    // Scales that are too small for some weights, and as the pack's recipe
    // computes them.
    texts.push_back({.args = {{"x", x}, {"s", s, -0.04, 0.06}},
                     .ops = stored,
                     .yields = {{"q", q}},
                     .tolerance = 0});
    texts.push_back({.args = {{"x", x}},
                     .ops = scaled + stored,
                     .yields = {{"q", q}},
                     .tolerance = 0});
    for (const char *element : {"f32", "bf16", "f16"}) {
      std::string y = weightType({5, K}, element);
      texts.push_back({.args = {{"q", q, -128, 128}, {"s", s, -0.04, 0.06}},
                       .ops = "%y = ssm.dequantize %q by %s" + by + q + ", " +
                              s + " -> " + y,
                       .yields = {{"y", y}},
                       .tolerance = 0});
    }
  }
  return texts;
}

} // namespace mamba
