// Golden cases of whole models through the tools beside us: logits and states
// against data of another implementation.
#pragma once

#include "bench/gpu/Rows.h"

namespace mamba::bench {

/// An element of the plan's cases, on GPU `ordinal`; a row for what was compared.
/// `tools` is the folder of mamba-run and test-tensors.
Status runCase(const CheckFolder &folder, const nlohmann::json &plan, const std::string &tools,
               unsigned ordinal);

} // namespace mamba::bench
