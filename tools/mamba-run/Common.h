// What the verbs of mamba-run share: options, handles, stdout, progress.
#pragma once

#include "mamba/runtime.h"
#include "runtime/support/Status.h"
#include "tools/lib/InputFiles.h"
#include "tools/lib/ProgressBar.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace mamba::run {

/// Exit statuses; Interrupt.h has that of Ctrl-C.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

struct CommonOptions {
  std::string pack;
  std::string model; // checkpoint folder; empty: embedded or noted
  std::string device = "auto";
  std::string target;   // of the pack; empty: the best for the device
  uint32_t threads = 0; // 0: all processors
  bool batchInvariant = false;
  bool quiet = false;
  bool profile = false;
  std::string chip; // empty: the target's
};

/// The pack as the first argument, and what every verb takes.
void addCommonOptions(CLI::App &verb, CommonOptions &options);

/// What every verb reads, and these files.
cli::InputFiles inputsOf(const CommonOptions &options, std::vector<std::string> files = {});

/// "mamba-run: message" on stderr, as one line. The second returns kUsage.
void report(const std::string &message);
int reportUsage(const std::string &message);

/// The failure of a runtime call with its message.
Status check(mamba_status status);

struct Deleter {
  void operator()(mamba_pack *p) const { mamba_pack_close(p); }
  void operator()(mamba_model *p) const { mamba_model_destroy(p); }
  void operator()(mamba_session *p) const { mamba_session_destroy(p); }
  void operator()(mamba_sampler *p) const { mamba_sampler_destroy(p); }
  void operator()(mamba_tokenizer *p) const { mamba_tokenizer_destroy(p); }
  void operator()(mamba_decoder *p) const { mamba_decoder_destroy(p); }
};
template <typename T> using Handle = std::unique_ptr<T, Deleter>;

/// An open pack on its device, weights loaded.
struct Runtime {
  Handle<mamba_pack> pack;
  Handle<mamba_model> model;
  mamba_pack_info packInfo{};   // Borrows from pack.
  mamba_model_info modelInfo{}; // Borrows from model.
};

/// `needs` is what the pack must hold: "" or the name of the verb that wants a
/// whole model, for the message.
Result<Runtime> openRuntime(const CommonOptions &options,
                            const std::string &needsModel = "");

/// What the kernels have done so far, as JSON.
Result<std::string> profileJson(const Runtime &runtime,
                                const CommonOptions &options);
/// Writes the same as a table to stderr if it is asked for: the end of a verb.
Status reportProfile(const Runtime &runtime, const CommonOptions &options);

Result<Handle<mamba_session>> createSession(const Runtime &runtime,
                                            const CommonOptions &options,
                                            uint32_t slots,
                                            uint32_t maxStepTokens = 0);
Result<Handle<mamba_tokenizer>> createTokenizer(const Runtime &runtime);

/// The ids of a text.
Result<std::vector<int32_t>> encode(const mamba_tokenizer *tokenizer,
                                    std::string_view text);

/// Writes to stdout at once. False when the reader has gone (a closed pipe),
/// which is no failure of ours.
Result<bool> writeOutput(std::string_view text);

/// Seconds on a clock that never goes back.
double now();

} // namespace mamba::run
