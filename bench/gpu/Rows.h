// What a step of the check says to the program that runs it: JSON, an object a
// line on stdout.
#pragma once

#include "runtime/support/Json.h"
#include "runtime/support/Status.h"

#include <string>

namespace mamba::bench {

using Row = nlohmann::ordered_json;

/// At once, so that it is known whatever comes after.
void say(const Row &row);

/// A folder that `gpu-check.sh --prepare` made; README.md has check.json's keys.
struct CheckFolder {
  std::string path;
  nlohmann::json plan; // check.json

  static Result<CheckFolder> open(const std::string &path);
  bool isQuick() const { return plan.value("quick", false); }
  std::string file(const std::string &name) const { return path + "/" + name; }
  /// An element of one of the plan's lists.
  Result<const nlohmann::json *> entry(const char *list, size_t index) const;
};

} // namespace mamba::bench
