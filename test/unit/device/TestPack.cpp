#include "test/unit/device/TestPack.h"

#include "test/unit/device/FakeDriver.h"

#include "runtime/device/cpu/CpuFeatures.h"
#include "runtime/support/File.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>
#include <random>

using namespace mamba;

std::vector<uint8_t> mamba::readTestObject(const std::string &name) {
  Result<std::string> bytes =
      readFile(std::string(MAMBA_TEST_OBJECTS) + "/" + name + ".so");
  if (!bytes.ok()) {
    ADD_FAILURE() << bytes.status().message();
    return {};
  }
  return {bytes->begin(), bytes->end()};
}

std::vector<uint8_t> mamba::readTestPtx() {
  Result<std::string> text = readFile(MAMBA_TEST_PTX);
  if (!text.ok()) {
    ADD_FAILURE() << text.status().message();
    return {};
  }
  return {text->begin(), text->end()};
}

std::map<std::string, uint64_t>
mamba::symbolsOf(const std::vector<uint8_t> &object) {
  std::map<std::string, uint64_t> symbols;
  auto load = [&](uint64_t offset, auto &value) {
    std::memcpy(&value, object.data() + offset, sizeof(value));
  };
  auto section = [&](const Elf64_Ehdr &header, unsigned index) {
    Elf64_Shdr result;
    load(header.e_shoff + index * sizeof(result), result);
    return result;
  };
  Elf64_Ehdr header;
  load(0, header);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr table = section(header, i);
    if (table.sh_type != SHT_DYNSYM)
      continue;
    Elf64_Shdr strings = section(header, table.sh_link);
    for (uint64_t at = 0; at < table.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      load(table.sh_offset + at, symbol);
      const uint8_t *name = object.data() + strings.sh_offset + symbol.st_name;
      symbols[reinterpret_cast<const char *>(name)] = symbol.st_value;
    }
  }
  return symbols;
}

std::vector<float> mamba::randomFloats(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float &value : values)
    value = uniform(random);
  return values;
}

TestWeights::TestWeights(size_t misalignment)
    : w(randomFloats(kTestWidth, 1)), b(randomFloats(kTestWidth, 2)),
      misalignment_(misalignment) {
  for (auto [name, values] : {std::pair("w", &w), std::pair("b", &b)}) {
    std::vector<uint8_t> &bytes = bytes_[name];
    bytes.resize(misalignment + values->size() * sizeof(float));
    std::memcpy(bytes.data() + misalignment, values->data(),
                values->size() * sizeof(float));
  }
}

Result<std::span<const uint8_t>> TestWeights::find(const WeightSpec &spec) {
  ++finds;
  auto bytes = bytes_.find(spec.name);
  if (bytes == bytes_.end())
    return notFound("no weight '" + spec.name + "'");
  std::span<const uint8_t> all(bytes->second);
  return all.subspan(misalignment_, all.size() - misalignment_ - isShort);
}

static constexpr uint64_t kRowBytes = kTestWidth * sizeof(float);

TestPack::TestPack(const std::string &device)
    : object(device == "cpu" ? readTestObject("TestKernels") : readTestPtx()),
      device_(device) {
  manifest.compiler = "test";
  manifest.checkpoint = {{"unused", DType::F32, {1000}},
                         {"w", DType::F32, {kTestWidth}},
                         {"b", DType::F32, {kTestWidth}}};
  manifest.entries = {{"run",
                       {{"x", DType::F32, RowKind::T, {kTestWidth}}},
                       {{"y", DType::F32, RowKind::T, {kTestWidth}},
                        {"last", DType::F32, RowKind::S, {kTestWidth}}},
                       {{"h", "h_in", "h_out", DType::F32, {kTestWidth}}}}};
  manifest.targets.resize(1);
  bool isSim = device != "cpu";
  target().name = isSim ? "cuda:sm_80" : "cpu:test";
  target().device = isSim ? "cuda" : "cpu";
  target().arch = isSim ? "sm_80" : hostArch();
  target().code = "code.0";
  addPrograms();
}

