#include "runtime/model/tokenizer/Unicode.h"

#include "runtime/support/Utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

namespace mamba {

CodePoint codePointAt(std::string_view text, size_t at) {
  auto byte = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[at + i]));
  };
  uint32_t first = byte(0);
  if (first < 0x80)
    return {first, 1};
  if (first < 0xE0)
    return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0)
    return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
              (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

CodePoint codePointBefore(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
    --at;
  return codePointAt(text, at);
}

Utf8Part utf8PartAt(std::string_view text) {
  if (text.empty())
    return {0, false, false};
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80)
    return {1, true, false};
  if (first < 0xC2 || first > 0xF4)
    return {1, false, false};
  size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte alone rules out long forms, surrogates and what lies
  // beyond U+10FFFF (table 3-7 of the Unicode standard).
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < wanted; ++i) {
    if (i == text.size())
      return {i, false, true};
    if (byte(i) < low || byte(i) > high)
      return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {wanted, true, false};
}

std::string replaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Utf8Part part = utf8PartAt(text);
    out.append(part.whole ? text.substr(0, part.length) : "\xEF\xBF\xBD");
    text.remove_prefix(part.length);
  }
  return out;
}

bool isWhiteSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static utf8proc_category_t category(uint32_t codePoint) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(codePoint));
}

bool isWordCharacter(uint32_t c) {
  switch (category(c)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC:
    return true;
  default:
    break;
  }
  // Join_Control, then the Alphabetic ones among the symbols.
  return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) ||
         (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189);
}

bool isNumeric(uint32_t c) {
  utf8proc_category_t kind = category(c);
  return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
         kind == UTF8PROC_CATEGORY_NO;
}

bool isPunctuation(uint32_t c) {
  if (c < 0x80)
    return (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) ||
           (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
  // P* since Unicode 9 (by version 14).
  static constexpr uint32_t newer[][2] = {
      {0x061D, 0x061D},   {0x09FD, 0x09FD},   {0x0A76, 0x0A76},
      {0x0C77, 0x0C77},   {0x0C84, 0x0C84},   {0x1B7D, 0x1B7E},
      {0x2E43, 0x2E4F},   {0x2E52, 0x2E5D},   {0x10EAD, 0x10EAD},
      {0x10F55, 0x10F59}, {0x10F86, 0x10F89}, {0x1144B, 0x1144F},
      {0x1145A, 0x1145B}, {0x1145D, 0x1145D}, {0x11660, 0x1166C},
      {0x116B9, 0x116B9}, {0x1183B, 0x1183B}, {0x11944, 0x11946},
      {0x119E2, 0x119E2}, {0x11A3F, 0x11A46}, {0x11A9A, 0x11A9C},
      {0x11A9E, 0x11AA2}, {0x11C41, 0x11C45}, {0x11C70, 0x11C71},
      {0x11EF7, 0x11EF8}, {0x11FFF, 0x11FFF}, {0x12FF1, 0x12FF2},
      {0x16E97, 0x16E9A}, {0x16FE2, 0x16FE2}, {0x1E95E, 0x1E95F}};
  for (const auto &[low, high] : newer)
    if (c >= low && c <= high)
      return false;
  if (c == 0x166D || c == 0x111C9) // no longer
    return true;
  utf8proc_category_t kind = category(c);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

std::string toNfc(std::string_view text) {
  // Every character below U+0300 is a starter that is its own composition.
  size_t plain = 0;
  while (plain < text.size() && static_cast<unsigned char>(text[plain]) < 0xCC)
    ++plain;
  if (plain == text.size())
    return std::string(text);
  // The last of those may combine with what follows. `plain` stands at the
  // start of a character: bytes of 0xCC and above always begin one.
  if (plain > 0)
    plain -= codePointBefore(text, plain).length;

  // utf8proc would order marks by insertion sort, quadratic in a long run of
  // them; so decompose character by character and order the runs here.
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size() - plain);
  for (size_t at = plain; at < text.size();) {
    CodePoint c = codePointAt(text, at);
    at += c.length;
    utf8proc_int32_t parts[32];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(c.value), parts, 32,
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE),
        &boundary);
    // No canonical decomposition is longer than 4; an unassigned character
    // stands for itself.
    if (n < 1 || n > 32)
      points.push_back(static_cast<utf8proc_int32_t>(c.value));
    else
      points.insert(points.end(), parts, parts + n);
  }
  auto combiningClass = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  std::vector<uint64_t> run;
  for (size_t i = 0; i < points.size();) {
    if (combiningClass(points[i]) == 0) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < points.size() && combiningClass(points[end]) != 0)
      ++end;
    // By class, marks of one class in their order: class, index, character.
    run.clear();
    for (size_t k = i; k < end; ++k)
      run.push_back(uint64_t(combiningClass(points[k])) << 56 | (k - i) << 21 |
                    uint64_t(points[k]));
    std::sort(run.begin(), run.end());
    for (size_t k = i; k < end; ++k)
      points[k] = static_cast<utf8proc_int32_t>(run[k - i] & 0x1FFFFF);
    i = end;
  }
  utf8proc_ssize_t length = utf8proc_normalize_utf32(
      points.data(), static_cast<utf8proc_ssize_t>(points.size()),
      static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));

  std::string out(text.substr(0, plain));
  out.reserve(text.size());
  for (utf8proc_ssize_t i = 0; i < length; ++i)
    appendUtf8(out, static_cast<uint32_t>(points[i]));
  return out;
}

} // namespace mamba
