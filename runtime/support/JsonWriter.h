// JSON written member by member. The library's objects and arrays ask for
// memory when they are given back, and end the program where there is none;
// here want of memory is an exception as anywhere.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mamba {

class JsonWriter {
public:
  /// `indent` spaces for each level, on lines of their own; one line if negative.
  explicit JsonWriter(int indent = -1) : indent_(indent) {}

  void begin(char bracket) {
    text_ += bracket;
    closing_ += bracket == '{' ? '}' : ']';
    isEmpty_ = true;
  }
  void end() {
    char bracket = closing_.back();
    closing_.pop_back();
    if (!isEmpty_)
      breakLine();
    text_ += bracket;
    isEmpty_ = false;
  }
  /// Before each value in an array.
  void next() {
    if (!isEmpty_)
      text_ += ',';
    breakLine();
    isEmpty_ = false;
  }
  /// Before each value in an object.
  void key(std::string_view name) {
    next();
    scalar(name);
    text_ += indent_ < 0 ? ":" : ": ";
  }
  /// A string, number, truth or nullptr. What is no UTF-8 is replaced.
  template <typename T> void scalar(const T &value) {
    text_ += nlohmann::json(value).dump(
        -1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  std::string take() { return std::move(text_); }

private:
  void breakLine() {
    if (indent_ < 0)
      return;
    text_ += '\n';
    text_.append(closing_.size() * size_t(indent_), ' ');
  }

  const int indent_;
  std::string text_, closing_; // the brackets that are open
  bool isEmpty_ = true;        // the innermost of them, so far
};

// What a record is made of; its own function is write(JsonWriter &, const T &)
// beside it, in this namespace.

template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_convertible_v<T, std::string_view>)
void write(JsonWriter &to, const T &value) {
  to.scalar(value);
}

template <typename T>
void write(JsonWriter &to, const std::optional<T> &value) {
  if (value)
    write(to, *value);
  else
    to.scalar(nullptr);
}

template <typename T> void write(JsonWriter &to, const std::vector<T> &list) {
  to.begin('[');
  for (const T &item : list) {
    to.next();
    write(to, item);
  }
  to.end();
}

/// Values of an array.
template <typename... Values>
void writeArray(JsonWriter &to, const Values &...values) {
  to.begin('[');
  ((to.next(), write(to, values)), ...);
  to.end();
}

inline void writeMembers(JsonWriter &) {}
/// Names and values of the object that is open.
template <typename Value, typename... Rest>
void writeMembers(JsonWriter &to, const char *name, const Value &value,
                  const Rest &...rest) {
  to.key(name);
  write(to, value);
  writeMembers(to, rest...);
}

template <typename... Members>
void writeObject(JsonWriter &to, const Members &...members) {
  to.begin('{');
  writeMembers(to, members...);
  to.end();
}

} // namespace mamba
