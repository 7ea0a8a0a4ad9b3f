#include "bench/gpu/Blas.h"

#include "bench/gpu/Timing.h"
#include "runtime/device/cuda/Library.h"
#include "runtime/support/Float16.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include <algorithm>
#include <cstring>

using namespace mamba;
using namespace mamba::bench;
using namespace mamba::cuda;

namespace {

/// Of the library's ABI what we call.
class Blas {
public:
  static Result<Blas> load();
  Status start(CUstream stream);
  void end() {
    if (handle_)
      (void)destroy_(handle_);
  }
  /// y [M, N] = x [M, K] W [N, K]^T, all row-major.
  Status multiply(CUdeviceptr y, CUdeviceptr x, CUdeviceptr w, int m, int n, int k) const;
  int version() const { return version_; }

private:
  static constexpr int kPlain = 0, kTransposed = 1, kBf16 = 14, kSumsInF32 = 68, kDefault = -1;
  using Handle = struct cublasContext *;
  Status check(int status, const char *doing) const {
    return status == 0 ? Status()
                       : unavailable(std::string("cuBLAS cannot ") + doing + ": status " +
                                     std::to_string(status));
  }

  Handle handle_ = nullptr;
  int version_ = 0;
  int (*create_)(Handle *) = nullptr;
  int (*destroy_)(Handle) = nullptr;
  int (*getVersion_)(Handle, int *) = nullptr;
  int (*setStream_)(Handle, CUstream) = nullptr;
  int (*gemm_)(Handle, int opA, int opB, int m, int n, int k, const void *alpha, const void *a,
               int typeA, int lda, const void *b, int typeB, int ldb, const void *beta, void *c,
               int typeC, int ldc, int computeType, int algorithm) = nullptr;
};

Result<Blas> Blas::load() {
  static constexpr const char *kNames[] = {"libcublas.so.13", "libcublas.so.12",
                                           "libcublas.so.11", "libcublas.so",
                                           "/usr/local/cuda/lib64/libcublas.so"};
  void *library = openFirst(kNames);
  if (!library)
    return unavailable("no cuBLAS (libcublas.so) is here");
  Blas made;
  SymbolFinder find{library};
  find(made.create_, "cublasCreate_v2");
  find(made.destroy_, "cublasDestroy_v2");
  find(made.getVersion_, "cublasGetVersion_v2");
  find(made.setStream_, "cublasSetStream_v2");
  find(made.gemm_, "cublasGemmEx");
  if (find.missing)
    return unavailable("cuBLAS has no " + inQuotes(find.missing));
  return made;
}

Status Blas::start(CUstream stream) {
  MAMBA_RETURN_IF_ERROR(check(create_(&handle_), "start"));
  MAMBA_RETURN_IF_ERROR(check(getVersion_(handle_, &version_), "tell its version"));
  return check(setStream_(handle_, stream), "take a stream");
}

Status Blas::multiply(CUdeviceptr y, CUdeviceptr x, CUdeviceptr w, int m, int n, int k) const {
  auto at = [](CUdeviceptr address) { return reinterpret_cast<void *>(address); };
  float one = 1, zero = 0;
  // Its matrices are column-major: y^T = W x^T.
  return check(gemm_(handle_, kTransposed, kPlain, n, m, k, &one, at(w), kBf16, k, at(x), kBf16, k,
                     &zero, at(y), kBf16, n, kSumsInF32, kDefault),
               "multiply");
}

struct Shape {
  std::string role;
  int64_t n, k;
};

Result<std::vector<Shape>> shapesOf(const nlohmann::json &model) {
  MAMBA_ASSIGN_OR_RETURN(int64_t width, getInt(model, "width", 1, 1 << 20));
  MAMBA_ASSIGN_OR_RETURN(int64_t vocabulary, getInt(model, "vocabulary", 1, 1 << 24));
  int64_t inner = 2 * width, rank = (width + 15) / 16;
  return std::vector<Shape>{{"in_proj", 2 * inner, width},
                            {"x_proj", rank + 32, inner},
                            {"dt_proj", inner, rank},
                            {"out_proj", width, inner},
                            {"head", vocabulary, width}};
}

/// bf16 numbers from -1 to 1, the same again after some megabytes: what a GPU draws,
/// and so its clock, hangs on the data.
Status fillRandomly(const std::shared_ptr<const Gpu> &gpu, const Stream &stream,
                    const DeviceMemory &memory) {
  uint64_t bytes = std::min<uint64_t>(memory.size(), 4 << 20);
  MAMBA_ASSIGN_OR_RETURN(PinnedMemory piece, PinnedMemory::allocate(gpu, bytes, "random numbers"));
  for (uint64_t i = 0; i + 2 <= bytes; i += 2) {
    uint16_t bits = f32ToBf16(float(splitmix64(i) >> 40) * 0x1p-23f - 1);
    std::memcpy(piece.data() + i, &bits, sizeof(bits));
  }
  MAMBA_RETURN_IF_ERROR(stream.copyToDevice(memory.address(), piece.data(), bytes));
  for (uint64_t done = bytes; done < memory.size(); done *= 2)
    MAMBA_RETURN_IF_ERROR(stream.copyOnDevice(memory.address() + done, memory.address(),
                                              std::min(done, memory.size() - done)));
  return stream.wait();
}

Status timeShape(const Blas &blas, const std::shared_ptr<const Gpu> &gpu, Meter &meter,
                 const Shape &shape, uint64_t rows, uint64_t l2Bytes, Row row) {
  auto align = [](uint64_t bytes) { return (bytes + 255) / 256 * 256; };
  uint64_t w = align(2 * uint64_t(shape.n * shape.k)), x = align(2 * rows * uint64_t(shape.k)),
           y = align(2 * rows * uint64_t(shape.n));
  // So many sets that none is still in the L2 when its turn comes.
  uint64_t sets = std::clamp<uint64_t>(2 * l2Bytes / (w + x + y) + 1, 2, 256);
  MAMBA_ASSIGN_OR_RETURN(DeviceMemory memory,
                         DeviceMemory::allocate(gpu, sets * (w + x + y), "matrices"));
  MAMBA_RETURN_IF_ERROR(fillRandomly(gpu, meter.stream(), memory));
  MAMBA_ASSIGN_OR_RETURN(double seconds,
                         meter.measure(unsigned(sets), true, [&](const Stream &, unsigned i) {
                           CUdeviceptr at = memory.address() + i * (w + x + y);
                           return blas.multiply(at + w + x, at + w, at, int(rows), int(shape.n),
                                                   int(shape.k));
                         }));
  row["role"] = shape.role;
  row["m"] = rows;
  row["n"] = shape.n;
  row["k"] = shape.k;
  row["seconds"] = seconds;
  say(row);
  return {};
}

} // namespace

Status bench::timeBlas(const CheckFolder &folder, const std::shared_ptr<const Gpu> &gpu) {
  Current current(*gpu);
  MAMBA_RETURN_IF_ERROR(current.status());
  MAMBA_ASSIGN_OR_RETURN(Blas blas, Blas::load());
  MAMBA_ASSIGN_OR_RETURN(Meter meter, Meter::create(gpu));
  MAMBA_ASSIGN_OR_RETURN(int l2Bytes, gpu->attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
  MAMBA_RETURN_IF_ERROR(blas.start(meter.stream().get()));
  Status status;
  for (const nlohmann::json &model : folder.plan.at("models")) {
    if (model.at("weights") != "bf16")
      continue;
    MAMBA_ASSIGN_OR_RETURN(std::vector<Shape> shapes, shapesOf(model));
    for (uint64_t rows : {1, 8, 2048, 16384})
      for (const Shape &shape : shapes)
        if (status.ok() && (shape.role != "head" || rows <= 8)) // The last row alone has logits.
          status = timeShape(blas, gpu, meter, shape, rows, uint64_t(l2Bytes),
                             {{"row", "gemm"}, {"model", model.at("name")}});
  }
  blas.end();
  return status;
}
