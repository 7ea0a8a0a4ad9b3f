#include "runtime/device/TargetExecutable.h"

#include "runtime/device/ModelCheck.h"

#include <algorithm>

using namespace mamba;

TargetExecutable::TargetExecutable(std::shared_ptr<const Pack> pack,
                                   const TargetSpec &target)
    : pack_(std::move(pack)), target_(target),
      states_(collectStates(pack_->manifest())),
      programs_(pack_->manifest(), target) {
  for (const EntrySpec &entry : manifest().entries) {
    std::vector<size_t> &indices = stateOf_.emplace_back();
    for (const StateSpec &state : entry.states) {
      auto found = std::find_if(
          states_.begin(), states_.end(),
          [&](const StateSpec &other) { return other.id == state.id; });
      indices.push_back(static_cast<size_t>(found - states_.begin()));
    }
  }
}

Status TargetExecutable::loadWeights(std::shared_ptr<WeightSource> source,
                                     const Progress &progress) {
  if (hasWeights_)
    return invalidArgument("the weights are loaded already");
  MAMBA_RETURN_IF_ERROR(prepareWeights(source.get(), progress));
  hasWeights_ = true; // As the check wants it.
  struct Undo {
    bool *flag;
    ~Undo() {
      if (flag)
        *flag = false;
    }
  } undo{&hasWeights_};
  MAMBA_RETURN_IF_ERROR(checkLoaded(source.get()));
  undo.flag = nullptr;
  source_ = std::move(source);
  return {};
}

Result<ModelCheck> TargetExecutable::checkModel() {
  return checkModelOf(*this, source_.get());
}

Result<std::unique_ptr<Context>>
TargetExecutable::createContext(uint64_t slots) {
  // A pack that has nothing to load needs no call of loadWeights.
  if (!hasWeights_ && manifest().checkpoint.empty())
    MAMBA_RETURN_IF_ERROR(loadWeights(nullptr, nullptr));
  if (!hasWeights_)
    return invalidArgument("the weights are not loaded yet, call loadWeights "
                           "before createContext");
  MAMBA_RETURN_IF_ERROR(checkSlots(slots));
  return makeContext(slots);
}

Status TargetExecutable::nothingWasCounted() {
  return unavailable("nothing was counted, a profile must be asked for when the "
                     "model is made");
}
