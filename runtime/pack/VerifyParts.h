// The parts of verifyManifest, for ManifestVerify.cpp and the files beside it.
#pragma once

#include "runtime/pack/Manifest.h"
#include "runtime/support/Quote.h"

#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

namespace mamba {

/// Of a manifest, by name; borrowed from it.
using BlobTable = std::map<std::string_view, const BlobSpec *>;

/// A set that refuses the empty name and the second of two equal ones.
class Names {
public:
  explicit Names(const char *what) : what_(what) {}
  Status add(const std::string &name) {
    if (name.empty())
      return invalidData(std::string("a ") + what_ + " has an empty name");
    if (!seen_.insert(name).second)
      return invalidData(inQuotes(name) + " names more than one " + what_);
    return {};
  }

private:
  const char *what_;
  std::unordered_set<std::string_view> seen_; // Borrowed from the manifest.
};

/// `index` is one of `size` things.
Status verifyIndex(const char *what, uint64_t index, uint64_t size);
/// At most kMaxTiles for `rows` rows of the grid's dimension.
Status verifyGrid(const Grid &grid, uint64_t rows);
/// A self-test; its expected outputs lie in one of the blobs.
Status verifyGolden(const GoldenCase &golden, const BlobTable &blobs);
/// A target, with entries and weights of the manifest.
Status verifyTarget(const Manifest &manifest, const TargetSpec &target, const BlobTable &blobs);
/// The kernels of a tuning pack; none of any other.
Status verifyTuning(const Manifest &manifest, const BlobTable &blobs);

} // namespace mamba
