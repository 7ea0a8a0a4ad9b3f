#include "runtime/model/Log.h"

#include <mutex>

namespace mamba {

namespace {
std::mutex logMutex;
LogFunction logFunction = nullptr; // Guarded by logMutex.
void *logUser = nullptr;           // Borrowed; guarded by logMutex.
} // namespace

void setLogFunction(LogFunction function, void *user) {
  std::lock_guard<std::mutex> lock(logMutex);
  logFunction = function;
  logUser = user;
}

void logMessage(LogLevel level, const std::string &message) {
  std::lock_guard<std::mutex> lock(logMutex);
  if (logFunction)
    logFunction(logUser, level, message.c_str());
}

} // namespace mamba
