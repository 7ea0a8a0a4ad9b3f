#include "test/tools/Tensors.h"

#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Safetensors.h"
#include "runtime/support/SafetensorsWriter.h"

#include <charconv>
#include <cstring>
#include <deque>
#include <random>

namespace mamba::test {

namespace {

Status copyTensor(SafetensorsWriter &writer, const TensorView &tensor) {
  return writer.addTensor(tensor.name, tensor.dtype, tensor.shape, tensor.data,
                          tensor.bytes);
}

Result<int64_t> parseInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return invalidArgument("not an integer: " + inQuotes(std::string(text)));
  return value;
}

} // namespace

Status makeTokens(const TokenOptions &options) {
  std::mt19937_64 random(options.seed);
  SafetensorsWriter writer;
  std::deque<std::vector<int64_t>> kept; // The writer borrows them.
  auto add = [&](const char *name, int64_t columns) {
    auto &ids = kept.emplace_back(options.rows * columns);
    for (int64_t &id : ids)
      id = int64_t(random() % uint64_t(options.vocabSize));
    return writer.addTensor(name, DType::I64, {options.rows, columns},
                            ids.data(), ids.size() * sizeof(int64_t));
  };
  MAMBA_RETURN_IF_ERROR(add("input_ids", options.columns));
  if (options.decodeColumns != 0)
    MAMBA_RETURN_IF_ERROR(add("decode_ids", options.decodeColumns));
  return writer.write(options.output);
}

Status addIntegers(const std::string &input, const std::string &output,
                   const std::string &tensor) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  SafetensorsWriter writer;
  for (const TensorView &view : file.tensors())
    MAMBA_RETURN_IF_ERROR(copyTensor(writer, view));
  size_t equals = tensor.find('=');
  if (equals == tensor.npos)
    return invalidArgument("expected NAME=1,2,3, got " + inQuotes(tensor));
  std::vector<int64_t> values;
  std::string_view rest = std::string_view(tensor).substr(equals + 1);
  while (true) {
    size_t comma = rest.find(',');
    MAMBA_ASSIGN_OR_RETURN(int64_t value, parseInteger(rest.substr(0, comma)));
    values.push_back(value);
    if (comma == rest.npos)
      break;
    rest.remove_prefix(comma + 1);
  }
  MAMBA_RETURN_IF_ERROR(writer.addTensor(
      tensor.substr(0, equals), DType::I64, {int64_t(values.size())},
      values.data(), values.size() * sizeof(int64_t)));
  return writer.write(output);
}

Status sliceRow(const std::string &input, const std::string &output,
                int64_t row, const std::vector<std::string> &names) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  SafetensorsWriter writer;
  for (const std::string &word : names) {
    size_t colon = word.find(':');
    MAMBA_ASSIGN_OR_RETURN(const TensorView *tensor,
                           file.get(word.substr(0, colon)));
    std::vector<int64_t> shape = tensor->shape;
    if (shape.empty() || row >= shape[0])
      return invalidArgument("tensor " + inQuotes(tensor->name) +
                             " has no row " + std::to_string(row));
    uint64_t rowBytes = tensor->bytes / uint64_t(shape[0]), kept = rowBytes;
    shape[0] = 1;
    if (colon != word.npos) {
      MAMBA_ASSIGN_OR_RETURN(
          int64_t columns,
          parseInteger(std::string_view(word).substr(colon + 1)));
      if (shape.size() < 2 || columns < 0 || columns > shape[1])
        return invalidArgument("tensor " + inQuotes(tensor->name) +
                               " has not so many columns: " + word);
      kept = shape[1] ? rowBytes / uint64_t(shape[1]) * uint64_t(columns) : 0;
      shape[1] = columns;
    }
    MAMBA_RETURN_IF_ERROR(writer.addTensor(tensor->name, tensor->dtype, shape,
                                           tensor->data + row * rowBytes,
                                           kept));
  }
  return writer.write(output);
}

Status embed(const std::string &model, const std::string &weight,
             const std::string &input, const std::string &output) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile weights, SafetensorsFile::open(model));
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  MAMBA_ASSIGN_OR_RETURN(const TensorView *table, weights.get(weight));
  MAMBA_ASSIGN_OR_RETURN(const TensorView *ids, file.get("input_ids"));
  if (table->dtype != DType::F32 || table->shape.size() != 2 ||
      ids->dtype != DType::I64 || ids->shape.size() != 2)
    return invalidArgument("embed takes an F32 matrix and I64 [B, L]");
  uint64_t width = table->shape[1], count = ids->bytes / sizeof(int64_t);
  std::vector<float> x(count * width);
  for (uint64_t i = 0; i < count; ++i) {
    int64_t id;
    std::memcpy(&id, ids->data + i * sizeof(id), sizeof(id));
    if (id < 0 || id >= table->shape[0])
      return invalidArgument("id " + std::to_string(id) + " has no row");
    std::memcpy(x.data() + i * width, table->data + id * width * sizeof(float),
                width * sizeof(float));
  }
  SafetensorsWriter writer;
  MAMBA_RETURN_IF_ERROR(writer.addTensor(
      "x", DType::F32, {ids->shape[0], ids->shape[1], int64_t(width)}, x.data(),
      x.size() * sizeof(float)));
  return writer.write(output);
}

Status drop(const std::string &input, const std::string &output,
            const std::string &prefix) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  SafetensorsWriter writer;
  size_t kept = 0;
  for (const TensorView &tensor : file.tensors()) {
    if (tensor.name.starts_with(prefix))
      continue;
    MAMBA_RETURN_IF_ERROR(copyTensor(writer, tensor));
    ++kept;
  }
  if (kept == file.tensors().size())
    return notFound("no tensor of " + inQuotes(input) + " starts with " +
                    inQuotes(prefix));
  for (const auto &[key, value] : file.metadata())
    MAMBA_RETURN_IF_ERROR(writer.setMetadata(key, value));
  return writer.write(output);
}

Status editHeader(const std::string &input, const std::string &output,
                  const std::string &from, const std::string &to) {
  MAMBA_ASSIGN_OR_RETURN(std::string bytes, readFile(input));
  uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    return invalidData(inQuotes(input) + " has no header");
  std::memcpy(&length, bytes.data(), sizeof(length));
  std::string header = bytes.substr(sizeof(length), length);
  size_t at = header.find(from);
  if (at == header.npos)
    return notFound("the header of " + inQuotes(input) + " has no " +
                    inQuotes(from));
  header.replace(at, from.size(), to);
  uint64_t changed = header.size();
  std::string edited(reinterpret_cast<const char *>(&changed), sizeof(changed));
  edited += header;
  edited += bytes.substr(sizeof(length) + length);
  return writeFileAtomically(output, edited);
}

Status flipBit(const std::string &input, const std::string &output,
               const std::string &tensor, uint64_t offset) {
  MAMBA_ASSIGN_OR_RETURN(std::string bytes, readFile(input));
  if (!tensor.empty()) {
    MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
    MAMBA_ASSIGN_OR_RETURN(const TensorView *view, file.get(tensor));
    offset += file.fileOffset(*view);
  }
  if (offset >= bytes.size())
    return invalidArgument(inQuotes(input) + " has no byte " +
                           std::to_string(offset));
  bytes[offset] = char(bytes[offset] ^ 4);
  return writeFileAtomically(output, bytes);
}

} // namespace mamba::test
