// What options accept, said in one line.
#pragma once

#include "runtime/support/SamplingRanges.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace mamba::cli {

/// The number that all of `text` is, in decimal digits.
template <typename Number> std::optional<Number> parsed(const std::string &text) {
  Number value = 0;
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    return std::nullopt;
  return value;
}

/// A whole number from `least` to `most`, in decimal digits.
inline CLI::Validator wholeNumber(uint64_t least, uint64_t most) {
  auto check = [=](const std::string &text) -> std::string {
    std::optional<uint64_t> value = parsed<uint64_t>(text);
    if (value && *value >= least && *value <= most)
      return "";
    return "must be a whole number from " + std::to_string(least) + " to " +
           std::to_string(most) + ", got '" + text + "'";
  };
  return CLI::Validator(check, "");
}

/// A number of the range, in decimal digits.
inline CLI::Validator numberOf(const NumberRange &range) {
  auto check = [=](const std::string &text) -> std::string {
    std::optional<double> value = parsed<double>(text);
    if (value && range.accepts(*value))
      return "";
    return std::string("must be ") + range.wish + ", got '" + text + "'";
  };
  return CLI::Validator(check, "");
}

/// One of `names`, cuda with a number too.
inline CLI::Validator deviceName(const std::vector<std::string> &names) {
  auto check = [=](const std::string &text) -> std::string {
    std::string wish;
    for (const std::string &name : names) {
      if (text == name)
        return "";
      wish += (wish.empty() ? "" : &name == &names.back() ? " or " : ", ") +
              name + (name == "cuda" ? ", cuda:N" : "");
    }
    if (text.starts_with("cuda:") && wholeNumber(0, 1023)(text.substr(5)) == "")
      return "";
    return "must be " + wish + ", got '" + text + "'";
  };
  return CLI::Validator(check, "");
}

inline CLI::Validator notEmpty() {
  auto check = [](const std::string &text) -> std::string {
    return text.empty() ? "must not be empty" : "";
  };
  return CLI::Validator(check, "");
}

} // namespace mamba::cli
