// What mamba-tune does; each takes the options and gives the text for stdout.
#pragma once

#include "compiler/tune/Sweep.h"

#include <string>

namespace mamba::tune {

struct ListOptions {
  bool all = false, json = false;
};

/// The space of each kernel.
Result<std::string> list(const TuneInput &input, const ListOptions &options);

struct TuneCommand {
  SweepOptions sweep;
  std::string database; // empty: databaseFile() in this folder
  std::string report;   // an SVG; empty: none
  bool resume = false, quiet = false;
};

/// Measures the candidates on this processor, writes the database, and gives the
/// report. `signal` is what stopped it; left as it is if none did.
Result<std::string> tuneOnCpu(const TuneCommand &command, int &signal);

} // namespace mamba::tune
