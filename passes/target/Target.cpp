#include "passes/target/ScheduleDatabase.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

using namespace mlir;

namespace mamba {

bool Target::has(StringRef feature) const {
  return llvm::is_contained(features, feature);
}

StringRef tokenClassName(TokenClass c) {
  switch (c) {
  case TokenClass::Invariant:
    return "invariant";
  case TokenClass::Decode:
    return "decode";
  case TokenClass::Few:
    return "few";
  case TokenClass::Long:
    return "long";
  case TokenClass::Prefill:
    return "prefill";
  }
  llvm_unreachable("all classes are named");
}

// The levels of the x86-64 psABI, under LLVM's names. Kernels use no other
// feature: more would only narrow where a pack runs.
static constexpr StringRef x86V3[] = {"avx",  "avx2", "bmi",    "bmi2", "cmov",   "cx16",
                                      "cx8",  "f16c", "fma",    "fxsr", "lzcnt",  "movbe",
                                      "popcnt", "sahf", "sse",  "sse2", "sse3",   "sse4.1",
                                      "sse4.2", "ssse3", "xsave"};
static constexpr StringRef x86V4[] = {"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"};
static constexpr StringRef x86Beyond[] = {"avx512bf16", "avx512vnni"};
// What every processor with tiles has too, as far as kernels use it.
static constexpr StringRef x86Amx[] = {"amx-bf16", "amx-int8", "amx-tile", "prfchw"};
static constexpr ArrayRef<StringRef> x86Levels[] = {x86V3, x86V4, x86Beyond, x86Amx};

// What every AArch64 processor of a computer or a phone has; dot products of bytes, an
// extension of Armv8.2; and products of bf16, of Armv8.6.
static constexpr StringRef armBase[] = {"fp-armv8", "neon"};
static constexpr StringRef armDotProduct[] = {"dotprod"};
static constexpr StringRef armBf16[] = {"bf16"};
static constexpr ArrayRef<StringRef> armLevels[] = {armBase, armDotProduct, armBf16};

namespace {
/// A machine that has the first so many levels of its architecture.
struct CpuMachine {
  StringRef name;
  unsigned levels;
};
/// An architecture: its levels, each with all before it, and the machines.
struct CpuFamily {
  StringRef arch;
  ArrayRef<ArrayRef<StringRef>> levels;
  ArrayRef<CpuMachine> machines;

