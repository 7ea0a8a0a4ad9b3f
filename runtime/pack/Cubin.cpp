#include "runtime/pack/Cubin.h"

#include "runtime/support/Quote.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>

namespace mamba {

namespace {

// ELF64, little endian: offsets of the fields that matter here.
constexpr uint16_t kMachineCuda = 190;
constexpr uint32_t kSectionNoBits = 8, kSectionSymbols = 2;
constexpr size_t kHeaderBytes = 64, kSectionBytes = 64, kSymbolBytes = 24;
/// st_info's type of a function, st_other's mark of a kernel.
constexpr uint8_t kFunction = 2, kEntry = 0x10;

/// Attributes of .nv.info: a format byte, a number, two bytes of value or, in
/// format 4, of length, then that many bytes.
constexpr uint8_t kSized = 4;
constexpr uint8_t kFrameSize = 0x11, kRegisterCount = 0x2f;

/// From sm_90 on the driver keeps the first KB of a block's shared memory, and
/// the section counts it.
constexpr unsigned kReservesShared = 90;
constexpr uint64_t kReservedShared = 1024;

struct Section {
  std::string_view name;
  uint32_t type = 0, link = 0;
  uint64_t size = 0;
  std::span<const uint8_t> bytes; // none of a section without bits
};

class CubinReader {
public:
  CubinReader(std::span<const uint8_t> bytes, const std::string &what)
      : bytes_(bytes), what_(what) {}

