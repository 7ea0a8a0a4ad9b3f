#include "runtime/support/Safetensors.h"

#include "SafetensorsBytes.h"
#include "TempFolder.h"

using namespace mamba;

namespace {

/// The views read `bytes`.
Result<SafetensorsFile> parseBytes(const std::string &bytes) {
  return SafetensorsFile::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                                bytes.size(), "f");
}

/// The message that such a file gets, without the "'f': " in front.
std::string messageFor(const std::string &header, size_t dataBytes = 0) {
  auto file = parseBytes(safetensorsBytes(header, dataBytes));
  EXPECT_EQ(file.status().code(), StatusCode::InvalidData) << header;
  const std::string &message = file.status().message();
  EXPECT_TRUE(message.starts_with("'f': ")) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message.substr(std::min<size_t>(5, message.size()));
}

/// The message for a file with the one tensor 't' of these fields.
std::string messageForTensor(const std::string &fields, size_t dataBytes) {
  std::string message = messageFor("{\"t\":{" + fields + "}}", dataBytes);
  const std::string prefix = "tensor 't': ";
  EXPECT_TRUE(message.starts_with(prefix)) << message;
  return message.substr(std::min(prefix.size(), message.size()));
}

} // namespace

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  std::string bytes = safetensorsBytes(
      R"({"__metadata__":{"format":"pt","k":"v"},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},)"
      R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}   )",
      12);
  auto file = parseBytes(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 2u);
  const TensorView &b = file->tensors()[0], &a = file->tensors()[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dtype, DType::BF16);
  EXPECT_EQ(b.bytes, 4u);
  EXPECT_EQ(b.data[0], 0);
  EXPECT_EQ(a.shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(a.data[0], 4);
  EXPECT_EQ(file->fileOffset(a), bytes.size() - 8);
  EXPECT_EQ(file->find("a"), &a);
  EXPECT_EQ(file->find("c"), nullptr);
  EXPECT_EQ(*file->get("b"), &b);
  EXPECT_EQ(file->get("c").status().message(), "'f' has no tensor 'c'");
  EXPECT_EQ(file->metadata().size(), 2u);
  EXPECT_EQ(*file->findMetadata("format"), "pt");
  EXPECT_EQ(file->findMetadata("absent"), nullptr);
  EXPECT_EQ(file->name(), "f");
}

TEST(Safetensors, OpensFilesAndSurvivesMoves) {
  TempFolder folder;
  std::string path = folder.add(
      "a.safetensors",
      safetensorsBytes(
          R"({"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 3));
  auto opened = SafetensorsFile::open(path);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  const TensorView *tensor = opened->find("t");
  SafetensorsFile moved = *std::move(opened);
  EXPECT_EQ(moved.find("t"), tensor);
  EXPECT_EQ(tensor->data[2], 2);
  EXPECT_EQ(moved.name(), path);
}

TEST(Safetensors, MissingFilesAreNotFound) {
  auto file = SafetensorsFile::open("/nonexistent/m.safetensors");
  EXPECT_EQ(file.status().code(), StatusCode::NotFound);
  EXPECT_EQ(file.status().message(), "cannot open '/nonexistent/m.safetensors'"
                                     ": No such file or directory");
}

TEST(Safetensors, AFileWithoutTensorsIsFine) {
  auto file = parseBytes(safetensorsBytes("{}"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->tensors().empty());
}

TEST(Safetensors, ScalarsAndEmptyTensorsAreFine) {
  auto file = parseBytes(safetensorsBytes(
      R"({"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
      R"("first":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},)"
      R"("last":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})",
      8));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->tensors()[0].name, "first");
  EXPECT_EQ(file->find("s")->bytes, 8u);
  EXPECT_EQ(file->find("last")->bytes, 0u);
}

TEST(Safetensors, PadEntriesAreHidden) {
  std::string bytes = safetensorsBytes(
      R"({"__pad__.0":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
      R"("__pad__.x":{"dtype":"U8","shape":[1],"data_offsets":[3,4]},)"
      R"("t":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})",
      5);
  auto file = parseBytes(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->tensors().size(), 2u);
  EXPECT_EQ(file->find("__pad__.0"), nullptr);
  EXPECT_NE(file->find("__pad__.x"), nullptr);
  EXPECT_EQ(file->find("t")->data[0], 4);
}

