#include "compiler/pack/Jobs.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace mamba {

void Jobs::quitIfAsked() {
  if (!options_.stop())
    return;
  std::unique_lock noFiles(files_);
  options_.quit();
}

Status Jobs::finish(const std::function<Status()> &write) {
  Status status;
  {
    auto files = keepFiles();
    status = write();
  }
  quitIfAsked();
  return status;
}

/// What is thrown ends the job, not the process.
static Status runOne(const Jobs::Job &job) {
  try {
    return job();
  } catch (const std::bad_alloc &) {
    return outOfMemory("there is not enough memory, ask for fewer --jobs");
  } catch (const std::exception &error) {
    return internalError(error.what());
  }
}

Status Jobs::run(std::vector<Job> jobs, size_t from, size_t to) {
  std::mutex mutex;
  std::condition_variable ended;
  size_t next = 0, done = 0, failed = jobs.size();
  Status failure;
  auto work = [&] {
    std::unique_lock lock(mutex);
    while (next < std::min(failed, jobs.size())) {
      size_t i = next++;
      lock.unlock();
      Status status = runOne(jobs[i]);
      lock.lock();
      ++done;
      if (!status.ok() && i < failed) {
        failed = i;
        failure = std::move(status);
      }
      options_.progress(from + (to - from) * done / jobs.size(), 100);
      ended.notify_one();
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min<size_t>(std::max(options_.threads, 1u), jobs.size()); ++i)
    try {
      threads.emplace_back(work);
    } catch (const std::system_error &error) {
      if (threads.empty())
        return ioError("cannot start a thread: " + error.code().message());
      break; // Those that there are do it all.
    }
  {
    std::unique_lock lock(mutex);
    // Jobs that were begun end before the answer.
    while (done < next || next < std::min(failed, jobs.size())) {
      ended.wait_for(lock, std::chrono::milliseconds(100));
      lock.unlock();
      quitIfAsked();
      lock.lock();
    }
  }
  for (std::thread &thread : threads)
    thread.join();
  return failure;
}

} // namespace mamba
