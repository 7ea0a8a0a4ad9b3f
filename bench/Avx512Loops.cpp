#include "bench/VectorLoops.h"

#include <immintrin.h>

namespace mamba::bench {
namespace {

/// Fraction and integer part by instructions of their own: both round down. The
/// polynomial that belongs to [0, 1) costs the same.
struct ScaleExp2 {
  static Vector of(Vector dt, Vector decay) {
    __m512 x = (__m512)(dt * decay);
    Vector f = (Vector)_mm512_reduce_ps(x, 1);
    return (Vector)_mm512_scalef_ps((__m512)fraction(f), x);
  }
};

} // namespace

const Loops avx512Loops = {
    "avx512", kLanes, readLoop, fmaLoop, {scanLoop<ShiftExp2>, scanLoop<ScaleExp2>}};

} // namespace mamba::bench
