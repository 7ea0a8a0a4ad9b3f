// The forms of a pack's kernels on a GPU, which one is taken and why not.
#include "test/unit/device/CudaModel.h"

#include "runtime/device/cuda/CudaExecutable.h"
#include "runtime/device/cuda/CudaTargets.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "runtime/pack/Cubin.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

std::string testPtx() {
  std::vector<uint8_t> ptx = readTestPtx();
  return {ptx.begin(), ptx.end()};
}

/// CUDA C++ as the fake NVRTC reads it.
std::string testCxx() { return "// C++\n/* PTX\n" + testPtx() + "*/\n"; }

/// A model with all three forms.
struct ThreeForms : CudaModel {
  ThreeForms() {
    pack.blobs = {{"cubin.0", cubin}, {"cuda.0", testCxx()}};
    pack.target().cubin = "cubin.0";
    pack.target().cuda = "cuda.0";
  }
  /// Which form it came from, or what was wrong.
  std::string form() {
    std::string text = outcome();
    if (text != "fine")
      return text;
    text = executable->description();
    return text.substr(text.find("kernels from "));
  }
  std::string cubin = "\x7f" "ELF, for tests";
};

constexpr const char *kWhere = "'test.mpk': target 'cuda:sm_80' on Fake GPU 80: ";
constexpr const char *kAlone = "; MAMBA_CUDA_PREFER allows no other form, unset it";

} // namespace

TEST(CudaTargets, NewestThatTheChipRuns) {
  TestPack pack("cuda");
  TargetSpec target = pack.target();
  pack.manifest.targets.clear();
  for (const char *arch :
       {"sm_90", "sm_75", "sm_120", "sm_90a", "sm_100f", "sm_86"}) {
    target.arch = arch;
    target.name = std::string("cuda:") + arch;
    pack.manifest.targets.push_back(target);
  }
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  auto choose = [&](unsigned chip) {
    auto chosen = cuda::chooseTarget(**opened, chip);
    return chosen.ok() ? (*chosen)->arch : chosen.status().message();
  };
  EXPECT_EQ(choose(75), "sm_75");
  EXPECT_EQ(choose(80), "sm_75");
  EXPECT_EQ(choose(86), "sm_86");
  EXPECT_EQ(choose(89), "sm_86");
  EXPECT_EQ(choose(90), "sm_90a");
  EXPECT_EQ(choose(100), "sm_100f");
  EXPECT_EQ(choose(103), "sm_100f");
  EXPECT_EQ(choose(110), "sm_90") << "another family";
  EXPECT_EQ(choose(121), "sm_120");
  EXPECT_EQ(choose(130), "sm_120") << "a chip that nobody knows yet";
  EXPECT_HAS(choose(70), "'test.mpk' has no code for a GPU of chip 'sm_70', it "
                         "has 'cuda:sm_90', 'cuda:sm_75', ");
  EXPECT_HAS(choose(70), "build one with 'mamba-pack build --target=cuda:sm_70'");
}

TEST(CudaTargets, NoneForGpus) {
  FakeDriver fake;
  TestPack pack;
  auto opened = pack.open();
  ASSERT_TRUE(opened.ok());
  auto loaded = loadOnCuda(*opened, 0, {});
  EXPECT_EQ(loaded.status().code(), StatusCode::Unavailable);
  EXPECT_EQ(loaded.status().message(),
            "'test.mpk' has no code for a GPU of chip 'sm_80', it has "
            "'cpu:test'; build one with 'mamba-pack build --target=cuda:sm_80'");
}

TEST(CudaCode, CubinThenPtxThenCxx) {
  FakeDriver fake;
  ThreeForms model;
  fake.acceptCubin(model.cubin, 80, testPtx());
  EXPECT_EQ(model.form(), "kernels from cubin");
  EXPECT_EQ(fake.calls("cuLinkCreate_v2"), 0u);
  model.drop();
  fake.configure("");
  EXPECT_EQ(model.form(), "kernels from PTX") << "the driver refuses the cubin";
  model.drop();
  fake.configure("ptx=60");
  EXPECT_EQ(model.form(), "kernels from PTX") << "kept from before";
  Environment off("MAMBA_CACHE", "off");
  EXPECT_EQ(model.form(), "kernels from CUDA C++");
}

// Machine code runs on later chips of its family only, PTX on all later ones.
TEST(CudaCode, OtherChips) {
  FakeDriver fake("chips=86");
  ThreeForms model;
  fake.acceptCubin(model.cubin, 80, testPtx());
  EXPECT_EQ(model.form(), "kernels from cubin");
  model.drop();
  fake.configure("chips=90");
  fake.acceptCubin(model.cubin, 80, testPtx());
  EXPECT_EQ(model.form(), "kernels from PTX");
  model.drop();
  fake.configure("chips=150");
  EXPECT_EQ(model.form(), "kernels from PTX");
  model.drop();
  fake.configure("chips=75");
  EXPECT_HAS(model.form(), "has no code for a GPU of chip 'sm_75'");
}

