#include "runtime/support/TorchFile.h"

#include "runtime/support/CheckedMath.h"
#include "runtime/support/Pickle.h"
#include "runtime/support/Quote.h"
#include "runtime/support/ZipArchive.h"

#include <algorithm>
#include <optional>

namespace mamba {
namespace {

using Kind = PickleValue::Kind;

/// What a pickle may ask for.
struct Global {
  enum class Role { Dict, Tensor, Parameter, Storage };
  std::string_view module, name;
  Role role;
  DType dtype = DType::U8; // of a storage
};

constexpr Global kGlobals[] = {
    {"collections", "OrderedDict", Global::Role::Dict},
    {"torch._utils", "_rebuild_tensor_v2", Global::Role::Tensor},
    {"torch._utils", "_rebuild_parameter", Global::Role::Parameter},
    {"torch", "FloatStorage", Global::Role::Storage, DType::F32},
    {"torch", "HalfStorage", Global::Role::Storage, DType::F16},
    {"torch", "BFloat16Storage", Global::Role::Storage, DType::BF16},
    {"torch", "DoubleStorage", Global::Role::Storage, DType::F64},
    {"torch", "LongStorage", Global::Role::Storage, DType::I64},
    {"torch", "IntStorage", Global::Role::Storage, DType::I32},
    {"torch", "ShortStorage", Global::Role::Storage, DType::I16},
    {"torch", "CharStorage", Global::Role::Storage, DType::I8},
    {"torch", "ByteStorage", Global::Role::Storage, DType::U8},
    {"torch", "BoolStorage", Global::Role::Storage, DType::BOOL},
    {"torch", "ComplexFloatStorage", Global::Role::Storage, DType::C64},
};

/// Names of storages are small numbers, that of the folder is a file's.
constexpr size_t kMaxKey = 64, kMaxFolder = 255;

struct Storage {
  DType dtype;
  const uint8_t *data;
  uint64_t count; // elements
};

/// Makes what a state is made of: what kGlobals lists, storages and tensors.
class StateBuilder final : public PickleBuilder {
public:
  StateBuilder(const ZipArchive &archive, const std::string &prefix)
      : archive_(archive), prefix_(prefix) {}

  Result<PickleValue> global(std::string_view module,
                             std::string_view name) override;
  Result<PickleValue> persistent(PickleHeap &heap, PickleValue id) override;
  Result<PickleValue> call(PickleHeap &heap, PickleValue callable,
                           PickleValue arguments) override;

  /// Null for what is no tensor.
  const TensorView *tensor(PickleValue value) const {
    const Object *object = find(value, Object::Type::Tensor);
    return object ? &tensors_[object->place] : nullptr;
  }

private:
  struct Object {
    enum class Type : uint8_t { Global, Storage, Tensor } type;
    size_t place; // in kGlobals, storages_ or tensors_
  };

  const Object *find(PickleValue value, Object::Type type) const {
    if (value.kind != Kind::Object)
      return nullptr;
    const Object &object = objects_[size_t(value.number)];
    return object.type == type ? &object : nullptr;
  }
  PickleValue add(Object::Type type, size_t place) {
    objects_.push_back({type, place});
    return {Kind::Object, int64_t(objects_.size() - 1)};
  }
  Result<PickleValue> makeTensor(const PickleHeap &heap,
                                 std::span<const PickleValue> arguments);

