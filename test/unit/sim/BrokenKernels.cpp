#include "test/unit/sim/BrokenKernels.h"

using namespace mamba;
using namespace mamba::sim;

namespace {
/// %a = tile + 4 t.
const char *const tile = ".shared .align 16 .b32 tile[64];";
const char *const ownWord = R"(
  mov.u32 %r1, tile;
  shl.b32 %r2, %t, 2;
  add.u32 %r3, %r1, %r2;
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %y, %q1;
)";

std::vector<BrokenKernel> makeKernels() {
  std::vector<BrokenKernel> k;

  k.push_back({"missing barrier", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], 0;
  bar.sync 0;
  st.shared.u32 [%r3], %t; // A
  <<bar.sync 0;|>>
  sub.u32 %r4, 252, %r2;
  add.u32 %r4, %r1, %r4;
  ld.shared.u32 %r5, [%r4]; // B
  st.global.u32 [%q2], %r5;
)",
               "race on shared memory ... @A ... @B ... 'tile' + ... a barrier is missing"});

  k.push_back({"missing barrier before the next round", tile, std::string(ownWord) + R"(
  mov.u32 %r6, 0;
  mov.u32 %r7, 0;
LOOP:
  st.shared.u32 [%r3], %t; // A
  bar.sync 0;
  sub.u32 %r4, 252, %r2;
  add.u32 %r4, %r1, %r4;
  ld.shared.u32 %r5, [%r4]; // B
  add.u32 %r7, %r7, %r5;
  <<bar.sync 0;|>>
  add.u32 %r6, %r6, 1;
  setp.lt.u32 %p1, %r6, 3;
  @%p1 bra LOOP;
  st.global.u32 [%q2], %r7;
)",
               "race on shared memory ... @A ... @B ... a barrier is missing"});

  k.push_back({"missing syncwarp", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], %t; // A
  <<bar.warp.sync 0xffffffff;|>>
  xor.b32 %r4, %r3, 4;
  ld.shared.u32 %r5, [%r4]; // B
  st.global.u32 [%q2], %r5;
)",
               "race on shared memory: @B ... warp 0 lane 1 of block (0,0,0) reads, against the "
               "write of @A ... warp 0 lane 0 ... a bar.warp.sync is missing"});

  k.push_back({"nc load of what was written", tile, std::string(ownWord) + R"(
  add.u64 %q3, %x, %q1;
  st.global.u32 [%q3], %t;
  bar.sync 0;
  xor.b64 %q4, %q3, 4;
  ld.global<<|.nc>>.u32 %r5, [%q4]; // A
  st.global.u32 [%q2], %r5;
)",
               "read of memory that one launch writes and ld.global.nc reads: @A ... warp 1 lane 0 "
               "of block (0,0,0), at 'x' + 132 of 256 bytes ... may give the old value"});

  k.push_back({"nc load before the write", tile, std::string(ownWord) + R"(
  add.u64 %q3, %x, %q1;
  ld.global.nc.u32 %r5, [%x+<<252|248>>];
  bar.sync 0;
  setp.lt.u32 %p1, %t, 63;
  @%p1 st.global.u32 [%q3], %t; // A
  st.global.u32 [%q2], %r5;
)",
               "write of memory that one launch writes and ld.global.nc reads: @A ... warp 1 lane "
               "30 of block (0,0,0), at 'x' + 248 of 256 bytes ... of the same launch reads it"});

  // A shuffle makes lanes meet, and yet orders no memory.
  k.push_back({"shuffle instead of syncwarp", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], %t; // A
  <<bar.warp.sync 0xffffffff;|shfl.sync.bfly.b32 %r6, %t, 1, 31, 0xffffffff;>>
  xor.b32 %r4, %r3, 4;
  ld.shared.u32 %r5, [%r4]; // B
  st.global.u32 [%q2], %r5;
)",
               "race on shared memory: @B"});

  k.push_back({"missing syncwarp on global memory", "", R"(
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2], %t; // A
  <<bar.warp.sync 0xffffffff;|>>
  xor.b64 %q3, %q2, 4;
  ld.global.u32 %r5, [%q3]; // B
)",
               "race on global memory: @B ... against the write of @A ... at 'y' + "});

  k.push_back({"missing cp.async wait", tile, std::string(ownWord) + R"(
  add.u64 %q3, %x, %q1;
  cp.async.ca.shared.global [%r3], [%q3], 4; // A
  cp.async.commit_group;
  <<cp.async.wait_group 0;|>>
  bar.sync 0;
  ld.shared.u32 %r5, [%r3]; // B
  st.global.u32 [%q2], %r5;
)",
               "read of shared memory before its cp.async was waited for: @B ... copied by @A"});

  k.push_back({"cp.async wait that leaves one group too many",
               ".shared .align 16 .b32 tile[128];", std::string(ownWord) + R"(
  add.u64 %q3, %x, %q1;
  cp.async.ca.shared.global [%r3], [%q3], 4; // A
  cp.async.commit_group;
  cp.async.ca.shared.global [%r3+256], [%q3], 4;
  cp.async.commit_group;
  cp.async.wait_group <<1|2>>;
  bar.sync 0;
  ld.shared.u32 %r5, [%r3]; // B
  st.global.u32 [%q2], %r5;
  cp.async.wait_all;
)",
               "read of shared memory before its cp.async was waited for: @B ... copied by @A"});

  k.push_back({"cp.async without a barrier after its wait", tile, std::string(ownWord) + R"(
  add.u64 %q3, %x, %q1;
  cp.async.ca.shared.global [%r3], [%q3], 4; // A
  cp.async.wait_all;
  <<bar.sync 0;|>>
  xor.b32 %r4, %r3, 4;
  ld.shared.u32 %r5, [%r4]; // B
  st.global.u32 [%q2], %r5;
)",
               "race on shared memory: @B ... against the write of @A"});

  k.push_back({"cp.async into what is still read", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], %t;
  bar.sync 0;
  xor.b32 %r4, %r3, 4;
  ld.shared.u32 %r5, [%r4]; // A
  st.global.u32 [%q2], %r5;
  <<bar.sync 0;|>>
  add.u64 %q3, %x, %q1;
  cp.async.ca.shared.global [%r3], [%q3], 4; // B
  cp.async.wait_all;
)",
               "race on shared memory: @B ... writes, against the read of @A"});

  k.push_back({"global read past the end", "", R"(
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q3, %x, %q1;
  ld.global.u32 %r5, [%q3+<<0|4>>]; // A
)",
               "out-of-bounds read of global memory: @A ... warp 1 lane 31 of block (0,0,0), at "
               "'x' + 256 of 256 bytes (4 bytes)"});

  k.push_back({"global write before the begin", "", R"(
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2+<<0|-4>>], %t; // A
)",
               "out-of-bounds write of global memory: @A ... lane 0 ... at 4 bytes before 'y'"});

  k.push_back({"off by one in a bound", "", R"(
  setp.<<ge|gt>>.u32 %p1, %t, 50;
  @%p1 bra END;
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2], %t; // A
END:
)",
               "out-of-bounds write of global memory: @A ... warp 1 lane 18 ... 'y' + 200 of 200",
               1, 64, 64, 50});

  k.push_back({"shared read past the end", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], %t;
  bar.sync 0;
  ld.shared.u32 %r5, [%r3+<<0|4>>]; // A
)",
               "out-of-bounds read of shared memory: @A ... shared memory + 256 of 256 bytes"});

  k.push_back({"shared write past the end", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3+<<0|4>>], %t; // A
)",
               "out-of-bounds write of shared memory: @A"});

  k.push_back({"uninitialised global read", "", R"(
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %y, %q1;
  <<st.global.u32 [%q2], %t;|>>
  ld.global.u32 %r5, [%q2]; // A
)",
               "read of global memory that nothing wrote: @A ... 'y' + 0 of 256"});

  k.push_back({"uninitialised part of a global vector", "", R"(
  mul.wide.u32 %q1, %t, 8;
  add.u64 %q2, %y, %q1;
  <<st.global.v2.u32 [%q2], {%t, %t};|st.global.u32 [%q2], %t;>>
  ld.global.v2.u32 {%r5, %r6}, [%q2]; // A
)",
               "read of global memory that nothing wrote: @A ... 'y' + 4 of 512", 1, 64, 64, 128});

  k.push_back({"uninitialised shared read", tile, std::string(ownWord) + R"(
  <<st.shared.u32 [%r3], 0;|>>
  ld.shared.u32 %r5, [%r3]; // A
  st.global.u32 [%q2], %r5;
)",
               "read of shared memory that nothing wrote: @A ... 'tile' + 0"});

  k.push_back({"uninitialised local read", ".local .align 4 .b32 own[4];", R"(
  mov.u32 %r1, own;
  st.local.u32 [%r1+4], %t;
  ld.local.u32 %r5, [%r1+<<4|8>>]; // A
)",
               "read of local memory that nothing wrote: @A ... 'own' + 8"});

  k.push_back({"misaligned vector load", "", R"(
  mul.wide.u32 %q1, %t, <<16|8>>;
  add.u64 %q3, %x, %q1;
  ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%q3]; // A
)",
               "misaligned read of global memory: @A ... warp 0 lane 1 ... 'x' + 8 ... a multiple "
               "of 16",
               1, 64, 256});

  k.push_back({"misaligned shared store", tile, std::string(ownWord) + R"(
  st.shared.u32 [%r3], 0;
  bar.sync 0;
  setp.eq.u32 %p1, %t, 5;
  @%p1 st.shared.v2.u32 [%r1+<<8|12>>], {%t, %t}; // A
)",
               "misaligned write of shared memory: @A ... lane 5"});

  k.push_back({"write to read-only memory", "", R"(
  mul.wide.u32 %q1, %t, 4;
  add.u64 %q2, %<<y|x>>, %q1;
  st.global.u32 [%q2], %t; // A
)",
               "write to read-only memory: @A ... 'x' + 0", 1, 64, 64, 64, true});

  k.push_back({"divergent barrier", tile, R"(
  setp.lt.u32 %p1, %t, 16;
  <<|@%p1 bra SKIP;>>
  bar.sync 0; // A
SKIP:
  <<|bar.sync 0;>>
)",
               "divergent barrier: @A"});

  k.push_back({"barrier that a warp never reaches", tile, R"(
  setp.lt.u32 %p1, %t, 32;
  @%p1 bra FIRST;
  bar.sync 1, 64; // A
  bra END;
FIRST:
  bar.sync <<1|2>>, 64; // B
END:
)",
               "deadlock: ... @B ... barrier 1 has 32 of 64 threads ... barrier 2 has 32 of 64"});

  k.push_back({"race between blocks", "", R"(
  mov.u32 %r1, %ctaid.x;
  mad.lo.u32 %r2, %r1, <<64|32>>, %t;
  mul.wide.u32 %q1, %r2, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2], %t; // A
)",
               "race on global memory: @A ... of block (1,0,0) writes, against the write of @A ... "
               "of block (0,0,0) ... nothing orders the two blocks",
               2, 64, 64, 128});

  k.push_back({"block that reads what another writes", "", R"(
  mov.u32 %r1, %ctaid.x;
  mad.lo.u32 %r2, %r1, 64, %t;
  mul.wide.u32 %q1, %r2, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2], %t; // A
  mul.wide.u32 %q3, %t, 4;
  add.u64 %q3, %y, %q3;
  ld.global.u32 %r5, [%<<q2|q3>>]; // B
)",
               "race on global memory: @B ... of block (1,0,0) reads, against the write of @A ... "
               "of block (0,0,0)",
               2, 32, 64, 128});

  k.push_back({"lanes that write the same", tile, std::string(ownWord) + R"(
  st.shared.u32 [%<<r3|r1>>], 7; // A
)",
               "race on shared memory: @A ... lane 1 of block (0,0,0) writes, against the write of "
               "@A ... lane 0 ... lanes of one instruction meet"});

  k.push_back({"sum without an atomic", "", R"(
  setp.ne.u32 %p1, %t, 0;
  @%p1 bra WAIT;
  st.global.u32 [%y], 0;
WAIT:
  bar.sync 0;
  <<red.global.add.u32 [%y], %t;|ld.global.u32 %r1, [%y];>> // A
  <<|add.u32 %r1, %r1, %t;>>
  <<|st.global.u32 [%y], %r1;>> // B
)",
               "race on global memory: @B ... writes, against the read of @A"});

  const std::string ofBlock1 = R"(
  mov.u32 %r1, %ctaid.x;
  setp.ne.u32 %p1, %t, 0;
  @%p1 bra END;
  setp.eq.u32 %p2, %r1, 1;
)";
  k.push_back({"weak read among atomics of two blocks", "", ofBlock1 + R"(
  red.global.add.u32 [%x], 1; // A
  @!%p2 bra END;
  <<atom.global.add.u32 %r2, [%x], 0;|ld.global.u32 %r2, [%x];>> // B
END:
)",
               "race on global memory: @B ... of block (1,0,0) reads, against the write of @A ... "
               "of block (0,0,0)",
               2});
  k.push_back({"weak write behind the weak read of a block and the strong of another", "",
               ofBlock1 + R"(
  @!%p2 ld.volatile.global.u32 %r2, [%x]; // A
  @%p2 ld.global.u32 %r2, [%x];
  @%p2 st.global.u32 [%x<<+4|>>], %r2; // B
END:
)",
               "race on global memory: @B ... of block (1,0,0) writes, against the read of @A ... "
               "of block (0,0,0)",
               2});

  // The last block to come reads what the other has written.
  const std::string last = R"(
  mov.u32 %r1, %ctaid.x;
  mad.lo.u32 %r2, %r1, 64, %t;
  add.u32 %r2, %r2, 1;
  mul.wide.u32 %q1, %r2, 4;
  add.u64 %q2, %y, %q1;
  st.global.u32 [%q2], %t; // A
  FENCE
  BARRIER
  setp.ne.u32 %p1, %t, 0;
  @%p1 bra WAIT;
  atom.global.add.u32 %r4, [%x], 1;
  st.shared.u32 [tile], %r4;
