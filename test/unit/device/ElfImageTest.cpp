// The loader against what compilers make and what attackers make of it.
#include "test/unit/device/TestPack.h"

#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/device/cpu/ElfImage.h"

#include <cstring>
#include <elf.h>
#include <functional>
#include <gtest/gtest.h>

using namespace mamba;

namespace {

/// A minimal object: one segment of headers and code.
struct SmallElf {
  SmallElf() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_version = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_machine = EM_X86_64;
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phoff = sizeof(header);
    header.e_phnum = 1;
    segments = {load(PF_R | PF_X, 0, 0x200)};
  }
  static Elf64_Phdr load(uint32_t flags, uint64_t address, uint64_t bytes) {
    Elf64_Phdr segment = {};
    segment.p_type = PT_LOAD;
    segment.p_flags = flags;
    segment.p_offset = segment.p_vaddr = address;
    segment.p_filesz = segment.p_memsz = bytes;
    segment.p_align = 4096;
    return segment;
  }
  Elf64_Phdr &add(uint32_t type, uint64_t address, uint64_t bytes) {
    Elf64_Phdr segment = load(PF_R, address, bytes);
    segment.p_type = type;
    segments.push_back(segment);
    header.e_phnum = segments.size();
    return segments.back();
  }
  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> file(fileSize);
    std::memcpy(file.data(), &header, sizeof(header));
    std::memcpy(file.data() + sizeof(header), segments.data(),
                segments.size() * sizeof(Elf64_Phdr));
    for (size_t i = 0; i < dynamic.size(); ++i)
      std::memcpy(file.data() + 0x1800 + i * sizeof(Elf64_Dyn), &dynamic[i],
                  sizeof(Elf64_Dyn));
    return file;
  }
  Result<ElfLayout> parse() const {
    std::vector<uint8_t> file = bytes();
    return parseElf(file, "x86_64");
  }
  std::string failure() const {
    Result<ElfLayout> layout = parse();
    return layout.ok() ? "no failure" : layout.status().message();
  }

  Elf64_Ehdr header = {};
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Dyn> dynamic; // At 0x1800 in the file.
  size_t fileSize = 0x2000;
};

} // namespace

TEST(ElfImage, LoadsWhatCompilersMake) {
  std::vector<uint8_t> object = readTestObject("TestKernels");
  auto image = ElfImage::load(object, hostArch());
  ASSERT_TRUE(image.ok()) << image.status().message();
  for (auto &[name, offset] : symbolsOf(object)) {
    if (!name.empty()) {
      EXPECT_TRUE(image->kernel(offset).ok()) << name;
    }
  }
  EXPECT_EQ(image->kernel(0).status().message(), "offset 0 is not in the code");
  EXPECT_FALSE(image->kernel(UINT64_MAX).ok());

  // It runs: packed[1] = 2 weight[1].
  auto kernel = image->kernel(symbolsOf(object)["doubleWeight"]);
  ASSERT_TRUE(kernel.ok());
  float weight[2] = {3, 4}, packed[2] = {0, 0};
  void *buffers[] = {weight, packed};
  MambaKernelArgs args = {};
  args.buffers = buffers;
  (*kernel)(&args, 1);
  EXPECT_EQ(packed[1], 8);
}

TEST(ElfImage, RefusesRelocationsAndWritableData) {
  std::vector<uint8_t> object = readTestObject("NeedsRelocation");
  auto layout = parseElf(object, hostArch());
  ASSERT_FALSE(layout.ok());
  EXPECT_NE(layout.status().message().find("bytes of dynamic relocations"),
            std::string::npos)
      << layout.status().message();
  object = readTestObject("WritableData");
  EXPECT_EQ(parseElf(object, hostArch()).status().message(),
            "the code has writable data, kernels may have none");
}

TEST(ElfImage, SmallElfIsFine) {
  SmallElf elf;
  auto layout = elf.parse();
  ASSERT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_EQ(layout->imageBytes, 0x200u);
  EXPECT_EQ(layout->alignment, 4096u);
}

