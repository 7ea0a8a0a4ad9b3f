// The functions of passes/target/VectorMath over the whole range of f32, in
// every width that kernels use.
#include "test/unit/cpu/GuardedBuffer.h"
#include "test/unit/cpu/CpuLab.h"

#include "passes/cpu/CpuEmitter.h"
#include "passes/target/Schedule.h"
#include "runtime/device/cpu/FloatMode.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <bit>
#include <cmath>
#include <limits>

using namespace mamba;
using mlir::Value;

namespace {

constexpr int64_t columns = 4096;
constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr double smallestNormal = std::numeric_limits<float>::min();

struct Function {
  const char *name;
  Value (VectorMath::*emit)(Value);
  double (*exact)(double);
  double error; // relative, where the result is normal
};

const Function functions[] = {
    {"exp2", &VectorMath::exp2, [](double x) { return std::exp2(x); }, 2e-7},
    {"exp", &VectorMath::exp, [](double x) { return std::exp(x); }, 2e-7},
    {"silu", &VectorMath::silu, [](double x) { return x / (1 + std::exp(-x)); },
     4e-7},
    {"softplus", &VectorMath::softplus,
     [](double x) {
       return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
     },
     4e-7},
};

/// Applied to floats: a kernel of each function in each width, 1 for scalars.
class Applied : public EachTarget {
protected:
  void SetUp() override {
    EachTarget::SetUp();
    if (IsSkipped())
      return;
    // An elementwise kernel gives the emitter its arguments; its body is ours.
    std::string rows = rowsType(columns);
    module = lab.parse({{.args = {{"x", rows}},
                         .ops = "%y = ssm.silu %x : " + rows,
                         .yields = {{"y", rows}}}});
    ASSERT_TRUE(module);
    auto func = *module->getOps<mlir::func::FuncOp>().begin();
    auto kernel = *func.getOps<ssm::KernelOp>().begin();
    std::string error;
    auto target = parseTarget(GetParam(), error);
    mlir::OpBuilder builder(module->getContext());
    builder.setInsertionPointToEnd(module->getBody());
    auto moduleOp = mlir::ModuleOp::create(builder, module->getLoc(), "code");
    for (const Function &function : functions)
      for (int64_t lanes : {1, 4, 8, 16, 32}) {
        builder.setInsertionPointToEnd(moduleOp.getBody());
        emit(builder, kernel, *target, function, lanes);
      }
    func.erase();
    code = MachineCode::compile(*module);
    ASSERT_TRUE(code);
  }

  static std::string symbol(const Function &function, int64_t lanes) {
    return function.name + std::string("_") + std::to_string(lanes);
  }

  /// y[tile] = f(x[tile]), a row.
  static void emit(mlir::OpBuilder &builder, ssm::KernelOp kernel,
                   const Target &target, const Function &function,
                   int64_t lanes) {
    auto schedule =
        Schedule{.lanes = lanes, .rowBlock = 1}.get(kernel.getContext());
    CpuEmitter e(builder, kernel.getLoc(), symbol(function, lanes), kernel,
                    target, schedule);
    View x = *e.view(kernel.getBlock().getArgument(0)),
         y{e.resultBuffer(0), 0, columns};
    e.loop(e.index(0), e.index(columns), lanes, [&](Value column) {
      if (lanes > 1)
        return e.store((e.math.*function.emit)(e.load(x, e.tile, column)), y,
                       e.tile, column);
      Value scalar = mlir::memref::LoadOp::create(
          e.b, x.buffer, mlir::ValueRange{e.tile, column});
      mlir::memref::StoreOp::create(e.b, (e.math.*function.emit)(scalar),
                                    y.buffer, mlir::ValueRange{e.tile, column});
    });
  }

  /// In the mode of kernels; the last row is filled up with zeros.
  std::vector<float> apply(const Function &function, int64_t lanes,
                           std::vector<float> x) {
    size_t count = x.size(), rows = (count + columns - 1) / columns;
    x.resize(rows * columns);
    std::vector<float> y(x.size(), nan);
    void *buffers[] = {x.data(), y.data()};
    MambaKernelArgs args = {};
    args.rows = rows;
    args.buffers = buffers;
    MambaKernel kernel = code->kernel(symbol(function, lanes));
    FloatMode mode;
    for (size_t row = 0; row < rows; ++row)
      kernel(&args, row);
    y.resize(count);
    return y;
  }

