// mamba-compilers: the kernels of a model through three compilers, side by side:
// LLVM's PTX, NVRTC from translated C++, NVRTC from that PTX in asm statements.
// Registers, instructions and special functions are those of the machine code.
#include "compiler/codegen/Assemble.h"
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/codegen/Nvrtc.h"
#include "compiler/import/Import.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/device/sim/CubinMix.h"
#include "runtime/pack/Cubin.h"

#include "mlir/IR/MLIRContext.h"

#include <cstdio>
#include <map>
#include <string>
#include <vector>

using namespace mlir;
using namespace mamba;

namespace {

struct Figures {
  uint32_t registers = 0, instructions = 0, special = 0;
  uint64_t localBytes = 0;
};
using Table = std::map<std::string, Figures>; // by kernel

int fail(const std::string &message) {
  std::fprintf(stderr, "mamba-compilers: %s\n", message.c_str());
  return 1;
}

bool figuresOf(std::span<const uint8_t> cubin, Table &table, std::string &error) {
  Result<Cubin> read = readCubin(cubin, "the cubin");
  if (!read.ok()) {
    error = read.status().message();
    return false;
  }
  for (const CubinKernel &kernel : read->kernels) {
    sim::InstructionMix mix = sim::mixOfCode(kernel.code, read->chip);
    table[kernel.name] = {kernel.registers, mix.total(), mix[sim::MixClass::Special],
                          kernel.localBytes};
  }
  return true;
}

/// The three tables of a chip.
bool compile(const std::string &folder, const PipelineOptions &options, Table (&tables)[3],
             std::string &error) {
  DialectRegistry registry;
  registerCompiler(registry);
  registerCodegen(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = importCheckpoint(folder, {}, context, error);
  if (failed(module))
    return false;
  error = "the model does not compile";
  if (failed(runPipeline(**module, options, Phase::Cuda)))
    return false;
  OwningOpRef<ModuleOp> legal = (*module)->clone();
  if (failed(legalizeKernels(*legal)))
    return false;
  FailureOr<std::string> ptx = emitPtx(*legal);
  if (failed(ptx))
    return false;
  FailureOr<std::string> cuda = emitCuda(**module, *ptx);
  if (failed(cuda))
    return false;
  std::string chip = StringRef(options.target).split(':').second.str();
  FailureOr<Assembly> assembly = assemblePtx(*ptx, chip, error);
  if (failed(assembly))
    return false;
  if (assembly->cubin.empty()) {
    error = assembly->assembler;
    return false;
  }
  if (!figuresOf(assembly->cubin, tables[0], error))
    return false;
  for (bool fromPtx : {false, true}) {
    FailureOr<NvrtcCode> code = compileCuda(*cuda, chip, fromPtx, error);
    if (failed(code) || !figuresOf(code->cubin, tables[fromPtx ? 2 : 1], error))
      return false;
  }
  return true;
}

void print(const std::string &chip, const Table (&tables)[3]) {
  std::printf("%s: LLVM | NVRTC from C++ | NVRTC from PTX\n%-56s %17s %23s %17s\n", chip.c_str(),
              "kernel", "registers", "instructions", "special");
  for (const auto &[name, llvm] : tables[0]) {
    const Figures &cxx = tables[1].at(name), &ptx = tables[2].at(name);
    std::string spills;
    for (auto [compiler, figures] : {std::pair("LLVM", llvm), {"C++", cxx}, {"PTX", ptx}})
      if (figures.localBytes)
        spills += std::string(" local memory of ") + compiler;
    std::printf("%-56s %5u %5u %5u %7u %7u %7u %5u %5u %5u%s\n", name.c_str(), llvm.registers,
                cxx.registers, ptx.registers, llvm.instructions, cxx.instructions,
                ptx.instructions, llvm.special, cxx.special, ptx.special,
                spills.c_str());
  }
  Figures sums[3];
  for (int i = 0; i < 3; ++i)
    for (const auto &[name, figures] : tables[i]) {
      sums[i].instructions += figures.instructions;
      sums[i].special += figures.special;
    }
  std::printf("%-56s %17s %7u %7u %7u %5u %5u %5u\n", "all", "", sums[0].instructions,
              sums[1].instructions, sums[2].instructions, sums[0].special, sums[1].special,
              sums[2].special);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3)
    return std::fprintf(stderr, "usage: mamba-compilers CHECKPOINT sm_80... "
                                "[--weights=bf16] [--activations=bf16]\n"),
           2;
  if (!hasNvrtc())
    return fail(nvrtcName());
  PipelineOptions options;
  std::vector<std::string> chips;
  for (int i = 2; i < argc; ++i) {
    StringRef word = argv[i];
    if (word.consume_front("--weights="))
      options.weights = word.str();
    else if (word.consume_front("--activations="))
      options.activations = word.str();
    else
      chips.push_back(word.str());
  }
  for (const std::string &chip : chips) {
    Table tables[3];
    std::string error;
    options.target = "cuda:" + chip;
    if (!compile(argv[1], options, tables, error))
      return fail(chip + ": " + error);
    print(chip, tables);
  }
  return 0;
}