// Such PTX is compiled for its chip by name.
TEST(CudaCode, ForOneChipAlone) {
  FakeDriver fake("chips=90");
  CudaModel model;
  model.pack.editPtx(".target sm_80", ".target sm_90a");
  model.pack.target().arch = "sm_90a";
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
}

TEST(CudaCode, Preference) {
  FakeDriver fake;
  ThreeForms model;
  fake.acceptCubin(model.cubin, 80, testPtx());
  for (auto [prefer, form] : {std::pair("cubin", "cubin"), {"ptx", "PTX"},
                              {"nvrtc", "CUDA C++"}, {"", "cubin"}}) {
    Environment preference("MAMBA_CUDA_PREFER", prefer);
    EXPECT_EQ(model.form(), std::string("kernels from ") + form);
  }
  Environment preference("MAMBA_CUDA_PREFER", "ptxas");
  EXPECT_EQ(model.form(),
            "MAMBA_CUDA_PREFER must be cubin, ptx or nvrtc, got 'ptxas'");
  model.drop();
}

// Forced, and not there: nothing else is tried.
TEST(CudaCode, AKernelHasTheFormThatItNames) {
  FakeDriver fake;
  ThreeForms model;
  fake.acceptCubin(model.cubin, 80, testPtx());
  auto forms = [&] {
    std::string text = model.outcome();
    if (text != "fine")
      return text;
    auto *executable = static_cast<cuda::CudaExecutable *>(model.executable.get());
    text.clear();
    for (uint32_t i = 0; i < executable->target().kernels.size(); ++i)
      text += executable->choice(i).text() + " ";
    return text.substr(0, text.find(" ", text.find(" ") + 1));
  };
  std::vector<KernelSpec> &kernels = model.pack.target().kernels;
  EXPECT_EQ(forms(), "cubin cubin");
  kernels[0].codeForm = "ptx";
  EXPECT_EQ(forms(), "ptx cubin");
  kernels[1].codeForm = "nvrtc:96";
  EXPECT_EQ(forms(), "ptx nvrtc:96");
  kernels[0].codeForm = "of tomorrow";
  EXPECT_EQ(forms(), "cubin nvrtc:96");
  // What is wanted by hand comes before.
  {
    Environment preference("MAMBA_CUDA_PREFER", "ptx");
    EXPECT_EQ(forms(), "ptx ptx");
  }
  // Where it does not work here, the kernel has the others' form.
  model.drop();
  Environment nvrtc("MAMBA_CUDA_NVRTC", "/nonexistent/libnvrtc.so");
  Environment off("MAMBA_CACHE", "off");
  EXPECT_EQ(forms(), "cubin cubin");
  std::vector<std::string> warnings;
  DeviceOptions options;
  options.warn = [&](const std::string &line) { warnings.push_back(line); };
  auto loaded = loadOnDevice(*model.pack.open(), "cuda", options);
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_HAS(warnings[0], "kernels that are faster as nvrtc:96 run from their cubin: NVRTC ");
}

TEST(CudaCode, WordsOfForms) {
  for (const char *word : {"cubin", "ptx", "nvrtc", "nvrtc:1", "nvrtc:255"})
    EXPECT_EQ(cuda::CodeChoice::parse(word)->text(), word);
  for (const char *word : {"", "Cubin", "nvrtc:", "nvrtc:0", "nvrtc:256", "nvrtc:6 4", "nvrtc64"})
    EXPECT_FALSE(cuda::CodeChoice::parse(word)) << word;
}

TEST(CudaCode, PreferenceThatIsNotThere) {
  FakeDriver fake;
  CudaModel bare;
  for (auto [prefer, why] : {std::pair("cubin", "its cubin: the pack has none"),
                             {"nvrtc", "its CUDA C++: the pack has none"}}) {
    Environment preference("MAMBA_CUDA_PREFER", prefer);
    Status status = bare.load();
    EXPECT_EQ(status.code(), StatusCode::Unavailable);
    EXPECT_EQ(status.message(), std::string(kWhere) + why + kAlone);
  }
  bare.drop();
  fake.configure("chips=90");
  Environment preference("MAMBA_CUDA_PREFER", "cubin");
  ThreeForms model;
  EXPECT_EQ(model.form(), "'test.mpk': target 'cuda:sm_80' on Fake GPU 90: its "
                          "cubin: it is for sm_80" + std::string(kAlone));
  model.drop();
  fake.configure("ptx=60");
  Environment ptx("MAMBA_CUDA_PREFER", "ptx");
  EXPECT_HAS(model.form(), "the PTX is newer than the driver, install a newer driver");
  EXPECT_EQ(model.executable, nullptr);
}