  /// Compares with float64; what is no normal number may be flushed.
  void expectAccurate(const Function &function, int64_t lanes,
                      const std::vector<float> &x) {
    std::vector<float> y = apply(function, lanes, x);
    size_t wrong = 0, example = 0;
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      double want = function.exact(x[i]);
      bool overflows = std::fabs(want) > std::numeric_limits<float>::max();
      double error = std::isnan(want) ? (std::isnan(y[i]) ? 0 : inf)
                     : overflows
                         ? (y[i] == std::copysign(inf, want) ||
                                    std::fabs(y[i] / want - 1) <= function.error
                                ? 0
                                : inf)
                     : std::fabs(want) < smallestNormal
                         ? (std::fabs(y[i] - want) <= smallestNormal ? 0 : inf)
                         : std::fabs(y[i] - want) / std::fabs(want);
      if (!(error <= function.error)) {
        if (!wrong++)
          example = i;
      } else {
        worst = std::max(worst, error);
      }
    }
    EXPECT_EQ(wrong, 0u) << "of " << x.size() << ", the first at " << x[example]
                         << ": " << y[example] << ", should be "
                         << function.exact(x[example]);
    RecordProperty(symbol(function, lanes),
                   std::to_string(worst * 1e9) + "e-9");
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<MachineCode> code;
};

MAMBA_FOR_EACH_TARGET(Applied);

// Where silu leaves the normal numbers: exp(-x) overflows first.
double lowest(const Function &function) {
  return std::string_view(function.name) == "silu" ? -88 : -inf;
}

TEST_P(Applied, ToEveryMagnitude) {
  for (const Function &function : functions) {
    std::vector<float> x;
    for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 2039) {
      float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
      if (!(value < lowest(function)))
        x.push_back(value);
    }
    for (int64_t lanes : {8, 16}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, x);
    }
  }
}

// Where the results are neither 0 nor infinite.
TEST_P(Applied, DenselyWhereItMatters) {
  std::vector<float> x;
  for (double value = -88; value < 128.5; value += 0.00173)
    x.push_back(static_cast<float>(value));
  for (const Function &function : functions)
    for (int64_t lanes : {1, 4, 8, 16, 32}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, x);
    }
}

TEST_P(Applied, AroundTheEndsOfTheRange) {
  std::vector<float> x;
  for (float end :
       {-149.0f, -127.5f,  -127.0f, -126.5f,    -126.0f,   -110.0f,
        -104.0f, -103.97f, -88.72f, -88.02969f, -88.0f,    -87.33655f,
        0.0f,    20.0f,    88.0f,   88.02969f,  88.72283f, 104.0f,
        110.0f,  127.0f,   127.5f,  128.0f,     1e30f,     -1e30f,
        1e-30f,  -1e-30f,  1e-40f,  -1e-40f}) {
    float below = end, above = end;
    for (int i = 0; i < 300; ++i) {
      x.push_back(below = std::nextafter(below, -inf));
      x.push_back(above = std::nextafter(above, inf));
    }
    x.push_back(end);
  }
  for (float value = 87; value < 112; value += 0.00371f) {
    x.push_back(value);
    x.push_back(-value);
  }
  for (const Function &function : functions) {
    std::vector<float> inRange;
    std::copy_if(x.begin(), x.end(), std::back_inserter(inRange),
                 [&](float value) { return value >= lowest(function); });
    for (int64_t lanes : {1, 4, 8, 16, 32}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, inRange);
    }
  }
}

TEST_P(Applied, ToSpecialValues) {
  const std::vector<float> x = {0.0f, -0.0f, inf,   -inf,
                                nan,  -nan,  1e30f, -1e30f};
  const float exp[] = {1, 1, inf, 0, nan, nan, inf, 0};
  const float softplus[] = {
      std::log(2.0f), std::log(2.0f), inf, 0, nan, nan, 1e30f, 0};
  for (int64_t lanes : {1, 4, 8, 16, 32})
    for (const Function &function : functions) {
      SCOPED_TRACE(symbol(function, lanes));
      std::vector<float> y = apply(function, lanes, x);
      bool isSilu = std::string_view(function.name) == "silu";
      const float *want =
          std::string_view(function.name) == "softplus" ? softplus : exp;
      for (size_t i = 0; i < x.size() && !isSilu; ++i)
        EXPECT_TRUE(y[i] == want[i] ||
                    (std::isnan(y[i]) && std::isnan(want[i])) ||
                    std::fabs(y[i] - want[i]) <= 4e-7f * want[i])
            << x[i] << " gives " << y[i];
      // exactly 1: slow decays must not drift
      if (want == exp && !isSilu)
        EXPECT_TRUE(y[0] == 1 && y[1] == 1) << y[0];
      if (isSilu) {
        EXPECT_TRUE(y[0] == 0 && y[1] == 0 && y[2] == inf && std::isnan(y[4]) &&
                    y[6] == 1e30f);
        EXPECT_EQ(y[7], 0);
      }
    }
}

// Between its smallest normal result and exp(-x)'s overflow, silu is 0 or right
// within 1e-36.
TEST_P(Applied, SiluFadesToZero) {
  std::vector<float> x;
  for (float value = -88; value > -120; value -= 0.0117f)
    x.push_back(value);
  for (int64_t lanes : {1, 4, 8, 16, 32}) {
    std::vector<float> y = apply(functions[2], lanes, x);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_LE(std::fabs(y[i] - functions[2].exact(x[i])), 1e-36)
          << x[i] << " gives " << y[i];
  }
}

} // namespace
