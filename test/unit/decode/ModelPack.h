// A small model's pack for this processor.
#pragma once

#include "compiler/pack/BuildPack.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

#include <string>

namespace mamba::test {

class ModelPack {
public:
  ModelPack() {
    BuildOptions options;
    options.input = MAMBA_TEST_DATA "/golden/mamba1";
    options.output = path();
    options.targets = {"cpu:native"};
    options.check = BuildOptions::Check::Off;
    Status built = buildPack(options);
    EXPECT_TRUE(built.ok()) << built.message();
  }
  std::string path() const { return folder_ / "x.mpk"; }

private:
  TempFolder folder_;
};

} // namespace mamba::test
