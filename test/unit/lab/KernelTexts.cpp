#include "test/unit/lab/KernelTexts.h"

#include <cmath>
#include <utility>

namespace mamba {

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
  if (f.norm)
    text.ops += typed("%n = ssm.rms_norm %x eps 1.0e-05", in);
  text.ops += std::string("%l = ssm.linear ") + (f.norm ? "%n" : "%x") +
              ", %w" + (f.biased ? " bias %b" : "") + " : " + in + ", " +
              weight + (f.biased ? ", " + bias : "") + " -> " + out + "\n";
  std::string y = "l";
  if (f.silu)
    text.ops += typed("%a = ssm.silu %" + std::exchange(y, "a"), out);
  if (f.residual)
    text.ops += typed("%y = ssm.add %r, %" + std::exchange(y, "y"), out);
  text.yields = {{y, out}};
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
  text.args.push_back({"u", rows});
  if (f.split) {
    std::string whole = rowsType(dtWidth + 2 * f.N);
    text.args.push_back({"dbc", whole, dtLow, dtHigh});
    text.ops += "%d, %B, %C = ssm.split %dbc : " + whole + " -> " +
                rowsType(dtWidth) + ", " + states + ", " + states + "\n";
  } else {
    text.args.push_back({"d", rowsType(dtWidth), dtLow, dtHigh});
    text.args.push_back({"B", f.constantB ? weightType({f.N}) : states});
    text.args.push_back({"C", f.constantC ? weightType({f.N}) : states});
  }
  text.args.push_back({"A", A, -1.5 * log2e, -0.05 * log2e});
  std::string delta = "d";
  if (f.rank) {
    std::string weight = weightType({f.E, f.rank});
    double high = f.softplus ? 1 : 0.3 / f.rank;
    if (!f.softplus)
      text.args[1].lo = 0.01;
    text.args.push_back({"wd", weight, f.softplus ? -1 : 0.01, high});
    if (f.projectionBias)
      text.args.push_back({"bd", vector, f.softplus ? -1.0 : 0.0, 0.1});
    text.ops += std::string("%p = ssm.linear %d, %wd") +
                (f.projectionBias ? " bias %bd" : "") + " : " +
                rowsType(f.rank) + ", " + weight +
                (f.projectionBias ? ", " + vector : "") + " -> " + rows + "\n";
    delta = "p";
    if (f.softplus && !f.deltaBias)
      text.ops +=
          typed("%q = ssm.softplus %" + std::exchange(delta, "q"), rows);
  }
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
  in.add("B", "B", f.constantB ? weightType({f.N}) : states);
  in.add("C", "C", f.constantC ? weightType({f.N}) : states);
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
  in.add("of", "batch", batchType);
  text.ops += "%y, %t = ssm.selective_scan " + in.syntax + " : (" + in.types +
              ") -> (" + rows + ", " + pool + ")\n";
  if (f.gateAfter)
    text.ops += typed("%g = ssm.gate %y, %z", rows);
  text.yields = {{f.gateAfter ? "g" : "y", rows}, {"t", pool}};
  if (f.stateFirst)
    std::swap(text.yields[0], text.yields[1]);
  return text;
}

} // namespace mamba