WAIT:
  bar.sync 0;
  ld.shared.u32 %r4, [tile];
  setp.ne.u32 %p2, %r4, 1;
  @%p2 bra END;
  ACQUIRE
  sub.u32 %r5, 1, %r1;
  mul.lo.u32 %r5, %r5, 64;
  sub.u32 %r5, %r5, %t;
  add.u32 %r5, %r5, 64;
  mul.wide.u32 %q1, %r5, 4;
  add.u64 %q3, %y, %q1;
  ld.global.u32 %r6, [%q3]; // B
END:
)";
  auto lastDone = [&](std::string name, std::string fence, std::string barrier,
                      std::string acquire) {
    std::string body = last;
    body.replace(body.find("FENCE"), 5, fence);
    body.replace(body.find("BARRIER"), 7, barrier);
    body.replace(body.find("ACQUIRE"), 7, acquire);
    k.push_back({std::move(name), tile, body,
                 "race on global memory: @B ... of block (1,0,0) reads, against the write of @A "
                 "... of block (0,0,0)",
                 2, 64, 64, 129});
  };
  lastDone("last block without a fence", "<<membar.gl;|>>", "bar.sync 0;", "membar.gl;");
  lastDone("last block without a barrier", "membar.gl;", "<<bar.sync 0;|>>", "fence.acq_rel.gpu;");
  lastDone("last block that does not acquire", "fence.acq_rel.gpu;", "bar.sync 0;",
           "<<fence.acq_rel.gpu;|>>");

  auto overlapping = [&](std::string name, const char *body, std::string message,
                         BrokenKernel::Overlap overlap = BrokenKernel::Overlap::WithY) {
    k.push_back({std::move(name), tile, std::string(ownWord) + body, std::move(message)});
    k.back().overlap = overlap;
  };
  overlapping("read before griddepcontrol.wait", R"(
  add.u64 %q3, %x, %q1;
  ld.global.u32 %r5, [<<%q3|%q2>>]; // A
  griddepcontrol.wait;
  st.global.u32 [%q2], %r5;
)",
              "read of global memory before griddepcontrol.wait: @A ... warp 0 lane 0 ... at 'y' + "
              "0 of 256 bytes ... only weights are settled");
  overlapping("copy before griddepcontrol.wait", R"(
  add.u64 %q3, <<%x|%y>>, %q1;
  cp.async.ca.shared.global [%r3], [%q3], 4; // A
  griddepcontrol.wait;
  cp.async.wait_all;
)",
              "read of global memory before griddepcontrol.wait: @A");
  overlapping("write before griddepcontrol.wait", R"(
  <<griddepcontrol.wait;|>>
  st.global.u32 [%q2], %t; // A
  <<|griddepcontrol.wait;>>
)",
              "write of global memory before griddepcontrol.wait: @A ... 'y' + 0 of 256 bytes ... "
              "may still read it");
  overlapping("wait that only some threads execute", R"(
  setp.lt.u32 %p1, %t, <<64|63>>;
  @%p1 griddepcontrol.wait;
)",
              "a thread ends without griddepcontrol.wait ... `ret` in warp 1 lane 31 of block "
              "(0,0,0)");
  // The end of its launch would say nothing about those before.
  overlapping("no wait at all", R"(
  griddepcontrol.<<wait|launch_dependents>>;
)",
              "a thread ends without griddepcontrol.wait ... warp 0 lane 0");
  overlapping("wait of another warp", R"(
  setp.ge.u32 %p1, %t, <<0|32>>;
  @%p1 griddepcontrol.wait;
  bar.sync 0;
  st.global.u32 [%q2], %t; // A
  griddepcontrol.wait;
)",
              "write of global memory before griddepcontrol.wait: @A ... warp 0 lane 0");
  overlapping("nc load behind the wait", R"(
  add.u64 %q3, %x, %q1;
  griddepcontrol.wait;
  ld.global<<|.nc>>.u32 %r5, [%q3]; // A
  st.global.u32 [%q2], %r5;
)",
              "read of memory that one launch writes and ld.global.nc reads: @A ... a launch that "
              "may still run when this one begins writes it",
              BrokenKernel::Overlap::WithBoth);
  return k;
}
} // namespace

