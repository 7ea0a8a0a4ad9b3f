#include "runtime/support/Pickle.h"

#include "runtime/support/Format.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Utf8.h"

#include <optional>

namespace mamba {

using Kind = PickleValue::Kind;

std::string_view describePickleKind(Kind kind) {
  switch (kind) {
  case Kind::None:
    return "None";
  case Kind::Bool:
    return "a bool";
  case Kind::Int:
    return "an integer";
  case Kind::Float:
    return "a float";
  case Kind::Text:
    return "a string";
  case Kind::Tuple:
    return "a tuple";
  case Kind::List:
    return "a list";
  case Kind::Dict:
    return "a dictionary";
  case Kind::Object:
    return "an object";
  }
  return "nothing";
}

PickleValue PickleHeap::makeDict() {
  dicts.emplace_back();
  return {Kind::Dict, int64_t(dicts.size() - 1)};
}

namespace {

/// The opcodes that torch.save writes, as Python's pickletools names them.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyTuple = ')',
  kEmptyList = ']',
  kEmptyDict = '}',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

class Machine {
public:
  Machine(std::span<const uint8_t> bytes, PickleBuilder &builder)
      : bytes_(bytes), builder_(builder) {}

  Result<PickleResult> run() {
    while (!result_) {
      start_ = at_;
      Status status = step();
      if (!status.ok())
        return Status(status.code(), "byte " + std::to_string(start_) +
                                         " of the pickle: " + status.message());
    }
    return PickleResult{std::move(heap_), *result_};
  }

private:
  // Of the bytes.
  Result<uint64_t> number(unsigned width);
  Result<std::string_view> take(uint64_t length);
  Result<std::string_view> line();

  // Of the stack; values below the last mark are out of reach.
  Status push(PickleValue value);
  Result<PickleValue> pop();
  Result<PickleValue *> top();
  Result<PickleValue> popOf(Kind kind);
  /// What lies above the last mark, which goes too.
  Result<std::vector<PickleValue>> popMarked();

  Status step();
  Status pushInt(unsigned width, bool isSigned);
  Status pushLong();
  Status pushText(unsigned lengthWidth);
  Status pushTuple(std::vector<PickleValue> items);
  Status pushTopAsTuple(size_t count);
  Status append(std::span<const PickleValue> items);
  Status setItems(std::span<const PickleValue> items);
  Status put(uint64_t index);
  Status get(uint64_t index);
  Status reduce();
  Status build();
  Status stop();

  std::span<const uint8_t> bytes_;
  PickleBuilder &builder_;
  uint64_t at_ = 0, start_ = 0; // Behind what is read; the opcode's place.
  PickleHeap heap_;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_; // Heights of the stack.
  std::vector<std::optional<PickleValue>> memo_;
  std::optional<PickleValue> result_;
};

Result<std::string_view> Machine::take(uint64_t length) {
  if (length > bytes_.size() - at_)
    return invalidData("the pickle is cut short: expected " +
                       std::to_string(length) + " bytes, got " +
                       std::to_string(bytes_.size() - at_));
  std::string_view text(reinterpret_cast<const char *>(bytes_.data()) + at_,
                        size_t(length));
  at_ += length;
  return text;
}

Result<uint64_t> Machine::number(unsigned width) {
  MAMBA_ASSIGN_OR_RETURN(std::string_view text, take(width));
  uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i)
    value |= uint64_t(uint8_t(text[i])) << (8 * i);
  return value;
}

Result<std::string_view> Machine::line() {
  std::string_view rest(reinterpret_cast<const char *>(bytes_.data()) + at_,
                        bytes_.size() - at_);
  size_t end = rest.find('\n');
  if (end == std::string_view::npos)
    return invalidData("the pickle is cut short within a name");
  at_ += end + 1;
  return rest.substr(0, end);
}

Status Machine::push(PickleValue value) {
  if (stack_.size() >= kMaxPickleStack)
    return invalidData("more than " + std::to_string(kMaxPickleStack) +
                       " values wait on the stack");
  stack_.push_back(value);
  return {};
}

Result<PickleValue *> Machine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    return invalidData("a value is missing on the stack");
  return &stack_.back();
}

Result<PickleValue> Machine::pop() {
  MAMBA_ASSIGN_OR_RETURN(PickleValue * last, top());
  PickleValue value = *last;
  stack_.pop_back();
  return value;
}

Result<PickleValue> Machine::popOf(Kind kind) {
  MAMBA_ASSIGN_OR_RETURN(PickleValue value, pop());
  if (value.kind != kind)
    return invalidData("expected " + std::string(describePickleKind(kind)) +
                       " on the stack, got " +
                       std::string(describePickleKind(value.kind)));
  return value;
}

