// What mamba-opt says of itself beside LLVM's --help: its version, man page and
// completion.
#pragma once

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

/// Adds --completion and --help-man and sets what --version prints, before the
/// command line is parsed. Of the many options of LLVM those of `category` and the
/// passes are described; `phases` are the values of --mamba-pipeline.
void describeMambaOpt(llvm::cl::OptionCategory &category, std::vector<std::string> phases);

/// Writes what standard output still holds back; false, with a line on stderr, if that
/// or something before was not written.
bool finishOutput();
