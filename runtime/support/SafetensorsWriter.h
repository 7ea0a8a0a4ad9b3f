// Writes safetensors files, tensors streamed, optionally aligned.
#pragma once

#include "runtime/support/DType.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba {

/// Takes the next bytes of a tensor.
using TensorSink = std::function<Status(const void *data, uint64_t size)>;
/// Hands a tensor's bytes, first to last and in any pieces, to the sink, and
/// returns the sink's failure if it has one.
using TensorProducer = std::function<Status(const TensorSink &sink)>;

/// Collects tensors, then writes them in one go. Same input, same bytes. What
/// it writes, the Python package `safetensors` reads.
class SafetensorsWriter {
public:
  /// With an `alignment` (a power of two up to 16 MiB) tensors keep the order
  /// of their adding and each starts at a multiple of it in the file; gaps are
  /// U8 entries named "__pad__.N". With 0 there are no such entries: wider
  /// element types come first, so that every tensor is aligned for its type.
  explicit SafetensorsWriter(uint64_t alignment = 0) : alignment_(alignment) {}

  /// `data` is borrowed until write() or serialize() returns; `bytes` must be
  /// what dtype and shape ask for.
  Status addTensor(const std::string &name, DType dtype,
                   std::vector<int64_t> shape, const void *data,
                   uint64_t bytes);

  /// The producer runs once in each write() or serialize().
  Status addTensor(const std::string &name, DType dtype,
                   std::vector<int64_t> shape, TensorProducer producer);

  /// Replaces the value of a key that is there already.
  Status setMetadata(const std::string &key, std::string value);

  /// Writes `path` whole or, on failure, not at all.
  Status write(const std::string &path) const;

  /// The same bytes in memory.
  Result<std::string> serialize() const;

private:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    uint64_t bytes;
    TensorProducer producer;
  };
  struct Layout {
    std::string header; // With its length in front.
    // In the order of their data; null is a gap of that many bytes.
    std::vector<std::pair<const Entry *, uint64_t>> pieces;
  };

  Result<Layout> layOut() const;
  Status emit(const Layout &layout, const TensorSink &sink) const;

  uint64_t alignment_;
  std::vector<Entry> entries_;
  std::set<std::string, std::less<>> names_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

} // namespace mamba
