#include "tools/mamba-run/Common.h"
#include "tools/lib/AppCommand.h"
#include "tools/lib/Checks.h"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace mamba::run {

void addCommonOptions(CLI::App &verb, CommonOptions &options) {
  verb.add_option("pack", options.pack, "The kernel pack, X.mpk")
      ->required()
      ->type_name("X.mpk");
  verb.add_option("--model", options.model,
                  "The folder with the weights, or org/name of a model in the "
                  "Hugging Face cache; without it the embedded ones, "
                  "or the folder noted when the pack was built")
      ->type_name("DIR")
      ->check(cli::notEmpty());
  verb.add_option("--device", options.device,
                  "Where to run: cpu, cuda (an NVIDIA GPU; cuda:1 the second "
                  "one), sim (a simulated GPU) or auto (cuda where there is a "
                  "driver and code for it, else cpu)")
      ->type_name("NAME")
      ->check(cli::deviceName({"cpu", "cuda", "sim", "auto"}))
      ->check(cli::offers({"auto", "cpu", "cuda", "sim"}))
      ->capture_default_str();
  verb.add_option("--target", options.target,
                  "The pack's code to run, as in cpu:x86-64-v3; without it the "
                  "best that runs here")
      ->type_name("NAME")
      ->check(cli::notEmpty());
  verb.add_option("--threads", options.threads,
                  "CPU threads, from 1 to 1024; without it one for each "
                  "processor. Results do not depend on it")
      ->check(cli::wholeNumber(1, 1024))
      ->type_name("N");
  verb.add_flag("--batch-invariant", options.batchInvariant,
                "The same bits for any split of the tokens and any neighbours "
                "in the batch; for packs built with --batch-invariant");
  verb.add_flag("--quiet", options.quiet,
                "Nothing on stderr but errors and the profile");
  auto *profile = verb.add_flag(
      "--profile", options.profile,
      "Afterwards, on stderr: on a CPU by class of steps how long each kernel "
      "took, how many bytes it touched and what share of it threads waited; on "
      "sim what each did and how long a GPU would take");
  verb.add_option("--chip", options.chip,
                  "With --device=sim: the GPU of the profile; without it the "
                  "target's")
      ->type_name("NAME")
      ->check(cli::notEmpty())
      ->needs(profile);
}

cli::InputFiles inputsOf(const CommonOptions &options, std::vector<std::string> files) {
  return {.files = std::move(files), .checkpoints = {options.model}, .packs = {options.pack}};
}

