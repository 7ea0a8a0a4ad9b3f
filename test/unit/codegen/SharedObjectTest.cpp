#include "compiler/codegen/Codegen.h"
#include "runtime/device/cpu/ElfImage.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace mlir;
using namespace mamba;

namespace {

class SharedObjectTest : public testing::Test {
protected:
  SharedObjectTest() {
    DialectRegistry registry;
    registerCodegen(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<LLVM::LLVMDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      llvm::raw_string_ostream(errors) << diagnostic.str();
    });
  }

  OwningOpRef<ModuleOp> parse(llvm::StringRef text, llvm::StringRef target = "cpu:x86-64-v3") {
    return parseSourceString<ModuleOp>(("module attributes {ssm.target = \"" + target +
                                        "\"} { module @code {" + text + "} }")
                                           .str(),
                                       &context);
  }

  MLIRContext context;
  std::string errors;
};

// buffers[0][tile] = 0.1: the constant lies in .rodata.
constexpr llvm::StringRef storeConstant = R"(
llvm.func internal @store.body(%p: !llvm.ptr, %tile: i32) attributes {always_inline} {
  %c = llvm.mlir.constant(0.1 : f32) : f32
  %i = llvm.zext %tile : i32 to i64
  %a = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  llvm.store %c, %a : f32, !llvm.ptr
  llvm.return
}
llvm.func @store(%args: !llvm.ptr, %tile: i32) {
  %f = llvm.getelementptr %args[48] : (!llvm.ptr) -> !llvm.ptr, i8
  %buffers = llvm.load %f : !llvm.ptr -> !llvm.ptr
  %p = llvm.load %buffers : !llvm.ptr -> !llvm.ptr
  llvm.call @store.body(%p, %tile) : (!llvm.ptr, i32) -> ()
  llvm.return
}
)";

// A loop that the optimiser would like to call memset for.
constexpr llvm::StringRef zeroLoop = R"(
llvm.func @zero(%args: !llvm.ptr, %tile: i32) {
  %f = llvm.getelementptr %args[48] : (!llvm.ptr) -> !llvm.ptr, i8
  %buffers = llvm.load %f : !llvm.ptr -> !llvm.ptr
  %p = llvm.load %buffers : !llvm.ptr -> !llvm.ptr
  %n = llvm.load %args : !llvm.ptr -> i64
  %c0 = llvm.mlir.constant(0 : i64) : i64
  %c1 = llvm.mlir.constant(1 : i64) : i64
  %z = llvm.mlir.constant(0.0 : f32) : f32
  llvm.br ^loop(%c0 : i64)
^loop(%i: i64):
  %a = llvm.getelementptr %p[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  llvm.store %z, %a : f32, !llvm.ptr
  %j = llvm.add %i, %c1 : i64
  %more = llvm.icmp "ult" %j, %n : i64
  llvm.cond_br %more, ^loop(%j : i64), ^end
^end:
  llvm.return
}
)";

