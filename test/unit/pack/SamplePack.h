// The sample manifest as a pack file, with blobs that fit it.
#pragma once

#include "runtime/pack/JoinTargets.h"
#include "runtime/pack/PackWriter.h"
#include "test/unit/pack/SampleManifest.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba {

/// Compressed bytes that tell `seed` apart.
inline StoredBlob sampleBlob(unsigned seed) {
  std::vector<uint8_t> bytes;
  for (unsigned i = 0; i < 3000; ++i)
    bytes.push_back(uint8_t(i * i + seed));
  return *compressBlob(bytes);
}

/// The sample manifest with one blob for each that it names, of the kind that it
/// has there: `seed` changes all code.
inline PackContent sampleContent(unsigned seed = 0) {
  PackContent content;
  content.manifest = sampleManifest();
  content.manifest.blobs.clear();
  content.configJson = "{}";
  for (TargetSpec &target : content.manifest.targets)
    forEachBlob(target, [&](std::string_view kind, std::string &name) {
      name = kind == "golden" ? content.addGolden({1, 2, 3, 4, 5})
                              : content.addBlob(std::string(kind), sampleBlob(seed));
    });
  content.manifest.check->blob = content.addGolden(std::vector<float>(12, 0.5f));
  return content;
}

} // namespace mamba