Result<std::vector<PickleValue>> Machine::popMarked() {
  if (marks_.empty())
    return invalidData("a mark is missing on the stack");
  auto first = stack_.begin() + ptrdiff_t(marks_.back());
  std::vector<PickleValue> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

Status Machine::pushInt(unsigned width, bool isSigned) {
  MAMBA_ASSIGN_OR_RETURN(uint64_t value, number(width));
  return push({Kind::Int,
               isSigned ? int64_t(int32_t(uint32_t(value))) : int64_t(value)});
}

/// An integer in two's complement, of as many bytes as it takes.
Status Machine::pushLong() {
  MAMBA_ASSIGN_OR_RETURN(uint64_t width, number(1));
  if (width > 8)
    return invalidData("an integer of " + std::to_string(width) +
                       " bytes is too large, at most 8 are read");
  MAMBA_ASSIGN_OR_RETURN(uint64_t value, number(unsigned(width)));
  if (width != 0 && width < 8 && value >> (8 * width - 1))
    value |= ~uint64_t(0) << (8 * width);
  return push({Kind::Int, int64_t(value)});
}

Status Machine::pushText(unsigned lengthWidth) {
  MAMBA_ASSIGN_OR_RETURN(uint64_t length, number(lengthWidth));
  MAMBA_ASSIGN_OR_RETURN(std::string_view text, take(length));
  if (!isValidUtf8(text))
    return invalidData("the string " + inQuotes(text) + " is not UTF-8");
  heap_.texts.push_back(text);
  return push({Kind::Text, int64_t(heap_.texts.size() - 1)});
}

Status Machine::pushTuple(std::vector<PickleValue> items) {
  heap_.lists.push_back(std::move(items));
  return push({Kind::Tuple, int64_t(heap_.lists.size() - 1)});
}

Status Machine::pushTopAsTuple(size_t count) {
  std::vector<PickleValue> items(count);
  for (size_t i = count; i-- > 0;) {
    MAMBA_ASSIGN_OR_RETURN(items[i], pop());
  }
  return pushTuple(std::move(items));
}

Status Machine::append(std::span<const PickleValue> items) {
  MAMBA_ASSIGN_OR_RETURN(PickleValue * list, top());
  if (list->kind != Kind::List)
    return invalidData("cannot append to " +
                       std::string(describePickleKind(list->kind)));
  auto &to = heap_.lists[size_t(list->number)];
  to.insert(to.end(), items.begin(), items.end());
  return {};
}

Status Machine::setItems(std::span<const PickleValue> items) {
  MAMBA_ASSIGN_OR_RETURN(PickleValue * dict, top());
  if (dict->kind != Kind::Dict)
    return invalidData("cannot set items of " +
                       std::string(describePickleKind(dict->kind)));
  if (items.size() % 2 != 0)
    return invalidData("a dictionary's last key has no value");
  auto &to = heap_.dicts[size_t(dict->number)];
  for (size_t i = 0; i < items.size(); i += 2)
    to.emplace_back(items[i], items[i + 1]);
  return {};
}

/// Picklers number what they remember from 0, at least a byte for each.
Status Machine::put(uint64_t index) {
  if (index >= bytes_.size())
    return invalidData("place " + std::to_string(index) +
                       " of the memo is too large for a pickle of " +
                       std::to_string(bytes_.size()) + " bytes");
  MAMBA_ASSIGN_OR_RETURN(PickleValue * value, top());
  if (memo_.size() <= index)
    memo_.resize(size_t(index) + 1);
  memo_[size_t(index)] = *value;
  return {};
}

Status Machine::get(uint64_t index) {
  if (index >= memo_.size() || !memo_[size_t(index)])
    return invalidData("nothing is at place " + std::to_string(index) +
                       " of the memo");
  return push(*memo_[size_t(index)]);
}

Status Machine::reduce() {
  MAMBA_ASSIGN_OR_RETURN(PickleValue arguments, popOf(Kind::Tuple));
  MAMBA_ASSIGN_OR_RETURN(PickleValue callable, popOf(Kind::Object));
  MAMBA_ASSIGN_OR_RETURN(PickleValue made,
                         builder_.call(heap_, callable, arguments));
  return push(made);
}

/// A module's state is a dictionary with the attribute _metadata.
Status Machine::build() {
  MAMBA_RETURN_IF_ERROR(pop().status());
  MAMBA_ASSIGN_OR_RETURN(PickleValue * object, top());
  if (object->kind != Kind::Dict)
    return invalidData("cannot set attributes of " +
                       std::string(describePickleKind(object->kind)));
  return {};
}

Status Machine::stop() {
  MAMBA_ASSIGN_OR_RETURN(result_, pop());
  if (!stack_.empty() || !marks_.empty())
    return invalidData("values are left on the stack at the end");
  if (at_ != bytes_.size())
    return invalidData("the pickle ends, but " +
                       std::to_string(bytes_.size() - at_) + " bytes follow");
  return {};
}

Status Machine::step() {
  MAMBA_ASSIGN_OR_RETURN(uint64_t opcode, number(1));
  if (start_ == 0 && opcode != kProto)
    return invalidData("expected the number of a protocol from 2 to 5");
  switch (opcode) {
  case kProto: {
    MAMBA_ASSIGN_OR_RETURN(uint64_t protocol, number(1));
    if (start_ != 0 || protocol < 2 || protocol > 5)
      return invalidData("protocol " + std::to_string(protocol) +
                         " is not read: expected 2 to 5, once");
    return {};
  }
  case kFrame: {
    MAMBA_ASSIGN_OR_RETURN(uint64_t length, number(8));
    if (length > bytes_.size() - at_)
      return invalidData("a frame of " + std::to_string(length) +
                         " bytes is longer than the pickle");
    return {};
  }
  case kStop:
    return stop();
  case kMark:
    if (marks_.size() >= kMaxPickleStack)
      return invalidData("more than " + std::to_string(kMaxPickleStack) +
                         " marks wait on the stack");
    marks_.push_back(stack_.size());
    return {};

  case kNone:
    return push({});
  case kNewTrue:
  case kNewFalse:
    return push({Kind::Bool, opcode == kNewTrue});
  case kBinInt:
    return pushInt(4, true);
  case kBinInt1:
    return pushInt(1, false);
  case kBinInt2:
    return pushInt(2, false);
  case kLong1:
    return pushLong();
  case kBinFloat:
    MAMBA_RETURN_IF_ERROR(take(8).status());
    return push({Kind::Float});
  case kBinUnicode:
    return pushText(4);
  case kShortBinUnicode:
    return pushText(1);
  case kBinUnicode8:
    return pushText(8);

  case kEmptyTuple:
    return pushTuple({});
  case kTuple: {
    MAMBA_ASSIGN_OR_RETURN(std::vector<PickleValue> items, popMarked());
    return pushTuple(std::move(items));
  }
  case kTuple1:
  case kTuple2:
  case kTuple3:
    return pushTopAsTuple(opcode - kTuple1 + 1);
  case kEmptyList:
    heap_.lists.emplace_back();
    return push({Kind::List, int64_t(heap_.lists.size() - 1)});
  case kEmptyDict:
    return push(heap_.makeDict());
  case kAppend: {
    MAMBA_ASSIGN_OR_RETURN(PickleValue item, pop());
    return append({&item, 1});
  }
  case kAppends: {
    MAMBA_ASSIGN_OR_RETURN(std::vector<PickleValue> items, popMarked());
    return append(items);
  }
  case kSetItem: {
    PickleValue items[2];
    MAMBA_ASSIGN_OR_RETURN(items[1], pop());
    MAMBA_ASSIGN_OR_RETURN(items[0], pop());
    return setItems(items);
  }
  case kSetItems: {
    MAMBA_ASSIGN_OR_RETURN(std::vector<PickleValue> items, popMarked());
    return setItems(items);
  }

  case kBinPut:
  case kLongBinPut: {
    MAMBA_ASSIGN_OR_RETURN(uint64_t index, number(opcode == kBinPut ? 1 : 4));
    return put(index);
  }
  case kMemoize:
    return put(memo_.size());
  case kBinGet:
  case kLongBinGet: {
    MAMBA_ASSIGN_OR_RETURN(uint64_t index, number(opcode == kBinGet ? 1 : 4));
    return get(index);
  }

  case kGlobal: {
    MAMBA_ASSIGN_OR_RETURN(std::string_view module, line());
    MAMBA_ASSIGN_OR_RETURN(std::string_view name, line());
    MAMBA_ASSIGN_OR_RETURN(PickleValue object, builder_.global(module, name));
    return push(object);
  }
  case kStackGlobal: {
    MAMBA_ASSIGN_OR_RETURN(PickleValue name, popOf(Kind::Text));
    MAMBA_ASSIGN_OR_RETURN(PickleValue module, popOf(Kind::Text));
    MAMBA_ASSIGN_OR_RETURN(
        PickleValue object,
        builder_.global(heap_.text(module), heap_.text(name)));
    return push(object);
  }
  case kBinPersId: {
    MAMBA_ASSIGN_OR_RETURN(PickleValue id, pop());
    MAMBA_ASSIGN_OR_RETURN(PickleValue object, builder_.persistent(heap_, id));
    return push(object);
  }
  case kReduce:
    return reduce();
  case kBuild:
    return build();
  default:
    return invalidData(format("opcode 0x%02x", unsigned(opcode)) +
                       " is not one of a file of tensors");
  }
}

} // namespace

Result<PickleResult> readPickle(std::span<const uint8_t> bytes,
                                PickleBuilder &builder) {
  if (bytes.size() > kMaxPickleBytes)
    return invalidData("the pickle has " + std::to_string(bytes.size()) +
                       " bytes, more than " + std::to_string(kMaxPickleBytes));
  return Machine(bytes, builder).run();
}

} // namespace mamba
