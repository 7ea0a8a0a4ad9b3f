// The key of a kernel, and its space of schedules.
#include "compiler/pipeline/Pipeline.h"
#include "compiler/tune/Space.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <set>

using namespace mlir;
using namespace mamba;

namespace {

constexpr const char *kModule = R"mlir(
func.func @decode(%x: tensor<?x96xbf16>, %w: tensor<64x96xf32>) -> tensor<?x64xbf16>
    attributes {ssm.class = "decode"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x96xbf16>, tensor<64x96xf32>) -> tensor<?x64xbf16> {
    %c = ssm.cast %a : tensor<?x96xbf16> to tensor<?x96xf32>
    %n = ssm.rms_norm %c eps 1.0e-05 : tensor<?x96xf32>
    %l = ssm.linear %n, %b : tensor<?x96xf32>, tensor<64x96xf32> -> tensor<?x64xf32>
    %r = ssm.cast %l : tensor<?x64xf32> to tensor<?x64xbf16>
    ssm.yield %r : tensor<?x64xbf16>
  }
  return %y : tensor<?x64xbf16>
}
func.func @prefill(%x: tensor<?x96xf32>, %w: tensor<64x96xf32>, %v: tensor<96x64xf32>) -> tensor<?x96xf32>
    attributes {ssm.class = "prefill"} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x96xf32>, tensor<64x96xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  %z = ssm.kernel (%a = %y, %b = %v) : (tensor<?x64xf32>, tensor<96x64xf32>) -> tensor<?x96xf32> {
    %l = ssm.linear %a, %b : tensor<?x64xf32>, tensor<96x64xf32> -> tensor<?x96xf32>
    ssm.yield %l : tensor<?x96xf32>
  }
  %s = ssm.kernel (%a = %z) : (tensor<?x96xf32>) -> tensor<?x96xf32> {
    %l = ssm.silu %a : tensor<?x96xf32>
    ssm.yield %l : tensor<?x96xf32>
  }
  %t = ssm.kernel (%a = %s) : (tensor<?x96xf32>) -> tensor<?x96xf32> {
    %l = ssm.silu %a : tensor<?x96xf32>
    ssm.yield %l : tensor<?x96xf32>
  }
  return %t : tensor<?x96xf32>
}
)mlir";

class Space : public testing::Test {
protected:
  Space() {
    DialectRegistry registry;
    registerCompiler(registry);
    context.appendDialectRegistry(registry);
    std::string error;
    target = *parseTarget("cpu:x86-64-v4", error);
    module = parseSourceString<ModuleOp>(kModule, &context);
    Result<std::vector<TunedKernel>> found = tunedKernels(*module, target, StepSize());
    EXPECT_TRUE(found.ok());
    kernels = *found;
  }

  MLIRContext context;
  Target target;
  OwningOpRef<ModuleOp> module;
  std::vector<TunedKernel> kernels;
};

TEST_F(Space, KeysSayWhatDecides) {
  ASSERT_EQ(kernels.size(), 4u);
  EXPECT_EQ(kernels[0].key.text(),
            "linear cast+rms_norm+linear+cast bf16,f32->bf16 decode 96x64");
  EXPECT_EQ(kernels[1].key.text(), "linear linear f32,f32->f32 prefill 96x64");
  EXPECT_EQ(kernels[2].key.text(), "linear linear f32,f32->f32 prefill 64x96");
  EXPECT_EQ(kernels[3].key.text(), "rows silu f32->f32 prefill 96");
  EXPECT_EQ(kernels[3].uses, 2u);
  for (const TunedKernel &kernel : kernels)
    EXPECT_EQ(ScheduleKey::parse(kernel.key.text()), kernel.key);
}

// A head that reads the last rows alone has few, however long the prompts are.
TEST_F(Space, LastRowsAreFew) {
  OwningOpRef<ModuleOp> heads = parseSourceString<ModuleOp>(R"mlir(
func.func @prefill(%x: tensor<?x96xf32>, %w: tensor<64x96xf32>, %batch: !ssm.batch)
    -> (tensor<?x64xf32>, tensor<?x64xf32>) attributes {ssm.class = "prefill"} {
  %r = ssm.kernel (%a = %x, %b = %batch) : (tensor<?x96xf32>, !ssm.batch) -> tensor<?x96xf32> {
    %l = ssm.last_rows %a of %b : tensor<?x96xf32> -> tensor<?x96xf32>
    ssm.yield %l : tensor<?x96xf32>
  }
  %y = ssm.kernel (%a = %r, %b = %w) : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x96xf32>, tensor<64x96xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  %z = ssm.kernel (%a = %x, %b = %w) : (tensor<?x96xf32>, tensor<64x96xf32>) -> tensor<?x64xf32> {
    %l = ssm.linear %a, %b : tensor<?x96xf32>, tensor<64x96xf32> -> tensor<?x64xf32>
    ssm.yield %l : tensor<?x64xf32>
  }
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}
)mlir", &context);
  ASSERT_TRUE(heads);
  Result<std::vector<TunedKernel>> found = tunedKernels(*heads, target, StepSize());
  ASSERT_TRUE(found.ok()) << found.status().message();
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].lengths, std::vector<int64_t>{512}) << "it reads all rows";
  EXPECT_EQ((*found)[1].key.text(), "linear linear f32,f32->f32 few 96x64");
  EXPECT_EQ((*found)[1].lengths, std::vector<int64_t>{1});
  EXPECT_EQ((*found)[2].key.text(), "linear linear f32,f32->f32 prefill 96x64");
  EXPECT_EQ((*found)[2].lengths, std::vector<int64_t>{512});
}

