#include "runtime/pack/JoinTargets.h"

#include "runtime/support/Quote.h"

#include <map>
#include <string_view>

using namespace mamba;

/// Adds what is new of `from` to `into`; the place of each there.
template <typename Spec>
static Result<std::vector<uint64_t>>
joinLists(const char *what, std::vector<Spec> &into, const std::vector<Spec> &from) {
  std::map<std::string_view, uint64_t> known;
  into.reserve(into.size() + from.size()); // Names are borrowed below.
  for (const Spec &spec : into)
    known.emplace(spec.name, known.size());
  std::vector<uint64_t> places;
  for (const Spec &spec : from) {
    auto found = known.find(spec.name);
    if (found == known.end()) {
      into.push_back(spec);
      found = known.emplace(into.back().name, into.size() - 1).first;
    } else if (!(into[found->second] == spec)) {
      return invalidData(std::string(what) + " " + inQuotes(spec.name) +
                         " is not the same in both");
    }
    places.push_back(found->second);
  }
  return places;
}

static void adapt(std::vector<Dispatch> &dispatches,
                  const std::vector<uint64_t> &weights) {
  for (Dispatch &dispatch : dispatches)
    for (ArgRef &arg : dispatch.args)
      if (arg.space == ArgSpace::Weight)
        arg.number = weights[arg.number];
}

Status mamba::joinTarget(Manifest &into, const Manifest &from,
                         const TargetSpec &target) {
  for (const TargetSpec &other : into.targets)
    if (other.name == target.name)
      return invalidData("both have target " + inQuotes(target.name));
  MAMBA_ASSIGN_OR_RETURN(
      std::vector<uint64_t> weights,
      joinLists("checkpoint weight", into.checkpoint, from.checkpoint));
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint64_t> entries,
                         joinLists("entry", into.entries, from.entries));
  TargetSpec joined = target;
  adapt(joined.recipe, weights);
  for (Program &program : joined.programs) {
    program.entry = static_cast<uint32_t>(entries[program.entry]);
    adapt(program.dispatches, weights);
  }
  into.targets.push_back(std::move(joined));
  return {};
}
