// Imported modules, evaluated by the float64 reference, give the golden data:
// the import means what the published model means.
#include "compiler/import/Import.h"

#include "compiler/reference/Reference.h"
#include "runtime/support/Checkpoint.h"
#include "test/unit/reference/GoldenFile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace mamba::reference {
namespace {

/// A checkpoint's tensor in whatever precision it has.
Tensor widen(const TensorView &view) {
  Tensor result(view.shape);
  for (size_t i = 0; i < result.values.size(); ++i) {
    if (view.dtype == DType::F32) {
      float value;
      std::memcpy(&value, view.data + i * 4, 4);
      result.values[i] = value;
      continue;
    }
    uint16_t bits;
    std::memcpy(&bits, view.data + i * 2, 2);
    result.values[i] =
        view.dtype == DType::F16 ? f16ToF32(bits) : bf16ToF32(bits);
  }
  return result;
}

Tensor transposeLast(const Tensor &x) {
  int64_t C = x.shape[1], K = x.shape[2];
  Tensor y({x.rows(), K, C});
  for (int64_t b = 0; b < x.rows(); ++b)
    for (int64_t c = 0; c < C; ++c)
      for (int64_t k = 0; k < K; ++k)
        y.row(b)[k * C + c] = x.row(b)[c * K + k];
  return y;
}

class Imported {
public:
  explicit Imported(mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> module,
                    const std::string &error)
      : module_(succeeded(module) ? std::move(*module) : nullptr) {
    EXPECT_TRUE(module_) << error;
  }

  /// The tensors that the entry returns, or none.
  std::vector<Tensor> call(llvm::StringRef entry, std::vector<Value> inputs,
                           WeightLookup weights = noWeights) {
    auto function =
        module_ ? module_->lookupSymbol<mlir::func::FuncOp>(entry) : nullptr;
    EXPECT_TRUE(function) << entry.str();
    if (!function)
      return {};
    auto results = evaluate(function.getBody(), inputs, weights);
    EXPECT_TRUE(succeeded(results));
    std::vector<Tensor> tensors;
    if (succeeded(results))
      for (Value &value : *results)
        tensors.push_back(std::get<Tensor>(value));
    return tensors;
  }

private:
  mlir::OwningOpRef<mlir::ModuleOp> module_;
};

class GoldenImport : public testing::TestWithParam<const char *> {
protected:
  std::string dir = std::string(MAMBA_TEST_DATA "/golden/") + GetParam();
  GoldenFile golden{std::string(GetParam()) + "/golden.safetensors"};
  Result<Checkpoint> checkpoint = openCheckpoint(dir);
  mlir::MLIRContext context;

  Imported import(ImportOptions::Level level) {
    std::string error;
    return Imported(importCheckpoint(dir, {.level = level}, context, error),
                    error);
  }

  std::vector<Tensor> call(Imported &module, llvm::StringRef entry,
                           std::vector<Value> inputs) {
    return module.call(entry, std::move(inputs),
                       [&](llvm::StringRef name) -> std::optional<Tensor> {
                         const TensorView *view = checkpoint->find(name.str());
                         return view ? std::optional(widen(*view))
                                     : std::nullopt;
                       });
  }

  static BatchValue batchOf(const Tensor &ids) {
    return makeBatch(std::vector<int64_t>(ids.shape[0], ids.shape[1]));
  }

