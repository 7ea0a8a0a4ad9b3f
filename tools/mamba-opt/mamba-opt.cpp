// mamba-opt: reads and prints the IR between any two phases of the compiler.
#include "compiler/codegen/Codegen.h"
#include "compiler/codegen/Cuda.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/support/File.h"
#include "tools/mamba-opt/Describe.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

#include <csignal>

using namespace llvm;
using namespace mlir;

namespace {

enum class Stop { None, Fused, Kernels, LLVM, Asm, Nvvm, Ptx, Cuda };

cl::OptionCategory category("Mamba options");
cl::opt<Stop> stop(
    "mamba-pipeline", cl::desc("Compile an ssm module as far as the phase:"), cl::init(Stop::None),
    cl::cat(category),
    cl::values(clEnumValN(Stop::Fused, "fused", "one ssm.kernel for each kernel, with its schedule"),
               clEnumValN(Stop::Kernels, "kernels", "the plan, and each kernel as its generator wrote it"),
               clEnumValN(Stop::LLVM, "llvm", "the kernels in the llvm dialect (cpu)"),
               clEnumValN(Stop::Asm, "asm", "the kernels as assembly (cpu)"),
               clEnumValN(Stop::Nvvm, "nvvm", "the kernels in the nvvm dialect (cuda)"),
               clEnumValN(Stop::Ptx, "ptx", "the kernels as PTX (cuda)"),
               clEnumValN(Stop::Cuda, "cuda", "the kernels as CUDA C++ (cuda)")));
cl::opt<std::string> target("target", cl::desc("What to compile for, e.g. cpu:native, cuda:sm_80"),
                            cl::init("cpu:native"), cl::cat(category));
cl::opt<std::string> weights("weights",
                             cl::desc("Precision of the matrices: f32, bf16, f16, int8, int4"),
                             cl::init("f32"), cl::cat(category));
cl::opt<std::string> activations("activations",
                                 cl::desc("Precision of rows between kernels: f32, bf16, f16, int8"),
                                 cl::init("f32"), cl::cat(category));
cl::opt<bool> batchInvariant("batch-invariant",
                             cl::desc("Add a class whose results do not depend on the batch"),
                             cl::cat(category));
cl::opt<int64_t> scanSlices("scan-slices",
                            cl::desc("How many slices scans of long steps are cut into, 2 to 16 (cpu)"),
                            cl::init(0), cl::cat(category));
cl::opt<int64_t> scanBlock("scan-block",
                           cl::desc("How many channels a tile of a scan has: 16, 32 or 64 (cpu)"),
                           cl::init(0), cl::cat(category));
cl::opt<bool> noOverlap("no-overlap",
                        cl::desc("Kernels begin when the one before them has ended (cuda)"),
                        cl::cat(category));
cl::opt<std::string> scheduleFile(
    "db", cl::desc("A file of schedules that mamba-tune found, beside those known"),
    cl::value_desc("FILE"), cl::cat(category));
cl::opt<bool> noSchedules("no-db", cl::desc("Leave the schedules that are known out"),
                          cl::cat(category));

std::vector<std::string> phases() {
  std::vector<std::string> names;
  for (unsigned i = 0; i < stop.getParser().getNumOptions(); ++i)
    names.push_back(stop.getParser().getOption(i).str());
  return names;
}

/// Prints assembly, PTX or CUDA C++.
LogicalResult printMachineCode(std::unique_ptr<llvm::MemoryBuffer> buffer, DialectRegistry &registry,
                               const mamba::PipelineOptions &options, raw_ostream &os) {
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  auto sources = std::make_shared<SourceMgr>();
  sources->AddNewSourceBuffer(std::move(buffer), SMLoc());
  SourceMgrDiagnosticHandler handler(*sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(*sources, &context);
  auto phase = stop == Stop::Asm   ? mamba::Phase::LLVM
               : stop == Stop::Ptx ? mamba::Phase::NVVM
                                   : mamba::Phase::Cuda;
  if (!module || failed(mamba::runPipeline(*module, options, phase)))
    return failure();
  if (stop == Stop::Asm)
    return mamba::emitAssembly(*module, os);
  // C++ is written from what PTX is made of.
  OwningOpRef<ModuleOp> legal = module->clone();
  if (stop == Stop::Cuda && failed(mamba::legalizeKernels(*legal)))
    return failure();
  FailureOr<std::string> text = mamba::emitPtx(*legal);
  if (succeeded(text) && stop == Stop::Cuda)
    text = mamba::emitCuda(*module, *text);
  if (failed(text))
    return failure();
  os << *text;
  return success();
}

int fail(const std::string &message) {
  errs() << "mamba-opt: " << message << "\n";
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  std::signal(SIGXFSZ, SIG_IGN); // A write that fails says why.
  DialectRegistry registry;
  mamba::registerCompiler(registry);
  mamba::registerCodegen(registry);
  describeMambaOpt(category, phases());
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv,
      "The Mamba compiler's IR, phase by phase\n\n"
      "Example: mamba-opt model.mlir --mamba-pipeline=fused --target=cpu:native\n",
      registry);
  std::string error;
  std::unique_ptr<MemoryBuffer> buffer = openInputFile(input, &error);
  if (!buffer)
    return fail(error);
  // The output may be the input, which is mapped: it is written when all is done.
  if (mamba::Status writable = output == "-" ? mamba::Status() : mamba::checkWritable(output);
      !writable.ok())
    return fail(writable.message());
  std::string text;
  raw_string_ostream os(text);

  mamba::PipelineOptions options;
  options.target = target;
  options.batchInvariant = batchInvariant;
  options.scanSlices = scanSlices;
  options.scanBlock = scanBlock;
  options.overlap = !noOverlap;
  options.weights = weights;
  options.activations = activations;
  options.knownSchedules = !noSchedules;
  options.scheduleFile = scheduleFile;
  LogicalResult result = failure();
  if (stop == Stop::Asm || stop == Stop::Ptx || stop == Stop::Cuda) {
    result = printMachineCode(std::move(buffer), registry, options, os);
  } else {
    MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
    if (stop != Stop::None) {
      auto phase = stop == Stop::Fused     ? mamba::Phase::Fused
                   : stop == Stop::Kernels ? mamba::Phase::Kernels
                   : stop == Stop::Nvvm    ? mamba::Phase::NVVM
                                           : mamba::Phase::LLVM;
      config.setPassPipelineSetupFn([=](PassManager &pm) {
        mamba::buildPipeline(pm, options, phase);
        return success();
      });
    }
    result = MlirOptMain(os, std::move(buffer), registry, config);
  }
  if (output == "-") {
    outs() << text;
    return finishOutput() ? asMainReturnCode(result) : 1;
  }
  if (succeeded(result))
    if (mamba::Status written = mamba::writeFileAtomically(output, text); !written.ok())
      return fail(written.message());
  return asMainReturnCode(result);
}
