#include "runtime/support/SafetensorsWriter.h"

#include "runtime/support/Safetensors.h"

#include "TempFolder.h"

#include <numeric>

using namespace mamba;

namespace {

Result<SafetensorsFile> parseBytes(const std::string &bytes) {
  return SafetensorsFile::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                                bytes.size(), "f");
}

std::vector<uint8_t> counting(size_t size) {
  std::vector<uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), uint8_t(0));
  return bytes;
}

/// Hands out zeros, which may not be what the shape asks for.
TensorProducer produceZeros(uint64_t bytes) {
  return [bytes](const TensorSink &sink) -> Status {
    std::string zeros(bytes, '\0');
    return sink(zeros.data(), zeros.size());
  };
}

} // namespace

TEST(SafetensorsWriter, WritesWhatTheReaderReads) {
  std::vector<uint8_t> data = counting(24);
  SafetensorsWriter writer;
  ASSERT_TRUE(writer.addTensor("a", DType::BF16, {2}, data.data(), 4).ok());
  ASSERT_TRUE(writer.addTensor("b", DType::F32, {2, 3}, data.data(), 24).ok());
  ASSERT_TRUE(writer.addTensor("empty", DType::I64, {0}, nullptr, 0).ok());
  ASSERT_TRUE(writer.addTensor("scalar", DType::F64, {}, data.data(), 8).ok());
  ASSERT_TRUE(writer.setMetadata("k \"q\"", "v\n\xc3\xbc").ok());
  auto bytes = writer.serialize();
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();

  auto file = parseBytes(*bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 4u);
  const TensorView *b = file->find("b");
  EXPECT_EQ(b->dtype, DType::F32);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_TRUE(std::equal(data.begin(), data.end(), b->data));
  EXPECT_EQ(file->find("scalar")->shape.size(), 0u);
  EXPECT_EQ(file->find("empty")->bytes, 0u);
  EXPECT_EQ(*file->findMetadata("k \"q\""), "v\n\xc3\xbc");
}

