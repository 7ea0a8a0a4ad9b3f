// What lanes of a warp do together, and memory of every kind, through the
// simulator: shuffles, votes, matches, reductions, matrices, atomics, spaces.
#include "test/unit/sim/Instructions.h"

#include "runtime/device/sim/Matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using namespace mamba::sim;
using namespace mamba::sim::numerics;

namespace {

constexpr uint32_t kLanes = 32;

std::vector<uint32_t> randomWords(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> words(count);
  for (uint32_t &word : words)
    word = uint32_t(random.bits());
  return words;
}

/// Each lane loads `a`, works, stores %r10.
std::vector<uint32_t> perLane(const std::string &work, const std::vector<uint32_t> &in) {
  return runKernel("mad.wide.u32 %q0, %t, 4, %in;\nld.global.b32 %r1, [%q0];\n" + work +
                       "mad.wide.u32 %q0, %t, 4, %out;\nst.global.b32 [%q0], %r10;\n",
                   in, kLanes);
}

// shfl as the PTX ISA's pseudo code has it.
struct Shuffled {
  uint32_t value;
  bool isInRange;
};
Shuffled shuffled(const std::string &mode, const std::vector<uint32_t> &a, uint32_t lane,
                  uint32_t b, uint32_t c) {
  uint32_t bval = b & 31, cval = c & 31, segment = c >> 8 & 31;
  uint32_t maxLane = (lane & segment) | (cval & ~segment), minLane = lane & segment;
  int32_t j = 0;
  bool p = false;
  if (mode == "up") {
    j = int32_t(lane) - int32_t(bval);
    p = j >= int32_t(maxLane);
  } else if (mode == "down") {
    j = int32_t(lane + bval);
    p = j <= int32_t(maxLane);
  } else if (mode == "bfly") {
    j = int32_t(lane ^ bval);
    p = j <= int32_t(maxLane);
  } else {
    j = int32_t(minLane | (bval & ~segment));
    p = j <= int32_t(maxLane);
  }
  return {a[p ? uint32_t(j) : lane], p};
}

TEST(InstructionsWarp, Shuffles) {
  std::vector<uint32_t> a = randomWords(kLanes, 1);
  for (const char *mode : {"up", "down", "bfly", "idx"})
    for (uint32_t b : {0u, 1u, 3u, 16u, 31u, 37u})
      for (uint32_t c : {0u, 31u, 0x1c1fu, 0x181fu, 0x1800u, 15u}) {
        std::string text = std::string("shfl.sync.") + mode + ".b32 %r2|%p1, %r1, " +
                           std::to_string(b) + ", " + std::to_string(c) +
                           ", -1;\nselp.b32 %r3, 1, 0, %p1;\nxor.b32 %r10, %r2, %r3;\n";
        std::vector<uint32_t> out = perLane(text, a);
        for (uint32_t lane = 0; lane < kLanes; ++lane) {
          Shuffled want = shuffled(mode, a, lane, b, c);
          ASSERT_EQ(out[lane], want.value ^ uint32_t(want.isInRange))
              << mode << " lane " << lane << " b " << b << " c " << c;
        }
      }
  // The lane may be another for each.
  std::vector<uint32_t> out = perLane("mad.lo.u32 %r3, %t, 7, 3;\n"
                                      "shfl.sync.idx.b32 %r10, %r1, %r3, 31, 0xffffffff;\n",
                                      a);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    EXPECT_EQ(out[lane], a[(lane * 7 + 3) & 31]);
}

TEST(InstructionsWarp, VotesOfSomeLanes) {
  std::vector<uint32_t> a = randomWords(kLanes, 2);
  uint32_t ballot = 0;
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    ballot |= (a[lane] & 1) << lane;
  const std::string set = "and.b32 %r2, %r1, 1;\nsetp.ne.b32 %p1, %r2, 0;\n";
  for (uint32_t value : perLane(set + "vote.sync.ballot.b32 %r10, %p1, -1;\n", a))
    EXPECT_EQ(value, ballot);
  for (uint32_t value : perLane(set + "vote.sync.ballot.b32 %r10, !%p1, -1;\n", a))
    EXPECT_EQ(value, ~ballot);
  // Only the upper half votes, and only it executes the vote.
  std::vector<uint32_t> out = perLane(set + "mov.b32 %r10, 7;\nsetp.ge.u32 %p2, %t, 16;\n"
                                            "@%p2 vote.sync.ballot.b32 %r10, %p1, 0xffff0000;\n",
                                      a);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    EXPECT_EQ(out[lane], lane < 16 ? 7 : ballot & 0xffff0000);
  struct {
    const char *mode;
    const char *condition;
    bool want;
  } table[] = {
      {"all", "setp.ge.u32 %p1, %t, 0;\n", true},  {"all", "setp.ge.u32 %p1, %t, 1;\n", false},
      {"any", "setp.ge.u32 %p1, %t, 31;\n", true}, {"any", "setp.gt.u32 %p1, %t, 31;\n", false},
      {"uni", "setp.gt.u32 %p1, %t, 31;\n", true}, {"uni", "setp.gt.u32 %p1, %t, 30;\n", false},
      {"uni", "setp.ge.u32 %p1, %t, 0;\n", true}};
  for (const auto &row : table)
    for (uint32_t value : perLane(row.condition + std::string("vote.sync.") + row.mode +
                                      ".pred %p2, %p1, -1;\nselp.b32 %r10, 1, 0, %p2;\n",
                                  a))
      EXPECT_EQ(value, uint32_t(row.want)) << row.mode << " " << row.condition;
  for (uint32_t value : perLane("activemask.b32 %r10;\n", a))
    EXPECT_EQ(value, ~0u);
}

TEST(InstructionsWarp, MatchesAndReductions) {
  std::vector<uint32_t> a = randomWords(kLanes, 3);
  for (uint32_t &x : a)
    x &= 0x80000003;
  std::vector<uint32_t> any = perLane("match.any.sync.b32 %r10, %r1, -1;\n", a);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    for (uint32_t other = 0; other < kLanes; ++other)
      EXPECT_EQ(any[lane] >> other & 1, uint32_t(a[lane] == a[other]));
  for (uint32_t value : perLane("match.all.sync.b32 %r2|%p1, %r1, -1;\nselp.b32 %r3, 1, 0, "
                                "%p1;\nor.b32 %r10, %r2, %r3;\n",
                                a))
    EXPECT_EQ(value, 0u);
  for (uint32_t value : perLane("match.all.sync.b32 %r2|%p1, 5, -1;\nselp.b32 %r3, 1, 0, "
                                "%p1;\nand.b32 %r10, %r2, %r3;\n",
                                a))
    EXPECT_EQ(value, 1u);
  auto all = [&](auto f, uint32_t start) {
    for (uint32_t x : a)
      start = f(start, x);
    return start;
  };
  auto sMin = [](uint32_t x, uint32_t y) { return uint32_t(std::min(int32_t(x), int32_t(y))); };
  auto sMax = [](uint32_t x, uint32_t y) { return uint32_t(std::max(int32_t(x), int32_t(y))); };
  const std::pair<const char *, uint32_t> table[] = {
      {"add.u32", all(std::plus<>(), 0u)},
      {"add.s32", all(std::plus<>(), 0u)},
      {"and.b32", all(std::bit_and<>(), ~0u)},
      {"or.b32", all(std::bit_or<>(), 0u)},
      {"xor.b32", all(std::bit_xor<>(), 0u)},
      {"min.u32", all([](uint32_t x, uint32_t y) { return std::min(x, y); }, ~0u)},
      {"max.u32", all([](uint32_t x, uint32_t y) { return std::max(x, y); }, 0u)},
      {"min.s32", all(sMin, 0x7fffffffu)},
      {"max.s32", all(sMax, 0x80000000u)}};
  for (auto [name, want] : table)
    for (uint32_t value : perLane(std::string("redux.sync.") + name + " %r10, %r1, -1;\n", a))
      EXPECT_EQ(value, want) << name;
  for (uint32_t &x : a) // f32: min and max, of magnitudes, with NaN
    x = (x & 0x80000000) | 0x3f800000 | (x & 3) << 20;
  a[3] = 0x7fc00000;
  const std::pair<const char *, uint32_t> floats[] = {
      {"min.f32", *std::max_element(a.begin(), a.end())},
      {"max.abs.f32", 0x3fb00000},
      {"max.NaN.f32", 0x7fffffff}};
  for (auto [name, want] : floats)
    for (uint32_t value : perLane(std::string("redux.sync.") + name + " %r10, %r1, -1;\n", a))
      EXPECT_EQ(hex(value), hex(want)) << name;
  std::vector<uint32_t> elected =
      perLane("elect.sync %r2|%p1, -1;\nselp.b32 %r10, 1, 0, %p1;\n", a);
  EXPECT_EQ(std::count(elected.begin(), elected.end(), 1u), 1);
}

/// All lanes load `loads` registers %r0.., the text works, all store `stores`
/// registers of `names`.
std::vector<uint32_t> onFragments(const std::string &text, const std::vector<uint32_t> &in,
                                  unsigned loads, unsigned firstStore, unsigned stores) {
  std::string body = "mad.wide.u32 %q0, %t, " + std::to_string(4 * loads) + ", %in;\n";
  for (unsigned i = 0; i < loads; ++i)
    body += "ld.global.b32 %r" + std::to_string(i) + ", [%q0+" + std::to_string(4 * i) + "];\n";
  body += text + "mad.wide.u32 %q0, %t, " + std::to_string(4 * stores) + ", %out;\n";
  for (unsigned i = 0; i < stores; ++i)
    body += "st.global.b32 [%q0+" + std::to_string(4 * i) + "], %r" +
            std::to_string(firstStore + i) + ";\n";
  return runKernel(body, in, size_t(kLanes) * stores);
}

TEST(InstructionsWarp, MatrixProducts) {
  IeeeMode ieee;
  using E = Mma::Element;
  struct {
    const char *name;
    Mma mma;
  } table[] = {
      {"m16n8k8.row.col.f32.f16.f16.f32", {16, 8, E::F16, E::F16}},
      {"m16n8k16.row.col.f32.f16.f16.f32", {16, 16, E::F16, E::F16}},
      {"m16n8k16.row.col.f16.f16.f16.f16", {16, 16, E::F16, E::F16, true, true}},
      {"m16n8k8.row.col.f32.bf16.bf16.f32", {16, 8, E::BF16, E::BF16}},
      {"m16n8k16.row.col.f32.bf16.bf16.f32", {16, 16, E::BF16, E::BF16}},
      {"m16n8k4.row.col.f32.tf32.tf32.f32", {16, 4, E::TF32, E::TF32}},
      {"m16n8k8.row.col.f32.tf32.tf32.f32", {16, 8, E::TF32, E::TF32}},
      {"m16n8k32.row.col.s32.s8.s8.s32", {16, 32, E::S8, E::S8}},
      {"m16n8k16.row.col.satfinite.s32.u8.s8.s32", {16, 16, E::U8, E::S8, false, false, true}},
      {"m8n8k16.row.col.s32.s8.u8.s32", {8, 16, E::S8, E::U8}}};
  for (const auto &row : table) {
    const Mma &shape = row.mma;
    unsigned na = shape.registersA(), nb = shape.registersB(), nc = shape.registersC(),
             nd = shape.registersD();
    unsigned loads = na + nb + nc;
    std::vector<uint32_t> in = randomWords(size_t(kLanes) * loads, loads);
    auto list = [](unsigned first, unsigned count) {
      std::string text = "{";
      for (unsigned i = 0; i < count; ++i)
        text += (i ? ", %r" : "%r") + std::to_string(first + i);
      return text + "}";
    };
    std::string text = std::string("mma.sync.aligned.") + row.name + " " + list(loads, nd) + ", " +
                       list(0, na) + ", " + list(na, nb) + ", " + list(na + nb, nc) + ";\n";
    std::vector<uint32_t> out = onFragments(text, in, loads, loads, nd);
    uint32_t registers[16][kLanes], *pointers[16];
    for (unsigned i = 0; i < loads; ++i)
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        registers[i][lane] = in[lane * loads + i];
    for (unsigned i = 0; i < 16; ++i)
      pointers[i] = registers[i];
    mma(shape, pointers + loads, pointers, pointers + na, pointers + na + nb);
    for (unsigned i = 0; i < nd; ++i)
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        ASSERT_EQ(hex(out[lane * nd + i]), hex(registers[loads + i][lane]))
            << row.name << " lane " << lane;
  }
}

TEST(InstructionsWarp, MatrixMoves) {
  // Lane l writes row l: 16 bytes. Matrix m has the rows 8 m to 8 m + 7.
  std::vector<uint32_t> in = randomWords(kLanes * 4, 5);
  const std::string fill = "shl.b32 %r10, %t, 4;\nmov.b32 %r11, tile;\nadd.u32 %r10, %r10, %r11;\n"
                           "st.shared.v4.b32 [%r10], {%r0, %r1, %r2, %r3};\nbar.sync 0;\n";
  auto half = [&](unsigned row, unsigned column) {
    return in[row * 4 + column / 2] >> (16 * (column & 1)) & 0xffff;
  };
  auto run = [&](const std::string &text, unsigned stores) {
    std::string body =
        "mad.wide.u32 %q0, %t, 16, %in;\nld.global.v4.b32 {%r0, %r1, %r2, %r3}, [%q0];\n" + fill +
        text + "mad.wide.u32 %q0, %t, " + std::to_string(4 * stores) + ", %out;\n";
    for (unsigned i = 0; i < stores; ++i)
      body +=
          "st.global.b32 [%q0+" + std::to_string(4 * i) + "], %r" + std::to_string(4 + i) + ";\n";
    return runKernel(body, in, kLanes * stores, kLanes, ".shared .align 16 .b8 tile[512];\n");
  };
  for (bool isTransposed : {false, true})
    for (unsigned count : {1u, 2u, 4u}) {
      std::string list = count == 1 ? "{%r4}" : count == 2 ? "{%r4, %r5}" : "{%r4, %r5, %r6, %r7}";
      std::vector<uint32_t> out =
          run("ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) +
                  (isTransposed ? ".trans" : "") + ".shared.b16 " + list + ", [%r10];\n",
              count);
      for (uint32_t lane = 0; lane < kLanes; ++lane)
        for (unsigned m = 0; m < count; ++m)
          for (unsigned i = 0; i < 2; ++i) {
            unsigned row = lane / 4, column = 2 * (lane % 4) + i;
            ASSERT_EQ(out[lane * count + m] >> (16 * i) & 0xffff,
                      isTransposed ? half(8 * m + column, row) : half(8 * m + row, column));
          }
    }
  // There and back, transposed by the store.
  std::vector<uint32_t> out =
      run("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r4, %r5, %r6, %r7}, [%r10];\n"
          "bar.sync 0;\n"
          "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%r10], {%r4, %r5, %r6, %r7};\n"
          "bar.sync 0;\n"
          "ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%r10];\n",
          4);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    for (unsigned j = 0; j < 8; ++j)
      ASSERT_EQ(out[lane * 4 + j / 2] >> (16 * (j & 1)) & 0xffff, half(lane / 8 * 8 + j, lane % 8));
  out = run("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r5}, [%r10];\n"
            "movmatrix.sync.aligned.m8n8.trans.b16 %r4, %r5;\n",
            1);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    EXPECT_EQ(out[lane], half(2 * (lane % 4), lane / 4) | half(2 * (lane % 4) + 1, lane / 4) << 16);
}

// Each lane at a place of its own: the old value comes back, the new one stands.
TEST(InstructionsWarp, AtomicsOfEveryOperation) {
  struct {
    const char *name, *type;
    std::function<uint64_t(uint64_t, uint64_t)> f;
  } table[] = {
      {"add", "u32", [](uint64_t m, uint64_t b) { return uint32_t(m + b); }},
      {"add", "s32", [](uint64_t m, uint64_t b) { return uint32_t(m + b); }},
      {"add", "u64", [](uint64_t m, uint64_t b) { return m + b; }},
      {"add", "f32",
       [](uint64_t m, uint64_t b) { return bits(add(f32(uint32_t(m)), f32(uint32_t(b)))); }},
      {"add", "f64", [](uint64_t m, uint64_t b) { return bits(add(f64(m), f64(b))); }},
      {"add.noftz", "f16x2",
       [](uint64_t m, uint64_t b) { return packed(addHalf<F16>, uint32_t(m), uint32_t(b)); }},
      {"add.noftz", "bf16x2",
       [](uint64_t m, uint64_t b) { return packed(addHalf<BF16>, uint32_t(m), uint32_t(b)); }},
      {"exch", "b32", [](uint64_t, uint64_t b) { return b; }},
      {"exch", "b64", [](uint64_t, uint64_t b) { return b; }},
      {"min", "u32", [](uint64_t m, uint64_t b) { return std::min(m, b); }},
      {"max", "u32", [](uint64_t m, uint64_t b) { return std::max(m, b); }},
      {"min", "s32",
       [](uint64_t m, uint64_t b) { return uint32_t(std::min(int32_t(m), int32_t(b))); }},
      {"max", "s64",
       [](uint64_t m, uint64_t b) { return uint64_t(std::max(int64_t(m), int64_t(b))); }},
      {"inc", "u32", [](uint64_t m, uint64_t b) { return m >= b ? 0 : m + 1; }},
      {"dec", "u32", [](uint64_t m, uint64_t b) { return m == 0 || m > b ? b : m - 1; }},
      {"and", "b32", [](uint64_t m, uint64_t b) { return m & b; }},
      {"or", "b64", [](uint64_t m, uint64_t b) { return m | b; }},
      {"xor", "b32", [](uint64_t m, uint64_t b) { return m ^ b; }}};
  for (const auto &row : table)
    for (const char *space : {"global", "shared"}) {
      bool isWide = std::string(row.type).ends_with("64"), isShared = space[0] == 's';
      std::vector<uint32_t> in = randomWords(kLanes * 4, 7);
      if (row.type[0] == 'f' && row.type[1] != '1') // ordinary numbers
        for (uint32_t &x : in)
          x = (x & 0x807fffff) | 0x3f800000;
      std::string r = isWide ? "%q" : "%r", bits = isWide ? ".b64" : ".b32",
                  address = isShared ? "[%r10]" : "[%q0]";
      // The output's second half is the memory.
      std::string body = "mad.wide.u32 %q1, %t, 16, %in;\nld.global" + bits + " " + r +
                         "2, [%q1];\nld.global" + bits + " " + r +
                         "3, [%q1+8];\n"
                         "mad.wide.u32 %q0, %t, 8, %out;\nadd.u64 %q0, %q0, 256;\nshl.b32 %r10, "
                         "%t, 3;\nmov.b32 %r11, tile;\nadd.u32 %r10, %r10, %r11;\n"
                         "st." +
                         space + bits + " " + address + ", " + r +
                         "2;\n"
                         "atom." +
                         space + "." + row.name + "." + row.type + " " + r + "4, " + address +
                         ", " + r +
                         "3;\n"
                         "mad.wide.u32 %q1, %t, 8, %out;\nst.global" +
                         bits + " [%q1], " + r + "4;\n" +
                         (isShared ? "ld.shared" + bits + " " + r + "5, [%r10];\nst.global" + bits +
                                         " [%q0], " + r + "5;\n"
                                   : "");
      std::vector<uint32_t> out =
          runKernel(body, in, kLanes * 4, kLanes, ".shared .align 8 .b8 tile[256];\n");
      for (uint32_t lane = 0; lane < kLanes; ++lane) {
        auto word = [&](const std::vector<uint32_t> &from, size_t at) {
          return isWide ? uint64_t(from[at + 1]) << 32 | from[at] : from[at];
        };
        uint64_t memory = word(in, lane * 4), operand = word(in, lane * 4 + 2);
        ASSERT_EQ(hex(word(out, lane * 2)), hex(memory))
            << row.name << "." << row.type << " " << space;
        ASSERT_EQ(hex(word(out, 64 + lane * 2)), hex(row.f(memory, operand)))
            << row.name << "." << row.type << " " << space;
      }
    }
}

TEST(InstructionsWarp, AtomicsOfAllLanesAtOnePlace) {
  std::vector<uint32_t> in(kLanes);
  for (uint32_t i = 0; i < kLanes; ++i)
    in[i] = i;
  std::vector<uint32_t> out =
      runKernel("setp.ne.b32 %p0, %t, 0;\n@!%p0 st.global.b32 [%out], 1000;\nbar.sync 0;\n"
                "red.global.add.u32 [%out], %t;\natom.global.add.u32 %r1, [%out], 1;\nbar.sync 0;\n"
                "atom.global.cas.b32 %r2, [%out], 1528, 77;\n"
                "mad.wide.u32 %q0, %t, 4, %out;\nst.global.b32 [%q0+4], %r1;\n",
                in, kLanes + 1);
  // 1000 + 496, then each lane gets a number of its own.
  std::sort(out.begin() + 1, out.end());
  EXPECT_EQ(out[0], 77u);
  for (uint32_t i = 0; i < kLanes; ++i)
    EXPECT_EQ(out[1 + i], 1496 + i);
}

TEST(InstructionsWarp, SpacesAndVectors) {
  std::vector<uint32_t> in = randomWords(kLanes * 4, 9);
  // Through shared and local memory by generic addresses, vectors cut and joined.
  std::string body =
      "mad.wide.u32 %q0, %t, 16, %in;\n"
      "ld.global.nc.L1::no_allocate.v4.u32 {%r0, %r1, %r2, %r3}, [%q0];\n"
      "mov.b64 %q1, tile;\ncvta.shared.u64 %q2, %q1;\nmad.wide.u32 %q2, %t, 16, %q2;\n"
      "st.v2.b32 [%q2], {%r0, %r1};\nst.shared.v2.b32 [%q1+8], {%r2, %r3};\n"
      "isspacep.shared %p1, %q2;\nisspacep.global %p2, %q2;\nisspacep.global %p3, %out;\n"
      "mov.b64 %q3, stack;\ncvta.local.u64 %q4, %q3;\n"
      "st.local.b32 [%q3+4], %r0;\nst.local.b16 [%q3], %h0;\nld.b32 %r4, [%q4+4];\n"
      "cvta.to.local.u64 %q5, %q4;\nst.local.u8 [%q5+4], %r1;\nld.local.s8 %r5, "
      "[stack+4];\nld.local.u16 %r6, [stack+6];\n"
      "ld.const.u32 %r7, [numbers+4];\n"
      "selp.b32 %r8, 1, 0, %p1;\nselp.b32 %r9, 2, 0, %p2;\nor.b32 %r8, %r8, %r9;\nselp.b32 %r9, 4, "
      "0, %p3;\nor.b32 %r8, %r8, %r9;\n"
      "ld.shared.b64 %q6, [%q1];\n"
      "mad.wide.u32 %q0, %t, 32, %out;\n"
      "st.global.v4.b32 [%q0], {%r4, %r5, %r6, %r7};\nst.global.b32 [%q0+16], %r8;\n"
      "ld.b64 %q7, [%q2];\nst.global.b64 [%q0+24], %q7;\nst.global.b32 [%q0+20], 0;\n";
  // One lane: the others would write the same shared bytes.
  std::string module = "mov.b16 %h0, 3;\n" + body;
  std::vector<uint32_t> out = runKernel(
      module, in, 8, 1, ".shared .align 16 .b8 tile[1024];\n.local .align 8 .b8 stack[16];\n");
  EXPECT_EQ(out[0], in[0]);
  EXPECT_EQ(out[1], uint32_t(int8_t(in[1])));
  EXPECT_EQ(out[2], in[0] >> 16);
  EXPECT_EQ(out[3], 0x12345678u);
  EXPECT_EQ(out[4], 5u);
  EXPECT_EQ(out[6], in[0]);
  EXPECT_EQ(out[7], in[1]);
}

TEST(InstructionsWarp, AsynchronousCopies) {
  std::vector<uint32_t> in = randomWords(kLanes * 4, 11);
  std::string body =
      "mov.b32 %r0, tile;\nshl.b32 %r1, %t, 4;\nadd.u32 %r0, %r0, %r1;\nmad.wide.u32 %q0, %t, 16, "
      "%in;\n"
      "cp.async.ca.shared.global [%r0], [%q0], 4;\ncp.async.ca.shared.global [%r0+8], [%q0+8], 8;\n"
      "cp.async.ca.shared.global [%r0+4], [%q0+4], 4, 0;\ncp.async.commit_group;\n"
      "cp.async.cg.shared.global [%r0+512], [%q0], 16, 12;\ncp.async.commit_group;\n"
      "cp.async.wait_group 1;\nld.shared.v4.b32 {%r2, %r3, %r4, %r5}, [%r0];\n"
      "cp.async.wait_all;\nld.shared.v4.b32 {%r6, %r7, %r8, %r9}, [%r0+512];\n"
      "mad.wide.u32 %q1, %t, 32, %out;\nst.global.v4.b32 [%q1], {%r2, %r3, %r4, "
      "%r5};\nst.global.v4.b32 [%q1+16], {%r6, %r7, %r8, %r9};\n";
  std::vector<uint32_t> out =
      runKernel(body, in, kLanes * 8, kLanes, ".shared .align 16 .b8 tile[1024];\n");
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    const uint32_t *x = &in[4 * lane], *r = &out[8 * lane];
    const uint32_t want[] = {x[0], 0, x[2], x[3], x[0], x[1], x[2], 0};
    for (unsigned i = 0; i < 8; ++i)
      EXPECT_EQ(r[i], want[i]) << lane << ", " << i;
  }
}

