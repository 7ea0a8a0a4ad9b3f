// Random kernels: phases in which each thread touches one element, with or
// without barriers between them. Whether they race is computed from that, and the
// simulator has to say the same.
#include "test/unit/sim/BrokenKernels.h"

#include <gtest/gtest.h>

#include <random>

using namespace mamba;
using namespace mamba::sim;

namespace {
constexpr uint32_t threads = 128, regionBytes = 2048;

struct Phase {
  enum class Kind { Read, Write, AsyncWrite } kind = Kind::Read;
  enum class After { Nothing, Warp, Block } after = After::Nothing;
  uint32_t bytes = 4;       // of an element
  uint32_t factor = 1, add = 0; // element of thread or lane t: (factor t + add) mod n
  bool isInWarp = false;    // each warp in its quarter of the region
  bool isSplit = false;     // odd and even threads take different ways

  uint32_t offset(uint32_t thread) const {
    uint32_t n = regionBytes / bytes;
    if (!isInWarp)
      return (factor * thread + add) % n * bytes;
    return (thread / 32 * (n / 4) + (factor * (thread % 32) + add) % (n / 4)) * bytes;
  }
};

struct Program {
  bool isGlobal = false;
  std::vector<Phase> phases;
};

Program makeProgram(std::mt19937 &random, bool isSynchronised) {
  auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  Program program;
  program.isGlobal = below(3) == 0;
  for (uint32_t i = 0, n = 2 + below(8); i < n; ++i) {
    Phase p;
    p.bytes = 1u << below(5);
    p.kind = below(2) ? Phase::Kind::Read : Phase::Kind::Write;
    if (p.kind == Phase::Kind::Write && p.bytes >= 4 && !program.isGlobal && below(2))
      p.kind = Phase::Kind::AsyncWrite;
    p.isInWarp = below(2);
    p.isSplit = below(3) == 0;
    p.factor = below(40);
    if (p.kind != Phase::Kind::Read)
      p.factor |= 1; // each thread its own
    p.add = below(2000);
    if (isSynchronised) {
      p.after = Phase::After::Block;
    } else {
      uint32_t kind = below(8);
      p.after = kind < 1   ? Phase::After::Nothing
                : kind < 3 ? Phase::After::Warp
                           : Phase::After::Block;
    }
    program.phases.push_back(p);
  }
  if (isSynchronised)
    for (size_t i = 0; i + 1 < program.phases.size(); ++i) {
      Phase &a = program.phases[i], &b = program.phases[i + 1];
      if (a.isInWarp && b.isInWarp)
        a.after = Phase::After::Warp;
      // The barrier after b keeps what a read from later writes.
      if (a.kind == Phase::Kind::Read && b.kind == Phase::Kind::Read && !a.isInWarp)
        a.after = Phase::After::Nothing;
    }
  return program;
}

/// By the definition: accesses of two threads to one byte, one a write, and no
/// barrier of both between them.
bool hasRace(const Program &program) {
  for (size_t i = 0; i < program.phases.size(); ++i) {
    bool isWarpOrdered = false, isBlockOrdered = false;
    for (size_t j = i; j < program.phases.size(); ++j) {
      const Phase &a = program.phases[i], &b = program.phases[j];
      if (a.kind != Phase::Kind::Read || b.kind != Phase::Kind::Read)
        for (uint32_t s = 0; s < threads; ++s)
          for (uint32_t t = 0; t < threads; ++t) {
            uint32_t at = a.offset(s), to = b.offset(t);
            bool meets = at < to + b.bytes && to < at + a.bytes;
            bool isOrdered = s == t || isBlockOrdered || (s / 32 == t / 32 && isWarpOrdered);
            if (meets && !isOrdered)
              return true;
          }
      isBlockOrdered |= b.after == Phase::After::Block;
      isWarpOrdered |= b.after != Phase::After::Nothing;
    }
  }
  return false;
}

std::string bodyOf(const Program &program) {
  std::string space = program.isGlobal ? "global" : "shared";
  std::string at = program.isGlobal ? "%q5" : "%r5";
  std::string body = R"(
  mov.u32 %r1, region;
  and.b32 %r2, %t, 31;
  shr.u32 %r3, %t, 5;
  and.b32 %r4, %t, 1;
  setp.eq.u32 %p1, %r4, 1;
  mul.lo.u32 %r4, %t, 16;
)";
  auto address = [&] {
    if (program.isGlobal)
      body += "  cvt.u64.u32 %q4, %r4;\n  add.u64 %q5, %y, %q4;\n";
    else
      body += "  add.u32 %r5, %r1, %r4;\n";
  };
  address();
  body += "  st." + space + ".v4.u32 [" + at + "], {%t, %t, %t, %t};\n  bar.sync 0;\n";
  for (size_t i = 0; i < program.phases.size(); ++i) {
    const Phase &p = program.phases[i];
    std::string number = std::to_string(i);
    uint32_t n = regionBytes / p.bytes / (p.isInWarp ? 4 : 1);
    body += std::string("  mad.lo.u32 %r4, ") + (p.isInWarp ? "%r2" : "%t") + ", " +
            std::to_string(p.factor) + ", " + std::to_string(p.add) + ";\n";
    body += "  and.b32 %r4, %r4, " + std::to_string(n - 1) + ";\n";
    if (p.isInWarp)
      body += "  mad.lo.u32 %r4, %r3, " + std::to_string(n) + ", %r4;\n";
    body += "  mul.lo.u32 %r4, %r4, " + std::to_string(p.bytes) + ";\n";
    address();
    static const char *const types[] = {".u8", ".u16", ".u32", ".v2.u32", ".v4.u32"};
    static const char *const values[] = {"%r6", "%r6", "%r6", "{%r6, %r7}", "{%r6, %r7, %r8, %r9}"};
    uint32_t which = static_cast<uint32_t>(__builtin_ctz(p.bytes));
    std::string access;
    if (p.kind == Phase::Kind::Read)
      access = "  ld." + space + types[which] + " " + values[which] + ", [" + at + "];\n";
    else if (p.kind == Phase::Kind::Write)
      access = "  mov.u32 %r6, %t;\n  mov.u32 %r7, %t;\n  mov.u32 %r8, %t;\n  mov.u32 %r9, %t;\n"
               "  st." + space + types[which] + " [" + at + "], " + values[which] + ";\n";
    else
      access = "  cp.async.ca.shared.global [%r5], [%x], " + std::to_string(p.bytes) +
               ";\n  cp.async.wait_all;\n";
    if (p.isSplit)
      body += "  @%p1 bra ODD" + number + ";\n" + access + "  bra BOTH" + number + ";\nODD" +
              number + ":\n" + access + "BOTH" + number + ":\n";
    else
      body += access;
    if (p.after == Phase::After::Warp)
      body += "  bar.warp.sync 0xffffffff;\n";
    else if (p.after == Phase::After::Block)
      body += i % 2 ? "  bar.sync 0;\n" : "  barrier.sync 3, 128;\n";
  }
  return body;
}