TEST(ElfImage, Header) {
  auto expect = [](std::function<void(SmallElf &)> change,
                   const std::string &message) {
    SmallElf elf;
    change(elf);
    EXPECT_EQ(elf.failure(), message);
  };
  expect([](SmallElf &e) { e.header.e_ident[0] = 0; },
         "the code is not an ELF file");
  expect([](SmallElf &e) { e.header.e_ident[EI_CLASS] = ELFCLASS32; },
         "the code is not a little-endian ELF64 file");
  expect([](SmallElf &e) { e.header.e_ident[EI_DATA] = ELFDATA2MSB; },
         "the code is not a little-endian ELF64 file");
  expect([](SmallElf &e) { e.header.e_type = ET_EXEC; },
         "the code must be a shared object (ELF type 3), got 2");
  expect([](SmallElf &e) { e.header.e_machine = EM_AARCH64; },
         "the code is for ELF machine 183, not for 'x86_64'");
  expect([](SmallElf &e) { e.header.e_phentsize = 32; },
         "the code's ELF headers have unknown sizes");
  expect([](SmallElf &e) { e.header.e_phnum = 0; },
         "the code must have 1 to 64 program headers, got 0");
  expect([](SmallElf &e) { e.header.e_phnum = 65535; },
         "the code must have 1 to 64 program headers, got 65535");
  expect([](SmallElf &e) { e.header.e_phoff = UINT64_MAX - 8; },
         "the code's program headers lie outside of its 8192 bytes");
  expect([](SmallElf &e) { e.header.e_phoff = 0x2000 - 8; },
         "the code's program headers lie outside of its 8192 bytes");
}

TEST(ElfImage, Segments) {
  auto expect = [](std::function<void(Elf64_Phdr &)> change,
                   const std::string &message) {
    SmallElf elf;
    change(elf.segments[0]);
    EXPECT_EQ(elf.failure(), message);
  };
  expect([](Elf64_Phdr &s) { s.p_offset = 0x2000; },
         "a segment of the code lies outside of its 8192 bytes");
  expect([](Elf64_Phdr &s) { s.p_offset = UINT64_MAX; },
         "a segment of the code lies outside of its 8192 bytes");
  expect([](Elf64_Phdr &s) { s.p_memsz = 1; },
         "a segment of the code has more bytes in the file than in memory");
  expect([](Elf64_Phdr &s) { s.p_memsz = uint64_t(1) << 40; },
         "the code's image is larger than 1073741824 bytes");
  expect([](Elf64_Phdr &s) { s.p_vaddr = UINT64_MAX - 0x100; },
         "the code's image is larger than 1073741824 bytes");
  expect([](Elf64_Phdr &s) { s.p_align = 3; },
         "a segment of the code has alignment 3, allowed are powers of two up "
         "to 2097152");
  expect([](Elf64_Phdr &s) { s.p_align = uint64_t(1) << 60; },
         "a segment of the code has alignment 1152921504606846976, allowed are "
         "powers of two up to 2097152");
  expect([](Elf64_Phdr &s) { s.p_flags |= PF_W; },
         "a segment of the code is writable and executable");
  expect([](Elf64_Phdr &s) { s.p_flags = PF_R | PF_W; },
         "the code has writable data, kernels may have none");
  expect([](Elf64_Phdr &s) { s.p_type = PT_NOTE; },
         "the code has nothing to load");
  SmallElf elf;
  elf.add(PT_LOAD, 0x100, 0x100);
  EXPECT_EQ(elf.failure(), "segments of the code overlap or fall");
  elf = SmallElf();
  elf.add(PT_TLS, 0x100, 0x100);
  EXPECT_EQ(elf.failure(), "the code has thread-local storage");
  elf = SmallElf();
  elf.add(PT_INTERP, 0x100, 0x100);
  EXPECT_EQ(elf.failure(), "the code asks for a program interpreter");
}

