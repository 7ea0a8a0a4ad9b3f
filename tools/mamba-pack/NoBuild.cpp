// mamba-pack build, where the compiler was not built.
#include "tools/mamba-pack/Verbs.h"

#include <CLI/CLI.hpp>

namespace mamba::pack {

void addBuild(CLI::App &app, Work &work) {
  CLI::App *verb = app.add_subcommand("build", "Not in this program: it has no compiler");
  verb->allow_extras();
  verb->callback([&work] {
    work = []() -> Result<std::string> {
      return unavailable("this mamba-pack has no compiler: configure with "
                         "-DMAMBA_BUILD_COMPILER=ON to build packs");
    };
  });
}

} // namespace mamba::pack
