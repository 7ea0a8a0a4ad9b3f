// Where an answer ends by what it says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::run {

/// Lets a text pass up to the first of some strings. What could become one of
/// them is held back, so that none is ever half shown.
class StopStrings {
public:
  explicit StopStrings(std::vector<std::string> stops)
      : stops_(std::move(stops)) {}

  /// The text goes on: what can be shown now, borrowed until the next call.
  /// Nothing comes any more once one of the strings was found.
  std::string_view push(std::string_view text);
  /// The text has ended: what was held back.
  std::string_view finish();

  bool found() const { return found_; }
  /// All that has passed.
  std::string_view shown() const {
    return std::string_view(text_).substr(0, shown_);
  }
  void clear();

private:
  std::string_view showTo(size_t end);

  std::vector<std::string> stops_; // none is empty
  std::string text_;               // without what follows a stop string
  size_t shown_ = 0;               // bytes of text_
  bool found_ = false;
};

} // namespace mamba::run
