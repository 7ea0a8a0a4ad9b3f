// Which code of a pack a GPU runs, and in which of its forms.
#pragma once

#include "runtime/pack/Pack.h"
#include "runtime/support/Status.h"

#include <optional>
#include <string>
#include <string_view>

namespace mamba::cuda {

/// The newest of the pack's cuda targets that the chip (90 for 9.0) can run, or
/// the one named `wanted` if that is not empty. Borrowed from the pack. The
/// failure says which targets there are.
Result<const TargetSpec *> chooseTarget(const Pack &pack, unsigned chip,
                                        const std::string &wanted = {});

/// The forms in which a pack has kernels.
enum class CodeForm : uint8_t { Cubin, Ptx, Nvrtc };

/// "cubin", "ptx" or "nvrtc" (MAMBA_CUDA_PREFER); none for null, when the first
/// that works is taken.
Result<std::optional<CodeForm>> parseCodeForm(const char *value);

/// A form, and for NVRTC how many registers a thread may have; 0: as it likes.
struct CodeChoice {
  CodeForm form = CodeForm::Cubin;
  unsigned mostRegisters = 0;

  /// "cubin", "ptx", "nvrtc" or "nvrtc:96", as in packs; none for another word.
  static std::optional<CodeChoice> parse(std::string_view text);
  std::string text() const;
  bool operator==(const CodeChoice &) const = default;
};

/// "on" or "off", which the environment variable has; null is "on".
Result<bool> parseSwitch(const char *variable, const char *value);

} // namespace mamba::cuda
