// The parts of readManifest, for ManifestReader.cpp and ReadTuning.cpp.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Json.h"

#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// An unsigned number of at most `max`.
Result<uint64_t> getSize(const nlohmann::json &object, std::string_view key,
                         uint64_t max = kMaxManifestSize);
bool isNull(const nlohmann::json &object, std::string_view key);
/// "kernel 'scan'" if the element has a name, else "kernel 3".
std::string placeOf(const nlohmann::json &element, const char *what, size_t index);
/// The value is an array of so many; else the failure says that `what` was expected.
Status elementsOf(const nlohmann::json &value, size_t count, const char *what);
/// Reads an element of an array through the readers of members.
Result<uint64_t> sizeAt(const nlohmann::json &array, size_t index, const char *name);

/// Reads every element of the array `key`; a failure says which one.
template <typename T, typename Read>
Status readList(const nlohmann::json &object, std::string_view key, const char *what,
                std::vector<T> &list, Read read) {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *array, getArray(object, key));
  list.reserve(array->size());
  for (const nlohmann::json &item : *array) {
    list.emplace_back();
    if (Status status = read(item, list.back()); !status.ok())
      return status.withContext(placeOf(item, what, list.size() - 1));
  }
  return {};
}

/// Members "rows": a number, "T" or "S"; or "1", "T" or "S".
Status readRows(const nlohmann::json &object, RowCount &rows);
Status readRowKind(const nlohmann::json &object, RowKind &kind);
/// Member "grid".
Status readGrid(const nlohmann::json &object, Grid &grid);
Status readTarget(const nlohmann::json &json, TargetSpec &target);
/// A kernel of a tuning pack.
Status readTuningSpec(const nlohmann::json &json, TuningSpec &tuning);

} // namespace mamba
