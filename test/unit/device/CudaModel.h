// A pack on the fake driver that tests change, load and run.
#pragma once

#include "test/unit/device/FakeDriver.h"
#include "test/unit/device/TestPack.h"

namespace mamba {

struct CudaModel {
  CudaModel() : weights(std::make_shared<TestWeights>()) {}

  /// The executable, the weights, a context of four slots.
  Status load(const std::string &device = "cuda", uint64_t slots = 4) {
    context.reset();
    executable.reset();
    MAMBA_ASSIGN_OR_RETURN(opened, pack.open());
    MAMBA_ASSIGN_OR_RETURN(executable, loadOnDevice(opened, device, {1}));
    MAMBA_RETURN_IF_ERROR(executable->loadWeights(weights, nullptr));
    MAMBA_ASSIGN_OR_RETURN(context, executable->createContext(slots));
    return {};
  }
  Status run(const TestBatch &batch, uint32_t seed = 7) {
    std::vector<float> x = randomFloats(batch.tokens() * kTestWidth, seed);
    y.assign(batch.tokens() * kTestWidth, 0);
    last.assign(batch.sequences() * kTestWidth, 0);
    const void *in[] = {x.data()};
    void *out[] = {y.data(), last.data()};
    return context->run(0, batch, false, in, out);
  }
  /// What loading says, or a step; "fine" if nothing.
  std::string outcome(const TestBatch &batch = {{3, 2}, {0, 1}, {0, 0}}) {
    Status status = load();
    if (status.ok())
      status = run(batch);
    return status.ok() ? "fine" : status.message();
  }
  void drop() {
    context.reset();
    executable.reset();
    opened.reset();
  }

  TestPack pack{"cuda"};
  std::shared_ptr<TestWeights> weights;
  std::shared_ptr<const Pack> opened;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Context> context;
  std::vector<float> y, last;
};

#define EXPECT_HAS(message, part)                                              \
  EXPECT_NE(std::string(message).find(part), std::string::npos) << (message)

} // namespace mamba