TEST(Safetensors, TheHeaderLengthIsBoundedByTheFile) {
  EXPECT_EQ(parseBytes("").status().message(),
            "'f': not a safetensors file: expected at least 8 bytes, got 0");
  EXPECT_EQ(parseBytes("1234567").status().message(),
            "'f': not a safetensors file: expected at least 8 bytes, got 7");
  EXPECT_EQ(parseBytes(std::string("PK\3\4-\0\0\0\0\0", 10)).status().message(),
            "'f': a zip archive, not a safetensors file: name one of torch.save "
            "'pytorch_model.bin'");
  EXPECT_EQ(parseBytes(std::string(8, '\xff')).status().message(),
            "'f': not a safetensors file, or cut short: its header length is "
            "18446744073709551615 but only 0 bytes follow");
  std::string cut = safetensorsBytes("{}").substr(0, 9);
  EXPECT_EQ(parseBytes(cut).status().message(),
            "'f': not a safetensors file, or cut short: its header length is 2 "
            "but only 1 bytes follow");
}

TEST(Safetensors, TheHeaderLengthIsCapped) {
  EXPECT_EQ(messageFor(std::string(100'000'001, ' ')),
            "header length must be at most 100000000 bytes, got 100000001");
}

TEST(Safetensors, TheHeaderMustBeAnObject) {
  EXPECT_EQ(messageFor(""), "header: line 1, column 1: expected a value, got "
                            "the end of the text");
  EXPECT_EQ(messageFor("{\"a\""), "header: line 1, column 5: expected ':' "
                                  "after a key, got the end of the text");
  EXPECT_EQ(messageFor("[]"), "header must be an object, got an array");
  EXPECT_EQ(messageFor("3"), "header must be an object, got a number");
  EXPECT_EQ(messageFor(std::string(1000, '[')),
            "header: line 1, column 65: nested deeper than 64 levels");
}

TEST(Safetensors, NamesMustNotOccurTwice) {
  EXPECT_EQ(
      messageFor(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                 2),
      "header: line 1, column 54: the key 't' occurs twice in an object");
}

TEST(Safetensors, MetadataAreStrings) {
  EXPECT_EQ(messageFor(R"({"__metadata__":[]})"),
            "'__metadata__' must be an object of strings, got an array");
  EXPECT_EQ(messageFor(R"({"__metadata__":{"k":1}})"),
            "metadata 'k' must be a string, got a number");
}

TEST(Safetensors, EntriesAreObjectsOfThreeFields) {
  EXPECT_EQ(messageFor(R"({"t":3})"),
            "tensor 't': expected an object of dtype, shape and data_offsets, "
            "got a number");
  EXPECT_EQ(messageForTensor(R"("x":1)", 0),
            "unknown key 'x', expected dtype, shape and data_offsets");
  EXPECT_EQ(messageForTensor("", 0), "'dtype' is missing, it must be a string");
  EXPECT_EQ(messageForTensor(R"("dtype":"U8")", 0),
            "'shape' is missing, it must be an array");
  EXPECT_EQ(messageForTensor(R"("dtype":"U8","shape":[])", 0),
            "'data_offsets' is missing, it must be an array");
}

TEST(Safetensors, DtypesMustBeKnown) {
  EXPECT_EQ(
      messageForTensor(R"("dtype":"F33","shape":[1],"data_offsets":[0,1])", 1),
      "unknown dtype 'F33', expected one such as F32, F16 or BF16");
  EXPECT_EQ(
      messageForTensor(R"("dtype":7,"shape":[1],"data_offsets":[0,1])", 1),
      "'dtype' must be a string, got a number");
}

