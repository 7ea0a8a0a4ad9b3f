// The processes that a sweep starts of its own program, which here is the test.
// A pack is only a name: "3.mpk" takes what kTimes says, others do as they are
// called.
#include "test/unit/tune/FakeWorkers.h"

#include "runtime/tune/Workers.h"
#include "test/unit/tune/FakePredictions.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <unistd.h>

namespace mamba::tune {

static int timeFakes(int count, char **packs) {
  int turn = 0;
  std::cout << "ready" << std::endl;
  for (size_t i; std::cin >> i;) {
    std::string name = i < size_t(count) ? std::filesystem::path(packs[i]).stem().string() : "";
    size_t number = name.size() == 1 ? size_t(name[0] - '0') : kTimes.size();
    if (name == "crash" || (number < kTimes.size() && kTimes[number] == kCrashesWhenTimed)) {
      std::signal(SIGSEGV, SIG_DFL); // Sanitizers would end it in their own way.
      std::raise(SIGSEGV);
    }
    if (name == "hang")
      ::pause();
    double seconds = number < kTimes.size() ? kTimes[number] : 1e-3;
    if (seconds == kVaries)
      seconds = (turn++ % 2) ? 21e-6 : 18e-6;
    std::cout << seconds << std::endl;
  }
  return 0;
}

static int refused() {
  return endWorkerProcess(ioError("cannot write 'x': No space left"), std::cout);
}

static int tryFake(const std::string &schedule, const std::string &pack) {
  if (schedule == kIsRefused)
    return refused();
  switch (std::filesystem::path(pack).stem().string()[0]) {
  case '4':
    std::raise(SIGABRT);
    break;
  case '5':
    std::cout << "argument 2: relative L2 error 0.7, allowed 0.0002" << std::endl;
    return 1;
  }
  return 0;
}

} // namespace mamba::tune

int main(int argc, char **argv) {
  std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "@time")
    return mamba::tune::timeFakes(argc - 4, argv + 4);
  if (verb == "@try")
    return mamba::tune::tryFake(argv[3], argv[4]);
  if (verb == "@golden")
    return 0;
  if (verb == "@predict" && std::string(argv[3]) == mamba::tune::kIsRefused)
    return mamba::tune::refused();
  if (verb == "@predict" || verb == "@verify")
    return mamba::tune::fakePrediction(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
