// Whatever the bytes are: parseElf refuses them in one line, or its segments
// lie in the file and in the image, one after another.
#include "runtime/device/cpu/ElfImage.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_elf: %s\n", what);
  std::abort();
}

static void checkLoaded(std::span<const uint8_t> file, const char *arch,
                        const ElfLayout &layout) {
  if (layout.imageBytes > 1 << 24) // Would only cost time.
    return;
  Result<ElfImage> image = ElfImage::load(file, arch);
  if (!image.ok())
    return;
  for (const ElfLayout::Segment &segment : layout.segments)
    require(image->kernel(segment.address).ok() ==
                (segment.executable && segment.fileBytes != 0),
            "a kernel outside of the code, or none inside");
  require(!image->kernel(layout.imageBytes).ok(), "a kernel past the image");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (const char *arch : {"x86_64", "aarch64"}) {
    std::span<const uint8_t> file(data, size);
    Result<ElfLayout> layout = parseElf(file, arch);
    if (!layout.ok()) {
      require(layout.status().message().find('\n') == std::string::npos,
              "a message that is not one line");
      continue;
    }
    uint64_t end = 0;
    for (const ElfLayout::Segment &segment : layout->segments) {
      require(segment.fileBytes <= size &&
                  segment.fileOffset <= size - segment.fileBytes,
              "a segment outside of the file");
      require(segment.fileBytes <= segment.bytes, "a segment that overflows");
      require(segment.address >= end, "segments that overlap");
      end = segment.address + segment.bytes;
    }
    require(end == layout->imageBytes, "a wrong image size");
    checkLoaded(file, arch, *layout);
  }
  return 0;
}
