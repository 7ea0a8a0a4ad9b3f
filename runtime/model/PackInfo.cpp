#include "runtime/model/PackInfo.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>

namespace mamba {

namespace {

/// Exchanges the two dimensions of `planes` matrices of `rows` x `columns`.
void transpose(const uint8_t *from, uint8_t *to, uint64_t planes, uint64_t rows,
               uint64_t columns, uint64_t elementBytes) {
  for (uint64_t plane = 0; plane < planes; ++plane) {
    for (uint64_t row = 0; row < rows; ++row)
      for (uint64_t column = 0; column < columns; ++column)
        std::memcpy(to + (column * rows + row) * elementBytes,
                    from + (row * columns + column) * elementBytes,
                    elementBytes);
    from += rows * columns * elementBytes;
    to += rows * columns * elementBytes;
  }
}

void convertState(const StateSpec &state, std::span<const int64_t> shape,
                  const void *from, void *to) {
  uint64_t bytes = slotBytes(state);
  if (!state.transposed || shape.size() < 2 || bytes == 0) {
    if (bytes != 0)
      std::memcpy(to, from, bytes);
    return;
  }
  uint64_t rows = shape[shape.size() - 2], columns = shape.back();
  uint64_t element = dtypeBytes(state.dtype);
  transpose(static_cast<const uint8_t *>(from), static_cast<uint8_t *>(to),
            bytes / (rows * columns * element), rows, columns, element);
}

} // namespace

std::vector<int64_t> outsideShape(const StateSpec &state) {
  std::vector<int64_t> shape = state.shape;
  if (state.transposed && shape.size() >= 2)
    std::swap(shape[shape.size() - 2], shape.back());
  return shape;
}

uint64_t slotBytes(const StateSpec &state) {
  return tensorBytes(state.dtype, state.shape).value_or(0);
}

void stateToOutside(const StateSpec &state, const void *pool, void *outside) {
  convertState(state, state.shape, pool, outside);
}

void stateFromOutside(const StateSpec &state, const void *outside, void *pool) {
  convertState(state, outsideShape(state), outside, pool);
}

Result<std::shared_ptr<const PackInfo>>
PackInfo::open(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(auto pack, Pack::open(path));
  return make(std::move(pack));
}

Result<std::shared_ptr<const PackInfo>>
PackInfo::make(std::shared_ptr<const Pack> pack) {
  if (pack->isTuning())
    return invalidArgument(inQuotes(pack->path()) +
                           " is a tuning pack: mamba-tune finds the best schedules "
                           "with it, 'mamba-pack build' without --variants makes "
                           "the pack of a model");
  return std::shared_ptr<const PackInfo>(
      std::make_shared<PackInfo>(std::move(pack)));
}

PackInfo::PackInfo(std::shared_ptr<const Pack> pack) : pack_(std::move(pack)) {}

Result<uint64_t> PackInfo::validVocabSize() const {
  if (!manifest().model)
    return uint64_t(0);
  const ModelSpec &model = *manifest().model;
  if (model.validVocabSize != 0)
    return std::min(model.validVocabSize, model.vocabSize);
  if (!pack_->tokenizerJson())
    return model.vocabSize;
  MAMBA_ASSIGN_OR_RETURN(Tokenizer tokenizer, this->tokenizer());
  if (tokenizer.size() <= 0)
    return model.vocabSize;
  return std::min(uint64_t(tokenizer.size()), model.vocabSize);
}

Result<Tokenizer> PackInfo::tokenizer() const {
  std::lock_guard<std::mutex> lock(mutex_);
  // Where memory was short, there may be some now.
  if (!tokenizer_ || tokenizer_->status().code() == StatusCode::OutOfMemory) {
    std::string what = "tokenizer.json of " + inQuotes(pack_->path());
    if (auto json = pack_->tokenizerJson())
      tokenizer_ = Tokenizer::fromJson(*json, what);
    else
      tokenizer_ = notFound("no tokenizer in pack " + inQuotes(pack_->path()) +
                            "; build it from a folder that has a "
                            "tokenizer.json");
  }
  return *tokenizer_;
}

Result<GenerationConfig> PackInfo::generationConfig() const {
  auto text = pack_->generationJson();
  if (!text)
    return GenerationConfig();
  return parseGenerationConfig(*text, "generation_config.json of " +
                                          inQuotes(pack_->path()));
}

/// What config.json says of it.
Result<EndTokens> PackInfo::configuredEndTokens() const {
  auto text = pack_->configJson();
  if (!text)
    return EndTokens(std::vector<int32_t>());
  std::string what = "config.json of " + inQuotes(pack_->path());
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json config, parseJson(*text, what));
  JsonScope scope(config);
  if (!config.is_object())
    return invalidData(what + ": must be an object, got " +
                       describeJsonKind(config));
  Result<EndTokens> tokens = readEndTokens(config);
  return tokens.ok() ? tokens : tokens.status().withContext(what);
}

Result<std::vector<int32_t>> PackInfo::endTokens() const {
  std::vector<int32_t> none;
  if (!manifest().model)
    return none;
  MAMBA_ASSIGN_OR_RETURN(GenerationConfig generation, generationConfig());
  if (generation.endTokens)
    return *generation.endTokens;
  MAMBA_ASSIGN_OR_RETURN(EndTokens configured, configuredEndTokens());
  if (configured)
    return *configured;
  if (!pack_->tokenizerJson())
    return none;
  MAMBA_ASSIGN_OR_RETURN(Tokenizer tokenizer, this->tokenizer());
  auto id = tokenizer.idOf("<|endoftext|>");
  if (id.ok() && tokenizer.isSpecial(*id))
    return std::vector<int32_t>{*id};
  return none;
}

Result<uint32_t> PackInfo::findEntry(std::string_view name) const {
  std::string names;
  for (uint32_t i = 0; i < manifest().entries.size(); ++i) {
    if (manifest().entries[i].name == name)
      return i;
    names += (i ? ", " : "") + inQuotes(manifest().entries[i].name);
  }
  return notFound("no entry " + inQuotes(name) + " in pack " +
                  inQuotes(pack_->path()) + "; it has " +
                  (names.empty() ? "none" : names));
}

} // namespace mamba