  const ZipArchive &archive_;
  const std::string &prefix_;
  std::vector<Object> objects_;
  std::vector<Storage> storages_;
  std::vector<TensorView> tensors_; // Without names.
};

Result<PickleValue> StateBuilder::global(std::string_view module,
                                         std::string_view name) {
  for (size_t i = 0; i < std::size(kGlobals); ++i)
    if (kGlobals[i].module == module && kGlobals[i].name == name)
      return add(Object::Type::Global, i);
  std::string full = std::string(module.substr(0, 256)) + "." +
                     std::string(name.substr(0, 256));
  // Types that a model's weights do not have, and tensors of other kinds.
  if ((module == "torch" && name.ends_with("Storage")) ||
      (module == "torch._utils" && name.starts_with("_rebuild_")) ||
      (module == "torch._tensor" && name.starts_with("_rebuild_")))
    return invalidData("tensors of " + inQuotes(full) +
                       " are not read: save the model with floats");
  return invalidData("it wants to call " + inQuotes(full) +
                     ", which makes no tensor: it was refused, nothing of it "
                     "has run; take this model as safetensors");
}

/// ('storage', type, name of its entry, where it was, elements).
Result<PickleValue> StateBuilder::persistent(PickleHeap &heap, PickleValue id) {
  std::span<const PickleValue> parts;
  if (id.kind == Kind::Tuple)
    parts = heap.items(id);
  if (parts.size() != 5 || parts[0].kind != Kind::Text ||
      heap.text(parts[0]) != "storage" || parts[2].kind != Kind::Text ||
      parts[3].kind != Kind::Text || parts[4].kind != Kind::Int)
    return invalidData("expected ('storage', type, key, location, elements) "
                       "for a storage");
  const Object *type = find(parts[1], Object::Type::Global);
  if (!type || kGlobals[type->place].role != Global::Role::Storage)
    return invalidData("the type of a storage must be one such as "
                       "torch.FloatStorage");
  DType dtype = kGlobals[type->place].dtype;
  std::string_view key = heap.text(parts[2]);
  const ZipEntry *entry = nullptr;
  if (key.size() <= kMaxKey)
    entry = archive_.find(prefix_ + "/data/" + std::string(key));
  if (!entry)
    return invalidData("the archive has no storage " + inQuotes(key));
  int64_t count = parts[4].number;
  auto bytes = tensorBytes(dtype, {&count, 1});
  if (!bytes || *bytes != entry->bytes)
    return invalidData("storage " + inQuotes(key) + " of " +
                       std::to_string(count) + " elements of " +
                       std::string(dtypeName(dtype)) + " does not fit its " +
                       std::to_string(entry->bytes) + " bytes");
  storages_.push_back({dtype, entry->data, uint64_t(count)});
  return add(Object::Type::Storage, storages_.size() - 1);
}

Result<PickleValue> StateBuilder::call(PickleHeap &heap, PickleValue callable,
                                       PickleValue arguments) {
  const Object *function = find(callable, Object::Type::Global);
  if (!function || kGlobals[function->place].role == Global::Role::Storage)
    return invalidData("it wants to call a storage, expected a function that "
                       "makes a tensor");
  std::span<const PickleValue> given = heap.items(arguments);
  switch (kGlobals[function->place].role) {
  case Global::Role::Dict:
    if (!given.empty())
      return invalidData("an OrderedDict with arguments is not read");
    return heap.makeDict();
  case Global::Role::Tensor:
    return makeTensor(heap, given);
  default: // A parameter: a tensor, requires_grad, hooks.
    if (given.empty() || !tensor(given[0]))
      return invalidData("a parameter must be made of a tensor");
    return given[0];
  }
}

/// The integers of a tuple that has one for each dimension.
Result<std::vector<int64_t>> readExtents(const PickleHeap &heap,
                                         PickleValue value,
                                         const std::string &what) {
  if (value.kind != Kind::Tuple)
    return invalidData("the " + what + " of a tensor must be a tuple, got " +
                       std::string(describePickleKind(value.kind)));
  std::span<const PickleValue> items = heap.items(value);
  if (items.size() > kMaxTorchRank)
    return invalidData("a tensor has " + std::to_string(items.size()) +
                       " dimensions, at most " + std::to_string(kMaxTorchRank) +
                       " are read");
  std::vector<int64_t> extents;
  for (PickleValue item : items) {
    if (item.kind != Kind::Int)
      return invalidData("the " + what +
                         " of a tensor must hold integers, got " +
                         std::string(describePickleKind(item.kind)));
    extents.push_back(item.number);
  }
  return extents;
}

/// Whether elements lie row by row without gaps; the stride of a dimension of
/// one element says nothing. The shape's product is known not to overflow.
bool isRowMajor(std::span<const int64_t> shape,
                std::span<const int64_t> strides) {
  uint64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] > 1 && strides[i] != int64_t(expected))
      return false;
    expected *= uint64_t(std::max<int64_t>(shape[i], 1));
  }
  return true;
}

