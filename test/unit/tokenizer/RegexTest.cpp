// Regular expressions: what is taken means what it means to Oniguruma.
#include "runtime/model/tokenizer/Regex.h"
#include "runtime/model/tokenizer/RegexSyntax.h"

#include "TokenizerSamples.h"

namespace mamba::test {
namespace {

std::vector<std::string> matches(std::string_view pattern,
                                 std::string_view text) {
  auto translated = translateRegex(pattern);
  EXPECT_TRUE(translated.ok()) << translated.status().message();
  auto regex = Regex::compile(*translated);
  EXPECT_TRUE(regex.ok()) << regex.status().message() << ": " << *translated;
  auto scratch = RegexScratch::create();
  std::vector<Span> spans;
  Status status = regex->findAll(text, *scratch, spans);
  EXPECT_TRUE(status.ok()) << status.message();
  std::vector<std::string> found;
  for (Span span : spans)
    found.emplace_back(text.substr(span.begin, span.end - span.begin));
  return found;
}
using Found = std::vector<std::string>;

TEST(Regex, FindsAllMatches) {
  EXPECT_EQ(matches("ab|c", "abcab"), (Found{"ab", "c", "ab"}));
  EXPECT_EQ(matches("(?:a|b)+?", "ab"), (Found{"a", "b"}));
  EXPECT_EQ(matches(" ?\\p{L}+", "it is"), (Found{"it", " is"}));
  EXPECT_EQ(matches("\\s+(?!\\S)|\\s+", "a  b"), (Found{" ", " "}));
  EXPECT_EQ(matches("(?<=a)b", "abcb"), (Found{"b"}));
  EXPECT_EQ(matches("\\p{N}{1,3}", "12345"), (Found{"123", "45"}));
  EXPECT_EQ(matches("a++", "aaa"), (Found{"aaa"}));
  EXPECT_EQ(matches("[^\\r\\n\\p{L}]", "a\n-"), (Found{"-"}));
  EXPECT_EQ(matches("[a-c\\-]+", "ab-d"), (Found{"ab-"}));
  EXPECT_EQ(matches("[-a]+", "a-b"), (Found{"a-"}));
  EXPECT_EQ(matches("\\x41\\x{e9}\\u00e9\\.", "A\u00e9\u00e9."),
            (Found{"A\u00e9\u00e9."}));
  EXPECT_EQ(matches(".", "a\r\n\u2028"), (Found{"a", "\r", "\u2028"}));
  EXPECT_EQ(matches("(?i:'LL|k)", "'ll K \u212a"),
            (Found{"'ll", "K", "\u212a"}));
}

// Empty matches are found, but not at the end of the match before.
TEST(Regex, FindsEmptyMatches) {
  EXPECT_EQ(matches("x*", "axxb"), (Found{"", "xx", ""}));
  EXPECT_EQ(matches("x*", "\u00e9"), (Found{"", ""}));
}

// The places where PCRE2's \s, \w, scripts and quantifiers are others.
TEST(Regex, KeepsTheMeaningOfOniguruma) {
  EXPECT_EQ(matches("\\s+", "\u180e\u0085"), (Found{"\u0085"}));
  EXPECT_EQ(matches("[\\s]+", "\u180e\u0085"), (Found{"\u0085"}));
  EXPECT_EQ(matches("[^\\S\\n]+", " \n\u180e"), (Found{" "}));
  EXPECT_EQ(matches("\\w+", "e\u0301_\u203f\u00b2"),
            (Found{"e\u0301_\u203f\u00b2"}));
  EXPECT_EQ(matches("[\\w]+", "a\u00b2"), (Found{"a"}));
  EXPECT_EQ(matches("\\p{Han}+", "\u4f60\u3001"), (Found{"\u4f60"}));
  EXPECT_EQ(matches("\\v", "\n\v"), (Found{"\v"}));
}

class RefusedRegex : public ::testing::TestWithParam<const char *> {};

// What might mean something else is refused, with the part and its place.
TEST_P(RefusedRegex, NamesThePart) {
  auto result = translateRegex(GetParam());
  ASSERT_FALSE(result.ok()) << *result;
  EXPECT_NE(result.status().message().find("regular expression"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedRegex,
    ::testing::Values("", "^a", "a$", "\\bword", "\\h", "\\R", "\\X", "(a)\\1",
                      "\\k<a>", "(?<n>a)", "(?i)a", "(?m:a)", "(?#c)", "a{,3}",
                      "a{3}?", "a{1,3}+", "a{3,1}", "a{1001}", "a{", "a**",
                      "*a", "(?=a)*", "[a", "[]", "[]a]", "[[:alpha:]]",
                      "[a&&b]", "[a-\\d]", "[\\w-x]", "[z-a]", "[\\W]", "(a",
                      "a)", "\\", "\\xff", "\\x{110000}", "\\ud800", "\\0",
                      "\\p{Cn}", "\\pL", "\\p{L", "(?i:ss)", "(?i:\u00e9)",
                      "(?i:\\p{Lu})", "(*FAIL)"));

TEST(Regex, SaysWhatIsRefused) {
  EXPECT_EQ(translateRegex("ab\\bc").status().message(),
            "the part '\\\\b' at byte 2 of the regular expression "
            "'ab\\\\bc' is not supported");
}

// Runaway backtracking ends with a failure.
TEST(Regex, LimitsBacktracking) {
  for (const char *pattern : {"(a+)+[bc]", "(a|a)*[bc]", "(?:a|aa)+[bc]"}) {
    auto regex = Regex::compile(*translateRegex(pattern));
    ASSERT_TRUE(regex.ok());
    auto scratch = RegexScratch::create();
    std::vector<Span> spans;
    Status status =
        regex->findAll(std::string(200000, 'a') + "d", *scratch, spans);
    ASSERT_FALSE(status.ok()) << pattern;
    EXPECT_NE(status.message().find("pre_tokenizer fails at byte 0"),
              std::string::npos)
        << status.message();
  }
}

} // namespace
} // namespace mamba::test
