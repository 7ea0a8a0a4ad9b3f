#include "runtime/device/sim/ptx/Declarations.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Quote.h"

#include <bit>
#include <cstring>
#include <optional>

namespace mamba::ptx {

bool isVariableSpace(std::string_view word, Space &space) {
  if (word == "param")
    space = Space::Param;
  else if (word == "const")
    space = Space::Const;
  else if (word == "global")
    space = Space::Global;
  else if (word == "local")
    space = Space::Local;
  else if (word == "shared" || word == "shared::cta")
    space = Space::Shared;
  else
    return false;
  return true;
}

Status parseDeclaredType(Cursor &cursor, Type &type) {
  type = cursor.atDotted() ? typeOf(cursor.token().text) : Type::None;
  switch (type) {
  case Type::None:
    if (cursor.atDotted() && (cursor.token().text == "v2" || cursor.token().text == "v4"))
      return cursor.fail("vector registers are not supported: declare a register for each element");
    return cursor.expected("a type");
  case Type::BF16:
  case Type::BF16x2:
  case Type::TF32:
    return cursor.fail("nothing can be declared with the type " +
                       inQuotes("." + std::string(cursor.token().text)) +
                       ": use '.b16' or '.b32'");
  default:
    cursor.advance();
    return {};
  }
}

static Status parseAlign(Cursor &cursor, uint32_t &align) {
  uint64_t value = 0;
  MAMBA_RETURN_IF_ERROR(cursor.expectInteger("an alignment", value, 1, kMaxAlignment));
  if (!std::has_single_bit(value))
    return cursor.fail("an alignment must be a power of two, got " + std::to_string(value));
  align = uint32_t(value);
  return {};
}

/// What a pointer's parameter points to; nothing here depends on it.
static Status skipPointer(Cursor &cursor) {
  for (const char *space : {"global", "shared", "const", "local"})
    if (cursor.acceptDotted(space))
      break;
  uint32_t align;
  return cursor.acceptDotted("align") ? parseAlign(cursor, align) : Status();
}

Status parseElementType(Cursor &cursor, Space space, ElementType &element) {
  if (cursor.acceptDotted("align"))
    MAMBA_RETURN_IF_ERROR(parseAlign(cursor, element.align));
  if (cursor.acceptDotted("v2"))
    element.lanes = 2;
  else if (cursor.acceptDotted("v4"))
    element.lanes = 4;
  MAMBA_RETURN_IF_ERROR(parseDeclaredType(cursor, element.type));
  if (element.type == Type::Pred)
    return cursor.fail("a predicate cannot be a variable: declare it with .reg");
  if (space == Space::Param && cursor.acceptDotted("ptr"))
    MAMBA_RETURN_IF_ERROR(skipPointer(cursor));
  // Older texts have the alignment behind the type.
  if (element.align == 0 && cursor.acceptDotted("align"))
    MAMBA_RETURN_IF_ERROR(parseAlign(cursor, element.align));
  return {};
}

namespace {
/// Reads `{{1, 2}, {3}}` into the bytes of an array.
class InitParser {
public:
  InitParser(Cursor &cursor, const ElementType &element, std::vector<uint64_t> extents,
             bool isOpen, uint64_t maxBytes)
      : cursor_(cursor), type_(element.type), extents_(std::move(extents)), isOpen_(isOpen),
        maxBytes_(maxBytes) {}

