// The post-processor: special tokens around a sequence.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <vector>

namespace mamba {

/// Reads TemplateProcessing (its "single" template), ByteLevel, which changes
/// no ids, and a Sequence with at most one template.
class Template {
public:
  /// `json` is the value of "post_processor"; null: nothing is added. Ids in
  /// it must be below `size`.
  static Result<Template> fromJson(const nlohmann::json &json, int32_t size);

  std::vector<int32_t> apply(std::vector<int32_t> ids,
                             bool addSpecialTokens) const;

private:
  Status read(const nlohmann::json &json, int32_t size, int depth);
  Status readTemplate(const nlohmann::json &json, int32_t size);

  static constexpr int32_t kSequence = -1;
  std::vector<int32_t> pieces_{kSequence}; // ids, and where the sequence goes
  bool hasTemplate_ = false;
};

} // namespace mamba
