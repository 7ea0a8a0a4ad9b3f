#include "compiler/codegen/Link.h"

#include "lld/Common/Driver.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include <list>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace mamba {

using Elf = object::ELFObjectFile<object::ELF64LE>;

// What lld leaves to the dynamic loader is an error: ours does nothing but map.
static bool standsAlone(const Elf &file, std::string &error) {
  const auto &elf = file.getELFFile();
  auto headers = elf.program_headers();
  auto sections = elf.sections();
  if (!headers || !sections) {
    error = "lld wrote a file without headers";
    consumeError(headers.takeError());
    consumeError(sections.takeError());
    return false;
  }
  for (const auto &header : *headers)
    if (header.p_type == ELF::PT_TLS) {
      error = "the kernels have thread-local storage";
      return false;
    }
  for (const auto &section : *sections) {
    StringRef name = cantFail(elf.getSectionName(section));
    bool relocations = section.sh_type == ELF::SHT_RELA || section.sh_type == ELF::SHT_REL;
    bool writable = (section.sh_flags & ELF::SHF_ALLOC) && (section.sh_flags & ELF::SHF_WRITE) &&
                    section.sh_type != ELF::SHT_DYNAMIC &&
                    !(section.sh_type == ELF::SHT_NOBITS && name == ".relro_padding");
    if ((relocations || writable) && section.sh_size) {
      error = (Twine("the kernels have ") + (relocations ? "dynamic relocations" : "writable data") +
               " in section " + name)
                  .str();
      return false;
    }
  }
  for (const object::ELFSymbolRef &symbol : file.getDynamicSymbolIterators()) {
    auto flags = symbol.getFlags();
    StringRef name = cantFail(symbol.getName());
    if (flags && (*flags & object::SymbolRef::SF_Undefined) && !name.empty()) {
      error = "the kernels call '" + name.str() + "', which nothing defines";
      return false;
    }
  }
  return true;
}

// lld would say it in several lines, and where in the object.
static bool isClosed(StringRef object, std::string &error) {
  auto file = object::ObjectFile::createELFObjectFile(MemoryBufferRef(object, "kernels"));
  if (!file) {
    error = "LLVM wrote no ELF file: " + toString(file.takeError());
    return false;
  }
  for (const object::ELFSymbolRef symbol : (*file)->symbols()) {
    uint32_t flags = cantFail(symbol.getFlags());
    StringRef name = cantFail(symbol.getName());
    if ((flags & object::SymbolRef::SF_Undefined) && !name.empty()) {
      error = "the kernels call '" + name.str() +
              "', which is not theirs: a pack links to no library, compute it inline";
      return false;
    }
  }
  return true;
}

/// A temporary file with these bytes.
static bool writeTemporary(StringRef suffix, StringRef bytes, SmallString<128> &path,
                           std::string &error) {
  int fd = -1;
  if (std::error_code code = sys::fs::createTemporaryFile("mamba-kernels", suffix, fd, path)) {
    error = "cannot write a temporary file: " + code.message();
    return false;
  }
  raw_fd_ostream os(fd, /*shouldClose=*/true);
  os << bytes;
  os.close();
  if (!os.has_error())
    return true;
  error = ("cannot write '" + path + "': " + os.error().message() +
           "; make room, or name another folder for temporary files with TMPDIR")
              .str();
  os.clear_error(); // Or LLVM ends the program.
  sys::fs::remove(path);
  return false;
}

bool linkSharedObject(ArrayRef<std::string> objects, SharedObject &result, std::string &error) {
  static std::mutex oneAtATime;
  std::lock_guard lock(oneAtATime);
  std::vector<const char *> args = {
      "ld.lld", "-shared", "--no-undefined", "--build-id=none", "--hash-style=sysv", "--threads=1",
      "-z", "norelro", "-z", "rodynamic", "-z", "separate-code", "-Bsymbolic", "--strip-all"};
  std::list<SmallString<128>> paths;
  std::list<FileRemover> removers;
  auto addFile = [&](StringRef suffix, StringRef bytes) {
    bool written = writeTemporary(suffix, bytes, paths.emplace_back(), error);
    if (written)
      removers.emplace_back(paths.back());
    return written;
  };
  for (const std::string &object : objects) {
    if (!isClosed(object, error) || !addFile("o", object))
      return false;
    args.push_back(paths.back().c_str());
  }
  if (!addFile("so", ""))
    return false;
  const char *out = paths.back().c_str();
  args.insert(args.end(), {"-o", out});

  std::string log;
  raw_string_ostream logStream(log);
  lld::Result linked = lld::lldMain(args, logStream, logStream, {{lld::Gnu, &lld::elf::link}});
  if (linked.retCode != 0) {
    error = "lld: " + StringRef(log).split('\n').first.str();
    return false;
  }
  auto buffer = MemoryBuffer::getFile(out, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    error = "cannot read what lld wrote: " + buffer.getError().message();
    return false;
  }
  auto file = Elf::create((*buffer)->getMemBufferRef());
  if (!file) {
    error = "lld wrote no ELF file: " + toString(file.takeError());
    return false;
  }
  if (!standsAlone(*file, error))
    return false;
  for (const object::ELFSymbolRef &symbol : file->getDynamicSymbolIterators())
    if (cantFail(symbol.getType()) == object::SymbolRef::ST_Function)
      result.entries[cantFail(symbol.getName()).str()] = cantFail(symbol.getValue());
  result.elf.assign((*buffer)->getBufferStart(), (*buffer)->getBufferEnd());
  return true;
}

} // namespace mamba