Status runProgram(const Program &program) {
  BrokenKernel kernel;
  kernel.declarations = ".shared .align 16 .b8 region[2048];";
  kernel.body = bodyOf(program);
  kernel.threads = threads;
  kernel.yWords = regionBytes / 4;
  return runForm(kernel, false);
}
} // namespace

TEST(ChecksFuzz, BarriersWhereTheyAreNeededGiveNoAlarm) {
  std::mt19937 random(1);
  uint32_t clean = 0;
  for (uint32_t i = 0; i < 150; ++i) {
    Program program = makeProgram(random, true);
    clean += !hasRace(program);
    Status status = runProgram(program);
    ASSERT_EQ(status.ok(), !hasRace(program)) << status.message() << bodyOf(program);
  }
  EXPECT_GT(clean, 100u);
}

TEST(ChecksFuzz, RacesAreFoundExactly) {
  std::mt19937 random(2);
  uint32_t races = 0, clean = 0;
  for (uint32_t i = 0; i < 300; ++i) {
    Program program = makeProgram(random, false);
    bool isRace = hasRace(program);
    Status status = runProgram(program);
    ASSERT_EQ(status.ok(), !isRace) << status.message() << bodyOf(program);
    if (isRace) {
      ASSERT_NE(status.message().find("race on "), std::string::npos) << status.message();
    }
    (isRace ? races : clean) += 1;
  }
  EXPECT_GT(races, 60u);
  EXPECT_GT(clean, 20u);
}
