#include "compiler/pack/BuildPack.h"
#include "compiler/pack/PlanToManifest.h"
#include "runtime/pack/Pack.h"
#include "runtime/support/File.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <unistd.h>

using namespace mamba;
namespace fs = std::filesystem;

namespace {

class BuildPackTest : public testing::Test {
protected:
  BuildPackTest() {
    folder = fs::temp_directory_path() /
             ("packwriter_tests." + std::to_string(::getpid()) + "." +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder);
    options.input = MAMBA_TEST_DATA "/golden/mamba1";
    options.output = path("x.mpk");
    options.targets = {"cpu:x86-64-v3"};
  }
  ~BuildPackTest() override { fs::remove_all(folder); }

  std::string path(const std::string &name) const { return (folder / name).string(); }

  std::string writeModule(const std::string &text) {
    EXPECT_TRUE(writeFileAtomically(path("m.mlir"), text).ok());
    return path("m.mlir");
  }

  std::shared_ptr<const Pack> buildAndOpen() {
    Status status = buildPack(options);
    EXPECT_TRUE(status.ok()) << status.message();
    auto pack = Pack::open(options.output);
    EXPECT_TRUE(pack.ok()) << pack.status().message();
    return pack.ok() ? *pack : nullptr;
  }

  std::string failure() {
    Status status = buildPack(options);
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(fs::exists(options.output)) << "a failed build leaves no file";
    EXPECT_EQ(status.message().find('\n'), std::string::npos);
    return status.message();
  }

  fs::path folder;
  BuildOptions options;
};

TEST_F(BuildPackTest, HoldsWhatTheFormatPromises) {
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack);
  const Manifest &manifest = pack->manifest();
  ASSERT_TRUE(manifest.model);
  EXPECT_EQ(manifest.model->vocabSize, 200u);
  EXPECT_TRUE(pack->configJson());
  EXPECT_TRUE(pack->verifyBlobs().ok());
  EXPECT_FALSE(pack->hasEmbeddedWeights());
  ASSERT_EQ(manifest.entries.size(), 3u);
  EXPECT_EQ(manifest.entries[0].name, "next");
  EXPECT_EQ(manifest.entries[0].outputs[0].rows, RowKind::S);
  EXPECT_EQ(manifest.entries[1].outputs[0].rows, RowKind::T);
  EXPECT_EQ(manifest.entries[2].name, "sample");
  ASSERT_EQ(manifest.entries[2].inputs.size(), 6u);
  EXPECT_EQ(manifest.entries[2].inputs[0].rows, RowKind::T);
  for (size_t i = 1; i < 6; ++i)
    EXPECT_EQ(manifest.entries[2].inputs[i].rows, RowKind::S);
  EXPECT_TRUE(manifest.entries[0].states[0].transposed);

  const TargetSpec &target = manifest.targets.at(0);
  std::set<std::string> meanings;
  for (const KernelSpec &kernel : target.kernels) {
    EXPECT_EQ(kernel.golden.size(), 1u) << kernel.symbol;
    EXPECT_TRUE(meanings.insert(kernel.ops + kernel.schedule + kernel.symbol.substr(0, 14)).second)
        << kernel.symbol << " is there twice";
  }
  for (const Program &program : target.programs) {
    EXPECT_EQ(program.bounds.maxLength.has_value(), program.className == "decode");
    EXPECT_EQ(program.bounds.maxTokens.has_value(), program.className == "few");
  }
}

TEST_F(BuildPackTest, TheSameInputGivesTheSameBytes) {
  buildAndOpen();
  auto first = readFile(options.output);
  options.output = path("y.mpk");
  buildAndOpen();
  auto second = readFile(options.output);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
}

TEST_F(BuildPackTest, EmbedsTheCheckpointsWeights) {
  options.embedWeights = true;
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack);
  for (const WeightSpec &weight : pack->manifest().checkpoint) {
    const TensorView *tensor = pack->embeddedWeight(weight.name);
    ASSERT_NE(tensor, nullptr) << weight.name;
    EXPECT_EQ(tensor->shape, weight.shape);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data) % 4096, 0u);
  }
}

