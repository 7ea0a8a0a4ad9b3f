// A candidate is compiled, checked against the reference and timed.
#include "compiler/tune/BuildCandidate.h"
#include "runtime/tune/Bout.h"
#include "test/unit/support/TempFolder.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// y = op(x), of 50 columns.
CandidateKernel kernelOf(const std::string &op, const std::string &goldens) {
  return {"func.func @kernel(%x: tensor<?x50xf32>) -> tensor<?x50xf32> {\n"
          "  %y = ssm.kernel (%a = %x) : (tensor<?x50xf32>) -> tensor<?x50xf32> {\n"
          "    %s = ssm." + op + " %a : tensor<?x50xf32>\n"
          "    ssm.yield %s : tensor<?x50xf32>\n"
          "  }\n"
          "  return %y : tensor<?x50xf32>\n}\n",
          "cpu:native", {100}, goldens};
}

constexpr Schedule kSchedule = {.lanes = 8, .rowBlock = 7};

TEST(Candidate, IsCheckedAtTheSizeOfItsTimingToo) {
  TempFolder folder;
  CandidateKernel kernel = kernelOf("silu", folder / "golden");
  ASSERT_TRUE(computeGoldens(kernel).ok());
  Status built = buildCandidate(kernel, kSchedule, folder / "x.mpk");
  ASSERT_TRUE(built.ok()) << built.message();
  Result<tune::Candidate> candidate = tune::Candidate::open(folder / "x.mpk");
  ASSERT_TRUE(candidate.ok()) << candidate.status().message();
  EXPECT_EQ(candidate->kernel().golden.size(), 2u);
  EXPECT_EQ(candidate->sizeOfTiming().lengths, std::vector<int64_t>{100});
  EXPECT_EQ(candidate->sizeOfTiming().grid.tiles(100, 1), 15u);
  Status checked = candidate->check("cpu", 2);
  EXPECT_TRUE(checked.ok()) << checked.message();
}

TEST(Candidate, WrongNumbersAreSeen) {
  TempFolder folder;
  ASSERT_TRUE(computeGoldens(kernelOf("silu", folder / "golden")).ok());
  ASSERT_TRUE(
      buildCandidate(kernelOf("softplus", folder / "golden"), kSchedule, folder / "x.mpk").ok());
  Status checked = tune::Candidate::open(folder / "x.mpk")->check("cpu", 1);
  EXPECT_NE(checked.message().find("case 0: argument 1 has relative error "), std::string::npos)
      << checked.message();
}

TEST(Candidate, AnIllegalScheduleIsRefusedWithTheReason) {
  TempFolder folder;
  CandidateKernel kernel = kernelOf("silu", folder / "golden");
  ASSERT_TRUE(computeGoldens(kernel).ok());
  Status built = buildCandidate(kernel, {.lanes = 12, .rowBlock = 7}, folder / "x.mpk");
  EXPECT_NE(built.message().find("lanes must be a power of two from 4 to 64, got 12"),
            std::string::npos)
      << built.message();
}

TEST(Candidate, AnyOtherPackIsRefused) {
  TempFolder folder;
  std::string path = folder.add("x.mpk", "no pack");
  EXPECT_FALSE(tune::Candidate::open(path).ok());
}

TEST(Bout, TimesEachOfItsCandidates) {
  TempFolder folder;
  CandidateKernel kernel = kernelOf("silu", folder / "golden");
  ASSERT_TRUE(computeGoldens(kernel).ok());
  std::vector<std::string> packs;
  for (int64_t block : {1, 100}) {
    packs.push_back(folder / (std::to_string(block) + ".mpk"));
    ASSERT_TRUE(buildCandidate(kernel, {.lanes = 16, .rowBlock = block}, packs.back()).ok());
  }
  auto bout = tune::Bout::create(packs, "cpu", 2);
  ASSERT_TRUE(bout.ok()) << bout.status().message();
  ASSERT_EQ((*bout)->size(), 2u);
  for (size_t i : {0, 1, 0})
    EXPECT_GT(*(*bout)->time(i), 0);
  EXPECT_FALSE(tune::Bout::create({}, "cpu", 1).ok());
}

} // namespace
