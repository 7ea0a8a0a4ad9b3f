// Regular expressions of tokenizer.json (Oniguruma, Ruby syntax) in PCRE2's.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <string_view>

namespace mamba {

/// An equal expression for PCRE2 with UTF and UCP. The two dialects differ in
/// many a detail (`\s`, `\h`, `$`, `{n}?`, scripts), so what is not known to
/// mean the same is refused. Taken: literals; `.`; `|`; groups `()`, `(?:)`,
/// `(?i:)` over ASCII, `(?>)`, look-around; classes without nesting; `\s \S \d
/// \D \w \W`; `\p{}` and `\P{}` of general categories and the great scripts;
/// escapes of single characters; quantifiers.
Result<std::string> translateRegex(std::string_view pattern);

} // namespace mamba
