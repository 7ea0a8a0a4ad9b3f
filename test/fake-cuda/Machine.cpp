#include "test/fake-cuda/Machine.h"

#include "runtime/device/cuda/Driver.h"
#include "runtime/device/sim/SimTargets.h"
#include "test/fake-cuda/FakeCuda.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

using namespace mamba;
using namespace mamba::cuda;

//===----------------------------------------------------------------------===//
// Settings
//===----------------------------------------------------------------------===//

bool Settings::parse(const std::string &text) {
  std::istringstream words(text);
  auto number = [](const std::string &value) {
    return std::strtoull(value.c_str(), nullptr, 0);
  };
  for (std::string word; words >> word;) {
    size_t equals = word.find('=');
    if (equals == word.npos)
      return false;
    std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    std::istringstream parts(value);
    if (name == "chips") { // 80,90
      chips.clear();
      for (std::string chip; std::getline(parts, chip, ',');)
        chips.push_back(static_cast<unsigned>(number(chip)));
    } else if (name == "memory") {
      memory = number(value);
    } else if (name == "version") { // 12040
      version = static_cast<int>(number(value));
    } else if (name == "ptx") { // 83
      ptx = static_cast<unsigned>(number(value));
    } else if (name == "tell") {
      tells = value == "defects";
    } else if (name == "threads") {
      threads = static_cast<unsigned>(number(value));
    } else if (name == "checks") {
      auto parsed = parseSimChecks(value.c_str());
      if (!parsed.ok())
        return false;
      checks = *parsed;
    } else if (name == "fail") { // cuMemAlloc_v2,3,2
      std::string call, code;
      if (!std::getline(parts, failFunction, ',') ||
          !std::getline(parts, call, ',') || !std::getline(parts, code))
        return false;
      failCall = number(call);
      failCode = static_cast<CUresult>(number(code));
    } else {
      return false;
    }
  }
  return true;
}

Machine &Machine::get() {
  static Machine &machine = *[] {
    auto *made = new Machine();
    const char *settings = std::getenv("FAKE_CUDA");
    if (!made->configure(settings ? settings : ""))
      std::abort(); // Nobody could see why tests fail.
    return made;
  }();
  return machine;
}

bool Machine::configure(const std::string &text) {
  settings = Settings();
  streams.clear();
  events.clear();
  modules.clear();
  links.clear();
  graphs.clear();
  execs.clear();
  memory = std::make_unique<sim::GlobalMemory>();
  device.clear();
  pinned.clear();
  calls.clear();
  allCalls = 0;
  defect.clear();
  cubins.clear();
  gpus.clear();
  contextStack().clear();
  if (!settings.parse(text))
    return false;
  for (unsigned chip : settings.chips) {
    auto gpu = std::make_unique<CUctx_st>();
    gpu->ordinal = static_cast<unsigned>(gpus.size());
    gpu->chip = chip;
    gpu->total = settings.memory;
    gpus.push_back(std::move(gpu));
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

std::vector<CUcontext> &cuda::contextStack() {
  static thread_local std::vector<CUcontext> contexts;
  return contexts;
}

CUcontext Machine::current() const {
  return contextStack().empty() ? nullptr : contextStack().back();
}

CUresult Machine::enter(const char *function) {
  uint64_t count = ++calls[function];
  ++allCalls;
  bool isTurn = settings.failFunction == "*"        ? allCalls == settings.failCall
                : settings.failFunction == function ? count == settings.failCall
                                                    : false;
  if (isTurn) {
    if (isLost(settings.failCode))
      for (auto &gpu : gpus)
        gpu->lost = settings.failCode;
    return settings.failCode;
  }
  return CUDA_SUCCESS;
}

CUresult Machine::enterCurrent(const char *function) {
  if (CUresult fault = enter(function))
    return fault;
  if (!isStarted)
    return CUDA_ERROR_NOT_INITIALIZED;
  CUcontext context = current();
  if (!context || context->retained == 0)
    return CUDA_ERROR_INVALID_CONTEXT;
  return context->lost;
}

CUresult Machine::drain(CUstream stream, CUevent event) {
  CUcontext context = stream->context;
  if (stream->capture) {
    stream->isCaptureBroken = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  while (!stream->work.empty() && !(event && event->done == event->recorded)) {
    if (context->lost)
      return context->lost;
    Work work = std::move(stream->work.front());
    stream->work.pop_front();
    running = stream;
    if (CUresult result = work.run())
      return context->lost = result;
  }
  if (stream->work.empty())
    stream->emptyAt = memory->time();
  return context->lost;
}

CUresult Machine::queue(CUstream stream, Work work) {
  if (!streams.has(stream) || stream->context != current())
    return CUDA_ERROR_INVALID_HANDLE;
  if (stream->capture)
    stream->capture->nodes.push_back(std::move(work));
  else
    stream->work.push_back(std::move(work));
  return CUDA_SUCCESS;
}

bool Machine::hasHere(CUdeviceptr address, uint64_t bytes) {
  Block *block = findDevice(address, bytes);
  return block && block->context == current();
}

Block *Machine::findDevice(CUdeviceptr address, uint64_t bytes) {
  auto after = device.upper_bound(address);
  if (after == device.begin())
    return nullptr;
  auto &[start, block] = *std::prev(after);
  uint64_t offset = address - start;
  return offset <= block.size && bytes <= block.size - offset ? &block
                                                              : nullptr;
}

bool Machine::isPinned(const void *memory, uint64_t bytes) const {
  auto *at = static_cast<const uint8_t *>(memory);
  auto after = pinned.upper_bound(at);
  if (after == pinned.begin())
    return false;
  auto &[start, block] = *std::prev(after);
  return at + bytes <= start + block.size;
}

CUresult Machine::fail(const std::string &text) {
  if (defect.empty())
    defect = text;
  if (settings.tells)
    std::fprintf(stderr, "%s\n", text.c_str());
  return CUDA_ERROR_ILLEGAL_ADDRESS;
}

std::string Machine::alive() const {
  std::string text;
  auto add = [&](size_t count, const char *what) {
    if (count != 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what +
              (count == 1 ? "" : "s");
  };
  size_t contexts = 0;
  for (const auto &gpu : gpus)
    contexts += static_cast<size_t>(gpu->retained);
  add(contexts, "context");
  add(device.size(), "device block");
  add(pinned.size(), "pinned block");
  add(streams.size(), "stream");
  add(events.size(), "event");
  add(modules.size(), "module");
  add(links.size(), "link");
  add(graphs.size(), "graph");
  add(execs.size(), "graph exec");
  return text;
}

//===----------------------------------------------------------------------===//
// What tests call
//===----------------------------------------------------------------------===//

extern "C" {
#define HOOK __attribute__((visibility("default")))

HOOK bool fakeCudaConfigure(const char *settings) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  return m.configure(settings);
}

HOOK uint64_t fakeCudaCalls(const char *function) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  return std::string(function) == "*" ? m.allCalls : m.calls[function];
}

HOOK const char *fakeCudaAlive() {
  static thread_local std::string text;
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  text = m.alive();
  return text.c_str();
}

HOOK const char *fakeCudaDefect() {
  static thread_local std::string text;
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  text = m.defect;
  return text.c_str();
}

HOOK void fakeCudaAcceptCubin(const void *bytes, size_t size, unsigned chip,
                              const char *ptx) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  m.cubins.push_back({std::string(static_cast<const char *>(bytes), size), ptx,
                      chip});
}
}
