// The C boundary: misuse gives codes and sentences, never a crash.
#include "test/unit/model/ApiFixture.h"
#include "test/unit/support/TempFolder.h"

#include <cmath>
#include <thread>

using namespace mamba;
using namespace mamba::test;

namespace {

TEST_F(ApiTest, nullHandlesAreRefused) {
  mamba_pack *packOut = nullptr;
  mamba_pack_info packInfo{};
  EXPECT_EQ(mamba_pack_open(nullptr, &packOut), MAMBA_INVALID_ARGUMENT);
  EXPECT_STREQ(mamba_last_error(), "'path' must not be null");
  EXPECT_REFUSED(mamba_pack_open("x", nullptr), "'pack'");
  EXPECT_REFUSED(mamba_pack_get_info(nullptr, &packInfo), "'pack'");
  EXPECT_REFUSED(mamba_pack_get_info(&pack, nullptr), "'info'");
  const char *text;
  size_t size;
  EXPECT_REFUSED(mamba_pack_config(nullptr, &text, &size), "'pack'");
  EXPECT_REFUSED(mamba_pack_end_tokens(&pack, nullptr, 0, nullptr), "'count'");
  EXPECT_REFUSED(mamba_pack_end_tokens(&pack, nullptr, 3, &size), "'tokens'");
  EXPECT_REFUSED(mamba_pack_get_entry(nullptr, 0, nullptr), "'pack'");
  EXPECT_REFUSED(mamba_pack_find_entry(&pack, nullptr, &size), "'name'");
  EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 0, MAMBA_INPUT, 0, nullptr),
                 "'info'");
  EXPECT_REFUSED(mamba_model_create(nullptr, nullptr, nullptr), "'pack'");
  EXPECT_REFUSED(mamba_model_load_weights(nullptr, nullptr, nullptr, nullptr),
                 "'model'");
  EXPECT_REFUSED(mamba_model_get_info(nullptr, nullptr), "'model'");
  EXPECT_REFUSED(mamba_model_get_state(&model, 0, nullptr), "'info'");
  EXPECT_REFUSED(mamba_model_self_test(nullptr, nullptr, nullptr), "'model'");
  EXPECT_REFUSED(mamba_session_create(nullptr, nullptr, nullptr), "'model'");
  EXPECT_REFUSED(
      mamba_session_step(nullptr, nullptr, 0, MAMBA_WANT_NONE, nullptr, 0),
      "'session'");
  EXPECT_REFUSED(
      mamba_session_step(session, nullptr, 1, MAMBA_WANT_NONE, nullptr, 0),
      "'sequences'");
  mamba_sequence sequence{0, nullptr, 2};
  EXPECT_REFUSED(
      mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
      "'tokens'");
  EXPECT_REFUSED(
      mamba_session_step(session, nullptr, 0, MAMBA_WANT_ALL, nullptr, 5),
      "'logits'");
  EXPECT_REFUSED(mamba_session_logits(session, 0, nullptr, &size), "'logits'");
  double nll;
  EXPECT_REFUSED(mamba_session_score(session, 0, nullptr, 3, &nll, &size),
                 "'tokens'");
  EXPECT_REFUSED(mamba_session_position(session, 0, nullptr), "'position'");
  EXPECT_REFUSED(mamba_session_recent(session, 0, nullptr, nullptr),
                 "'tokens'");
  EXPECT_REFUSED(mamba_session_clear(nullptr, 0), "'session'");
  EXPECT_REFUSED(mamba_session_copy(nullptr, 0, 1), "'session'");
  EXPECT_REFUSED(mamba_session_read_state(session, 0, nullptr, &nll, 8),
                 "'state_id'");
  EXPECT_REFUSED(mamba_session_write_state(session, 0, "x", nullptr, 8),
                 "'from'");
  EXPECT_REFUSED(mamba_session_call(session, 0, nullptr, nullptr, 1, nullptr,
                                    nullptr, 0, nullptr, nullptr, 0),
                 "'slots'");
  EXPECT_REFUSED(mamba_session_save(session, 0, nullptr, nullptr), "'path'");
  EXPECT_REFUSED(mamba_session_load(session, 0, nullptr, nullptr), "'path'");
  EXPECT_REFUSED(mamba_sampler_create(4, 4, nullptr, nullptr), "'sampler'");
  EXPECT_REFUSED(mamba_sampler_accept(nullptr, nullptr, 0), "'sampler'");
  EXPECT_REFUSED(mamba_sampler_reset(nullptr), "'sampler'");
  EXPECT_REFUSED(mamba_sampler_sample(nullptr, nullptr, 0, nullptr),
                 "'sampler'");
  EXPECT_REFUSED(mamba_tokenizer_create(&pack, nullptr), "'tokenizer'");
  EXPECT_REFUSED(mamba_tokenizer_encode(nullptr, "", 0, nullptr, nullptr),
                 "'tokenizer'");
  EXPECT_REFUSED(mamba_decoder_create(nullptr, 0, nullptr), "'tokenizer'");
  EXPECT_REFUSED(mamba_decoder_push(nullptr, 0, &text, &size), "'decoder'");
  EXPECT_REFUSED(mamba_decoder_flush(nullptr, &text, &size), "'decoder'");
  EXPECT_EQ(mamba_tokenizer_size(nullptr), 0);
  // Giving back nothing is fine.
  mamba_pack_close(nullptr);
  mamba_model_destroy(nullptr);
  mamba_session_destroy(nullptr);
  mamba_sampler_destroy(nullptr);
  mamba_tokenizer_destroy(nullptr);
  mamba_decoder_destroy(nullptr);
  mamba_free(nullptr);
  mamba_sampler_options_init(nullptr);
}

