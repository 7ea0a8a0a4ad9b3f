#include "bench/VectorLoops.h"

namespace mamba::bench {

const Loops avx2Loops = {"avx2", kLanes, readLoop, fmaLoop, {scanLoop<ShiftExp2>, nullptr}};

} // namespace mamba::bench
