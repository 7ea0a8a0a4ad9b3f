#include "test/unit/tune/FakePredictions.h"

#include "runtime/predict/Figures.h"
#include "runtime/support/File.h"

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <iostream>

namespace mamba::tune {

static FakePrediction predictionOf(long chunk) {
  if (chunk == 9)
    std::raise(SIGABRT);
  if (chunk < kValley)
    return kPredictions.at(size_t(chunk - 1));
  double far = std::abs(std::log2(double(chunk) / kValleyEnd));
  return {10 + far, 80};
}

int fakePrediction(int argc, char **argv) {
  FakePrediction found = predictionOf(std::atol(argv[3] + std::string("chunk=").size()));
  if (std::string(argv[1]) == "@verify") {
    std::cout << found.wrong << std::endl;
    return *found.wrong ? 1 : 0;
  }
  predict::Figures figures;
  bool isOther = std::string_view(argv[5]).ends_with(".other");
  figures.us = isOther ? found.otherUs : found.us;
  figures.rows = (isOther ? 8 : 1) * found.rows;
  figures.spills = found.spills;
  figures.occupancy = found.occupancy;
  return writeFileAtomically(argv[5], figures.json()).ok() ? 0 : 1;
}

} // namespace mamba::tune
