#include "runtime/support/Zstd.h"

#include <gtest/gtest.h>

#include <string>

#include <zstd.h>

using namespace mamba;

static std::string messageFor(const std::vector<uint8_t> &frame,
                              uint64_t maxBytes) {
  return zstdDecompress(frame.data(), frame.size(), maxBytes)
      .status()
      .message();
}

TEST(Zstd, RoundTrip) {
  for (size_t size : {0, 1, 1000, 1000000}) {
    std::vector<uint8_t> content(size);
    for (size_t i = 0; i < size; ++i)
      content[i] = uint8_t(i * i >> 7);
    for (int level : {1, kDefaultZstdLevel}) {
      auto frame = zstdCompress(content.data(), size, level);
      ASSERT_TRUE(frame.ok()) << frame.status().message();
      auto back = zstdDecompress(frame->data(), frame->size(), size);
      ASSERT_TRUE(back.ok()) << back.status().message();
      EXPECT_TRUE(*back == content);
    }
  }
}

TEST(Zstd, SameBytesGiveTheSameFrame) {
  std::string text(100000, 'x');
  EXPECT_EQ(*zstdCompress(text.data(), text.size()),
            *zstdCompress(text.data(), text.size()));
}

TEST(Zstd, LevelsOutsideTheRangeAreRefused) {
  EXPECT_EQ(zstdCompress("x", 1, 0).status().message(),
            "zstd level must be from 1 to 22, got 0");
  EXPECT_EQ(zstdCompress("x", 1, 23).status().code(),
            StatusCode::InvalidArgument);
}

TEST(Zstd, ABombIsRefusedBeforeItsMemoryIsTaken) {
  std::vector<uint8_t> zeros(1 << 20);
  auto frame = zstdCompress(zeros.data(), zeros.size());
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(messageFor(*frame, 1000),
            "zstd frame states a content of 1048576 bytes, expected at most "
            "1000");
}

TEST(Zstd, AFrameWithoutASizeIsRefused) {
  std::vector<uint8_t> frame(100);
  ZSTD_CCtx *context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  size_t size = ZSTD_compress2(context, frame.data(), frame.size(), "x", 1);
  ZSTD_freeCCtx(context);
  ASSERT_FALSE(ZSTD_isError(size));
  frame.resize(size);
  EXPECT_EQ(messageFor(frame, 1000),
            "zstd frame does not state the size of its content");
}

TEST(Zstd, AFrameThatLiesAboutItsSizeIsRefused) {
  auto frame = zstdCompress("hello", 5);
  ASSERT_TRUE(frame.ok());
  ASSERT_EQ((*frame)[5], 5); // The size, a byte long.
  (*frame)[5] = 200;
  EXPECT_FALSE(zstdDecompress(frame->data(), frame->size(), 1000).ok());
}

TEST(Zstd, DamageIsRefused) {
  std::string text(1000, 'x');
  auto frame = zstdCompress(text.data(), text.size());
  ASSERT_TRUE(frame.ok());
  std::vector<uint8_t> cut(frame->begin(), frame->end() - 1);
  EXPECT_TRUE(messageFor(cut, 1000).starts_with("not a whole zstd frame: "));
  EXPECT_TRUE(messageFor({}, 1000).starts_with("not a whole zstd frame: "));
  EXPECT_TRUE(messageFor({'P', 'K', 3, 4, 5, 6, 7, 8, 9}, 1000)
                  .starts_with("not a whole zstd frame: "));
  std::vector<uint8_t> longer = *frame;
  longer.push_back(0);
  EXPECT_EQ(messageFor(longer, 1000),
            "zstd frame ends after " + std::to_string(frame->size()) +
                " bytes of " + std::to_string(longer.size()) +
                ", expected nothing behind it");
  // Every damaged byte is either noticed or leaves the size right.
  for (size_t i = 0; i < frame->size(); ++i) {
    std::vector<uint8_t> damaged = *frame;
    damaged[i] ^= 0x55;
    auto content = zstdDecompress(damaged.data(), damaged.size(), 1000);
    if (content.ok()) {
      EXPECT_LE(content->size(), 1000u);
    }
  }
}
