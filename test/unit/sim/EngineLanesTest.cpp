// The copies of the lane handlers for several instruction sets: the same bits.
#include "runtime/device/sim/Lanes.h"
#include "runtime/device/sim/Warp.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <random>

using namespace mamba;
using namespace mamba::sim;
using ptx::Type;

namespace {
constexpr Type kTypes[] = {Type::B8,   Type::B16,   Type::B32,  Type::B64,    Type::U8,  Type::U16,
                           Type::U32,  Type::U64,   Type::S8,   Type::S16,    Type::S32, Type::S64,
                           Type::F16,  Type::F16x2, Type::BF16, Type::BF16x2, Type::F32, Type::F64};

/// A warp whose rows d, a, b, c and n hold numbers of every kind.
struct Bench {
  static constexpr uint32_t kD = 0, kA = 512, kB = 1024, kC = 1536, kN = 2048, kBytes = 2560;
  alignas(64) uint8_t rows[kBytes];
  uint32_t preds[8] = {0, kAllLanes, 0, 0x0f0f3355, 0x12345678, 0, 0, 0};
  uint32_t more[1] = {kN};
  Warp warp;

  explicit Bench(uint64_t seed, uint32_t mask) {
    std::mt19937_64 random(seed);
    for (uint32_t at = 0; at < kBytes; at += 4) {
      // Small numbers, powers, edges of floats, anything.
      static constexpr uint32_t edges[] = {0,          1,          ~0u,        0x80000000,
                                           0x7fffffff, 0x3f800000, 0x7f800000, 0xff800000,
                                           0x7fc00000, 0x00000123, 0x3c003c00, 0x7c00fc00};
      uint32_t word = uint32_t(random());
      switch (random() % 5) {
      case 0: word = edges[word % std::size(edges)]; break;
      case 1: word %= 70; break;
      case 2: word = 0x3f000000 + (word & 0x81ffffff); break;
      default: break;
      }
      std::memcpy(rows + at, &word, 4);
    }
    warp.rows = rows;
    warp.preds = preds;
    warp.mask = warp.active = warp.alive = mask;
    warp.carry = 0x55aa1234;
  }
};

/// Runs the handler of every unit and compares all that it may have changed.
void compareUnits(const std::function<Handler(const LaneUnit &)> &choose, uint32_t flags,
                  const std::string &what) {
  const auto &units = laneUnits();
  for (uint32_t mask : {kAllLanes, 0x80000001u, 0x00ff3c5au})
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      std::vector<std::unique_ptr<Bench>> benches;
      for (const LaneUnit *unit : units) {
        Handler run = choose(*unit);
        ASSERT_EQ(run == nullptr, choose(*units.back()) == nullptr) << what;
        if (!run)
          return;
        numerics::IeeeMode ieee;
        auto bench = std::make_unique<Bench>(seed, mask);
        Inst inst;
        inst.run = run;
        inst.d = Bench::kD;
        inst.a = Bench::kA;
        inst.b = Bench::kB;
        inst.c = Bench::kC;
        inst.more = bench->more;
        inst.flags = flags;
        inst.imm = 0xe8;
        ASSERT_EQ(run(bench->warp, &inst), &inst + 1) << what;
        benches.push_back(std::move(bench));
      }
      for (auto &bench : benches) {
        EXPECT_EQ(std::memcmp(bench->rows, benches.back()->rows, Bench::kBytes), 0) << what;
        EXPECT_EQ(std::memcmp(bench->preds, benches.back()->preds, sizeof bench->preds), 0) << what;
        EXPECT_EQ(bench->warp.carry, benches.back()->warp.carry) << what;
      }
    }
}
} // namespace

TEST(EngineLanes, Integers) {
  for (unsigned op = 0; op < unsigned(IntOp::SlctF32) + 1; ++op) {
    if (IntOp(op) == IntOp::Selp)
      continue; // takes a predicate for c
    for (Type type : kTypes)
      for (uint32_t flags : {0u, 3u})
        compareUnits([&](const LaneUnit &u) { return u.integer(IntOp(op), type); }, flags,
                     "integer " + std::to_string(op) + " of type " + std::to_string(int(type)));
  }
}

TEST(EngineLanes, Floats) {
  for (unsigned op = 0; op <= unsigned(FloatOp::Tanh); ++op)
    for (Type type : kTypes)
      for (unsigned bits = 0; bits < 8; ++bits) {
        FloatMode mode{!(bits & 1), bool(bits & 2), bool(bits & 4)};
        uint32_t flags = uint32_t(numerics::Round::Down) | (bits & 2) << 2 | (bits & 4) << 2;
        compareUnits([&](const LaneUnit &u) { return u.floating(FloatOp(op), type, mode); }, flags,
                     "float " + std::to_string(op) + " of type " + std::to_string(int(type)) +
                         " in mode " + std::to_string(bits));
      }
}

TEST(EngineLanes, Conversions) {
  using numerics::Conversion;
  using numerics::Round;
  for (Type to : kTypes)
    for (Type from : kTypes) {
      auto isKnown = [](Type t) {
        return t >= Type::U8 && t != Type::F16x2 && t != Type::BF16x2 && t != Type::TF32;
      };
      if (!isKnown(to) || !isKnown(from))
        continue;
      for (Round round : {Round::NearestEven, Round::Zero, Round::Up})
        for (unsigned bits = 0; bits < 8; ++bits) {
          Conversion c;
          c.to = to;
          c.from = from;
          c.round = round;
          c.isIntegral = bits & 1;
          c.isSaturated = bits & 2;
          c.isFlushed = bits & 4;
          bool isFromWide = ptx::bytesOf(from) == 8, isToWide = ptx::bytesOf(to) == 8;
          compareUnits([&](const LaneUnit &u) { return u.conversion(c, isFromWide, isToWide); },
                       ConversionCode(c, isFromWide, isToWide).bits,
                       "conversion from " + std::to_string(int(from)) + " to " +
                           std::to_string(int(to)));
        }
    }
}

// Comparisons write predicates; their rows are read only.
TEST(EngineLanes, Comparisons) {
  for (unsigned op = 0; op <= unsigned(numerics::Compare::Nan); ++op)
    for (Type type : kTypes)
      for (bool isFtz : {false, true}) {
        const auto &units = laneUnits();
        for (uint64_t seed = 1; seed <= 4; ++seed) {
          std::vector<uint32_t> results;
          for (const LaneUnit *unit : units) {
            Handler run = unit->compare(numerics::Compare(op), type, isFtz);
            if (!run)
              continue;
            Bench bench(seed, 0xfffffffd);
            Inst inst;
            inst.d = 5 * 2;
            inst.imm = 6 * 2;
            inst.a = Bench::kA;
            inst.b = Bench::kB;
            inst.c = 3 * 2;
            inst.flags = uint32_t(Combine::And);
            run(bench.warp, &inst);
            results.push_back(bench.preds[5]);
            results.push_back(bench.preds[6]);
          }
          for (size_t k = 2; k < results.size(); ++k)
            EXPECT_EQ(results[k], results[k - 2]) << op << " of type " << int(type);
        }
      }
}
