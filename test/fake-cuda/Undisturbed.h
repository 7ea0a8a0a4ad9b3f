// A test that makes the system's calls fail leaves those of the fake libraries
// alone: their own failures are what `fail=` is for.
#pragma once

/// Of the test's program, where it has one; a thread's, by 1 or -1.
extern "C" [[gnu::weak, gnu::visibility("default")]] void
mambaTestUndisturbed(int change);

namespace mamba::cuda {

class Undisturbed {
public:
  Undisturbed() { change(1); }
  ~Undisturbed() { change(-1); }
  Undisturbed(const Undisturbed &) = delete;

  static void change(int by) {
    if (mambaTestUndisturbed)
      mambaTestUndisturbed(by);
  }
};

} // namespace mamba::cuda
