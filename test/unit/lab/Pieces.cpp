#include "test/unit/lab/Pieces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace mamba {

static bool isPool(const std::string &type) {
  return type.starts_with("tensor<?x") &&
         std::count(type.begin(), type.end(), 'x') == 3;
}

/// Of "tensor<?x3x5xf32>"; pools have two slots.
static std::vector<int64_t> shapeOf(const std::string &type, int64_t tokens) {
  std::vector<int64_t> shape;
  std::istringstream in(type.substr(type.find('<') + 1));
  for (std::string extent; std::getline(in, extent, 'x') && !extent.ends_with('>');)
    shape.push_back(extent == "?" ? (isPool(type) ? 2 : tokens)
                                  : std::stoll(extent));
  return shape;
}

/// The nearest value that a tensor of this type holds.
static double rounded(double x, const std::string &type) {
  if (type.ends_with("xi8>"))
    return std::floor(x);
  return reference::roundTo(x, type.ends_with("xbf16>")  ? reference::Precision::BF16
                               : type.ends_with("xf16>") ? reference::Precision::F16
                                                         : reference::Precision::F32);
}

Pieces::Pieces(const KernelText &text, int64_t tokens, RandomTensors &random)
    : text(text), tokens(tokens) {
  for (const KernelText::Arg &arg : text.args) {
    if (arg.type == batchType) {
      values.emplace_back();
      continue;
    }
    std::vector<int64_t> shape = shapeOf(arg.type, tokens);
    values.push_back(random(shape, arg.lo, arg.hi));
    for (double &x : values.back().values)
      x = rounded(x, arg.type);
  }
}

/// The operands as the kernel takes them: matrices packed where it asks.
static KernelInputs inputsFor(const LabKernel &kernel, const KernelText &text,
                              const std::vector<Tensor> &values,
                              const BatchValue &batch) {
  KernelInputs inputs{batch, {}};
  for (size_t i = 0; i < values.size(); ++i) {
    if (text.args[i].type == batchType) {
      inputs.operands.push_back(batch);
      continue;
    }
    inputs.operands.push_back(kernel.asTaken(i, values[i]));
  }
  return inputs;
}

std::vector<Tensor> Pieces::feed(const LabKernel &kernel,
                                 const std::vector<int64_t> &pieces) const {
  std::vector<Tensor> all, whole = values;
  int64_t first = 0;
  for (int64_t piece : pieces) {
    std::vector<Tensor> part = whole;
    for (size_t i = 0; i < part.size(); ++i)
      if (text.args[i].type.starts_with("tensor<?x") &&
          !isPool(text.args[i].type))
        part[i] = reference::rowsOf(whole[i], first, first + piece);
    std::vector<Tensor> results = kernel.run(
        inputsFor(kernel, text, part, reference::makeBatch({piece})));
    if (results.size() != text.yields.size())
      return {}; // The test has failed.
    for (size_t r = 0; r < results.size(); ++r) {
      if (isPool(text.yields[r].type)) {
        for (size_t i = 0; i < whole.size(); ++i)
          if (isPool(text.args[i].type))
            whole[i] = results[r];
      } else if (first > 0) {
        results[r] = reference::concatenate(all[r], results[r]);
      }
    }
    all = std::move(results);
    first += piece;
  }
  return all;
}

void Pieces::expectSameBits(const LabKernel &kernel,
                            const std::vector<Tensor> &whole) const {
  SCOPED_TRACE(kernel.describe());
  EXPECT_TRUE(sameBits(whole, feed(kernel, {tokens}))) << "whole";
  EXPECT_TRUE(sameBits(whole, feed(kernel, std::vector<int64_t>(tokens, 1))))
      << "one token at a time";
  EXPECT_TRUE(sameBits(whole, feed(kernel, {5, 1, 0, tokens - 21, 15})))
      << "in chunks";
}

} // namespace mamba