TEST(InstructionsWarp, SpecialRegisters) {
  std::vector<uint32_t> in(1);
  std::vector<uint32_t> out =
      runKernel("mov.u32 %r0, %laneid;\nmov.u32 %r1, %warpid;\nmov.u32 %r2, %ntid.x;\nmov.u32 %r3, "
                "%lanemask_lt;\n"
                "mov.u32 %r4, %lanemask_ge;\nmov.u32 %r5, %nctaid.y;\nmov.u64 %q3, "
                "%clock64;\nmov.u32 %r6, %tid.y;\n"
                "mad.wide.u32 %q1, %t, 32, %out;\nst.global.v4.b32 [%q1], {%r0, %r1, %r2, "
                "%r3};\nst.global.v4.b32 [%q1+16], {%r4, %r5, %r6, %r6};\n",
                in, 64 * 8, 64);
  for (uint32_t thread = 0; thread < 64; ++thread) {
    uint32_t lane = thread % 32;
    const uint32_t want[] = {lane, thread / 32, 64, (1u << lane) - 1, ~0u << lane, 1, 0};
    for (unsigned i = 0; i < 7; ++i)
      EXPECT_EQ(out[8 * thread + i], want[i]) << thread << ", " << i;
  }
}

// What only makes hardware faster leaves all values alone; exit ends lanes.
TEST(InstructionsWarp, HintsChangeNothing) {
  std::vector<uint32_t> a = randomWords(kLanes, 15);
  std::vector<uint32_t> out = perLane("griddepcontrol.wait;\ngriddepcontrol.launch_dependents;\n"
                                      "nanosleep.u32 100;\nprefetch.global.L2 [%q0];\n"
                                      "prefetchu.L1 [%q0];\nsetmaxnreg.inc.sync.aligned.u32 240;\n"
                                      "membar.gl;\nfence.acq_rel.gpu;\nfence.sc.cta;\n"
                                      "ldu.global.b32 %r10, [%q0];\n",
                                      a);
  EXPECT_EQ(out, a);
  out = perLane("mov.b32 %r10, %r1;\nsetp.lt.u32 %p1, %t, 5;\n@%p1 exit;\n", a);
  for (uint32_t lane = 0; lane < kLanes; ++lane)
    EXPECT_EQ(out[lane], lane < 5 ? 0xcdcdcdcd : a[lane]);
}

} // namespace
