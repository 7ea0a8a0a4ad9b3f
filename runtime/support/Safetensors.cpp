#include "runtime/support/Safetensors.h"

#include "runtime/support/Json.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <tuple>

namespace mamba {

using nlohmann::json;

/// Fills a SafetensorsFile. The order of the checks matters: each bounds what
/// the next one computes with.
class SafetensorsParser {
public:
  explicit SafetensorsParser(SafetensorsFile &file) : file_(file) {}

  Status parse(const uint8_t *data, uint64_t size) {
    file_.base_ = data;
    MAMBA_ASSIGN_OR_RETURN(json header, parseHeader(data, size));
    JsonScope scope(header);
    dataBytes_ = size - file_.dataStart_;
    for (auto &[name, entry] : header.items()) {
      MAMBA_RETURN_IF_ERROR(name == "__metadata__" ? readMetadata(entry)
                                                   : readTensor(name, entry));
    }
    MAMBA_RETURN_IF_ERROR(checkCoverage());
    hidePads();
    return {};
  }

private:
  Status fail(const std::string &message) const {
    return invalidData(inQuotes(file_.name_) + ": " + message);
  }
  Status failTensor(const std::string &name, const std::string &message) const {
    return fail("tensor " + inQuotes(name) + ": " + message);
  }

  Result<json> parseHeader(const uint8_t *data, uint64_t size);
  Status readMetadata(const json &entry);
  Status readTensor(const std::string &name, const json &entry);
  Status checkCoverage();
  void hidePads();

  /// "[8, 24)", bytes of the data section.
  std::string formatRange(const TensorView &tensor) const {
    uint64_t begin = beginOf(tensor);
    return std::string("[") + std::to_string(begin) + ", " +
           std::to_string(begin + tensor.bytes) + ")";
  }
  uint64_t beginOf(const TensorView &tensor) const {
    return uint64_t(tensor.data - file_.base_) - file_.dataStart_;
  }

