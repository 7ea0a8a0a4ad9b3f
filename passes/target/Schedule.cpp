#include "passes/target/Schedule.h"

#include "llvm/ADT/STLExtras.h"

namespace mamba {

static constexpr ScheduleParameter parameters[] = {
    {"lanes", &Schedule::lanes},           {"row_block", &Schedule::rowBlock},
    {"col_block", &Schedule::colBlock},    {"row_tile", &Schedule::rowTile},
    {"col_tile", &Schedule::colTile},      {"k_block", &Schedule::kBlock},
    {"chunk", &Schedule::chunk},           {"state_block", &Schedule::stateBlock},
    {"threads", &Schedule::threads},       {"state_lanes", &Schedule::stateLanes},
    {"stages", &Schedule::stages},         {"mma", &Schedule::mma}};

llvm::ArrayRef<ScheduleParameter> scheduleParameters() { return parameters; }

Schedule Schedule::of(ssm::ScheduleAttr s) {
  return {s.getLanes(),   s.getRowBlock(), s.getColBlock(),   s.getRowTile(),
          s.getColTile(), s.getKBlock(),   s.getChunk(),      s.getStateBlock(),
          s.getThreads(), s.getStateLanes(), s.getStages(),   s.getMma()};
}

ssm::ScheduleAttr Schedule::get(mlir::MLIRContext *context) const {
  return ssm::ScheduleAttr::get(context, lanes, rowBlock, colBlock, rowTile, colTile, kBlock, chunk,
                                stateBlock, threads, stateLanes, stages, mma);
}

std::string Schedule::text() const {
  std::string text;
  for (const ScheduleParameter &parameter : parameters)
    if (int64_t value = this->*parameter.value)
      text += (text.empty() ? "" : " ") + parameter.name.str() + "=" + std::to_string(value);
  return text;
}

std::optional<Schedule> Schedule::parse(llvm::StringRef text, std::string &reason) {
  Schedule schedule;
  while (!(text = text.ltrim(' ')).empty()) {
    llvm::StringRef word, name, number;
    std::tie(word, text) = text.split(' ');
    std::tie(name, number) = word.split('=');
    const auto *known = llvm::find_if(
        parameters, [&](const ScheduleParameter &parameter) { return parameter.name == name; });
    int64_t value = 0;
    if (known == std::end(parameters)) {
      reason = "there is no parameter '" + name.str() + "'";
      return std::nullopt;
    }
    // Parameters that generators accept are far below; so is every product of two.
    if (number.getAsInteger(10, value) || value <= 0 || value > 1 << 20) {
      reason = "parameter " + name.str() + " must be a number from 1 to 1048576, got '" +
               number.str() + "'";
      return std::nullopt;
    }
    if (schedule.*known->value) {
      reason = "parameter " + name.str() + " is there twice";
      return std::nullopt;
    }
    schedule.*known->value = value;
  }
  if (schedule == Schedule()) {
    reason = "a schedule has at least one parameter";
    return std::nullopt;
  }
  return schedule;
}

} // namespace mamba
