// Decode steps as graphs: captured once, then replayed as one launch.
#pragma once

#include "runtime/device/cuda/Gpu.h"

#include <functional>
#include <vector>

namespace mamba::cuda {

/// What a graph was captured for; with the addresses its launches follow.
struct GraphKey {
  uint32_t program;
  uint64_t sequences; // and as many tokens
  bool operator==(const GraphKey &) const = default;
};

/// The graphs of a context, few enough that a search is quick; the one unused
/// for longest makes room.
class StepGraphs {
public:
  static constexpr size_t kMaxGraphs = 32;

  explicit StepGraphs(std::shared_ptr<const Gpu> gpu) : gpu_(std::move(gpu)) {}

  /// Queues what `queue` puts into the stream: captures it where the key is new
  /// or `generation`, which changes with the addresses, is another.
  Status run(const Stream &stream, const GraphKey &key, uint64_t generation,
             const std::function<Status()> &queue);

private:
  struct Graph {
    GraphKey key;
    uint64_t generation, lastUse;
    GraphExecHandle exec;
  };
  Result<Graph *> find(const Stream &stream, const GraphKey &key,
                       uint64_t generation,
                       const std::function<Status()> &queue);
  Result<GraphHandle> capture(const Stream &stream,
                              const std::function<Status()> &queue) const;
  Status instantiate(Graph &graph, CUgraph captured) const;
  Status update(Graph &graph, CUgraph captured) const;

  std::shared_ptr<const Gpu> gpu_;
  std::vector<Graph> graphs_;
  uint64_t uses_ = 0;
};

} // namespace mamba::cuda
