#include "test/unit/lab/KernelTexts.h"

#include <cmath>
#include <utility>

namespace mamba {

/// Makes %u of %`x`, [rows, E], and the pool %ct of %cs.
static void addConv(KernelText &text, const ConvBefore &conv, int64_t E,
                    const std::string &x = "x") {
  std::string rows = rowsType(E), weight = weightType({E, conv.W}),
              bias = weightType({E}), pool = poolType(conv.W - 1, E);
  text.args.push_back({"cw", weight});
  if (conv.biased)
    text.args.push_back({"cb", bias});
  text.args.push_back({"cs", pool});
  std::string y = conv.silu ? "cy" : "u";
  text.ops += "%" + y + ", %ct = ssm.conv1d %" + x + ", %cw " +
              (conv.biased ? "bias %cb " : "") + "state %cs of %batch : (" +
              rows + ", " + weight + (conv.biased ? ", " + bias : "") + ", " +
              pool + ", " + batchType + ") -> (" + rows + ", " + pool + ")\n";
  if (conv.silu)
    text.ops += typed("%u = ssm.silu %cy", rows);
}

/// Takes some of the outputs %l, [rows, O], through a convolution.
static void addConvAfter(KernelText &text, const ConvAfter &after, int64_t O) {
  std::string types, names, x = "l";
  int64_t widths[] = {after.offset, after.E, O - after.offset - after.E};
  for (int i = 0; i < 3; ++i) {
    if (widths[i] == 0)
      continue;
    std::string comma = names.empty() ? "" : ", ";
    names += comma + "%l" + std::to_string(i);
    types += comma + rowsType(widths[i]);
  }
  if (after.E != O) {
    text.ops += names + " = ssm.split %l : " + rowsType(O) + " -> " + types + "\n";
    x = "l1";
  }
  addConv(text, after.conv, after.E, x);
  text.args.push_back({"batch", batchType});
  text.tolerance = 1e-5;
  std::vector<KernelText::Yield> outputs = std::move(text.yields);
  text.yields = {{"u", rowsType(after.E)},
                 {"ct", poolType(after.conv.W - 1, after.E)}};
  if (after.keeps)
    text.yields.insert(text.yields.end(), outputs.begin(), outputs.end());
}

KernelText linearText(const LinearForm &f) {
  std::string in = rowsType(f.K), out = rowsType(f.O),
              whole = rowsType(f.K + f.offset);
  std::string weight = weightType({f.O, f.K}), bias = weightType({f.O});
  double bound = 1.7 / std::sqrt(double(f.K));
  KernelText text;
  text.args.push_back({f.split ? "xs" : "x", f.split ? whole : in});
  text.args.push_back({"w", weight, -bound, bound});
  if (f.biased)
    text.args.push_back({"b", bias});
  if (f.residual)
    text.args.push_back({"r", out});
  if (f.split)
    text.ops += "%o, %x = ssm.split %xs : " + whole + " -> " +
                rowsType(f.offset) + ", " + in + "\n";
  if (f.conv.W) {
    text.tolerance = 1e-5; // as of its SiLU
    addConv(text, f.conv, f.K);
    text.args.push_back({"batch", batchType});
  }
  std::string x = f.conv.W ? "u" : "x";
  if (f.norm)
    text.ops += typed("%n = ssm.rms_norm %" + std::exchange(x, "n") + " eps 1.0e-05", in);
  text.ops += "%l = ssm.linear %" + x +
              ", %w" + (f.biased ? " bias %b" : "") + " : " + in + ", " +
              weight + (f.biased ? ", " + bias : "") + " -> " + out + "\n";
  std::string y = "l";
  if (f.silu)
    text.ops += typed("%a = ssm.silu %" + std::exchange(y, "a"), out);
  if (f.residual)
    text.ops += typed("%y = ssm.add %r, %" + std::exchange(y, "y"), out);
  text.yields = {{y, out}};
  if (f.after.conv.W)
    addConvAfter(text, f.after, f.O);
  return text;
}

KernelText convText(const ConvForm &f) {
  std::string rows = rowsType(f.E), weight = weightType({f.E, f.W}),
              pool = poolType(f.W - 1, f.E);
  std::string whole = rowsType(f.E + 9), bias = weightType({f.E});
  KernelText text;
  text.args.push_back({f.split ? "xs" : "x", f.split ? whole : rows});
  text.args.push_back({"w", weight});
  if (f.biased)
    text.args.push_back({"b", bias});
  text.args.push_back({"s", pool});
  text.args.push_back({"batch", batchType});
  if (f.split)
    text.ops = "%o, %x = ssm.split %xs : " + whole + " -> " + rowsType(9) +
               ", " + rows + "\n";
  text.ops += std::string("%c, %t = ssm.conv1d %x, %w ") +
              (f.biased ? "bias %b " : "") + "state %s of %batch : (" + rows +
              ", " + weight + (f.biased ? ", " + bias : "") + ", " + pool +
              ", " + batchType + ") -> (" + rows + ", " + pool + ")\n";
  if (f.silu)
    text.ops += typed("%y = ssm.silu %c", rows);
  text.yields = {{f.silu ? "y" : "c", rows}, {"t", pool}};
  if (f.stateFirst)
    std::swap(text.yields[0], text.yields[1]);
  return text;
}

namespace {
/// Operands of an op, collected in order.
struct Operands {
  std::string syntax, types;
  void add(const std::string &keyword, const std::string &name,
           const std::string &type) {
    syntax += (syntax.empty() ? "" : " ") + keyword +
              (keyword.empty() ? "" : " ") + "%" + name;
    types += (types.empty() ? "" : ", ") + type;
  }
  void word(const std::string &keyword) { syntax += " " + keyword; }
};
} // namespace

KernelText scanText(const ScanForm &f) {
  std::string rows = rowsType(f.E), states = rowsType(f.N),
              vector = weightType({f.E});
  std::string A = weightType({f.E, f.N}), pool = poolType(f.E, f.N);
  // What is read for dt: rows of its own width.
  int64_t dtWidth = f.rank ? f.rank : f.E;
  // Without a softplus dt must be positive by itself.
  double dtLow = f.rank || f.softplus ? -1 : 0.01,
         dtHigh = f.rank || f.softplus ? 1 : 0.3;
  double log2e = f.log2 ? 1.4426950408889634 : 1;
  KernelText text;
  text.tolerance = 1e-5;
  text.args.push_back({f.conv.W ? "x" : "u", rows});
  if (f.split) {
    std::string whole = rowsType(dtWidth + 2 * f.N);
    text.args.push_back({"dbc", whole, dtLow, dtHigh});
    text.ops += "%d, %B, %C = ssm.split %dbc : " + whole + " -> " +
                rowsType(dtWidth) + ", " + states + ", " + states + "\n";
  } else {
    text.args.push_back({"d", rowsType(dtWidth), dtLow, dtHigh});
    text.args.push_back({"B", f.constantB ? weightType({f.N}) : states});
    if (!f.findsSlices)
      text.args.push_back({"C", f.constantC ? weightType({f.N}) : states});
  }
  text.args.push_back({"A", A, -1.5 * log2e, -0.05 * log2e});
  std::string d = "d", B = "B", C = "C";
  auto addNorm = [&](std::string &name, const std::string &type) {
    text.ops += "%" + name + "n = ssm.rms_norm %" + name + " eps 1.0e-02 : " + type + "\n";
    name += "n";
  };
  if (f.norms && f.rank)
    addNorm(d, rowsType(f.rank));
  if (f.norms && !f.constantB)
    addNorm(B, states);
  if (f.norms && !f.constantC && !f.findsSlices)
    addNorm(C, states);
  std::string delta = d;
  if (f.rank) {
    std::string weight = weightType({f.E, f.rank});
    double high = f.softplus ? 1 : 0.3 / f.rank;
    if (!f.softplus)
      text.args[1].lo = 0.01;
    text.args.push_back({"wd", weight, f.softplus ? -1 : 0.01, high});
    if (f.projectionBias)
      text.args.push_back({"bd", vector, f.softplus ? -1.0 : 0.0, 0.1});
    text.ops += "%p = ssm.linear %" + d + ", %wd" +
                (f.projectionBias ? " bias %bd" : "") + " : " +
                rowsType(f.rank) + ", " + weight +
                (f.projectionBias ? ", " + vector : "") + " -> " + rows + "\n";
    delta = "p";
    if (f.softplus && !f.deltaBias)
      text.ops +=
          typed("%q = ssm.softplus %" + std::exchange(delta, "q"), rows);
  }
  if (f.conv.W)
    addConv(text, f.conv, f.E);
  Operands in;
  in.add("", "u", rows);
  in.add("delta", delta, rows);
  if (f.deltaBias) {
    text.args.push_back({"db", vector, f.softplus ? -1.0 : 0.0, 0.1});
    in.add("bias", "db", vector);
  }
  if (f.softplus && delta != "q")
    in.word("softplus");
  in.add("A", "A", A);
  if (f.log2)
    in.word("log2");
  in.add("B", B, f.constantB ? weightType({f.N}) : states);
  if (!f.findsSlices)
    in.add("C", C, f.constantC ? weightType({f.N}) : states);
  if (f.skip) {
    text.args.push_back({"D", vector});
    in.add("skip", "D", vector);
  }
  if (f.gateInScan || f.gateAfter)
    text.args.push_back({"z", rows, -3, 3});
  if (f.gateInScan)
    in.add("gate", "z", rows);
  text.args.push_back({"h", pool});
  text.args.push_back({"batch", batchType});
  in.add("state", "h", pool);
  std::string found = weightType({f.slices, 2 * f.N + 1, f.E});
  if (f.slices && !f.findsSlices) {
    text.args.push_back({"s", found, 0, 1});
    in.add("slices", "s", found);
  }
  in.add("of", "batch", batchType);
  if (f.findsSlices) {
    text.ops += "%s = ssm.scan_slices " + in.syntax + " : (" + in.types +
                ") -> " + found + "\n";
    text.yields = {{"s", found}};
    return text;
  }
  text.ops += "%y, %t = ssm.selective_scan " + in.syntax + " : (" + in.types +
              ") -> (" + rows + ", " + pool + ")\n";
  if (f.gateAfter)
    text.ops += typed("%g = ssm.gate %y, %z", rows);
  text.yields = {{f.gateAfter ? "g" : "y", rows}, {"t", pool}};
  if (f.stateFirst)
    std::swap(text.yields[0], text.yields[1]);
  if (f.conv.W)
    text.yields.push_back({"ct", poolType(f.conv.W - 1, f.E)});
  return text;
}

ScanForm mambaScan(int64_t E, int64_t N, int64_t rank) {
  return {.E = E,
          .N = N,
          .rank = rank,
          .projectionBias = rank > 0,
          .softplus = true,
          .log2 = true,
          .skip = true,
          .gateAfter = true,
          .split = rank > 0};
}

LinearForm drawnLinear(int64_t K, int64_t O, RandomTensors &random) {
  auto coin = [&] { return random.integer(0, 1) == 1; };
  return {.K = K,
          .O = O,
          .norm = coin(),
          .biased = coin(),
          .silu = coin(),
          .residual = coin(),
          .split = coin()};
}

ScanForm falconScan(int64_t E, int64_t N, int64_t rank) {
  ScanForm form = mambaScan(E, N, rank);
  form.norms = true;
  return form;
}

ScanForm drawnScan(int turn, RandomTensors &random) {
  auto coin = [&] { return random.integer(0, 1) != 0; };
  ScanForm form = {.E = 2 * random.integer(0, 45) + 1,
                   .N = random.integer(1, 20)};
  form.deltaBias = coin();
  form.softplus = coin();
  form.constantB = turn % 4 == 1 || turn % 4 == 2;
  form.constantC = turn % 4 >= 2;
  form.log2 = coin();
  form.skip = coin();
  form.gateInScan = coin();
  form.gateAfter = !form.gateInScan && coin();
  form.stateFirst = coin();
  form.norms = coin();
  return form;
}

} // namespace mamba
