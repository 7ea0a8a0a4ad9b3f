#include "bench/gpu/Subprocess.h"

#include "runtime/support/SystemError.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mamba::bench {
namespace {

/// The child's side; only what may be called after fork.
[[noreturn]] void become(char *const *words, char *const *environment, int out, int err) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execve(words[0], words, environment);
  _exit(127);
}

/// A pipe's lines as they come.
struct Lines {
  int fd = -1;
  std::string rest;

  /// False at the end.
  bool take(const std::function<void(const std::string &)> &onLine) {
    std::array<char, 4096> piece;
    ssize_t got = read(fd, piece.data(), piece.size());
    if (got < 0)
      return errno == EINTR || errno == EAGAIN;
    rest.append(piece.data(), size_t(got));
    if (got == 0 && !rest.empty())
      rest += '\n';
    for (size_t end; (end = rest.find('\n')) != rest.npos; rest.erase(0, end + 1))
      onLine(rest.substr(0, end));
    return got != 0;
  }
};

std::vector<char *> pointersTo(std::vector<std::string> &texts) {
  std::vector<char *> pointers;
  for (std::string &text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environmentWith(const std::vector<std::string> &changes) {
  std::vector<std::string> all = changes;
  for (char **one = environ; *one; ++one) {
    std::string text = *one, name = text.substr(0, text.find('=') + 1);
    bool isChanged = false;
    for (const std::string &change : changes)
      isChanged |= change.starts_with(name);
    if (!isChanged)
      all.push_back(text);
  }
  return all;
}

} // namespace

Result<Outcome> runProcess(const Command &command,
                           const std::function<void(const std::string &)> &onLine) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::string> words = command.words,
                           environment = environmentWith(command.environment);
  std::vector<char *> argv = pointersTo(words), envp = pointersTo(environment);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    return systemError("make a pipe for", words[0], errno);
  pid_t child = fork();
  if (child < 0)
    return systemError("start", words[0], errno);
  if (child == 0)
    become(argv.data(), envp.data(), out[1], err[1]);
  close(out[1]);
  close(err[1]);

  Outcome outcome;
  Lines streams[] = {{out[0], {}}, {err[0], {}}};
  std::function<void(const std::string &)> takers[] = {
      onLine, [&](const std::string &line) {
        if (!line.empty())
          outcome.complaint = line;
      }};
  auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(command.seconds));
  for (int open = 2; open > 0;) {
    std::array<pollfd, 2> polled = {pollfd{streams[0].fd, POLLIN, 0},
                                    pollfd{streams[1].fd, POLLIN, 0}};
    double left = std::chrono::duration<double>(end - Clock::now()).count();
    if (left <= 0 && !outcome.timedOut) {
      outcome.timedOut = true;
      kill(-child, SIGKILL);
    }
    if (poll(polled.data(), polled.size(),
             outcome.timedOut ? 1000 : int(left * 1000) + 1) == 0 && outcome.timedOut)
      break; // Something out of reach holds the pipes.
    for (int i = 0; i < 2; ++i)
      if (polled[i].revents && !streams[i].take(takers[i])) {
        close(std::exchange(streams[i].fd, -1));
        --open;
      }
  }
  for (Lines &stream : streams)
    if (stream.fd >= 0)
      close(stream.fd);
  int status = 0;
  auto hasEnded = [&](Clock::time_point until) {
    while (waitpid(child, &status, WNOHANG) == 0) {
      if (Clock::now() >= until)
        return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  };
  if (!outcome.timedOut && !hasEnded(end)) // It has closed its output and goes on.
    outcome.timedOut = true;
  if (outcome.timedOut) {
    kill(-child, SIGKILL);
    // One that waits for a lost GPU in the kernel may stay.
    outcome.isStuck = !hasEnded(Clock::now() + std::chrono::seconds(5));
  }
  kill(-child, SIGKILL); // What it left behind.
  if (outcome.isStuck)
    return outcome;
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

} // namespace mamba::bench
