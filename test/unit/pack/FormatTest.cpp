// Versions of the format: what FORMAT.md promises of them.
#include "test/unit/pack/SamplePack.h"
#include "test/unit/support/TempFolder.h"

#include "runtime/support/SafetensorsWriter.h"
#include "runtime/support/Sha256.h"

#include <gtest/gtest.h>

using namespace mamba;

static std::string read(const std::string &text) { return verifyFormat(text).message(); }

TEST(Format, MinorVersionsAreRead) {
  for (const char *text : {"4", "4.0", "4.1", "4.7", "4.123456"})
    EXPECT_EQ(read(text), "") << text;
  EXPECT_EQ(read("3.9"), "the pack has format 3.9, this program reads format 4, build the pack "
                         "anew or take the mamba that made it");
  EXPECT_EQ(read("5.0"), "the pack has format 5.0, this program reads format 4: take a newer "
                         "mamba, or build the pack with this one");
  for (const char *text : {"", ".", "4.", ".4", "4.1.2", "-4", "4 ", "four", "4.x", "99999999999"})
    EXPECT_EQ(read(text), "the pack's format must be like '4.1', got '" + std::string(text) + "'");
}

// What a later minor version adds is passed over, what it changes is not.
TEST(Format, KeysOfANewerMinorVersionAreIgnored) {
  std::string text = writeManifest(sampleManifest());
  auto edit = [&](const std::string &from, const std::string &to) {
    size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
  };
  edit("\"minor\":3", "\"minor\":7,\"of_tomorrow\":{\"a\":[1]}");
  edit("\"symbol\":", "\"of_tomorrow\":null,\"symbol\":");
  edit("\"schedule_from\":\"default\"", "\"schedule_from\":\"an oracle\"");
  Result<Manifest> manifest = readManifest(text, "test");
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->minor, 7);
  EXPECT_EQ(manifest->targets[0].kernels[0].scheduleFrom, "an oracle");
  edit("\"format\":4", "\"format\":5");
  EXPECT_NE(readManifest(text, "test").status().message().find("format 5"), std::string::npos);
}

TEST(Format, OriginsOfSchedulesRoundTrip) {
  Manifest manifest = sampleManifest();
  manifest.targets[0].kernels[1].scheduleFrom = "database";
  manifest.targets[0].kernels[1].scheduleEntry = "linear 768x3072 on a chip";
  Result<Manifest> again = readManifest(writeManifest(manifest), "test");
  ASSERT_TRUE(again.ok()) << again.status().message();
  const std::vector<KernelSpec> &kernels = again->targets[0].kernels;
  EXPECT_EQ(kernels[0].scheduleFrom, "default");
  EXPECT_FALSE(kernels[0].scheduleEntry);
  EXPECT_EQ(kernels[1].scheduleFrom, "database");
  EXPECT_EQ(kernels[1].scheduleEntry, "linear 768x3072 on a chip");
}

// A pack that was written before there were minor versions.
TEST(Format, APackOf40IsRead) {
  auto pack = Pack::open(MAMBA_TEST_DATA "/packs/format-4.0.mpk");
  ASSERT_TRUE(pack.ok()) << pack.status().message();
  const Manifest &manifest = (*pack)->manifest();
  EXPECT_EQ(manifest.minor, 0);
  EXPECT_EQ(manifest.model->layers, 2u);
  ASSERT_EQ(manifest.targets.size(), 1u);
  EXPECT_EQ(manifest.targets[0].kernels[0].scheduleFrom, "default");
  EXPECT_TRUE((*pack)->verifyBlobs().ok());
  EXPECT_TRUE((*pack)->code(manifest.targets[0].code).ok());
  EXPECT_GT((*pack)->manifestBytes(), 10000u) << "it stands in the header";
}

namespace {
/// A pack whose manifest is stored as the test likes.
class StoredManifest : public testing::Test {
protected:
  std::string messageOf() {
    SafetensorsWriter writer;
    EXPECT_TRUE(writer.addTensor("manifest", dtype, {int64_t(bytes.size() / dtypeBytes(dtype))},
                                 bytes.data(), bytes.size()).ok());
    PackMetadata metadata = {{"mamba.pack", "4.1"}};
    if (!digest.empty())
      metadata["mamba.manifest.sha256"] = digest;
    EXPECT_TRUE(setPackMetadata(writer, metadata).ok());
    std::string file = *writer.serialize();
    return Pack::parse(reinterpret_cast<const uint8_t *>(file.data()), file.size(), "x.mpk")
        .status()
        .message();
  }

  DType dtype = DType::U8;
  std::vector<uint8_t> bytes = sampleBlob(0).bytes;
  std::string digest = sha256Hex(bytes.data(), bytes.size());
};
} // namespace

TEST_F(StoredManifest, MustBeWhole) {
  EXPECT_EQ(messageOf().rfind("'x.mpk': manifest: ", 0), 0u) << "no JSON: " << messageOf();
  digest[0] = digest[0] == '0' ? '1' : '0';
  EXPECT_EQ(messageOf().rfind("'x.mpk': the bytes of 'manifest' have SHA-256 ", 0), 0u)
      << messageOf();
  digest.clear();
  EXPECT_EQ(messageOf(), "'x.mpk': the pack has no manifest");
}

TEST_F(StoredManifest, MustBeBytes) {
  dtype = DType::I8;
  EXPECT_EQ(messageOf(), "'x.mpk': the manifest must have dtype U8, got I8");
}

// Little that says it were much: refused before memory is taken.
TEST_F(StoredManifest, MustNotBeABomb) {
  std::vector<uint8_t> zeros(kMaxManifestText + 1);
  bytes = (*compressBlob(zeros)).bytes;
  digest = sha256Hex(bytes.data(), bytes.size());
  EXPECT_EQ(messageOf().rfind("'x.mpk': manifest: ", 0), 0u) << messageOf();
  EXPECT_NE(messageOf().find(std::to_string(zeros.size())), std::string::npos) << messageOf();
}