  /// Tokens, batch, and the states that were `results` after the logits, or
  /// zeros in their shapes.
  std::vector<Value> inputsFor(const Tensor &ids,
                               const std::vector<Tensor> &results) {
    std::vector<Value> inputs{flattenBatch(ids), batchOf(ids)};
    for (size_t i = 1; i < results.size(); ++i)
      inputs.push_back(results[i]);
    for (int64_t layer = 0; results.empty(); ++layer) {
      std::string suffix = "." + std::to_string(layer);
      auto conv = golden.find("conv_state" + suffix);
      if (!conv)
        break;
      inputs.push_back(Tensor(transposeLast(*conv).shape));
      inputs.push_back(Tensor(golden.get("ssm_state" + suffix).shape));
    }
    return inputs;
  }
};

TEST_P(GoldenImport, LogitsAndStates) {
  Imported module = import(ImportOptions::Level::Model);
  Tensor ids = golden.get("input_ids");
  std::vector<Tensor> results = call(module, "logits", inputsFor(ids, {}));
  ASSERT_FALSE(results.empty());
  EXPECT_LT(relativeL2(results[0], golden.get("logits")), 1e-6);
  for (size_t i = 1; i < results.size(); i += 2) {
    std::string suffix = "." + std::to_string(i / 2);
    EXPECT_LT(relativeL2(results[i],
                         transposeLast(golden.get("conv_state" + suffix))),
              1e-6);
    EXPECT_LT(relativeL2(results[i + 1], golden.get("ssm_state" + suffix)),
              1e-6);
  }
  std::vector<Tensor> decoded =
      call(module, "logits", inputsFor(golden.get("decode_ids"), results));
  ASSERT_FALSE(decoded.empty());
  EXPECT_LT(relativeL2(decoded[0], golden.get("decode_logits")), 1e-6);
}

TEST_P(GoldenImport, NextIsTheLastRowOfLogits) {
  Imported module = import(ImportOptions::Level::Model);
  Tensor ids = golden.get("input_ids");
  std::vector<Tensor> next = call(module, "next", inputsFor(ids, {}));
  std::vector<Tensor> all = call(module, "logits", inputsFor(ids, {}));
  ASSERT_FALSE(next.empty() || all.empty());
  EXPECT_EQ(next[0], lastRows(all[0], batchOf(ids)));
  EXPECT_TRUE(std::equal(next.begin() + 1, next.end(), all.begin() + 1));
}

TEST_P(GoldenImport, SampleDrawsOfTheLogitsOfNext) {
  Imported module = import(ImportOptions::Level::Model);
  Tensor ids = golden.get("input_ids");
  std::vector<Value> inputs = inputsFor(ids, {});
  std::vector<Tensor> next = call(module, "next", inputs);
  ASSERT_FALSE(next.empty());
  int64_t rows = next[0].rows();
  auto all = [&](double x) {
    Tensor tensor({rows, 1});
    std::fill(tensor.values.begin(), tensor.values.end(), x);
    return tensor;
  };
  Tensor u = all(0.7), temperature = all(0.9), topK({rows}), topP = all(0.95), minP = all(0.01);
  for (double &k : topK.values)
    k = 20;
  inputs.insert(inputs.begin() + 1, {u, temperature, topK, topP, minP});
  std::vector<Tensor> drawn = call(module, "sample", inputs);
  ASSERT_EQ(drawn.size(), next.size() + 2);
  Sampled want =
      sample({next[0], u, temperature, topK, topP, minP}, next[0].shape[1]);
  EXPECT_EQ(drawn[0], want.token);
  EXPECT_EQ(drawn[1], want.largest);
  EXPECT_TRUE(std::equal(next.begin(), next.end(), drawn.begin() + 2));
}

TEST_P(GoldenImport, FirstBlock) {
  Imported module = import(ImportOptions::Level::Block);
  Tensor ids = golden.get("input_ids");
  const TensorView *table = checkpoint->find("backbone.embeddings.weight");
  if (!table)
    table = checkpoint->find("backbone.embedding.weight");
  ASSERT_TRUE(table);
  std::vector<Value> inputs = inputsFor(ids, {});
  inputs[0] = embedding(widen(*table), flattenBatch(ids));
  inputs.resize(4); // x, batch and layer 0's states.
  std::vector<Tensor> results = call(module, "block", inputs);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_LT(relativeL2(results[0], golden.get("layer0_output")), 1e-6);
  EXPECT_LT(relativeL2(results[2], golden.get("ssm_state.0")), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenImport,
                         testing::Values("mamba1", "mamba1-odd",
                                         "mamba1-original-names",
                                         "mamba1-published-config",
                                         "mamba1-bf16-file", "falcon-mamba",
                                         "falcon-mamba-odd"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(GoldenOperator, Scan) {
  GoldenFile golden("selective_scan.safetensors");
  mlir::MLIRContext context;
  for (std::string name : {"short", "odd", "one"}) {
    SCOPED_TRACE(name);
    auto get = [&](const char *tensor) {
      return golden.get(name + "." + tensor);
    };
    auto rows = [&](const char *tensor) { return flattenBatch(get(tensor)); };
    Tensor u = get("u"), A = get("A");
    std::string error;
    Imported module(importOperator("scan",
                                   {{"E", A.shape[0]}, {"N", A.shape[1]}},
                                   context, error),
                    error);
    BatchValue batch = makeBatch(std::vector<int64_t>(u.shape[0], u.shape[1]));
    std::vector<Value> inputs{rows("u"),        rows("delta"), A,
                              rows("B"),        rows("C"),     get("D"),
                              get("delta_bias")};
    for (const char *y : {"y", "y_gated"}) {
      bool gated = y != std::string("y");
      std::vector<Value> all = inputs;
      if (gated)
        all.push_back(rows("z"));
      all.insert(all.end(), {batch, get("h0")});
      std::vector<Tensor> results =
          module.call(gated ? "scan_gated" : "scan", all);
      ASSERT_EQ(results.size(), 2u);
      EXPECT_LT(relativeL2(results[0], rows(y)), 1e-6);
      EXPECT_LT(relativeL2(results[1], get("h_last")), 1e-6);
    }
  }
}

} // namespace
} // namespace mamba::reference
