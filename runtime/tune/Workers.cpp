#include "runtime/tune/Workers.h"

#include "runtime/device/Processors.h"
#include "runtime/tune/Child.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <ostream>
#include <thread>

namespace mamba::tune {

/// The reference takes its time, and so does a compiler.
static constexpr double kMostWorkerSeconds = 240;

/// The exit status of one that the system has refused something.
static constexpr int kFailed = 1, kRefused = 3;

int endWorkerProcess(const Status &status, std::ostream &out) {
  if (status.ok())
    return 0;
  out << status.message() << std::endl;
  return status.code() == StatusCode::IoError || !out ? kRefused : kFailed;
}

Result<std::string> runWorkerProcess(const std::vector<std::string> &arguments,
                                     const std::function<bool()> &stop) {
  using Clock = std::chrono::steady_clock;
  MAMBA_ASSIGN_OR_RETURN(Child child, Child::start(arguments));
  Clock::time_point begin = Clock::now();
  std::string last, line;
  while (!stop()) {
    Child::Read read = child.readLine(line, 0.2);
    if (read == Child::Read::Line)
      last = line;
    if (read == Child::Read::Failed)
      return ioError("cannot hear a process: " + child.failure());
    if (read == Child::Read::End) {
      std::string end = child.finish();
      if (end == "exit status " + std::to_string(kRefused))
        return ioError(last.empty() ? "a process cannot say what it found" : last);
      return end.empty() ? "" : last.empty() ? "it crashes: " + end : last;
    }
    if (std::chrono::duration<double>(Clock::now() - begin).count() > kMostWorkerSeconds)
      return "it takes longer than " + std::to_string(int(kMostWorkerSeconds)) + " seconds";
  }
  return std::string("stopped");
}

static Status cannotStart(size_t thread, unsigned threads, const std::exception &error) {
  if (dynamic_cast<const std::bad_alloc *>(&error))
    return outOfMemory("out of memory");
  return ioError("cannot start thread " + std::to_string(thread) + " of " +
                 std::to_string(threads) + ": " + error.what());
}

Status forEachAtOnce(size_t count, unsigned threads, const std::function<bool()> &stop,
                     const std::function<Status(size_t)> &work) {
  std::atomic<size_t> next{0};
  std::atomic<bool> hasFailed{false};
  std::vector<Status> results(count);
  auto take = [&] {
    for (size_t i; (i = next++) < count && !hasFailed && !stop();) {
      try {
        results[i] = work(i);
      } catch (const std::bad_alloc &) {
        results[i] = outOfMemory("out of memory"); // Takes none itself.
      }
      if (!results[i].ok())
        hasFailed = true;
    }
  };
  if (threads == 0)
    threads = availableProcessors();
  std::vector<std::thread> workers;
  workers.reserve(threads);
  Status started;
  try {
    while (workers.size() < threads)
      workers.emplace_back(take);
  } catch (const std::exception &error) { // No memory, or no more threads.
    hasFailed = true;
    started = cannotStart(workers.size() + 1, threads, error);
  }
  for (std::thread &worker : workers)
    worker.join();
  MAMBA_RETURN_IF_ERROR(started);
  for (const Status &result : results)
    MAMBA_RETURN_IF_ERROR(result);
  return {};
}

} // namespace mamba::tune
