// SHA-256, streaming and in one call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mamba {

using Sha256Digest = std::array<uint8_t, 32>;

/// Digests bytes that come in pieces.
class Sha256 {
public:
  Sha256();
  Sha256(Sha256 &&) noexcept;
  Sha256 &operator=(Sha256 &&) noexcept;
  ~Sha256();

  void update(const void *data, size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }

  /// The digest of all bytes since construction or the last finish(); what
  /// comes next starts a new digest.
  Sha256Digest finish();

private:
  struct State; // Keeps libmd's header out of ours.
  std::unique_ptr<State> state_;
};

Sha256Digest sha256(const void *data, size_t size);

/// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256Digest &digest);

/// Whether a text can be a digest: 64 hex digits in lower case.
inline bool isSha256Hex(std::string_view digest) {
  return digest.size() == 64 &&
         digest.find_first_not_of("0123456789abcdef") == digest.npos;
}

inline std::string sha256Hex(const void *data, size_t size) {
  return toHex(sha256(data, size));
}
inline std::string sha256Hex(std::string_view bytes) {
  return sha256Hex(bytes.data(), bytes.size());
}

} // namespace mamba
