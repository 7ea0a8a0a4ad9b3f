#include "runtime/support/Unfinished.h"

#include <atomic>
#include <climits>
#include <cstring>
#include <mutex>

#include <unistd.h>

namespace mamba {
namespace {

/// Taken: by a handler, which keeps it.
enum State { Free, Noted, Taken };

struct Place {
  std::atomic<int> state{Free}; // Lock-free, so a handler may use it.
  pid_t process = 0;
  char path[PATH_MAX] = {};
};

Place places[16];
std::mutex mutex; // Of those who note and forget.

} // namespace

void noteUnfinished(const std::string &path) {
  std::lock_guard lock(mutex);
  for (Place &place : places)
    if (place.state == Free && path.size() < sizeof(place.path)) {
      std::memcpy(place.path, path.c_str(), path.size() + 1);
      place.process = ::getpid();
      place.state = Noted;
      return;
    }
}

void forgetUnfinished(const std::string &path) {
  std::lock_guard lock(mutex);
  for (Place &place : places)
    if (int noted = Noted; place.state == Noted && path == place.path &&
                           place.state.compare_exchange_strong(noted, Free))
      return;
}

void removeUnfinishedFiles() {
  for (Place &place : places)
    if (int noted = Noted; place.state.compare_exchange_strong(noted, Taken) &&
                           place.process == ::getpid())
      ::unlink(place.path);
}

} // namespace mamba
