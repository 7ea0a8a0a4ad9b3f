#include "test/unit/fusion/GenerateSome.h"

#include "passes/target/Target.h"

#include <random>

namespace mamba {
namespace {

std::mt19937 engine;
int accepted = 100;

class SomeGenerator : public KernelGenerator {
public:
  llvm::StringRef family() const override { return "some"; }
  bool canGenerate(ssm::KernelOp, const Target &,
                   std::string &reason) const override {
    reason = "the dice said no";
    return int(engine() % 100) < accepted;
  }
  ssm::ScheduleAttr schedule(ssm::KernelOp, const Target &,
                             TokenClass) const override {
    return {};
  }
  bool isLegal(ssm::KernelOp, const Target &, ssm::ScheduleAttr,
               std::string &) const override {
    return true;
  }
};

} // namespace

void generateSome(int percent, uint32_t seed) {
  static bool registered = [] {
    registerGenerator("cpu", std::make_unique<SomeGenerator>());
    return true;
  }();
  (void)registered;
  accepted = percent;
  engine.seed(seed);
}

} // namespace mamba
