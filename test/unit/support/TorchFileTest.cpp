#include "runtime/support/TorchFile.h"
#include "runtime/support/Pickle.h"

#include "PickleBytes.h"
#include "TempFolder.h"

using namespace mamba;
using namespace mamba::test;
using namespace mamba::test::pickle;

namespace {

Result<TorchFile> parse(const std::string &bytes) {
  return TorchFile::parse(reinterpret_cast<const uint8_t *>(bytes.data()),
                          bytes.size(), "f");
}

/// The message without "'f': ".
std::string refusalOfBytes(const std::string &bytes) {
  auto file = parse(bytes);
  if (file.ok())
    return "(taken)";
  EXPECT_EQ(file.status().code(), StatusCode::InvalidData);
  EXPECT_TRUE(file.status().message().starts_with("'f': "));
  return file.status().message().substr(5);
}
/// Of a file with this value and one storage of 16 bytes; without the byte.
std::string refusal(const std::string &value) {
  std::string message =
      refusalOfBytes(torchBytes(value, {std::string(16, 's')}));
  size_t colon = message.find(": ");
  return message.starts_with("byte ") ? message.substr(colon + 2) : message;
}
std::string refusalOfTensor(int64_t offset, const std::vector<int64_t> &size,
                            const std::vector<int64_t> &stride) {
  return refusal(tensor(storage("0", 4), offset, size, stride));
}

const std::string kFloats("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);

} // namespace

TEST(TorchFile, TensorsAreViewsOfTheFile) {
  std::string bytes = torchBytes(
      state({{"a", tensor(storage("0", 4), 0, {2, 2}, {2, 1})},
             {"b", tensor(storage("1", 3, "BFloat16Storage"), 1, {2}, {1})},
             {"scalar", tensor(storage("0", 4), 3, {}, {})},
             {"empty", tensor(storage("0", 4), 4, {0, 7}, {7, 1})}}),
      {kFloats, "abcdef"});
  auto file = parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().message();
  ASSERT_EQ(file->tensors().size(), 4u);
  const TensorView *a = file->find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->name, "a");
  EXPECT_EQ(a->dtype, DType::F32);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(a->bytes, 16u);
  EXPECT_EQ(reinterpret_cast<const char *>(a->data),
            bytes.data() + bytes.find(kFloats));
  const TensorView *b = file->find("b");
  EXPECT_EQ(b->dtype, DType::BF16);
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(b->data), b->bytes),
            "cdef");
  EXPECT_EQ(file->find("scalar")->data, a->data + 12);
  EXPECT_EQ(file->find("empty")->bytes, 0u);
  EXPECT_EQ(file->find("c"), nullptr);
}

TEST(TorchFile, FilesAreMapped) {
  TempFolder folder;
  std::string path = folder.add(
      "x.bin", torchBytes(state({{"a", tensor(storage("0", 4), 0, {4}, {1})}}),
                          {kFloats}));
  auto opened = TorchFile::open(path);
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  TorchFile file = *std::move(opened);
  EXPECT_EQ(file.name(), path);
  EXPECT_EQ(file.find("a")->data[3], 0x3f);
  file.rest({file.find("a")->data, 16});
  EXPECT_EQ(file.find("a")->data[3], 0x3f);
  EXPECT_EQ(TorchFile::open(folder / "y").status().code(),
            StatusCode::NotFound);
}

TEST(TorchFile, EveryTypeOfStorage) {
  struct {
    const char *name;
    DType dtype;
  } types[] = {
      {"FloatStorage", DType::F32},       {"HalfStorage", DType::F16},
      {"BFloat16Storage", DType::BF16},   {"DoubleStorage", DType::F64},
      {"LongStorage", DType::I64},        {"IntStorage", DType::I32},
      {"ShortStorage", DType::I16},       {"CharStorage", DType::I8},
      {"ByteStorage", DType::U8},         {"BoolStorage", DType::BOOL},
      {"ComplexFloatStorage", DType::C64}};
  for (const auto &[name, dtype] : types) {
    int64_t count = 16 / dtypeBytes(dtype);
    std::string bytes = torchBytes(
        state({{"a", tensor(storage("0", count, name), 0, {count}, {1})}}),
        {kFloats});
    auto file = parse(bytes);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->find("a")->dtype, dtype);
    EXPECT_EQ(file->find("a")->bytes, 16u);
  }
}

