#include "runtime/support/Sha256.h"

#include <gtest/gtest.h>

using namespace mamba;

// The test vectors of FIPS 180-2.
TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223"
                              "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67"
            "f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  std::string text(1000, 'q');
  Sha256 hash;
  for (size_t begin = 0, size = 0; begin < text.size(); begin += size++)
    hash.update(std::string_view(text).substr(begin, size));
  EXPECT_EQ(toHex(hash.finish()), sha256Hex(text));
}

TEST(Sha256, FinishStartsAnew) {
  Sha256 hash;
  hash.update("x");
  hash.finish();
  hash.update("abc");
  EXPECT_EQ(hash.finish(), sha256("abc", 3));
}
