#include "runtime/model/StateFile.h"
#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <optional>

namespace mamba {

namespace {

/// Tensors by name: their bytes. What the digest covers.
using Contents = std::map<std::string, std::span<const uint8_t>, std::less<>>;

std::string digestOf(const std::string &signature, const std::string &position,
                     const std::string &sampler, const Contents &contents) {
  Sha256 digest;
  for (const std::string *text : {&signature, &position, &sampler}) {
    digest.update(*text);
    digest.update("\n");
  }
  for (const auto &[name, bytes] : contents) {
    digest.update(name);
    digest.update("\n");
    digest.update(bytes.data(), bytes.size());
  }
  return toHex(digest.finish());
}

std::vector<int64_t> withBatch(std::vector<int64_t> shape) {
  shape.insert(shape.begin(), 1);
  return shape;
}

std::span<const uint8_t> bytesOf(const auto &values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(values[0])};
}

std::string samplerToJson(const SamplerState &state) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  JsonScope scope(json);
  json["generator"] = "splitmix64";
  json["seed"] = state.options.seed;
  json["draws"] = state.draws;
  json["repetition_penalty"] = state.options.repetitionPenalty;
  json["temperature"] = state.options.temperature;
  json["top_k"] = state.options.topK;
  json["top_p"] = state.options.topP;
  json["min_p"] = state.options.minP;
  return json.dump();
}

/// JSON integers reach beyond int64 here.
Result<uint64_t> getUnsigned(const nlohmann::json &object, const char *key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned())
    return invalidData(inQuotes(key) + " must be an integer of at least 0");
  return found->get<uint64_t>();
}

Result<SamplerState> samplerFromJson(const std::string &text) {
  MAMBA_ASSIGN_OR_RETURN(nlohmann::json json, parseJson(text, "mamba.sampler"));
  JsonScope scope(json);
  if (!json.is_object())
    return invalidData("must be an object, got " + describeJsonKind(json));
  MAMBA_ASSIGN_OR_RETURN(std::string generator, getString(json, "generator"));
  if (generator != "splitmix64")
    return invalidData("generator must be 'splitmix64', got " +
                       inQuotes(generator));
  SamplerState state;
  SamplerOptions &options = state.options;
  MAMBA_ASSIGN_OR_RETURN(options.seed, getUnsigned(json, "seed"));
  MAMBA_ASSIGN_OR_RETURN(state.draws, getUnsigned(json, "draws"));
  MAMBA_ASSIGN_OR_RETURN(options.repetitionPenalty,
                         getDouble(json, "repetition_penalty"));
  MAMBA_ASSIGN_OR_RETURN(options.temperature, getDouble(json, "temperature"));
  MAMBA_ASSIGN_OR_RETURN(uint64_t topK, getUnsigned(json, "top_k"));
  if (topK > std::numeric_limits<uint32_t>::max())
    return invalidData("'top_k' is too large: " + std::to_string(topK));
  options.topK = static_cast<uint32_t>(topK);
  MAMBA_ASSIGN_OR_RETURN(options.topP, getDouble(json, "top_p"));
  MAMBA_ASSIGN_OR_RETURN(options.minP, getDouble(json, "min_p"));
  MAMBA_RETURN_IF_ERROR(options.validate());
  return state;
}

/// Reads and checks a state file.
class Reader {
public:
  Reader(const SafetensorsFile &file, const Model &model)
      : file_(file), model_(model) {}

  Status read();
  SlotSnapshot snapshot;
  std::optional<SamplerState> sampler;

private:
  Result<std::string> metadata(const char *key);
  Status readPosition(const std::string &text);
  Status readStates();
  Result<std::vector<int64_t>> readTokens(const char *name, uint64_t most,
                                          int64_t last);
  Status readSampler(const std::string &text);
  Status mismatch(const std::string &name, DType dtype,
                  std::span<const int64_t> shape, const TensorView *found);

  const SafetensorsFile &file_;
  const Model &model_;
};

Result<std::string> Reader::metadata(const char *key) {
  if (const std::string *value = file_.findMetadata(key))
    return *value;
  return invalidData("not a state file: it has no metadata '" +
                     std::string(key) + "'");
}

Status Reader::read() {
  MAMBA_ASSIGN_OR_RETURN(std::string format, metadata("mamba.state"));
  if (format != kStateFormat)
    return invalidData("state format " + inQuotes(format) +
                       " is unknown; this version reads " +
                       inQuotes(kStateFormat));
  MAMBA_ASSIGN_OR_RETURN(std::string signature, metadata("mamba.signature"));
  const std::string &expected = model_.manifest().model->signature;
  if (signature != expected)
    return invalidData("the state is of another model: expected signature " +
                       inQuotes(expected) + ", found " + inQuotes(signature));
  MAMBA_ASSIGN_OR_RETURN(std::string digest, metadata("mamba.sha256"));
  MAMBA_ASSIGN_OR_RETURN(std::string position, metadata("mamba.position"));
  const std::string *samplerText = file_.findMetadata("mamba.sampler");
  Contents contents;
  for (const TensorView &tensor : file_.tensors())
    contents.emplace(tensor.name,
                     std::span<const uint8_t>(tensor.data, tensor.bytes));
  std::string found =
      digestOf(signature, position, samplerText ? *samplerText : "", contents);
  if (found != digest)
    return invalidData("the file is damaged: expected sha256 " +
                       inQuotes(digest) + ", found '" + found + "'");

  MAMBA_RETURN_IF_ERROR(readPosition(position));
  MAMBA_RETURN_IF_ERROR(readStates());
  MAMBA_ASSIGN_OR_RETURN(
      auto recent, readTokens("recent_tokens", kRecentTokens,
                              int64_t(model_.manifest().model->vocabSize) - 1));
  snapshot.recent.assign(recent.begin(), recent.end());
  if (samplerText)
    return readSampler(*samplerText).withContext("mamba.sampler");
  return {};
}

