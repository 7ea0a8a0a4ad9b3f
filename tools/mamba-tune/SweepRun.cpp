#include "tools/mamba-tune/SweepRun.h"

#include "runtime/device/Device.h"
#include "runtime/support/File.h"
#include "runtime/support/Format.h"
#include "runtime/support/Quote.h"
#include "runtime/tune/HostTurn.h"
#include "runtime/tune/WorkFolder.h"
#include "tools/mamba-tune/Progress.h"

#include <algorithm>
#include <csignal>
#include <filesystem>

namespace mamba::tune {

static volatile std::sig_atomic_t interrupted = 0;

/// What is ignored (nohup) stays ignored.
void catchSignals() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    if (std::signal(signal, [](int caught) { interrupted = caught; }) == SIG_IGN)
      std::signal(signal, SIG_IGN);
}

int stopSignal() { return interrupted; }

static std::string ratio(const KernelReport &report) {
  if (!report.failure.empty())
    return "not tuned: " + report.failure;
  return format("default %.1f us, best %.1f us, %.3fx", report.ownUs, report.bestUs,
                report.ownUs / report.bestUs);
}

std::string databaseFile(const std::string &target, const Shard &shard) {
  std::string name = target;
  std::replace(name.begin(), name.end(), ':', '-');
  if (!shard.isAll())
    name += "-" + std::to_string(shard.number) + "-of-" + std::to_string(shard.count);
  return name + ".tune";
}

bool isSameFile(const std::string &a, const std::string &b) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  // Of a relative path only what is there would become absolute.
  auto place = [&](const std::string &path) {
    return fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  };
  return !a.empty() && !b.empty() && place(a) == place(b);
}

Result<SweepRun> SweepRun::begin(const TuneCommand &command, const std::string &target,
                                 const std::string &settings) {
  TuneCommand named = command;
  if (named.database.empty())
    named.database = databaseFile(target, command.shard);
  for (const std::string &file : {named.database, named.database + ".journal"})
    if (isSameFile(file, command.report))
      return invalidArgument(inQuotes(file) + " is not for the report, name another file");
  std::string share = command.shard.isAll() ? "" : " shard " + command.shard.text();
  MAMBA_ASSIGN_OR_RETURN(Journal journal,
                         Journal::open(named.database, settings + share, command.resume));
  if (!command.report.empty())
    MAMBA_RETURN_IF_ERROR(checkWritable(command.report));
  return SweepRun(named, std::move(journal));
}

Result<std::set<std::string>> SweepRun::choose(std::vector<ShardItem> kernels,
                                               const std::string &shown) const {
  std::erase_if(kernels, [&](const ShardItem &kernel) {
    return kernel.key.find(command_.filter) == std::string::npos;
  });
  // A share may be empty.
  if (kernels.empty() && !command_.filter.empty() && command_.shard.isAll())
    return invalidArgument("no kernel of " + inQuotes(command_.input) + " matches " +
                           inQuotes(command_.filter) + ", " + shown + " shows them");
  std::erase_if(kernels, [](const ShardItem &kernel) { return kernel.candidates < 2; });
  // What is done is dealt too: the shares stay what they were.
  std::vector<size_t> shares = deal(kernels, command_.shard.count);
  std::set<std::string> chosen;
  for (size_t i = 0; i < kernels.size(); ++i)
    if (shares[i] == command_.shard.number && !journal_.isDone(kernels[i].key))
      chosen.insert(kernels[i].key);
  return chosen;
}

/// A GPU is one sweep's at a time, the processor too, be it to measure or to predict.
static std::string turnName(const std::string &device) {
  std::optional<unsigned> gpu = gpuOf(device);
  return gpu ? "mamba-tune cuda:" + std::to_string(*gpu) : "mamba-tune cpu";
}

Result<std::string> SweepRun::run(const Sweep &sweep,
                                  const std::function<ScheduleLine(const KernelResult &)> &line,
                                  const std::string &title, int &signal) {
  catchSignals();
  SweepSettings settings = command_.settings;
  settings.stop = [] { return interrupted != 0; };
  Progress progress(command_.quiet);
  settings.progress = [&](size_t done, size_t total, const std::string &what) {
    progress.show(done, total, what);
  };
  auto keep = [&](const KernelResult &result) -> Status {
    KernelReport report = reportOf(result, line(result));
    progress.line(report.key + ": " + ratio(report));
    return journal_.add(report);
  };
  // What every kernel needs, before anything is waited for or written.
  WorkFolder::removeStale();
  MAMBA_RETURN_IF_ERROR(WorkFolder::create().status());
  std::optional<HostTurn> turn;
  if (!command_.noWait) {
    auto waiting = [&](const std::string &holder) {
      progress.line("waiting for another mamba-tune on this machine to end" +
                    (holder.empty() ? "" : ", " + holder) + "; --no-wait goes ahead");
    };
    MAMBA_ASSIGN_OR_RETURN(turn,
                           HostTurn::take(turnName(settings.device), settings.stop, waiting));
  }
  bool isComplete = false;
  if (turn || command_.noWait) {
    MAMBA_RETURN_IF_ERROR(journal_.begin());
    Result<bool> ended = sweep(settings, keep);
    if (!ended.ok())
      return Status(ended.status().code(), ended.status().message() + "; what was found is in " +
                                               command_.database + ", --resume goes on");
    isComplete = *ended;
  }
  progress.end();
  if (!command_.report.empty())
    MAMBA_RETURN_IF_ERROR(
        writeFileAtomically(command_.report, reportSvg(journal_.reports(), title)));
  std::string text = reportTable(journal_.reports());
  if (isComplete) {
    journal_.close();
    std::string where = command_.shard.isAll() ? "" : " in shard " + command_.shard.text();
    return text.empty() ? "there is nothing to tune" + where + "\n" : text;
  }
  signal = interrupted;
  return text + "stopped: what was found is in " + command_.database + ", --resume goes on\n";
}

} // namespace mamba::tune