// As parameters, with the metadata of newer files, in a plain dictionary, with
// the attribute that a module's state has, without an order of bytes.
TEST(TorchFile, OtherFormsOfAState) {
  std::string made = tensor(storage("0", 4), 0, {4}, {1});
  std::string newer = call(global("torch._utils", "_rebuild_tensor_v2"),
                           {storage("0", 4), number(0), numbers({4}),
                            numbers({1}), "\x89", orderedDict(), "}"});
  std::string parameter = call(global("torch._utils", "_rebuild_parameter"),
                               {made, "\x88", orderedDict()});
  for (const std::string &value : {made, newer, parameter}) {
    std::string bytes = zipBytes(
        {{"archive/data.pkl", whole("}" + text("a") + value + "s" + "}(" +
                                    text("_metadata") + orderedDict() + "ub")},
         {"archive/data/0", kFloats}});
    auto file = parse(bytes);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(file->find("a")->bytes, 16u);
  }
}

TEST(TorchFile, EveryTruncationIsRefused) {
  std::string bytes = torchBytes(
      state({{"a", tensor(storage("0", 4), 0, {2, 2}, {2, 1})}}), {kFloats});
  ASSERT_TRUE(parse(bytes).ok());
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(parse(bytes.substr(0, length)).ok()) << length;
}

