// Several threads, each with its own session over one model on the processor:
// the same bits as alone. Made for ThreadSanitizer too.
#include "mamba/runtime.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr uint32_t kSlots = 3;

/// Steps of random ragged batches, a slot that is kept in memory, cleared and
/// loaded again between them; all logits that came out.
std::vector<float> talk(mamba_model *model, int64_t vocab, unsigned seed) {
  std::vector<float> all;
  mamba_session_options options{sizeof(options), kSlots, 16, 0};
  mamba_session *session = nullptr;
  EXPECT_EQ(mamba_session_create(model, &options, &session), MAMBA_OK)
      << mamba_last_error();
  if (!session)
    return all;
  std::mt19937 random(seed);
  for (int step = 0; step < 12; ++step) {
    std::vector<int32_t> tokens(kSlots * 9);
    for (int32_t &token : tokens)
      token = int32_t(random() % uint64_t(vocab));
    mamba_sequence batch[kSlots];
    for (uint32_t slot = 0; slot < kSlots; ++slot)
      batch[slot] = {slot, tokens.data() + slot * 9, random() % 9 + 1};
    std::vector<float> logits(kSlots * vocab);
    EXPECT_EQ(mamba_session_step(session, batch, kSlots, MAMBA_WANT_LAST,
                                 logits.data(), logits.size()),
              MAMBA_OK)
        << mamba_last_error();
    all.insert(all.end(), logits.begin(), logits.end());
    void *state = nullptr;
    size_t size = 0;
    uint32_t slot = step % kSlots;
    EXPECT_EQ(mamba_session_save_memory(session, slot, nullptr, &state, &size),
              MAMBA_OK);
    EXPECT_EQ(mamba_session_clear(session, slot), MAMBA_OK);
    EXPECT_EQ(mamba_session_load_memory(session, slot, nullptr, state, size),
              MAMBA_OK)
        << mamba_last_error();
    mamba_free(state);
  }
  mamba_session_destroy(session);
  return all;
}

TEST(ApiThreadsTest, sessionsOfOneModelDoNotDisturbEachOther) {
  const std::string data = MAMBA_TEST_DATA;
  mamba_pack *pack = nullptr;
  ASSERT_EQ(mamba_pack_open((data + "/packs/format-4.0.mpk").c_str(), &pack),
            MAMBA_OK)
      << mamba_last_error();
  mamba_model_options options{sizeof(options), "cpu", 2, 0, nullptr};
  mamba_model *model = nullptr;
  mamba_status made = mamba_model_create(pack, &options, &model);
  if (made == MAMBA_UNAVAILABLE) {
    mamba_pack_close(pack);
    GTEST_SKIP() << mamba_last_error();
  }
  ASSERT_EQ(made, MAMBA_OK) << mamba_last_error();
  ASSERT_EQ(mamba_model_load_weights(
                model, (data + "/golden/mamba1-odd").c_str(), nullptr, nullptr),
            MAMBA_OK)
      << mamba_last_error();
  mamba_pack_info info{};
  info.struct_size = sizeof(info);
  ASSERT_EQ(mamba_pack_get_info(pack, &info), MAMBA_OK);

  constexpr unsigned kThreads = 4;
  std::vector<std::vector<float>> alone, together(kThreads);
  for (unsigned i = 0; i < kThreads; ++i)
    alone.push_back(talk(model, info.vocab_size, i));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back(
        [&, i] { together[i] = talk(model, info.vocab_size, i); });
  // The model may be asked meanwhile.
  mamba_model_info modelInfo{};
  modelInfo.struct_size = sizeof(modelInfo);
  EXPECT_EQ(mamba_model_get_info(model, &modelInfo), MAMBA_OK);
  for (std::thread &thread : threads)
    thread.join();
  for (unsigned i = 0; i < kThreads; ++i) {
    ASSERT_FALSE(alone[i].empty());
    EXPECT_TRUE(alone[i] == together[i]) << "thread " << i;
  }
  EXPECT_FALSE(alone[0] == alone[1]);
  mamba_model_destroy(model);
  mamba_pack_close(pack);
}

} // namespace
