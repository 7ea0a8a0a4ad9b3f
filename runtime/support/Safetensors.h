// Reads safetensors files: 8 bytes of little-endian header length, a JSON
// header, raw tensor data. Everything is verified once, when opened.
#pragma once

#include "runtime/support/DType.h"
#include "runtime/support/File.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba {

/// Headers above this are refused, as in the reference implementation; bytes.
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

/// Entries "__pad__.0", "__pad__.1", ... of type U8 align what follows them.
/// The reader hides them.
inline constexpr std::string_view kSafetensorsPadPrefix = "__pad__.";

struct TensorView {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape; // Empty for a scalar.
  // Borrowed from the file's mapping, never null; aligned to 1 byte only.
  const uint8_t *data;
  uint64_t bytes; // Always what dtype and shape ask for.
};

/// An open safetensors file. Its bytes are trusted no further than checked:
/// lengths, types, shapes and offsets all hold, tensors neither overlap nor
/// leave holes; their content is arbitrary.
class SafetensorsFile {
public:
  /// Maps and verifies `path`. Failures name the file, the tensor, what was
  /// expected and what was found.
  static Result<SafetensorsFile> open(const std::string &path);

  /// The same over memory, which the caller keeps alive and unchanged; `what`
  /// names it in messages.
  static Result<SafetensorsFile> parse(const uint8_t *data, uint64_t size,
                                       const std::string &what);

  SafetensorsFile(SafetensorsFile &&) = default;
  SafetensorsFile &operator=(SafetensorsFile &&) = default;

  /// The path, or `what` of parse().
  const std::string &name() const { return name_; }

  /// In the order of their data. The views live as long as this file and keep
  /// their addresses when it is moved.
  const std::vector<TensorView> &tensors() const { return tensors_; }

  /// Null when there is none of this name.
  const TensorView *find(std::string_view name) const;

  /// Like find(), but absence is a failure that names the file.
  Result<const TensorView *> get(std::string_view name) const;

  const std::map<std::string, std::string, std::less<>> &metadata() const {
    return metadata_;
  }

  /// Null when there is no such metadata.
  const std::string *findMetadata(std::string_view key) const;

  /// Where a tensor's data starts, in bytes from the start of the file.
  uint64_t fileOffset(const TensorView &tensor) const {
    return uint64_t(tensor.data - base_);
  }

  /// As MappedFile::rest(); memory of the caller's is left alone.
  void rest(std::span<const uint8_t> part) const { mapping_.rest(part); }

private:
  SafetensorsFile() = default;
  friend class SafetensorsParser;

  std::string name_;
  MappedFile mapping_;            // Empty when opened over the caller's memory.
  const uint8_t *base_ = nullptr; // Borrowed from mapping_ or the caller.
  uint64_t dataStart_ = 0;
  std::vector<TensorView> tensors_;
  std::map<std::string, size_t, std::less<>> index_; // Into tensors_.
  std::map<std::string, std::string, std::less<>> metadata_;
};

} // namespace mamba