TEST_F(SharedObjectTest, LinksWhatWasCompiledApart) {
  std::string other = storeConstant.str();
  for (size_t at = 0; (at = other.find("@store", at)) != other.npos; at += 6)
    other.replace(at, 6, "@other");
  FailureOr<std::string> a = emitObject(*parse(storeConstant)), b = emitObject(*parse(other));
  ASSERT_TRUE(succeeded(a) && succeeded(b)) << errors;
  std::string error;
  FailureOr<SharedObject> both = linkObjects({*a, *b}, error);
  ASSERT_TRUE(succeeded(both)) << error;
  EXPECT_EQ(both->entries.size(), 2u);
  EXPECT_TRUE(both->entries.count("store") && both->entries.count("other"));
  auto layout = parseElf(both->elf, "x86_64");
  EXPECT_TRUE(layout.ok()) << layout.status().message();
  EXPECT_TRUE(failed(linkObjects({*a, *a}, error)));
  EXPECT_EQ(error.rfind("lld: ", 0), 0u) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST_F(SharedObjectTest, RunsWhatItLinked) {
  auto module = parse(storeConstant);
  auto object = emitSharedObject(*module);
  ASSERT_TRUE(succeeded(object)) << errors;
  ASSERT_EQ(object->entries.size(), 1u) << "only functions with external linkage are entries";

  auto image = ElfImage::load(object->elf, "x86_64");
  ASSERT_TRUE(image.ok()) << image.status().message();
  auto kernel = image->kernel(object->entries.at("store"));
  ASSERT_TRUE(kernel.ok()) << kernel.status().message();
  float out[4] = {};
  void *buffers[] = {out};
  MambaKernelArgs args = {};
  args.buffers = buffers;
  (*kernel)(&args, 2);
  EXPECT_EQ(out[0], 0.0f);
  EXPECT_EQ(out[2], 0.1f);
}

TEST_F(SharedObjectTest, LoopsDoNotBecomeCalls) {
  auto module = parse(zeroLoop);
  auto object = emitSharedObject(*module);
  ASSERT_TRUE(succeeded(object)) << errors;
  auto image = ElfImage::load(object->elf, "x86_64");
  ASSERT_TRUE(image.ok()) << image.status().message();
  auto kernel = image->kernel(object->entries.at("zero"));
  ASSERT_TRUE(kernel.ok());
  std::vector<float> out(101, 1.0f);
  void *buffers[] = {out.data()};
  MambaKernelArgs args = {};
  args.rows = 100;
  args.buffers = buffers;
  (*kernel)(&args, 0);
  EXPECT_EQ(std::count(out.begin(), out.end(), 0.0f), 100);
  EXPECT_EQ(out[100], 1.0f);
}

// Code of another architecture stands alone too, and is laid out for the largest pages
// that its machines have.
TEST_F(SharedObjectTest, LinksForAArch64) {
  for (llvm::StringRef text : {storeConstant, zeroLoop}) {
    auto module = parse(text, "cpu:aarch64");
    auto object = emitSharedObject(*module);
    ASSERT_TRUE(succeeded(object)) << errors;
    EXPECT_EQ(object->entries.size(), 1u);
    auto layout = parseElf(object->elf, "aarch64");
    ASSERT_TRUE(layout.ok()) << layout.status().message();
    constexpr uint64_t page = 64 << 10;
    EXPECT_EQ(layout->alignment, page);
    for (size_t i = 1; i < layout->segments.size(); ++i) {
      const ElfLayout::Segment &before = layout->segments[i - 1], &own = layout->segments[i];
      EXPECT_TRUE(before.executable == own.executable ||
                  (before.address + before.bytes - 1) / page < own.address / page);
    }
    EXPECT_EQ(parseElf(object->elf, "x86_64").status().message(),
              "the code is for ELF machine 183, not for 'x86_64'");
  }
}

TEST_F(SharedObjectTest, TheSameModuleGivesTheSameBytes) {
  auto first = parse(storeConstant), second = parse(storeConstant);
  auto a = emitSharedObject(*first), b = emitSharedObject(*second);
  ASSERT_TRUE(succeeded(a) && succeeded(b)) << errors;
  EXPECT_EQ(a->elf, b->elf);
  llvm::StringRef bytes(reinterpret_cast<const char *>(a->elf.data()), a->elf.size());
  EXPECT_FALSE(bytes.contains("/tmp"));
  EXPECT_FALSE(bytes.contains("kernels.o"));
}

TEST_F(SharedObjectTest, CompilingTwiceInOneProcessWorksAfterAnError) {
  auto bad = parse(R"(
llvm.func @missing(f32) -> f32
llvm.func @k(%args: !llvm.ptr, %tile: i32) {
  %c = llvm.load %args : !llvm.ptr -> f32
  %d = llvm.call @missing(%c) : (f32) -> f32
  llvm.store %d, %args : f32, !llvm.ptr
  llvm.return
}
)");
  EXPECT_TRUE(failed(emitSharedObject(*bad)));
  EXPECT_EQ(errors, "the kernels call 'missing', which is not theirs: a pack links to no "
                    "library, compute it inline");
  auto good = parse(storeConstant);
  EXPECT_TRUE(succeeded(emitSharedObject(*good)));
}

TEST_F(SharedObjectTest, RefusesWritableData) {
  auto module = parse(R"(
llvm.mlir.global external @counter(0 : i32) : i32
llvm.func @k(%args: !llvm.ptr, %tile: i32) {
  %a = llvm.mlir.addressof @counter : !llvm.ptr
  llvm.store %tile, %a : i32, !llvm.ptr
  llvm.return
}
)");
  EXPECT_TRUE(failed(emitSharedObject(*module)));
  EXPECT_EQ(errors, "the kernels have writable data in section .bss");
}

TEST_F(SharedObjectTest, RefusesThreadLocalStorage) {
  auto module = parse(R"(
llvm.mlir.global internal thread_local @counter(0 : i32) : i32
llvm.func @k(%args: !llvm.ptr, %tile: i32) {
  %a = llvm.mlir.addressof @counter : !llvm.ptr
  llvm.store volatile %tile, %a : i32, !llvm.ptr
  llvm.return
}
)");
  EXPECT_TRUE(failed(emitSharedObject(*module)));
  EXPECT_FALSE(errors.empty());
}

TEST_F(SharedObjectTest, RefusesTablesOfAddresses) {
  auto module = parse(R"(
llvm.func @a(%args: !llvm.ptr, %tile: i32) {
  llvm.return
}
llvm.mlir.global internal constant @table() : !llvm.array<1 x ptr> {
  %u = llvm.mlir.undef : !llvm.array<1 x ptr>
  %f = llvm.mlir.addressof @a : !llvm.ptr
  %t = llvm.insertvalue %f, %u[0] : !llvm.array<1 x ptr>
  llvm.return %t : !llvm.array<1 x ptr>
}
llvm.func @k(%args: !llvm.ptr, %tile: i32) {
  %t = llvm.mlir.addressof @table : !llvm.ptr
  %i = llvm.getelementptr %t[%tile] : (!llvm.ptr, i32) -> !llvm.ptr, !llvm.ptr
  %f = llvm.load volatile %i : !llvm.ptr -> !llvm.ptr
  llvm.call %f(%args, %tile) : !llvm.ptr, (!llvm.ptr, i32) -> ()
  llvm.return
}
)");
  EXPECT_TRUE(failed(emitSharedObject(*module)));
  EXPECT_FALSE(errors.empty());
}

TEST_F(SharedObjectTest, AssemblyIsText) {
  auto module = parse(storeConstant);
  std::string text;
  llvm::raw_string_ostream stream(text);
  ASSERT_TRUE(succeeded(emitAssembly(*module, stream))) << errors;
  EXPECT_NE(text.find("store:"), std::string::npos);
  EXPECT_EQ(text.find("store.body"), std::string::npos) << "it is inlined";
}

TEST_F(SharedObjectTest, WithoutCodeThereIsAnError) {
  auto module = parseSourceString<ModuleOp>(
      "module attributes {ssm.target = \"cpu:x86-64-v3\"} {}", &context);
  EXPECT_TRUE(failed(emitSharedObject(*module)));
  EXPECT_EQ(errors, "no module @code: nothing was generated");
}

} // namespace