void TestPack::addPrograms() {
  bool isSim = device_ != "cpu";
  uint32_t doubleWeight = addKernel("doubleWeight");
  uint32_t copyBias = addKernel("copyBias");
  uint32_t scaleRows = addKernel("scaleRows", kRowBytes);
  uint32_t scan = addKernel("scan");
  uint32_t copyLast = addKernel("copyLast");

  RowCount t = {RowKind::T, 0}, s = {RowKind::S, 0}, one = {};
  RowCount width = {RowKind::Constant, kTestWidth};
  // A tile is a block of threads there, so fewer do.
  Grid elements = {width, isSim ? 32u : 1u, 1}, rows = {t, isSim ? 8u : 2u, 1},
       sequences = {s, 1, isSim ? 1u : 2u};
  target().packedBytes = 64 + kRowBytes;
  target().recipe = {{doubleWeight,
                      width,
                      elements,
                      {{ArgSpace::Weight, 1}, {ArgSpace::Packed, 64}}}};
  Program program;
  program.entry = 0;
  program.className = "prefill";
  // Something before and after each buffer.
  program.arenaT = 64 + 64 + 64;
  program.arenaS = 64 + 64;
  program.arenaC = 64 + kRowBytes;
  program.dispatches = {
      {copyBias, one, {one, 1, 1}, {{ArgSpace::Weight, 2}, {ArgSpace::C, 64}}},
      {scaleRows,
       t,
       rows,
       {{ArgSpace::In, 0},
        {ArgSpace::Packed, 64},
        {ArgSpace::C, 64},
        {ArgSpace::T, 64}}},
      {scan,
       t,
       sequences,
       {{ArgSpace::T, 64},
        {ArgSpace::State, 0},
        {ArgSpace::Out, 0},
        {ArgSpace::S, 64}}},
      {copyLast, s, {s, 1, 1}, {{ArgSpace::S, 64}, {ArgSpace::Out, 1}}}};
  target().programs = {program};
}

KernelSpec &TestPack::kernel(const std::string &symbol) {
  for (KernelSpec &kernel : target().kernels)
    if (kernel.symbol == symbol)
      return kernel;
  ADD_FAILURE() << "no kernel " << symbol;
  return target().kernels[0];
}

uint32_t TestPack::addKernel(const std::string &symbol, uint64_t scratch) {
  if (device_ != "cpu") {
    bool isShared = symbol == "scaleRows";
    LaunchSpec launch = {isShared ? 64u : 32u, isShared ? 64u : 0u};
    target().kernels.push_back({symbol, 0, 0, "", "", {}, launch});
    return target().kernels.size() - 1;
  }
  auto symbols = symbolsOf(object);
  EXPECT_EQ(symbols.count(symbol), 1u) << symbol;
  target().kernels.push_back({symbol, symbols[symbol], scratch, "", "", {}});
  return target().kernels.size() - 1;
}

void TestPack::overlapLaunches() {
  target().name = "cuda:sm_90";
  target().arch = "sm_90";
  editPtx(".version 7.0\n.target sm_80", ".version 8.0\n.target sm_90");
  for (KernelSpec &kernel : target().kernels) {
    if (kernel.symbol == "doubleWeight") // the recipe's
      continue;
    kernel.launch->overlap = true;
    std::string ptx(object.begin(), object.end());
    size_t at = ptx.find("\n\tmov", ptx.find(".entry " + kernel.symbol + "("));
    ptx.insert(at, "\n\tgriddepcontrol.wait; // " + kernel.symbol +
                       "\n\tgriddepcontrol.launch_dependents;");
    object.assign(ptx.begin(), ptx.end());
  }
}