  Status parse() {
    return extents_.empty() ? parseElement(0) : parseList(0, 0);
  }
  /// Up to the last element that was given.
  std::vector<uint8_t> takeBytes() { return std::move(bytes_); }
  /// How many the outermost list has.
  uint64_t count() const { return count_; }

private:
  // Recurses once a dimension, of which there are few.
  Status parseList(size_t dimension, uint64_t offset) {
    MAMBA_RETURN_IF_ERROR(cursor_.expect('{'));
    uint64_t stride = bytesOf(type_);
    for (size_t i = dimension + 1; i < extents_.size(); ++i)
      stride *= extents_[i];
    bool isLast = dimension + 1 == extents_.size(), isAny = isOpen_ && dimension == 0;
    uint64_t count = 0;
    while (!cursor_.atMark('}')) {
      if (count != 0)
        MAMBA_RETURN_IF_ERROR(cursor_.expect(','));
      if (!isAny && count == extents_[dimension])
        return cursor_.fail("more initial values than the array's " +
                            counted(extents_[dimension], "element"));
      MAMBA_RETURN_IF_ERROR(isLast ? parseElement(offset) : parseList(dimension + 1, offset));
      offset += stride;
      ++count;
    }
    if (dimension == 0)
      count_ = count;
    return cursor_.expect('}');
  }

  Status parseElement(uint64_t offset) {
    unsigned size = bytesOf(type_);
    if (offset + size > maxBytes_)
      return cursor_.fail("more than " + std::to_string(kMaxInitBytes >> 20) +
                          " MiB of initial values in a module");
    uint64_t bits = 0;
    MAMBA_RETURN_IF_ERROR(parseValue(size, bits));
    if (bytes_.size() < offset + size)
      bytes_.resize(offset + size);
    std::memcpy(bytes_.data() + offset, &bits, std::min<size_t>(size, sizeof bits));
    return {};
  }

  Status parseValue(unsigned size, uint64_t &bits) {
    bool isNegative = cursor_.accept('-');
    const Token &token = cursor_.token();
    if (token.kind == Token::Kind::Integer)
      MAMBA_RETURN_IF_ERROR(encodeInteger(token.bits, isNegative, size, bits));
    else if (token.kind == Token::Kind::Float)
      MAMBA_RETURN_IF_ERROR(encodeFloat(token, isNegative, bits));
    else if (token.kind == Token::Kind::Name)
      return cursor_.fail("an address as an initial value is not supported: compute it in the "
                          "kernel");
    else
      return cursor_.expected("a number");
    cursor_.advance();
    return {};
  }

  Status encodeInteger(uint64_t value, bool isNegative, unsigned size, uint64_t &bits) {
    if (type_ == Type::F32 || type_ == Type::F64)
      return cursor_.expected("a floating point number");
    uint64_t limit = size >= 8 ? ~uint64_t(0) : (uint64_t(1) << (8 * size)) - 1;
    if (value > (isNegative ? limit / 2 + 1 : limit))
      return cursor_.fail("an initial value that does not fit into " + counted(size, "byte"));
    bits = isNegative ? 0 - value : value;
    if (isNegative && size == 16 && value != 0)
      return cursor_.fail("a negative initial value of 16 bytes is not supported");
    return {};
  }

  Status encodeFloat(const Token &token, bool isNegative, uint64_t &bits) {
    double value = token.isF32Bits ? std::bit_cast<float>(uint32_t(token.bits))
                                   : std::bit_cast<double>(token.bits);
    unsigned size = bytesOf(type_);
    bool isRaw = type_ != Type::F32 && type_ != Type::F64;
    if (size != 4 && size != 8)
      return cursor_.expected("an integer");
    if (type_ == Type::F16x2 || (isRaw && size != (token.isF32Bits ? 4 : 8)))
      return cursor_.expected("an integer");
    if (size == 4) {
      // The literal's own bits: a conversion would quieten a NaN.
      uint32_t narrow = token.isF32Bits ? uint32_t(token.bits)
                                        : std::bit_cast<uint32_t>(float(value));
      bits = narrow ^ (isNegative ? 0x80000000u : 0);
    } else {
      uint64_t wide = token.isF32Bits ? std::bit_cast<uint64_t>(value) : token.bits;
      bits = wide ^ (isNegative ? uint64_t(1) << 63 : 0);
    }
    return {};
  }