TEST_F(ApiTest, structsWithoutTheirSizeAreRefused) {
  mamba_pack_info packInfo{};
  EXPECT_REFUSED(mamba_pack_get_info(&pack, &packInfo), "struct_size");
  mamba_model_options options{};
  mamba_model *out = nullptr;
  EXPECT_REFUSED(mamba_model_create(&pack, &options, &out), "struct_size");
  EXPECT_EQ(out, nullptr);
}

TEST_F(ApiTest, optionsOfAnOlderProgramNameNoTarget) {
  mamba_model_options options{};
  options.struct_size = sizeof(options);
  options.device = "cpu";
  options.target = "cpu:z80";
  mamba_model *out = nullptr;
  EXPECT_REFUSED(mamba_model_create(&pack, &options, &out),
                 "no target 'cpu:z80'");
  EXPECT_EQ(mamba_model_create(&pack, &options, &out), MAMBA_NOT_FOUND);
  options.struct_size = offsetof(mamba_model_options, target);
  EXPECT_EQ(mamba_model_create(&pack, &options, &out), MAMBA_UNAVAILABLE);
  EXPECT_EQ(out, nullptr);
}

TEST_F(ApiTest, anOlderSmallerStructIsFilledAsFarAsItGoes) {
  mamba_pack_info info;
  std::memset(&info, 0x5a, sizeof(info));
  info.struct_size = offsetof(mamba_pack_info, architecture);
  ASSERT_EQ(mamba_pack_get_info(&pack, &info), MAMBA_OK);
  EXPECT_EQ(info.has_model, 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(info.architecture),
            0x5a5a5a5a5a5a5a5aull);
}

