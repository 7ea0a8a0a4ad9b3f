#include "runtime/device/cpu/ElfImage.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <elf.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>

using namespace mamba;

static constexpr uint64_t kMaxImageBytes = uint64_t(1) << 30;
static constexpr uint64_t kMaxAlignment = uint64_t(1) << 21;
static constexpr unsigned kMaxProgramHeaders = 64;

static bool isPowerOfTwo(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

/// Whether [offset, offset + bytes) lies within `size`.
static bool isWithin(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

template <typename T>
static T loadAt(std::span<const uint8_t> file, uint64_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return value;
}

static std::optional<uint16_t> elfMachine(std::string_view arch) {
  if (arch == "x86_64")
    return EM_X86_64;
  if (arch == "aarch64")
    return EM_AARCH64;
  return std::nullopt;
}

static Status verifyHeader(std::span<const uint8_t> file,
                           std::string_view arch) {
  if (file.size() < sizeof(Elf64_Ehdr))
    return invalidData("the code has " + text(file.size()) +
                       " bytes, less than an ELF header");
  auto header = loadAt<Elf64_Ehdr>(file, 0);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return invalidData("the code is not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_ident[EI_VERSION] != EV_CURRENT ||
      header.e_version != EV_CURRENT)
    return invalidData("the code is not a little-endian ELF64 file");
  if (header.e_type != ET_DYN)
    return invalidData("the code must be a shared object (ELF type 3), got " +
                       text(header.e_type));
  std::optional<uint16_t> machine = elfMachine(arch);
  if (!machine || header.e_machine != *machine)
    return invalidData("the code is for ELF machine " + text(header.e_machine) +
                       ", not for " + inQuotes(arch));
  if (header.e_ehsize != sizeof(Elf64_Ehdr) ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return invalidData("the code's ELF headers have unknown sizes");
  if (header.e_phnum == 0 || header.e_phnum > kMaxProgramHeaders)
    return invalidData("the code must have 1 to " + text(kMaxProgramHeaders) +
                       " program headers, got " + text(header.e_phnum));
  if (!isWithin(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr),
                file.size()))
    return invalidData("the code's program headers lie outside of its " +
                       text(file.size()) + " bytes");
  return {};
}

/// The dynamic table must ask for nothing that a loader would have to do.
static Status verifyDynamic(std::span<const uint8_t> file,
                            const Elf64_Phdr &dynamic) {
  if (!isWithin(dynamic.p_offset, dynamic.p_filesz, file.size()))
    return invalidData("the code's dynamic table lies outside of its " +
                       text(file.size()) + " bytes");
  uint64_t count = dynamic.p_filesz / sizeof(Elf64_Dyn);
  for (uint64_t i = 0; i < count; ++i) {
    auto entry =
        loadAt<Elf64_Dyn>(file, dynamic.p_offset + i * sizeof(Elf64_Dyn));
    switch (entry.d_tag) {
    case DT_NULL:
      return {};
    case DT_NEEDED:
      return invalidData("the code needs another shared object, link it with "
                         "none");
    case DT_RELASZ:
    case DT_RELSZ:
    case DT_PLTRELSZ:
    case 35: // DT_RELRSZ, which older headers lack.
      if (entry.d_un.d_val != 0)
        return invalidData("the code has " + text(entry.d_un.d_val) +
                           " bytes of dynamic relocations (dynamic tag " +
                           text(entry.d_tag) +
                           "), compile it position-independent and without "
                           "undefined symbols");
      break;
    case DT_TEXTREL:
      return invalidData("the code has relocations of its text, compile it "
                         "position-independent");
    case DT_INIT:
    case DT_FINI:
      return invalidData("the code has initialisers, which never run");
    case DT_INIT_ARRAYSZ:
    case DT_FINI_ARRAYSZ:
    case DT_PREINIT_ARRAYSZ:
      if (entry.d_un.d_val != 0)
        return invalidData("the code has initialisers, which never run");
      break;
    }
  }
  return {};
}

/// A writable segment is taken, read-only, if it holds the dynamic table and
/// nothing else: linkers make it so, for a loader that is not us. `relro` is
/// what they ask to protect: the table and padding up to a page.
static bool holdsOnlyDynamic(const Elf64_Phdr &segment,
                             const std::vector<Elf64_Phdr> &headers) {
  auto covers = [&](uint32_t type, uint64_t bytes, bool inFile) {
    return std::any_of(
        headers.begin(), headers.end(), [&](const Elf64_Phdr &h) {
          return h.p_type == type && segment.p_vaddr >= h.p_vaddr &&
                 isWithin(segment.p_vaddr - h.p_vaddr, bytes,
                          inFile ? h.p_filesz : h.p_memsz);
        });
  };
  return covers(PT_DYNAMIC, segment.p_filesz, true) &&
         (segment.p_memsz == segment.p_filesz ||
          covers(PT_GNU_RELRO, segment.p_memsz, false));
}

static Status verifySegment(const Elf64_Phdr &segment,
                            const std::vector<Elf64_Phdr> &headers,
                            uint64_t fileSize) {
  if (!isWithin(segment.p_offset, segment.p_filesz, fileSize))
    return invalidData("a segment of the code lies outside of its " +
                       text(fileSize) + " bytes");
  if (segment.p_filesz > segment.p_memsz)
    return invalidData("a segment of the code has more bytes in the file than "
                       "in memory");
  if (!isWithin(segment.p_vaddr, segment.p_memsz, kMaxImageBytes))
    return invalidData("the code's image is larger than " +
                       text(kMaxImageBytes) + " bytes");
  if (segment.p_align > kMaxAlignment ||
      (segment.p_align != 0 && !isPowerOfTwo(segment.p_align)))
    return invalidData("a segment of the code has alignment " +
                       text(segment.p_align) +
                       ", allowed are powers of two "
                       "up to " +
                       text(kMaxAlignment));
  if ((segment.p_flags & PF_W) && (segment.p_flags & PF_X))
    return invalidData("a segment of the code is writable and executable");
  if ((segment.p_flags & PF_W) && !holdsOnlyDynamic(segment, headers))
    return invalidData("the code has writable data, kernels may have none");
  return {};
}

Result<ElfLayout> mamba::parseElf(std::span<const uint8_t> file,
                                  std::string_view arch) {
  MAMBA_RETURN_IF_ERROR(verifyHeader(file, arch));
  auto header = loadAt<Elf64_Ehdr>(file, 0);
  std::vector<Elf64_Phdr> headers;
  for (unsigned i = 0; i < header.e_phnum; ++i)
    headers.push_back(
        loadAt<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr)));

  for (const Elf64_Phdr &entry : headers) {
    if (entry.p_type == PT_TLS)
      return invalidData("the code has thread-local storage");
    if (entry.p_type == PT_INTERP)
      return invalidData("the code asks for a program interpreter");
    if (entry.p_type == PT_DYNAMIC)
      MAMBA_RETURN_IF_ERROR(verifyDynamic(file, entry));
  }
  ElfLayout layout;
  for (const Elf64_Phdr &entry : headers) {
    if (entry.p_type != PT_LOAD || entry.p_memsz == 0)
      continue;
    MAMBA_RETURN_IF_ERROR(verifySegment(entry, headers, file.size()));
    if (entry.p_vaddr < layout.imageBytes)
      return invalidData("segments of the code overlap or fall");
    layout.segments.push_back({entry.p_vaddr, entry.p_memsz, entry.p_offset,
                               entry.p_filesz, (entry.p_flags & PF_X) != 0});
    layout.imageBytes = entry.p_vaddr + entry.p_memsz;
    layout.alignment = std::max<uint64_t>(layout.alignment, entry.p_align);
  }
  if (layout.segments.empty())
    return invalidData("the code has nothing to load");
  return layout;
}

