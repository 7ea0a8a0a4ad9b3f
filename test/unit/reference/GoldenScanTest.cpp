// The scan against golden/selective_scan.safetensors, which another program
// computed in float64 and stored in float32.
#include "test/unit/reference/GoldenFile.h"

#include <gtest/gtest.h>

#include <string>

namespace mamba::reference {
namespace {

class GoldenScan : public testing::TestWithParam<const char *> {
protected:
  GoldenFile file{"selective_scan.safetensors"};
  std::string prefix = std::string(GetParam()) + ".";

  Tensor get(const char *name) { return file.get(prefix + name); }
  Tensor rows(const char *name) { return flattenBatch(get(name)); }

  Tensor u = rows("u"), delta = rows("delta"), z = rows("z");
  Tensor A = get("A"), B = rows("B"), C = rows("C"), D = get("D");
  Tensor bias = get("delta_bias"), h0 = get("h0");
  BatchValue batch = makeBatch(
      std::vector<int64_t>(h0.rows(), h0.rows() ? u.rows() / h0.rows() : 0));

  WithState run(const Tensor *gate) {
    return selectiveScan({.u = u,
                          .delta = delta,
                          .deltaBias = &bias,
                          .softplus = true,
                          .A = A,
                          .B = B,
                          .C = C,
                          .D = &D,
                          .z = gate},
                         h0, batch);
  }
};

TEST_P(GoldenScan, Plain) {
  auto [y, h] = run(nullptr);
  EXPECT_LT(relativeL2(y, rows("y")), 1e-6);
  EXPECT_LT(relativeL2(h, get("h_last")), 1e-6);
}

TEST_P(GoldenScan, Gated) {
  auto [y, h] = run(&z);
  EXPECT_LT(relativeL2(y, rows("y_gated")), 1e-6);
  EXPECT_LT(relativeL2(h, get("h_last")), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenScan,
                         testing::Values("short", "odd", "long", "one"));

} // namespace
} // namespace mamba::reference
