#include "runtime/device/Arena.h"

#include "runtime/device/Step.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

using namespace mamba;

static constexpr uint64_t kKeptBytes = uint64_t(64) << 20;
static constexpr uint64_t kMuchLarger = 8;
static constexpr unsigned kSmallSteps = 256;

Result<ArenaPlan> ArenaPlan::of(const Program &program, const Batch &batch) {
  auto alignedMul = [](uint64_t a, uint64_t b) {
    auto product = checkedMul(a, b);
    return product ? checkedAlignUp(*product, kArenaAlignment) : product;
  };
  auto t = alignedMul(program.arenaT, batch.tokens());
  auto s = alignedMul(program.arenaS, batch.sequences());
  auto c = t && s ? checkedAdd(*t, *s) : std::nullopt;
  auto bytes = c ? checkedAdd(*c, program.arenaC) : std::nullopt;
  if (!bytes)
    return outOfMemory("a step of " + std::to_string(batch.tokens()) +
                       " tokens needs more memory than there can be, feed it "
                       "in pieces");
  return ArenaPlan{batch.tokens(), batch.sequences(), *t, *c, *bytes};
}

Status TensorPlan::place(const EntrySpec &entry, const Batch &batch) {
  bytes = 0;
  auto placeAll = [&](const std::vector<TensorSpec> &specs,
                      std::vector<Place> &places) -> Status {
    places.clear();
    for (const TensorSpec &spec : specs) {
      auto size = stepBytes(spec, batch);
      auto aligned = size ? checkedAlignUp(*size, kTensorAlignment) : size;
      auto end = aligned ? checkedAdd(bytes, *aligned) : aligned;
      if (!end)
        return outOfMemory("tensor " + inQuotes(spec.name) +
                           " is larger than memory can be");
      places.push_back({bytes, *size});
      bytes = *end;
    }
    return {};
  };
  MAMBA_RETURN_IF_ERROR(placeAll(entry.inputs, inputs));
  inputBytes = bytes;
  return placeAll(entry.outputs, outputs);
}

bool ArenaPolicy::replaces(uint64_t held, uint64_t needed) {
  bool isMuchLarger = held > kKeptBytes && held / kMuchLarger > needed;
  smallSteps_ = isMuchLarger ? smallSteps_ + 1 : 0;
  if (needed <= held && smallSteps_ < kSmallSteps)
    return false;
  smallSteps_ = 0;
  return true;
}