const std::vector<BrokenKernel> &mamba::sim::brokenKernels() {
  static const std::vector<BrokenKernel> kernels = makeKernels();
  return kernels;
}

std::string mamba::sim::textOf(const BrokenKernel &kernel, bool isBroken) {
  bool overlaps = kernel.overlap != BrokenKernel::Overlap::None;
  std::string text = ".version 8.0\n.target " + std::string(overlaps ? "sm_90" : "sm_80") + R"(
.address_size 64
.visible .entry k(.param .u64 x, .param .u64 y) {
  .reg .pred %p<5>;
  .reg .b32 %r<20>;
  .reg .b32 %t;
  .reg .b64 %q<10>;
  .reg .b64 %x, %y;
  .reg .f32 %f<10>;
  )" + kernel.declarations + R"(
  ld.param.u64 %x, [x];
  ld.param.u64 %y, [y];
  mov.u32 %t, %tid.x;
)" + kernel.body + "  ret;\n}\n";
  for (size_t at = text.find("<<"); at != std::string::npos; at = text.find("<<", at)) {
    size_t bar = text.find('|', at), end = text.find(">>", at);
    std::string chosen =
        isBroken ? text.substr(bar + 1, end - bar - 1) : text.substr(at + 2, bar - at - 2);
    text.replace(at, end + 2 - at, chosen);
  }
  return text;
}

