// What the end-to-end tests do to safetensors files, one verb each. Every verb
// answers why it failed; that failure is the test's.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace mamba::test {

struct CompareOptions {
  std::string got, expected;
  std::string expectedPrefix;      // of the names in `expected`
  std::vector<std::string> names;  // "NAME" or "GOT=EXPECTED"; none: all F32
  std::vector<std::string> except; // of the expected ones, when names is empty
  double tolerance = 0;            // relative L2 of each row of dimension 0
  bool bits = false;               // the same bytes instead
};
Status compare(const CompareOptions &options);

struct TokenOptions {
  std::string output;
  int64_t rows = 1, columns = 1, decodeColumns = 0, vocabSize = 1;
  uint64_t seed = 0;
};
/// Writes random input_ids, and decode_ids if decodeColumns is not 0.
Status makeTokens(const TokenOptions &options);

/// Copies all tensors and adds one of I64: "NAME=3,0,45".
Status addIntegers(const std::string &input, const std::string &output,
                   const std::string &tensor);

/// Copies one row of dimension 0 of each named tensor: "NAME", or "NAME:N" to
/// keep N of dimension 1 only.
Status sliceRow(const std::string &input, const std::string &output,
                int64_t row, const std::vector<std::string> &names);

/// Writes `x`: the rows of the F32 tensor `weight` that input_ids name.
Status embed(const std::string &model, const std::string &weight,
             const std::string &input, const std::string &output);

/// Copies all tensors but those whose name starts with `prefix`; at least one
/// must.
Status drop(const std::string &input, const std::string &output,
            const std::string &prefix);

/// Copies a file with the first `from` in its JSON header replaced by `to`; the
/// header's length is set anew.
Status editHeader(const std::string &input, const std::string &output,
                  const std::string &from, const std::string &to);

/// Copies a pack with the first `from` in its manifest replaced by `to`; its
/// hashes are right.
Status editManifest(const std::string &input, const std::string &output,
                    const std::string &from, const std::string &to);

/// Copies a pack with the text of a file as the metadata `key`.
Status editMetadata(const std::string &input, const std::string &output,
                    const std::string &key, const std::string &textFile);

/// Copies a pack with the first `from` in a code blob, or in line `line` of it
/// (from 1), replaced by `to`; its hashes are right.
struct CodeEdit {
  std::string blob = "code.0", from, to;
  uint64_t line = 0; // 0: anywhere
};
Status editCode(const std::string &input, const std::string &output,
                const CodeEdit &edit);

/// Writes what a pack's code blob holds: PTX, an ELF object, a cubin or C++.
Status showCode(const std::string &input, const std::string &output,
                const std::string &blob);

/// Copies a file with one bit of the byte at `tensor` + `offset` changed.
Status flipBit(const std::string &input, const std::string &output,
               const std::string &tensor, uint64_t offset);

} // namespace mamba::test