TEST(CudaCode, NoFormDoes) {
  FakeDriver fake("ptx=60");
  CudaModel bare;
  EXPECT_EQ(bare.outcome(),
            std::string(kWhere) +
                "its cubin: the pack has none; its PTX: cannot compile it for "
                "sm_80: CUDA_ERROR_UNSUPPORTED_PTX_VERSION (the provided PTX "
                "was compiled with an unsupported toolchain.); the PTX is newer "
                "than the driver, install a newer driver: ptxas application "
                "ptx input, line 1; fatal   : Unsupported .version 7.0; its "
                "CUDA C++: the pack has none");
  ThreeForms model;
  Environment nvrtc("MAMBA_CUDA_NVRTC", "/nonexistent/libnvrtc.so");
  std::string text = model.form();
  EXPECT_HAS(text, "its cubin: cannot load it: CUDA_ERROR_NO_BINARY_FOR_GPU");
  EXPECT_HAS(text, "its CUDA C++: NVRTC '/nonexistent/libnvrtc.so' does not "
                   "load, correct or unset MAMBA_CUDA_NVRTC");
}

TEST(CudaCode, PtxThatIsWrong) {
  FakeDriver fake;
  CudaModel model;
  model.pack.editPtx("neg.f32 %f2, %f0;", "nag.f32 %f2, %f0;");
  std::string text = model.outcome();
  EXPECT_HAS(text, "its PTX: cannot compile it for sm_80: "
                   "CUDA_ERROR_INVALID_PTX (a PTX JIT compilation failed)");
  EXPECT_HAS(text, "nag") << "the compiler's log";
}

TEST(CudaCode, CxxThatIsWrong) {
  FakeDriver fake;
  Environment preference("MAMBA_CUDA_PREFER", "nvrtc");
  ThreeForms model;
  model.pack.blobs["cuda.0"] = "#error no such thing\n";
  EXPECT_EQ(model.form(), kWhere + std::string("its CUDA C++: NVRTC 13.0 for sm_80: "
                                               "pack.cu(3): error: no such thing") +
                              kAlone);
}

TEST(CudaCode, KernelsThatDoNotFit) {
  FakeDriver fake;
  CudaModel absent;
  absent.pack.kernel("scan").symbol = "scam";
  EXPECT_HAS(absent.outcome(), "kernel 'scam': cannot find it: "
                               "CUDA_ERROR_NOT_FOUND (named symbol not found)");
  CudaModel threads;
  threads.pack.editPtx(".param .u64 last, .param .u64 out)",
                       ".param .u64 last, .param .u64 out)\n.maxntid 32, 1, 1");
  threads.pack.kernel("copyLast").launch->threads = 64;
  EXPECT_HAS(threads.outcome(), "kernel 'copyLast': blocks can have at most 32 "
                                "threads on this GPU, the pack has 64");
}

//===----------------------------------------------------------------------===//
// What is kept
//===----------------------------------------------------------------------===//

TEST(CudaCode, CompiledOnce) {
  FakeDriver fake;
  CudaModel model;
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
  model.drop();
  // Another chip, another driver.
  fake.configure("chips=86");
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
  model.drop();
  fake.configure("version=12000");
  {
    Environment driver("MAMBA_CUDA_DRIVER", fake.linkDriver());
    EXPECT_EQ(model.outcome(), "fine");
    EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
    model.drop();
  }
  fake.configure("");
  Environment off("MAMBA_CACHE", "off");
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 1u);
}

TEST(CudaCode, DamagedCache) {
  FakeDriver fake;
  CudaModel model;
  EXPECT_EQ(model.outcome(), "fine");
  for (const auto &entry :
       std::filesystem::directory_iterator(fake.cache().path())) {
    std::string bytes = slurp(entry.path());
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 2u);
  EXPECT_EQ(model.outcome(), "fine");
  EXPECT_EQ(fake.calls("cuLinkComplete"), 2u) << "it is whole again";
}

// The real NVRTC needs no GPU.
TEST(Nvrtc, MakesMachineCode) {
  FakeDriver fake;
  Environment real("MAMBA_CUDA_NVRTC", "");
  auto nvrtc = cuda::Nvrtc::load();
  if (!nvrtc.ok())
    GTEST_SKIP() << nvrtc.status().message();
  auto bytes = (*nvrtc)->compile(
      "extern \"C\" __global__ void twice(float *x) { x[threadIdx.x] *= 2; }",
      "sm_80");
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  auto cubin = readCubin(*bytes, "twice");
  ASSERT_TRUE(cubin.ok()) << cubin.status().message();
  EXPECT_EQ(cubin->chip, 80u);
  ASSERT_EQ(cubin->kernels.size(), 1u);
  EXPECT_EQ(cubin->kernels[0].name, "twice");
  auto wrong = (*nvrtc)->compile(
      "extern \"C\" __global__ void none() { int x = ; }\n", "sm_80");
  EXPECT_EQ(wrong.status().code(), StatusCode::InvalidData);
  EXPECT_HAS(wrong.status().message(), "pack.cu(1): error: expected an expression");
  auto unknown = (*nvrtc)->compile("", "sm_999");
  EXPECT_EQ(unknown.status().code(), StatusCode::Unavailable);
  EXPECT_HAS(unknown.status().message(), " for sm_999: ");
  EXPECT_HAS(unknown.status().message(),
             "; it does not know this GPU, install a newer NVRTC");
}
