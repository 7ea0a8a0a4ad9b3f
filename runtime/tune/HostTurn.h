// One sweep at a time on a host.
#pragma once

#include "runtime/support/Status.h"

#include <functional>
#include <optional>
#include <string>

namespace mamba::tune {

/// Held by one process of a host, or of a container with a network of its own;
/// the system frees it when the process ends, however it does. Whose process that is
/// does not matter: users disturb each other too, and each can keep the others waiting.
class HostTurn {
public:
  /// Waits for the process that has it; `waiting` is called once if there is one, and
  /// told "process 123 of user 1000", or nothing where it does not say.
  /// Nothing if `stop` comes first.
  static Result<std::optional<HostTurn>>
  take(const std::string &name, const std::function<bool()> &stop,
       const std::function<void(const std::string &)> &waiting);

  HostTurn(HostTurn &&other) noexcept;
  HostTurn &operator=(HostTurn &&other) noexcept;
  ~HostTurn();

private:
  explicit HostTurn(int socket) : socket_(socket) {}

  int socket_ = -1; // Owned; its name is the lock.
};

} // namespace mamba::tune