  /// The features of the first so many levels.
  std::vector<std::string> features(unsigned count) const {
    std::vector<std::string> all;
    for (ArrayRef<StringRef> level : levels.take_front(count))
      all.insert(all.end(), level.begin(), level.end());
    return all;
  }
};
} // namespace
static constexpr CpuMachine x86Machines[] = {
    {"x86-64-v3", 1}, {"x86-64-v4", 2}, {"x86-64-v4-vnni", 3}, {"x86-64-v4-amx", 4}};
static constexpr CpuMachine armMachines[] = {
    {"aarch64", 1}, {"aarch64-dotprod", 2}, {"aarch64-bf16", 3}};
static constexpr CpuFamily families[] = {{"x86_64", x86Levels, x86Machines},
                                         {"aarch64", armLevels, armMachines}};

/// Whether the operating system lets processes use tile registers.
static bool grantsTiles() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long requestPermission = 0x1023, tileData = 18; // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

/// What LLVM does not ask an AArch64 processor for.
static void addArmFeatures(llvm::StringMap<bool> &host) {
#if defined(__aarch64__) && defined(__linux__)
  host["fp-armv8"] = host["neon"] = true;
  host["dotprod"] = getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
  host["bf16"] = getauxval(AT_HWCAP2) & HWCAP2_BF16;
#endif
}

std::string databaseTarget(const Target &target) {
  if (target.name != "cpu:native")
    return target.name;
  for (const CpuFamily &family : families)
    for (const CpuMachine &machine : llvm::reverse(family.machines))
      if (family.arch == target.arch &&
          llvm::all_of(family.features(machine.levels),
                       [&](const std::string &feature) { return target.has(feature); }))
        return ("cpu:" + machine.name).str();
  return {};
}

static void setX86Limits(Target &target) {
  bool wide = target.has("avx512f") && target.has("avx512vl") &&
              target.has("avx512dq") && target.has("avx512bw");
  target.lanes = wide ? 16 : target.has("avx") ? 8 : 4;
  target.registers = wide ? 32 : 16;
  if (wide)
    target.l2Bytes = 2 << 20;
  if (target.has("amx-tile"))
    target.l1Bytes = 48 << 10;
  target.roundsToBf16 = target.has("avx512bf16");
}

static Target cpuTarget(StringRef name, StringRef arch, ArrayRef<std::string> features) {
  Target target;
  target.name = name.str();
  target.device = "cpu";
  target.arch = arch.str();
  target.features.assign(features.begin(), features.end());
  llvm::sort(target.features);
  if (target.isArm()) {
    target.lanes = 4;
    target.roundsToBf16 = target.has("bf16");
  } else {
    setX86Limits(target);
  }
  return target;
}

/// This machine. Its features are the hardware's own word; the name that LLVM guesses
/// for it may be wrong.
static FailureOr<Target> nativeTarget(StringRef name, std::string &error) {
  StringRef arch =
      llvm::Triple::getArchTypeName(llvm::Triple(llvm::sys::getProcessTriple()).getArch());
  const CpuFamily *family = llvm::find_if(
      families, [&](const CpuFamily &family) { return family.arch == arch; });
  if (family == std::end(families)) {
    error = "target 'cpu:native' is not supported on this machine: only x86_64 and aarch64 are";
    return failure();
  }
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  addArmFeatures(host);
  auto isThere = [&](StringRef feature) { return host.lookup(feature); };
  std::vector<std::string> features;
  for (ArrayRef<StringRef> level : family->levels)
    if (level.data() != x86Amx || (llvm::all_of(level, isThere) && grantsTiles()))
      for (StringRef feature : llvm::make_filter_range(level, isThere))
        features.push_back(feature.str());
  return cpuTarget(name, arch, features);
}

namespace {
/// A chip and the lowest version of PTX that LLVM writes for it without loss.
struct Chip {
  StringRef name, ptx;
};
} // namespace
static constexpr Chip chips[] = {{"sm_75", "ptx80"},  {"sm_80", "ptx80"},  {"sm_86", "ptx80"},
                                 {"sm_89", "ptx80"},  {"sm_90", "ptx80"},  {"sm_90a", "ptx80"},
                                 {"sm_100", "ptx86"}, {"sm_120", "ptx87"}};

std::vector<std::string> knownTargetNames() {
  std::vector<std::string> names;
  for (const CpuFamily &family : families)
    for (const CpuMachine &machine : family.machines)
      names.push_back(("cpu:" + machine.name).str());
  for (const Chip &chip : chips)
    names.push_back(("cuda:" + chip.name).str());
  return names;
}

static std::string knownTargets() {
  return "cpu:native, " + llvm::join(knownTargetNames(), ", ");
}

FailureOr<Target> parseTarget(StringRef name, std::string &error) {
  StringRef device, machine;
  std::tie(device, machine) = name.split(':');
  if (device == "cpu" && machine == "native")
    return nativeTarget(name, error);
  if (device == "cpu")
    for (const CpuFamily &family : families)
      for (const CpuMachine &known : family.machines)
        if (known.name == machine)
          return cpuTarget(name, family.arch, family.features(known.levels));
  if (device == "cuda")
    for (const Chip &chip : chips)
      if (chip.name == machine) {
        Target target;
        target.name = name.str();
        target.device = "cuda";
        target.arch = machine.str();
        target.features = {chip.ptx.str()};
        StringRef(chip.name).drop_front(3).consumeInteger(10, target.chip);
        target.roundsToBf16 = target.chip >= 80;
        return target;
      }
  if (device == "cpu")
    error = ("target '" + name + "' is not supported by this version; known: ").str() + knownTargets();
  else
    error = ("unknown target '" + name + "'; known: ").str() + knownTargets();
  return failure();
}

FailureOr<Target> targetOf(Operation *op) {
  for (Operation *scope = op; scope; scope = scope->getParentOp()) {
    auto name = scope->getAttrOfType<StringAttr>("ssm.target");
    if (!name)
      continue;
    std::string error;
    FailureOr<Target> target = parseTarget(name, error);
    if (failed(target))
      op->emitError(error);
    return target;
  }
  return op->emitError("no target: set 'ssm.target' on the module, or --target"), failure();
}

TokenClass tokenClassOf(Operation *op) {
  for (Operation *scope = op; scope; scope = scope->getParentOp())
    if (auto name = scope->getAttrOfType<StringAttr>("ssm.class"))
      for (TokenClass c : {TokenClass::Invariant, TokenClass::Decode,
                           TokenClass::Few, TokenClass::Long, TokenClass::Prefill})
        if (tokenClassName(c) == name.getValue())
          return c;
  return TokenClass::Prefill;
}

void addAxis(std::vector<ScheduleAxis> &axes, const Schedule &own,
             int64_t Schedule::*parameter, int64_t most) {
  int64_t value = own.*parameter;
  if (value <= 0)
    return;
  ScheduleAxis axis{parameter, {}};
  if (value > 1)
    axis.values.push_back(value / 2);
  for (int64_t v = value; v <= value * most; v *= 2)
    axis.values.push_back(v);
  axes.push_back(std::move(axis));
}

namespace {
struct Registered {
  std::string device;
  std::unique_ptr<KernelGenerator> generator;
};
std::vector<Registered> &registry() {
  static std::vector<Registered> generators;
  return generators;
}
} // namespace

void registerGenerator(StringRef device, std::unique_ptr<KernelGenerator> generator) {
  registry().push_back({device.str(), std::move(generator)});
}

const KernelGenerator *findGenerator(ssm::KernelOp kernel, const Target &target,
                                     std::string &reason) {
  reason.clear();
  for (const Registered &entry : registry()) {
    if (entry.device != target.device)
      continue;
    std::string why;
    if (entry.generator->canGenerate(kernel, target, why))
      return entry.generator.get();
    // Families are registered with the one that holds most ops last: the first
    // whose main op is there knows best.
    if (reason.empty())
      reason = why;
  }
  if (reason.empty())
    reason = "no generator takes these ops together";
  return nullptr;
}

} // namespace mamba
