// Loads a target's code: an ELF shared object that needs no linking, see
// "Code" in runtime/pack/FORMAT.md. dlopen is not used: it takes files only,
// and matches libraries by name.
#pragma once

#include "runtime/pack/KernelABI.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Where the bytes of a code image go. All of it lies within its file.
struct ElfLayout {
  struct Segment {
    uint64_t address; // from the start of the image
    uint64_t bytes;   // in memory; what the file has not is zero
    uint64_t fileOffset, fileBytes;
    bool executable;
  };
  std::vector<Segment> segments; // rising, disjoint
  uint64_t imageBytes = 0;       // end of the last segment
  uint64_t alignment = 1;        // of the image; a power of two
};

/// Checks an object for `arch` (LLVM's name) and finds its segments. Reads the
/// ELF header, the program headers and the dynamic table, nothing else.
Result<ElfLayout> parseElf(std::span<const uint8_t> file,
                           std::string_view arch);

/// An object in memory, read-only and read-execute.
class ElfImage {
public:
  static Result<ElfImage> load(std::span<const uint8_t> file,
                               std::string_view arch);

  ElfImage() = default;
  ElfImage(ElfImage &&other) noexcept { swap(other); }
  ElfImage &operator=(ElfImage &&other) noexcept {
    swap(other);
    return *this;
  }
  ~ElfImage();

  /// The kernel at this offset in the image; a failure if there is no code.
  Result<MambaKernel> kernel(uint64_t entry) const;

private:
  void swap(ElfImage &other) noexcept;

  ElfLayout layout_;
  uint8_t *image_ = nullptr; // Within the mapping.
  void *mapping_ = nullptr;  // Owned.
  uint64_t mappedBytes_ = 0;
};

} // namespace mamba