Status Reader::readPosition(const std::string &text) {
  int64_t value = -1;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 ||
      value > kMaxPosition)
    return invalidData("mamba.position must be an integer from 0 to " +
                       std::to_string(kMaxPosition) + ", got " +
                       inQuotes(text));
  snapshot.position = value;
  return {};
}

Status Reader::mismatch(const std::string &name, DType dtype,
                        std::span<const int64_t> shape,
                        const TensorView *found) {
  return invalidData("tensor " + inQuotes(name) + ": expected " +
                     std::string(dtypeName(dtype)) + " " + formatShape(shape) +
                     ", found " +
                     (found ? std::string(dtypeName(found->dtype)) + " " +
                                  formatShape(found->shape)
                            : "none"));
}

Status Reader::readStates() {
  for (const StateSpec &state : model_.executable().states()) {
    const TensorView *tensor = file_.find(state.id);
    std::vector<int64_t> shape = withBatch(outsideShape(state));
    if (!tensor || tensor->dtype != state.dtype || tensor->shape != shape)
      return mismatch(state.id, state.dtype, shape, tensor);
    std::vector<uint8_t> pool(tensor->bytes);
    stateFromOutside(state, tensor->data, pool.data());
    snapshot.states.push_back(std::move(pool));
  }
  if (const TensorView *tensor = file_.find("logits")) {
    std::vector<int64_t> shape = {1,
                                  int64_t(model_.manifest().model->vocabSize)};
    if (tensor->dtype != DType::F32 || tensor->shape != shape)
      return mismatch("logits", DType::F32, shape, tensor);
    snapshot.logits.resize(shape[1]);
    std::memcpy(snapshot.logits.data(), tensor->data, tensor->bytes);
  }
  return {};
}

/// A list of at most `most` integers from 0 to `last`.
Result<std::vector<int64_t>> Reader::readTokens(const char *name, uint64_t most,
                                                int64_t last) {
  MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor, file_.get(name));
  if (tensor->dtype != DType::I64 || tensor->shape.size() != 1 ||
      uint64_t(tensor->shape[0]) > most)
    return invalidData("tensor " + inQuotes(name) + ": expected I64 [0 to " +
                       std::to_string(most) + "], found " +
                       std::string(dtypeName(tensor->dtype)) + " " +
                       formatShape(tensor->shape));
  std::vector<int64_t> values(tensor->shape[0]);
  if (!values.empty())
    std::memcpy(values.data(), tensor->data, tensor->bytes);
  for (int64_t value : values)
    if (value < 0 || value > last)
      return invalidData("tensor " + inQuotes(name) + " holds " +
                         std::to_string(value) + ", must be from 0 to " +
                         std::to_string(last));
  return values;
}

Status Reader::readSampler(const std::string &text) {
  MAMBA_ASSIGN_OR_RETURN(SamplerState state, samplerFromJson(text));
  int64_t vocabSize = model_.manifest().model->vocabSize;
  MAMBA_ASSIGN_OR_RETURN(
      auto tokens, readTokens("sampler.tokens", vocabSize, vocabSize - 1));
  MAMBA_ASSIGN_OR_RETURN(auto counts,
                         readTokens("sampler.counts", vocabSize,
                                    std::numeric_limits<int64_t>::max()));
  if (tokens.size() != counts.size())
    return invalidData("'sampler.tokens' has " + std::to_string(tokens.size()) +
                       " elements, 'sampler.counts' " +
                       std::to_string(counts.size()));
  for (size_t i = 0; i < tokens.size(); ++i)
    state.counts.emplace_back(static_cast<int32_t>(tokens[i]), counts[i]);
  sampler = std::move(state);
  return {};
}

Status checkModel(const Model &model) {
  if (model.manifest().model)
    return {};
  return unavailable("pack " + inQuotes(model.info().pack()->path()) +
                     " holds no model, so its states have no file");
}

