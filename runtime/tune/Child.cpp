#include "runtime/tune/Child.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace mamba::tune {

Child::Child(Child &&other) noexcept { swap(other); }
Child &Child::operator=(Child &&other) noexcept {
  swap(other);
  return *this;
}

void Child::swap(Child &other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(in_, other.in_);
  std::swap(out_, other.out_);
  std::swap(buffer_, other.buffer_);
  std::swap(error_, other.error_);
  std::swap(closed_, other.closed_);
}

Child::~Child() { finish(); }

Result<Child> Child::start(const std::vector<std::string> &arguments) {
  std::string program = "/proc/self/exe";
  std::vector<char *> argv = {program.data()};
  std::vector<std::string> copies = arguments;
  for (std::string &argument : copies)
    argv.push_back(argument.data());
  argv.push_back(nullptr);

  int down[2], up[2];
  if (::pipe2(down, O_CLOEXEC) != 0)
    return ioError(std::string("cannot make a pipe: ") + std::strerror(errno));
  if (::pipe2(up, O_CLOEXEC) != 0) {
    int error = errno;
    ::close(down[0]), ::close(down[1]);
    return ioError(std::string("cannot make a pipe: ") + std::strerror(error));
  }
  posix_spawn_file_actions_t actions;
  int error = ::posix_spawn_file_actions_init(&actions);
  const bool isMade = error == 0;
  if (error == 0)
    error = ::posix_spawn_file_actions_adddup2(&actions, down[0], 0);
  if (error == 0)
    error = ::posix_spawn_file_actions_adddup2(&actions, up[1], 1);
  if (error == 0)
    error = ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  Child child;
  if (error == 0)
    error = ::posix_spawn(&child.pid_, program.c_str(), &actions, nullptr, argv.data(), environ);
  if (isMade)
    ::posix_spawn_file_actions_destroy(&actions);
  ::close(down[0]), ::close(up[1]);
  child.in_ = down[1];
  child.out_ = up[0];
  if (error != 0) {
    child.pid_ = -1;
    std::string message = std::string("cannot start another process: ") + std::strerror(error);
    return error == ENOMEM ? outOfMemory(message) : ioError(message);
  }
  return child;
}

Child::Read Child::readLine(std::string &line, double seconds) {
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    if (size_t at = buffer_.find('\n'); at != std::string::npos) {
      line = buffer_.substr(0, at);
      buffer_.erase(0, at + 1);
      return Read::Line;
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ready = {out_, POLLIN, 0};
    int found = ::poll(&ready, 1, int(std::max<long>(0, left)));
    if (found == 0)
      return Read::Late;
    char bytes[4096];
    ssize_t count = found > 0 ? ::read(out_, bytes, sizeof(bytes)) : -1;
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      error_ = errno;
      return Read::Failed;
    }
    if (count == 0) {
      closed_ = true;
      return Read::End;
    }
    buffer_.append(bytes, size_t(count));
  }
}

std::string Child::failure() const { return std::strerror(error_); }

void Child::writeLine(std::string_view line) {
  std::string text = std::string(line) + "\n";
  for (size_t done = 0; done < text.size();) {
    ssize_t count = ::write(in_, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return;
    done += size_t(count);
  }
}

std::string Child::finish() {
  if (in_ >= 0)
    ::close(std::exchange(in_, -1));
  if (out_ >= 0)
    ::close(std::exchange(out_, -1));
  if (pid_ < 0)
    return {};
  // A moment to exit; more of it for one that is about to, on a busy machine.
  const int moments = closed_ ? 5000 : 50;
  int status = 0;
  pid_t pid = std::exchange(pid_, -1), ended = 0;
  for (int i = 0; i < moments && ended == 0; ++i) {
    ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == 0)
      ::usleep(2000);
  }
  if (ended == 0) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  if (int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0)
    return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  return WEXITSTATUS(status) ? "exit status " + std::to_string(WEXITSTATUS(status)) : "";
}

} // namespace mamba::tune
