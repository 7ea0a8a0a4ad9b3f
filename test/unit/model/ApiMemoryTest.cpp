// Packs and slots in memory over C, memory that is lent, and structs of older and
// newer programs.
#include "runtime/support/SafetensorsWriter.h"
#include "test/unit/model/ApiFixture.h"
#include "test/unit/support/TempFolder.h"

#include <cstddef>

using namespace mamba;
using namespace mamba::test;

namespace {

struct ApiMemoryTest : ApiTest {
  void feed(uint32_t slot, std::vector<int32_t> tokens) {
    mamba_sequence sequence{slot, tokens.data(), tokens.size()};
    ASSERT_EQ(
        mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
        MAMBA_OK);
  }
  std::vector<float> logits(uint32_t slot) {
    const float *values = nullptr;
    size_t count = 0;
    EXPECT_EQ(mamba_session_logits(session, slot, &values, &count), MAMBA_OK);
    return {values, values + count};
  }
};

TEST_F(ApiMemoryTest, aPackInMemoryIsOneInAFile) {
  mamba_pack *opened = nullptr;
  ASSERT_EQ(mamba_pack_open_memory(fake.bytes.data(), fake.bytes.size(),
                                   "built in", &opened),
            MAMBA_OK)
      << mamba_last_error();
  mamba_pack_info info{};
  info.struct_size = sizeof(info);
  ASSERT_EQ(mamba_pack_get_info(opened, &info), MAMBA_OK);
  EXPECT_STREQ(info.path, "built in");
  EXPECT_EQ(info.vocab_size, kVocab);
  mamba_pack_close(opened);

  opened = nullptr;
  EXPECT_EQ(mamba_pack_open_memory(fake.bytes.data(), fake.bytes.size() - 1,
                                   "built in", &opened),
            MAMBA_INVALID_DATA);
  EXPECT_NE(std::string(mamba_last_error()).find("built in"),
            std::string::npos);
  EXPECT_REFUSED(mamba_pack_open_memory("", 0, "empty", &opened), "empty");
  EXPECT_REFUSED(mamba_pack_open_memory(nullptr, 9, "x", &opened), "'data'");
  EXPECT_REFUSED(mamba_pack_open_memory("x", 1, nullptr, &opened), "'name'");
  EXPECT_REFUSED(mamba_pack_open_memory("x", 1, "x", nullptr), "'pack'");
  EXPECT_EQ(opened, nullptr);
}

// The structs of dlpack.h, as far as they begin.
TEST(DlpackTest, whatIsGivenBackBeginsWithZeros) {
  struct {
    void *data;
    int32_t device[2];
  } managed{&managed, {1, 7}};
  struct {
    uint32_t major, minor;
    void *context;
  } versioned{1, 3, &versioned};
  mamba_dlpack_delete(&managed);
  EXPECT_EQ(managed.data, nullptr);
  EXPECT_EQ(managed.device[0], 1);
  EXPECT_EQ(managed.device[1], 7);
  mamba_dlpack_delete(&versioned);
  EXPECT_EQ(versioned.major, 0u);
  EXPECT_EQ(versioned.minor, 0u);
  EXPECT_EQ(versioned.context, &versioned);
  mamba_dlpack_delete(nullptr);
}

// A log function may use the runtime; what that notes is dropped, not waited for.
TEST_F(ApiMemoryTest, logFunctionsMayUseOtherHandles) {
  Fake otherFake(PackOptions{.config = "{}", .tokenizer = kTokenizer});
  struct Note {
    mamba_model other;
    int count = 0;
  } note{mamba_model(otherFake.model)};
  mamba_set_log(
      [](void *user, mamba_log_level, const char *) {
        auto *note = static_cast<Note *>(user);
        ++note->count;
        mamba_model_self_test(&note->other, nullptr, nullptr);
      },
      &note);
  EXPECT_EQ(mamba_model_self_test(&model, nullptr, nullptr), MAMBA_OK)
      << mamba_last_error();
  mamba_set_log(nullptr, nullptr);
  EXPECT_EQ(note.count, 1);
}

TEST_F(ApiMemoryTest, aStateForASamplerOfAnotherVocabulary) {
  feed(0, {1, 2});
  mamba_sampler *own = nullptr, *other = nullptr;
  ASSERT_EQ(mamba_sampler_create(kVocab, kVocab, nullptr, &own), MAMBA_OK);
  ASSERT_EQ(mamba_sampler_create(kVocab + 1, kVocab, nullptr, &other), MAMBA_OK);
  void *data = nullptr;
  size_t size = 0;
  ASSERT_EQ(mamba_session_save_memory(session, 0, own, &data, &size), MAMBA_OK);
  EXPECT_REFUSED(mamba_session_load_memory(session, 0, other, data, size),
                 "the sampler is for " + std::to_string(kVocab + 1) + " tokens");
  mamba_free(data);
  mamba_sampler_destroy(own);
  mamba_sampler_destroy(other);
}

TEST_F(ApiMemoryTest, aSlotInMemoryIsOneOnDisk) {
  feed(0, {1, 2, 3});
  void *data = nullptr;
  size_t size = 0;
  ASSERT_EQ(mamba_session_save_memory(session, 0, nullptr, &data, &size),
            MAMBA_OK)
      << mamba_last_error();
  TempFolder folder;
  std::string path = folder / "slot";
  ASSERT_EQ(mamba_session_save(session, 0, nullptr, path.c_str()), MAMBA_OK);
  EXPECT_EQ(slurp(path), std::string(static_cast<char *>(data), size));

  ASSERT_EQ(mamba_session_load_memory(session, 1, nullptr, data, size),
            MAMBA_OK)
      << mamba_last_error();
  EXPECT_EQ(logits(1), logits(0));
  feed(0, {4});
  feed(1, {4});
  EXPECT_EQ(logits(1), logits(0));

  // Damage is found wherever it is, and the slot stays as it was.
  std::string bytes(static_cast<char *>(data), size);
  mamba_free(data);
  std::vector<float> before = logits(1);
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(mamba_session_load_memory(session, 1, nullptr, bytes.data(), i),
              MAMBA_INVALID_DATA)
        << i;
  }
  bytes.back() ^= 1;
  EXPECT_EQ(mamba_session_load_memory(session, 1, nullptr, bytes.data(), size),
            MAMBA_INVALID_DATA);
  EXPECT_REFUSED(
      mamba_session_load_memory(session, 1, nullptr, bytes.data(), size),
      "state in memory: the file is damaged");
  EXPECT_EQ(logits(1), before);
}