Status mamba::sim::runForm(const BrokenKernel &kernel, bool isBroken, unsigned threads,
                           const Checks &checks) {
  auto module = Module::load(textOf(kernel, isBroken), "test.ptx");
  if (!module.ok())
    return module.status();
  // Room for the vectors that x begins with, all zero: x is a counter, too.
  std::vector<uint32_t> x(kernel.xWords + 64), y(kernel.yWords + 64);
  auto aligned = [](std::vector<uint32_t> &list) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(list.data()) + 255) &
                                    ~uintptr_t(255));
  };
  GlobalMemory memory;
  uint64_t start = memory.time();
  auto at = kernel.isXReadOnly ? memory.mapReadOnly(aligned(x), kernel.xWords * 4, "x")
                               : memory.map(aligned(x), kernel.xWords * 4, "x", true);
  uint64_t settled = kernel.overlap == BrokenKernel::Overlap::WithY ? memory.time() : start;
  auto to = memory.map(aligned(y), kernel.yWords * 4, "y", false);
  if (!at.ok() || !to.ok())
    return internalError("no memory");
  uint64_t params[2] = {*at, *to};
  Launch launch;
  launch.grid[0] = kernel.blocks;
  launch.block[0] = kernel.threads;
  launch.params = {reinterpret_cast<const uint8_t *>(params), sizeof params};
  if (kernel.overlap != BrokenKernel::Overlap::None)
    launch.overlapsSince = settled;
  return run(**module, launch, memory, checks, threads, nullptr);
}
