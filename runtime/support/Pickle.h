// Reads Python pickles on a machine that can build values and nothing else.
// What a pickle would have Python import and call is handed to a builder, which
// knows what it takes and refuses the rest: no code of the file ever runs.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba {

/// Larger pickles are refused: they hold names and shapes, the data of tensors
/// lie elsewhere; bytes.
inline constexpr uint64_t kMaxPickleBytes = uint64_t(16) << 20;
/// So many values may wait on the stack. Python puts down a dictionary's items
/// in batches of a thousand.
inline constexpr size_t kMaxPickleStack = size_t(1) << 16;

struct PickleValue {
  enum class Kind : uint8_t {
    None,
    Bool,
    Int,
    Float, // its number is not kept
    Text,
    Tuple,
    List,
    Dict,
    Object // of the builder
  };
  Kind kind = Kind::None;
  int64_t number = 0; // The value, or the place in a table of the heap.
};

/// "a tuple", for messages.
std::string_view describePickleKind(PickleValue::Kind kind);

/// Where values of more than a number live, by their place. Values refer to
/// each other by place, so that even one that holds itself is no cycle to free.
struct PickleHeap {
  std::vector<std::string_view> texts; // UTF-8; borrowed from the pickle.
  std::vector<std::vector<PickleValue>> lists; // Tuples too.
  std::vector<std::vector<std::pair<PickleValue, PickleValue>>> dicts;

  std::string_view text(PickleValue value) const {
    return texts[size_t(value.number)];
  }
  std::span<const PickleValue> items(PickleValue value) const {
    return lists[size_t(value.number)];
  }
  PickleValue makeDict();
};

/// Makes the objects of a pickle. Each call answers one or refuses.
class PickleBuilder {
public:
  virtual ~PickleBuilder() = default;
  /// What `module`.`name` stands for.
  virtual Result<PickleValue> global(std::string_view module,
                                     std::string_view name) = 0;
  /// What the pickler kept outside of the pickle under this id.
  virtual Result<PickleValue> persistent(PickleHeap &heap, PickleValue id) = 0;
  /// `callable`, never other than an object, called with the tuple `arguments`.
  virtual Result<PickleValue> call(PickleHeap &heap, PickleValue callable,
                                   PickleValue arguments) = 0;
};

struct PickleResult {
  PickleHeap heap;
  PickleValue root;
};

/// Runs a pickle of protocol 2 to 5 that has nothing behind its end. Memory and
/// time are linear in its length; there is no recursion. Messages say which
/// byte. Attributes that a pickle sets on dictionaries are read and dropped.
Result<PickleResult> readPickle(std::span<const uint8_t> bytes,
                                PickleBuilder &builder);

} // namespace mamba