TEST(ElfImage, DynamicTable) {
  auto failureOf = [](int64_t tag, uint64_t value) {
    SmallElf elf;
    elf.dynamic = {{DT_SONAME, {1}},
                   {tag, {value}},
                   {DT_NULL, {0}},
                   {DT_NEEDED, {1}}}; // After the end: not read.
    elf.add(PT_DYNAMIC, 0x1800, 4 * sizeof(Elf64_Dyn));
    return elf.failure();
  };
  EXPECT_EQ(failureOf(DT_HASH, 8), "no failure");
  EXPECT_EQ(failureOf(DT_RELASZ, 0), "no failure");
  EXPECT_EQ(failureOf(DT_NEEDED, 1),
            "the code needs another shared object, link it with none");
  for (int64_t tag : {int64_t(DT_RELASZ), int64_t(DT_RELSZ),
                      int64_t(DT_PLTRELSZ), int64_t(35)})
    EXPECT_EQ(failureOf(tag, 24),
              "the code has 24 bytes of dynamic relocations (dynamic tag " +
                  std::to_string(tag) +
                  "), compile it position-independent and without undefined "
                  "symbols");
  EXPECT_EQ(failureOf(DT_TEXTREL, 0), "the code has relocations of its text, "
                                      "compile it position-independent");
  EXPECT_EQ(failureOf(DT_INIT, 64),
            "the code has initialisers, which never run");
  EXPECT_EQ(failureOf(DT_INIT_ARRAYSZ, 8),
            "the code has initialisers, which never run");
  SmallElf elf;
  elf.add(PT_DYNAMIC, 0x1ff8, 16);
  EXPECT_EQ(elf.failure(),
            "the code's dynamic table lies outside of its 8192 bytes");
}

// Linkers put the dynamic table alone into a writable segment.
TEST(ElfImage, WritableDynamicTable) {
  SmallElf elf;
  elf.dynamic = {{DT_NULL, {0}}};
  elf.add(PT_DYNAMIC, 0x1800, 16);
  elf.add(PT_LOAD, 0x1800, 16).p_flags = PF_R | PF_W;
  EXPECT_EQ(elf.failure(), "no failure");
  elf.segments[2].p_memsz = 0x800; // Padding that nobody accounts for.
  EXPECT_EQ(elf.failure(), "the code has writable data, kernels may have none");
  elf.add(PT_GNU_RELRO, 0x1800, 0x800);
  EXPECT_EQ(elf.failure(), "no failure");
  elf.segments[2].p_filesz = 24; // More than the table.
  EXPECT_EQ(elf.failure(), "the code has writable data, kernels may have none");
}

TEST(ElfImage, CodeAndDataOnOnePage) {
  SmallElf elf;
  elf.segments[0].p_flags = PF_R;
  elf.add(PT_LOAD, 0x400, 0x100).p_flags = PF_R | PF_X;
  std::vector<uint8_t> file = elf.bytes();
  EXPECT_EQ(ElfImage::load(file, "x86_64")
                .status()
                .message()
                .rfind("code and data share a page of ", 0),
            0u);
}

// Cut or changed anywhere, parsing ends in an answer.
TEST(ElfImage, DamagedFiles) {
  std::vector<uint8_t> object = readTestObject("TestKernels");
  for (size_t size = 0; size < std::min<size_t>(object.size(), 2048); ++size)
    (void)parseElf({object.data(), size}, hostArch()).ok();
  for (size_t at = 0; at < 1024; ++at)
    for (uint8_t bit = 1; bit != 0; bit <<= 1) {
      std::vector<uint8_t> changed = object;
      changed[at] ^= bit;
      auto layout = parseElf(changed, hostArch());
      if (!layout.ok())
        continue;
      for (const ElfLayout::Segment &segment : layout->segments)
        EXPECT_LE(segment.fileOffset + segment.fileBytes, changed.size());
    }
}
