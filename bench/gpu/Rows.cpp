#include "bench/gpu/Rows.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"

#include <cstdio>

namespace mamba::bench {

void say(const Row &row) {
  std::printf("%s\n", row.dump(-1, ' ', false, Row::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

Result<CheckFolder> CheckFolder::open(const std::string &path) {
  CheckFolder folder{path, {}};
  Result<std::string> text = readFile(folder.file("check.json"));
  if (!text.ok())
    return notFound(inQuotes(path) + " has no check.json that can be read, name a folder that "
                                     "'gpu-check.sh --prepare DIR' made");
  MAMBA_ASSIGN_OR_RETURN(folder.plan, parseJson(*text, inQuotes(folder.file("check.json"))));
  for (const char *list : {"cases", "models"})
    MAMBA_RETURN_IF_ERROR(
        getArray(folder.plan, list).status().withContext(inQuotes(folder.file("check.json"))));
  return folder;
}

Result<const nlohmann::json *> CheckFolder::entry(const char *list, size_t index) const {
  MAMBA_ASSIGN_OR_RETURN(const nlohmann::json *array, getArray(plan, list));
  if (index >= array->size())
    return invalidArgument("check.json has only " + std::to_string(array->size()) + " " + list);
  return &(*array)[index];
}

} // namespace mamba::bench