TEST_F(ApiMemoryTest, theSamplerComesAlong) {
  feed(0, {1, 2});
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  options.seed = 5;
  mamba_sampler *saved = nullptr, *loaded = nullptr;
  ASSERT_EQ(mamba_sampler_create(kVocab, kValid, &options, &saved), MAMBA_OK);
  ASSERT_EQ(mamba_sampler_create(kVocab, kValid, nullptr, &loaded), MAMBA_OK);
  std::vector<float> row = logits(0);
  int32_t first = 0, second = 0;
  ASSERT_EQ(mamba_sampler_sample(saved, row.data(), row.size(), &first),
            MAMBA_OK);
  void *data = nullptr;
  size_t size = 0;
  ASSERT_EQ(mamba_session_save_memory(session, 0, saved, &data, &size),
            MAMBA_OK);
  ASSERT_EQ(mamba_session_load_memory(session, 1, loaded, data, size),
            MAMBA_OK);
  mamba_free(data);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(mamba_sampler_sample(saved, row.data(), row.size(), &first),
              MAMBA_OK);
    ASSERT_EQ(mamba_sampler_sample(loaded, row.data(), row.size(), &second),
              MAMBA_OK);
    EXPECT_EQ(first, second);
  }
  mamba_sampler_destroy(saved);
  mamba_sampler_destroy(loaded);
}

TEST_F(ApiMemoryTest, aNewerStructGetsZerosInWhatIsUnknown) {
  struct Newer {
    mamba_pack_info known;
    const char *unknown;
  } newer;
  std::memset(&newer, 0x5a, sizeof(newer));
  newer.known.struct_size = sizeof(newer);
  ASSERT_EQ(mamba_pack_get_info(&pack, &newer.known), MAMBA_OK);
  EXPECT_EQ(newer.known.struct_size, sizeof(newer));
  EXPECT_EQ(newer.known.entry_count, 3u);
  EXPECT_EQ(newer.unknown, nullptr);
}

