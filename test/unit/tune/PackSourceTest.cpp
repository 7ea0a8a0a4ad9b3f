// What a tuning pack gives a sweep to choose from.
#include "runtime/tune/PackSource.h"
#include "runtime/tune/Candidate.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::tune;

namespace {

using Forms = std::vector<std::string>;

/// For sm_80, whose kernel has so many registers.
TargetSpec targetOf(std::optional<uint32_t> registers) {
  TargetSpec target;
  target.device = "cuda";
  target.arch = "sm_80";
  target.code = "code.0";
  target.cubin = "cubin.0";
  target.cuda = "cuda.0";
  KernelSpec kernel = {"k", 0, 0, "", "", {}};
  kernel.launch = LaunchSpec{128, 0, registers};
  target.kernels = {kernel};
  return target;
}

TEST(PackSource, EachFormIsOnce) {
  TargetSpec target = targetOf(40);
  EXPECT_EQ(formsOf(target, 80, true), (Forms{"", "ptx", "nvrtc"}));
  EXPECT_EQ(formsOf(target, 80, false), (Forms{"", "ptx"}));
  // Without a cubin for the chip, PTX is what is taken by itself.
  EXPECT_EQ(formsOf(target, 90, true), (Forms{"", "nvrtc"}));
  target.cuda.reset();
  EXPECT_EQ(formsOf(target, 90, true), (Forms{""}));
}

TEST(PackSource, ManyRegistersMayBeFewer) {
  EXPECT_EQ(formsOf(targetOf(64), 80, true).size(), 3u);
  EXPECT_EQ(formsOf(targetOf({}), 80, true).size(), 3u);
  EXPECT_EQ(formsOf(targetOf(168), 80, true),
            (Forms{"", "ptx", "nvrtc", "nvrtc:120", "nvrtc:80"}));
}

TEST(PackSource, NamesOfVariants) {
  EXPECT_EQ((VariantName{"a@b:c.mpk", 2, 5, "nvrtc:96"}.text()), "@2.5@nvrtc:96@a@b:c.mpk");
  // None of these is taken for a variant's, nor is there such a file.
  for (const char *name : {"@", "@1", "@1.2", "@1.2@", "@x.2@@p", "@1.2:p", "none.mpk"})
    EXPECT_NE(Candidate::open(name).status().message().find(name), std::string::npos) << name;
  EXPECT_NE(Candidate::open("@1.2@ptx@none.mpk").status().message().find("'none.mpk'"),
            std::string::npos);
}

TEST(PackSource, AnyOtherFileIsRefused) {
  EXPECT_NE(PackSource::open(MAMBA_TEST_DATA "/packs/format-4.0.mpk", "", "cpu")
                .status()
                .message()
                .find("has no variants to choose from"),
            std::string::npos);
  EXPECT_FALSE(PackSource::open("none.mpk", "", "cpu").ok());
}

} // namespace
