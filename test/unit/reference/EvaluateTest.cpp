// evaluate(): every op reaches its function, kernels are entered, wrong input
// is refused in words.
#include "compiler/reference/Reference.h"
#include "dialects/ssm/SSMDialect.h"
#include "test/unit/reference/TestTensors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace mamba::reference {
namespace {

class Evaluate : public testing::Test {
protected:
  Evaluate()
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          messages.push_back(diagnostic.str());
        }) {
    context.loadDialect<ssm::SSMDialect, mlir::func::FuncDialect,
                        mlir::arith::ArithDialect>();
  }

  llvm::FailureOr<std::vector<Value>> run(const std::string &function,
                                          llvm::ArrayRef<Value> inputs) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(function, &context);
    if (!module) {
      ADD_FAILURE() << "does not parse: " << llvm::join(messages, "; ");
      return llvm::failure();
    }
    auto func = *module->getOps<mlir::func::FuncOp>().begin();
    return evaluate(func.getBody(), inputs,
                    [&](llvm::StringRef name) -> std::optional<Tensor> {
                      auto found = weights.find(name.str());
                      if (found == weights.end())
                        return std::nullopt;
                      return found->second;
                    });
  }

  std::vector<Tensor> tensors(const std::string &function,
                              llvm::ArrayRef<Value> inputs) {
    auto values = run(function, inputs);
    EXPECT_TRUE(llvm::succeeded(values)) << llvm::join(messages, "; ");
    std::vector<Tensor> result;
    if (llvm::succeeded(values))
      for (Value &value : *values)
        result.push_back(std::get<Tensor>(value));
    return result;
  }

  void expectError(const std::string &function, llvm::ArrayRef<Value> inputs,
                   const std::string &message) {
    EXPECT_TRUE(llvm::failed(run(function, inputs)));
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages.front(), message);
  }

  mlir::MLIRContext context;
  std::vector<std::string> messages;
  mlir::ScopedDiagnosticHandler handler;
  std::map<std::string, Tensor> weights;
};

TEST_F(Evaluate, Recipe) {
  RandomTensors random(3);
  weights = {{"w", random({5, 3})},
             {"norm", random({3})},
             {"a", random({2, 1, 4})},
             {"half", Tensor({1}, {0.1})}};
  auto results = tensors(
      R"(func.func @f() -> (tensor<2x3x4xf32>, tensor<5x3xf32>, tensor<2x4xf32>, tensor<1xbf16>) {
    %w = ssm.weight "w" : tensor<5x3xf32>
    %norm = ssm.weight "norm" : tensor<3xf32>
    %s = ssm.scale_columns %w, %norm : tensor<5x3xf32>, tensor<3xf32>
    %p = ssm.pack %s block 4 : tensor<5x3xf32> -> tensor<2x3x4xf32>
    %u = ssm.unpack %p : tensor<2x3x4xf32> -> tensor<5x3xf32>
    %a = ssm.weight "a" : tensor<2x1x4xf32>
    %r = ssm.reshape %a : tensor<2x1x4xf32> to tensor<2x4xf32>
    %d = ssm.decay %r : tensor<2x4xf32>
    %e = ssm.scale %d by 1.5 : tensor<2x4xf32>
    %x = ssm.weight "half" : tensor<1xf32>
    %y = ssm.cast %x : tensor<1xf32> to tensor<1xbf16>
    return %p, %u, %e, %y : tensor<2x3x4xf32>, tensor<5x3xf32>, tensor<2x4xf32>, tensor<1xbf16>
  })",
      {});
  ASSERT_EQ(results.size(), 4u);
  Tensor scaled = scaleColumns(weights["w"], weights["norm"]);
  EXPECT_EQ(results[0], pack(scaled, 4));
  EXPECT_EQ(results[1], scaled);
  EXPECT_EQ(results[2], scale(decay(reshape(weights["a"], {2, 4})), 1.5));
  EXPECT_EQ(results[3], Tensor({1}, {0x1.9ap-4}));
}

