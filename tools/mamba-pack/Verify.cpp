// mamba-pack verify.
#include "tools/mamba-pack/Verbs.h"

#include "runtime/device/Device.h"
#include "runtime/device/cpu/ElfImage.h"
#include "runtime/device/sim/ptx/Ptx.h"
#include "runtime/pack/Cubin.h"
#include "runtime/pack/Pack.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace mamba::pack {

namespace {
struct Arguments {
  std::string path, device = "cpu";
  unsigned threads = 0;
  bool quiet = false;
};
} // namespace

/// Every target's code can be loaded, whether or not this machine can run it.
static Status verifyCode(const Pack &pack) {
  for (const TargetSpec &target : pack.manifest().targets) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack.code(target.code));
    Status status;
    if (target.device == "cuda")
      status = ptx::parse({reinterpret_cast<const char *>(code.data()), code.size()}, target.code)
                   .status();
    else
      status = parseElf(code, target.arch).status();
    if (status.ok() && target.cubin) {
      MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> cubin, pack.code(*target.cubin));
      status = readCubin(cubin, *target.cubin).status();
    }
    MAMBA_RETURN_IF_ERROR(status.withContext("target '" + target.name + "'"));
  }
  return {};
}

static Result<std::string> verify(const Arguments &arguments) {
  auto note = [&](const std::string &line) {
    if (!arguments.quiet)
      std::fprintf(stderr, "mamba-pack: %s\n", line.c_str());
  };
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, Pack::open(arguments.path));
  DeviceOptions options;
  options.threads = arguments.threads;
  MAMBA_ASSIGN_OR_RETURN(std::unique_ptr<Executable> executable,
                         loadOnDevice(pack, arguments.device, options));
  note("checking " + std::to_string(pack->manifest().blobs.size()) + " blobs");
  MAMBA_RETURN_IF_ERROR(pack->verifyBlobs());
  MAMBA_RETURN_IF_ERROR(verifyCode(*pack));
  const TargetSpec &target = executable->target();
  size_t cases = 0, untested = 0;
  for (const KernelSpec &kernel : target.kernels) {
    cases += kernel.golden.size();
    untested += kernel.golden.empty();
  }
  note("running " + std::to_string(cases) + " self-tests of " + target.name);
  MAMBA_RETURN_IF_ERROR(executable->selfTest([](uint64_t, uint64_t) {}));
  std::string text = arguments.path + ": " + std::to_string(pack->manifest().blobs.size()) +
                     " blobs are whole; " + target.name + " passes " + std::to_string(cases) +
                     " self-tests";
  if (untested)
    text += ", " + std::to_string(untested) + " kernels have none";
  return text + "\n";
}

void addVerify(CLI::App &app, Work &work) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("verify", "Check a pack's hashes and run its self-tests");
  verb->add_option("pack", arguments->path, "The pack, X.mpk")->required();
  verb->add_option("--device", arguments->device, "Where the self-tests run: cpu, cuda, sim or auto")
      ->check(CLI::IsMember({"cpu", "cuda", "sim", "auto"}).description(""));
  verb->add_option("--threads", arguments->threads, "Threads, 0 for one a processor")
      ->check(CLI::Range(0u, 1024u));
  verb->add_flag("--quiet", arguments->quiet, "No log on standard error");
  verb->footer("Example: mamba-pack verify mamba-130m.mpk");
  verb->callback([arguments, &work] { work = [arguments] { return verify(*arguments); }; });
}

} // namespace mamba::pack
