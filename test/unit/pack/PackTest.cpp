#include "test/unit/pack/SampleManifest.h"

#include "runtime/pack/Pack.h"
#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"
#include "runtime/support/Zstd.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace mamba;

namespace {

/// The sample manifest with real blobs, and embedded weights if asked for.
class PackTest : public testing::Test {
protected:
  PackTest() {
    for (int i = 0; i < 5000; ++i)
      code.push_back(uint8_t(i * i));
    compressed = *zstdCompress(code.data(), code.size(), 1);
    manifest.blobs[0] = {
        "code.0", sha256Hex(compressed.data(), compressed.size()), code.size()};
    manifest.blobs[1] = manifest.blobs[0];
    manifest.blobs[1].name = "cubin.0";
    manifest.blobs[2] = manifest.blobs[0];
    manifest.blobs[2].name = "cuda.0";
    manifest.blobs[3] = {"golden.0", sha256Hex(golden, sizeof(golden)),
                         sizeof(golden)};
    manifest.blobs[4] = {"golden.2", sha256Hex(samples, sizeof(samples)),
                         sizeof(samples)};
  }

  std::string serialize() {
    SafetensorsWriter writer;
    int64_t bytes = compressed.size();
    EXPECT_TRUE(
        writer.addTensor("code.0", DType::U8, {bytes}, compressed.data(), bytes)
            .ok());
    EXPECT_TRUE(
        writer.addTensor("cubin.0", cubinType, {bytes}, compressed.data(), bytes)
            .ok());
    EXPECT_TRUE(
        writer.addTensor("cuda.0", DType::U8, {bytes}, compressed.data(), bytes)
            .ok());
    if (hasGolden) {
      EXPECT_TRUE(
          writer.addTensor("golden.0", goldenType, {5}, golden, 20).ok());
    }
    EXPECT_TRUE(
        writer.addTensor("golden.2", checkType, {12}, samples, 48).ok());
    if (embeds) {
      EXPECT_TRUE(writer.addTensor("weight:w", DType::F32, wShape, w, 24).ok());
      if (embedsAll) {
        EXPECT_TRUE(writer.addTensor("weight:b", DType::BF16, {}, w, 2).ok());
      }
    }
    PackMetadata metadata = {{"mamba.pack", format},
                             {"mamba.manifest", writeManifest(manifest)},
                             {"config.json", "{}"}};
    EXPECT_TRUE(setPackMetadata(writer, metadata).ok());
    return *writer.serialize();
  }

  Result<std::shared_ptr<const Pack>> parse() {
    bytes = serialize();
    return parseBytes();
  }
  Result<std::shared_ptr<const Pack>> parseBytes() {
    return Pack::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                       bytes.size(), "x.mpk");
  }

  Manifest manifest = sampleManifest();
  std::vector<uint8_t> code, compressed;
  float golden[5] = {1, 2, 3, 4, 5};
  float w[6] = {1, 2, 3, 4, 5, 6};
  std::vector<int64_t> wShape = {2, 3};
  float samples[12] = {};
  DType goldenType = DType::F32, cubinType = DType::U8, checkType = DType::F32;
  bool hasGolden = true, embeds = false, embedsAll = true;
  std::string format = std::to_string(kManifestFormat);
  std::string bytes;
};

} // namespace

static std::string messageOf(const Result<std::shared_ptr<const Pack>> &pack) {
  return pack.ok() ? "no failure" : pack.status().message();
}

TEST_F(PackTest, OpensAndReadsBlobs) {
  auto pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_EQ((*pack)->path(), "x.mpk");
  EXPECT_EQ((*pack)->configJson(), "{}");
  EXPECT_FALSE((*pack)->tokenizerJson());
  EXPECT_FALSE((*pack)->hasEmbeddedWeights());
  EXPECT_EQ((*pack)->embeddedWeight("w"), nullptr);
  auto read = (*pack)->code("code.0");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, code);
  EXPECT_EQ(*(*pack)->code("cubin.0"), code);
  EXPECT_EQ(*(*pack)->code("cuda.0"), code);
  auto values = (*pack)->golden("golden.0");
  ASSERT_TRUE(values.ok()) << values.status().message();
  EXPECT_EQ(*values, std::vector<float>(golden, golden + 5));
  EXPECT_TRUE((*pack)->verifyBlobs().ok());
  EXPECT_EQ((*pack)->code("code.7").status().message(),
            "'x.mpk': no blob 'code.7'");
  EXPECT_EQ((*pack)->golden("code.0").status().message(),
            "'x.mpk': 'code.0' must have dtype F32, got U8");
}

TEST_F(PackTest, EmbeddedWeights) {
  embeds = true;
  auto pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_TRUE((*pack)->hasEmbeddedWeights());
  ASSERT_NE((*pack)->embeddedWeight("w"), nullptr);
  EXPECT_EQ((*pack)->embeddedWeight("w")->bytes, 24u);
  EXPECT_EQ((*pack)->checkedWeight("w").status().message(),
            "'x.mpk': no blob 'weight:w'");

  embedsAll = false;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': weight 'b' is missing among the embedded ones, build "
            "the pack anew");
  embedsAll = true;
  wShape = {3, 2};
  EXPECT_EQ(messageOf(parse()), "'x.mpk': embedded weight 'w' must be F32 "
                                "[2, 3], got F32 [3, 2]");
}

