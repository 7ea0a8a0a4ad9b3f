// What must not change a bit of a result: how many rows are computed at once,
// how a prompt is cut, how a schedule blocks rows, channels and time.
#include "test/unit/cpu/KernelTexts.h"

#include <algorithm>
#include <sstream>

using namespace mamba;

namespace {

/// Values of one case for each of its kernels, which pack weights differently.
class Split : public EachTarget {
protected:
  /// Draws the operands as the text gives them.
  std::vector<Tensor> draw(const KernelText &text, int64_t tokens) {
    std::vector<Tensor> values;
    for (const KernelText::Arg &arg : text.args) {
      if (arg.type == batchType) {
        values.emplace_back();
        continue;
      }
      std::vector<int64_t> shape = shapeOf(arg.type, tokens);
      values.push_back(random(shape, arg.lo, arg.hi));
      for (double &x : values.back().values)
        x = float(x);
    }
    return values;
  }

  /// The operands as the kernel takes them: matrices packed where it asks.
  KernelInputs inputsFor(const LabKernel &kernel, const KernelText &text,
                         const std::vector<Tensor> &values,
                         const BatchValue &batch) {
    KernelInputs inputs{batch, {}};
    for (size_t i = 0; i < values.size(); ++i) {
      if (text.args[i].type == batchType) {
        inputs.operands.push_back(batch);
        continue;
      }
      auto type = kernel.operandType(i);
      bool packed = type.getRank() == 3 && !type.isDynamicDim(0) &&
                    values[i].shape.size() == 2;
      inputs.operands.push_back(
          packed ? reference::pack(values[i], type.getDimSize(2)) : values[i]);
    }
    return inputs;
  }

  /// Results of the tokens fed in pieces of these lengths to slot 0: the rows
  /// of all pieces, and the state after the last.
  std::vector<Tensor> feed(const LabKernel &kernel, const KernelText &text,
                           std::vector<Tensor> values,
                           const std::vector<int64_t> &pieces) {
    std::vector<Tensor> all;
    int64_t first = 0;
    for (int64_t piece : pieces) {
      std::vector<Tensor> part = values;
      for (size_t i = 0; i < part.size(); ++i)
        if (text.args[i].type.starts_with("tensor<?x") &&
            !isPool(text.args[i].type))
          part[i] = reference::rowsOf(values[i], first, first + piece);
      std::vector<Tensor> results = kernel.run(
          inputsFor(kernel, text, part, reference::makeBatch({piece})));
      for (size_t r = 0; r < results.size(); ++r) {
        if (isPool(text.yields[r].type)) {
          for (size_t i = 0; i < values.size(); ++i)
            if (isPool(text.args[i].type))
              values[i] = results[r];
        } else if (first > 0) {
          results[r] = reference::concatenate(all[r], results[r]);
        }
      }
      all = std::move(results);
      first += piece;
    }
    return all;
  }

  /// All schedules give the same bits, whole, by tokens and in chunks.
  void expectSameBits(KernelText text,
                      const std::vector<std::string> &schedules) {
    constexpr int64_t tokens = 37;
    std::vector<KernelText> texts;
    for (const std::string &schedule : schedules) {
      texts.push_back(text);
      texts.back().schedule = schedule;
    }
    std::vector<LabKernel> kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), schedules.size());
    std::vector<Tensor> values = draw(text, tokens);
    std::vector<Tensor> whole = feed(kernels[0], text, values, {tokens});
    std::vector<int64_t> ones(tokens, 1);
    for (const LabKernel &kernel : kernels) {
      SCOPED_TRACE(kernel.describe());
      EXPECT_TRUE(sameBits(whole, feed(kernel, text, values, {tokens})))
          << "another schedule";
      EXPECT_TRUE(sameBits(whole, feed(kernel, text, values, ones)))
          << "one token at a time";
      EXPECT_TRUE(
          sameBits(whole, feed(kernel, text, values, {5, 1, 0, 16, 15})))
          << "in chunks";
    }
  }

private:
  static bool isPool(const std::string &type) {
    return type.starts_with("tensor<?x") &&
           std::count(type.begin(), type.end(), 'x') == 3;
  }
  /// Of "tensor<?x3x5xf32>"; pools have two slots.
  static std::vector<int64_t> shapeOf(const std::string &type, int64_t tokens) {
    std::vector<int64_t> shape;
    std::istringstream in(type.substr(type.find('<') + 1));
    for (std::string extent;
         std::getline(in, extent, 'x') && !extent.starts_with("f32");)
      shape.push_back(extent == "?" ? (isPool(type) ? 2 : tokens)
                                    : std::stoll(extent));
    return shape;
  }
};

MAMBA_FOR_EACH_TARGET(Split);

TEST_P(Split, Projection) {
  for (int64_t K : {45, 130})
    expectSameBits(linearText({.K = K,
                               .O = 81,
                               .norm = true,
                               .biased = true,
                               .silu = true,
                               .residual = true}),
                   {"<lanes = 8, row_block = 96, col_block = 16, row_tile = 6, "
                    "col_tile = 16>",
                    "<lanes = 8, row_block = 5, col_block = 16, row_tile = 3, "
                    "col_tile = 8>",
                    "<lanes = 8, row_block = 16, col_block = 64, row_tile = 4, "
                    "col_tile = 32>",
                    "<lanes = 8, row_block = 1, col_block = 8, row_tile = 1, "
                    "col_tile = 8>",
                    "<lanes = 8, row_block = 2, col_block = 16, row_tile = 5, "
                    "col_tile = 16>"});
}

TEST_P(Split, Convolution) {
  expectSameBits(convText({.E = 51, .W = 4, .biased = true, .silu = true}),
                 {"<lanes = 8, col_block = 16>", "<lanes = 8, col_block = 8>",
                  "<lanes = 8, col_block = 64>"});
}

TEST_P(Split, Scan) {
  expectSameBits(
      scanText({.E = 51,
                .N = 11,
                .rank = 3,
                .projectionBias = true,
                .softplus = true,
                .log2 = true,
                .skip = true,
                .gateAfter = true,
                .split = true}),
      {"<lanes = 8, col_block = 16, row_tile = 4, chunk = 32, state_block = 4>",
       "<lanes = 8, col_block = 16, row_tile = 1, chunk = 1, state_block = 4>",
       "<lanes = 8, col_block = 8, row_tile = 3, chunk = 5, state_block = 4>",
       "<lanes = 8, col_block = 64, row_tile = 6, chunk = 64, state_block = "
       "4>"});
}

TEST_P(Split, Norm) {
  std::string rows = rowsType(77), weight = weightType({77});
  expectSameBits({.args = {{"x", rows}, {"w", weight}},
                  .ops = "%y = ssm.rms_norm %x weight %w eps 1.0e-05 : " +
                         rows + ", " + weight,
                  .yields = {{"y", rows}}},
                 {"<lanes = 8, row_block = 64>", "<lanes = 8, row_block = 1>",
                  "<lanes = 8, row_block = 5>"});
}

} // namespace
