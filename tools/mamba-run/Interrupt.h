// Ctrl-C: the program ends at once with nothing half-written, but where
// somebody wants to finish first.
#pragma once

namespace mamba::run {

/// From now on SIGINT, SIGTERM and SIGHUP end the process with 128 and their
/// number, 130 for Ctrl-C. One that is ignored (nohup) stays ignored.
void catchInterrupt();

/// While one lives a signal is only remembered. The outermost one ends the
/// process when it goes, if a signal came and was not taken. At most one thread
/// has any.
class HoldInterrupt {
public:
  enum Kind {
    First, ///< A second signal ends the process at once.
    All
  };
  explicit HoldInterrupt(Kind kind = First);
  ~HoldInterrupt();
  HoldInterrupt(const HoldInterrupt &) = delete;
  HoldInterrupt &operator=(const HoldInterrupt &) = delete;

private:
  int before_;
};

/// The signal that came while it was held, 0 if none did.
int interruptSignal();
inline bool interrupted() { return interruptSignal() != 0; }
/// Forgets it: it was answered.
void takeInterrupt();
/// Readable from when a signal came until it is taken; for poll().
int interruptDescriptor();

} // namespace mamba::run
