#include "runtime/support/SafetensorsWriter.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/Utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>

namespace mamba {
namespace {

constexpr uint64_t kMaxAlignment = uint64_t(1) << 24;

std::string jsonString(const std::string &text) {
  return nlohmann::json(text).dump(); // Valid UTF-8, or it would throw.
}

std::string headerEntry(const std::string &name, DType dtype,
                        std::span<const int64_t> shape, uint64_t begin,
                        uint64_t bytes) {
  std::string entry = jsonString(name) + ":{\"dtype\":\"";
  entry += dtypeName(dtype);
  entry += "\",\"shape\":[";
  for (size_t i = 0; i < shape.size(); ++i) {
    entry += i == 0 ? "" : ",";
    entry += std::to_string(shape[i]);
  }
  return entry + "],\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(begin + bytes) + "]}";
}

Status writeZeros(const TensorSink &sink, uint64_t count) {
  static const char zeros[4096] = {};
  while (count > 0) {
    uint64_t size = std::min<uint64_t>(count, sizeof zeros);
    MAMBA_RETURN_IF_ERROR(sink(zeros, size));
    count -= size;
  }
  return {};
}

} // namespace

Status SafetensorsWriter::addTensor(const std::string &name, DType dtype,
                                    std::vector<int64_t> shape,
                                    const void *data, uint64_t bytes) {
  auto wanted = tensorBytes(dtype, shape);
  if (wanted && *wanted != bytes)
    return invalidArgument("tensor " + inQuotes(name) + " of shape " +
                           formatShape(shape) + " takes " +
                           std::to_string(*wanted) + " bytes, got " +
                           std::to_string(bytes));
  if (!data && bytes > 0)
    return invalidArgument("tensor " + inQuotes(name) + " has no data");
  return addTensor(name, dtype, std::move(shape),
                   [data, bytes](const TensorSink &sink) {
                     return bytes > 0 ? sink(data, bytes) : Status();
                   });
}

Status SafetensorsWriter::addTensor(const std::string &name, DType dtype,
                                    std::vector<int64_t> shape,
                                    TensorProducer producer) {
  auto bytes = tensorBytes(dtype, shape);
  if (!bytes)
    return invalidArgument("tensor " + inQuotes(name) + ": a shape of " +
                           formatShape(shape) + " in " +
                           std::string(dtypeName(dtype)) +
                           " has no size in whole bytes below 2^64");
  if (!isValidUtf8(name))
    return invalidArgument("tensor name " + inQuotes(name) +
                           " must be valid UTF-8");
  if (name == "__metadata__" || name.starts_with(kSafetensorsPadPrefix))
    return invalidArgument("tensor name " + inQuotes(name) +
                           " is reserved, use another");
  if (!names_.insert(name).second)
    return invalidArgument("tensor " + inQuotes(name) + " is added twice");
  entries_.push_back(
      {name, dtype, std::move(shape), *bytes, std::move(producer)});
  return {};
}

Status SafetensorsWriter::setMetadata(const std::string &key,
                                      std::string value) {
  if (!isValidUtf8(key) || !isValidUtf8(value))
    return invalidArgument("metadata " + inQuotes(key) +
                           " must be valid UTF-8");
  metadata_[key] = std::move(value);
  return {};
}

