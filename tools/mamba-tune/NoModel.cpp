// mamba-tune over a model, where the compiler was not built.
#include "runtime/support/Quote.h"
#include "tools/mamba-tune/Verbs.h"

namespace mamba::tune {
namespace {

class NoModel final : public ModelVerb {
public:
  Result<std::string> run(const TuneCommand &command, int &) override {
    return unavailable(inQuotes(command.input) +
                       " is not a pack, and this mamba-tune has no compiler: name a tuning pack "
                       "X.mpk of 'mamba-pack build --variants'");
  }
};

} // namespace

std::unique_ptr<ModelVerb> addModel(CLI::App &, const std::vector<CLI::Option *> &) {
  return std::make_unique<NoModel>();
}

Status runModelWorker(const std::string &verb, const std::vector<std::string> &) {
  return invalidArgument(inQuotes(verb) + " is for processes that mamba-tune starts itself");
}

} // namespace mamba::tune
