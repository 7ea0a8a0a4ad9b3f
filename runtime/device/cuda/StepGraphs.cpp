#include "runtime/device/cuda/StepGraphs.h"

#include <algorithm>
#include <new>

using namespace mamba;
using namespace mamba::cuda;

Status StepGraphs::run(const Stream &stream, const GraphKey &key,
                       uint64_t generation,
                       const std::function<Status()> &queue) {
  MAMBA_ASSIGN_OR_RETURN(Graph * graph,
                         find(stream, key, generation, queue));
  graph->lastUse = ++uses_;
  return gpu_->check(
      gpu_->driver().cuGraphLaunch(graph->exec.get(), stream.get()),
      "launch a step's graph");
}

Result<StepGraphs::Graph *>
StepGraphs::find(const Stream &stream, const GraphKey &key,
                 uint64_t generation, const std::function<Status()> &queue) {
  auto found = std::find_if(graphs_.begin(), graphs_.end(),
                            [&](const Graph &g) { return g.key == key; });
  if (found != graphs_.end() && found->generation == generation)
    return &*found;
  MAMBA_ASSIGN_OR_RETURN(GraphHandle captured, capture(stream, queue));
  if (found != graphs_.end()) {
    MAMBA_RETURN_IF_ERROR(update(*found, captured.get()));
    found->generation = generation;
    return &*found;
  }
  Graph graph = {key, generation, 0, {}};
  MAMBA_RETURN_IF_ERROR(instantiate(graph, captured.get()));
  if (graphs_.size() == kMaxGraphs)
    graphs_.erase(std::min_element(graphs_.begin(), graphs_.end(),
                                   [](const Graph &a, const Graph &b) {
                                     return a.lastUse < b.lastUse;
                                   }));
  graphs_.push_back(std::move(graph));
  return &graphs_.back();
}

Result<GraphHandle>
StepGraphs::capture(const Stream &stream,
                    const std::function<Status()> &queue) const {
  const Driver &driver = gpu_->driver();
  // Relaxed: what other threads and libraries do meanwhile is their affair.
  MAMBA_RETURN_IF_ERROR(gpu_->check(
      driver.cuStreamBeginCapture_v2(stream.get(),
                                     CU_STREAM_CAPTURE_MODE_RELAXED),
      "begin to capture a step"));
  Status queued;
  try {
    queued = queue();
  } catch (const std::bad_alloc &) {
    queued = outOfMemory("out of memory"); // Takes none itself.
  }
  // Whatever happened: else the stream stays in its capture.
  CUgraph graph = nullptr;
  Status ended = gpu_->check(driver.cuStreamEndCapture(stream.get(), &graph),
                             "capture a step");
  GraphHandle captured(gpu_, graph);
  MAMBA_RETURN_IF_ERROR(queued);
  MAMBA_RETURN_IF_ERROR(ended);
  return captured;
}

Status StepGraphs::instantiate(Graph &graph, CUgraph captured) const {
  CUgraphExec exec = nullptr;
  MAMBA_RETURN_IF_ERROR(gpu_->check(
      gpu_->driver().cuGraphInstantiateWithFlags(&exec, captured, 0),
      "make a step's graph"));
  graph.exec = GraphExecHandle(gpu_, exec);
  return {};
}

/// Drivers before CUDA 12 cannot in this way, and any may find that it must be
/// made anew.
Status StepGraphs::update(Graph &graph, CUgraph captured) const {
  const Driver &driver = gpu_->driver();
  if (!driver.cuGraphExecUpdate_v2)
    return instantiate(graph, captured);
  CUgraphExecUpdateResultInfo info = {};
  CUresult result =
      driver.cuGraphExecUpdate_v2(graph.exec.get(), captured, &info);
  if (result == CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE)
    return instantiate(graph, captured);
  return gpu_->check(result, "update a step's graph");
}
