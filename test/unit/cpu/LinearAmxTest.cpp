// Projections by tile registers: whole tiles, and what does not fill one.
#include "test/unit/cpu/CpuLab.h"
#include "test/unit/lab/KernelTexts.h"
#include "test/unit/lab/Precisions.h"

#include "passes/target/Target.h"
#include "runtime/device/cpu/CpuFeatures.h"

using namespace mamba;

namespace {

/// Rows of bf16, the matrix in that format, and which results are bf16.
KernelText tileText(const LinearForm &form, Narrow which,
                    const std::string &precision = "bf16") {
  KernelText text = linearText(form);
  // Integers times their scale are rounded.
  if (precision != "bf16")
    text.tolerance = 2e-2;
  text = narrowRows(storeMatrix(text, "w", precision), "bf16", Narrow::Inputs);
  if (which == Narrow::Inputs)
    return text;
  return narrowRows(text, "bf16",
                    which == Narrow::Both ? Narrow::Results : which);
}

class TileKernels : public EachTarget {
protected:
  /// On numbers of rows around those of a tile and of a block of rows.
  void checkAroundTiles(const std::vector<KernelText> &texts,
                        std::initializer_list<int64_t> numbersOfRows = {
                            1, 15, 32, 33, 64, 95, 129}) {
    LabKernels kernels = lab.compile(texts);
    ASSERT_EQ(kernels.size(), texts.size());
    for (const auto &kernel : kernels) {
      EXPECT_NE(kernel->describe().find("mma = 32"), std::string::npos)
          << kernel->describe();
      for (int64_t rows : numbersOfRows) {
        SCOPED_TRACE(kernel->describe() + " rows " + std::to_string(rows));
        kernel->checkOn(shuffledBatch({rows}, random), random);
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, TileKernels,
                         testing::Values("cpu:x86-64-v4-amx"), targetTestName);

// Each size once as K and once as O.
constexpr std::pair<int64_t, int64_t> shapes[] = {
    {1, 33}, {33, 96}, {32, 32}, {31, 64}, {64, 31},
    {77, 1}, {96, 45}, {45, 77}, {200, 100}};

TEST_P(TileKernels, Plain) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes)
    texts.push_back(tileText({.K = K, .O = O}, Narrow::Inputs));
  checkAroundTiles(texts);
}

TEST_P(TileKernels, WithAllAroundThem) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes)
    for (Narrow which : {Narrow::Inputs, Narrow::Both, Narrow::TwoResults})
      texts.push_back(tileText(drawnLinear(K, O, random), which));
  checkAroundTiles(texts);
}

TEST_P(TileKernels, Integers) {
  std::vector<KernelText> texts;
  for (auto [K, O] : shapes)
    for (const char *precision : {"int8", "int4"})
      texts.push_back(tileText(drawnLinear(K, O, random), Narrow::Inputs, precision));
  checkAroundTiles(texts);
}

TEST_P(TileKernels, EachScheduleAndRaggedBatches) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 10; ++i) {
    // Every other K fills its products: whole rows are read where they lie.
    int64_t K = i % 2 ? 32 * random.integer(1, 5) : random.integer(1, 170);
    texts.push_back(tileText(drawnLinear(K, random.integer(1, 140), random), Narrow::Inputs));
    texts.back().schedule = schedule({{"lanes", 16},
                                      {"row_block", 32 * random.integer(1, 3)},
                                      {"col_block", 32 * random.integer(1, 3)},
                                      {"col_tile", 32},
                                      {"k_block", 32 * random.integer(1, 4)},
                                      {"mma", 32}});
  }
  checkAroundTiles(texts);
  checkAll(texts);
}

// Up to 16 rows and beyond, and where multiply-adds take over: four rows.
TEST_P(TileKernels, FewRows) {
  std::vector<KernelText> texts;
  for (int64_t K : {32, 64, 96, 320})
    for (Narrow which : {Narrow::Inputs, Narrow::Both, Narrow::TwoResults}) {
      texts.push_back(tileText(drawnLinear(K, random.integer(1, 300), random), which));
      texts.back().tokenClass = random.integer(0, 1) ? "few" : "decode";
    }
  checkAroundTiles(texts, {1, 4, 5, 8, 15, 16, 17, 20, 21, 37});
}