TEST_F(PackTest, NotAPack) {
  SafetensorsWriter writer;
  bytes = *writer.serialize();
  EXPECT_EQ(messageOf(parseBytes()),
            "'x.mpk': this safetensors file is not a kernel pack, make one "
            "with 'mamba-pack build'");
  format = "2";
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': the pack has format 2, this program reads format 4, "
            "build the pack anew or take the mamba that made it");
}

TEST_F(PackTest, BadManifestNamesFileAndPlace) {
  manifest.targets[0].packedBytes = 1;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': manifest: target 'cpu:test': recipe dispatch 0: argument "
            "1: packed offset 127 is outside of its 1 bytes");
}

TEST_F(PackTest, MissingBlob) {
  hasGolden = false;
  EXPECT_EQ(messageOf(parse()), "'x.mpk': blob 'golden.0' of the manifest is "
                                "not in the file, build the pack anew");
}

TEST_F(PackTest, BlobOfAnotherTypeOrSize) {
  goldenType = DType::I32;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': blob 'golden.0' must have dtype F32, got I32");
  goldenType = DType::F32;
  checkType = DType::I32;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': blob 'golden.2' must have dtype F32, got I32");
  checkType = DType::F32;
  manifest.blobs[3].rawBytes = 24;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': blob 'golden.0' has 20 bytes, the manifest says 24");
  manifest.blobs[3].rawBytes = 20;
  cubinType = DType::I8;
  EXPECT_EQ(messageOf(parse()),
            "'x.mpk': blob 'cubin.0' must have dtype U8, got I8");
}

TEST_F(PackTest, ChangedByteIsFound) {
  compressed[compressed.size() / 2] ^= 1;
  auto pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  auto read = (*pack)->code("code.0");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.status().message().rfind(
                "'x.mpk': the bytes of 'code.0' have SHA-256 ", 0),
            0u)
      << read.status().message();
  EXPECT_FALSE((*pack)->verifyBlobs().ok());
}

TEST_F(PackTest, ChangedByteOfAWeightIsFound) {
  embeds = true;
  manifest.blobs.push_back({"weight:w", sha256Hex(w, sizeof(w)), sizeof(w)});
  auto pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  auto weight = (*pack)->checkedWeight("w");
  ASSERT_TRUE(weight.ok()) << weight.status().message();
  EXPECT_EQ(*weight, (*pack)->embeddedWeight("w"));

  w[3] += 1;
  pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_EQ((*pack)->checkedWeight("w").status().message().rfind(
                "'x.mpk': the bytes of 'weight:w' have SHA-256 ", 0),
            0u);
}

TEST_F(PackTest, SizeOfCodeMustHold) {
  manifest.blobs[0].rawBytes += 1;
  auto pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_EQ((*pack)->code("code.0").status().message(),
            "'x.mpk': 'code.0' has 5000 bytes when decompressed, the manifest "
            "says 5001");
  manifest.blobs[0].rawBytes = 10; // A bomb would say so.
  pack = parse();
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_FALSE((*pack)->code("code.0").ok());
}

// Cut anywhere, the file is refused with one line that names it.
TEST_F(PackTest, TruncatedFile) {
  std::string whole = serialize();
  for (size_t size = 0; size < whole.size(); size += 61) {
    bytes = whole.substr(0, size);
    auto pack = parseBytes();
    ASSERT_FALSE(pack.ok()) << size;
    EXPECT_NE(pack.status().message().find("x.mpk"), std::string::npos);
    EXPECT_EQ(pack.status().message().find('\n'), std::string::npos);
  }
}

TEST_F(PackTest, ChangedMetadataIsFound) {
  std::string whole = serialize();
  for (const char *place : {"vocab_size\\\":", "\"mamba.sha256\":\""}) {
    bytes = whole;
    size_t at = bytes.find(place);
    ASSERT_NE(at, bytes.npos) << place;
    char &last = bytes[at + std::strlen(place)];
    last = last == '0' ? '1' : '0';
    EXPECT_NE(messageOf(parseBytes()).find("SHA-256"), std::string::npos)
        << messageOf(parseBytes());
  }
  bytes = whole;
  bytes[bytes.find("mamba.sha256")] = 'M';
  EXPECT_NE(messageOf(parseBytes()).find("no mamba.sha256"), std::string::npos)
      << messageOf(parseBytes());
}

// Whatever byte changes, opening and reading end in an answer.
TEST_F(PackTest, AnyChangedByte) {
  std::string whole = serialize();
  for (size_t at = 0; at < whole.size(); at += 19) {
    bytes = whole;
    bytes[at] ^= 0x11;
    auto pack = parseBytes();
    if (pack.ok())
      (void)(*pack)->code("code.0").ok();
  }
}

TEST_F(PackTest, OpensFiles) {
  std::string path = testing::TempDir() + "mamba-pack-test.mpk";
  std::string whole = serialize();
  ASSERT_TRUE(writeFileAtomically(path, whole).ok());
  auto pack = Pack::open(path);
  ASSERT_TRUE(pack.ok()) << messageOf(pack);
  EXPECT_EQ((*pack)->path(), path);
  EXPECT_TRUE((*pack)->code("code.0").ok());
  remove(path.c_str());
  EXPECT_EQ(Pack::open(path).status().code(), StatusCode::NotFound);
}