Result<ElfImage> ElfImage::load(std::span<const uint8_t> file,
                                std::string_view arch) {
  ElfImage image;
  MAMBA_ASSIGN_OR_RETURN(image.layout_, parseElf(file, arch));
  const ElfLayout &layout = image.layout_;
  uint64_t page = sysconf(_SC_PAGESIZE);
  for (size_t i = 1; i < layout.segments.size(); ++i) {
    const ElfLayout::Segment &before = layout.segments[i - 1];
    const ElfLayout::Segment &segment = layout.segments[i];
    if ((before.address + before.bytes - 1) / page == segment.address / page &&
        before.executable != segment.executable)
      return invalidData("code and data share a page of " + text(page) +
                         " bytes, link the code for pages of that size");
  }

  // Sizes and alignments are capped: no sum wraps.
  uint64_t bytes = (layout.imageBytes + page - 1) / page * page;
  image.mappedBytes_ = bytes + layout.alignment;
  void *mapping = mmap(nullptr, image.mappedBytes_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return outOfMemory("cannot get " + text(image.mappedBytes_) +
                       " bytes for code: " + std::strerror(errno));
  image.mapping_ = mapping;
  image.image_ = static_cast<uint8_t *>(mapping) +
                 -reinterpret_cast<uintptr_t>(mapping) % layout.alignment;
  for (const ElfLayout::Segment &segment : layout.segments)
    if (segment.fileBytes != 0)
      std::memcpy(image.image_ + segment.address,
                  file.data() + segment.fileOffset, segment.fileBytes);

  if (mprotect(mapping, image.mappedBytes_, PROT_READ) != 0)
    return ioError(std::string("cannot protect code: ") + std::strerror(errno));
  for (const ElfLayout::Segment &segment : layout.segments) {
    if (!segment.executable)
      continue;
    uint64_t start = segment.address / page * page;
    if (mprotect(image.image_ + start, segment.address + segment.bytes - start,
                 PROT_READ | PROT_EXEC) != 0)
      return ioError(std::string("the operating system refuses executable "
                                 "memory: ") +
                     std::strerror(errno));
    char *code = reinterpret_cast<char *>(image.image_ + segment.address);
    __builtin___clear_cache(code, code + segment.bytes);
  }
  return image;
}

ElfImage::~ElfImage() {
  if (mapping_)
    munmap(mapping_, mappedBytes_);
}

void ElfImage::swap(ElfImage &other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(image_, other.image_);
  std::swap(mapping_, other.mapping_);
  std::swap(mappedBytes_, other.mappedBytes_);
}

Result<MambaKernel> ElfImage::kernel(uint64_t entry) const {
  for (const ElfLayout::Segment &segment : layout_.segments)
    if (segment.executable && entry >= segment.address &&
        entry - segment.address < segment.fileBytes)
      return reinterpret_cast<MambaKernel>(image_ + entry);
  return invalidData("offset " + text(entry) + " is not in the code");
}