TEST(TorchFile, EveryChangedByteIsTakenOrRefused) {
  std::string good = torchBytes(
      state({{"a", tensor(storage("0", 4), 0, {2, 2}, {2, 1})}}), {kFloats});
  for (size_t at = 0; at < good.size(); ++at)
    for (unsigned char value : {0x00, 0x01, 0x28, 0x7f, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[at] = char(value);
      auto file = parse(bytes);
      if (!file.ok())
        continue;
      auto *start = reinterpret_cast<const uint8_t *>(bytes.data());
      for (const TensorView &tensor : file->tensors()) {
        EXPECT_GE(tensor.data, start);
        EXPECT_LE(tensor.data + tensor.bytes, start + bytes.size());
        EXPECT_EQ(tensorBytes(tensor.dtype, tensor.shape), tensor.bytes);
      }
    }
}

// Nothing is called that makes no tensor.
TEST(TorchFile, CodeIsRefusedByName) {
  auto refused = [](const std::string &name) {
    return "it wants to call '" + name +
           "', which makes no tensor: it was refused, nothing of it has run; "
           "take this model as safetensors";
  };
  TempFolder folder;
  std::string command = "touch " + folder / "ran";
  EXPECT_EQ(refusal(call(global("os", "system"), {text(command)})),
            refused("os.system"));
  EXPECT_EQ(
      refusal(state({{"a", call(global("posix", "system"), {text(command)})}})),
      refused("posix.system"));
  EXPECT_EQ(refusal(text("builtins") + text("eval") + "\x93" +
                    tuple({text("1")}) + "R"),
            refused("builtins.eval"));
  EXPECT_EQ(refusal(global("torch._utils", "_load_global_deps")),
            refused("torch._utils._load_global_deps"));
  EXPECT_EQ(refusal(global("o\ts", std::string(9000, 'x'))).substr(0, 29),
            "it wants to call 'o\\x09s.xxxx");
  EXPECT_EQ(folder.countFiles(), 0u);
}

// 8-bit floats, quantised ones, and tensors with attributes of their own.
TEST(TorchFile, OtherTensorsAreRefused) {
  for (const auto &[module, name] :
       {std::pair("torch._utils", "_rebuild_tensor_v3"),
        std::pair("torch._utils", "_rebuild_qtensor"),
        std::pair("torch._tensor", "_rebuild_from_type_v2")})
    EXPECT_EQ(refusal(global(module, name)),
              "tensors of '" + std::string(module) + "." + name +
                  "' are not read: save the model with floats");
}

// A view that negates is stored as it was before.
TEST(TorchFile, ElementsAreAsTheyAreStored) {
  auto withMetadata = [](const std::string &metadata) {
    return refusal(state(
        {{"a", call(global("torch._utils", "_rebuild_tensor_v2"),
                    {storage("0", 4), number(0), numbers({4}), numbers({1}),
                     "\x89", orderedDict(), metadata})}}));
  };
  std::string plain = ", only plain ones are read: save it with .clone()";
  EXPECT_EQ(withMetadata("}" + text("neg") + "\x88s"),
            "a tensor has the metadata 'neg'" + plain);
  EXPECT_EQ(withMetadata("}NNs"), "a tensor has the metadata None" + plain);
  EXPECT_EQ(withMetadata("]"),
            "the metadata of a tensor must be a dictionary, got a list");
  EXPECT_EQ(withMetadata("}"), "(taken)");
  EXPECT_EQ(withMetadata("N"), "(taken)");
}

TEST(TorchFile, ThePickleHasItsChecksum) {
  auto file = [](uint32_t checksum) {
    return zipBytes({{.name = "a/data.pkl", .data = whole("}"), .checksum = checksum}});
  };
  EXPECT_EQ(refusalOfBytes(file(0)), "(taken)");
  EXPECT_EQ(refusalOfBytes(file(0x89deb73d)), "(taken)");
  EXPECT_EQ(refusalOfBytes(file(1)),
            "'data.pkl' in its archive does not have its checksum: the file is "
            "damaged, take it anew");
  // Not of one that is refused for its size: to read it all may take long.
  std::string large(kMaxPickleBytes + 1, 'N');
  EXPECT_EQ(refusalOfBytes(zipBytes({{.name = "a/data.pkl", .data = large, .checksum = 1}})),
            "the pickle has 16777217 bytes, more than 16777216");
}

TEST(TorchFile, OtherFilesAreRefused) {
  // The first byte may be that of a pickle.
  for (uint64_t header : {2, 0x80})
    EXPECT_EQ(refusalOfBytes(littleEndian(header, 8) + "{}" + std::string(header - 2, ' ')),
              "a file of safetensors, not of torch.save: name it as one, "
              "'model.safetensors'");
  EXPECT_EQ(refusalOfBytes("\x80\x02\x8a\x0al\xfc\x9c"
                           "F\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."),
            "the format of PyTorch before 1.6 is not read: load it with "
            "torch.load and save it as safetensors");
  EXPECT_EQ(refusalOfBytes("text"), "not a zip archive, or cut short: it has "
                                    "no end of a directory");
  std::string other = "not a file of torch.save: its archive has no "
                      "'data.pkl' in its first folder";
  EXPECT_EQ(refusalOfBytes(zipBytes({})), other);
  EXPECT_EQ(refusalOfBytes(zipBytes({{"data.pkl", "x"}})), other);
  EXPECT_EQ(refusalOfBytes(zipBytes({{"a/x", ""}, {"b/data.pkl", "x"}})),
            other);
  EXPECT_EQ(refusalOfBytes(
                zipBytes({{std::string(256, 'a') + "/data.pkl", whole("}")}})),
            "not a file of torch.save: the name of its archive's first folder "
            "has 256 bytes");
  EXPECT_EQ(refusalOfBytes(torchBytes(state({}), {}, "big")),
            "its byte order is 'big', only 'little' is read");
}

TEST(TorchFile, TheRootIsADictionaryOfTensors) {
  std::string one = tensor(storage("0", 4), 0, {4}, {1});
  EXPECT_EQ(refusal(one), "expected a dictionary of tensors, got an object: "
                          "save the model's state_dict()");
  EXPECT_EQ(refusal(state({{"optimizer", "}"}})),
            "'optimizer' must be a tensor, got a dictionary: save the model's "
            "state_dict() alone");
  EXPECT_EQ(refusal(state({{"a", storage("0", 4)}})),
            "'a' must be a tensor, got an object: save the model's "
            "state_dict() alone");
  EXPECT_EQ(refusal(state({{"a", one}, {"a", one}})),
            "tensor 'a' occurs twice");
  EXPECT_EQ(refusal("}" + number(3) + one + "s"),
            "the names of tensors must be strings, got an integer");
  EXPECT_EQ(refusal(state({})), "(taken)");
}

TEST(TorchFile, Storages) {
  std::string form = "expected ('storage', type, key, location, elements) for "
                     "a storage";
  EXPECT_EQ(refusal("NQ"), form);
  EXPECT_EQ(refusal(tuple({text("module"), "N", "N", "N", "N"}) + "Q"), form);
  EXPECT_EQ(
      refusal(tuple({text("storage"), global("collections", "OrderedDict"),
                     text("0"), text("cpu"), number(4)}) +
              "Q"),
      "the type of a storage must be one such as torch.FloatStorage");
  EXPECT_EQ(refusal(storage("7", 4)), "the archive has no storage '7'");
  EXPECT_EQ(refusal(storage("../data.pkl", 4)),
            "the archive has no storage '../data.pkl'");
  EXPECT_EQ(refusal(storage(std::string(65, '0'), 4)),
            "the archive has no storage '" + std::string(65, '0') + "'");
  for (int64_t count :
       {int64_t(3), int64_t(5), int64_t(-4), INT64_MAX, int64_t(1) << 62})
    EXPECT_EQ(refusal(storage("0", count)),
              "storage '0' of " + std::to_string(count) +
                  " elements of F32 does not fit its 16 bytes");
  EXPECT_EQ(refusal(storage("0", 16, "QInt8Storage")),
            "tensors of 'torch.QInt8Storage' are not read: save the model with "
            "floats");
  EXPECT_EQ(refusal(call(global("torch", "FloatStorage"), {})),
            "it wants to call a storage, expected a function that makes a "
            "tensor");
}

TEST(TorchFile, ShapesLieInTheirStorages) {
  std::string fit = " does not fit its storage of 4 elements";
  EXPECT_EQ(refusalOfTensor(0, {5}, {1}),
            "a tensor of the shape [5] at element 0" + fit);
  EXPECT_EQ(refusalOfTensor(1, {4}, {1}),
            "a tensor of the shape [4] at element 1" + fit);
  EXPECT_EQ(refusalOfTensor(INT64_MAX, {4}, {1}),
            "a tensor of the shape [4] at element 9223372036854775807" + fit);
  EXPECT_EQ(refusalOfTensor(5, {0}, {1}),
            "a tensor of the shape [0] at element 5" + fit);
  EXPECT_EQ(refusalOfTensor(-1, {4}, {1}),
            "the offset of a tensor must be an integer of at least 0");
  std::string size = " in F32 has no size in bytes below 2^64";
  EXPECT_EQ(refusalOfTensor(0, {-4}, {1}), "a shape of [-4]" + size);
  EXPECT_EQ(refusalOfTensor(0, {int64_t(1) << 62, 4}, {4, 1}),
            "a shape of [4611686018427387904, 4]" + size);
  EXPECT_EQ(refusalOfTensor(0, {int64_t(1) << 62, 1}, {1, 1}),
            "a shape of [4611686018427387904, 1]" + size);
  EXPECT_EQ(refusalOfTensor(0, {int64_t(1) << 61}, {1}),
            "a tensor of the shape [2305843009213693952] at element 0" + fit);
}

TEST(TorchFile, StridesAreRowMajor) {
  auto refused = [](const std::string &shape, const std::string &strides) {
    return "a tensor of the shape " + shape + " has the strides " + strides +
           ", only row-major ones are read: save it with .contiguous()";
  };
  EXPECT_EQ(refusalOfTensor(0, {2, 2}, {1, 2}), refused("[2, 2]", "[1, 2]"));
  EXPECT_EQ(refusalOfTensor(0, {2, 2}, {-2, -1}),
            refused("[2, 2]", "[-2, -1]"));
  EXPECT_EQ(refusalOfTensor(3, {4}, {-1}), refused("[4]", "[-1]"));
  EXPECT_EQ(refusalOfTensor(0, {4}, {0}), refused("[4]", "[0]"));
  EXPECT_EQ(refusalOfTensor(0, {2}, {INT64_MIN}),
            refused("[2]", "[-9223372036854775808]"));
  EXPECT_EQ(refusalOfTensor(0, {2, 2}, {2}),
            "a tensor of the shape [2, 2] has the strides [2]");
  // Of one row or of none, any.
  for (const auto &[size, stride] :
       std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>>{
           {{1, 4}, {77, 1}}, {{4, 1}, {1, -5}}, {{0, 3}, {9, 9}}}) {
    EXPECT_EQ(refusal(state({{"a", tensor(storage("0", 4), 0, size, stride)}})),
              "(taken)");
  }
}

TEST(TorchFile, ArgumentsAreChecked) {
  std::string rebuild = global("torch._utils", "_rebuild_tensor_v2");
  EXPECT_EQ(refusal(call(rebuild, {"N"})),
            "a tensor must be made of 6 or 7 values, got 1");
  EXPECT_EQ(refusal(call(rebuild, {"N", "N", "N", "N", "N", "N"})),
            "a tensor must be made of a storage");
  auto refused = [&](const std::string &offset, const std::string &size,
                     const std::string &stride) {
    return refusal(
        call(rebuild, {storage("0", 4), offset, size, stride, "N", "N"}));
  };
  EXPECT_EQ(refused(number(0), "N", numbers({})),
            "the size of a tensor must be a tuple, got None");
  EXPECT_EQ(refused(number(0), tuple({"N"}), numbers({})),
            "the size of a tensor must hold integers, got None");
  EXPECT_EQ(refused(number(0), numbers({}), "]"),
            "the stride of a tensor must be a tuple, got a list");
  EXPECT_EQ(refused("N", numbers({}), numbers({})),
            "the offset of a tensor must be an integer of at least 0");
  EXPECT_EQ(
      refused(number(0), numbers(std::vector<int64_t>(9, 1)), numbers({})),
      "a tensor has 9 dimensions, at most 8 are read");
  EXPECT_EQ(refusal(call(global("torch._utils", "_rebuild_parameter"), {"N"})),
            "a parameter must be made of a tensor");
  EXPECT_EQ(refusal(call(global("collections", "OrderedDict"), {"]"})),
            "an OrderedDict with arguments is not read");
}
