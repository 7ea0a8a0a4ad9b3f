// Every kind of defect in a kernel is found and told with its line; the same
// kernel without it passes.
#include "test/unit/sim/BrokenKernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

using namespace mamba;
using namespace mamba::sim;

namespace {
/// "line N `" of the line that ends in the mark.
std::string lineOf(const std::string &text, const std::string &mark) {
  size_t at = text.find("// " + mark + "\n");
  return "line " + std::to_string(1 + std::count(text.begin(), text.begin() + at, '\n')) + " `";
}

std::string nameOf(const testing::TestParamInfo<BrokenKernel> &info) {
  std::string name;
  bool isBegin = true;
  for (char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      name += isBegin ? static_cast<char>(std::toupper(c)) : c;
    isBegin = c == ' ' || c == '.';
  }
  return name;
}

class ChecksKernel : public testing::TestWithParam<BrokenKernel> {};
} // namespace

TEST_P(ChecksKernel, GoodFormPasses) {
  Status status = runForm(GetParam(), false);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_P(ChecksKernel, BrokenFormIsTold) {
  const BrokenKernel &kernel = GetParam();
  Status status = runForm(kernel, true);
  ASSERT_FALSE(status.ok());
  std::string text = textOf(kernel, true), wish = kernel.message;
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
  EXPECT_EQ(status.message().rfind("kernel 'k': ", 0), 0u) << status.message();
  for (const char *mark : {"A", "B"})
    for (std::string from = std::string("@") + mark; wish.find(from) != std::string::npos;)
      wish.replace(wish.find(from), 2, lineOf(text, mark));
  for (size_t begin = 0; begin <= wish.size();) {
    size_t end = std::min(wish.find(" ... ", begin), wish.size());
    std::string part = wish.substr(begin, end - begin);
    EXPECT_NE(status.message().find(part), std::string::npos)
        << "no \"" << part << "\" in: " << status.message();
    begin = end + 5;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChecksKernel, testing::ValuesIn(brokenKernels()), nameOf);

// With the checks off only what always is checked is found.
TEST(ChecksKernels, ChecksCanBeSwitchedOff) {
  Checks none;
  none.unwritten = none.races = false;
  for (const BrokenKernel &kernel : brokenKernels()) {
    bool isOptional = kernel.message.rfind("race", 0) == 0 ||
                      kernel.message.find("ld.global.nc") != std::string::npos ||
                      kernel.message.find("before griddepcontrol.wait") != std::string::npos ||
                      kernel.message.find("nothing wrote") != std::string::npos;
    if (kernel.message.find("cp.async was waited") != std::string::npos)
      continue;
    Status status = runForm(kernel, true, 1, none);
    EXPECT_EQ(status.ok(), isOptional) << kernel.name << ": " << status.message();
  }
}

// What is found does not depend on the host's threads.
TEST(ChecksKernels, TwoHostThreads) {
  for (const BrokenKernel &kernel : brokenKernels()) {
    EXPECT_TRUE(runForm(kernel, false, 2).ok()) << kernel.name;
    EXPECT_FALSE(runForm(kernel, true, 2).ok()) << kernel.name;
  }
}