TEST_F(Evaluate, Rows) {
  RandomTensors random(4);
  Tensor table = random({7, 4}), norm = random({4}), w = random({8, 4}),
         bias = random({8});
  Tensor tokens({3}, {6, 0, 3});
  auto results = tensors(
      R"(func.func @f(%tokens: tensor<?xi32>, %table: tensor<7x4xf32>, %norm: tensor<4xf32>,
      %w: tensor<8x4xf32>, %bias: tensor<8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
    %r = ssm.embedding %table[%tokens] : tensor<7x4xf32>, tensor<?xi32> -> tensor<?x4xf32>
    %n = ssm.rms_norm %r weight %norm eps 0.5 : tensor<?x4xf32>, tensor<4xf32>
    %m = ssm.rms_norm %r eps 0.25 : tensor<?x4xf32>
    %xz = ssm.linear %n, %w bias %bias : tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %x, %z = ssm.split %xz : tensor<?x8xf32> -> tensor<?x4xf32>, tensor<?x4xf32>
    %s = ssm.silu %x : tensor<?x4xf32>
    %p = ssm.softplus %m : tensor<?x4xf32>
    %a = ssm.add %s, %p : tensor<?x4xf32>
    %g = ssm.gate %a, %z : tensor<?x4xf32>
    return %g, %p : tensor<?x4xf32>, tensor<?x4xf32>
  })",
      {tokens, table, norm, w, bias});
  ASSERT_EQ(results.size(), 2u);
  Tensor r = embedding(table, tokens);
  auto xz = split(linear(rmsNorm(r, &norm, 0.5), w, &bias), {4, 4});
  Tensor p = softplus(rmsNorm(r, nullptr, 0.25));
  EXPECT_EQ(results[0], gate(add(silu(xz[0]), p), xz[1]));
  EXPECT_EQ(results[1], p);
}

const char *kSequences =
    R"(func.func @f(%x: tensor<?x3xf32>, %w: tensor<3x4xf32>, %s: tensor<?x3x3xf32>,
    %A: tensor<3x2xf32>, %B: tensor<?x2xf32>, %C: tensor<2xf32>, %D: tensor<3xf32>, %h: tensor<?x3x2xf32>,
    %batch: !ssm.batch) -> (tensor<?x3xf32>, tensor<?x3x3xf32>, tensor<?x3x2xf32>) {
  %c, %s1 = ssm.conv1d %x, %w bias %D state %s of %batch
    : (tensor<?x3xf32>, tensor<3x4xf32>, tensor<3xf32>, tensor<?x3x3xf32>, !ssm.batch) -> (tensor<?x3xf32>, tensor<?x3x3xf32>)
  %y, %h1 = ssm.selective_scan %c delta %x bias %D softplus A %A log2 B %B C %C skip %D gate %x state %h of %batch
    : (tensor<?x3xf32>, tensor<?x3xf32>, tensor<3xf32>, tensor<3x2xf32>, tensor<?x2xf32>, tensor<2xf32>, tensor<3xf32>,
       tensor<?x3xf32>, tensor<?x3x2xf32>, !ssm.batch) -> (tensor<?x3xf32>, tensor<?x3x2xf32>)
  %l = ssm.last_rows %y of %batch : tensor<?x3xf32> -> tensor<?x3xf32>
  return %l, %s1, %h1 : tensor<?x3xf32>, tensor<?x3x3xf32>, tensor<?x3x2xf32>
})";

class EvaluateSequences : public Evaluate {
protected:
  RandomTensors random{5};
  Tensor x = random({5, 3}), w = random({3, 4}), s = random({3, 3, 3});
  Tensor A = random({3, 2}, -2, -1), B = random({5, 2}), C = random({2}),
         D = random({3});
  Tensor h = random({3, 3, 2});
  BatchValue batch{
      .seqStart = {0, 2, 2, 5}, .slot = {2, 1, 0}, .position = {0, 9, 4}};

