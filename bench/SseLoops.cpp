#include "bench/VectorLoops.h"

namespace mamba::bench {

const Loops sseLoops = {"sse", kLanes, readLoop, fmaLoop, {scanLoop<ShiftExp2>, nullptr}};

} // namespace mamba::bench
