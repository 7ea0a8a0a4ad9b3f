// What the candidates of a sweep do in this test's processes, by their number.
#pragma once

#include <array>

namespace mamba::tune {

inline constexpr double kCrashesWhenTimed = -1;
/// Takes 18 and 21 microseconds by turns.
inline constexpr double kVaries = -2;
/// The schedule of one whose process is refused something by the system.
inline constexpr const char *kIsRefused = "chunk=1000";
/// Seconds. 4 crashes when it is compiled, 5 has wrong numbers.
inline constexpr std::array<double, 10> kTimes = {20e-6, kVaries, 12e-6, kCrashesWhenTimed, 1e-6,
                                                  1e-6,  25e-6, 40e-6, 50e-6,             60e-6};

} // namespace mamba::tune
