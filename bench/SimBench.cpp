// How fast the GPU simulator is, in thread-instructions a second of one host
// thread: plain, counting, and with all checks.
#include "runtime/device/sim/Sim.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

using namespace mamba;
using namespace mamba::sim;

namespace {
const char *head = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 out, .param .u64 in)
{
.reg .pred %p<4>;
.reg .b32 %r<20>;
.reg .b64 %q<8>;
.reg .f32 %f<20>;
.shared .align 16 .b8 s[4096];
ld.param.u64 %q0, [out];
ld.param.u64 %q1, [in];
mov.u32 %r0, %tid.x;
mov.u32 %r1, %ctaid.x;
mov.u32 %r2, %ntid.x;
mad.lo.u32 %r3, %r1, %r2, %r0;
mad.wide.u32 %q2, %r3, 4, %q0;
mad.wide.u32 %q3, %r3, 4, %q1;
ld.global.f32 %f0, [%q3];
mov.u32 %r4, 0;
)";

/// A recurrence with its exponential, all in registers.
std::string scanText() {
  std::string loop;
  for (int k = 0; k < 8; ++k)
    loop += "mul.f32 %f1, %f0, %f2;\nex2.approx.ftz.f32 %f1, %f1;\n"
            "fma.rn.f32 %f2, %f1, %f2, %f0;\nfma.rn.f32 %f3, %f2, %f0, %f3;\n";
  return "mov.f32 %f2, 0f00000000;\nmov.f32 %f3, %f2;\nLOOP:\n" + loop +
         "add.u32 %r4, %r4, 1;\nsetp.lt.u32 %p0, %r4, 64;\n@%p0 bra LOOP;\n"
         "st.global.f32 [%q2], %f3;\n";
}
/// A product through shared memory: a broadcast, a row and an FMA.
std::string productText() {
  std::string loop;
  for (int k = 0; k < 16; ++k)
    loop += "ld.shared.f32 %f1, [s+" + std::to_string(4 * k) + "];\nld.shared.f32 %f2, [%r6+" +
            std::to_string(64 * k) + "];\nfma.rn.f32 %f3, %f1, %f2, %f3;\n";
  return "shl.b32 %r5, %r0, 2;\nmov.u32 %r6, s;\nadd.u32 %r6, %r6, %r5;\n"
         "mov.f32 %f3, 0f00000000;\nst.shared.f32 [%r6], %f0;\nst.shared.f32 [%r6+1024], %f0;\n"
         "st.shared.f32 [%r6+2048], %f0;\nLOOP:\nbar.sync 0;\n" +
         loop +
         "add.u32 %r4, %r4, 1;\nsetp.lt.u32 %p0, %r4, 32;\n@%p0 bra LOOP;\n"
         "st.global.f32 [%q2], %f3;\n";
}
/// Global memory through: load, add, store.
std::string streamText() {
  return "LOOP:\nld.global.f32 %f1, [%q3];\nadd.f32 %f1, %f1, %f0;\nst.global.f32 [%q2], %f1;\n"
         "add.u32 %r4, %r4, 1;\nsetp.lt.u32 %p0, %r4, 64;\n@%p0 bra LOOP;\n";
}
/// Lanes that leave a loop one after the other, and part in it.
std::string divergentText() {
  return "LOOP:\nand.b32 %r5, %r4, 1;\nsetp.eq.u32 %p1, %r5, 0;\nxor.b32 %r6, %r0, %r4;\n"
         "and.b32 %r6, %r6, 1;\nsetp.eq.u32 %p2, %r6, 0;\n@%p2 bra ODD;\n"
         "mad.lo.u32 %r7, %r7, 3, 1;\nbra NEXT;\nODD:\nshr.u32 %r7, %r7, 1;\nNEXT:\n"
         "add.u32 %r4, %r4, 1;\nmad.lo.u32 %r8, %r0, 4, 64;\nsetp.lt.u32 %p0, %r4, %r8;\n"
         "@%p0 bra LOOP;\nst.global.u32 [%q2], %r7;\n";
}

void simulate(benchmark::State &state, const std::string &body, bool isCounted, bool isChecked) {
  auto module = Module::load(head + body + "ret;\n}\n", "bench");
  if (!module.ok())
    return state.SkipWithError(module.status().message().c_str());
  std::vector<float> out(64 * 256), in(64 * 256, 0.25f);
  GlobalMemory memory;
  uint64_t addresses[2] = {*memory.map(out.data(), out.size() * 4, "out", false),
                           *memory.mapReadOnly(in.data(), in.size() * 4, "in")};
  std::vector<uint8_t> params(16);
  std::memcpy(params.data(), addresses, 16);
  Launch launch;
  launch.grid[0] = 64;
  launch.block[0] = 256;
  launch.params = params;
  Checks checks;
  checks.unwritten = checks.races = isChecked;
  Counts once;
  Status status = run(**module, launch, memory, checks, 1, &once);
  for (auto _ : state) {
    Counts counts;
    status = run(**module, launch, memory, checks, 1, isCounted ? &counts : nullptr);
    if (!status.ok())
      return state.SkipWithError(status.message().c_str());
  }
  state.counters["thread_instructions"] = benchmark::Counter(
      double(once.laneInstructions), benchmark::Counter::kIsIterationInvariantRate);
}
} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  const std::pair<const char *, std::string> kernels[] = {{"scan", scanText()},
                                                          {"product", productText()},
                                                          {"stream", streamText()},
                                                          {"divergent", divergentText()}};
  for (const auto &[name, text] : kernels)
    for (auto [mode, isCounted, isChecked] :
         {std::tuple{"plain", false, false}, {"counted", true, false}, {"checked", false, true}})
      benchmark::RegisterBenchmark(
          (std::string(name) + "/" + mode).c_str(),
          [text = text, isCounted = isCounted, isChecked = isChecked](benchmark::State &state) {
            simulate(state, text, isCounted, isChecked);
          })
          ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
