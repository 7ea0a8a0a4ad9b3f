#include "runtime/support/Json.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mamba;
using nlohmann::json;

static std::string messageFor(std::string_view text) {
  auto result = parseJson(text, "f");
  EXPECT_EQ(result.status().code(), StatusCode::InvalidData) << text;
  return result.status().message();
}

static json valueOf(std::string_view text) {
  auto result = parseJson(text, "f");
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : json();
}

// The library's own parser is the reference wherever it has an opinion.
TEST(JsonParser, AgreesWithTheLibraryOnJson) {
  for (const char *text : {"null",
                           " true ",
                           "false",
                           "0",
                           "-0",
                           "12",
                           "-7",
                           "1.5",
                           "-1.5e-3",
                           "1E+2",
                           "9223372036854775807",
                           "-9223372036854775808",
                           "18446744073709551615",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "1e-400",
                           "-1e-400",
                           "5e-324",
                           "1.7976931348623157e308",
                           "0.1",
                           "\"\"",
                           "\"a\\u00e9\\n\\/\\\"\"",
                           "\"\\ud83d\\ude00 \\u20ac \\u0000\"",
                           "\"\xe2\x82\xac\"",
                           "[]",
                           "{}",
                           "[1, [2, {\"a\": []}], \"x\"]",
                           "\t{\"b\" : 1,\r\n \"a\":{\"c\":null}}\n"}) {
    json wanted = json::parse(text), got = valueOf(text);
    EXPECT_EQ(got, wanted) << text;
    EXPECT_EQ(got.type(), wanted.type()) << text;
    EXPECT_EQ(got.dump(), wanted.dump()) << text;
  }
}

TEST(JsonParser, RefusesWhatTheLibraryRefuses) {
  for (std::string_view text :
       std::initializer_list<std::string_view>{"",
                                               " ",
                                               "tru",
                                               "nul",
                                               "True",
                                               "01",
                                               "-",
                                               "+1",
                                               "1.",
                                               ".5",
                                               "1e",
                                               "1e+",
                                               "0x10",
                                               "1e999",
                                               "-1e999",
                                               "\"",
                                               "\"\\\"",
                                               "\"\\x\"",
                                               "\"\\u12g4\"",
                                               "\"\\ud800\"",
                                               "\"\\ud800\\n\"",
                                               "\"\\ud800\\u0041\"",
                                               "\"\\udc00\"",
                                               "\"\n\"",
                                               "\"\x80\"",
                                               "\"\xc3\"",
                                               "[",
                                               "[1",
                                               "[1,",
                                               "[1,]",
                                               "[,1]",
                                               "[1 2]",
                                               "]",
                                               "{",
                                               "{\"a\"",
                                               "{\"a\":",
                                               "{\"a\":1",
                                               "{\"a\":1,}",
                                               "{a:1}",
                                               "{1:2}",
                                               "{\"a\" 1}",
                                               "1 2",
                                               "null,",
                                               "// x\n1",
                                               "\xef\xbb\xbf 1x",
                                               "'a'"}) {
    EXPECT_FALSE(json::accept(text)) << text;
    EXPECT_FALSE(parseJson(text, "f").ok()) << text;
  }
}

// The library takes a zero byte for the end.
TEST(JsonParser, AZeroByteIsNoEnd) {
  EXPECT_EQ(messageFor(std::string_view("1\0", 2)),
            "f: line 1, column 2: expected the end of the text, got '\\x00'");
  EXPECT_FALSE(parseJson(std::string_view("\0", 1), "f").ok());
}

TEST(JsonParser, BareInfinityAndNaNAreNumbers) {
  json config = valueOf(R"({"time_step_limit": [0.0, Infinity],
                            "low": -Infinity, "odd": NaN})");
  EXPECT_EQ(config["time_step_limit"][1].get<double>(), HUGE_VAL);
  EXPECT_EQ(config["low"].get<double>(), -HUGE_VAL);
  EXPECT_TRUE(std::isnan(config["odd"].get<double>()));
  EXPECT_TRUE(config["low"].is_number_float());
}

TEST(JsonParser, TheseWordsInStringsStayText) {
  json value = valueOf(R"({"Infinity": "-Infinity \" NaN", "NaN": ["NaN"]})");
  EXPECT_EQ(value["Infinity"], "-Infinity \" NaN");
  EXPECT_EQ(value["NaN"][0], "NaN");
}