TEST(Safetensors, ExtentsAreCounts) {
  auto messageForShape = [](const std::string &shape) {
    return messageForTensor(
        "\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,4]", 4);
  };
  EXPECT_EQ(messageForShape("[-1]"),
            "'shape[0]' must be an integer of at least 0, got -1");
  EXPECT_EQ(messageForShape("[1,1.5]"),
            "'shape[1]' must be an integer of at least 0, got 1.5");
  EXPECT_EQ(messageForShape("[\"1\"]"),
            "'shape[0]' must be an integer of at least 0, got a string");
  EXPECT_EQ(messageForShape("[9223372036854775808]"),
            "'shape[0]' must be an integer of at least 0, got "
            "9223372036854775808");
  EXPECT_EQ(messageForShape("1"), "'shape' must be an array, got a number");
  // 2^32 * 2^32 * 4 is 0 in arithmetic that wraps; so is 2^62 * 4.
  EXPECT_EQ(messageForShape("[4294967296,4294967296]"),
            "a shape of [4294967296, 4294967296] in F32 has no size in whole "
            "bytes below 2^64");
  EXPECT_EQ(messageForShape("[4611686018427387905]"),
            "a shape of [4611686018427387905] in F32 has no size in whole "
            "bytes below 2^64");
  EXPECT_EQ(
      messageForTensor(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])", 1),
      "a shape of [3] in F4 has no size in whole bytes below 2^64");
}

TEST(Safetensors, OffsetsLieInTheFile) {
  auto messageForOffsets = [](const std::string &offsets) {
    return messageForTensor(
        "\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + offsets, 4);
  };
  EXPECT_EQ(messageForOffsets("[0]"),
            "'data_offsets' must be [begin, end], got 1 elements");
  EXPECT_EQ(messageForOffsets("[0,2,4]"),
            "'data_offsets' must be [begin, end], got 3 elements");
  EXPECT_EQ(messageForOffsets("[4,0]"),
            "'data_offsets' must not end before they begin, got [4, 0]");
  EXPECT_EQ(messageForOffsets("[0,5]"), "'data_offsets' must lie within the "
                                        "file's 4 bytes of data, got [0, 5]");
  EXPECT_EQ(messageForOffsets("[9223372036854775803,9223372036854775807]"),
            "'data_offsets' must lie within the file's 4 bytes of data, got "
            "[9223372036854775803, 9223372036854775807]");
  EXPECT_EQ(messageForOffsets("[-4,0]"),
            "'data_offsets[0]' must be an integer of at least 0, got -4");
  EXPECT_EQ(messageForOffsets("[0,4.0]"),
            "'data_offsets[1]' must be an integer of at least 0, got 4.0");
  EXPECT_EQ(messageForOffsets("\"0,4\""),
            "'data_offsets' must be an array, got a string");
}

TEST(Safetensors, TheSizeIsThatOfTheShape) {
  EXPECT_EQ(
      messageForTensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4),
      "a shape of [2] in F32 takes 8 bytes, 'data_offsets' hold 4");
  EXPECT_EQ(
      messageForTensor(R"("dtype":"U8","shape":[0],"data_offsets":[0,4])", 4),
      "a shape of [0] in U8 takes 0 bytes, 'data_offsets' hold 4");
}

TEST(Safetensors, TensorsDoNotOverlap) {
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                 R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                 6),
      "tensor 'b': its data [2, 6) overlap those of 'a' [0, 4)");
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                 R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
                 4),
      "tensor 'b': its data [0, 4) overlap those of 'a' [0, 4)");
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                 R"("e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})",
                 4),
      "tensor 'e': its data [2, 2) overlap those of 'a' [0, 4)");
}

TEST(Safetensors, TensorsLeaveNoHoles) {
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                 3),
      "tensor 'b': expected its data at byte 1, got 2, which leaves a "
      "hole");
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2),
      "tensor 'a': expected its data at byte 0, got 1, which leaves a "
      "hole");
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 3),
      "its tensors end at byte 1 of the data, but there are 3");
  EXPECT_EQ(messageFor("{}", 3),
            "its tensors end at byte 0 of the data, but there are 3");
}

TEST(Safetensors, HostileNamesStayOnOneLine) {
  EXPECT_EQ(messageFor(R"({"a\nb\u001b":3})"),
            "tensor 'a\\nb\\x1b': expected an object of dtype, shape and "
            "data_offsets, got a number");
}
