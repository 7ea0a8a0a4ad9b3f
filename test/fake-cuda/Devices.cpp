// The driver itself, GPUs, contexts, and the names of errors.
#include "test/fake-cuda/Machine.h"

#include <cstdio>

namespace mamba::cuda {

CUresult cuInit(unsigned) {
  ENTER(enter, cuInit)
  if (m.gpus.empty())
    return CUDA_ERROR_NO_DEVICE;
  m.isStarted = true;
  return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version) {
  ENTER(enter, cuDriverGetVersion)
  *version = m.settings.version;
  return CUDA_SUCCESS;
}

namespace {
struct Name {
  CUresult code;
  const char *name, *text;
};
constexpr Name kNames[] = {
#define NAME(code, text) {code, #code, text},
    NAME(CUDA_ERROR_INVALID_VALUE, "invalid argument")
    NAME(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")
    NAME(CUDA_ERROR_NOT_INITIALIZED, "initialization error")
    NAME(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected")
    NAME(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal")
    NAME(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid")
    NAME(CUDA_ERROR_INVALID_CONTEXT, "invalid device context")
    NAME(CUDA_ERROR_NO_BINARY_FOR_GPU,
         "no kernel image is available for execution on the device")
    NAME(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered")
    NAME(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed")
    NAME(CUDA_ERROR_JIT_COMPILER_NOT_FOUND, "PTX JIT compiler library not found")
    NAME(CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
         "the provided PTX was compiled with an unsupported toolchain.")
    NAME(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle")
    NAME(CUDA_ERROR_NOT_FOUND, "named symbol not found")
    NAME(CUDA_ERROR_ILLEGAL_ADDRESS,
         "an illegal memory access was encountered")
    NAME(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES,
         "too many resources requested for launch")
    NAME(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure")
    NAME(CUDA_ERROR_UNKNOWN, "unknown error")
    NAME(CUDA_ERROR_NOT_SUPPORTED, "operation not supported")
    NAME(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
         "operation not permitted when stream is capturing")
    NAME(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
         "operation failed due to a previous error during capture")
    NAME(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED,
         "the capture was not initiated in this stream")
    NAME(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE,
         "the graph update was not performed because it included changes which "
         "violated constraints specific to instantiated graph update")
#undef NAME
};

const Name *find(CUresult code) {
  for (const Name &name : kNames)
    if (name.code == code)
      return &name;
  return nullptr;
}
} // namespace

CUresult cuGetErrorName(CUresult error, const char **name) {
  const Name *found = find(error);
  *name = found ? found->name : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  const Name *found = find(error);
  *text = found ? found->text : nullptr;
  return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) {
  ENTER(enter, cuDeviceGetCount)
  if (!m.isStarted)
    return CUDA_ERROR_NOT_INITIALIZED;
  *count = static_cast<int>(m.gpus.size());
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  ENTER(enter, cuDeviceGet)
  if (ordinal < 0 || static_cast<size_t>(ordinal) >= m.gpus.size())
    return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int bytes, CUdevice device) {
  ENTER(enter, cuDeviceGetName)
  std::snprintf(name, static_cast<size_t>(bytes), "Fake GPU %u",
                m.gpus[static_cast<size_t>(device)]->chip);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute,
                              CUdevice device) {
  ENTER(enter, cuDeviceGetAttribute)
  int chip = static_cast<int>(m.gpus[static_cast<size_t>(device)]->chip);
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = chip / 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = chip % 10;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    *value = 2;
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
    *value = 1000000; // kHz
    return CUDA_SUCCESS;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    *value = 65536;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  ENTER(enter, cuDevicePrimaryCtxRetain)
  *context = m.gpus[static_cast<size_t>(device)].get();
  if ((*context)->lost)
    return (*context)->lost;
  ++(*context)->retained;
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enter("cuDevicePrimaryCtxRelease_v2");
  CUcontext context = m.gpus[static_cast<size_t>(device)].get();
  if (context->retained == 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  --context->retained;
  return result;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  ENTER(enter, cuCtxPushCurrent_v2)
  if (!context || context->retained == 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  contextStack().push_back(context);
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enter("cuCtxPopCurrent_v2");
  if (contextStack().empty())
    return CUDA_ERROR_INVALID_CONTEXT;
  *context = contextStack().back();
  contextStack().pop_back();
  return result;
}

} // namespace mamba::cuda
