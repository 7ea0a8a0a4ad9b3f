#include "bench/gpu/RandomSource.h"

#include "runtime/device/Processors.h"
#include "runtime/support/CheckedMath.h"
#include "runtime/support/Float16.h"
#include "runtime/support/Quote.h"
#include "runtime/support/SplitMix64.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include <sys/mman.h>

namespace mamba::bench {
namespace {

enum class Kind { One, Decay, TimeStep, Uniform };

/// What a tensor has, by how its name ends: the first that fits.
struct Rule {
  std::string_view ending;
  Kind kind;
  double deviation; // of Uniform; 0: 1/sqrt(columns)
};
constexpr Rule kRules[] = {
    {"norm.weight", Kind::One, 0},          {"norm_f.weight", Kind::One, 0},
    {".D", Kind::One, 0},                   {".A_log", Kind::Decay, 0},
    {".dt_proj.bias", Kind::TimeStep, 0},   {".bias", Kind::Uniform, 0.02},
    {"embedding.weight", Kind::Uniform, 0.02}, {"embeddings.weight", Kind::Uniform, 0.02},
    {"lm_head.weight", Kind::Uniform, 0.02}, {"", Kind::Uniform, 0},
};

struct Piece {
  const WeightSpec *spec;
  uint8_t *to; // of the tensor's first element
  uint64_t first, count;
  uint64_t stream;
};

void store(DType dtype, uint8_t *to, uint64_t index, float value) {
  uint16_t bits = dtype == DType::F16 ? f32ToF16(value) : f32ToBf16(value);
  if (dtype == DType::F32)
    std::memcpy(to + index * sizeof(float), &value, sizeof(float));
  else
    std::memcpy(to + index * sizeof(bits), &bits, sizeof(bits));
}

/// In [0, 1): four numbers of a draw.
double uniform(uint64_t stream, uint64_t index) {
  uint64_t draw = splitmix64(stream + index / 4);
  return double(draw >> 16 * (index % 4) & 0xffff) * 0x1p-16;
}

void fill(const Piece &piece) {
  const std::vector<int64_t> &shape = piece.spec->shape;
  const Rule *rule = kRules;
  while (!piece.spec->name.ends_with(rule->ending))
    ++rule;
  uint64_t columns = shape.empty() ? 1 : uint64_t(shape.back());
  double deviation = rule->deviation != 0 ? rule->deviation : 1 / std::sqrt(double(columns));
  float scale = float(deviation * std::sqrt(12.0));
  for (uint64_t i = piece.first; i < piece.first + piece.count; ++i) {
    float value = 1;
    switch (rule->kind) {
    case Kind::One:
      break;
    case Kind::Decay:
      value = float(std::log(double(i % columns + 1)));
      break;
    case Kind::TimeStep: { // softplus of it is the step
      double step = 0.001 * std::pow(100.0, uniform(piece.stream, i));
      value = float(std::log(std::expm1(step)));
      break;
    }
    case Kind::Uniform:
      value = scale * float(uniform(piece.stream, i) - 0.5);
      break;
    }
    store(piece.spec->dtype, piece.to, i, value);
  }
}

} // namespace

Result<std::shared_ptr<RandomSource>> RandomSource::create(const Manifest &manifest,
                                                           uint64_t seed) {
  constexpr uint64_t kPiece = uint64_t(1) << 20, kAlignment = 256;
  std::shared_ptr<RandomSource> source(new RandomSource());
  std::vector<uint64_t> offsets;
  for (const WeightSpec &spec : manifest.checkpoint) {
    if (spec.dtype != DType::F32 && spec.dtype != DType::F16 && spec.dtype != DType::BF16)
      return invalidData("weight " + inQuotes(spec.name) + " is neither F32, F16 nor BF16");
    offsets.push_back(source->bytes_);
    // Verified with the manifest: no shape is too large.
    source->bytes_ += *checkedAlignUp(*tensorBytes(spec.dtype, spec.shape), kAlignment);
  }
  if (source->bytes_ == 0)
    return source;
  void *memory = mmap(nullptr, source->bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return outOfMemory("no " + std::to_string(source->bytes_) + " bytes for random weights");
  source->memory_ = memory;

  std::vector<Piece> pieces;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const WeightSpec &spec = manifest.checkpoint[i];
    auto *to = static_cast<uint8_t *>(memory) + offsets[i];
    source->tensors_[spec.name] = {to, *tensorBytes(spec.dtype, spec.shape)};
    uint64_t stream = splitmix64(seed);
    for (unsigned char byte : spec.name)
      stream = splitmix64(stream ^ byte);
    uint64_t count = *elementCount(spec.shape);
    for (uint64_t first = 0; first < count; first += kPiece)
      pieces.push_back({&spec, to, first, std::min(kPiece, count - first), stream});
  }
  std::atomic<size_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < availableProcessors(); ++i)
    threads.emplace_back([&] {
      for (size_t piece; (piece = next++) < pieces.size();)
        fill(pieces[piece]);
    });
  threads.clear(); // Joins.
  return source;
}

RandomSource::~RandomSource() {
  if (memory_)
    munmap(memory_, bytes_);
}

Result<std::span<const uint8_t>> RandomSource::find(const WeightSpec &spec) {
  auto found = tensors_.find(spec.name);
  if (found == tensors_.end())
    return notFound("no weight " + inQuotes(spec.name) + " was made");
  return found->second;
}

} // namespace mamba::bench
