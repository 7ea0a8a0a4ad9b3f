// Regular expressions by PCRE2, bounded in time and memory.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;
struct pcre2_real_jit_stack_8;

namespace mamba {

/// Bytes `begin` to `end` of a text of at most 4 GiB.
struct Span {
  uint32_t begin, end;
  bool operator==(const Span &) const = default;
};

/// The memory that matching needs: one for each thread, for any number of
/// expressions.
class RegexScratch {
public:
  static Result<RegexScratch> create();

private:
  friend class Regex;
  struct Free {
    void operator()(pcre2_real_match_data_8 *data) const;
    void operator()(pcre2_real_match_context_8 *context) const;
    void operator()(pcre2_real_jit_stack_8 *stack) const;
  };
  std::unique_ptr<pcre2_real_jit_stack_8, Free> stack_;
  std::unique_ptr<pcre2_real_match_data_8, Free> data_;
  std::unique_ptr<pcre2_real_match_context_8, Free> context_;
};

/// An immutable compiled expression; copies share it.
class Regex {
public:
  /// Compiles an expression in PCRE2's syntax, as translateRegex gives it.
  static Result<Regex> compile(std::string_view pattern);

  /// Appends all matches in valid UTF-8 from left to right, as Oniguruma's
  /// find_iter: empty ones too, but none at the end of the match before.
  /// Fails when matching takes too many steps or too much memory.
  Status findAll(std::string_view text, RegexScratch &scratch,
                 std::vector<Span> &matches) const;

private:
  std::shared_ptr<const pcre2_real_code_8> code_;
};

} // namespace mamba
