#include "runtime/device/sim/Allocations.h"
#include "runtime/device/sim/Monitor.h"

#include <algorithm>

using namespace mamba;
using namespace mamba::sim;

namespace {
/// Between allocations; wide, so that a wrong row is found and not another tensor.
constexpr uint64_t gap = 64 * 1024;
constexpr size_t mostIdle = 64;
constexpr uint64_t addressLimit = uint64_t(1) << 56;

Result<uint64_t> mapMemory(GlobalMemory::Impl &impl, uint8_t *host, uint64_t bytes,
                           std::string name, bool isWritten, bool isReadOnly) {
  if (!host && bytes != 0)
    return invalidArgument("no memory for allocation '" + name + "' of " +
                           std::to_string(bytes) + " bytes");
  if (bytes > addressLimit || impl.next > addressLimit - bytes - 2 * gap)
    return outOfMemory("no simulated addresses are left for allocation '" + name + "' of " +
                       std::to_string(bytes) + " bytes");
  auto made = std::make_unique<Allocation>();
  // What kernels only read lies at a multiple of 256, as on a GPU; of the rest
  // atomics need the host's alignment.
  made->address = impl.next + (isReadOnly ? 0 : reinterpret_cast<uintptr_t>(host) & 255);
  made->bytes = bytes;
  made->host = host;
  made->name = std::move(name);
  made->isReadOnly = isReadOnly;
  made->changed = ++impl.time;
  made->index = static_cast<uint32_t>(impl.allocations.size());
  if (!isWritten && bytes != 0)
    made->written.resize(bytes + 256);
  if (!isReadOnly)
    made->pages = std::vector<std::atomic<GridPage *>>((bytes + 256) / GridPage::bytes + 1);
  uint64_t address = made->address;
  impl.next = (address + bytes + gap + 255) & ~uint64_t(255);
  impl.allocations.push_back(std::move(made));
  return address;
}

/// The part of [address, address + bytes) that lies in `allocation`, as bits.
std::pair<uint64_t, uint64_t> clip(const Allocation &allocation, uint64_t address,
                                   uint64_t bytes) {
  uint64_t offset = address - allocation.address;
  return {address - allocation.bitBase(), std::min(bytes, allocation.bytes - offset)};
}
} // namespace

Allocation::~Allocation() { forgetPages(); }

void Allocation::forgetPages() {
  for (auto &page : pages)
    delete page.exchange(nullptr);
}

GridPage::Stamps GlobalMemory::Impl::takeStamps(uint64_t blocks) {
  std::lock_guard<std::mutex> lock(mutex_);
  uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(blocks, UINT32_MAX - 1));
  if (nextStamp_ > UINT32_MAX - count) {
    for (auto &allocation : allocations)
      for (auto &slot : allocation->pages)
        if (GridPage *page = slot.load())
          page->forget();
    nextStamp_ = 1;
  }
  GridPage::Stamps stamps{nextStamp_, count};
  nextStamp_ += count;
  return stamps;
}

std::unique_ptr<BlockRecords> GlobalMemory::Impl::takeRecords() {
  std::lock_guard<std::mutex> lock(mutex_);
  idle_.reserve(mostIdle); // so that giving back needs no memory
  if (idle_.empty())
    return std::make_unique<BlockRecords>();
  auto taken = std::move(idle_.back());
  idle_.pop_back();
  return taken;
}

void GlobalMemory::Impl::giveBack(std::unique_ptr<BlockRecords> records) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < mostIdle && !records->isWornOut())
    idle_.push_back(std::move(records));
}

Allocation *GlobalMemory::Impl::find(uint64_t address) const {
  auto after = std::upper_bound(
      allocations.begin(), allocations.end(), address,
      [](uint64_t at, const std::unique_ptr<Allocation> &a) { return at < a->address; });
  if (after == allocations.begin())
    return nullptr;
  Allocation *found = std::prev(after)->get();
  return address - found->address < found->bytes ? found : nullptr;
}

