// A function up to its body: results, name, parameters and tuning directives.
#include "runtime/device/sim/ptx/FunctionHead.h"

#include "runtime/device/sim/ptx/Declarations.h"
#include "runtime/device/sim/ptx/Skip.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

namespace mamba::ptx {

/// `(.param .u64 x, ...)`
static Status parseParams(Cursor &cursor, Names &names, Usage &usage, bool isResults,
                          Function &function) {
  MAMBA_RETURN_IF_ERROR(cursor.expect('('));
  std::vector<Variable> &list = isResults ? function.results : function.params;
  uint64_t offset = 0;
  while (!cursor.atMark(')')) {
    if (!list.empty())
      MAMBA_RETURN_IF_ERROR(cursor.expect(','));
    if (cursor.atDotted() && cursor.token().text == "reg")
      return cursor.fail("parameters in registers are not supported: use .param");
    if (!cursor.acceptDotted("param"))
      return cursor.expected("'.param'");
    ElementType element;
    Variable variable;
    Token name;
    MAMBA_RETURN_IF_ERROR(parseElementType(cursor, Space::Param, element));
    MAMBA_RETURN_IF_ERROR(parseVariable(cursor, Space::Param, element, /*isExtern=*/false,
                                        usage, variable, name));
    Name::Kind kind = isResults ? Name::Kind::Result : Name::Kind::Param;
    if (!names.declare(name.text, {kind, uint32_t(list.size())}))
      return cursor.fail(name, inQuotes(name.text) + " is declared twice");
    offset = *checkedAlignUp(offset, variable.align);
    if (!isResults)
      function.paramOffsets.push_back(uint32_t(offset));
    offset += variable.bytes;
    if (offset > kMaxParamBytes)
      return cursor.fail(name, "more than " + std::to_string(kMaxParamBytes) +
                                    " bytes of parameters: pass a pointer to them");
    list.push_back(std::move(variable));
  }
  if (!isResults)
    function.paramBytes = uint32_t(offset);
  return cursor.expect(')');
}

/// One to three extents, the missing ones 1.
static Status parseExtent3(Cursor &cursor, uint64_t max,
                           std::optional<std::array<uint32_t, 3>> &result) {
  std::array<uint32_t, 3> extents = {1, 1, 1};
  Token at = cursor.token();
  uint64_t product = 1;
  for (size_t i = 0; i < extents.size(); ++i) {
    if (i > 0 && !cursor.accept(','))
      break;
    uint64_t extent = 0;
    MAMBA_RETURN_IF_ERROR(cursor.expectInteger("an extent", extent, 1, max));
    extents[i] = uint32_t(extent);
    product *= extent;
  }
  if (product > max)
    return cursor.fail(at, "the product of the extents must be at most " + std::to_string(max) +
                               ", got " + std::to_string(product));
  result = extents;
  return {};
}

/// `.maxntid 128, 1, 1` and the like, up to what is none.
static Status parseTuning(Cursor &cursor, Function &function) {
  while (cursor.atDotted()) {
    Token directive = cursor.take();
    std::string_view word = directive.text;
    uint64_t value = 0;
    if (word == "maxntid") {
      MAMBA_RETURN_IF_ERROR(parseExtent3(cursor, kMaxThreadsPerBlock, function.maxntid));
    } else if (word == "reqntid") {
      MAMBA_RETURN_IF_ERROR(parseExtent3(cursor, kMaxThreadsPerBlock, function.reqntid));
    } else if (word == "reqnctapercluster") {
      MAMBA_RETURN_IF_ERROR(
          parseExtent3(cursor, kMaxBlocksPerCluster, function.reqnctapercluster));
    } else if (word == "minnctapersm") {
      MAMBA_RETURN_IF_ERROR(cursor.expectInteger("a number of blocks", value, 0, 1024));
      function.minnctapersm = uint32_t(value);
    } else if (word == "maxnreg") {
      MAMBA_RETURN_IF_ERROR(cursor.expectInteger("a number of registers", value, 0, 1024));
      function.maxnreg = uint32_t(value);
    } else if (word == "maxclusterrank" || word == "maxnctapersm") {
      MAMBA_RETURN_IF_ERROR(cursor.expectInteger("a number of blocks", value));
    } else if (word == "pragma") {
      MAMBA_RETURN_IF_ERROR(skipPragma(cursor));
    } else if (word != "explicitcluster" && word != "blocksareclusters" && word != "noreturn") {
      return cursor.fail(directive, inQuotes("." + std::string(word)) +
                                         " is not known in the head of a function");
    }
  }
  return {};
}

Status parseFunctionHead(Cursor &cursor, Names &names, Usage &usage, Function &function) {
  if (!function.isEntry && cursor.atMark('('))
    MAMBA_RETURN_IF_ERROR(parseParams(cursor, names, usage, /*isResults=*/true, function));
  Token name;
  MAMBA_RETURN_IF_ERROR(cursor.expectNewName("the name of a function", name));
  function.name = name.text;
  function.line = name.line;
  if (cursor.atMark('('))
    MAMBA_RETURN_IF_ERROR(parseParams(cursor, names, usage, /*isResults=*/false, function));
  return parseTuning(cursor, function);
}

} // namespace mamba::ptx
