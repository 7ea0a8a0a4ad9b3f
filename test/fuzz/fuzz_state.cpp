// Whatever the bytes are, as a state file for a small model: they are refused
// in one line and change nothing, or the slot holds them and writes them again.
#include "runtime/model/StateFile.h"
#include "runtime/support/Sha256.h"
#include "test/unit/model/FakeModel.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

using namespace mamba;
using namespace mamba::test;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_state: %s\n", what);
  std::abort();
}

namespace {

/// The model, and a slot with a sampler that hold something.
struct Target {
  Target()
      : session(fake.session()), sampler(*Sampler::create(kVocab, kValid, {})) {
    const std::vector<int32_t> tokens = {1, 4, 4, 7};
    SequenceTokens sequence{0, tokens};
    require(session->step({&sequence, 1}, WantLogits::None, {}).ok(),
            "no step");
    require(sampler.accept(tokens).ok(), "no token is accepted");
    bytes = *stateToBytes(*session, 0, &sampler);
  }

  Fake fake;
  std::unique_ptr<Session> session;
  Sampler sampler;
  std::string bytes; // of the slot as it is before each input
};

} // namespace

static std::span<const uint8_t> spanOf(const std::string &bytes) {
  return {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()};
}

static void check(Target &target, std::span<const uint8_t> bytes) {
  Session &session = *target.session;
  Status status = stateFromBytes(session, 0, &target.sampler, bytes);
  Result<std::string> after = stateToBytes(session, 0, &target.sampler);
  require(after.ok(), "a slot that cannot be written");
  if (!status.ok()) {
    require(!status.message().empty() &&
                status.message().find('\n') == std::string::npos,
            "a message that is not one line");
    require(*after == target.bytes, "a refused state changed something");
    return;
  }
  require(stateFromBytes(session, 0, &target.sampler, spanOf(*after)).ok(),
          "what was written is refused");
  require(*stateToBytes(session, 0, &target.sampler) == *after,
          "another state when read again");
  // It goes on.
  const int32_t token = 3;
  SequenceTokens sequence{0, {&token, 1}};
  require(session.step({&sequence, 1}, WantLogits::None, {}).ok(),
          "it does not go on");
  require(
      stateFromBytes(session, 0, &target.sampler, spanOf(target.bytes)).ok(),
      "the first state is refused");
}

/// The same file as one of the target's model, with a digest that is right: as
/// README.md of runtime/model has it. Nothing if it is none.
static std::optional<std::string> mend(std::span<const uint8_t> bytes) {
  auto file = SafetensorsFile::parse(bytes.data(), bytes.size(), "input");
  if (!file.ok())
    return std::nullopt;
  auto metadata = file->metadata();
  metadata["mamba.state"] = kStateFormat;
  metadata["mamba.signature"] = "f00d";
  Sha256 digest;
  for (const char *key : {"mamba.signature", "mamba.position", "mamba.sampler"})
    digest.update(metadata.contains(key) ? metadata[key] + "\n" : "\n");
  std::map<std::string, const TensorView *> byName;
  SafetensorsWriter writer;
  for (const TensorView &tensor : file->tensors())
    byName[tensor.name] = &tensor;
  for (const auto &[name, tensor] : byName) {
    digest.update(name + "\n");
    digest.update(tensor->data, tensor->bytes);
    if (!writer
             .addTensor(name, tensor->dtype, tensor->shape, tensor->data,
                        tensor->bytes)
             .ok())
      return std::nullopt;
  }
  metadata["mamba.sha256"] = toHex(digest.finish());
  for (const auto &[key, value] : metadata)
    if (!writer.setMetadata(key, value).ok())
      return std::nullopt;
  Result<std::string> mended = writer.serialize();
  return mended.ok() ? std::optional(*mended) : std::nullopt;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Target target;
  check(target, {data, size});
  // No mutation has the digest that it needs.
  if (std::optional<std::string> mended = mend({data, size}))
    check(target, spanOf(*mended));
  return 0;
}
