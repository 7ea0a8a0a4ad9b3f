// Pickles and files of torch.save put together by hand, right or wrong.
#pragma once

#include "ZipBytes.h"

namespace mamba::test::pickle {

// Each writes what leaves one value on the stack.

inline std::string text(const std::string &value) {
  return "X" + littleEndian(value.size(), 4) + value;
}
/// From -2^63 to 2^63 - 1, as Python writes those that need it.
inline std::string number(int64_t value) {
  if (value == int32_t(value))
    return "J" + littleEndian(uint32_t(value), 4);
  return "\x8a\x08" + littleEndian(uint64_t(value), 8);
}
inline std::string global(const std::string &module, const std::string &name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::string> &items) {
  std::string bytes = "(";
  for (const std::string &item : items)
    bytes += item;
  return bytes + "t";
}
inline std::string numbers(const std::vector<int64_t> &values) {
  std::vector<std::string> items;
  for (int64_t value : values)
    items.push_back(number(value));
  return tuple(items);
}
inline std::string call(const std::string &callable,
                        const std::vector<std::string> &arguments) {
  return callable + tuple(arguments) + "R";
}
inline std::string orderedDict() {
  return call(global("collections", "OrderedDict"), {});
}
inline std::string storage(const std::string &key, int64_t count,
                           const std::string &type = "FloatStorage") {
  return tuple({text("storage"), global("torch", type), text(key), text("cpu"),
                number(count)}) +
         "Q";
}
inline std::string tensor(const std::string &storage, int64_t offset,
                          const std::vector<int64_t> &size,
                          const std::vector<int64_t> &stride) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {storage, number(offset), numbers(size), numbers(stride), "\x89",
               orderedDict()});
}
/// A dictionary of names and values.
inline std::string
state(const std::vector<std::pair<std::string, std::string>> &items) {
  std::string bytes = orderedDict() + "(";
  for (const auto &[name, value] : items)
    bytes += text(name) + value;
  return bytes + "u";
}
/// What leaves one value on the stack as a whole pickle.
inline std::string whole(const std::string &value) {
  return "\x80\x02" + value + ".";
}

/// A file of torch.save with this pickle and storages "0", "1", ...
inline std::string torchBytes(const std::string &value,
                              const std::vector<std::string> &storages,
                              const std::string &byteOrder = "little") {
  std::vector<ZipPart> parts = {{"model/data.pkl", whole(value)},
                                {"model/byteorder", byteOrder}};
  for (size_t i = 0; i < storages.size(); ++i)
    parts.push_back({"model/data/" + std::to_string(i), storages[i]});
  parts.push_back({"model/version", "3\n"});
  return zipBytes(parts);
}

} // namespace mamba::test::pickle