void TestPack::editPtx(const std::string &from, const std::string &to) {
  std::string text(object.begin(), object.end());
  size_t at = text.find(from);
  ASSERT_NE(at, text.npos) << from;
  ASSERT_EQ(text.find(from, at + 1), text.npos) << from << " is there twice";
  text.replace(at, from.size(), to);
  object.assign(text.begin(), text.end());
}

Result<std::shared_ptr<const Pack>> TestPack::open() {
  std::vector<uint8_t> code = *zstdCompress(object.data(), object.size(), 1);
  manifest.blobs = {
      {"code.0", sha256Hex(code.data(), code.size()), object.size()}};
  if (flipCode)
    code[code.size() / 2] ^= 4;
  SafetensorsWriter writer;
  int64_t codeBytes = code.size(), goldenCount = golden.size();
  if (!dropCode)
    MAMBA_RETURN_IF_ERROR(writer.addTensor("code.0", DType::U8, {codeBytes},
                                           code.data(), code.size()));
  std::vector<std::vector<uint8_t>> kept; // until the writer is done
  for (const auto &[name, text] : blobs) {
    kept.push_back(*zstdCompress(text.data(), text.size(), 1));
    const std::vector<uint8_t> &bytes = kept.back();
    manifest.blobs.push_back(
        {name, sha256Hex(bytes.data(), bytes.size()), text.size()});
    MAMBA_RETURN_IF_ERROR(writer.addTensor(name, DType::U8,
                                           {static_cast<int64_t>(bytes.size())},
                                           bytes.data(), bytes.size()));
  }
  if (!golden.empty()) {
    uint64_t bytes = golden.size() * sizeof(float);
    manifest.blobs.push_back(
        {"golden.0", sha256Hex(golden.data(), bytes), bytes});
    MAMBA_RETURN_IF_ERROR(writer.addTensor(
        "golden.0", DType::F32, {goldenCount}, golden.data(), bytes));
  }
  MAMBA_RETURN_IF_ERROR(setPackMetadata(
      writer,
      {{"mamba.pack", std::to_string(kManifestFormat)}, {"mamba.manifest", writeManifest(manifest)}}));
  MAMBA_ASSIGN_OR_RETURN(bytes_, writer.serialize());
  return Pack::parse(reinterpret_cast<const uint8_t *>(bytes_.data()),
                     bytes_.size(), "test.mpk");
}

Result<std::unique_ptr<Executable>> TestPack::load(unsigned threads) {
  if (device_ == "cuda")
    FakeDriver::use();
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, open());
  return loadOnDevice(std::move(pack), device_, {threads});
}

void TestReference::run(const Batch &batch, const std::vector<float> &x,
                        std::vector<float> &y, std::vector<float> &last) {
  y.assign(batch.tokens() * kTestWidth, 0);
  last.assign(batch.sequences() * kTestWidth, 0);
  for (size_t s = 0; s < batch.sequences(); ++s) {
    std::vector<float> &h = states[batch.slot[s]];
    if (batch.seqStart[s] == batch.seqStart[s + 1])
      continue;
    if (batch.position[s] == 0)
      h.assign(kTestWidth, 0);
    for (size_t i = 0; i < kTestWidth; ++i) {
      for (int64_t t = batch.seqStart[s]; t < batch.seqStart[s + 1]; ++t) {
        float scaled =
            x[t * kTestWidth + i] * (2 * weights_.w[i]) + weights_.b[i];
        h[i] = scaled + 0.5f * h[i];
        y[t * kTestWidth + i] = h[i];
      }
      last[s * kTestWidth + i] = h[i];
    }
  }
}

TestBatch::TestBatch(const std::vector<int64_t> &lengths,
                     std::vector<int32_t> slots, std::vector<int64_t> positions)
    : seqStart(1, 0), slot(std::move(slots)), position(std::move(positions)) {
  for (int64_t length : lengths)
    seqStart.push_back(seqStart.back() + length);
}