TEST_F(ApiTest, packAndModelSayWhatTheyAre) {
  mamba_pack_info info{};
  info.struct_size = sizeof(info);
  ASSERT_EQ(mamba_pack_get_info(&pack, &info), MAMBA_OK);
  EXPECT_STREQ(info.path, "fake.mpk");
  EXPECT_STREQ(info.architecture, "mamba1");
  EXPECT_EQ(info.vocab_size, kVocab);
  EXPECT_EQ(info.valid_vocab_size, kValid);
  EXPECT_EQ(info.has_tokenizer, 1);
  EXPECT_EQ(info.needs_weights, 0);
  EXPECT_EQ(info.entry_count, 3u);

  size_t entry = 99;
  ASSERT_EQ(mamba_pack_find_entry(&pack, "scale", &entry), MAMBA_OK);
  mamba_entry_info entryInfo{};
  entryInfo.struct_size = sizeof(entryInfo);
  ASSERT_EQ(mamba_pack_get_entry(&pack, entry, &entryInfo), MAMBA_OK);
  EXPECT_EQ(entryInfo.input_count, 2u);
  mamba_tensor_info tensor{};
  tensor.struct_size = sizeof(tensor);
  ASSERT_EQ(mamba_pack_get_tensor(&pack, entry, MAMBA_INPUT, 1, &tensor),
            MAMBA_OK);
  EXPECT_STREQ(tensor.name, "gain");
  EXPECT_EQ(tensor.rows, MAMBA_ROWS_ONE);
  EXPECT_STREQ(tensor.dtype, "F32");
  ASSERT_EQ(mamba_pack_get_tensor(&pack, 0, MAMBA_STATE, 0, &tensor), MAMBA_OK);
  EXPECT_STREQ(tensor.state_id, "conv_state.0");
  EXPECT_STREQ(tensor.output_name, "conv_out");
  ASSERT_EQ(tensor.rank, 2u);
  EXPECT_EQ(tensor.dims[0], kChannels);
  EXPECT_EQ(tensor.dims[1], kWindow);
  EXPECT_REFUSED(mamba_pack_get_entry(&pack, 3, &entryInfo), "out of range");
  EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 9, MAMBA_INPUT, 0, &tensor),
                 "out of range");
  EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 0, MAMBA_OUTPUT, 1, &tensor),
                 "out of range");
  EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 0, MAMBA_STATE, 2, &tensor),
                 "out of range");
  EXPECT_REFUSED(mamba_pack_get_tensor(&pack, 0, mamba_role(7), 0, &tensor),
                 "role");

  mamba_model_info modelInfo{};
  modelInfo.struct_size = sizeof(modelInfo);
  ASSERT_EQ(mamba_model_get_info(&model, &modelInfo), MAMBA_OK);
  EXPECT_STREQ(modelInfo.target, "fake:native");
  EXPECT_EQ(modelInfo.packed_bytes, 1000u);
  EXPECT_EQ(modelInfo.decode_bytes, 1000u);
  EXPECT_EQ(modelInfo.state_count, 2u);
  EXPECT_EQ(modelInfo.state_bytes, 40u);
  ASSERT_EQ(mamba_model_get_state(&model, 1, &tensor), MAMBA_OK);
  EXPECT_STREQ(tensor.state_id, "ssm_state.0");
  EXPECT_REFUSED(mamba_model_get_state(&model, 2, &tensor), "out of range");
  EXPECT_EQ(mamba_model_self_test(&model, nullptr, nullptr), MAMBA_OK);
}

TEST_F(ApiTest, missingFilesAndDevices) {
  mamba_pack *out = nullptr;
  EXPECT_EQ(mamba_pack_open("/nonexistent.mpk", &out), MAMBA_NOT_FOUND);
  TempFolder folder;
  EXPECT_EQ(mamba_pack_open(folder.add("x.mpk", "").c_str(), &out),
            MAMBA_INVALID_DATA);
  EXPECT_EQ(out, nullptr);
  mamba_model_options options{sizeof(options), "cuda", 0, 0, nullptr};
  mamba_model *modelOut = nullptr;
  setenv("MAMBA_CUDA_DRIVER", "/nonexistent/libcuda.so.1", 1);
  EXPECT_EQ(mamba_model_create(&pack, &options, &modelOut), MAMBA_UNAVAILABLE);
  EXPECT_REFUSED(mamba_model_create(&pack, &options, &modelOut),
                 "correct or unset MAMBA_CUDA_DRIVER, or use 'cpu' or 'sim'");
  unsetenv("MAMBA_CUDA_DRIVER");
  options.device = "sim";
  EXPECT_EQ(mamba_model_create(&pack, &options, &modelOut), MAMBA_UNAVAILABLE);
  EXPECT_REFUSED(mamba_model_create(&pack, &options, &modelOut),
                 "no PTX for device 'sim', it has no target; build one with "
                 "'mamba-pack build --target=cuda:sm_80'");
  options.device = "tpu";
  EXPECT_REFUSED(mamba_model_create(&pack, &options, &modelOut),
                 "unknown device 'tpu'; use 'cpu', 'cuda', 'cuda:N', 'sim' or 'auto'");
}

