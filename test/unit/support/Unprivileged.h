// Permission tests mean nothing to root, who runs containers.
#pragma once

#include <unistd.h>

/// While it lives, a root process has the rights of nobody.
class Unprivileged {
public:
  Unprivileged() : wasRoot_(::geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    ok_ = !wasRoot_ || ::seteuid(kNobody) == 0;
  }
  ~Unprivileged() {
    if (wasRoot_ && ok_)
      (void)!::seteuid(0);
  }
  /// False where the system does not let us give up rights.
  bool ok() const { return ok_; }

private:
  bool wasRoot_;
  bool ok_;
};
