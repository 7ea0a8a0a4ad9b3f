// Signals that end a program.
#pragma once

namespace mamba::cli {

/// Removes what is half written and ends the program as the signal does: for a
/// handler of it.
[[noreturn]] void endBySignal(int signal);

/// SIGINT, SIGTERM and SIGHUP end the program so, but those that are ignored
/// (nohup).
void endBySignals();

} // namespace mamba::cli
