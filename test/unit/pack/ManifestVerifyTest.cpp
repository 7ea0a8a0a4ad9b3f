// Attacks on the manifest: each is refused with a line that names the place.
#include "test/unit/pack/SampleManifest.h"

#include "runtime/support/Json.h"

#include <gtest/gtest.h>

using namespace mamba;
using Json = nlohmann::json;

namespace {

/// One place of the sample's JSON gets another value.
struct Attack {
  const char *place;
  Json value;
  const char *message; // Occurs in the failure.
};

} // namespace

static void expectRefused(const std::vector<Attack> &attacks) {
  const Json sample = Json::parse(writeManifest(sampleManifest()));
  for (const Attack &attack : attacks) {
    Json json = sample;
    Json::json_pointer pointer(attack.place);
    json[pointer] = attack.value;
    Result<Manifest> manifest = readManifest(json.dump(), "x.mpk");
    ASSERT_FALSE(manifest.ok()) << attack.place << " = " << attack.value;
    const std::string &message = manifest.status().message();
    EXPECT_EQ(manifest.status().code(), StatusCode::InvalidData);
    EXPECT_NE(message.find(attack.message), std::string::npos)
        << attack.place << " = " << attack.value << "\nsays " << message
        << "\nnot  " << attack.message;
    EXPECT_EQ(message.rfind("x.mpk: ", 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(ManifestVerify, Model) {
  expectRefused({
      {"/model", 3, "'model' must be an object, got"},
      {"/model/vocab_size", 0, "does not fit vocab_size 0"},
      {"/model/vocab_size", -1, "'vocab_size' must be"},
      {"/model/valid_vocab_size", 9,
       "valid_vocab_size 9 does not fit vocab_size 8"},
  });
}

TEST(ManifestVerify, Precisions) {
  expectRefused({
      {"/weights", "int3", "unknown precision 'int3' of weights"},
      {"/weights", "", "unknown precision '' of weights"},
      {"/activations", "int4", "unknown precision 'int4' of activations"},
      {"/activations", 16, "'activations' must be a string, got"},
  });
}

TEST(ManifestVerify, Checkpoint) {
  expectRefused({
      {"/checkpoint/0/name", "b", "'b' names more than one checkpoint weight"},
      {"/checkpoint/0/name", "", "checkpoint weight has an empty name"},
      {"/checkpoint/0/dtype", "F31",
       "checkpoint weight 'w': unknown dtype 'F31'"},
      {"/checkpoint/0/shape/0", -1, "'shape[0]' must be"},
      {"/checkpoint/0/shape",
       {int64_t(1) << 40, int64_t(1) << 40},
       "shape [1099511627776, 1099511627776] of F32 is not a tensor"},
      {"/checkpoint/0/dtype", "F6_E2M3", "is not a tensor"},
  });
}

TEST(ManifestVerify, Entries) {
  expectRefused({
      {"/entries/1/name", "next", "'next' names more than one entry"},
      {"/entries/1/inputs/1/name", "ids",
       "entry 'logits': 'ids' names more than one input"},
      {"/entries/1/inputs/1/rows", "U",
       "entry 'logits': input 'scale': 'rows' must be \"T\", \"S\" "
       "or \"1\", got 'U'"},
      {"/entries/1/inputs/1/below", 8,
       "tensor 'scale': 'below' needs dtype I32, got F32"},
      {"/entries/1/inputs/0/below", -1, "input 'ids': 'below' must be"},
      {"/entries/1/inputs/1/name", "conv_in",
       "entry 'logits': 'conv_in' names more than one input"},
      {"/entries/1/outputs/0/name", "conv_out",
       "entry 'logits': 'conv_out' names more than one output"},
      {"/entries/1/states/0/shape",
       {3, 5},
       "state 'conv.0' differs from the one of that name"},
      {"/entries/1/states/0/dtype", "BF16", "state 'conv.0' differs"},
      {"/entries/1/states/0/transposed", false, "state 'conv.0' differs"},
      {"/entries/0/states/0/shape", Json::array({3}),
       "a transposed state needs two dimensions, got shape [3]"},
      {"/entries/0/states/0/id", "", "a state has an empty name"},
      {"/entries/0/outputs/0/shape",
       {int64_t(1) << 50},
       "tensor 'logits': shape [1125899906842624] of F32"},
  });
  Json json = Json::parse(writeManifest(sampleManifest()));
  json["entries"][0]["states"].push_back(json["entries"][0]["states"][0]);
  EXPECT_NE(readManifest(json.dump(), "x")
                .status()
                .message()
                .find("'conv.0' names more than one state"),
            std::string::npos);
}

TEST(ManifestVerify, Targets) {
  expectRefused({
      {"/targets/0/name", "", "a target has an empty name"},
      {"/targets/0/device", "", "the device has an empty name"},
      {"/targets/0/features", {1}, "'features[0]' must be"},
      {"/targets/0/code", "code.1",
       "target 'cpu:test': code 'code.1' is not a blob"},
      {"/blobs/code.0/raw_bytes", (uint64_t(1) << 30) + 1,
       "code 'code.0' has 1073741825 bytes, more than 1073741824"},
      {"/targets/0/kernels/1/symbol", "a", "'a' names more than one kernel"},
      {"/targets/0/kernels/1/scratch", uint64_t(1) << 40,
       "kernel 'b': 'scratch' must be"},
      {"/targets/0/kernels/1/entry", -1, "kernel 'b': 'entry' must be"},
      {"/targets/0/packed_bytes", 1e300, "'packed_bytes' must be"},
      {"/targets/0/packed_bytes", UINT64_MAX, "'packed_bytes' must be"},
      {"/blobs/code.0/sha256", "12", "blob 'code.0': 'sha256' must be 64"},
      {"/blobs/code.0/sha256", std::string(64, 'A'), "'sha256' must be 64"},
  });
  Manifest manifest = sampleManifest();
  manifest.targets.push_back(manifest.targets[0]);
  EXPECT_EQ(verifyManifest(manifest).message(),
            "'cpu:test' names more than one target");
  manifest = sampleManifest();
  manifest.blobs.push_back(manifest.blobs[0]);
  EXPECT_EQ(verifyManifest(manifest).message(),
            "'code.0' names more than one blob");
}

TEST(ManifestVerify, CudaTargets) {
  constexpr const char *kArch = "/targets/1/arch";
  expectRefused({
      {kArch, "x86_64",
       "target 'cuda:sm_80': the arch of a cuda target must be like "
       "\"sm_80\", got 'x86_64'"},
      {kArch, "sm_", "got 'sm_'"},
      {kArch, "sm_8", "got 'sm_8'"},
      {kArch, "sm_1000", "got 'sm_1000'"},
      {kArch, "sm_90A", "got 'sm_90A'"},
      {kArch, "sm_90aa", "got 'sm_90aa'"},
      {kArch, "compute_80", "got 'compute_80'"},
      {"/targets/1/cubin", "cubin.1", "cubin 'cubin.1' is not a blob"},
      {"/targets/1/cubin", 7, "'cubin' must be"},
      {"/blobs/cubin.0/raw_bytes", uint64_t(1) << 40,
       "cubin 'cubin.0' has 1099511627776 bytes, more than"},
      {"/targets/0/cubin", "cubin.0", "only cuda targets have a cubin"},
      {"/targets/1/cuda", "cuda.1", "CUDA C++ 'cuda.1' is not a blob"},
      {"/targets/1/cuda", 7, "'cuda' must be"},
      {"/targets/0/cuda", "cuda.0", "only cuda targets have CUDA C++"},
      {"/targets/1/kernels/1/entry", 8,
       "kernel 'b': entry and scratch of a cuda kernel must be 0, got 8 and 0"},
      {"/targets/1/kernels/1/scratch", 64, "must be 0, got 0 and 64"},
  });
  for (const char *arch : {"sm_75", "sm_90a", "sm_100", "sm_120f"}) {
    Manifest manifest = sampleManifest();
    manifest.targets[1].arch = arch;
    EXPECT_TRUE(verifyManifest(manifest).ok()) << arch;
  }
}

TEST(ManifestVerify, Launches) {
  constexpr const char *kLaunch = "/targets/1/kernels/0/launch";
  constexpr const char *kThreads = "/targets/1/kernels/0/launch/threads";
  expectRefused({
      {kLaunch, nullptr,
       "target 'cuda:sm_80': kernel 'a': 'launch' is missing, cuda kernels "
       "need it"},
      {kLaunch, 128, "kernel 'a': 'launch' must be an object"},
      {"/targets/0/kernels/0/launch",
       {{"threads", 32}, {"shared", 0}, {"registers", nullptr}, {"overlap", false}},
       "kernel 'a': only cuda kernels have a launch"},
      {kThreads, 0,
       "kernel 'a': the threads of a block must be a multiple of 32 up to "
       "1024, got 0"},
      {kThreads, 48, "got 48"},
      {kThreads, 1056, "got 1056"},
      {kThreads, uint64_t(1) << 32, "launch: 'threads' must be"},
      {"/targets/1/kernels/0/launch/shared", 49153,
       "49153 bytes of shared memory are more than 49152"},
      {"/targets/1/kernels/0/launch/registers", 256,
       "256 registers are more than 255"},
      {"/targets/1/kernels/0/launch/registers", "40",
       "launch: 'registers' must be"},
      {"/targets/1/kernels/0/launch/overlap", 1, "launch: 'overlap' must be"},
      {"/targets/1/kernels/0/launch/overlap", true,
       "kernel 'a': launches overlap from sm_90 on, the target is for 'sm_80'"},
  });
  Manifest manifest = sampleManifest();
  manifest.targets[1].kernels[0].launch = LaunchSpec{1024, 49152, 255};
  EXPECT_TRUE(verifyManifest(manifest).ok());
}

TEST(ManifestVerify, Variants) {
  constexpr const char *kVariants = "/targets/1/programs/0/dispatches/0/"
                                    "variants";
  auto at = [&](const std::string &rest) { return kVariants + rest; };
  std::string limit = at("/1/max_sequences"), kernel = at("/0/kernel"),
              grid = at("/1/grid"), first = at("/0/max_sequences");
  expectRefused({
      {kVariants, nullptr, "dispatch 0: 'variants' is missing"},
      {limit.c_str(), 1,
       "program 0: dispatch 0: variant 1: max_sequences 1 must be more than "
       "1, the one before"},
      {first.c_str(), 0, "variant 0: max_sequences 0 must be more than 0"},
      {first.c_str(), -1, "variant 0: 'max_sequences' must be"},
      {kernel.c_str(), 3, "variant 0: kernel 3 is out of range, there are 3"},
      {kernel.c_str(), 1,
       "variant 0: kernel 'b' gets 3 arguments here and 2 elsewhere"},
      {grid.c_str(), {"S", 0, 1}, "variant 1: the grid's block and times"},
      {grid.c_str(),
       {"S", 1, 1 << 28},
       "variant 1: the grid of 8 rows, block 1, times 268435456 has more than"},
      {grid.c_str(),
       {"T", 1, 40000},
       "variant 1: the grid of 65536 rows, block 1, times 40000"},
      {"/targets/1/recipe/0/variants",
       Json::array({{{"max_sequences", 1}, {"kernel", 1}, {"grid", {1, 1, 1}}}}),
       "recipe dispatch 0: a recipe has neither T nor S"},
  });
  // Of few sequences, each may have many tiles.
  Manifest manifest = sampleManifest();
  manifest.targets[1].programs[0].dispatches[0].variants[1].grid.times = 1
                                                                         << 27;
  EXPECT_TRUE(verifyManifest(manifest).ok());
}

TEST(ManifestVerify, Programs) {
  expectRefused({
      {"/targets/0/programs/1/entry", 2,
       "target 'cpu:test': program 1: entry 2 is out of range, there are 2"},
      {"/targets/0/programs/1/max_tokens", 0, "'max_tokens' must be"},
      {"/targets/0/programs/1/min_tokens", 0, "'min_tokens' must be"},
      {"/targets/0/programs/1/min_tokens", 5000,
       "target 'cpu:test': program 1: min_tokens 5000 is more than max_tokens 4096"},
      {"/targets/0/programs/1/max_sequences", -1, "'max_sequences' must be"},
      {"/targets/0/programs/1/slices", 0, "'slices' must be"},
      {"/targets/0/programs/1/slices", "4", "'slices' must be"},
      {"/targets/0/programs/1/invariant", 1, "'invariant' must be"},
      {"/targets/0/programs/0/arena", nullptr, "'arena' is missing"},
      {"/targets/0/programs/0/arena/T", uint64_t(1) << 50, "'T' must be"},
  });
}

TEST(ManifestVerify, Grids) {
  constexpr const char *kGrid = "/targets/0/programs/0/dispatches/0/grid";
  expectRefused({
      {kGrid, {"T", 1}, "expected a grid [rows, block, times], got an array"},
      {kGrid, {"T", 0, 1}, "block and times must be at least 1, got 0 and 1"},
      {kGrid, {"T", 1, 0}, "block and times must be at least 1, got 1 and 0"},
      {kGrid, {"X", 1, 1}, "'grid' must be \"T\", \"S\" or a number"},
      {kGrid, {-1, 1, 1}, "'grid' must be \"T\", \"S\" or a number"},
      {kGrid,
       {"T", 1, 40000},
       "program 0: dispatch 0: the grid of 65536 rows, block 1, times 40000 "
       "has more than 2147483647 tiles"},
      {kGrid, {uint64_t(1) << 31, 1, 1}, "has more than 2147483647 tiles"},
      {kGrid, {1, 1, uint64_t(1) << 31}, "has more than 2147483647 tiles"},
      {kGrid, {1, uint64_t(1) << 40, 1}, "block 1099511627776 is more than"},
      {"/targets/0/programs/0/dispatches/0/rows", "1",
       "'rows' must be \"T\", \"S\" or a number"},
      {"/targets/0/recipe/0/grid",
       {"T", 1, 1},
       "recipe dispatch 0: a recipe has neither T nor S"},
      {"/targets/0/recipe/0/rows", "S",
       "recipe dispatch 0: a recipe has neither T nor S"},
  });
  // A program for few tokens may have many tiles for each.
  Manifest manifest = sampleManifest();
  manifest.targets[0].programs[1].dispatches[0].grid = {
      {RowKind::T, 0}, 1, 500000};
  EXPECT_TRUE(verifyManifest(manifest).ok());
}

TEST(ManifestVerify, Arguments) {
  constexpr const char *kArg = "/targets/0/programs/0/dispatches/0/args/1";
  expectRefused({
      {kArg, {"T"}, "argument 1: expected [space, number], got an array of 1"},
      {kArg, {"heap", 0}, "argument 1: unknown space 'heap'"},
      {kArg,
       {"in", 1},
       "dispatch 0: argument 1: input 1 is out of range, there are 1"},
      {kArg, {"out", 1}, "output 1 is out of range, there are 1"},
      {kArg, {"state", 1}, "state 1 is out of range, there are 1"},
      {kArg, {"weight", 2}, "weight 2 is out of range, there are 2"},
      {kArg, {"packed", 128}, "packed offset 128 is outside of its 128 bytes"},
      {kArg, {"T", 256}, "arena T offset 256 is outside of its 256 bytes"},
      {kArg, {"T", 32}, "arena T offset 32 is not a multiple of 64"},
      {kArg, {"S", 64}, "arena S offset 64 is outside of its 64 bytes"},
      {kArg, {"S", 1}, "arena S offset 1 is not a multiple of 64"},
      {kArg, {"C", 10}, "arena C offset 10 is outside of its 10 bytes"},
      {kArg, {"C", -1}, "'number' must be"},
      {"/targets/0/recipe/0/args/0",
       {"in", 0},
       "argument 0: a recipe takes weights and packed weights only"},
      {"/targets/0/recipe/0/args/0", {"T", 0}, "a recipe takes weights"},
      {"/targets/0/programs/0/dispatches/0/kernel", 2,
       "kernel 2 is out of range, there are 2"},
      {"/targets/0/programs/0/dispatches/0/kernel", 1,
       "kernel 'b' gets 3 arguments here and 2 elsewhere"},
      {"/targets/0/programs/0/dispatches/0/args", Json(65, Json{"in", 0}),
       "65 arguments are more than the 64 allowed"},
  });
}

TEST(ManifestVerify, Golden) {
  constexpr const char *kSlots = "/targets/0/kernels/0/golden/0/slots";
  expectRefused({
      {kSlots,
       {1, 0},
       "kernel 'a': golden case 0: lengths, slots and "
       "positions must be as many, got 3, 2 and 3"},
      {kSlots, {1, 0, 1}, "two sequences have the same slot"},
      {kSlots, {1, 0, 65536}, "'slots[2]' must be"},
      {"/targets/0/kernels/0/golden/0/lengths",
       {65536, 0, 2},
       "lengths exceed 65536 tokens"},
      {"/targets/0/kernels/0/golden/0/positions",
       {0, 0, -5},
       "'positions[2]' must be"},
      {"/targets/0/kernels/0/golden/0/grid",
       {"T", 1, 1 << 30},
       "has more than 2147483647 tiles"},
      {"/targets/0/kernels/0/golden/0/args/1/dtype", "F8_E5M2",
       "a self-test has no values of dtype F8_E5M2"},
      {"/targets/0/kernels/0/golden/0/args/1/count", uint64_t(1) << 40,
       "1099511627776 elements of I32 are more than"},
      {"/targets/0/kernels/0/golden/0/args/1/fill",
       {"index", 0},
       "the bound of an index must be at least 1"},
      {"/targets/0/kernels/0/golden/0/args/1/fill",
       {"uniform", 0, 1},
       "uniform values need a floating-point dtype, got I32"},
      {"/targets/0/kernels/0/golden/0/args/0/fill",
       {"uniform", 1, 0},
       "uniform bounds must be finite and rising"},
      {"/targets/0/kernels/0/golden/0/args/0/fill",
       {"uniform", 0, 1e300},
       "uniform bounds must be finite and rising"},
      {"/targets/0/kernels/0/golden/0/args/0/fill",
       {"zeros"},
       "'fill' must be [\"uniform\", lo, hi]"},
      {"/targets/0/kernels/0/golden/0/outputs", Json::array(),
       "there is no output to compare"},
      {"/targets/0/kernels/0/golden/0/outputs/0/arg", 3,
       "output 0: argument 3 is out of range, there are 3"},
      {"/targets/0/kernels/0/golden/0/outputs/0/count", 5,
       "5 samples of stride 5 leave an argument of 20 elements"},
      {"/targets/0/kernels/0/golden/0/outputs/0/stride", uint64_t(1) << 47,
       "leave an argument of 20 elements"},
      {"/targets/0/kernels/0/golden/0/outputs/0/stride", 0,
       "count and stride must be at least 1"},
      {"/targets/0/kernels/0/golden/0/outputs/0/blob", "golden.1",
       "'golden.1' is not a blob"},
      {"/targets/0/kernels/0/golden/0/outputs/0/offset", 2,
       "samples from 2 leave blob 'golden.0' of 20 bytes"},
      {"/targets/0/kernels/0/golden/0/tolerance", -1,
       "the tolerance must be a finite number of at least 0"},
      {"/targets/0/kernels/0/golden/0/args",
       Json(65, Json{{"dtype", "F32"}, {"count", 99}, {"fill", {"poison"}}}),
       "65 arguments are more than the 64 allowed"},
  });
  // JSON has no infinity, our parser reads it: refused all the same.
  std::string text = writeManifest(sampleManifest());
  size_t at = text.find("1e-05");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 5, "Infinity");
  EXPECT_NE(readManifest(text, "x").status().message().find("finite"),
            std::string::npos);
}

TEST(ManifestVerify, Check) {
  expectRefused({
      {"/check", 1, "'check' must be an object, got"},
      {"/check/entry", 2, "check: entry 2 is out of range, there are 2"},
      {"/check/entry", 1,
       "check: entry 'logits' must take I32 [T] and give F32 [S, V]"},
      {"/check/weights", 1, "check: 'weights' must be a string, got"},
      {"/check/below", 0, "token ids below 0 do not fit a table of 8 rows"},
      {"/check/below", 9, "token ids below 9 do not fit a table of 8 rows"},
      {"/check/steps", Json::array(), "there must be 1 to 64 steps, got 0"},
      {"/check/steps", Json(65, Json{1, 1}),
       "there must be 1 to 64 steps, got 65"},
      {"/check/steps/1", {1}, "must have the same 1 to 64 sequences"},
      {"/check/steps", Json(2, Json::array()),
       "must have the same 1 to 64 sequences"},
      {"/check/steps/0/1", 0, "check: step 0: 'lengths[1]' must be"},
      {"/check/steps/0/0", 65536, "the steps have more than 65536 tokens"},
      {"/check/stride", 0, "check: the stride must be at least 1"},
      {"/check/stride", 4, "blob 'golden.2' must have 32 bytes, got 48"},
      {"/check/blob", "golden.1", "check: 'golden.1' is not a blob"},
      {"/check/tolerance", -1, "check: the tolerance must be a finite number"},
  });
}
