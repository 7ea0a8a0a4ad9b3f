// The PTX that NVRTC makes of kernels in CUDA C++, against plain loops.
#include "runtime/device/sim/Sim.h"
#include "runtime/support/File.h"
#include "runtime/support/Float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace mamba::sim {
namespace {

class Nvrtc : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto text = readFile(std::string(MAMBA_NVRTC_TEXTS) + "/kernels." + GetParam() + ".ptx", 1 << 20);
    ASSERT_TRUE(text.ok()) << text.status().message();
    auto loaded = Module::load(*text, "kernels");
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    module = std::move(*loaded);
  }

  template <typename T> uint64_t in(std::vector<T> &values, bool isWritten = true) {
    auto address = memory.map(values.data(), values.size() * sizeof(T),
                              "buffer " + std::to_string(++buffers), isWritten);
    EXPECT_TRUE(address.ok());
    return address.ok() ? *address : 0;
  }
  template <typename T> uint64_t out(std::vector<T> &values) { return in(values, false); }

  /// Parameters in order; each goes where the kernel has it.
  template <typename... Args>
  Status run(const char *name, uint32_t grid, uint32_t block, Args... args) {
    Launch launch;
    int index = module->find(name);
    EXPECT_GE(index, 0) << name;
    launch.kernel = uint32_t(index);
    launch.grid[0] = grid;
    launch.block[0] = block;
    const Module::Kernel &kernel = module->kernels()[launch.kernel];
    std::vector<uint8_t> params(kernel.paramBytes);
    size_t i = 0;
    ((std::memcpy(params.data() + kernel.paramOffsets[i++], &args, sizeof(args))), ...);
    launch.params = params;
    return sim::run(*module, launch, memory, Checks{}, 2, nullptr);
  }

  std::vector<float> uniform(size_t count, float lo = -1, float hi = 1) {
    std::uniform_real_distribution<float> draw(lo, hi);
    std::vector<float> values(count);
    for (float &value : values)
      value = draw(random);
    return values;
  }

  std::unique_ptr<Module> module;
  GlobalMemory memory;
  std::mt19937 random{7};
  int buffers = 0;
};

#define ASSERT_RUN(...)                                                                            \
  do {                                                                                             \
    Status status = (__VA_ARGS__);                                                                 \
    ASSERT_TRUE(status.ok()) << status.message();                                                  \
  } while (false)

void expectNear(const std::vector<float> &got, const std::vector<double> &want, double bound) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_LE(std::abs(got[i] - want[i]), bound * (1 + std::abs(want[i]))) << "element " << i;
}

TEST_P(Nvrtc, RmsNorm) {
  int rows = 3, D = 157;
  auto x = uniform(size_t(rows * D)), w = uniform(size_t(D));
  std::vector<float> y(x.size());
  ASSERT_RUN(run("rms_norm", rows, 96, in(x), in(w), out(y), D, 1e-5f));
  std::vector<double> want;
  for (int r = 0; r < rows; ++r) {
    double squares = 0;
    for (int d = 0; d < D; ++d)
      squares += double(x[r * D + d]) * x[r * D + d];
    for (int d = 0; d < D; ++d)
      want.push_back(x[r * D + d] / std::sqrt(squares / D + 1e-5) * w[d]);
  }
  expectNear(y, want, 1e-6);
}

TEST_P(Nvrtc, ConvolutionWithState) {
  int T = 9, E = 70;
  auto x = uniform(size_t(T * E)), w = uniform(size_t(E * 4)), bias = uniform(size_t(E));
  auto state = uniform(size_t(3 * E));
  std::vector<float> old = state, y(x.size());
  ASSERT_RUN(run("conv_silu", 2, 64, in(x), in(w), in(bias), in(state), out(y), T, E));
  auto at = [&](int t, int c) { return t < 0 ? old[(t + 3) * E + c] : x[t * E + c]; };
  std::vector<double> want, after;
  for (int t = 0; t < T; ++t)
    for (int c = 0; c < E; ++c) {
      double sum = bias[c];
      for (int k = 0; k < 4; ++k)
        sum += double(w[c * 4 + k]) * at(t - 3 + k, c);
      want.push_back(sum / (1 + std::exp(-sum)));
    }
  for (int k = 0; k < 3; ++k)
    for (int c = 0; c < E; ++c)
      after.push_back(at(T - 3 + k, c));
  expectNear(y, want, 1e-6);
  expectNear(state, after, 0);
}