void report(const std::string &message) {
  std::string line = "mamba-run: " + message;
  while (!line.empty() && line.back() == '\n')
    line.pop_back();
  for (char &c : line)
    if (c == '\n' || c == '\r')
      c = ' ';
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

int reportUsage(const std::string &message) {
  report(message);
  return kUsage;
}

Status check(mamba_status status) {
  if (status == MAMBA_OK)
    return {};
  return Status(static_cast<StatusCode>(status), mamba_last_error());
}

static Result<std::string> profileText(const mamba_model *model,
                                       const CommonOptions &options,
                                       decltype(mamba_model_profile) &profile) {
  char *text = nullptr;
  size_t length = 0;
  MAMBA_RETURN_IF_ERROR(
      check(profile(model, options.chip.empty() ? nullptr : options.chip.c_str(),
                    &text, &length)));
  std::string copy(text, length);
  mamba_free(text);
  return copy;
}

Result<std::string> profileJson(const Runtime &runtime,
                                const CommonOptions &options) {
  return profileText(runtime.model.get(), options, mamba_model_profile_json);
}

Status reportProfile(const Runtime &runtime, const CommonOptions &options) {
  if (!options.profile)
    return {};
  MAMBA_ASSIGN_OR_RETURN(std::string text,
                         profileText(runtime.model.get(), options,
                                     mamba_model_profile));
  // A reader that has seen enough is no failure.
  if (std::fputs(text.c_str(), stderr) < 0 && errno != EPIPE)
    return ioError(std::string("cannot write the profile to stderr: ") +
                   std::strerror(errno));
  return {};
}

static void reportWarning(void *, mamba_log_level level, const char *message) {
  if (level == MAMBA_LOG_WARNING)
    report(message);
}

Result<Runtime> openRuntime(const CommonOptions &options,
                            const std::string &needsModel) {
  if (!options.quiet)
    mamba_set_log(reportWarning, nullptr);
  Runtime runtime;
  mamba_pack *pack = nullptr;
  MAMBA_RETURN_IF_ERROR(check(mamba_pack_open(options.pack.c_str(), &pack)));
  runtime.pack.reset(pack);
  runtime.packInfo.struct_size = sizeof(runtime.packInfo);
  MAMBA_RETURN_IF_ERROR(check(mamba_pack_get_info(pack, &runtime.packInfo)));
  if (!needsModel.empty() && !runtime.packInfo.has_model)
    return invalidArgument("pack '" + options.pack +
                           "' holds no whole model; " + needsModel +
                           " needs one, 'mamba-run call' runs single entries");

  mamba_model_options modelOptions{};
  modelOptions.struct_size = sizeof(modelOptions);
  modelOptions.device = options.device.c_str();
  modelOptions.threads = options.threads;
  modelOptions.counts = options.profile;
  modelOptions.target = options.target.empty() ? nullptr : options.target.c_str();
  mamba_model *model = nullptr;
  MAMBA_RETURN_IF_ERROR(check(mamba_model_create(pack, &modelOptions, &model)));
  runtime.model.reset(model);
  // A device without one or a chip that is not known is found before the work.
  if (options.profile)
    MAMBA_RETURN_IF_ERROR(
        profileText(model, options, mamba_model_profile).status());
  {
    ProgressBar bar("loading weights", options.quiet);
    MAMBA_RETURN_IF_ERROR(check(mamba_model_load_weights(
        model, options.model.empty() ? nullptr : options.model.c_str(),
        ProgressBar::callback, &bar)));
  }
  runtime.modelInfo.struct_size = sizeof(runtime.modelInfo);
  MAMBA_RETURN_IF_ERROR(check(mamba_model_get_info(model, &runtime.modelInfo)));
  return runtime;
}

Result<Handle<mamba_session>> createSession(const Runtime &runtime,
                                            const CommonOptions &options,
                                            uint32_t slots,
                                            uint32_t maxStepTokens) {
  mamba_session_options sessionOptions{};
  sessionOptions.struct_size = sizeof(sessionOptions);
  sessionOptions.slots = slots;
  sessionOptions.max_step_tokens = maxStepTokens;
  sessionOptions.batch_invariant = options.batchInvariant;
  mamba_session *session = nullptr;
  MAMBA_RETURN_IF_ERROR(check(
      mamba_session_create(runtime.model.get(), &sessionOptions, &session)));
  return Handle<mamba_session>(session);
}

Result<Handle<mamba_tokenizer>> createTokenizer(const Runtime &runtime) {
  mamba_tokenizer *tokenizer = nullptr;
  MAMBA_RETURN_IF_ERROR(
      check(mamba_tokenizer_create(runtime.pack.get(), &tokenizer)));
  return Handle<mamba_tokenizer>(tokenizer);
}

Result<std::vector<int32_t>> encode(const mamba_tokenizer *tokenizer,
                                    std::string_view text) {
  int32_t *ids = nullptr;
  size_t count = 0;
  MAMBA_RETURN_IF_ERROR(check(mamba_tokenizer_encode(
      tokenizer, text.data(), text.size(), &ids, &count)));
  std::vector<int32_t> tokens(ids, ids + count);
  mamba_free(ids);
  return tokens;
}

Result<bool> writeOutput(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(written);
    } else if (errno == EPIPE) {
      return false;
    } else if (errno != EINTR) {
      return ioError(std::string("cannot write to stdout: ") +
                     std::strerror(errno));
    }
  }
  return true;
}

double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace mamba::run
