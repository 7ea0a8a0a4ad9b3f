// Sampling: a token of each row of logits.
//
// A tile is one row: one pass for the largest logit, then as ssm.sample's options ask
// (SampleDraw.h, and Sampling.h of passes/target for rows that keep many columns).
#include "passes/gpu/Generator.h"
#include "passes/gpu/SampleDraw.h"
#include "passes/target/Schedule.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace mamba {
namespace {

class SampleEmission {
public:
  SampleEmission(GpuEmitter &e, SampleParts parts)
      : e(e), p(parts), passes(e, *e.view(parts.logits), parts.valid) {}

  KernelGrid run() {
    GpuPasses::Largest largest = passes.largest(/*orNan=*/bool(p.sample));
    Value token = p.argmax ? largest.column : draw(largest);
    e.when(e.equal(e.thread, e.index(0)), [&] {
      for (unsigned i = 0; i < e.kernel.getNumResults(); ++i)
        if (!p.sample || yielded(e.kernel, i) == p.sample.getToken())
          e.store(token, e.resultBuffer(i), e.tile);
        else
          e.store(largest.logit, e.resultBuffer(i), {e.tile, e.index(0)});
    });
    return {KernelGrid::Rows, 1, 1, 1};
  }

private:
  Value number(Value operand) { return e.load(*e.view(operand), e.tile, e.index(0)); }

  Value draw(GpuPasses::Largest largest) {
    Value topK = memref::LoadOp::create(e.b, e.buffer(p.sample.getTopK()), e.tile);
    TokenDraw::Options options{largest.logit, number(p.sample.getU()),
                               number(p.sample.getTemperature()), topK,
                               number(p.sample.getTopP()), number(p.sample.getMinP()), p.valid};
    return GpuDraw(e, passes, options).token(largest.column);
  }

  GpuEmitter &e;
  SampleParts p;
  GpuPasses passes;
};

class SampleGenerator : public GpuGenerator {
public:
  StringRef family() const override { return "sample"; }

  bool canGenerate(ssm::KernelOp kernel, const Target &target, std::string &reason) const override {
    return matchSample(kernel, reason).has_value();
  }

  ssm::ScheduleAttr schedule(ssm::KernelOp kernel, const Target &target,
                             TokenClass tokens) const override {
    std::string reason;
    // A step of a thread reads some columns at once. More threads have no registers for it.
    int64_t columns = llvm::divideCeil(matchSample(kernel, reason)->valid, 4);
    int64_t threads = std::clamp<int64_t>(llvm::alignTo(columns, 32), 32, 384);
    return Schedule{.rowBlock = 1, .threads = threads}.get(kernel.getContext());
  }

  KernelGrid generate(GpuEmitter &e) const override {
    std::string reason;
    return SampleEmission(e, *matchSample(e.kernel, reason)).run();
  }

protected:
  bool checkSchedule(ssm::KernelOp kernel, const Target &target, ssm::ScheduleAttr s, Needs &needs,
                     std::string &reason) const override {
    needs = {GpuPasses::sharedBytes + GpuDraw::sharedBytes(s.getThreads()), 32};
    return true;
  }
};

} // namespace

std::unique_ptr<GpuGenerator> createGpuSampleGenerator() {
  return std::make_unique<SampleGenerator>();
}

} // namespace mamba