  std::vector<Value> inputs() { return {x, w, s, A, B, C, D, h, batch}; }
};

TEST_F(EvaluateSequences, AllOptions) {
  auto results = tensors(kSequences, inputs());
  ASSERT_EQ(results.size(), 3u);
  auto [c, s1] = conv1d(x, w, &D, s, batch);
  auto [y, h1] = selectiveScan({.u = c,
                                .delta = x,
                                .deltaBias = &D,
                                .softplus = true,
                                .A = A,
                                .log2Decay = true,
                                .B = B,
                                .C = C,
                                .D = &D,
                                .z = &x},
                               h, batch);
  EXPECT_EQ(results[0], lastRows(y, batch));
  EXPECT_EQ(results[1], s1);
  EXPECT_EQ(results[2], h1);
}

TEST_F(EvaluateSequences, NoOptions) {
  auto results = tensors(
      R"(func.func @f(%x: tensor<?x3xf32>, %w: tensor<3x4xf32>, %s: tensor<?x3x3xf32>,
      %A: tensor<3x2xf32>, %B: tensor<?x2xf32>, %C: tensor<2xf32>, %D: tensor<3xf32>, %h: tensor<?x3x2xf32>,
      %batch: !ssm.batch) -> tensor<?x3xf32> {
    %c, %s1 = ssm.conv1d %x, %w state %s of %batch
      : (tensor<?x3xf32>, tensor<3x4xf32>, tensor<?x3x3xf32>, !ssm.batch) -> (tensor<?x3xf32>, tensor<?x3x3xf32>)
    %y, %h1 = ssm.selective_scan %c delta %x A %A B %B C %B state %h of %batch
      : (tensor<?x3xf32>, tensor<?x3xf32>, tensor<3x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>,
         tensor<?x3x2xf32>, !ssm.batch) -> (tensor<?x3xf32>, tensor<?x3x2xf32>)
    return %y : tensor<?x3xf32>
  })",
      inputs());
  ASSERT_EQ(results.size(), 1u);
  Tensor c = conv1d(x, w, nullptr, s, batch).first;
  EXPECT_EQ(
      results[0],
      selectiveScan({.u = c, .delta = x, .A = A, .B = B, .C = B}, h, batch)
          .first);
}

TEST_F(Evaluate, KernelsAreEntered) {
  RandomTensors random(6);
  Tensor x = random({3, 4}), w = random({4, 4});
  auto results = tensors(
      R"(func.func @f(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
    %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32> {
      %l = ssm.linear %a, %b : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
      ssm.yield %l : tensor<?x4xf32>
    }
    %z = ssm.kernel (%a = %y, %b = %x) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
      %s = ssm.add %a, %b : tensor<?x4xf32>
      ssm.yield %s : tensor<?x4xf32>
    }
    return %z : tensor<?x4xf32>
  })",
      {x, w});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0], add(linear(x, w), x));
}

// A kernel's block by itself: how golden vectors of a kernel are made.
TEST_F(Evaluate, BlockOfAKernel) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    func.func @f(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = ssm.kernel (%a = %x) : (tensor<?x2xf32>) -> tensor<?x2xf32> {
        %s = ssm.silu %a : tensor<?x2xf32>
        ssm.yield %s : tensor<?x2xf32>
      }
      return %y : tensor<?x2xf32>
    })",
                                                        &context);
  ASSERT_TRUE(module);
  Tensor x({1, 2}, {1, -1});
  module->walk([&](ssm::KernelOp kernel) {
    auto results = evaluate(kernel.getBlock(), {Value(x)});
    ASSERT_TRUE(llvm::succeeded(results));
    EXPECT_EQ(std::get<Tensor>((*results)[0]), silu(x));
  });
}

