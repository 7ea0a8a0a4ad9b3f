// Normal form, classes of characters, the byte-level alphabet.
#include "runtime/model/tokenizer/Unicode.h"
#include "runtime/model/tokenizer/ByteLevel.h"
#include "runtime/support/Utf8.h"

#include <gtest/gtest.h>

namespace mamba {
namespace {

TEST(Unicode, ComposesToNfc) {
  EXPECT_EQ(toNfc("cafe\u0301"), "caf\u00e9");
  EXPECT_EQ(toNfc("\u00e9"), "\u00e9");
  EXPECT_EQ(toNfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(toNfc("s\u0323\u0307"), "\u1e69");
  EXPECT_EQ(toNfc("\u212b\u2126"), "\u00c5\u03a9");
  EXPECT_EQ(toNfc("\u1112\u1161\u11ab"), "\ud55c");
  EXPECT_EQ(toNfc("\u0958"), "\u0915\u093c"); // excluded from composition
  EXPECT_EQ(toNfc("\U0001d15e"), "\U0001d157\U0001d165");
  EXPECT_EQ(toNfc("\u0301a"), "\u0301a");
  EXPECT_EQ(toNfc(std::string_view("\0\u0300", 3)),
            std::string_view("\0\u0300", 3));
  EXPECT_EQ(toNfc(""), "");
}

// A long run of marks in the wrong order takes no quadratic time.
TEST(Unicode, OrdersLongRunsOfMarks) {
  std::string text = "x", below, above;
  for (int i = 0; i < 200000; ++i) {
    text += "\u0307\u0323";
    below += "\u0323";
    above += "\u0307";
  }
  // The first dot above joins the x; not compared by EXPECT_EQ, which would
  // print it all.
  EXPECT_TRUE(toNfc(text) == "\u1e8b" + below + above.substr(2));
}

TEST(Unicode, ClassifiesCharacters) {
  for (uint32_t c : {0x20u, 0x0Au, 0x85u, 0xA0u, 0x3000u})
    EXPECT_TRUE(isWhiteSpace(c)) << c;
  for (uint32_t c : {0x180Eu, 0x200Bu, 0xFEFFu, uint32_t('a')})
    EXPECT_FALSE(isWhiteSpace(c)) << c;
  for (uint32_t c : {uint32_t('_'), uint32_t('z'), 0xE9u, 0x301u, 0x200Du,
                     0x663u, 0x2167u, 0x24B6u})
    EXPECT_TRUE(isWordCharacter(c)) << c;
  for (uint32_t c : {uint32_t('-'), 0xB2u, 0x2460u, 0x1F600u})
    EXPECT_FALSE(isWordCharacter(c)) << c;
  for (uint32_t c : {uint32_t('7'), 0xBDu, 0x2167u, 0x2460u, 0x663u})
    EXPECT_TRUE(isNumeric(c)) << c;
  EXPECT_FALSE(isNumeric('x'));
  for (uint32_t c : {uint32_t('$'), uint32_t('!'), 0xBFu, 0x3001u})
    EXPECT_TRUE(isPunctuation(c)) << c;
  EXPECT_FALSE(isPunctuation(0x20AC));
}

TEST(Unicode, WalksBothWays) {
  std::string text = "a\u00e9\u20ac\U0001f600";
  std::vector<uint32_t> forth, back;
  for (size_t at = 0; at < text.size(); at += codePointAt(text, at).length)
    forth.push_back(codePointAt(text, at).value);
  for (size_t end = text.size(); end > 0;
       end -= codePointBefore(text, end).length)
    back.insert(back.begin(), codePointBefore(text, end).value);
  EXPECT_EQ(forth, (std::vector<uint32_t>{'a', 0xE9, 0x20AC, 0x1F600}));
  EXPECT_EQ(back, forth);
}

TEST(ByteLevel, IsABijection) {
  std::string bytes, letters;
  for (int b = 0; b < 256; ++b)
    bytes += static_cast<char>(b);
  appendByteLetters(bytes, letters);
  EXPECT_TRUE(isValidUtf8(letters));
  EXPECT_EQ(bytesOfToken(letters), bytes);
  EXPECT_EQ(bytesOfToken("\u0120a"), " a");
  // A token with any other character is text as it is.
  EXPECT_EQ(bytesOfToken("\u0120 a"), "\u0120 a");
  EXPECT_EQ(bytesOfToken("\u0120\u4f60"), "\u0120\u4f60");
}

} // namespace
} // namespace mamba
