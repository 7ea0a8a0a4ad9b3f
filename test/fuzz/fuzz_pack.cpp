// Whatever the bytes are, as a pack or as the manifest in one: they are
// refused in one line, or all that is promised of them holds.
#include "runtime/device/Step.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/pack/Pack.h"

#include <cstdio>
#include <cstdlib>

using namespace mamba;

static void require(bool condition, const char *what) {
  if (condition)
    return;
  std::fprintf(stderr, "fuzz_pack: %s\n", what);
  std::abort();
}

static void requireOneLine(const Status &status) {
  require(!status.message().empty() &&
              status.message().find('\n') == std::string::npos,
          "a message that is not one line");
}

/// What a device trusts after verification.
static void checkGrid(const Grid &grid) {
  uint64_t rows = grid.of.kind == RowKind::Constant ? grid.of.value
                                                    : grid.maxRows();
  uint64_t tiles = (rows + grid.block - 1) / grid.block * grid.times;
  require(tiles <= kMaxTiles, "too many tiles");
}

static void checkDispatch(const TargetSpec &target, const Dispatch &dispatch) {
  require(dispatch.kernel < target.kernels.size(), "a kernel out of range");
  require(dispatch.args.size() <= kMaxDispatchArgs, "too many arguments");
  checkGrid(dispatch.grid);
  for (const DispatchVariant &variant : dispatch.variants) {
    require(variant.kernel < target.kernels.size(), "a kernel out of range");
    checkGrid(variant.grid);
    require(&dispatch.choose(variant.maxSequences).grid == &variant.grid,
            "a variant that is never chosen");
  }
}

static void checkLaunch(const TargetSpec &target, const KernelSpec &kernel) {
  require(kernel.launch.has_value() == (target.device == "cuda"),
          "a launch where none belongs, or none");
  if (!kernel.launch)
    return;
  require(kernel.launch->threads - 1 < kMaxBlockThreads &&
              kernel.launch->threads % kWarpThreads == 0,
          "a block that cannot be");
  require(kernel.launch->shared <= kMaxStaticShared, "too much shared memory");
  require(!kernel.launch->overlap || std::atoi(target.arch.c_str() + 3) >= 90,
          "an overlapping launch on an old chip");
}

static void checkManifest(const Manifest &manifest) {
  std::string text = writeManifest(manifest);
  Result<Manifest> again = readManifest(text, "again");
  require(again.ok(), again.status().message().c_str());
  require(writeManifest(*again) == text, "another manifest when read again");
  collectStates(manifest);
  for (const TargetSpec &target : manifest.targets) {
    for (const KernelSpec &kernel : target.kernels)
      checkLaunch(target, kernel);
    for (const Dispatch &dispatch : target.recipe)
      checkDispatch(target, dispatch);
    for (const Program &program : target.programs)
      for (const Dispatch &dispatch : program.dispatches)
        checkDispatch(target, dispatch);
    ProgramTable table(manifest, target);
    const int64_t seqStart[] = {0, 1, 5};
    const int32_t slot[] = {0, 1};
    const int64_t position[] = {0, 0};
    for (uint32_t entry = 0; entry < manifest.entries.size(); ++entry)
      (void)table.choose(entry, {seqStart, slot, position}, false).ok();
  }
}

static void checkPack(const Pack &pack) {
  checkManifest(pack.manifest());
  for (const TargetSpec &target : pack.manifest().targets) {
    // Larger code only costs time here.
    bool isSmall = false;
    for (const BlobSpec &blob : pack.manifest().blobs)
      isSmall |= blob.name == target.code && blob.rawBytes < 1 << 20;
    if (!isSmall)
      continue;
    Result<std::vector<uint8_t>> code = pack.code(target.code);
    if (code.ok())
      (void)parseElf(*code, target.arch).ok();
    else
      requireOneLine(code.status());
  }
  if (Status status = pack.verifyBlobs(); !status.ok())
    requireOneLine(status);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<std::shared_ptr<const Pack>> pack = Pack::parse(data, size, "input");
  if (pack.ok())
    checkPack(**pack);
  else
    requireOneLine(pack.status());
  Result<Manifest> manifest =
      readManifest({reinterpret_cast<const char *>(data), size}, "input");
  if (manifest.ok())
    checkManifest(*manifest);
  else
    requireOneLine(manifest.status());
  return 0;
}
