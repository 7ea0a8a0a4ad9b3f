#include "test/unit/gpu/Ptxas.h"

#include "test/unit/support/TempFolder.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Program.h"

#include <cstdlib>
#include <optional>

using namespace llvm;

static std::string findPtxas() {
  if (auto path = sys::findProgramByName("ptxas"))
    return *path;
  const char *home = std::getenv("CUDA_HOME");
  std::string folder = (home ? home : "/usr/local/cuda") + std::string("/bin");
  auto path = sys::findProgramByName("ptxas", {StringRef(folder)});
  return path ? *path : "";
}

bool mamba::hasPtxas() { return !findPtxas().empty(); }

/// Writes kernels.cubin into the folder; whether there is one, and what ptxas
/// says.
static bool assemble(const TempFolder &folder, const std::string &ptx,
                     const std::string &chip, std::string &words) {
  std::string source = folder.add("kernels.ptx", ptx), log = folder / "log";
  std::string arch = "-arch=" + chip, cubin = folder / "kernels.cubin",
              program = findPtxas();
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log),
                                          StringRef(log)};
  int status =
      sys::ExecuteAndWait(program, {program, "-v", arch, source, "-o", cubin},
                          std::nullopt, redirects);
  words = slurp(log);
  return status == 0;
}

std::string mamba::assembled(const std::string &ptx, const std::string &chip) {
  TempFolder folder;
  std::string words;
  if (assemble(folder, ptx, chip, words))
    return slurp(folder / "kernels.cubin");
  ADD_FAILURE() << words;
  return {};
}

std::string mamba::defectsOfAssembly(const std::string &ptx,
                                     const std::string &chip) {
  TempFolder folder;
  std::string words, function, defects;
  if (!assemble(folder, ptx, chip, words))
    return words;
  SmallVector<StringRef> lines;
  StringRef(words).split(lines, '\n');
  for (StringRef line : lines) {
    if (line.contains("Function properties for"))
      function = line.rsplit(' ').second.str();
    if (line.contains("bytes stack frame") &&
        line.trim() != "0 bytes stack frame, 0 bytes spill stores, 0 bytes "
                       "spill loads")
      defects += function + ": " + line.trim().str() + "\n";
  }
  return defects;
}