  Cursor &cursor_;
  Type type_;
  std::vector<uint64_t> extents_;
  bool isOpen_; // The first extent is as large as its list.
  uint64_t maxBytes_;
  uint64_t count_ = 0;
  std::vector<uint8_t> bytes_;
};
} // namespace

/// `[2][3]`. Of the first only, the extent may be missing: then isOpen and 1.
static Status parseExtents(Cursor &cursor, std::vector<uint64_t> &extents, bool &isOpen) {
  while (cursor.accept('[')) {
    if (extents.size() == kMaxDimensions)
      return cursor.fail("an array of more than " + std::to_string(kMaxDimensions) +
                         " dimensions");
    uint64_t extent = 1;
    if (extents.empty() && cursor.atMark(']'))
      isOpen = true;
    else
      MAMBA_RETURN_IF_ERROR(cursor.expectInteger("an extent", extent));
    extents.push_back(extent);
    MAMBA_RETURN_IF_ERROR(cursor.expect(']'));
  }
  return {};
}

static std::optional<uint64_t> byteCount(const ElementType &element,
                                         const std::vector<uint64_t> &extents) {
  std::optional<uint64_t> bytes = uint64_t(bytesOf(element.type)) * element.lanes;
  bool isEmpty = false;
  for (uint64_t extent : extents) {
    isEmpty |= extent == 0;
    bytes = checkedMul(*bytes, extent == 0 ? 1 : extent);
    if (!bytes || *bytes > kMaxVariableBytes)
      return std::nullopt;
  }
  return isEmpty ? 0 : bytes;
}

Status parseVariable(Cursor &cursor, Space space, const ElementType &element, bool isExtern,
                     Usage &usage, Variable &variable, Token &name) {
  MAMBA_RETURN_IF_ERROR(cursor.expectNewName("the name of a variable", name));
  variable.name = name.text;
  variable.space = space;
  variable.type = element.type;
  variable.align = element.align != 0 ? element.align : bytesOf(element.type) * element.lanes;
  variable.isExtern = isExtern;
  variable.line = name.line;

  std::vector<uint64_t> extents;
  bool isOpen = false;
  MAMBA_RETURN_IF_ERROR(parseExtents(cursor, extents, isOpen));
  std::optional<uint64_t> bytes = byteCount(element, extents);
  if (!bytes)
    return cursor.fail(name, inQuotes(name.text) + " has 4 GiB or more");

  if (cursor.atMark('=')) {
    if (isExtern || (space != Space::Global && space != Space::Const))
      return cursor.fail("only variables in .global and .const that are not .extern can have an "
                         "initial value");
    cursor.advance();
    std::vector<uint64_t> lists = extents;
    if (element.lanes > 1)
      lists.push_back(element.lanes);
    InitParser init(cursor, element, std::move(lists), isOpen, kMaxInitBytes - usage.initBytes);
    MAMBA_RETURN_IF_ERROR(init.parse());
    if (isOpen) {
      extents[0] = init.count();
      bytes = byteCount(element, extents);
    }
    if (!bytes || *bytes > kMaxInitBytes - usage.initBytes)
      return cursor.fail(name, "more than " + std::to_string(kMaxInitBytes >> 20) +
                                   " MiB of initial values in a module");
    usage.initBytes += *bytes;
    variable.init = init.takeBytes();
    variable.init.resize(*bytes);
  } else if (isOpen) {
    bytes = 0;
  }
  if (*bytes == 0 && !isExtern && space != Space::Param)
    return cursor.fail(name, inQuotes(name.text) + " has no bytes: write its extent into the "
                                                   "brackets");
  variable.bytes = *bytes;
  if (space == Space::Global)
    usage.globalBytes += *bytes;
  if (usage.globalBytes > kMaxVariableBytes)
    return cursor.fail(name, "the variables in .global have 4 GiB or more");
  return {};
}

} // namespace mamba::ptx
