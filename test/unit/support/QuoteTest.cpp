#include "runtime/support/Quote.h"

#include <gtest/gtest.h>

#include <vector>

using namespace mamba;

TEST(InQuotes, PlainTextIsLeftAlone) {
  EXPECT_EQ(inQuotes(""), "''");
  EXPECT_EQ(inQuotes("a b/c.d"), "'a b/c.d'");
  EXPECT_EQ(inQuotes("h\xc3\xbcr"), "'h\xc3\xbcr'");
}

TEST(InQuotes, WhatWouldBreakALineIsEscaped) {
  EXPECT_EQ(inQuotes("a\nb\x1b[31m"), "'a\\nb\\x1b[31m'");
  EXPECT_EQ(inQuotes("it's \\"), "'it\\'s \\\\'");
  EXPECT_EQ(inQuotes("\xff\xc3"), "'\\xff\\xc3'");
  EXPECT_EQ(inQuotes(std::string_view("\0\x7f", 2)), "'\\x00\\x7f'");
}

TEST(InQuotes, LongTextIsShortened) {
  std::string text = inQuotes(std::string(1 << 20, 'x'));
  EXPECT_LT(text.size(), 600u);
  EXPECT_TRUE(text.ends_with("x...'"));
}

TEST(FormatShape, LooksLikeAList) {
  EXPECT_EQ(formatShape(std::vector<int64_t>{}), "[]");
  EXPECT_EQ(formatShape(std::vector<int64_t>{2, -3}), "[2, -3]");
}
