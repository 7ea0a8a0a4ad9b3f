#include "runtime/support/Utf8.h"

#include <gtest/gtest.h>

using namespace mamba;

TEST(Utf8, EveryCodePointIsWellFormed) {
  for (uint32_t point = 0; point <= 0x10ffff; ++point) {
    std::string text;
    appendUtf8(text, point);
    bool isSurrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(utf8SequenceLength(text), isSurrogate ? 0 : text.size()) << point;
  }
}

TEST(Utf8, IllFormedTextIsNot) {
  for (const char *text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "ok\xc3(", "\xe2\x28\xa1"})
    EXPECT_FALSE(isValidUtf8(text)) << text;
  EXPECT_TRUE(isValidUtf8(""));
  EXPECT_TRUE(isValidUtf8("a\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_EQ(utf8SequenceLength(""), 0u);
}
