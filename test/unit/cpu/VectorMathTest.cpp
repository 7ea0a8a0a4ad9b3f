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
  Value (*emit)(VectorMath &, Value);
  double (*exact)(double);
  double error; // in units of the last place, where the result is normal
  double highest = inf; // of what it takes; numbers only, if there is one
  double smallest = smallestNormal; // smaller results may be 0
};

Value exp2OfHalves(VectorMath &math, Value x) {
  return math.exp2OfProduct(x, math.constant(x.getType(), 0.5));
}

// As VectorMath.h states them.
const Function functions[] = {
    {"exp2", [](VectorMath &math, Value x) { return math.exp2(x); },
     [](double x) { return std::exp2(x); }, 1},
    {"exp", [](VectorMath &math, Value x) { return math.exp(x); },
     [](double x) { return std::exp(x); }, 1.1},
    {"silu", [](VectorMath &math, Value x) { return math.silu(x); },
     [](double x) { return x < -700 ? -0.0 : x / (1 + std::exp(-x)); }, 2,
     inf, 1.1e-36},
    {"softplus", [](VectorMath &math, Value x) { return math.softplus(x); },
     [](double x) {
       return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
     },
     2},
    {"exp2OfHalves", exp2OfHalves, [](double x) { return std::exp2(x / 2); }, 2.2,
     252},
};

/// Of the floats around a number, the distance between two.
double unitInTheLastPlace(double x) {
  return std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23);
}

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
        return e.store(function.emit(e.math, e.load(x, e.tile, column)), y,
                       e.tile, column);
      Value scalar = mlir::memref::LoadOp::create(
          e.b, x.buffer, mlir::ValueRange{e.tile, column});
      mlir::memref::StoreOp::create(e.b, function.emit(e.math, scalar),
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
                                    std::fabs(y[i] / want - 1) <= 2e-7
                                ? 0
                                : inf)
                     : std::fabs(want) < function.smallest
                         ? (std::fabs(y[i] - want) <= function.smallest ? 0 : inf)
                         : std::fabs(y[i] - want) / unitInTheLastPlace(want);
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
    RecordProperty(symbol(function, lanes), std::to_string(worst));
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<MachineCode> code;
};

MAMBA_FOR_EACH_TARGET(Applied);

/// Those that the function takes.
std::vector<float> takenBy(const Function &function, std::vector<float> x) {
  std::erase_if(x, [&](float value) { return function.highest < inf && !(value <= function.highest); });
  return x;
}

TEST_P(Applied, ToEveryMagnitude) {
  for (const Function &function : functions) {
    std::vector<float> x;
    for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 2039)
      x.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    for (int64_t lanes : {8, 16}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, takenBy(function, x));
    }
  }
}

// Where the results are neither 0 nor infinite.
TEST_P(Applied, DenselyWhereItMatters) {
  std::vector<float> x;
  for (double value = -104; value < 128.5; value += 0.00173)
    x.push_back(static_cast<float>(value));
  for (const Function &function : functions)
    for (int64_t lanes : {1, 4, 8, 16, 32}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, takenBy(function, x));
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
  for (const Function &function : functions)
    for (int64_t lanes : {1, 4, 8, 16, 32}) {
      SCOPED_TRACE(symbol(function, lanes));
      expectAccurate(function, lanes, takenBy(function, x));
    }
}

TEST_P(Applied, ToSpecialValues) {
  const std::vector<float> all = {0.0f, -0.0f, inf,   -inf,
                                  nan,  -nan,  1e30f, -1e30f};
  for (const Function &function : functions)
    for (int64_t lanes : {1, 4, 8, 16, 32}) {
      SCOPED_TRACE(symbol(function, lanes));
      std::vector<float> x = takenBy(function, all),
                         y = apply(function, lanes, x);
      for (size_t i = 0; i < x.size(); ++i) {
        double want = function.exact(x[i]);
        EXPECT_TRUE(y[i] == want || (std::isnan(y[i]) && std::isnan(want)) ||
                    std::fabs(y[i] - want) <= 2e-7 * want ||
                    (std::fabs(want) + std::fabs(y[i]) < function.smallest) ||
                    (function.highest < inf && x[i] < -252 && y[i] < smallestNormal))
            << x[i] << " gives " << y[i];
      }
      // exactly 1: slow decays must not drift
      if (function.exact(0) == 1)
        EXPECT_TRUE(y[0] == 1 && y[1] == 1) << y[0];
    }
}

// Just below 0, where the decays of long memories lie, a step never grows and is
// right within three halves of the last place.
TEST_P(Applied, ToSlowDecays) {
  std::vector<float> x;
  for (float size = 1e-12f; size < 1e-3f; size *= 1.0137f)
    x.push_back(-size);
  const Function &decay = functions[std::size(functions) - 1];
  for (int64_t lanes : {1, 4, 8, 16, 32}) {
    SCOPED_TRACE(lanes);
    std::vector<float> y = apply(decay, lanes, x);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_TRUE(y[i] <= 1 && std::fabs(y[i] - decay.exact(x[i])) < 9e-8)
          << x[i] << " gives " << y[i];
  }
}

} // namespace