TEST_F(ApiTest, onlySomeDevicesCount) {
  char *text = nullptr;
  size_t length = 0;
  EXPECT_EQ(mamba_model_profile(&model, nullptr, &text, &length),
            MAMBA_UNAVAILABLE);
  EXPECT_STREQ(mamba_last_error(), "device 'fake' counts nothing, a profile "
                                   "needs device 'cpu' or 'sim'");
  EXPECT_EQ(mamba_model_profile_json(&model, nullptr, &text, &length),
            MAMBA_UNAVAILABLE);
  EXPECT_EQ(mamba_model_clear_profile(&model), MAMBA_OK);
  EXPECT_REFUSED(mamba_model_clear_profile(nullptr), "'model'");
  EXPECT_REFUSED(mamba_model_profile(nullptr, nullptr, &text, &length),
                 "'model'");
  EXPECT_REFUSED(mamba_model_profile(&model, nullptr, nullptr, &length),
                 "'text'");
  EXPECT_REFUSED(mamba_model_profile(&model, nullptr, &text, nullptr),
                 "'length'");
}

TEST_F(ApiTest, stepsAndLogits) {
  int32_t tokens[] = {1, 2, 3, 4, 5, 6};
  mamba_sequence batch[] = {{1, tokens, 5}, {0, tokens + 5, 1}};
  std::vector<float> logits(2 * kVocab);
  ASSERT_EQ(mamba_session_step(session, batch, 2, MAMBA_WANT_LAST,
                               logits.data(), logits.size()),
            MAMBA_OK);
  const float *pending = nullptr;
  size_t count = 0;
  ASSERT_EQ(mamba_session_logits(session, 1, &pending, &count), MAMBA_OK);
  EXPECT_EQ(std::vector<float>(pending, pending + count),
            expectedLogits({tokens, 5}));
  EXPECT_EQ(std::vector<float>(logits.begin(), logits.begin() + kVocab),
            expectedLogits({tokens, 5}));
  EXPECT_REFUSED(
      mamba_session_step(session, batch, 2, mamba_want(9), nullptr, 0), "want");
  EXPECT_REFUSED(
      mamba_session_step(session, batch, 2, MAMBA_WANT_LAST, logits.data(), 3),
      "expected room for 2 x 11");
  int64_t position = 0;
  ASSERT_EQ(mamba_session_position(session, 1, &position), MAMBA_OK);
  EXPECT_EQ(position, 5);
  EXPECT_REFUSED(mamba_session_position(session, 2, &position), "slot 2");
  double nll = 0;
  size_t predicted = 0;
  ASSERT_EQ(mamba_session_clear(session, 0), MAMBA_OK);
  ASSERT_EQ(mamba_session_score(session, 0, tokens, 6, &nll, &predicted),
            MAMBA_OK);
  EXPECT_EQ(predicted, 5u);
  EXPECT_GT(nll, 0);
}

TEST_F(ApiTest, textGoesOnByItself) {
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  options.temperature = 0;
  mamba_sampler *samplers[2] = {};
  for (auto &sampler : samplers)
    ASSERT_EQ(mamba_sampler_create(kVocab, kValid, &options, &sampler),
              MAMBA_OK);
  int32_t tokens[] = {1, 2, 3};
  mamba_sequence batch[] = {{1, tokens, 2}, {0, tokens + 2, 1}};
  ASSERT_EQ(mamba_session_step(session, batch, 2, MAMBA_WANT_NONE, nullptr, 0),
            MAMBA_OK);
  uint32_t slots[] = {0, 1};
  std::vector<int32_t> got;
  auto take = [](void *user, const int32_t *row, size_t count) -> int32_t {
    auto &all = *static_cast<std::vector<int32_t> *>(user);
    all.insert(all.end(), row, row + count);
    return all.size() < 6;
  };
  ASSERT_EQ(mamba_session_generate(session, slots, samplers, 2, 100, take, &got),
            MAMBA_OK);
  EXPECT_EQ(got.size(), 6u);
  int64_t position = 0;
  ASSERT_EQ(mamba_session_position(session, 1, &position), MAMBA_OK);
  EXPECT_EQ(position, 5);
  EXPECT_REFUSED(
      mamba_session_generate(session, slots, samplers, 2, 1, nullptr, nullptr),
      "'on_tokens'");
  EXPECT_REFUSED(
      mamba_session_generate(session, nullptr, samplers, 2, 1, take, &got),
      "'slots'");
  mamba_sampler *missing[] = {samplers[0], nullptr};
  EXPECT_REFUSED(
      mamba_session_generate(session, slots, missing, 2, 1, take, &got),
      "'samplers'");
  for (auto *sampler : samplers)
    mamba_sampler_destroy(sampler);
}

