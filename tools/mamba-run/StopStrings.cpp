#include "tools/mamba-run/StopStrings.h"

#include <algorithm>
#include <utility>

namespace mamba::run {

std::string_view StopStrings::showTo(size_t end) {
  size_t from = std::exchange(shown_, end);
  return std::string_view(text_).substr(from, end - from);
}

std::string_view StopStrings::push(std::string_view text) {
  if (found_)
    return {};
  text_ += text;
  // None begins in what was shown: that was not held back.
  size_t first = std::string::npos;
  for (const std::string &stop : stops_)
    first = std::min(first, text_.find(stop, shown_));
  if (first != std::string::npos) {
    found_ = true;
    text_.resize(first);
    return showTo(first);
  }
  size_t end = text_.size();
  for (const std::string &stop : stops_) {
    size_t most = std::min(stop.size() - 1, text_.size() - shown_);
    for (size_t start = text_.size() - most; start < end; ++start)
      if (stop.starts_with(std::string_view(text_).substr(start)))
        end = start;
  }
  return showTo(end);
}

std::string_view StopStrings::finish() { return showTo(text_.size()); }

void StopStrings::clear() {
  text_.clear();
  shown_ = 0;
  found_ = false;
}

} // namespace mamba::run