std::string GlobalMemory::Impl::locate(uint64_t address) const {
  const Allocation *nearest = nullptr;
  uint64_t distance = 0;
  for (const auto &a : allocations) {
    uint64_t d = address < a->address               ? a->address - address
                 : address - a->address >= a->bytes ? address - a->address - a->bytes
                                                    : 0;
    if (!nearest || d < distance) {
      nearest = a.get();
      distance = d;
    }
  }
  char hex[32];
  std::snprintf(hex, sizeof hex, "0x%llx", static_cast<unsigned long long>(address));
  if (!nearest)
    return std::string("address ") + hex + ", and nothing is allocated";
  std::string size = " of " + std::to_string(nearest->bytes) + " bytes";
  if (address < nearest->address && distance <= gap)
    return std::to_string(distance) + " bytes before '" + nearest->name + "'" + size;
  if (address >= nearest->address && distance <= gap)
    return "'" + nearest->name + "' + " + std::to_string(address - nearest->address) + size;
  return std::string("address ") + hex + " in no allocation";
}

GlobalMemory::GlobalMemory() : impl_(std::make_unique<Impl>()) { impl_->next = globalBase; }
GlobalMemory::~GlobalMemory() = default;

Result<uint64_t> GlobalMemory::map(void *host, uint64_t bytes, std::string name, bool isWritten) {
  return mapMemory(*impl_, static_cast<uint8_t *>(host), bytes, std::move(name), isWritten, false);
}

Result<uint64_t> GlobalMemory::mapReadOnly(const void *host, uint64_t bytes, std::string name) {
  auto *bytesOf = const_cast<uint8_t *>(static_cast<const uint8_t *>(host));
  return mapMemory(*impl_, bytesOf, bytes, std::move(name), true, true);
}

void GlobalMemory::makeReadOnly(uint64_t address) {
  for (const auto &allocation : impl_->allocations) {
    if (allocation->address != address)
      continue;
    allocation->isReadOnly = true;
    // Nothing more is to be recorded, and if all is written nothing to be asked.
    allocation->forgetPages();
    if (!allocation->written.isEmpty() &&
        allocation->written.all(address - allocation->bitBase(), allocation->bytes))
      allocation->written = WrittenBits();
  }
}

void GlobalMemory::release(uint64_t address) {
  auto &list = impl_->allocations;
  auto found = std::find_if(list.begin(), list.end(),
                            [&](const auto &a) { return a->address == address; });
  if (found == list.end())
    return;
  list.erase(found);
  for (size_t i = 0; i < list.size(); ++i)
    list[i]->index = static_cast<uint32_t>(i);
}

void GlobalMemory::markUnwritten(uint64_t address, uint64_t bytes) {
  Allocation *allocation = impl_->find(address);
  if (!allocation || allocation->isReadOnly || bytes == 0)
    return;
  if (allocation->written.isEmpty()) {
    allocation->written.resize(allocation->bytes + 256);
    allocation->written.set(0, allocation->bytes + 256);
  }
  auto [begin, count] = clip(*allocation, address, bytes);
  allocation->written.clear(begin, count);
}

uint64_t GlobalMemory::firstUnwritten(uint64_t address) const {
  const Allocation *allocation = impl_->find(address);
  if (!allocation)
    return 0;
  uint64_t begin = address - allocation->bitBase();
  return allocation->written.isEmpty() ? allocation->bytes
                                       : allocation->written.firstUnset(begin, allocation->bytes);
}

uint64_t GlobalMemory::time() const { return impl_->time; }

void GlobalMemory::markWritten(uint64_t address, uint64_t bytes) {
  Allocation *allocation = impl_->find(address);
  if (!allocation || bytes == 0)
    return;
  allocation->changed = ++impl_->time;
  if (allocation->written.isEmpty())
    return;
  auto [begin, count] = clip(*allocation, address, bytes);
  allocation->written.set(begin, count);
}
