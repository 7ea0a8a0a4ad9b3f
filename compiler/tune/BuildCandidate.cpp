#include "compiler/tune/BuildCandidate.h"

#include "compiler/pack/Golden.h"
#include "compiler/pack/PlanToManifest.h"
#include "compiler/pack/TargetBuild.h"
#include "compiler/tune/Alone.h"
#include "runtime/pack/PackWriter.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Version.h"

using namespace mlir;

namespace mamba {

static std::string pathOf(const CandidateKernel &kernel, int test) {
  return kernel.goldens + "." + std::to_string(test);
}

static int testsOf(const CandidateKernel &kernel) { return kernel.lengths.empty() ? 1 : 2; }

Status computeGoldens(const CandidateKernel &kernel) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, nullptr));
  std::string text = goldenText(alone.planned);
  for (int test = 0; test < testsOf(kernel); ++test) {
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
  for (int test = 0; test < testsOf(kernel); ++test) {
    MAMBA_ASSIGN_OR_RETURN(std::string bytes, readFile(pathOf(kernel, test)));
    std::optional<GoldenTest> golden =
        readGoldenTest({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
    if (!golden || !golden->golden)
      return invalidData(inQuotes(pathOf(kernel, test)) + " is no self-test");
    addTest(content, spec, *golden, gridOf(planned.getGridAttr(), {RowKind::T, 1}));
  }
  return {};
}

Status buildCandidate(const CandidateKernel &kernel, const Schedule &schedule,
                      const std::string &output) {
  Alone alone;
  MAMBA_RETURN_IF_ERROR(alone.compile(kernel, &schedule));
  PackContent content;
  content.manifest.compiler = "mamba " MAMBA_VERSION;
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, alone.emit(content.manifest));
  MAMBA_ASSIGN_OR_RETURN(StoredBlob blob, compressBlob(code));
  TargetSpec &spec = content.manifest.targets.back();
  spec.code = content.addBlob("code", std::move(blob));
  MAMBA_RETURN_IF_ERROR(addGoldens(kernel, alone.planned, content, spec.kernels.front()));
  return writePack(content, output);
}

} // namespace mamba
