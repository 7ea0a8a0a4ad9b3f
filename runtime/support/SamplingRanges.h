// The values that the sampling options of a text may have, for who reads them from
// a command line or a file.
#pragma once

namespace mamba {

/// Takes no NaN; `wish` says in a message what is taken.
struct NumberRange {
  bool (*accepts)(double value);
  const char *wish;
};

inline constexpr NumberRange kTemperatureRange = {
    [](double v) { return v >= 0 && v <= 1e30; },
    "a finite number of at least 0 and at most 1e30"};
inline constexpr NumberRange kTopPRange = {
    [](double v) { return v > 0 && v <= 1; }, "above 0 and at most 1"};
inline constexpr NumberRange kMinPRange = {
    [](double v) { return v >= 0 && v <= 1; }, "between 0 and 1"};
inline constexpr NumberRange kRepetitionPenaltyRange = {
    [](double v) { return v > 0 && v <= 1e30; }, "above 0 and at most 1e30"};

} // namespace mamba
