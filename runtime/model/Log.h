// Notes to whoever embeds the runtime; dropped unless someone listens.
#pragma once

#include <string>

namespace mamba {

enum class LogLevel { Info, Warning };

using LogFunction = void (*)(void *user, LogLevel level, const char *message);

/// Null drops everything. Applies to the whole process.
void setLogFunction(LogFunction function, void *user);

/// `message` is one line.
void logMessage(LogLevel level, const std::string &message);

} // namespace mamba