TEST_F(BuildPackTest, SeveralTargetsShareEntriesAndWeights) {
  options.targets = {"cpu:x86-64-v4", "cpu:x86-64-v3"};
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack);
  EXPECT_EQ(pack->manifest().targets.size(), 2u);
  EXPECT_EQ(pack->manifest().entries.size(), 3u);
  EXPECT_NE(pack->manifest().targets[0].code, pack->manifest().targets[1].code);
}

TEST_F(BuildPackTest, BatchInvariantAddsPrograms) {
  options.batchInvariant = true;
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack);
  size_t invariant = 0;
  for (const Program &program : pack->manifest().targets[0].programs)
    invariant += program.invariant;
  EXPECT_EQ(invariant, 3u); // one an entry
}

TEST_F(BuildPackTest, ModelsHaveACheckIfItIsCheap) {
  std::string notes;
  options.note = [&](const std::string &line) { notes += line + "\n"; };
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack && pack->manifest().check);
  const CheckSpec &check = *pack->manifest().check;
  EXPECT_EQ(pack->manifest().entries[check.entry].name, "next");
  EXPECT_EQ(check.below, 200u);
  EXPECT_EQ(check.tolerance, 2e-4);
  auto samples = pack->golden(check.blob);
  ASSERT_TRUE(samples.ok()) << samples.status().message();
  EXPECT_EQ(samples->size(), 4u * 2 * 67);

  uint64_t elements = 0;
  for (const WeightSpec &weight : pack->manifest().checkpoint)
    elements += *tensorBytes(weight.dtype, weight.shape) / dtypeBytes(weight.dtype);
  options.cheapCheck = 34 * elements;
  EXPECT_TRUE(buildAndOpen()->manifest().check);
  EXPECT_EQ(notes.find("no end-to-end check"), std::string::npos) << notes;
  --options.cheapCheck;
  EXPECT_FALSE(buildAndOpen()->manifest().check);
  EXPECT_NE(notes.find("no end-to-end check: the reference would take up to "), std::string::npos)
      << notes;
  options.check = BuildOptions::Check::On;
  EXPECT_TRUE(buildAndOpen()->manifest().check);
  options.check = BuildOptions::Check::Off;
  EXPECT_FALSE(buildAndOpen()->manifest().check);
}

TEST_F(BuildPackTest, OneOperatorMakesAPack) {
  options.input = writeModule(R"(
func.func @activate(%x: tensor<?x24xf32> {ssm.name = "x"}) -> (tensor<?x24xf32> {ssm.name = "y"})
    attributes {ssm.entry = "activate"} {
  %y = ssm.silu %x : tensor<?x24xf32>
  return %y : tensor<?x24xf32>
})");
  auto pack = buildAndOpen();
  ASSERT_TRUE(pack);
  EXPECT_FALSE(pack->manifest().model);
  EXPECT_TRUE(pack->manifest().checkpoint.empty());
  EXPECT_EQ(pack->manifest().entries.at(0).inputs.at(0).name, "x");
}

TEST_F(BuildPackTest, ErrorsAreOneLine) {
  options.input = path("nothing");
  EXPECT_NE(failure().find("there is no"), std::string::npos);

  options.input = writeModule("func.func @f(");
  EXPECT_NE(failure().find("m.mlir:1:"), std::string::npos);

  options.input = writeModule("module {}");
  EXPECT_NE(failure().find("holds no function over ssm ops"), std::string::npos);

  options.input = writeModule("func.func @f(%x: tensor<?x8xf32>) { return }");
  EXPECT_NE(failure().find("returns nothing"), std::string::npos);

  options.targets = {"cpu:z80"};
  EXPECT_NE(failure().find("cpu:z80"), std::string::npos);
  options.targets = {"cuda:sm_42"};
  EXPECT_NE(failure().find("unknown target 'cuda:sm_42'"), std::string::npos);
  options.targets = {"cpu:native", "cpu:native"};
  EXPECT_NE(failure().find("named twice"), std::string::npos);
}

TEST_F(BuildPackTest, EmbeddingNeedsACheckpoint) {
  options.embedWeights = true;
  options.input = writeModule(R"(
func.func @activate(%x: tensor<?x24xf32>) -> tensor<?x24xf32> {
  %y = ssm.silu %x : tensor<?x24xf32>
  return %y : tensor<?x24xf32>
})");
  EXPECT_NE(failure().find("does not say where its weights are"), std::string::npos);
}

} // namespace