  SafetensorsFile &file_;
  uint64_t dataBytes_ = 0; // Behind the header.
};

Result<json> SafetensorsParser::parseHeader(const uint8_t *data,
                                            uint64_t size) {
  constexpr uint64_t kLengthBytes = 8;
  if (size < kLengthBytes)
    return fail("not a safetensors file: expected at least 8 bytes, got " +
                std::to_string(size));
  uint64_t length = 0;
  for (unsigned i = 0; i < kLengthBytes; ++i)
    length |= uint64_t(data[i]) << (8 * i);
  constexpr uint32_t kZip = 0x04034b50; // "PK\3\4"
  if (length > size - kLengthBytes && uint32_t(length) == kZip)
    return fail("a zip archive, not a safetensors file: name one of torch.save "
                "'pytorch_model.bin'");
  if (length > size - kLengthBytes)
    return fail("not a safetensors file, or cut short: its header length is " +
                std::to_string(length) + " but only " +
                std::to_string(size - kLengthBytes) + " bytes follow");
  if (length > kMaxSafetensorsHeader)
    return fail("header length must be at most " +
                std::to_string(kMaxSafetensorsHeader) + " bytes, got " +
                std::to_string(length));
  file_.dataStart_ = kLengthBytes + length;

  std::string_view text(reinterpret_cast<const char *>(data) + kLengthBytes,
                        length);
  MAMBA_ASSIGN_OR_RETURN(json header,
                         parseJson(text, inQuotes(file_.name_) + ": header"));
  JsonScope scope(header);
  if (!header.is_object())
    return fail("header must be an object, got " + describeJsonKind(header));
  return header;
}

Status SafetensorsParser::readMetadata(const json &entry) {
  if (!entry.is_object())
    return fail("'__metadata__' must be an object of strings, got " +
                describeJsonKind(entry));
  for (auto &[key, value] : entry.items()) {
    if (!value.is_string())
      return fail("metadata " + inQuotes(key) + " must be a string, got " +
                  describeJsonKind(value));
    file_.metadata_.emplace(key, value.get<std::string>());
  }
  return {};
}

Status SafetensorsParser::readTensor(const std::string &name,
                                     const json &entry) {
  if (!entry.is_object())
    return failTensor(name, "expected an object of dtype, shape and "
                            "data_offsets, got " +
                                describeJsonKind(entry));
  for (auto &[key, value] : entry.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      return failTensor(name, "unknown key " + inQuotes(key) +
                                  ", expected dtype, shape and data_offsets");

  auto readFields = [&]() -> Status {
    MAMBA_ASSIGN_OR_RETURN(std::string typeName, getString(entry, "dtype"));
    auto dtype = parseDType(typeName);
    if (!dtype)
      return invalidData("unknown dtype " + inQuotes(typeName) +
                         ", expected one such as F32, F16 or BF16");
    MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> shape,
                           getIntArray(entry, "shape", 0));
    MAMBA_ASSIGN_OR_RETURN(std::vector<int64_t> offsets,
                           getIntArray(entry, "data_offsets", 0));
    if (offsets.size() != 2)
      return invalidData("'data_offsets' must be [begin, end], got " +
                         std::to_string(offsets.size()) + " elements");
    uint64_t begin = uint64_t(offsets[0]), end = uint64_t(offsets[1]);
    if (begin > end)
      return invalidData("'data_offsets' must not end before they begin, got " +
                         formatShape(offsets));
    if (end > dataBytes_)
      return invalidData("'data_offsets' must lie within the file's " +
                         std::to_string(dataBytes_) + " bytes of data, got " +
                         formatShape(offsets));
    auto bytes = tensorBytes(*dtype, shape);
    if (!bytes)
      return invalidData("a shape of " + formatShape(shape) + " in " +
                         typeName + " has no size in whole bytes below 2^64");
    if (*bytes != end - begin)
      return invalidData("a shape of " + formatShape(shape) + " in " +
                         typeName + " takes " + std::to_string(*bytes) +
                         " bytes, 'data_offsets' hold " +
                         std::to_string(end - begin));
    file_.tensors_.push_back({name, *dtype, std::move(shape),
                              file_.base_ + file_.dataStart_ + begin,
                              end - begin});
    return {};
  };
  Status status = readFields();
  return status.ok() ? status : failTensor(name, status.message());
}

/// Sorts the tensors by their data, which must cover the file without holes.
Status SafetensorsParser::checkCoverage() {
  // An empty tensor stands before the one that starts at the same byte.
  std::sort(file_.tensors_.begin(), file_.tensors_.end(),
            [](const TensorView &a, const TensorView &b) {
              return std::tie(a.data, a.bytes, a.name) <
                     std::tie(b.data, b.bytes, b.name);
            });
  uint64_t covered = 0;
  const TensorView *before = nullptr;
  for (const TensorView &tensor : file_.tensors_) {
    uint64_t begin = beginOf(tensor);
    if (begin < covered)
      return failTensor(tensor.name, "its data " + formatRange(tensor) +
                                         " overlap those of " +
                                         inQuotes(before->name) + " " +
                                         formatRange(*before));
    if (begin > covered)
      return failTensor(tensor.name, "expected its data at byte " +
                                         std::to_string(covered) + ", got " +
                                         std::to_string(begin) +
                                         ", which leaves a hole");
    covered = begin + tensor.bytes;
    before = &tensor;
  }
  if (covered != dataBytes_)
    return fail("its tensors end at byte " + std::to_string(covered) +
                " of the data, but there are " + std::to_string(dataBytes_));
  return {};
}

static bool isPad(const TensorView &tensor) {
  std::string_view name = tensor.name;
  if (tensor.dtype != DType::U8 || !name.starts_with(kSafetensorsPadPrefix))
    return false;
  name.remove_prefix(kSafetensorsPadPrefix.size());
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

void SafetensorsParser::hidePads() {
  std::erase_if(file_.tensors_, isPad);
  for (size_t i = 0; i < file_.tensors_.size(); ++i)
    file_.index_.emplace(file_.tensors_[i].name, i);
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::open(path));
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file,
                         parse(mapping.data(), mapping.size(), path));
  file.mapping_ = std::move(mapping);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::parse(const uint8_t *data,
                                               uint64_t size,
                                               const std::string &what) {
  SafetensorsFile file;
  file.name_ = what;
  MAMBA_RETURN_IF_ERROR(SafetensorsParser(file).parse(data, size));
  return file;
}

const TensorView *SafetensorsFile::find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Result<const TensorView *> SafetensorsFile::get(std::string_view name) const {
  if (const TensorView *tensor = find(name))
    return tensor;
  return notFound(inQuotes(name_) + " has no tensor " + inQuotes(name));
}

const std::string *SafetensorsFile::findMetadata(std::string_view key) const {
  auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

} // namespace mamba