TEST_P(TileKernels, FewRowsOfEachScheduleAndRaggedBatches) {
  std::vector<KernelText> texts;
  for (int i = 0; i < 8; ++i) {
    texts.push_back(tileText(
        drawnLinear(32 * random.integer(1, 5), random.integer(1, 200), random), Narrow::Inputs));
    texts.back().tokenClass = "few";
    texts.back().schedule = schedule({{"lanes", 16},
                                      {"row_block", 16 * random.integer(1, 3)},
                                      {"col_block", 32 * random.integer(1, 4)},
                                      {"row_tile", random.integer(1, 6)},
                                      {"col_tile", 32},
                                      {"mma", 32}});
  }
  checkAroundTiles(texts, {3, 5, 16, 33});
  checkAll(texts);
}

// Rows of f32 keep their precision, rows whose K fills no products and integers
// are multiplied as they are, and what must not change its bits has no tiles.
TEST_P(TileKernels, OnlyRowsOfBf16) {
  LinearForm form = {.K = 64, .O = 64}, odd = {.K = 80, .O = 64};
  std::vector<KernelText> texts = {
      storeMatrix(linearText(form), "w", "bf16"),
      tileText(odd, Narrow::Inputs), tileText(form, Narrow::Inputs),
      tileText(form, Narrow::Inputs, "int8")};
  texts[1].tokenClass = texts[3].tokenClass = "few";
  texts[2].tokenClass = "invariant";
  LabKernels kernels = lab.compile(texts);
  ASSERT_EQ(kernels.size(), texts.size());
  for (const auto &kernel : kernels) {
    EXPECT_EQ(kernel->describe().find("mma"), std::string::npos)
        << kernel->describe();
    kernel->check(random);
  }
}

//===----------------------------------------------------------------------===//
// The target
//===----------------------------------------------------------------------===//

Target targetNamed(const std::string &name) {
  std::string error;
  auto target = parseTarget(name, error);
  EXPECT_TRUE(succeeded(target)) << error;
  return target.value_or(Target());
}

TEST(TileTarget, HasWhatV4HasAndMore) {
  Target plain = targetNamed("cpu:x86-64-v4"),
         tiles = targetNamed("cpu:x86-64-v4-amx");
  for (const std::string &feature : plain.features)
    EXPECT_TRUE(tiles.has(feature)) << feature;
  for (const char *feature : {"amx-bf16", "amx-int8", "amx-tile", "avx512bf16",
                              "avx512vnni", "prfchw"}) {
    EXPECT_TRUE(tiles.has(feature)) << feature;
    EXPECT_FALSE(plain.has(feature)) << feature;
  }
  EXPECT_EQ(tiles.features.size(), plain.features.size() + 6);
  EXPECT_TRUE(tiles.roundsToBf16);
  EXPECT_FALSE(plain.roundsToBf16);
}

// Where the operating system refuses tiles, code for this machine has none.
TEST(TileTarget, NativeAsksTheOperatingSystem) {
  CpuFeatures features = CpuFeatures::detect();
  bool has = features.has("amx-bf16") && features.has("amx-int8") &&
             features.has("amx-tile") && features.has("prfchw") &&
             requestAmx().ok();
  for (const char *feature : {"amx-bf16", "amx-int8", "amx-tile"})
    EXPECT_EQ(targetNamed("cpu:native").has(feature), has) << feature;
}

TEST(TileTarget, OthersOfTheirKindAreUnknown) {
  for (const char *name : {"cpu:x86-64-v4-", "cpu:x86-64-v3-amx", "cpu:x86-64-v5"}) {
    std::string error;
    EXPECT_TRUE(failed(parseTarget(name, error)));
    EXPECT_EQ(error.find("target '" + std::string(name) +
                         "' is not supported by this version; known: "
                         "cpu:native, cpu:x86-64-v3, cpu:x86-64-v4, "
                         "cpu:x86-64-v4-vnni, cpu:x86-64-v4-amx, cpu:aarch64, "
                         "cpu:aarch64-dotprod, cpu:aarch64-bf16, cuda:sm_75"),
              0u)
        << error;
  }
}

} // namespace