/// Lays out the file of a slot and hands it to `finish`; what the writer
/// borrows lives until then.
Status layOut(Session &session, uint32_t slot, const Sampler *sampler,
              const std::function<Status(const SafetensorsWriter &)> &finish) {
  const Model &model = session.model();
  MAMBA_RETURN_IF_ERROR(checkModel(model));
  MAMBA_ASSIGN_OR_RETURN(SlotSnapshot snapshot, session.snapshot(slot));
  const std::string &signature = model.manifest().model->signature;
  std::string position = std::to_string(snapshot.position);

  SafetensorsWriter writer;
  Contents contents;
  auto add = [&](const std::string &name, DType dtype,
                 std::vector<int64_t> shape,
                 std::span<const uint8_t> bytes) -> Status {
    contents.emplace(name, bytes);
    return writer.addTensor(name, dtype, std::move(shape), bytes.data(),
                            bytes.size());
  };
  const auto &states = model.executable().states();
  std::vector<std::vector<uint8_t>> outside;
  outside.reserve(states.size()); // The writer borrows the elements.
  for (size_t i = 0; i < states.size(); ++i) {
    auto &bytes = outside.emplace_back(snapshot.states[i].size());
    stateToOutside(states[i], snapshot.states[i].data(), bytes.data());
    MAMBA_RETURN_IF_ERROR(add(states[i].id, states[i].dtype,
                              withBatch(outsideShape(states[i])), bytes));
  }
  if (!snapshot.logits.empty())
    MAMBA_RETURN_IF_ERROR(add("logits", DType::F32,
                              {1, int64_t(snapshot.logits.size())},
                              bytesOf(snapshot.logits)));
  std::vector<int64_t> recent(snapshot.recent.begin(), snapshot.recent.end());
  MAMBA_RETURN_IF_ERROR(add("recent_tokens", DType::I64,
                            {int64_t(recent.size())}, bytesOf(recent)));

  std::vector<int64_t> tokens, counts;
  std::string samplerText;
  if (sampler) {
    SamplerState state = sampler->state();
    samplerText = samplerToJson(state);
    for (auto [token, count] : state.counts) {
      tokens.push_back(token);
      counts.push_back(static_cast<int64_t>(count));
    }
    std::vector<int64_t> shape = {int64_t(tokens.size())};
    MAMBA_RETURN_IF_ERROR(
        add("sampler.tokens", DType::I64, shape, bytesOf(tokens)));
    MAMBA_RETURN_IF_ERROR(
        add("sampler.counts", DType::I64, shape, bytesOf(counts)));
    MAMBA_RETURN_IF_ERROR(writer.setMetadata("mamba.sampler", samplerText));
  }
  MAMBA_RETURN_IF_ERROR(writer.setMetadata("mamba.state", kStateFormat));
  MAMBA_RETURN_IF_ERROR(writer.setMetadata("mamba.signature", signature));
  MAMBA_RETURN_IF_ERROR(writer.setMetadata("mamba.position", position));
  MAMBA_RETURN_IF_ERROR(writer.setMetadata(
      "mamba.sha256", digestOf(signature, position, samplerText, contents)));
  return finish(writer);
}

/// Puts a file into a slot; nothing changes unless all of it is right.
Status take(Session &session, uint32_t slot, Sampler *sampler,
            const SafetensorsFile &file, const std::string &name) {
  Reader reader(file, session.model());
  if (Status read = reader.read(); !read.ok())
    return read.withContext(name);

  if (!sampler || !reader.sampler)
    return session.restore(slot, reader.snapshot);
  // Both or neither: the new sampler takes the old one's place at the end.
  Sampler loaded = *sampler;
  if (uint64_t vocab = session.model().manifest().model->vocabSize; sampler->vocabSize() != vocab)
    return invalidArgument("the sampler is for " + std::to_string(sampler->vocabSize()) +
                           " tokens, the model of " + name + " has " + std::to_string(vocab));
  if (Status restored = loaded.restore(*reader.sampler); !restored.ok())
    return restored.withContext(name);
  MAMBA_RETURN_IF_ERROR(session.restore(slot, reader.snapshot));
  *sampler = std::move(loaded);
  return {};
}

} // namespace

Status saveState(Session &session, uint32_t slot, const Sampler *sampler,
                 const std::string &path) {
  return layOut(session, slot, sampler, [&](const SafetensorsWriter &writer) {
    return writer.write(path);
  });
}

Status loadState(Session &session, uint32_t slot, Sampler *sampler,
                 const std::string &path) {
  MAMBA_RETURN_IF_ERROR(checkModel(session.model()));
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(path));
  return take(session, slot, sampler, file, "state file " + inQuotes(path));
}

Result<std::string> stateToBytes(Session &session, uint32_t slot,
                                 const Sampler *sampler) {
  std::string bytes;
  MAMBA_RETURN_IF_ERROR(
      layOut(session, slot, sampler, [&](const SafetensorsWriter &writer) {
        MAMBA_ASSIGN_OR_RETURN(bytes, writer.serialize());
        return Status();
      }));
  return bytes;
}

Status stateFromBytes(Session &session, uint32_t slot, Sampler *sampler,
                      std::span<const uint8_t> bytes) {
  MAMBA_RETURN_IF_ERROR(checkModel(session.model()));
  const std::string name = "state in memory";
  MAMBA_ASSIGN_OR_RETURN(
      SafetensorsFile file,
      SafetensorsFile::parse(bytes.data(), bytes.size(), name));
  return take(session, slot, sampler, file, name);
}

} // namespace mamba