TEST(SafetensorsWriter, WithoutAlignmentWideTypesComeFirst) {
  std::vector<uint8_t> data = counting(8);
  SafetensorsWriter writer;
  ASSERT_TRUE(writer.addTensor("u8", DType::U8, {3}, data.data(), 3).ok());
  ASSERT_TRUE(writer.addTensor("f32", DType::F32, {1}, data.data(), 4).ok());
  ASSERT_TRUE(writer.addTensor("f64", DType::F64, {1}, data.data(), 8).ok());
  std::string bytes = *writer.serialize();
  auto file = parseBytes(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  for (const TensorView &tensor : file->tensors())
    EXPECT_EQ(file->fileOffset(tensor) % dtypeBytes(tensor.dtype), 0u);
  EXPECT_EQ(file->tensors()[0].name, "f64");
}

TEST(SafetensorsWriter, AlignsEveryTensorInTheFile) {
  std::vector<uint8_t> data = counting(5000);
  for (uint64_t alignment : {1, 2, 64, 4096}) {
    SafetensorsWriter writer(alignment);
    for (int64_t size : {1, 5000, 0, 4096, 7}) {
      std::string name = std::to_string(size);
      ASSERT_TRUE(
          writer.addTensor(name, DType::U8, {size}, data.data(), size).ok());
    }
    std::string bytes = *writer.serialize();
    auto file = parseBytes(bytes);
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_EQ(file->tensors().size(), 5u);
    EXPECT_EQ(file->tensors()[0].name, "1"); // As added.
    for (const TensorView &tensor : file->tensors()) {
      EXPECT_EQ(file->fileOffset(tensor) % alignment, 0u) << tensor.name;
      EXPECT_TRUE(
          std::equal(tensor.data, tensor.data + tensor.bytes, data.begin()));
    }
  }
}

TEST(SafetensorsWriter, SameInputSameBytes) {
  auto build = [] {
    static const std::vector<uint8_t> data = counting(10);
    SafetensorsWriter writer(64);
    EXPECT_TRUE(writer.setMetadata("b", "2").ok());
    EXPECT_TRUE(writer.setMetadata("a", "1").ok());
    EXPECT_TRUE(writer.addTensor("z", DType::U8, {10}, data.data(), 10).ok());
    EXPECT_TRUE(writer.addTensor("y", DType::U8, {9}, data.data(), 9).ok());
    return *writer.serialize();
  };
  EXPECT_EQ(build(), build());
}

TEST(SafetensorsWriter, StreamsToAFileWhatSerializeGives) {
  SafetensorsWriter writer(4096);
  auto produce = [](const TensorSink &sink) -> Status {
    std::vector<uint8_t> piece = counting(1000);
    for (int i = 0; i < 1000; ++i)
      MAMBA_RETURN_IF_ERROR(sink(piece.data(), piece.size()));
    return {};
  };
  ASSERT_TRUE(writer.addTensor("a", DType::U8, {1000, 1000}, produce).ok());
  ASSERT_TRUE(writer.addTensor("b", DType::U8, {1}, "x", 1).ok());
  TempFolder folder;
  Status status = writer.write(folder / "a.safetensors");
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(slurp(folder / "a.safetensors") == *writer.serialize());
  auto file = SafetensorsFile::open(folder / "a.safetensors");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->find("a")->data[999'999], uint8_t(999));
  EXPECT_EQ(file->find("b")->data[0], 'x');
}

TEST(SafetensorsWriter, WrongSizesAreRefused) {
  SafetensorsWriter writer;
  EXPECT_EQ(writer.addTensor("t", DType::F32, {2}, "1234", 4).message(),
            "tensor 't' of shape [2] takes 8 bytes, got 4");
  EXPECT_EQ(writer.addTensor("t", DType::F32, {1}, nullptr, 4).message(),
            "tensor 't' has no data");
  EXPECT_EQ(writer.addTensor("t", DType::F32, {-1}, "", 0).message(),
            "tensor 't': a shape of [-1] in F32 has no size in whole bytes "
            "below 2^64");
  EXPECT_EQ(
      writer.addTensor("t", DType::U8, {INT64_MAX}, produceZeros(0)).message(),
      "");
  EXPECT_EQ(writer.serialize().status().message(),
            "tensor 't' makes the file larger than a file can be");
}

TEST(SafetensorsWriter, WrongNamesAreRefused) {
  SafetensorsWriter writer;
  ASSERT_TRUE(writer.addTensor("t", DType::U8, {1}, "x", 1).ok());
  EXPECT_EQ(writer.addTensor("t", DType::U8, {1}, "x", 1).message(),
            "tensor 't' is added twice");
  for (const char *name : {"__metadata__", "__pad__.0"})
    EXPECT_EQ(writer.addTensor(name, DType::U8, {1}, "x", 1).message(),
              "tensor name '" + std::string(name) +
                  "' is reserved, use another");
  EXPECT_EQ(writer.addTensor("\xff", DType::U8, {1}, "x", 1).message(),
            "tensor name '\\xff' must be valid UTF-8");
  EXPECT_EQ(writer.setMetadata("k", "\xff").message(),
            "metadata 'k' must be valid UTF-8");
}

TEST(SafetensorsWriter, AlignmentsArePowersOfTwo) {
  for (uint64_t alignment : {uint64_t(3), uint64_t(1) << 25})
    EXPECT_EQ(SafetensorsWriter(alignment).serialize().status().message(),
              "alignment must be 0 or a power of two up to 16777216, got " +
                  std::to_string(alignment));
}

TEST(SafetensorsWriter, ProducersKeepTheirWord) {
  auto messageFor = [](uint64_t bytes) {
    SafetensorsWriter writer;
    EXPECT_TRUE(
        writer.addTensor("t", DType::U8, {4}, produceZeros(bytes)).ok());
    return writer.serialize().status().message();
  };
  EXPECT_EQ(messageFor(4), "");
  EXPECT_EQ(messageFor(3), "tensor 't' takes 4 bytes, its producer gave 3");
  EXPECT_EQ(messageFor(5), "tensor 't' takes 4 bytes, its producer gave more");
}

TEST(SafetensorsWriter, AFailingProducerLeavesNoFile) {
  TempFolder folder;
  SafetensorsWriter writer;
  auto fail = [](const TensorSink &) { return unavailable("no luck"); };
  ASSERT_TRUE(writer.addTensor("t", DType::U8, {4}, fail).ok());
  Status status = writer.write(folder / "a");
  EXPECT_EQ(status.code(), StatusCode::Unavailable);
  EXPECT_EQ(status.message(), "cannot write '" + (folder / "a") + "': no luck");
  EXPECT_EQ(folder.countFiles(), 0u);
}

TEST(SafetensorsWriter, AMissingFolderIsAFailure) {
  EXPECT_EQ(SafetensorsWriter().write("/nonexistent/a").message(),
            "cannot write '/nonexistent/a': No such file or directory");
}

TEST(SafetensorsWriter, AHeaderBeyondTheCapIsRefused) {
  SafetensorsWriter writer;
  // Each becomes six bytes of JSON.
  ASSERT_TRUE(writer.setMetadata("k", std::string(17'000'000, '\x01')).ok());
  EXPECT_EQ(writer.serialize().status().message(),
            "header of 102000032 bytes, the format allows 100000000");
}
