#include "runtime/tune/Timing.h"

#include "runtime/tune/Bout.h"
#include "runtime/tune/Child.h"

#include <charconv>
#include <istream>
#include <optional>
#include <ostream>

namespace mamba::tune {

/// Loading copies of weights takes a while.
static constexpr double kStartSeconds = 60;

template <typename T> static bool parse(std::string_view text, T &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Status serveTimings(const std::vector<std::string> &arguments, std::istream &in,
                    std::ostream &out) {
  unsigned threads = 0;
  if (arguments.empty() || !parse(arguments[0], threads))
    return invalidArgument("the number of threads is missing");
  Result<std::unique_ptr<Bout>> bout =
      Bout::create({arguments.begin() + 1, arguments.end()}, threads);
  if (!bout.ok()) {
    out << "failed " << bout.status().message() << std::endl;
    return bout.status();
  }
  out << "ready" << std::endl;
  for (std::string line; std::getline(in, line);) {
    size_t candidate = 0;
    if (!parse(line, candidate) || candidate >= (*bout)->size())
      return invalidArgument("there is no candidate " + line);
    // As many digits as a double has.
    out.precision(17);
    out << (*bout)->time(candidate) << std::endl;
  }
  return {};
}

static Result<Child> startServer(const std::vector<std::string> &packs, unsigned threads) {
  std::vector<std::string> arguments = {kTimingVerb, std::to_string(threads)};
  arguments.insert(arguments.end(), packs.begin(), packs.end());
  MAMBA_ASSIGN_OR_RETURN(Child child, Child::start(arguments));
  std::string line;
  Child::Read read = child.readLine(line, kStartSeconds);
  if (read == Child::Read::Line && line == "ready")
    return child;
  if (read == Child::Read::Line && line.starts_with("failed "))
    return internalError("the candidates cannot be timed: " + line.substr(7));
  return internalError("the process that times the candidates did not start: " +
                       (read == Child::Read::Late ? "it hangs" : child.finish()));
}

Status runRace(Race &race, const std::vector<std::string> &packs, const TimingOptions &options,
               std::vector<std::string> &failures) {
  failures.assign(packs.size(), "");
  std::optional<Child> server;
  while (std::optional<size_t> next = race.next()) {
    if (options.stop())
      return {};
    if (!server) {
      MAMBA_ASSIGN_OR_RETURN(server, startServer(packs, options.threads));
    }
    server->writeLine(std::to_string(*next));
    std::string line;
    double seconds = 0;
    Child::Read read = server->readLine(line, options.mostSeconds);
    if (read == Child::Read::Line && parse(line, seconds) && seconds > 0) {
      race.add(seconds);
      continue;
    }
    std::string end = server->finish();
    failures[*next] = read == Child::Read::Late ? "it hangs when it is timed"
                                                : "it crashes when it is timed: " + end;
    server.reset();
    race.drop(*next);
  }
  return {};
}

} // namespace mamba::tune
