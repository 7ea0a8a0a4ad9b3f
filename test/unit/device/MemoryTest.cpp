#include "runtime/device/Memory.h"

#include <gtest/gtest.h>

using namespace mamba;

TEST(Memory, IsZeroedAndAligned) {
  for (uint64_t bytes : {uint64_t(1), uint64_t(5000), Memory::kHugePage + 1}) {
    auto memory = Memory::allocate(bytes, "a test");
    ASSERT_TRUE(memory.ok());
    EXPECT_EQ(memory->size(), bytes);
    uint64_t alignment = bytes < Memory::kHugePage ? 64 : Memory::kHugePage;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % alignment, 0u);
    EXPECT_EQ(memory->data()[bytes - 1], 0);
    memory->data()[bytes - 1] = 1;
  }
}

TEST(Memory, Nothing) {
  auto memory = Memory::allocate(0, "a test");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->data(), nullptr);
  EXPECT_TRUE(memory->makeReadOnly().ok());
}

TEST(Memory, TooMuchNamesTheSize) {
  for (uint64_t bytes : {uint64_t(1) << 60, UINT64_MAX}) {
    Status status = Memory::allocate(bytes, "a test").status();
    EXPECT_EQ(status.code(), StatusCode::OutOfMemory);
    EXPECT_EQ(status.message(),
              "cannot get " + std::to_string(bytes) +
                  " bytes for a test: Cannot allocate memory");
  }
}

TEST(Memory, Moves) {
  auto memory = Memory::allocate(100, "a test");
  ASSERT_TRUE(memory.ok());
  uint8_t *data = memory->data();
  Memory other = *std::move(memory);
  EXPECT_EQ(other.data(), data);
  other.release();
  EXPECT_EQ(other.data(), nullptr);
  EXPECT_EQ(other.size(), 0u);
}