/// A dictionary that says how the elements are to be changed when they are read:
/// "neg" that they are to be negated.
Status checkMetadata(const PickleHeap &heap, PickleValue value) {
  if (value.kind != Kind::None && value.kind != Kind::Dict)
    return invalidData("the metadata of a tensor must be a dictionary, got " +
                       std::string(describePickleKind(value.kind)));
  if (value.kind == Kind::None || heap.dicts[size_t(value.number)].empty())
    return {};
  PickleValue key = heap.dicts[size_t(value.number)].front().first;
  return invalidData(
      "a tensor has the metadata " +
      (key.kind == Kind::Text ? inQuotes(heap.text(key))
                              : std::string(describePickleKind(key.kind))) +
      ", only plain ones are read: save it with .clone()");
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, and
/// in newer files metadata), in elements.
Result<PickleValue>
StateBuilder::makeTensor(const PickleHeap &heap,
                         std::span<const PickleValue> arguments) {
  if (arguments.size() != 6 && arguments.size() != 7)
    return invalidData("a tensor must be made of 6 or 7 values, got " +
                       std::to_string(arguments.size()));
  const Object *object = find(arguments[0], Object::Type::Storage);
  if (!object)
    return invalidData("a tensor must be made of a storage");
  if (arguments.size() == 7)
    MAMBA_RETURN_IF_ERROR(checkMetadata(heap, arguments[6]));
  const Storage &storage = storages_[object->place];
  MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> shape,
                         readExtents(heap, arguments[2], "size"));
  MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> strides,
                         readExtents(heap, arguments[3], "stride"));
  if (strides.size() != shape.size())
    return invalidData("a tensor of the shape " + formatShape(shape) +
                       " has the strides " + formatShape(strides));
  auto count = elementCount(shape);
  auto bytes = tensorBytes(storage.dtype, shape);
  if (!count || !bytes)
    return invalidData("a shape of " + formatShape(shape) + " in " +
                       std::string(dtypeName(storage.dtype)) +
                       " has no size in bytes below 2^64");
  if (*count != 0 && !isRowMajor(shape, strides))
    return invalidData("a tensor of the shape " + formatShape(shape) +
                       " has the strides " + formatShape(strides) +
                       ", only row-major ones are read: save it with "
                       ".contiguous()");
  if (arguments[1].kind != Kind::Int || arguments[1].number < 0)
    return invalidData("the offset of a tensor must be an integer of at least "
                       "0");
  uint64_t offset = uint64_t(arguments[1].number);
  if (offset > storage.count || *count > storage.count - offset)
    return invalidData("a tensor of the shape " + formatShape(shape) +
                       " at element " + std::to_string(offset) +
                       " does not fit its storage of " +
                       std::to_string(storage.count) + " elements");
  tensors_.push_back({"", storage.dtype, std::move(shape),
                      storage.data + offset * dtypeBytes(storage.dtype),
                      *bytes});
  return add(Object::Type::Tensor, tensors_.size() - 1);
}

} // namespace

/// The length of a header, and the header's first byte.
static bool isSafetensors(const uint8_t *data, uint64_t size) {
  uint64_t length = 0;
  for (unsigned i = 0; i < 8 && i < size; ++i)
    length |= uint64_t(data[i]) << (8 * i);
  return size > 8 && data[8] == '{' && length <= size - 8;
}

/// Fills a TorchFile.
class TorchParser {
public:
  explicit TorchParser(TorchFile &file) : file_(file) {}

