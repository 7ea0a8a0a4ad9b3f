#include "runtime/support/SystemError.h"

#include "runtime/support/Quote.h"

#include <cerrno>
#include <system_error>

namespace mamba {

Status systemError(const std::string &action, const std::string &path,
                   int error) {
  // Unlike strerror, this is safe with threads.
  std::string message = "cannot " + action + " " + inQuotes(path) + ": " +
                        std::generic_category().message(error);
  if (error == ENOENT || error == ENOTDIR)
    return notFound(std::move(message));
  if (error == ENOMEM)
    return outOfMemory(std::move(message));
  return ioError(std::move(message));
}

} // namespace mamba
