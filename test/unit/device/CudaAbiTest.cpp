// Our words for the driver's ABI against the driver's own header, where the
// CUDA toolkit is installed.
#ifdef MAMBA_CUDA_HEADERS
#include <cuda.h>
#endif

#include "runtime/device/cuda/DriverTypes.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <type_traits>

#ifdef MAMBA_CUDA_HEADERS
namespace {

/// Of a function, the sizes of what it takes and gives.
template <typename Function> struct Shape;
template <typename Answer, typename... Args> struct Shape<Answer (*)(Args...)> {
  static constexpr size_t sizes[] = {sizeof(Answer), sizeof(Args)...};
  static constexpr bool isPointer[] = {std::is_pointer_v<Answer>,
                                       std::is_pointer_v<Args>...};
};

template <typename Ours, typename Theirs> constexpr bool haveSameShape() {
  return std::ranges::equal(Shape<Ours>::sizes, Shape<Theirs>::sizes) &&
         // A handle of ours is a pointer too; an address is a number.
         std::ranges::equal(Shape<Ours>::isPointer, Shape<Theirs>::isPointer);
}

} // namespace

namespace mamba::cuda {
#define X(name, ...) using name##Type = CUresult (*)(__VA_ARGS__);
#include "runtime/device/cuda/DriverSymbols.def"
} // namespace mamba::cuda

#define X(name, ...)                                                           \
  static_assert(haveSameShape<mamba::cuda::name##Type, decltype(&::name)>(),   \
                #name);
#include "runtime/device/cuda/DriverSymbols.def"

#define SAME(value)                                                            \
  static_assert(int(mamba::cuda::value) == int(::value), #value);
SAME(CUDA_SUCCESS)
SAME(CUDA_ERROR_INVALID_VALUE)
SAME(CUDA_ERROR_OUT_OF_MEMORY)
SAME(CUDA_ERROR_NOT_INITIALIZED)
SAME(CUDA_ERROR_STUB_LIBRARY)
SAME(CUDA_ERROR_DEVICE_UNAVAILABLE)
SAME(CUDA_ERROR_NO_DEVICE)
SAME(CUDA_ERROR_INVALID_DEVICE)
SAME(CUDA_ERROR_INVALID_IMAGE)
SAME(CUDA_ERROR_INVALID_CONTEXT)
SAME(CUDA_ERROR_NO_BINARY_FOR_GPU)
SAME(CUDA_ERROR_ECC_UNCORRECTABLE)
SAME(CUDA_ERROR_INVALID_PTX)
SAME(CUDA_ERROR_NVLINK_UNCORRECTABLE)
SAME(CUDA_ERROR_JIT_COMPILER_NOT_FOUND)
SAME(CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
SAME(CUDA_ERROR_JIT_COMPILATION_DISABLED)
SAME(CUDA_ERROR_INVALID_HANDLE)
SAME(CUDA_ERROR_NOT_FOUND)
SAME(CUDA_ERROR_NOT_READY)
SAME(CUDA_ERROR_ILLEGAL_ADDRESS)
SAME(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)
SAME(CUDA_ERROR_LAUNCH_TIMEOUT)
SAME(CUDA_ERROR_CONTEXT_IS_DESTROYED)
SAME(CUDA_ERROR_HARDWARE_STACK_ERROR)
SAME(CUDA_ERROR_ILLEGAL_INSTRUCTION)
SAME(CUDA_ERROR_MISALIGNED_ADDRESS)
SAME(CUDA_ERROR_INVALID_ADDRESS_SPACE)
SAME(CUDA_ERROR_INVALID_PC)
SAME(CUDA_ERROR_LAUNCH_FAILED)
SAME(CUDA_ERROR_NOT_SUPPORTED)
SAME(CUDA_ERROR_SYSTEM_NOT_READY)
SAME(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
SAME(CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE)
SAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
SAME(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
SAME(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED)
SAME(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE)
SAME(CUDA_ERROR_UNKNOWN)
SAME(CU_DEVICE_ATTRIBUTE_CLOCK_RATE)
SAME(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
SAME(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
SAME(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)
SAME(CU_JIT_ERROR_LOG_BUFFER)
SAME(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
SAME(CU_JIT_TARGET)
SAME(CU_JIT_INPUT_PTX)
SAME(CU_STREAM_CAPTURE_MODE_RELAXED)
SAME(CU_GRAPH_EXEC_UPDATE_SUCCESS)
SAME(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
SAME(CU_STREAM_NON_BLOCKING)
SAME(CU_EVENT_DISABLE_TIMING)
#ifdef CU_COMPUTE_FAMILY_TARGET_BASE // CUDA 12.9
static_assert(mamba::cuda::kAcceleratedTarget ==
              CU_COMPUTE_ACCELERATED_TARGET_BASE);
static_assert(mamba::cuda::kFamilyTarget == CU_COMPUTE_FAMILY_TARGET_BASE);
#endif
static_assert(sizeof(mamba::cuda::CUgraphExecUpdateResultInfo) ==
              sizeof(::CUgraphExecUpdateResultInfo));
static_assert(sizeof(mamba::cuda::CUlaunchAttribute) ==
              sizeof(::CUlaunchAttribute));
static_assert(sizeof(mamba::cuda::CUlaunchConfig) == sizeof(::CUlaunchConfig));
#define SAME_PLACE(type, member)                                               \
  static_assert(offsetof(mamba::cuda::type, member) == offsetof(::type, member));
SAME_PLACE(CUlaunchAttribute, value)
SAME_PLACE(CUlaunchConfig, sharedMemBytes)
SAME_PLACE(CUlaunchConfig, hStream)
SAME_PLACE(CUlaunchConfig, attrs)
SAME_PLACE(CUlaunchConfig, numAttrs)

TEST(CudaAbi, IsTheHeaders) {} // The compiler has compared.
#else
TEST(CudaAbi, IsTheHeaders) {
  GTEST_SKIP() << "the CUDA toolkit is not here";
}
#endif
