#include "runtime/device/sim/Helpers.h"

#include <algorithm>
#include <exception>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr unsigned maxHelpers = 255;
} // namespace

Helpers &Helpers::shared() {
  static Helpers helpers;
  return helpers;
}

Helpers::~Helpers() {
  {
    std::lock_guard lock(mutex_);
    isEnding_ = true;
  }
  wanted_.notify_all();
  for (std::thread &t : threads_)
    t.join();
}

void Helpers::run(unsigned count, const std::function<void()> &work) {
  count = std::min(count, maxHelpers);
  if (count == 0)
    return work();
  Job job{&work, count};
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back(&job);
    try {
      while (threads_.size() < count)
        threads_.emplace_back([this] { help(); });
    } catch (const std::exception &) {
      // Those that are there do it.
    }
  }
  wanted_.notify_all();
  work();
  std::unique_lock lock(mutex_);
  if (job.wanted != 0)
    jobs_.remove(&job);
  done_.wait(lock, [&] { return job.running == 0; });
}

void Helpers::help() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [&] { return isEnding_ || !jobs_.empty(); });
    if (isEnding_)
      return;
    Job *job = jobs_.front();
    ++job->running;
    if (--job->wanted == 0)
      jobs_.pop_front();
    lock.unlock();
    (*job->work)();
    lock.lock();
    if (--job->running == 0)
      done_.notify_all();
  }
}
