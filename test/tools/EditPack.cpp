// Packs that are changed and signed anew.
#include "test/tools/Tensors.h"

#include "runtime/pack/Pack.h"
#include "runtime/support/File.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

#include <algorithm>

namespace mamba::test {

namespace {

/// The file with other metadata and another manifest, and other bytes where `bytes`
/// are given.
Status rewrite(const SafetensorsFile &file, PackMetadata metadata,
               const std::string &manifest, const std::string &blob,
               const std::vector<uint8_t> &bytes, const std::string &output) {
  SafetensorsWriter writer;
  for (const TensorView &tensor : file.tensors()) {
    if (tensor.name == kPackManifestEntry)
      continue;
    if (tensor.name != blob) {
      MAMBA_RETURN_IF_ERROR(writer.addTensor(
          tensor.name, tensor.dtype, tensor.shape, tensor.data, tensor.bytes));
      continue;
    }
    MAMBA_RETURN_IF_ERROR(writer.addTensor(tensor.name, tensor.dtype,
                                           {int64_t(bytes.size())},
                                           bytes.data(), bytes.size()));
  }
  metadata.erase(std::string(kPackDigestKey));
  metadata.erase(std::string(kPackManifestKey));
  MAMBA_RETURN_IF_ERROR(setPackContents(writer, std::move(metadata), manifest));
  return writer.write(output);
}

/// Where line `line` begins and ends; the whole text for 0.
std::pair<size_t, size_t> findLine(const std::string &text, uint64_t line) {
  if (line == 0)
    return {0, text.size()};
  size_t begin = 0;
  for (uint64_t i = 1; i < line && begin < text.size(); ++i)
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  return {begin, std::min(text.find('\n', begin), text.size())};
}

} // namespace

Status editManifest(const std::string &input, const std::string &output,
                    const std::string &from, const std::string &to) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  MAMBA_ASSIGN_OR_RETURN(std::string manifest, packManifest(file));
  size_t at = manifest.find(from);
  if (at == manifest.npos)
    return notFound("the manifest of " + inQuotes(input) + " has no " +
                    inQuotes(from));
  manifest.replace(at, from.size(), to);
  return rewrite(file, file.metadata(), manifest, "", {}, output);
}

Status editMetadata(const std::string &input, const std::string &output,
                    const std::string &key, const std::string &textFile) {
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  MAMBA_ASSIGN_OR_RETURN(std::string manifest, packManifest(file));
  PackMetadata metadata = file.metadata();
  MAMBA_ASSIGN_OR_RETURN(metadata[key], readFile(textFile));
  return rewrite(file, std::move(metadata), manifest, "", {}, output);
}

Status editCode(const std::string &input, const std::string &output,
                const CodeEdit &edit) {
  MAMBA_ASSIGN_OR_RETURN(auto pack, Pack::open(input));
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack->code(edit.blob));
  std::string text(code.begin(), code.end());
  auto [begin, end] = findLine(text, edit.line);
  size_t at = text.find(edit.from, begin);
  if (at == text.npos || at + edit.from.size() > end)
    return notFound(inQuotes(edit.blob) + " of " + inQuotes(input) +
                    " has no " + inQuotes(edit.from));
  text.replace(at, edit.from.size(), edit.to);
  MAMBA_ASSIGN_OR_RETURN(
      std::vector<uint8_t> stored,
      zstdCompress(reinterpret_cast<const uint8_t *>(text.data()),
                   text.size()));
  Manifest manifest = pack->manifest();
  for (BlobSpec &blob : manifest.blobs)
    if (blob.name == edit.blob)
      blob = {edit.blob, sha256Hex(stored.data(), stored.size()), text.size()};
  MAMBA_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::open(input));
  return rewrite(file, file.metadata(), writeManifest(manifest), edit.blob,
                 stored, output);
}

Status showCode(const std::string &input, const std::string &output,
                const std::string &blob) {
  MAMBA_ASSIGN_OR_RETURN(auto pack, Pack::open(input));
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack->code(blob));
  return writeFileAtomically(output, std::string(code.begin(), code.end()));
}

} // namespace mamba::test