  Result<Cubin> read();

private:
  template <typename T> static T at(std::span<const uint8_t> bytes, size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  /// The string at an offset of a table; empty if it does not end in there.
  static std::string_view textAt(std::span<const uint8_t> table, uint64_t offset) {
    if (offset >= table.size())
      return {};
    const void *end = std::memchr(table.data() + offset, 0, table.size() - offset);
    if (!end)
      return {};
    const char *begin = reinterpret_cast<const char *>(table.data()) + offset;
    return {begin, size_t(static_cast<const char *>(end) - begin)};
  }
  Status damaged(const std::string &why) const {
    return invalidData(what_ + ": not a readable cubin: " + why);
  }
  Status readSections();
  Status readKernels(Cubin &cubin);
  void readAttributes(const Section &info);

  std::span<const uint8_t> bytes_;
  const std::string &what_;
  std::vector<Section> sections_;
  std::map<uint32_t, uint32_t> registers_, frames_; // by symbol
};

Status CubinReader::readSections() {
  uint64_t offset = at<uint64_t>(bytes_, 40);
  uint16_t entryBytes = at<uint16_t>(bytes_, 58), count = at<uint16_t>(bytes_, 60),
           names = at<uint16_t>(bytes_, 62);
  if (entryBytes != kSectionBytes || count == 0 || names >= count)
    return damaged("its table of sections is malformed");
  if (offset > bytes_.size() || (bytes_.size() - offset) / kSectionBytes < count)
    return damaged("its table of sections lies outside");
  std::vector<uint32_t> nameOffsets;
  for (size_t i = 0; i < count; ++i) {
    std::span<const uint8_t> entry = bytes_.subspan(offset + i * kSectionBytes, kSectionBytes);
    Section section;
    section.type = at<uint32_t>(entry, 4);
    section.link = at<uint32_t>(entry, 40);
    section.size = at<uint64_t>(entry, 32);
    uint64_t begin = at<uint64_t>(entry, 24);
    if (section.type != kSectionNoBits && section.size != 0) {
      if (begin > bytes_.size() || section.size > bytes_.size() - begin)
        return damaged("section " + std::to_string(i) + " lies outside");
      section.bytes = bytes_.subspan(begin, section.size);
    }
    nameOffsets.push_back(at<uint32_t>(entry, 0));
    sections_.push_back(section);
  }
  for (size_t i = 0; i < count; ++i)
    sections_[i].name = textAt(sections_[names].bytes, nameOffsets[i]);
  return {};
}

void CubinReader::readAttributes(const Section &info) {
  std::span<const uint8_t> rest = info.bytes;
  while (rest.size() >= 4) {
    uint8_t format = rest[0], attribute = rest[1];
    size_t size = format == kSized ? at<uint16_t>(rest, 2) : 0;
    rest = rest.subspan(4);
    if (size > rest.size())
      return;
    if (size >= 8 && (attribute == kRegisterCount || attribute == kFrameSize))
      (attribute == kFrameSize ? frames_ : registers_)[at<uint32_t>(rest, 0)] =
          at<uint32_t>(rest, 4);
    rest = rest.subspan(size);
  }
}

Status CubinReader::readKernels(Cubin &cubin) {
  std::map<std::string_view, uint64_t> shared;
  const Section *symbols = nullptr;
  constexpr std::string_view kShared = ".nv.shared.";
  for (const Section &section : sections_) {
    if (section.name == ".nv.info")
      readAttributes(section);
    else if (section.type == kSectionSymbols)
      symbols = &section;
    else if (section.name.starts_with(kShared))
      shared[section.name.substr(kShared.size())] = section.size;
  }
  if (!symbols || symbols->link >= sections_.size())
    return damaged("it has no symbols");
  std::span<const uint8_t> names = sections_[symbols->link].bytes;
  for (size_t i = 0; i < symbols->bytes.size() / kSymbolBytes; ++i) {
    std::span<const uint8_t> symbol = symbols->bytes.subspan(i * kSymbolBytes, kSymbolBytes);
    if ((symbol[4] & 15) != kFunction || !(symbol[5] & kEntry))
      continue;
    CubinKernel kernel;
    kernel.name = textAt(names, at<uint32_t>(symbol, 0));
    uint16_t index = at<uint16_t>(symbol, 6);
    uint64_t begin = at<uint64_t>(symbol, 8), size = at<uint64_t>(symbol, 16);
    if (kernel.name.empty() || index >= sections_.size())
      return damaged("symbol " + std::to_string(i) + " is malformed");
    std::span<const uint8_t> code = sections_[index].bytes;
    if (begin > code.size() || size > code.size() - begin)
      return damaged("the code of " + inQuotes(kernel.name) + " lies outside its section");
    kernel.code = code.subspan(begin, size);
    auto registers = registers_.find(uint32_t(i));
    if (registers == registers_.end())
      return damaged("it does not say how many registers " + inQuotes(kernel.name) + " needs");
    kernel.registers = registers->second;
    if (auto frame = frames_.find(uint32_t(i)); frame != frames_.end())
      kernel.localBytes = frame->second;
    if (auto bytes = shared.find(kernel.name); bytes != shared.end())
      kernel.sharedBytes = bytes->second;
    if (cubin.chip >= kReservesShared)
      kernel.sharedBytes -= std::min(kernel.sharedBytes, kReservedShared);
    cubin.kernels.push_back(std::move(kernel));
  }
  return {};
}

Result<Cubin> CubinReader::read() {
  // Magic, 64 bits, little endian.
  if (bytes_.size() < kHeaderBytes || std::memcmp(bytes_.data(), "\x7f" "ELF\2\1", 6) != 0 ||
      at<uint16_t>(bytes_, 18) != kMachineCuda)
    return invalidData(what_ + ": not a cubin: give the output of ptxas or nvJitLink");
  Cubin cubin;
  // The chip moved within the flags with version 8 of NVIDIA's ELF.
  uint32_t flags = at<uint32_t>(bytes_, 48);
  cubin.chip = (bytes_[8] >= 8 ? flags >> 8 : flags) & 0xff;
  MAMBA_RETURN_IF_ERROR(readSections());
  MAMBA_RETURN_IF_ERROR(readKernels(cubin));
  return cubin;
}

} // namespace

Result<Cubin> readCubin(std::span<const uint8_t> bytes, const std::string &what) {
  return CubinReader(bytes, what).read();
}

} // namespace mamba