TEST_F(Space, DefaultComesFirstAndNoneIsTwice) {
  for (const TunedKernel &kernel : kernels) {
    // Of a row nothing but columns is cut, and these are one block.
    EXPECT_EQ(kernel.candidates.size() > 1, kernel.tokens != TokenClass::Decode);
    OwningOpRef<ModuleOp> alone = parseSourceString<ModuleOp>(kernel.module, &context);
    ASSERT_TRUE(alone);
    ssm::KernelOp op;
    alone->walk([&](ssm::KernelOp found) { op = found; });
    std::string reason;
    const KernelGenerator *generator = findGenerator(op, target, reason);
    ASSERT_TRUE(generator) << reason;
    auto own = generator->schedule(op, target, kernel.tokens);
    EXPECT_EQ(kernel.candidates.front(), Schedule::of(own));
    for (size_t i = 0; i < kernel.candidates.size(); ++i) {
      ssm::ScheduleAttr schedule = kernel.candidates[i].get(&context);
      EXPECT_TRUE(generator->isLegal(op, target, schedule, reason)) << reason;
      EXPECT_TRUE(generator->keepsLayout(op, own, schedule));
      for (size_t j = 0; j < i; ++j)
        EXPECT_NE(kernel.candidates[i], kernel.candidates[j]);
    }
  }
}

// What changes nothing in the step that is timed is not tried.
TEST_F(Space, OnlyWhatMattersIsVaried) {
  std::string text;
  for (std::string tokens : {"decode", "few", "prefill"})
    text += "func.func @" + tokens + R"mlir((%x: tensor<?x1536xbf16>, %w: tensor<80x1536xbf16>, %v: tensor<512x1536xbf16>)
    -> (tensor<?x80xf32>, tensor<?x512xf32>) attributes {ssm.class = ")mlir" + tokens + R"mlir("} {
  %y = ssm.kernel (%a = %x, %b = %w) : (tensor<?x1536xbf16>, tensor<80x1536xbf16>) -> tensor<?x80xf32> {
    %c = ssm.cast %a : tensor<?x1536xbf16> to tensor<?x1536xf32>
    %l = ssm.linear %c, %b : tensor<?x1536xf32>, tensor<80x1536xbf16> -> tensor<?x80xf32>
    ssm.yield %l : tensor<?x80xf32>
  }
  %z = ssm.kernel (%a = %x, %b = %v) : (tensor<?x1536xbf16>, tensor<512x1536xbf16>) -> tensor<?x512xf32> {
    %c = ssm.cast %a : tensor<?x1536xbf16> to tensor<?x1536xf32>
    %l = ssm.linear %c, %b : tensor<?x1536xf32>, tensor<512x1536xbf16> -> tensor<?x512xf32>
    ssm.yield %l : tensor<?x512xf32>
  }
  return %y, %z : tensor<?x80xf32>, tensor<?x512xf32>
}
)mlir";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  std::string error;
  Target amx = *parseTarget("cpu:x86-64-v4-amx", error);
  amx.l1Bytes = 48 << 10;
  amx.l2Bytes = 2 << 20;
  Result<std::vector<TunedKernel>> found = tunedKernels(*module, amx, StepSize());
  ASSERT_TRUE(found.ok()) << found.status().message();
  auto valuesOf = [&](std::string key, int64_t Schedule::*parameter) {
    std::set<int64_t> values;
    for (const TunedKernel &kernel : *found)
      if (kernel.key.text().ends_with(key))
        for (const Schedule &schedule : kernel.candidates)
          values.insert(schedule.*parameter);
    return values;
  };
  using Values = std::set<int64_t>;
  EXPECT_EQ(valuesOf("prefill 1536x80", &Schedule::colBlock), Values{96}) << "it has all columns";
  EXPECT_EQ(valuesOf("prefill 1536x512", &Schedule::colBlock).size(), 4u) << "near miss";
  EXPECT_EQ(valuesOf("prefill 1536x80", &Schedule::kBlock), (Values{512, 768, 1536}));
  EXPECT_EQ(valuesOf("prefill 1536x80", &Schedule::rowBlock), (Values{32, 64, 128, 256}));
  for (std::string tokens : {"decode ", "few "}) {
    EXPECT_EQ(valuesOf(tokens + "1536x80", &Schedule::rowTile).size(), 1u);
    EXPECT_EQ(valuesOf(tokens + "1536x80", &Schedule::rowBlock).size(), 1u);
    EXPECT_EQ(valuesOf(tokens + "1536x80", &Schedule::colBlock), (Values{32, 64, 128}));
  }
}

TEST_F(Space, OtherPanelsAreAnotherLayout) {
  OwningOpRef<ModuleOp> alone = parseSourceString<ModuleOp>(kernels[1].module, &context);
  ssm::KernelOp op;
  alone->walk([&](ssm::KernelOp found) { op = found; });
  std::string reason;
  const KernelGenerator *generator = findGenerator(op, target, reason);
  auto own = generator->schedule(op, target, TokenClass::Prefill);
  Schedule rows = Schedule::of(own), panels = rows;
  rows.rowBlock *= 2;
  panels.colTile = panels.colBlock = rows.colTile == 16 ? 32 : 16;
  EXPECT_TRUE(generator->keepsLayout(op, own, rows.get(&context)));
  EXPECT_FALSE(generator->keepsLayout(op, own, panels.get(&context)));
  EXPECT_TRUE(generator->isLegal(op, target, panels.get(&context), reason)) << reason;
}

} // namespace
