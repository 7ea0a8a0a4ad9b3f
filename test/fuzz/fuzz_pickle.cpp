// Files of torch.save: the reader refuses the bytes in one line, or every view
// that it gives lies in them and is as large as its shape says. The first byte
// says what the rest is: a whole archive, or the pickle of one with storages.
#include "runtime/support/TorchFile.h"
#include "test/unit/support/ZipBytes.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_pickle: %s\n", what);
  std::abort();
}

static void check(const std::string &bytes) {
  const auto *start = reinterpret_cast<const uint8_t *>(bytes.data());
  auto file = TorchFile::parse(start, bytes.size(), "input");
  if (!file.ok()) {
    const std::string &message = file.status().message();
    require(message.starts_with("'input': ") &&
                message.find('\n') == std::string::npos,
            "an odd message");
    return;
  }
  volatile uint8_t seen = 0;
  for (const TensorView &tensor : file->tensors()) {
    require(file->find(tensor.name) == &tensor, "a tensor is not found");
    require(tensorBytes(tensor.dtype, tensor.shape) == tensor.bytes,
            "a size that is not the shape's");
    require(tensor.data >= start &&
                uint64_t(tensor.data - start) <= bytes.size() &&
                tensor.bytes <= bytes.size() - uint64_t(tensor.data - start),
            "a tensor outside of the file");
    for (uint64_t i = 0; i < tensor.bytes; i += 64)
      seen = seen ^ tensor.data[i];
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string rest(reinterpret_cast<const char *>(data) + 1, size - 1);
  if (data[0] == 'P')
    check(test::zipBytes({{"a/data.pkl", rest},
                          {"a/data/0", std::string(64, 's')},
                          {"a/data/1", std::string(6, 's')}},
                         {.is64 = rest.size() % 2 == 1}));
  else
    check(rest);
  return 0;
}