TEST(JsonParser, OtherSpellingsOfInfinityAreNot) {
  for (const char *text : {"infinity", "nan", "Inf", "+Infinity", "- Infinity",
                           "-NaN", "Infinity1", "{NaN: 1}", "NaNN"})
    EXPECT_FALSE(parseJson(text, "f").ok()) << text;
}

TEST(JsonParser, DepthIsLimited) {
  auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parseJson(nested(64), "f").ok());
  EXPECT_EQ(messageFor(nested(65)),
            "f: line 1, column 65: nested deeper than 64 levels");
  EXPECT_FALSE(parseJson(std::string(10'000'000, '['), "f").ok());
  std::string objects;
  for (int i = 0; i < 100000; ++i)
    objects += "{\"a\":";
  EXPECT_EQ(messageFor(objects),
            "f: line 1, column 321: nested deeper than 64 levels");
}

TEST(JsonParser, DuplicateKeysAreRefused) {
  EXPECT_EQ(messageFor("{\"a\": 1,\n \"b\": 2, \"a\": 3}"),
            "f: line 2, column 10: the key 'a' occurs twice in an object");
  // Escapes do not hide a key.
  EXPECT_FALSE(parseJson(R"({"a": 1, "\u0061": 2})", "f").ok());
  EXPECT_TRUE(parseJson(R"({"a": {"a": 1}, "b": {"a": 1}})", "f").ok());
}

TEST(JsonParser, MessagesSayWhereAndWhat) {
  EXPECT_EQ(messageFor(""),
            "f: line 1, column 1: expected a value, got the end of the text");
  EXPECT_EQ(messageFor("[1,\n  oops]"),
            "f: line 2, column 3: expected a value, got 'o'");
  EXPECT_EQ(messageFor("[1 2]"),
            "f: line 1, column 4: expected ',' or ']' in an array, got '2'");
  EXPECT_EQ(messageFor("{\"a\":1 \n"), "f: line 2, column 1: expected ',' or "
                                       "'}' in an object, got the end of the "
                                       "text");
  EXPECT_EQ(messageFor("{a:1}"), "f: line 1, column 2: expected a key in "
                                 "double quotes, got 'a'");
  EXPECT_EQ(messageFor("{\"a\" 1}"),
            "f: line 1, column 6: expected ':' after a key, got '1'");
  EXPECT_EQ(messageFor("1 \xe2\x82\xac"),
            "f: line 1, column 3: expected the "
            "end of the text, got '\xe2\x82\xac'");
  EXPECT_EQ(messageFor("-x"), "f: line 1, column 2: expected a digit, got 'x'");
  EXPECT_EQ(messageFor("1.x"), "f: line 1, column 3: expected a digit after "
                               "the decimal point, got 'x'");
  EXPECT_EQ(messageFor("1e"), "f: line 1, column 3: expected a digit in the "
                              "exponent, got the end of the text");
  EXPECT_EQ(messageFor("[1e999]"),
            "f: line 1, column 2: a number too large for a double");
}

TEST(JsonParser, MessagesAboutStrings) {
  EXPECT_EQ(messageFor("[\"ab"),
            "f: line 1, column 2: a string without its closing quote");
  EXPECT_EQ(messageFor("\"a\nb\""), "f: line 1, column 3: a control character "
                                    "in a string, expected it to be escaped");
  EXPECT_EQ(messageFor("\"a\xff\""),
            "f: line 1, column 3: invalid UTF-8 in a string");
  EXPECT_EQ(messageFor("\"\\q\""), "f: line 1, column 3: expected one of "
                                   "\"\\/bfnrtu in an escape, got 'q'");
  EXPECT_EQ(messageFor("\"\\"),
            "f: line 1, column 2: an escape without its letter");
  EXPECT_EQ(messageFor("\"\\u12x4\""), "f: line 1, column 6: expected four "
                                       "hexadecimal digits after \\u, got 'x'");
  EXPECT_EQ(messageFor("\"\\ud800x\""), "f: line 1, column 2: a high surrogate "
                                        "without a low one behind it");
  EXPECT_EQ(messageFor("\"\\udc00\""), "f: line 1, column 2: a low surrogate "
                                       "without a high one before it");
}
