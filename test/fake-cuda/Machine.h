// The fake driver's machine: GPUs, what was made on them, and what goes wrong.
#pragma once

#include "runtime/device/cuda/DriverTypes.h"
#include "runtime/device/sim/Sim.h"
#include "test/fake-cuda/Undisturbed.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mamba::cuda {

/// Something that a stream does when its turn comes.
struct Work {
  std::string kind; // What a graph's update may not change.
  std::function<CUresult()> run;
};

/// A GPU and its primary context.
struct CUctx_st {
  unsigned ordinal = 0, chip = 80;
  uint64_t total = 0, used = 0;
  int retained = 0;
  CUresult lost = CUDA_SUCCESS; // Once it is, every call answers it.
};

struct CUstream_st {
  CUcontext context;
  std::deque<Work> work; // Done as late as can be: when somebody waits.
  CUgraph capture = nullptr;
  bool isCaptureBroken = false;
  uint64_t emptyAt = 0; // When all was done last; sim::GlobalMemory::time().
};

struct CUevent_st {
  CUcontext context;
  CUstream stream = nullptr; // Where it was recorded last.
  uint64_t recorded = 0, done = 0;
  std::chrono::steady_clock::time_point when = {}; // The host's, when it was done.
};

struct CUfunc_st {
  CUmodule module;
  uint32_t kernel;
};

struct CUmod_st {
  CUcontext context;
  std::unique_ptr<sim::Module> code;
  std::map<std::string, CUfunc_st> functions;
};

struct CUlinkState_st {
  CUcontext context;
  std::string cubin;
  unsigned target = 0; // Of CU_JIT_TARGET, 0 without it.
  char *log = nullptr;
  size_t logBytes = 0;
};

struct CUgraph_st {
  std::vector<Work> nodes;
};

struct CUgraphExec_st {
  CUcontext context;
  std::vector<Work> nodes;
};

/// The contexts that this thread has pushed.
std::vector<CUcontext> &contextStack();

/// Device memory or pinned memory.
struct Block {
  CUcontext context;
  std::unique_ptr<uint8_t[], void (*)(uint8_t *)> bytes;
  uint64_t size;
};

/// All handles of one kind, so that a wrong one is found.
template <typename T> class Handles {
public:
  T *add(T value) {
    owned_.push_back(std::make_unique<T>(std::move(value)));
    return owned_.back().get();
  }
  bool has(const T *handle) const {
    for (const auto &owned : owned_)
      if (owned.get() == handle)
        return true;
    return false;
  }
  void remove(const T *handle) {
    std::erase_if(owned_, [&](const auto &o) { return o.get() == handle; });
  }
  size_t size() const { return owned_.size(); }
  void clear() { owned_.clear(); }

private:
  std::vector<std::unique_ptr<T>> owned_;
};

struct Settings {
  std::vector<unsigned> chips = {80};
  uint64_t memory = uint64_t(8) << 30; // of each GPU
  int version = 13000;
  unsigned ptx = 90; // The newest PTX that it takes.
  sim::Checks checks;
  unsigned threads = 1;
  // The call that fails: of a function or of all ("*"), counted from 1.
  std::string failFunction;
  uint64_t failCall = 0;
  bool tells = false; // Defects, on stderr.
  CUresult failCode = CUDA_SUCCESS;

  bool parse(const std::string &text);
};

class QuietMutex {
public:
  void lock() {
    Undisturbed::change(1);
    mutex_.lock();
  }
  void unlock() {
    mutex_.unlock();
    Undisturbed::change(-1);
  }

private:
  std::mutex mutex_;
};

struct Machine {
  static Machine &get();

  bool configure(const std::string &text);
  /// Every exported function begins with it: counts, and answers the fault
  /// that is its turn's.
  CUresult enter(const char *function);
  /// The same, and a GPU must be current and not lost.
  CUresult enterCurrent(const char *function);
  CUcontext current() const;
  /// Does what is queued up to `event`, or all.
  CUresult drain(CUstream stream, CUevent event = nullptr);
  /// Queues work, or notes it where the stream is captured.
  CUresult queue(CUstream stream, Work work);
  std::string alive() const;
  CUresult fail(const std::string &defect);
  /// The block of device memory that has these bytes, or null.
  Block *findDevice(CUdeviceptr address, uint64_t bytes);
  /// Whether they are the current GPU's.
  bool hasHere(CUdeviceptr address, uint64_t bytes);
  bool isPinned(const void *memory, uint64_t bytes) const;

  QuietMutex mutex;
  Settings settings;
  bool isStarted = false; // Once for a process.
  std::vector<std::unique_ptr<CUctx_st>> gpus;
  // Of all GPUs: no two have the same addresses.
  std::unique_ptr<sim::GlobalMemory> memory;
  std::map<CUdeviceptr, Block> device;
  std::map<const uint8_t *, Block> pinned;
  Handles<CUstream_st> streams;
  CUstream running = nullptr; // Whose work is being done.
  Handles<CUevent_st> events;
  Handles<CUmod_st> modules;
  Handles<CUlinkState_st> links;
  Handles<CUgraph_st> graphs;
  Handles<CUgraphExec_st> execs;
  std::map<std::string, uint64_t> calls;
  uint64_t allCalls = 0;
  std::string defect;
  struct Cubin {
    std::string bytes, ptx;
    unsigned chip;
  };
  std::vector<Cubin> cubins; // What fakeCudaAcceptCubin named.
};

#define ENTER(check, function)                                                 \
  Machine &m = Machine::get();                                                 \
  std::lock_guard held(m.mutex);                                               \
  if (CUresult fault = m.check(#function))                                     \
    return fault;

extern "C" {
#define X(name, ...)                                                           \
  __attribute__((visibility("default"))) CUresult name(__VA_ARGS__);
#include "runtime/device/cuda/DriverSymbols.def"
}

} // namespace mamba::cuda
