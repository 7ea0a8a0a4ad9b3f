// A whole Mamba-1 of single ops against the golden checkpoints: the ops mean
// what the published model means by them.
#include "test/unit/reference/GoldenFile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>

namespace mamba::reference {
namespace {

/// [B, C, K] -> [B, K, C]: a pool's layout and the golden data's.
Tensor transposeLast(const Tensor &x) {
  int64_t C = x.shape[1], K = x.shape[2];
  Tensor y({x.rows(), K, C});
  for (int64_t b = 0; b < x.rows(); ++b)
    for (int64_t c = 0; c < C; ++c)
      for (int64_t k = 0; k < K; ++k)
        y.row(b)[k * C + c] = x.row(b)[c * K + k];
  return y;
}

class GoldenModel : public testing::TestWithParam<const char *> {
protected:
  GoldenFile weights{std::string(GetParam()) + "/model.safetensors"};
  GoldenFile golden{std::string(GetParam()) + "/golden.safetensors"};
  std::vector<Tensor> convState, ssmState; // by layer
  Tensor layer0;

  static const Tensor *pointer(const std::optional<Tensor> &x) {
    return x ? &*x : nullptr;
  }

  Tensor mixer(const Tensor &in, size_t layer, const BatchValue &batch) {
    std::string prefix = "backbone.layers." + std::to_string(layer) + ".mixer.";
    auto get = [&](const char *name) { return weights.get(prefix + name); };
    auto find = [&](const char *name) { return weights.find(prefix + name); };
    Tensor A = decay(get("A_log")), D = get("D");
    Tensor taps = get("conv1d.weight");
    taps = reshape(taps, {taps.shape[0], taps.shape[2]});
    Tensor dtWeight = get("dt_proj.weight"), dtBias = get("dt_proj.bias");
    int64_t E = A.shape[0], N = A.shape[1], W = taps.shape[1],
            R = dtWeight.shape[1];
    if (convState.size() == layer) {
      convState.push_back(Tensor({batch.sequences(), W - 1, E}));
      ssmState.push_back(Tensor({batch.sequences(), E, N}));
    }

    auto inBias = find("in_proj.bias"), convBias = find("conv1d.bias"),
         outBias = find("out_proj.bias");
    auto xz = split(linear(in, get("in_proj.weight"), pointer(inBias)), {E, E});
    Tensor x;
    std::tie(x, convState[layer]) =
        conv1d(xz[0], taps, pointer(convBias), convState[layer], batch);
    x = silu(x);
    auto dBC = split(linear(x, get("x_proj.weight")), {R, N, N});
    Tensor dt = linear(dBC[0], dtWeight), y;
    std::tie(y, ssmState[layer]) = selectiveScan({.u = x,
                                                  .delta = dt,
                                                  .deltaBias = &dtBias,
                                                  .softplus = true,
                                                  .A = A,
                                                  .B = dBC[1],
                                                  .C = dBC[2],
                                                  .D = &D,
                                                  .z = &xz[1]},
                                                 ssmState[layer], batch);
    return linear(y, get("out_proj.weight"), pointer(outBias));
  }

  Tensor logits(const Tensor &ids) {
    BatchValue batch =
        makeBatch(std::vector<int64_t>(ids.shape[0], ids.shape[1]));
    Tensor table = weights.get("backbone.embeddings.weight");
    Tensor r = embedding(table, flattenBatch(ids));
    for (size_t layer = 0;; ++layer) {
      auto norm = weights.find("backbone.layers." + std::to_string(layer) +
                               ".norm.weight");
      if (!norm)
        break;
      r = add(r, mixer(rmsNorm(r, &*norm, 1e-5), layer, batch));
      if (layer == 0)
        layer0 = r;
    }
    Tensor norm = weights.get("backbone.norm_f.weight");
    return linear(rmsNorm(r, &norm, 1e-5),
                  weights.find("lm_head.weight").value_or(table));
  }
};

TEST_P(GoldenModel, LogitsAndStates) {
  Tensor prefill = logits(golden.get("input_ids"));
  EXPECT_LT(relativeL2(prefill, golden.get("logits")), 1e-6);
  EXPECT_LT(relativeL2(layer0, golden.get("layer0_output")), 1e-6);
  for (size_t i = 0; i < convState.size(); ++i) {
    std::string layer = std::to_string(i);
    Tensor conv = transposeLast(golden.get("conv_state." + layer));
    EXPECT_LT(relativeL2(convState[i], conv), 1e-6) << "layer " << i;
    EXPECT_LT(relativeL2(ssmState[i], golden.get("ssm_state." + layer)), 1e-6)
        << "layer " << i;
  }
  // The states carry over to the tokens that follow.
  EXPECT_LT(
      relativeL2(logits(golden.get("decode_ids")), golden.get("decode_logits")),
      1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenModel,
                         testing::Values("mamba1", "mamba1-odd"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
} // namespace mamba::reference