TEST_F(ApiTest, aSessionTellsOfItsSteps) {
  EXPECT_EQ(mamba_session_step_tokens(session), 4u);
  mamba_session *own = nullptr;
  ASSERT_EQ(mamba_session_create(&model, nullptr, &own), MAMBA_OK);
  EXPECT_EQ(mamba_session_step_tokens(own), uint32_t(MAMBA_DEFAULT_STEP_TOKENS));
  mamba_session_destroy(own);
  EXPECT_EQ(mamba_session_step_tokens(nullptr), 0u);
}

TEST_F(ApiTest, handlesMayGoInAnyOrder) {
  auto *ownPack = new mamba_pack(fake.info);
  auto *ownModel = new mamba_model(fake.model);
  mamba_session *own = nullptr;
  ASSERT_EQ(mamba_session_create(ownModel, nullptr, &own), MAMBA_OK);
  mamba_pack_close(ownPack);
  mamba_model_destroy(ownModel);
  int32_t token = 1;
  mamba_sequence sequence{0, &token, 1};
  EXPECT_EQ(mamba_session_step(own, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0),
            MAMBA_OK);
  mamba_session_destroy(own);
}

TEST_F(ApiTest, anAbsurdNumberOfSlotsIsAnAnswer) {
  mamba_session_options options{sizeof(options), 0xffffffff, 0, 0};
  mamba_session *out = nullptr;
  EXPECT_REFUSED(mamba_session_create(&model, &options, &out), "slots");
}

TEST_F(ApiTest, samplersOverC) {
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  EXPECT_EQ(options.struct_size, sizeof(options));
  options.temperature = 0;
  options.seed = 3;
  mamba_sampler *sampler = nullptr;
  ASSERT_EQ(mamba_sampler_create(3, 2, &options, &sampler), MAMBA_OK);
  float logits[] = {1, 2, 3};
  int32_t token = -1;
  ASSERT_EQ(mamba_sampler_sample(sampler, logits, 3, &token), MAMBA_OK);
  EXPECT_EQ(token, 1);
  logits[0] = std::nanf("");
  EXPECT_EQ(mamba_sampler_sample(sampler, logits, 3, &token),
            MAMBA_INVALID_DATA);
  mamba_sampler_options got{};
  got.struct_size = sizeof(got);
  ASSERT_EQ(mamba_sampler_get_options(sampler, &got), MAMBA_OK);
  EXPECT_EQ(got.seed, 3u);
  got.top_p = 2;
  EXPECT_REFUSED(mamba_sampler_set_options(sampler, &got), "top-p");
  EXPECT_REFUSED(mamba_sampler_create(-1, -1, nullptr, &sampler),
                 "vocabulary size must be from 1 to 2147483647, got -1");
  EXPECT_REFUSED(mamba_sampler_create(5, -3, nullptr, &sampler),
                 "valid vocabulary size must be from 1 to 5, got -3");
  int32_t bad = 3;
  EXPECT_REFUSED(mamba_sampler_accept(sampler, &bad, 1), "token 0 is 3");
  EXPECT_EQ(mamba_sampler_reset(sampler), MAMBA_OK);
  mamba_sampler_destroy(sampler);
}

