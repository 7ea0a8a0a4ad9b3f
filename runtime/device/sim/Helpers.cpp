#include "runtime/device/sim/Helpers.h"

#include <algorithm>
#include <exception>
#include <new>
#include <pthread.h>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr unsigned maxHelpers = 255;

/// Those of this process. A child of a fork has its parent's memory but none of its
/// threads, and a lock may have been held: it begins anew, and never ends the old ones,
/// for which it would wait for ever.
class OfThisProcess {
public:
  OfThisProcess() {
    new (memory_) Helpers;
    pthread_atfork(nullptr, nullptr, [] { new (get().memory_) Helpers; });
  }
  ~OfThisProcess() { helpers().~Helpers(); }

  static OfThisProcess &get() {
    static OfThisProcess those;
    return those;
  }
  Helpers &helpers() { return *std::launder(reinterpret_cast<Helpers *>(memory_)); }

private:
  alignas(Helpers) unsigned char memory_[sizeof(Helpers)];
};
} // namespace

Helpers &Helpers::shared() { return OfThisProcess::get().helpers(); }

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
