// The registers that the machine writes.
#include "runtime/device/sim/ptx/FunctionParser.h"

#include <algorithm>

namespace mamba::ptx {

static constexpr std::string_view kWithAxes[] = {
    "tid", "ntid", "ctaid", "nctaid", "clusterid", "nclusterid", "cluster_ctaid",
    "cluster_nctaid",
};

static constexpr std::string_view kWithoutAxes[] = {
    "laneid", "warpid", "nwarpid", "smid", "nsmid", "gridid", "is_explicit_cluster",
    "cluster_ctarank", "cluster_nctarank", "lanemask_eq", "lanemask_le", "lanemask_lt",
    "lanemask_ge", "lanemask_gt", "clock", "clock_hi", "clock64", "globaltimer",
    "globaltimer_lo", "globaltimer_hi", "total_smem_size", "aggr_smem_size",
    "dynamic_smem_size", "reserved_smem_offset_begin", "reserved_smem_offset_end",
    "reserved_smem_offset_cap", "current_graph_exec",
};

/// "pm3", "envreg31", "reserved_smem_offset_1": a stem and a number.
static bool isNumbered(std::string_view name) {
  for (std::string_view stem : {"pm", "envreg", "reserved_smem_offset_"}) {
    if (!name.starts_with(stem))
      continue;
    std::string_view digits = name.substr(stem.size());
    if (stem == "pm" && digits.ends_with("_64"))
      digits.remove_suffix(3);
    return !digits.empty() && digits.size() <= 2 &&
           digits.find_first_not_of("0123456789") == std::string_view::npos;
  }
  return false;
}

bool isSpecialRegister(std::string_view name, bool &hasAxes) {
  hasAxes = std::ranges::find(kWithAxes, name) != std::end(kWithAxes);
  return hasAxes || std::ranges::find(kWithoutAxes, name) != std::end(kWithoutAxes) ||
         isNumbered(name);
}

} // namespace mamba::ptx