TEST_F(Evaluate, ArgumentsMayBeReturned) {
  Tensor x({1, 2}, {1, 2});
  auto results = tensors(
      R"(func.func @f(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
    %y = ssm.add %x, %x : tensor<?x2xf32>
    return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
  })",
      {x});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0], x);
  EXPECT_EQ(results[1], add(x, x));
}

//===- Errors
//--------------------------------------------------------------===//

const char *kAdd =
    R"(func.func @f(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %y = ssm.add %a, %b : tensor<?x2xf32>
  return %y : tensor<?x2xf32>
})";

TEST_F(Evaluate, InputsAreCounted) {
  expectError(kAdd, {Tensor({1, 2})}, "expected 2 inputs, got 1");
}

TEST_F(Evaluate, InputsHaveTheShapeOfTheirType) {
  expectError(kAdd, {Tensor({1, 2}), Tensor({1, 3})},
              "input 1 must have the shape <?x2>, got <1x3>");
}

TEST_F(Evaluate, TensorsAreNotBatches) {
  expectError(kAdd, {Tensor({1, 2}), makeBatch({1})},
              "input 1 must be a tensor, got a batch");
}

TEST_F(Evaluate, BatchesAreNotTensors) {
  expectError("func.func @f(%batch: !ssm.batch) { return }", {Tensor({1, 2})},
              "input 0 must be a batch, got a tensor");
}

TEST_F(Evaluate, RowsAgree) {
  expectError(kAdd, {Tensor({1, 2}), Tensor({2, 2})},
              "operands must have as many rows, got 1 and 2");
}

TEST_F(Evaluate, WeightsAreFound) {
  expectError(
      R"(func.func @f() { %w = ssm.weight "norm_f.weight" : tensor<4xf32> return })",
      {}, "weight 'norm_f.weight' was not given");
}

TEST_F(Evaluate, WeightsHaveTheShapeOfTheirType) {
  weights["w"] = Tensor({5});
  expectError(
      R"(func.func @f() { %w = ssm.weight "w" : tensor<4xf32> return })", {},
      "weight 'w' must have the shape <4>, got <5>");
}

TEST_F(Evaluate, OnlySsmOpsAreKnown) {
  expectError(
      "func.func @f() { %c = arith.constant 1.0 : f32 return }", {},
      "the reference does not know this op: only ssm ops can be evaluated");
}

TEST_F(Evaluate, TokensAreInTheTable) {
  const char *function =
      R"(func.func @f(%table: tensor<3x2xf32>, %tokens: tensor<?xi32>) {
    %y = ssm.embedding %table[%tokens] : tensor<3x2xf32>, tensor<?xi32> -> tensor<?x2xf32>
    return
  })";
  expectError(function, {Tensor({3, 2}), Tensor({2}, {0, 3})},
              "token 3.000000e+00 is not a row of the table of 3");
}

TEST_F(EvaluateSequences, SequencesCoverTheRows) {
  batch.seqStart.back() = 4;
  expectError(kSequences, inputs(),
              "sequence starts of the batch must rise from 0 to the 5 rows of "
              "the operand");
}

TEST_F(EvaluateSequences, BatchIsWhole) {
  batch.position.pop_back();
  expectError(kSequences, inputs(),
              "batch of 3 slots must have 4 sequence starts and 3 positions, "
              "got 4 and 2");
}

TEST_F(EvaluateSequences, SlotsAreInThePool) {
  batch.slot[0] = 3;
  expectError(kSequences, inputs(), "slot 3 is not in the pool of 3");
}

TEST_F(EvaluateSequences, SlotsAreDistinct) {
  batch.slot[0] = 0;
  expectError(kSequences, inputs(), "slot 0 stands twice in the batch");
}

TEST_F(EvaluateSequences, RowsOfTheScanAgree) {
  B = random({4, 2});
  expectError(kSequences, inputs(),
              "operands must have as many rows, got 5 and 4");
}

} // namespace
} // namespace mamba::reference
