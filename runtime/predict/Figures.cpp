#include "runtime/predict/Figures.h"

#include "runtime/predict/Runner.h"
#include "runtime/support/Json.h"
#include "runtime/support/JsonWriter.h"
#include "runtime/support/Quote.h"

#include <algorithm>

namespace mamba::predict {

std::string Figures::json() const {
  JsonWriter to;
  writeObject(to, "us", us, "rows", rows, "limit", limit, "registers", registers, "spills",
              spills, "occupancy", occupancy);
  return to.take();
}

Result<Figures> Figures::parse(const std::string &text) {
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json json, parseJson(text, "a prediction"));
  Figures figures;
  MAMBA_ASSIGN_OR_RETURN(figures.us, getDouble(json, "us"));
  MAMBA_ASSIGN_OR_RETURN(figures.rows, getInt(json, "rows", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.limit, getString(json, "limit"));
  MAMBA_ASSIGN_OR_RETURN(figures.registers, getInt(json, "registers", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.spills, getInt(json, "spills", 0));
  MAMBA_ASSIGN_OR_RETURN(figures.occupancy, getDouble(json, "occupancy"));
  return figures;
}

static Launch launchOf(const LaunchShape &shape, const Grid &grid) {
  Launch launch;
  launch.dispatch = {0, shape.rows, grid, {}};
  launch.readsSequences = shape.readsSequences;
  for (const LaunchArg &arg : shape.args) {
    Argument argument;
    argument.rows = arg.rows;
    argument.bytes = arg.bytes;
    argument.written = arg.isWritten ? arg.bytes : 0;
    argument.indexBelow = arg.below;
    launch.arguments.push_back(argument);
  }
  return launch;
}

Result<Figures> predictStep(const Code &code, const LaunchShape &launch,
                            const PredictionSpec &prediction, StepKind step,
                            const sim::Chip &chip) {
  size_t place = step == StepKind::First ? 0 : 1;
  if (place >= prediction.steps.size())
    return Figures();
  const Step &size = prediction.steps[place];
  MAMBA_ASSIGN_OR_RETURN(
      Counted counted,
      Runner(/*threads=*/1).count(code, launchOf(launch, prediction.grid), size));
  sim::Prediction found = counted.predict(chip);
  if (found.residentBlocks == 0)
    return unavailable("its blocks do not fit " + std::string(chip.name));
  auto largest = std::max_element(found.parts.begin(), found.parts.end() - 1);
  return Figures{found.kernelSeconds * 1e6,
                 size.tokens(),
                 sim::nameOf(sim::Limit(largest - found.parts.begin())),
                 counted.kernel->registers,
                 counted.kernel->spills(),
                 found.occupancy};
}

Result<const sim::Chip *> chipOf(const std::string &arch, const std::string &target,
                                 const std::string &name) {
  MAMBA_ASSIGN_OR_RETURN(const sim::Chip *chip, sim::chipNamed(name.empty() ? arch : name));
  if (chip->arch != arch && chip->arch != arch + "a")
    return invalidArgument("chip " + inQuotes(std::string(chip->name)) + " is " +
                           std::string(chip->arch) + ", the target " + inQuotes(target) +
                           ": name a chip of the target");
  return chip;
}

} // namespace mamba::predict
