#include "runtime/tune/HostTurn.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mamba::tune {

HostTurn::HostTurn(HostTurn &&other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

HostTurn &HostTurn::operator=(HostTurn &&other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}

HostTurn::~HostTurn() {
  if (socket_ >= 0)
    ::close(socket_);
}

namespace {

/// A name without a file, which begins with a zero: there is nothing to clear away.
struct Address {
  explicit Address(const std::string &name) {
    text.sun_family = AF_UNIX;
    size_t size = std::min(name.size(), sizeof(text.sun_path) - 1);
    std::memcpy(text.sun_path + 1, name.data(), size);
    length = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + size);
  }
  const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&text); }

  sockaddr_un text = {};
  socklen_t length;
};

} // namespace

/// The process that listens there.
static std::string holderOf(const Address &address) {
  std::string holder;
  int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ucred found = {};
  socklen_t size = sizeof(found);
  if (caller >= 0 && ::connect(caller, address.get(), address.length) == 0 &&
      ::getsockopt(caller, SOL_SOCKET, SO_PEERCRED, &found, &size) == 0 && found.pid > 0)
    holder = "process " + std::to_string(found.pid) + " of user " + std::to_string(found.uid);
  if (caller >= 0)
    ::close(caller);
  return holder;
}

Result<std::optional<HostTurn>>
HostTurn::take(const std::string &name, const std::function<bool()> &stop,
               const std::function<void(const std::string &)> &waiting) {
  Address address(name);
  HostTurn turn(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bool isWaiting = false;
  while (turn.socket_ >= 0) {
    if (::bind(turn.socket_, address.get(), address.length) == 0) {
      // For those who ask who it is; none is answered.
      constexpr int callers = 64;
      ::listen(turn.socket_, callers);
      return std::optional<HostTurn>(std::move(turn));
    }
    if (errno != EADDRINUSE)
      break;
    if (stop())
      return std::optional<HostTurn>();
    if (!std::exchange(isWaiting, true))
      waiting(holderOf(address));
    ::usleep(200'000);
  }
  return ioError("cannot tell whether another sweep runs on this host: " +
                 std::string(std::strerror(errno)));
}

} // namespace mamba::tune
