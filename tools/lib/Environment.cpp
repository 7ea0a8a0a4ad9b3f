#include "tools/lib/Environment.h"

namespace mamba::cli {

static constexpr EnvironmentVariable kVariables[] = {
    {"CUDA_HOME", "Where NVIDIA's libraries and ptxas are looked for when machine code for GPUs is made.",
     true},
    {"HF_HUB_CACHE",
     "The cache of the Hugging Face hub, where models are found by org/name. Without it hub in "
     "$HF_HOME, or huggingface/hub in $XDG_CACHE_HOME or ~/.cache.",
     false},
    {"MAMBA_CACHE",
     "The folder where compiled kernels, and that a GPU passed its self-tests, are kept; off keeps "
     "nothing. Without it mamba in $XDG_CACHE_HOME or ~/.cache.",
     false},
    {"MAMBA_CUDA_DRIVER", "Another library than libcuda.so.1.", false},
    {"MAMBA_CUDA_GRAPHS", "off launches the kernels of a decode step one by one.", false},
    {"MAMBA_CUDA_NVRTC", "Another library than libnvrtc.so.", false},
    {"MAMBA_CUDA_OVERLAP", "off begins each kernel when the one before has ended.", false},
    {"MAMBA_CUDA_PREFER",
     "cubin, ptx or nvrtc: the form of a GPU's kernels to load from a pack, without it the first of "
     "these that works.",
     false},
    {"MAMBA_POISON", "1 fills memory of the CPU with NaN before kernels write it, to find a defect.",
     false},
    {"MAMBA_SIM_CHECKS",
     "What the simulated GPU looks for: all, memory (no races) or off (only what costs nothing).", false},
    {"MAMBA_SIM_TARGET", "Which of several GPU targets of a pack is simulated, as in cuda:sm_80.", false},
};

std::span<const EnvironmentVariable> environmentVariables() { return kVariables; }

} // namespace mamba::cli
