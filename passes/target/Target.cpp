#include "passes/target/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

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

static Target x86Target(StringRef name, ArrayRef<std::string> features) {
  Target target;
  target.name = name.str();
  target.device = "cpu";
  target.arch = "x86_64";
  target.features.assign(features.begin(), features.end());
  llvm::sort(target.features);
  bool wide = target.has("avx512f") && target.has("avx512vl") &&
              target.has("avx512dq") && target.has("avx512bw");
  target.lanes = wide ? 16 : target.has("avx") ? 8 : 4;
  target.registers = wide ? 32 : 16;
  if (wide)
    target.l2Bytes = 2 << 20;
  return target;
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

static std::string knownTargets() {
  std::string known = "cpu:native, cpu:x86-64-v3, cpu:x86-64-v4";
  for (const Chip &chip : chips)
    known += (", cuda:" + chip.name).str();
  return known;
}

FailureOr<Target> parseTarget(StringRef name, std::string &error) {
  StringRef device, machine;
  std::tie(device, machine) = name.split(':');
  if (device == "cpu" && machine == "native") {
    if (llvm::Triple(llvm::sys::getDefaultTargetTriple()).getArch() != llvm::Triple::x86_64) {
      error = "target 'cpu:native' is not supported on this machine: only x86_64 is";
      return failure();
    }
    // The hardware's own word; the name that LLVM guesses for it may be wrong.
    llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
    std::vector<std::string> features;
    for (ArrayRef<StringRef> level : {ArrayRef(x86V3), ArrayRef(x86V4), ArrayRef(x86Beyond)})
      for (StringRef feature : level)
        if (host.lookup(feature))
          features.push_back(feature.str());
    return x86Target(name, features);
  }
  if (device == "cpu" && (machine == "x86-64-v3" || machine == "x86-64-v4")) {
    std::vector<std::string> features(std::begin(x86V3), std::end(x86V3));
    if (machine == "x86-64-v4")
      features.insert(features.end(), std::begin(x86V4), std::end(x86V4));
    return x86Target(name, features);
  }
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
