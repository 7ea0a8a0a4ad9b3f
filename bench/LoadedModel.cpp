#include "bench/LoadedModel.h"

namespace mamba::bench {

LoadedModel::~LoadedModel() {
  mamba_session_destroy(session);
  mamba_model_destroy(model);
  mamba_pack_close(pack);
}

bool LoadedModel::load(const std::string &packPath, const std::string &target,
                       const std::string &folder, uint32_t threads, std::string &error) {
  info.struct_size = sizeof info;
  modelInfo.struct_size = sizeof modelInfo;
  mamba_model_options options = {};
  options.struct_size = sizeof options;
  options.device = "cpu";
  options.threads = threads;
  options.target = target.empty() ? nullptr : target.c_str();
  const char *weights = folder.empty() ? nullptr : folder.c_str();
  if (mamba_pack_open(packPath.c_str(), &pack) != MAMBA_OK ||
      mamba_pack_get_info(pack, &info) != MAMBA_OK ||
      mamba_model_create(pack, &options, &model) != MAMBA_OK ||
      mamba_model_load_weights(model, weights, nullptr, nullptr) != MAMBA_OK ||
      mamba_model_get_info(model, &modelInfo) != MAMBA_OK ||
      mamba_session_create(model, nullptr, &session) != MAMBA_OK) {
    error = mamba_last_error();
    return false;
  }
  return true;
}

std::vector<int32_t> LoadedModel::prompt(int64_t first, int64_t count) const {
  std::vector<int32_t> tokens(count);
  for (int64_t i = 0; i < count; ++i)
    tokens[i] = int32_t((first + i) * 7919 % info.vocab_size);
  return tokens;
}

bool LoadedModel::step(const int32_t *tokens, size_t count) {
  mamba_sequence sequence = {0, tokens, count};
  return mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0) == MAMBA_OK;
}

} // namespace mamba::bench