Result<SafetensorsWriter::Layout> SafetensorsWriter::layOut() const {
  if (alignment_ > kMaxAlignment ||
      (alignment_ != 0 && !std::has_single_bit(alignment_)))
    return invalidArgument("alignment must be 0 or a power of two up to " +
                           std::to_string(kMaxAlignment) + ", got " +
                           std::to_string(alignment_));
  std::vector<const Entry *> order;
  for (const Entry &entry : entries_)
    order.push_back(&entry);
  if (alignment_ == 0)
    std::sort(order.begin(), order.end(), [](const Entry *a, const Entry *b) {
      unsigned bitsA = dtypeBits(a->dtype), bitsB = dtypeBits(b->dtype);
      return bitsA != bitsB ? bitsA > bitsB : a < b; // Else as added.
    });

  Layout layout;
  std::string text = "{";
  auto separate = [&] { text += text.size() > 1 ? "," : ""; };
  if (!metadata_.empty()) {
    text += "\"__metadata__\":{";
    bool first = true;
    for (const auto &[key, value] : metadata_) {
      text += first ? "" : ",";
      text += jsonString(key) + ":" + jsonString(value);
      first = false;
    }
    text += "}";
  }

  // Offsets count from the end of the header, which is a multiple of the
  // alignment, so aligned offsets are aligned in the file too. Readers take
  // them as signed.
  uint64_t offset = 0;
  int64_t pads = 0;
  for (const Entry *entry : order) {
    auto begin = checkedAlignUp(offset, std::max<uint64_t>(alignment_, 1));
    auto end = begin ? checkedAdd(*begin, entry->bytes) : std::nullopt;
    if (!end || *end > uint64_t(INT64_MAX) - kMaxSafetensorsHeader)
      return invalidArgument("tensor " + inQuotes(entry->name) +
                             " makes the file larger than a file can be");
    if (uint64_t gap = *begin - offset; gap > 0) {
      int64_t extent = int64_t(gap);
      separate();
      text += headerEntry(std::string(kSafetensorsPadPrefix) +
                              std::to_string(pads++),
                          DType::U8, {&extent, 1}, offset, gap);
      layout.pieces.emplace_back(nullptr, gap);
    }
    separate();
    text += headerEntry(entry->name, entry->dtype, entry->shape, *begin,
                        entry->bytes);
    layout.pieces.emplace_back(entry, entry->bytes);
    offset = *end;
  }
  text += "}";

  // At least 8, as the reference implementation does.
  constexpr uint64_t kLengthBytes = 8;
  uint64_t multiple = std::max<uint64_t>(alignment_, kLengthBytes);
  uint64_t total =
      (kLengthBytes + text.size() + multiple - 1) / multiple * multiple;
  uint64_t length = total - kLengthBytes;
  if (length > kMaxSafetensorsHeader)
    return invalidArgument("header of " + std::to_string(length) +
                           " bytes, the format allows " +
                           std::to_string(kMaxSafetensorsHeader));
  text.resize(length, ' ');
  for (unsigned i = 0; i < kLengthBytes; ++i)
    layout.header += char(uint8_t(length >> (8 * i)));
  layout.header += text;
  return layout;
}

Status SafetensorsWriter::emit(const Layout &layout,
                               const TensorSink &sink) const {
  MAMBA_RETURN_IF_ERROR(sink(layout.header.data(), layout.header.size()));
  for (const auto &[entry, bytes] : layout.pieces) {
    if (!entry) {
      MAMBA_RETURN_IF_ERROR(writeZeros(sink, bytes));
      continue;
    }
    uint64_t missing = bytes;
    auto countingSink = [&, name = &entry->name,
                         total = bytes](const void *data, uint64_t size) {
      if (size > missing)
        return invalidArgument("tensor " + inQuotes(*name) + " takes " +
                               std::to_string(total) +
                               " bytes, its producer gave more");
      missing -= size;
      return sink(data, size);
    };
    MAMBA_RETURN_IF_ERROR(entry->producer(countingSink));
    if (missing > 0)
      return invalidArgument("tensor " + inQuotes(entry->name) + " takes " +
                             std::to_string(bytes) +
                             " bytes, its producer gave " +
                             std::to_string(bytes - missing));
  }
  return {};
}

Status SafetensorsWriter::write(const std::string &path) const {
  MAMBA_ASSIGN_OR_RETURN(Layout layout, layOut());
  MAMBA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  Status written;
  Status status = emit(layout, [&](const void *data, uint64_t size) {
    return written = file.write(data, size);
  });
  MAMBA_RETURN_IF_ERROR(written); // Names the file itself.
  if (!status.ok())
    return status.withContext("cannot write " + inQuotes(path));
  return file.commit();
}

Result<std::string> SafetensorsWriter::serialize() const {
  MAMBA_ASSIGN_OR_RETURN(Layout layout, layOut());
  std::string bytes;
  MAMBA_RETURN_IF_ERROR(emit(layout, [&](const void *data, uint64_t size) {
    bytes.append(static_cast<const char *>(data), size);
    return Status();
  }));
  return bytes;
}

} // namespace mamba