TEST_F(ApiMemoryTest, anOptionThatIsUnknownIsRefusedUnlessItIsZero) {
  struct Newer {
    mamba_session_options known;
    uint64_t unknown;
  } newer{};
  newer.known.struct_size = sizeof(newer);
  newer.known.slots = 3;
  mamba_session *made = nullptr;
  ASSERT_EQ(mamba_session_create(&model, &newer.known, &made), MAMBA_OK);
  int64_t position = -1;
  EXPECT_EQ(mamba_session_position(made, 2, &position), MAMBA_OK);
  mamba_session_destroy(made);
  made = nullptr;
  newer.unknown = 1;
  EXPECT_EQ(mamba_session_create(&model, &newer.known, &made),
            MAMBA_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(mamba_last_error()),
            "'options' is of a newer version, 32 bytes, and sets what is "
            "unknown after 24; use a newer library");
  EXPECT_EQ(made, nullptr);
}

TEST_F(ApiMemoryTest, optionsOfAnOlderProgramKeepTheirDefaults) {
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  options.temperature = 0;
  options.top_p = -7; // Beyond what the older program knows: not read.
  options.struct_size = offsetof(mamba_sampler_options, top_k);
  mamba_sampler *sampler = nullptr;
  ASSERT_EQ(mamba_sampler_create(kVocab, kValid, &options, &sampler), MAMBA_OK)
      << mamba_last_error();
  mamba_sampler_options got{};
  got.struct_size = sizeof(got);
  ASSERT_EQ(mamba_sampler_get_options(sampler, &got), MAMBA_OK);
  EXPECT_EQ(got.temperature, 0);
  EXPECT_EQ(got.top_p, 1);
  mamba_sampler_destroy(sampler);
}

TEST_F(ApiMemoryTest, sizesThatNoStructHasAreRefused) {
  for (size_t size : {size_t(0), size_t(8), size_t(4097), ~size_t(0)}) {
    mamba_pack_info packInfo{};
    packInfo.struct_size = size;
    EXPECT_REFUSED(mamba_pack_get_info(&pack, &packInfo),
                   "it must be the struct's sizeof");
    mamba_entry_info entryInfo{};
    entryInfo.struct_size = size;
    EXPECT_REFUSED(mamba_pack_get_entry(&pack, 0, &entryInfo), "struct_size");
    mamba_tensor_info tensor{};
    tensor.struct_size = size;
    EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 0, MAMBA_INPUT, 0, &tensor),
                   "struct_size");
    EXPECT_REFUSED(mamba_model_get_state(&model, 0, &tensor), "struct_size");
    mamba_model_info modelInfo{};
    modelInfo.struct_size = size;
    EXPECT_REFUSED(mamba_model_get_info(&model, &modelInfo), "struct_size");
    mamba_model_options modelOptions{};
    modelOptions.struct_size = size;
    mamba_model *made = nullptr;
    EXPECT_REFUSED(mamba_model_create(&pack, &modelOptions, &made),
                   "struct_size");
    mamba_session_options sessionOptions{};
    sessionOptions.struct_size = size;
    mamba_session *opened = nullptr;
    EXPECT_REFUSED(mamba_session_create(&model, &sessionOptions, &opened),
                   "struct_size");
    mamba_sampler_options samplerOptions;
    mamba_sampler_options_init(&samplerOptions);
    samplerOptions.struct_size = size;
    mamba_sampler *sampler = nullptr;
    EXPECT_REFUSED(
        mamba_sampler_create(kVocab, kValid, &samplerOptions, &sampler),
        "struct_size");
    ASSERT_EQ(mamba_sampler_create(kVocab, kValid, nullptr, &sampler),
              MAMBA_OK);
    EXPECT_REFUSED(mamba_sampler_set_options(sampler, &samplerOptions),
                   "struct_size");
    EXPECT_REFUSED(mamba_sampler_get_options(sampler, &samplerOptions),
                   "struct_size");
    mamba_sampler_destroy(sampler);
  }
}

TEST(BuildInfoTest, isOneLineThatBeginsWithTheVersion) {
  std::string info = mamba_build_info();
  EXPECT_EQ(info.rfind(std::string("mamba ") + mamba_version() + " (", 0), 0u)
      << info;
  EXPECT_EQ(info.back(), ')');
  EXPECT_EQ(info.find('\n'), std::string::npos);
}

} // namespace