TEST_P(Nvrtc, SelectiveScan) {
  int T = 19, E = 40, N = 16;
  auto u = uniform(size_t(T * E)), delta = uniform(size_t(T * E), -3, 25), z = uniform(size_t(T * E));
  auto A = uniform(size_t(E * N), -1.5f, -0.05f), B = uniform(size_t(T * N)),
       C = uniform(size_t(T * N)), D = uniform(size_t(E)), h = uniform(size_t(E * N));
  std::vector<double> state(h.begin(), h.end()), want;
  std::vector<float> y(u.size());
  ASSERT_RUN(run("scan", 2, 32, in(u), in(delta), in(A), in(B), in(C), in(D), in(z), in(h), out(y),
                 T, E));
  for (int t = 0; t < T; ++t)
    for (int e = 0; e < E; ++e) {
      double raw = delta[t * E + e], dt = raw > 20 ? raw : std::log1p(std::exp(raw)),
             sum = double(D[e]) * u[t * E + e];
      for (int n = 0; n < N; ++n) {
        double &s = state[e * N + n];
        s = std::exp(dt * A[e * N + n]) * s + dt * u[t * E + e] * B[t * N + n];
        sum += s * C[t * N + n];
      }
      want.push_back(sum * z[t * E + e] / (1 + std::exp(-double(z[t * E + e]))));
    }
  expectNear(y, want, 2e-5);
  expectNear(h, state, 2e-5);
}

TEST_P(Nvrtc, TileProductOnTheMatrixUnit) {
  auto xs = uniform(16 * 16), ws = uniform(8 * 16);
  std::vector<uint16_t> x, w;
  for (float value : xs)
    x.push_back(f32ToBf16(value));
  for (float value : ws)
    w.push_back(f32ToBf16(value));
  // cp.async wants both at multiples of 16.
  std::vector<float> y(16 * 8);
  alignas(16) static uint16_t place[16 * 16 + 8 * 16];
  std::copy(x.begin(), x.end(), place);
  std::copy(w.begin(), w.end(), place + 256);
  auto mapped = memory.map(place, sizeof(place), "operands", true);
  ASSERT_TRUE(mapped.ok());
  ASSERT_RUN(run("tile_product", 1, 32, *mapped, *mapped + 512, out(y)));
  std::vector<double> want;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += double(bf16ToF32(x[i * 16 + k])) * bf16ToF32(w[j * 16 + k]);
      want.push_back(sum);
    }
  expectNear(y, want, 1e-6);
}

TEST_P(Nvrtc, HalvesAndTheLastBlock) {
  int pairs = 100;
  auto values = uniform(size_t(2 * pairs), -100, 100);
  std::vector<uint32_t> x;
  for (int i = 0; i < pairs; ++i)
    x.push_back(f32ToF16(values[2 * i]) | uint32_t(f32ToF16(values[2 * i + 1])) << 16);
  std::vector<uint32_t> old = x, count = {0};
  std::vector<uint64_t> total = {0};
  std::vector<float> mean(1);
  ASSERT_RUN(run("scale_half", 4, 32, in(x), pairs, 0.37f, in(count), in(total), out(mean)));
  float factor = f16ToF32(f32ToF16(0.37f));
  for (int i = 0; i < pairs; ++i)
    for (int shift : {0, 16})
      EXPECT_EQ(uint16_t(x[i] >> shift),
                f32ToF16(f16ToF32(uint16_t(old[i] >> shift)) * factor));
  EXPECT_FLOAT_EQ(mean[0], float(pairs - 1) / 2);
}

TEST_P(Nvrtc, Argmax) {
  int rows = 3, V = 333;
  auto logits = uniform(size_t(rows * V), -9, -1);
  logits[200] = logits[201] = 5;
  logits[V] = 3;
  logits[2 * V + 332] = -0.5f;
  std::vector<int32_t> token(size_t(rows), -1);
  ASSERT_RUN(run("argmax", rows, 64, in(logits), V, out(token)));
  EXPECT_EQ(token, (std::vector<int32_t>{200, 0, 332}));
}

INSTANTIATE_TEST_SUITE_P(Chips, Nvrtc, testing::Values("sm_80", "sm_120"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace mamba::sim
