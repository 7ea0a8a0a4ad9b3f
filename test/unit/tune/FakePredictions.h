// What processes of a predicted sweep find in this test, by the candidate's chunk.
#pragma once

#include <array>
#include <string>

namespace mamba::tune {

struct FakePrediction {
  double us, otherUs;
  unsigned spills = 0;
  double occupancy = 0.5;
  const char *wrong = ""; // what is wrong with its numbers
  unsigned rows = 2048;
};
/// Of chunks from 1 on; the default is 10 us. Chunk 9 crashes.
inline constexpr std::array<FakePrediction, 10> kPredictions = {{
    {10, 80},                                 // the default
    {9.6, 60},                                // within the margin
    {8, 81},                                  // slower where there are more rows
    {7, 60, 2},                               // spills
    {6, 60, 0, 0.2},                          // too few warps
    {5, 60, 0, 0.5, "argument 2 is wrong"},   //
    {9, 79},                                  // may take the default's place
    {10, 80},
    {},                                       // crashes
    {1, 2, 0, 0.5, "", 64},                   // for another step
}};
/// Chunks from here on are a valley: the farther from the end, the slower.
inline constexpr long kValley = 64, kValleyEnd = 4096;

/// @predict and @verify; the exit status.
int fakePrediction(int argc, char **argv);

} // namespace mamba::tune