TEST_F(ApiTest, textOverC) {
  mamba_tokenizer *tokenizer = nullptr;
  ASSERT_EQ(mamba_tokenizer_create(&pack, &tokenizer), MAMBA_OK)
      << mamba_last_error();
  EXPECT_EQ(mamba_tokenizer_size(tokenizer), 7);
  int32_t *ids = nullptr;
  size_t count = 0;
  std::string text = "ab \xc3\xa9";
  ASSERT_EQ(
      mamba_tokenizer_encode(tokenizer, text.data(), text.size(), &ids, &count),
      MAMBA_OK)
      << mamba_last_error();
  EXPECT_EQ(std::vector<int32_t>(ids, ids + count),
            (std::vector<int32_t>{1, 2, 4, 5, 6}));
  char *decoded = nullptr;
  size_t length = 0;
  ASSERT_EQ(mamba_tokenizer_decode(tokenizer, ids, count, 0, &decoded, &length),
            MAMBA_OK);
  EXPECT_EQ(std::string(decoded, length), text);
  mamba_free(decoded);
  mamba_free(ids);
  ASSERT_EQ(mamba_tokenizer_encode(tokenizer, nullptr, 0, &ids, &count),
            MAMBA_OK);
  EXPECT_EQ(ids, nullptr);
  EXPECT_EQ(count, 0u);

  mamba_decoder *decoder = nullptr;
  ASSERT_EQ(mamba_decoder_create(tokenizer, 1, &decoder), MAMBA_OK);
  mamba_tokenizer_destroy(tokenizer); // The decoder keeps what it needs.
  const char *piece = nullptr;
  ASSERT_EQ(mamba_decoder_push(decoder, 5, &piece, &length), MAMBA_OK);
  EXPECT_EQ(length, 0u);
  ASSERT_EQ(mamba_decoder_push(decoder, 6, &piece, &length), MAMBA_OK);
  EXPECT_EQ(std::string(piece, length), "\xc3\xa9");
  ASSERT_EQ(mamba_decoder_push(decoder, 0, &piece, &length), MAMBA_OK);
  EXPECT_EQ(length, 0u); // special
  EXPECT_EQ(mamba_decoder_push(decoder, 70, &piece, &length),
            MAMBA_INVALID_ARGUMENT);
  ASSERT_EQ(mamba_decoder_push(decoder, 5, &piece, &length), MAMBA_OK);
  ASSERT_EQ(mamba_decoder_flush(decoder, &piece, &length), MAMBA_OK);
  EXPECT_EQ(std::string(piece, length), "\xef\xbf\xbd");
  mamba_decoder_destroy(decoder);

  // Without a key in the config the tokenizer's end of text counts.
  int32_t end = -1;
  ASSERT_EQ(mamba_pack_end_tokens(&pack, &end, 1, &count), MAMBA_OK);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(end, 0);
}

struct GenerationApiTest : ApiTest {
  static constexpr const char *kText =
      R"({"do_sample": true, "temperature": 0.5, "top_k": 4, "top_p": 0.9,
          "min_p": 0.25, "repetition_penalty": 1.5, "eos_token_id": 7})";
  GenerationApiTest() : ApiTest(PackOptions{.generation = kText}) {}
};

TEST_F(GenerationApiTest, theGenerationConfigIsRead) {
  const char *text = nullptr;
  size_t length = 0;
  ASSERT_EQ(mamba_pack_generation_config(&pack, &text, &length), MAMBA_OK);
  EXPECT_EQ(std::string(text, length), kText);
  EXPECT_REFUSED(mamba_pack_generation_config(&pack, nullptr, &length),
                 "'text'");
  mamba_sampler_options options{};
  EXPECT_REFUSED(mamba_pack_sampler_options(&pack, &options), "struct_size");
  EXPECT_REFUSED(mamba_pack_sampler_options(&pack, nullptr), "'options'");
  options.struct_size = sizeof(options);
  ASSERT_EQ(mamba_pack_sampler_options(&pack, &options), MAMBA_OK);
  EXPECT_EQ(options.temperature, 0.5);
  EXPECT_EQ(options.top_k, 4u);
  EXPECT_EQ(options.top_p, 0.9);
  EXPECT_EQ(options.min_p, 0.25);
  EXPECT_EQ(options.repetition_penalty, 1.5);
  EXPECT_EQ(options.seed, 0u);
}