  Status parse(const uint8_t *data, uint64_t size) {
    if (isSafetensors(data, size))
      return fail("a file of safetensors, not of torch.save: name it as one, "
                  "'model.safetensors'");
    // Older files start with a pickle, whose first opcode is its protocol.
    if (size != 0 && data[0] == 0x80)
      return fail("the format of PyTorch before 1.6 is not read: load it with "
                  "torch.load and save it as safetensors");
    MAMBA_ASSIGN_OR_RETURN(ZipArchive archive,
                           ZipArchive::parse(data, size, file_.name_));
    // Everything is below one folder, named after the file.
    std::string prefix;
    if (!archive.entries().empty()) {
      std::string_view first = archive.entries().front().name;
      prefix = first.substr(0, first.find('/'));
    }
    if (prefix.size() > kMaxFolder)
      return fail("not a file of torch.save: the name of its archive's first "
                  "folder has " +
                  std::to_string(prefix.size()) + " bytes");
    const ZipEntry *pickle = archive.find(prefix + "/data.pkl");
    if (!pickle)
      return fail("not a file of torch.save: its archive has no 'data.pkl' in "
                  "its first folder");
    // One that is too large is refused unread.
    if (pickle->bytes <= kMaxPickleBytes && !hasItsChecksum(*pickle))
      return fail("'data.pkl' in its archive does not have its checksum: the "
                  "file is damaged, take it anew");
    MAMBA_RETURN_IF_ERROR(checkByteOrder(archive.find(prefix + "/byteorder")));
    StateBuilder builder(archive, prefix);
    auto state = readPickle({pickle->data, pickle->bytes}, builder);
    if (!state.ok())
      return state.status().withContext(inQuotes(file_.name_));
    return takeTensors(*state, builder);
  }

private:
  Status fail(const std::string &message) const {
    return invalidData(inQuotes(file_.name_) + ": " + message);
  }

  /// An entry that newer files have.
  Status checkByteOrder(const ZipEntry *entry) const {
    if (!entry)
      return {};
    std::string_view order(reinterpret_cast<const char *>(entry->data),
                           entry->bytes);
    if (order == "little")
      return {};
    return fail("its byte order is " + inQuotes(order) +
                ", only 'little' is read");
  }

  Status takeTensors(const PickleResult &state, const StateBuilder &builder) {
    if (state.root.kind != Kind::Dict)
      return fail("expected a dictionary of tensors, got " +
                  std::string(describePickleKind(state.root.kind)) +
                  ": save the model's state_dict()");
    for (auto [key, value] : state.heap.dicts[size_t(state.root.number)]) {
      if (key.kind != Kind::Text)
        return fail("the names of tensors must be strings, got " +
                    std::string(describePickleKind(key.kind)));
      std::string name(state.heap.text(key));
      const TensorView *tensor = builder.tensor(value);
      if (!tensor)
        return fail(inQuotes(name) + " must be a tensor, got " +
                    std::string(describePickleKind(value.kind)) +
                    ": save the model's state_dict() alone");
      if (!file_.index_.emplace(name, file_.tensors_.size()).second)
        return fail("tensor " + inQuotes(name) + " occurs twice");
      TensorView &view = file_.tensors_.emplace_back(*tensor);
      view.name = std::move(name);
    }
    return {};
  }

  TorchFile &file_;
};

Result<TorchFile> TorchFile::open(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::open(path));
  MAMBA_ASSIGN_OR_RETURN(TorchFile file,
                         parse(mapping.data(), mapping.size(), path));
  file.mapping_ = std::move(mapping);
  return file;
}

Result<TorchFile> TorchFile::parse(const uint8_t *data, uint64_t size,
                                   const std::string &what) {
  TorchFile file;
  file.name_ = what;
  MAMBA_RETURN_IF_ERROR(TorchParser(file).parse(data, size));
  return file;
}

const TensorView *TorchFile::find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

} // namespace mamba
