#include "test/unit/sim/Instructions.h"

#include "runtime/device/sim/Sim.h"

#include <gtest/gtest.h>

#include <cstring>

namespace mamba::sim {

namespace {

using numerics::FloatFormat;

constexpr uint32_t kThreads = 64;
constexpr uint64_t kUntouched = 0x5a5a5a5a5a5a5a5a;

char registerOf(char kind) {
  switch (kind) {
  case 'd':
  case 'l':
  case '2': return 'q';
  case 'h':
  case 'b':
  case 's': return 'h';
  case 'p': return 'p';
  default: return 'r';
  }
}
unsigned bitsOf(char kind) {
  char r = registerOf(kind);
  return r == 'q' ? 64 : r == 'h' ? 16 : r == 'p' ? 1 : 32;
}

/// One operand: an edge now and then, or a random one.
uint64_t operandOf(char kind, Random &random) {
  auto number = [&](const FloatFormat &format, int spread) {
    if (random.below(4) == 0) {
      std::vector<uint64_t> all = edges(format);
      return all[random.below(all.size())];
    }
    return random.below(8) == 0 ? random.bits() & (2 * format.signBit() - 1)
                                : random.number(format, 0, spread);
  };
  switch (kind) {
  case 'f': return number(numerics::kF32, 40);
  case 'd': return number(numerics::kF64, 60);
  case 'h': return number(numerics::kF16, 8);
  case 'b': return number(numerics::kBF16, 10);
  case 'x': return number(numerics::kF16, 8) | number(numerics::kF16, 8) << 16;
  case 'y': return number(numerics::kBF16, 10) | number(numerics::kBF16, 10) << 16;
  case '2': return number(numerics::kF32, 40) | number(numerics::kF32, 40) << 32;
  case 'n': return random.below(8) == 0 ? random.bits() & 0xffffffff : random.below(70);
  case 'p': return random.below(2);
  default: break;
  }
  unsigned width = bitsOf(kind);
  uint64_t mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  const uint64_t special[] = {0, 1, mask, mask >> 1, (mask >> 1) + 1, 2, mask - 1};
  if (random.below(4) == 0)
    return special[random.below(std::size(special))];
  return (random.bits() & mask) >> random.below(width);
}

void replaceAll(std::string &text, const std::string &from, const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string loadOperand(char kind, unsigned index) {
  std::string n = std::to_string(index),
              offset = "[%q9+" + std::to_string(8 * (index - 1)) + "];\n";
  switch (registerOf(kind)) {
  case 'q': return "ld.global.b64 %q" + n + ", " + offset;
  case 'h': return "ld.global.b16 %h" + n + ", " + offset;
  case 'p':
    return "ld.global.b32 %r" + n + ", " + offset + "setp.ne.b32 %p" + n + ", %r" + n + ", 0;\n";
  default: return "ld.global.b32 %r" + n + ", " + offset;
  }
}

/// The result register is 0, operands 1 to 3; a guard is %p7.
KernelText kernelOf(const InstructionCase &c, const std::string &name, bool isGuarded) {
  std::string text = c.text, body = "mad.wide.u32 %q9, %t, 24, %in;\n";
  for (unsigned i = 1; i < c.kinds.size(); ++i)
    body += loadOperand(c.kinds[i], i);
  const char *names[] = {"%d", "%a", "%b", "%c"};
  for (unsigned i = 0; i < c.kinds.size(); ++i)
    replaceAll(text, names[i], std::string("%") + registerOf(c.kinds[i]) + std::to_string(i));
  std::string low = std::to_string(kUntouched & 0xffff);
  body += "mov.b64 %q0, " + std::to_string(kUntouched) + ";\nmov.b32 %r0, " +
          std::to_string(uint32_t(kUntouched)) + ";\nmov.b16 %h0, " + low +
          ";\nsetp.ne.b32 %p0, 0, 0;\n";
  if (isGuarded) {
    // Lanes whose number has an odd count of ones.
    body += "popc.b32 %r18, %t;\nand.b32 %r18, %r18, 1;\nsetp.ne.b32 %p7, %r18, 0;\n";
    text = "@%p7 " + text;
  }
  body += text + "\nmad.wide.u32 %q9, %t, 8, %out;\n";
  switch (registerOf(c.kinds[0])) {
  case 'q': body += "st.global.b64 [%q9], %q0;\n"; break;
  case 'h': body += "cvt.u64.u16 %q0, %h0;\nst.global.b64 [%q9], %q0;\n"; break;
  case 'p': body += "selp.b64 %q0, 1, 0, %p0;\nst.global.b64 [%q9], %q0;\n"; break;
  default: body += "cvt.u64.u32 %q0, %r0;\nst.global.b64 [%q9], %q0;\n";
  }
  return {name, body, ""};
}

struct Buffers {
  GlobalMemory memory;
  uint64_t in = 0, out = 0;

  Status map(const void *input, size_t inBytes, void *output, size_t outBytes) {
    MAMBA_ASSIGN_OR_RETURN(in, memory.mapReadOnly(input, inBytes, "in"));
    MAMBA_ASSIGN_OR_RETURN(out, memory.map(output, outBytes, "out", false));
    return {};
  }
  Status launch(const Module &module, uint32_t kernel, uint32_t blocks, uint32_t threads) {
    uint64_t arguments[] = {in, out};
    Launch launch;
    launch.kernel = kernel;
    launch.grid[0] = blocks;
    launch.block[0] = threads;
    launch.params = {reinterpret_cast<const uint8_t *>(arguments), sizeof arguments};
    Counts counts;
    return run(module, launch, memory, {}, 1, &counts);
  }
};

bool passesGuard(uint32_t thread) { return __builtin_popcount(thread) & 1; }

void checkCase(const Module &module, uint32_t kernel, const InstructionCase &c, bool isGuarded,
               Random &random) {
  // Without operands there is nothing to vary.
  uint32_t blocks = c.kinds.size() == 1 ? 1 : 12, count = blocks * kThreads;
  std::vector<uint64_t> in(count * 3), out(count);
  for (uint32_t i = 0; i < count; ++i)
    for (unsigned k = 1; k < c.kinds.size(); ++k)
      in[i * 3 + k - 1] = operandOf(c.kinds[k], random);
  Buffers buffers;
  Status status = buffers.map(in.data(), in.size() * 8, out.data(), out.size() * 8);
  if (status.ok())
    status = buffers.launch(module, kernel, blocks, kThreads);
  ASSERT_TRUE(status.ok()) << c.text << ": " << status.message();
  unsigned width = bitsOf(c.kinds[0]);
  uint64_t mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t *operands = &in[i * 3];
    uint64_t want = 0;
    if (!isGuarded || passesGuard(i))
      want = c.expected(operands[0], operands[1], operands[2]) & mask;
    else if (c.kinds[0] != 'p')
      want = kUntouched & mask;
    ASSERT_EQ(hex(out[i]), hex(want))
        << c.text << (isGuarded ? " (guarded)" : "") << " of " << hex(operands[0]) << ", "
        << hex(operands[1]) << ", " << hex(operands[2]);
  }
}

} // namespace

std::string moduleOf(const std::vector<KernelText> &kernels) {
  std::string text = ".version 8.7\n.target sm_90a\n.address_size 64\n"
                     ".const .align 4 .b32 numbers[2] = {7, 305419896};\n";
  for (const KernelText &kernel : kernels)
    text += ".visible .entry " + kernel.name + "(.param .u64 in, .param .u64 out)\n{\n" +
            ".reg .pred %p<8>;\n.reg .b16 %h<8>;\n.reg .b32 %r<20>;\n.reg .b64 %q<10>;\n"
            ".reg .u32 %t, %block, %size;\n.reg .u64 %in, %out;\n" +
            kernel.declarations +
            "ld.param.u64 %in, [in];\nld.param.u64 %out, [out];\nmov.u32 %t, %tid.x;\n"
            "mov.u32 %block, %ctaid.x;\nmov.u32 %size, %ntid.x;\n"
            "mad.lo.u32 %t, %block, %size, %t;\n" +
            kernel.body + "ret;\n}\n";
  return text;
}

void checkInstructions(const std::vector<InstructionCase> &cases) {
  numerics::IeeeMode ieee;
  std::vector<KernelText> kernels;
  for (size_t i = 0; i < cases.size(); ++i)
    for (bool isGuarded : {false, true})
      kernels.push_back(
          kernelOf(cases[i], "k" + std::to_string(i) + (isGuarded ? "g" : ""), isGuarded));
  Result<std::unique_ptr<Module>> module = Module::load(moduleOf(kernels), "test");
  ASSERT_TRUE(module.ok()) << module.status().message();
  Random random(cases.size());
  for (size_t i = 0; i < cases.size(); ++i)
    for (uint32_t isGuarded : {0u, 1u})
      checkCase(**module, uint32_t(2 * i + isGuarded), cases[i], isGuarded, random);
}

std::vector<uint32_t> runKernel(const std::string &body, const std::vector<uint32_t> &in,
                                size_t outWords, uint32_t threads,
                                const std::string &declarations) {
  std::vector<uint32_t> out(outWords, 0xcdcdcdcd);
  Result<std::unique_ptr<Module>> module =
      Module::load(moduleOf({{"k", body, declarations}}), "test");
  EXPECT_TRUE(module.ok()) << module.status().message();
  if (!module.ok())
    return out;
  Buffers buffers;
  Status status = buffers.map(in.data(), in.size() * 4, out.data(), out.size() * 4);
  if (status.ok())
    status = buffers.launch(**module, 0, 1, threads);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

} // namespace mamba::sim
