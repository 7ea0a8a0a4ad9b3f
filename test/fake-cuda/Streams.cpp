// Streams, events, captures and graphs.
#include "test/fake-cuda/Machine.h"

namespace mamba::cuda {

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  ENTER(enterCurrent, cuStreamCreate)
  CUstream_st made;
  made.context = m.current();
  made.emptyAt = m.memory->time();
  *stream = m.streams.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuStreamDestroy_v2");
  m.streams.remove(stream);
  return result;
}

CUresult cuStreamSynchronize(CUstream stream) {
  ENTER(enterCurrent, cuStreamSynchronize)
  return m.streams.has(stream) ? m.drain(stream) : CUDA_ERROR_INVALID_HANDLE;
}

//===----------------------------------------------------------------------===//
// Events
//===----------------------------------------------------------------------===//

CUresult cuEventCreate(CUevent *event, unsigned flags) {
  ENTER(enterCurrent, cuEventCreate)
  CUevent_st made;
  made.context = m.current();
  *event = m.events.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuEventDestroy_v2(CUevent event) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuEventDestroy_v2");
  m.events.remove(event);
  return result;
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  ENTER(enterCurrent, cuEventRecord)
  if (!m.events.has(event))
    return CUDA_ERROR_INVALID_HANDLE;
  event->stream = stream;
  uint64_t number = ++event->recorded;
  return m.queue(stream, {"event", [&m, event, number] {
                            if (m.events.has(event)) {
                              event->done = number;
                              event->when = std::chrono::steady_clock::now();
                            }
                            return CUDA_SUCCESS;
                          }});
}

CUresult cuEventSynchronize(CUevent event) {
  ENTER(enterCurrent, cuEventSynchronize)
  if (!m.events.has(event))
    return CUDA_ERROR_INVALID_HANDLE;
  if (event->done == event->recorded || !m.streams.has(event->stream))
    return CUDA_SUCCESS;
  return m.drain(event->stream, event);
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent from, CUevent to) {
  ENTER(enterCurrent, cuEventElapsedTime)
  for (CUevent event : {from, to}) {
    if (!m.events.has(event) || event->recorded == 0)
      return CUDA_ERROR_INVALID_HANDLE;
    if (event->done != event->recorded)
      return CUDA_ERROR_NOT_READY;
  }
  *milliseconds = std::chrono::duration<float, std::milli>(to->when - from->when).count();
  return CUDA_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) {
  ENTER(enterCurrent, cuStreamBeginCapture_v2)
  if (!m.streams.has(stream) || mode != CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_ERROR_INVALID_VALUE;
  if (stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  stream->capture = m.graphs.add(CUgraph_st());
  stream->isCaptureBroken = false;
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuStreamEndCapture");
  *graph = nullptr;
  if (!m.streams.has(stream) || !stream->capture)
    return result ? result : CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  CUgraph captured = stream->capture;
  stream->capture = nullptr;
  if (!result && stream->isCaptureBroken)
    result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (result)
    m.graphs.remove(captured);
  else
    *graph = captured;
  return result;
}

CUresult cuGraphDestroy(CUgraph graph) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuGraphDestroy");
  m.graphs.remove(graph);
  return result;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
                                     unsigned long long flags) {
  ENTER(enterCurrent, cuGraphInstantiateWithFlags)
  if (!m.graphs.has(graph) || flags != 0)
    return CUDA_ERROR_INVALID_VALUE;
  *exec = m.execs.add({m.current(), graph->nodes});
  return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
  Machine &m = Machine::get();
  std::lock_guard held(m.mutex);
  CUresult result = m.enterCurrent("cuGraphExecDestroy");
  m.execs.remove(exec);
  return result;
}

CUresult cuGraphExecUpdate_v2(CUgraphExec exec, CUgraph graph,
                              CUgraphExecUpdateResultInfo *info) {
  ENTER(enterCurrent, cuGraphExecUpdate_v2)
  if (!m.execs.has(exec) || !m.graphs.has(graph))
    return CUDA_ERROR_INVALID_HANDLE;
  *info = {};
  bool isSame = exec->nodes.size() == graph->nodes.size();
  for (size_t i = 0; isSame && i < graph->nodes.size(); ++i)
    isSame = exec->nodes[i].kind == graph->nodes[i].kind;
  if (!isSame)
    return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
  exec->nodes = graph->nodes;
  return CUDA_SUCCESS;
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
  ENTER(enterCurrent, cuGraphLaunch)
  if (!m.execs.has(exec) || exec->context != m.current())
    return CUDA_ERROR_INVALID_HANDLE;
  // What is updated later is for later launches.
  return m.queue(stream, {"graph", [nodes = exec->nodes] {
                            for (const Work &node : nodes)
                              if (CUresult result = node.run())
                                return result;
                            return CUDA_SUCCESS;
                          }});
}

} // namespace mamba::cuda
