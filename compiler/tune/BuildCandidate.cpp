#include "compiler/tune/BuildCandidate.h"

#include "compiler/codegen/Codegen.h"
#include "compiler/pack/FirstError.h"
#include "compiler/pack/Golden.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pipeline/KernelAlone.h"
#include "compiler/pipeline/Pipeline.h"
#include "runtime/pack/PackWriter.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace mamba {
namespace {

/// The kernel, compiled.
struct Alone {
  explicit Alone() {
    registerCompiler(registry);
    registerCodegen(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }
  Status compile(const CandidateKernel &kernel, const Schedule *schedule);

  DialectRegistry registry;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  plan::KernelOp planned;
};

} // namespace

Status Alone::compile(const CandidateKernel &kernel, const Schedule *schedule) {
  FirstError error(*context);
  module = parseSourceString<ModuleOp>(kernel.module, context.get());
  if (!module)
    return error.status("a kernel's ops cannot be read again");
  if (schedule)
    module->walk([&](ssm::KernelOp op) { op.setScheduleAttr(schedule->get(context.get())); });
  FailureOr<plan::KernelOp> compiled = compileAlone(*module, kernel.target);
  if (failed(compiled))
    return error.status("the kernel does not compile");
  planned = *compiled;
  return {};
}

static std::string pathOf(const CandidateKernel &kernel, int test) {
  return kernel.goldens + "." + std::to_string(test);
}

Status computeGoldens(const CandidateKernel &kernel) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, nullptr));
  std::string text = goldenText(alone.planned);
  for (int test = 0; test < 2; ++test) {
    MAMBA_ASSIGN_OR_RETURN(GoldenTest golden,
                           computeGolden(text, alone.registry,
                                         test ? kernel.lengths : std::vector<int64_t>()));
    if (!golden.golden)
      return unavailable("it cannot be checked: " + golden.why);
    std::vector<uint8_t> bytes = writeGoldenTest(golden);
    MAMBA_RETURN_IF_ERROR(writeFileAtomically(
        pathOf(kernel, test), {reinterpret_cast<const char *>(bytes.data()), bytes.size()}));
  }
  return {};
}

/// Adds the two cases that the reference has computed.
static Status addGoldens(const CandidateKernel &kernel, plan::KernelOp planned,
                         PackContent &content, KernelSpec &spec) {
  for (int test = 0; test < 2; ++test) {
    MAMBA_ASSIGN_OR_RETURN(std::string bytes, readFile(pathOf(kernel, test)));
    std::optional<GoldenTest> golden =
        readGoldenTest({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
    if (!golden || !golden->golden)
      return invalidData(inQuotes(pathOf(kernel, test)) + " is no self-test");
    std::string blob = content.addGolden(golden->samples);
    for (GoldenOutput &output : golden->golden->outputs)
      output.blob = blob;
    golden->golden->grid =
        gridOf(planned.getGridAttr(), {RowKind::Constant, golden->golden->rows});
    spec.golden.push_back(std::move(*golden->golden));
  }
  return {};
}

Status buildCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &output) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, &schedule));
  FirstError error(*alone.context);
  FailureOr<SharedObject> code = emitSharedObject(*alone.module);
  if (failed(code))
    return error.status("generating code failed");
  FailureOr<Target> target = targetOf(*alone.module);
  PackContent content;
  content.manifest.compiler = "mamba " MAMBA_VERSION;
  MAMBA_RETURN_IF_ERROR(addTarget(content.manifest, *alone.module, *target));
  TargetSpec &spec = content.manifest.targets.back();
  spec.kernels.front().entry = code->entries.at(spec.kernels.front().symbol);
  MAMBA_ASSIGN_OR_RETURN(StoredBlob blob, compressBlob(code->elf));
  spec.code = content.addBlob("code", std::move(blob));
  MAMBA_RETURN_IF_ERROR(addGoldens(kernel, alone.planned, content, spec.kernels.front()));
  return writePack(content, output);
}

} // namespace mamba
