#define PCRE2_CODE_UNIT_WIDTH 8
#include "runtime/model/tokenizer/Regex.h"

#include "runtime/model/tokenizer/Unicode.h"

#include <pcre2.h>

namespace mamba {

namespace {

// Steps of backtracking in one search. What the tokenizers of today do stays
// far below, whatever the text.
constexpr uint32_t kMatchLimit = 5'000'000;
constexpr uint32_t kHeapLimitKib = 64 * 1024;
constexpr size_t kJitStackMin = 32 * 1024;
constexpr size_t kJitStackMax = 8 * 1024 * 1024;

std::string errorText(int code) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char *>(text);
}

} // namespace

void RegexScratch::Free::operator()(pcre2_match_data *data) const {
  pcre2_match_data_free(data);
}
void RegexScratch::Free::operator()(pcre2_match_context *context) const {
  pcre2_match_context_free(context);
}
void RegexScratch::Free::operator()(pcre2_jit_stack *stack) const {
  pcre2_jit_stack_free(stack);
}

Result<RegexScratch> RegexScratch::create() {
  RegexScratch scratch;
  scratch.data_.reset(pcre2_match_data_create(1, nullptr));
  scratch.context_.reset(pcre2_match_context_create(nullptr));
  if (!scratch.data_ || !scratch.context_)
    return outOfMemory("no memory for matching regular expressions");
  pcre2_set_match_limit(scratch.context_.get(), kMatchLimit);
  pcre2_set_depth_limit(scratch.context_.get(), kMatchLimit);
  pcre2_set_heap_limit(scratch.context_.get(), kHeapLimitKib);
  // Null where PCRE2 has no JIT; the interpreter needs none.
  scratch.stack_.reset(
      pcre2_jit_stack_create(kJitStackMin, kJitStackMax, nullptr));
  if (scratch.stack_)
    pcre2_jit_stack_assign(scratch.context_.get(), nullptr,
                           scratch.stack_.get());
  return scratch;
}

Result<Regex> Regex::compile(std::string_view pattern) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *compiled = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
  if (!compiled)
    return invalidData("the regular expression does not compile: " +
                       errorText(code));
  Regex regex;
  regex.code_.reset(compiled, [](const pcre2_code *c) {
    pcre2_code_free(const_cast<pcre2_code *>(c));
  });
  // Where this fails (no JIT, no executable memory) the interpreter serves.
  (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  return regex;
}

Status Regex::findAll(std::string_view text, RegexScratch &scratch,
                      std::vector<Span> &matches) const {
  size_t from = 0, lastEnd = 0;
  bool any = false;
  while (from <= text.size()) {
    int rc = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                         text.size(), from, PCRE2_NO_UTF_CHECK,
                         scratch.data_.get(), scratch.context_.get());
    if (rc == PCRE2_ERROR_NOMATCH)
      break;
    if (rc < 0)
      return invalidData(
          "a regular expression of pre_tokenizer fails at byte " +
          std::to_string(from) + " of the text: " + errorText(rc));
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(scratch.data_.get());
    if (range[0] == range[1] && any && range[1] == lastEnd) {
      from += from < text.size() ? codePointAt(text, from).length : 1;
      continue;
    }
    matches.push_back(
        {static_cast<uint32_t>(range[0]), static_cast<uint32_t>(range[1])});
    from = lastEnd = range[1];
    any = true;
  }
  return {};
}

} // namespace mamba
