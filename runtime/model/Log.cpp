#include "runtime/model/Log.h"

#include <mutex>

namespace mamba {

namespace {
std::mutex logMutex;
LogFunction logFunction = nullptr; // Guarded by logMutex.
void *logUser = nullptr;           // Borrowed; guarded by logMutex.
// What a log function notes itself is dropped: the mutex is its own.
thread_local bool isLogging = false;
} // namespace

void setLogFunction(LogFunction function, void *user) {
  std::lock_guard<std::mutex> lock(logMutex);
  logFunction = function;
  logUser = user;
}

void logMessage(LogLevel level, const std::string &message) {
  if (isLogging)
    return;
  std::lock_guard<std::mutex> lock(logMutex);
  if (!logFunction)
    return;
  isLogging = true;
  logFunction(logUser, level, message.c_str());
  isLogging = false;
}

} // namespace mamba
