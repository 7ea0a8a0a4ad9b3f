#include "runtime/tune/Workers.h"

#include "runtime/device/Processors.h"
#include "runtime/tune/Child.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace mamba::tune {

/// The reference takes its time, and so does a compiler.
static constexpr double kMostWorkerSeconds = 240;

std::string runWorkerProcess(const std::vector<std::string> &arguments,
                             const std::function<bool()> &stop) {
  using Clock = std::chrono::steady_clock;
  Result<Child> child = Child::start(arguments);
  if (!child.ok())
    return child.status().message();
  Clock::time_point begin = Clock::now();
  std::string last, line;
  while (!stop()) {
    Child::Read read = child->readLine(line, 0.2);
    if (read == Child::Read::Line)
      last = line;
    if (read == Child::Read::End) {
      std::string end = child->finish();
      return end.empty() ? "" : last.empty() ? "it crashes: " + end : last;
    }
    if (std::chrono::duration<double>(Clock::now() - begin).count() > kMostWorkerSeconds)
      return "it takes longer than " + std::to_string(int(kMostWorkerSeconds)) + " seconds";
  }
  return "stopped";
}

void forEachAtOnce(size_t count, unsigned threads, const std::function<bool()> &stop,
                   const std::function<void(size_t)> &work) {
  std::atomic<size_t> next{0};
  auto take = [&] {
    for (size_t i; (i = next++) < count && !stop();)
      work(i);
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < (threads ? threads : availableProcessors()); ++i)
    workers.emplace_back(take);
  for (std::thread &worker : workers)
    worker.join();
}

} // namespace mamba::tune
