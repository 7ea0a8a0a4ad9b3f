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

Result<std::optional<HostTurn>> HostTurn::take(const std::string &name,
                                               const std::function<bool()> &stop,
                                               const std::function<void()> &waiting) {
  // A name without a file, which begins with a zero: there is nothing to clear away.
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  size_t length = std::min(name.size(), sizeof(address.sun_path) - 1);
  std::memcpy(address.sun_path + 1, name.data(), length);
  HostTurn turn(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  bool isWaiting = false;
  while (turn.socket_ >= 0) {
    if (::bind(turn.socket_, reinterpret_cast<const sockaddr *>(&address),
               socklen_t(offsetof(sockaddr_un, sun_path) + 1 + length)) == 0)
      return std::optional<HostTurn>(std::move(turn));
    if (errno != EADDRINUSE)
      break;
    if (stop())
      return std::optional<HostTurn>();
    if (!std::exchange(isWaiting, true))
      waiting();
    ::usleep(200'000);
  }
  return ioError("cannot tell whether another sweep runs on this host: " +
                 std::string(std::strerror(errno)));
}

} // namespace mamba::tune
