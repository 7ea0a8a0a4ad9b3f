// The module around its functions: header, linking, variables, and what
// debuggers want, which is skipped.
#include "runtime/device/sim/ptx/FunctionHead.h"
#include "runtime/device/sim/ptx/FunctionParser.h"
#include "runtime/device/sim/ptx/Skip.h"

#include "runtime/support/Quote.h"

#include <new>

namespace mamba::ptx {
namespace {

class ModuleParser {
public:
  ModuleParser(std::string_view text, const std::string &what, Module &module)
      : cursor_(text, what), module_(module) {}

  Status parse();

private:
  Status parseDirective();
  Status parseVersion();
  Status parseTarget();
  Status parseAddressSize();
  Status parseLinked(const Token &directive, bool isExtern);
  Status parseVariables(Space space, bool isExtern);
  Status parseFunction(bool isEntry);
  /// Its place among the module's functions, which an earlier declaration may
  /// have taken.
  Status addFunction(const Token &at, Function head, bool isDefinition, uint32_t &index);

  Cursor cursor_;
  Names names_;
  Module &module_;
  Usage usage_;
};

Status ModuleParser::parse() {
  while (!cursor_.atEnd())
    MAMBA_RETURN_IF_ERROR(parseDirective());
  if (module_.target.empty())
    return cursor_.fail("the text has no .version and .target: it is not a PTX module");
  return {};
}

Status ModuleParser::parseDirective() {
  if (!cursor_.atDotted())
    return cursor_.expected("a directive");
  Token directive = cursor_.take();
  std::string_view word = directive.text;
  if (word == "version")
    return parseVersion();
  if (module_.version == 0)
    return cursor_.fail(directive, "expected '.version' first");
  if (word == "target")
    return parseTarget();
  if (module_.target.empty())
    return cursor_.fail(directive, "expected '.target' after '.version'");
  if (word == "address_size")
    return parseAddressSize();
  if (word == "file")
    return skipFile(cursor_);
  if (word == "loc")
    return skipLocation(cursor_);
  if (word == "section")
    return skipSection(cursor_);
  if (word == "pragma")
    return skipPragma(cursor_);
  bool isExtern = word == "extern";
  if (isExtern || word == "visible" || word == "weak" || word == "common") {
    if (!cursor_.atDotted())
      return cursor_.expected("a directive");
    directive = cursor_.take();
  }
  return parseLinked(directive, isExtern);
}

Status ModuleParser::parseLinked(const Token &directive, bool isExtern) {
  if (directive.text == "entry" || directive.text == "func")
    return parseFunction(directive.text == "entry");
  Space space;
  if (!isVariableSpace(directive.text, space))
    return cursor_.fail(directive, inQuotes("." + std::string(directive.text)) +
                                       " is not known in a module");
  if (space == Space::Local || space == Space::Param)
    return cursor_.fail(directive, inQuotes("." + std::string(directive.text)) +
                                       " stands outside of a function: declare it in one");
  return parseVariables(space, isExtern);
}

Status ModuleParser::parseVersion() {
  // "8.0", which the lexer takes for a number.
  const Token &token = cursor_.token();
  std::string_view text = token.text;
  if (token.kind != Token::Kind::Float || text.size() != 3 || text[1] != '.')
    return cursor_.expected("a version such as 8.0");
  uint32_t version = uint32_t(text[0] - '0') * 10 + uint32_t(text[2] - '0');
  if (version < 63)
    return cursor_.fail("PTX before 6.3 is not supported, got " + std::string(text));
  if (module_.version != 0)
    return cursor_.fail("a second .version: one module at a time");
  module_.version = version;
  cursor_.advance();
  return {};
}

/// "sm_80", "sm_90a", "sm_103f".
static bool isTarget(std::string_view name) {
  if (!name.starts_with("sm_"))
    return false;
  name.remove_prefix(3);
  if (name.ends_with('a') || name.ends_with('f'))
    name.remove_suffix(1);
  return (name.size() == 2 || name.size() == 3) &&
         name.find_first_not_of("0123456789") == std::string_view::npos;
}

Status ModuleParser::parseTarget() {
  Token name;
  Token at = cursor_.token();
  MAMBA_RETURN_IF_ERROR(cursor_.expectName("a target such as sm_80", name));
  if (!isTarget(name.text))
    return cursor_.fail(at, "expected a target such as sm_80, got " + inQuotes(name.text));
  if (!module_.target.empty())
    return cursor_.fail(at, "a second .target: one module at a time");
  module_.target = name.text;
  while (cursor_.accept(','))
    MAMBA_RETURN_IF_ERROR(cursor_.expectName("an option of .target", name));
  return {};
}

Status ModuleParser::parseAddressSize() {
  uint64_t bits = 0;
  Token at = cursor_.token();
  MAMBA_RETURN_IF_ERROR(cursor_.expectInteger("the size of an address", bits));
  if (bits != 64)
    return cursor_.fail(at, "addresses of " + std::to_string(bits) +
                                " bits are not supported: compile for 64");
  return {};
}

Status ModuleParser::parseVariables(Space space, bool isExtern) {
  ElementType element;
  MAMBA_RETURN_IF_ERROR(parseElementType(cursor_, space, element));
  do {
    Variable variable;
    Token name;
    MAMBA_RETURN_IF_ERROR(
        parseVariable(cursor_, space, element, isExtern, usage_, variable, name));
    if (!names_.declare(name.text,
                        {Name::Kind::ModuleVariable, uint32_t(module_.variables.size())}))
      return cursor_.fail(name, inQuotes(name.text) + " is declared twice in this module");
    module_.variables.push_back(std::move(variable));
  } while (cursor_.accept(','));
  return cursor_.expect(';');
}

Status ModuleParser::parseFunction(bool isEntry) {
  Function head;
  head.isEntry = isEntry;
  names_.open();
  Token at = cursor_.token();
  MAMBA_RETURN_IF_ERROR(parseFunctionHead(cursor_, names_, usage_, head));
  uint32_t index = 0;
  if (cursor_.accept(';')) {
    MAMBA_RETURN_IF_ERROR(addFunction(at, std::move(head), /*isDefinition=*/false, index));
  } else {
    MAMBA_RETURN_IF_ERROR(addFunction(at, std::move(head), /*isDefinition=*/true, index));
    // No function is added before the body ends.
    FunctionParser body(cursor_, names_, module_, usage_, module_.functions[index]);
    MAMBA_RETURN_IF_ERROR(body.parse());
  }
  names_.close();
  return {};
}

Status ModuleParser::addFunction(const Token &at, Function head, bool isDefinition,
                                 uint32_t &index) {
  index = uint32_t(module_.functions.size());
  const Name *earlier = names_.findInModule(head.name);
  if (!earlier) {
    names_.declareInModule(head.name, {Name::Kind::Function, index});
    module_.functions.push_back(std::move(head));
    return {};
  }
  index = earlier->index;
  if (earlier->kind != Name::Kind::Function ||
      (isDefinition && module_.functions[index].isDefined))
    return cursor_.fail(at, inQuotes(head.name) + " is declared twice in this module");
  Function &function = module_.functions[index];
  if (function.isEntry != head.isEntry || function.params.size() != head.params.size() ||
      function.results.size() != head.results.size())
    return cursor_.fail(at, inQuotes(head.name) + " was declared with other parameters in line " +
                                std::to_string(function.line));
  if (!function.isDefined)
    function = std::move(head);
  return {};
}

} // namespace

Result<std::unique_ptr<Module>> parse(std::string_view text, const std::string &what) {
  // NVRTC counts the zero byte at the end of its text.
  while (text.ends_with('\0'))
    text.remove_suffix(1);
  if (text.size() > kMaxText)
    return invalidData(what + ": more than " + std::to_string(kMaxText >> 20) +
                       " MiB of PTX: split it into modules");
  try {
    auto module = std::make_unique<Module>();
    MAMBA_RETURN_IF_ERROR(ModuleParser(text, what, *module).parse());
    return module;
  } catch (const std::bad_alloc &) {
    return outOfMemory(what + ": not enough memory for " + std::to_string(text.size()) +
                       " bytes of PTX");
  }
}

} // namespace mamba::ptx
