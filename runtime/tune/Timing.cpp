#include "runtime/tune/Timing.h"

#include "runtime/tune/Bout.h"
#include "runtime/tune/Child.h"

#include <charconv>
#include <istream>
#include <optional>
#include <ostream>

namespace mamba::tune {

/// Loading copies of weights takes a while, compiling a GPU's candidates too.
static constexpr double kStartSeconds = 60, kStartSecondsOfEach = 5;
/// How an answer begins that says why there are no timings.
static constexpr std::string_view kFailed = "failed ";

template <typename T> static bool parse(std::string_view text, T &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Status serveTimings(const std::vector<std::string> &arguments, std::istream &in,
                    std::ostream &out) {
  unsigned threads = 0;
  if (arguments.size() < 2 || !parse(arguments[1], threads))
    return invalidArgument("the device or the number of threads is missing");
  Result<std::unique_ptr<Bout>> bout =
      Bout::create({arguments.begin() + 2, arguments.end()}, arguments[0], threads);
  if (!bout.ok()) {
    out << kFailed << bout.status().message() << std::endl;
    return bout.status();
  }
  out << "ready" << std::endl;
  for (std::string line; std::getline(in, line);) {
    size_t candidate = 0;
    if (!parse(line, candidate) || candidate >= (*bout)->size())
      return invalidArgument("there is no candidate " + line);
    // As many digits as a double has.
    out.precision(17);
    Result<double> seconds = (*bout)->time(candidate);
    if (!seconds.ok()) {
      out << kFailed << seconds.status().message() << std::endl;
      return seconds.status();
    }
    if (!(out << *seconds << std::endl))
      return ioError("cannot write a timing");
  }
  return {};
}

static Result<Child> startServer(const std::vector<std::string> &names,
                                 const TimingOptions &options) {
  std::vector<std::string> arguments = {kTimingVerb, options.device,
                                        std::to_string(options.threads)};
  arguments.insert(arguments.end(), names.begin(), names.end());
  MAMBA_ASSIGN_OR_RETURN(Child child, Child::start(arguments));
  std::string line;
  Child::Read read = child.readLine(line, kStartSeconds + kStartSecondsOfEach * double(names.size()));
  if (read == Child::Read::Line && line == "ready")
    return child;
  if (read == Child::Read::Line && line.starts_with(kFailed))
    return internalError("the candidates cannot be timed: " + line.substr(kFailed.size()));
  return internalError("the process that times the candidates did not start: " +
                       (read == Child::Read::Late     ? "it hangs"
                        : read == Child::Read::Failed ? "it cannot be heard: " + child.failure()
                                                      : child.finish()));
}

Status runRace(Race &race, const std::vector<std::string> &names, const TimingOptions &options,
               std::vector<std::string> &failures) {
  failures.assign(names.size(), "");
  std::optional<Child> server;
  while (std::optional<size_t> next = race.next()) {
    if (options.stop())
      return {};
    if (!server) {
      MAMBA_ASSIGN_OR_RETURN(server, startServer(names, options));
    }
    server->writeLine(std::to_string(*next));
    std::string line;
    double seconds = 0;
    Child::Read read = server->readLine(line, options.mostSeconds);
    if (read == Child::Read::Line && parse(line, seconds) && seconds > 0) {
      race.add(seconds);
      continue;
    }
    if (read == Child::Read::Failed) // Not the candidate's fault.
      return ioError("cannot hear the process that times the candidates: " + server->failure());
    std::string end = server->finish();
    bool hasReason = read == Child::Read::Line && line.starts_with(kFailed);
    failures[*next] = read == Child::Read::Late ? "it hangs when it is timed"
                      : hasReason ? "it fails when it is timed: " + line.substr(kFailed.size())
                                  : "it crashes when it is timed: " + end;
    server.reset();
    race.drop(*next);
  }
  return {};
}

} // namespace mamba::tune
