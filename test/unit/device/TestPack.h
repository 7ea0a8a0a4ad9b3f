// A small model of kernels in C or PTX in a pack: y = scan(2 w x + b), and its
// last row.
#pragma once

#include "runtime/device/Device.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mamba {

inline constexpr size_t kTestWidth = 8;

/// Bytes of an object that the build made for the tests.
std::vector<uint8_t> readTestObject(const std::string &name);
/// The text of TestKernels.ptx.
std::vector<uint8_t> readTestPtx();

/// Offsets of the functions that an object exports.
std::map<std::string, uint64_t> symbolsOf(const std::vector<uint8_t> &object);

/// Weights in memory, each `misalignment` bytes off.
class TestWeights : public WeightSource {
public:
  explicit TestWeights(size_t misalignment = 0);
  Result<std::span<const uint8_t>> find(const WeightSpec &spec) override;
  void rest(std::span<const uint8_t> bytes) override { rested += bytes.size(); }

  std::vector<float> w, b;
  uint64_t rested = 0; // bytes
  bool isShort = false; // Answer with too few bytes.
  int finds = 0;

private:
  size_t misalignment_;
  std::map<std::string, std::vector<uint8_t>> bytes_;
};

/// A pack that tests change before they open it.
class TestPack {
public:
  /// "cpu" has the kernels of TestKernels.c, "sim" and "cuda" (on the fake
  /// driver) those of TestKernels.ptx.
  explicit TestPack(const std::string &device = "cpu");

  /// Entry `run`: x [T, 8] -> y [T, 8], last [S, 8], state `h` [8].
  Manifest manifest;
  std::vector<uint8_t> object;
  std::vector<float> golden;
  /// More code blobs by name, "cubin.0".
  std::map<std::string, std::string> blobs;
  bool dropCode = false, flipCode = false;

  TargetSpec &target() { return manifest.targets[0]; }
  KernelSpec &kernel(const std::string &symbol);
  /// Adds a kernel of the object, returns its index.
  uint32_t addKernel(const std::string &symbol, uint64_t scratch = 0);

  /// The file's bytes stay with this object.
  Result<std::shared_ptr<const Pack>> open();
  /// On `threads` threads, weights not loaded.
  Result<std::unique_ptr<Executable>> load(unsigned threads = 1);
  /// Replaces what stands once in the PTX.
  void editPtx(const std::string &from, const std::string &to);
  /// For chip 9.0: the kernels of the program wait before all that they do.
  void overlapLaunches();

private:
  void addPrograms();

  std::string device_, bytes_;
};

/// What entry `run` should compute; states by slot.
class TestReference {
public:
  explicit TestReference(const TestWeights &weights) : weights_(weights) {}
  void run(const Batch &batch, const std::vector<float> &x,
           std::vector<float> &y, std::vector<float> &last);
  std::map<int32_t, std::vector<float>> states;

private:
  const TestWeights &weights_;
};

/// A batch that owns its arrays.
struct TestBatch {
  TestBatch(const std::vector<int64_t> &lengths, std::vector<int32_t> slots,
            std::vector<int64_t> positions);
  operator Batch() const { return {seqStart, slot, position}; }
  size_t tokens() const { return seqStart.back(); }
  size_t sequences() const { return slot.size(); }

  std::vector<int64_t> seqStart;
  std::vector<int32_t> slot;
  std::vector<int64_t> position;
};

/// Values between -1 and 1.
std::vector<float> randomFloats(size_t count, uint32_t seed);

} // namespace mamba
