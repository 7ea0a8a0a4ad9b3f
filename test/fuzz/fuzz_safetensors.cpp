// Whatever the bytes are: the reader refuses them in one line, or every view
// that it gives is readable and writing the tensors anew reads back the same.
#include "runtime/support/Safetensors.h"
#include "runtime/support/SafetensorsWriter.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_safetensors: %s\n", what);
  std::abort();
}

static bool equalTensors(const TensorView &a, const TensorView &b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes &&
         std::memcmp(a.data, b.data, a.bytes) == 0;
}

static void checkRoundTrip(const SafetensorsFile &file, uint64_t alignment) {
  SafetensorsWriter writer(alignment);
  for (const auto &[key, value] : file.metadata())
    require(writer.setMetadata(key, value).ok(), "metadata is refused");
  size_t added = 0;
  for (const TensorView &tensor : file.tensors()) {
    // The writer keeps more names for itself than the reader hides.
    if (tensor.name.starts_with(kSafetensorsPadPrefix))
      continue;
    require(writer
                .addTensor(tensor.name, tensor.dtype, tensor.shape, tensor.data,
                           tensor.bytes)
                .ok(),
            "a tensor is refused");
    ++added;
  }
  auto bytes = writer.serialize();
  require(bytes.ok(), "writing fails");
  auto again = SafetensorsFile::parse(
      reinterpret_cast<const uint8_t *>(bytes->data()), bytes->size(), "again");
  require(again.ok(), again.status().message().c_str());
  require(again->tensors().size() == added, "tensors are lost");
  require(again->metadata() == file.metadata(), "metadata is changed");
  for (const TensorView &tensor : again->tensors()) {
    const TensorView *original = file.find(tensor.name);
    require(original && equalTensors(*original, tensor), "a tensor is changed");
    require(alignment == 0 || again->fileOffset(tensor) % alignment == 0,
            "a tensor is not aligned");
  }
}

static void check(const uint8_t *data, size_t size) {
  auto file = SafetensorsFile::parse(data, size, "input");
  if (!file.ok()) {
    const std::string &message = file.status().message();
    require(!message.empty() && message.find('\n') == std::string::npos,
            "a message that is not one line");
    return;
  }
  volatile uint8_t seen = 0;
  uint64_t total = 0;
  for (const TensorView &tensor : file->tensors()) {
    require(file->find(tensor.name) == &tensor, "a tensor is not found");
    require(tensorBytes(tensor.dtype, tensor.shape) == tensor.bytes,
            "a size that is not the shape's");
    for (uint64_t i = 0; i < tensor.bytes; ++i)
      seen = seen ^ tensor.data[i];
    total += tensor.bytes;
  }
  require(total <= size, "more data than the file has");
  // The header's length is as good a coin as any.
  checkRoundTrip(*file, data[0] % 2 ? 64 : 0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(data, size);
  // Mutations of the header seldom change its length to fit: mend it, so that
  // what lies behind that check is reached too.
  constexpr size_t kLengthBytes = 8;
  std::vector<uint8_t> mended(data, data + size);
  auto brace = std::find(mended.rbegin(), mended.rend(), '}');
  size_t end = size_t(mended.rend() - brace);
  if (end > kLengthBytes) {
    for (size_t i = 0; i < kLengthBytes; ++i)
      mended[i] = uint8_t(uint64_t(end - kLengthBytes) >> (8 * i));
    check(mended.data(), mended.size());
  }
  return 0;
}