struct GreedyApiTest : ApiTest {
  GreedyApiTest()
      : ApiTest(PackOptions{
            .generation = R"({"do_sample": false, "temperature": 0.5})"}) {}
};

TEST_F(GreedyApiTest, notToSampleIsGreedy) {
  mamba_sampler_options options{};
  options.struct_size = sizeof(options);
  ASSERT_EQ(mamba_pack_sampler_options(&pack, &options), MAMBA_OK);
  EXPECT_EQ(options.temperature, 0);
  EXPECT_EQ(options.top_k, 0u);
}

struct WrongGenerationApiTest : ApiTest {
  WrongGenerationApiTest()
      : ApiTest(PackOptions{.generation = R"({"top_p": 2})"}) {}
};

TEST_F(WrongGenerationApiTest, isRefusedWithKeyAndValue) {
  mamba_sampler_options options{};
  options.struct_size = sizeof(options);
  EXPECT_EQ(mamba_pack_sampler_options(&pack, &options), MAMBA_INVALID_DATA);
  EXPECT_STREQ(mamba_last_error(),
               "generation_config.json of 'fake.mpk': 'top_p' must be above 0 "
               "and at most 1, got 2");
}

struct BareApiTest : ApiTest {
  BareApiTest() : ApiTest(PackOptions{.logitsEntry = false}) {}
};

TEST_F(BareApiTest, whatThePackLacksIsSaid) {
  mamba_tokenizer *tokenizer = nullptr;
  EXPECT_EQ(mamba_tokenizer_create(&pack, &tokenizer), MAMBA_NOT_FOUND);
  EXPECT_NE(std::string(mamba_last_error()).find("no tokenizer in pack"),
            std::string::npos);
  const char *text;
  size_t length;
  EXPECT_EQ(mamba_pack_config(&pack, &text, &length), MAMBA_NOT_FOUND);
  int32_t tokens[] = {1, 2};
  double nll;
  size_t predicted;
  EXPECT_EQ(mamba_session_score(session, 0, tokens, 2, &nll, &predicted),
            MAMBA_UNAVAILABLE);
  EXPECT_EQ(mamba_pack_generation_config(&pack, &text, &length),
            MAMBA_NOT_FOUND);
  EXPECT_STREQ(mamba_last_error(),
               "no generation_config.json in pack 'fake.mpk'");
  mamba_sampler_options options{}, defaults{};
  mamba_sampler_options_init(&defaults);
  options.struct_size = sizeof(options);
  ASSERT_EQ(mamba_pack_sampler_options(&pack, &options), MAMBA_OK);
  EXPECT_EQ(options.temperature, defaults.temperature);
  EXPECT_EQ(options.top_k, defaults.top_k);
  EXPECT_EQ(options.top_p, defaults.top_p);
  EXPECT_EQ(options.min_p, defaults.min_p);
  EXPECT_EQ(options.repetition_penalty, defaults.repetition_penalty);
}

TEST_F(ApiTest, theLastErrorBelongsToItsThread) {
  EXPECT_REFUSED(mamba_session_clear(session, 55), "slot 55");
  std::thread([] { EXPECT_STREQ(mamba_last_error(), ""); }).join();
  EXPECT_NE(std::string(mamba_last_error()).find("slot 55"), std::string::npos);
}

TEST_F(ApiTest, logGoesWhereItIsSentTo) {
  std::vector<std::string> lines;
  mamba_set_log(
      [](void *user, mamba_log_level, const char *message) {
        static_cast<std::vector<std::string> *>(user)->push_back(message);
      },
      &lines);
  Fake other({.weights = true, .embed = true});
  mamba_set_log(nullptr, nullptr);
  Fake quiet({.weights = true, .embed = true});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], "weights from (embedded)");
}

TEST(VersionTest, isThere) {
  EXPECT_STRNE(mamba_version(), "");
  EXPECT_EQ(mamba_abi_version(), uint32_t(MAMBA_ABI_VERSION));
}

} // namespace
