#include "tools/mamba-run/ChatTemplate.h"
#include "runtime/support/Quote.h"

namespace mamba::run {

namespace {

constexpr std::string_view kText = "{text}", kAnswer = "{answer}";

/// Once, so that a name with braces stays as it is.
std::string withNames(std::string_view pattern, const std::string &user,
                      const std::string &character) {
  struct {
    std::string_view key;
    const std::string &name;
  } const names[] = {{"{user}", user}, {"{character}", character}};
  std::string text;
  while (!pattern.empty()) {
    size_t taken = 0;
    for (const auto &[key, name] : names)
      if (taken == 0 && pattern.starts_with(key)) {
        text += name;
        taken = key.size();
      }
    if (taken == 0) {
      text += pattern.front();
      taken = 1;
    }
    pattern.remove_prefix(taken);
  }
  return text;
}

} // namespace

Result<ChatTemplate> ChatTemplate::parse(const std::string &pattern,
                                         const std::string &user,
                                         const std::string &character) {
  std::string whole = pattern;
  if (whole.find(kAnswer) == std::string::npos)
    whole += "{answer}\n\n";
  size_t text = whole.find(kText), answer = whole.find(kAnswer);
  if (text == std::string::npos ||
      whole.find(kText, text + 1) != std::string::npos)
    return invalidArgument("the template " + inQuotes(pattern) +
                           " must have {text} once");
  if (answer < text || whole.find(kAnswer, answer + 1) != std::string::npos)
    return invalidArgument("the template " + inQuotes(pattern) +
                           " may have {answer} once, after {text}");
  auto part = [&](size_t from, size_t to) {
    return withNames(std::string_view(whole).substr(from, to - from), user,
                     character);
  };
  ChatTemplate made;
  made.beforeText_ = part(0, text);
  made.beforeAnswer_ = part(text + kText.size(), answer);
  made.afterAnswer_ = part(answer + kAnswer.size(), whole.size());
  made.user_ = user;
  return made;
}

std::vector<std::string> ChatTemplate::stops() const {
  std::vector<std::string> stops = {"\n" + user_ + ":"};
  if (!afterAnswer_.empty())
    stops.push_back(afterAnswer_);
  return stops;
}

Result<std::string> unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    switch (i + 1 < text.size() ? text[++i] : '\0') {
    case 'n':
      plain += '\n';
      break;
    case 't':
      plain += '\t';
      break;
    case '\\':
      plain += '\\';
      break;
    default:
      return invalidArgument("a backslash in " + inQuotes(text) +
                             " must stand before n, t or another one");
    }
  }
  return plain;
}

} // namespace mamba::run
