#include "runtime/support/Pickle.h"

#include "PickleBytes.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

using namespace mamba;
using namespace std::string_literals;
using namespace mamba::test::pickle;
using Kind = PickleValue::Kind;
using mamba::test::littleEndian;

namespace {

/// Answers an object for whatever it is asked, and keeps what that was.
struct Recorder final : PickleBuilder {
  std::string asked;
  Result<PickleValue> global(std::string_view module,
                             std::string_view name) override {
    asked += "global " + std::string(module) + "." + std::string(name) + "; ";
    return PickleValue{Kind::Object, 1};
  }
  Result<PickleValue> persistent(PickleHeap &, PickleValue id) override {
    asked += "persistent " + std::string(describePickleKind(id.kind)) + "; ";
    return PickleValue{Kind::Object, 2};
  }
  Result<PickleValue> call(PickleHeap &heap, PickleValue callable,
                           PickleValue arguments) override {
    asked += "call " + std::to_string(callable.number) + " with " +
             std::to_string(heap.items(arguments).size()) + "; ";
    return PickleValue{Kind::Object, 3};
  }
};

Result<PickleResult> read(const std::string &bytes, PickleBuilder &builder) {
  return readPickle(
      {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}, builder);
}

PickleResult read(const std::string &value) {
  Recorder recorder;
  // What is read refers to the bytes.
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(whole(value)));
  auto result = read(*kept.back(), recorder);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *std::move(result) : PickleResult{};
}

int64_t readInt(const std::string &value) {
  PickleResult result = read(value);
  EXPECT_EQ(result.root.kind, Kind::Int);
  return result.root.number;
}

std::string refusalOfBytes(const std::string &bytes) {
  Recorder recorder;
  auto result = read(bytes, recorder);
  return result.ok() ? "(taken)" : result.status().message();
}
std::string refusal(const std::string &value) {
  return refusalOfBytes(whole(value));
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (int value : values)
    text += char(value);
  return text;
}

} // namespace

TEST(Pickle, Numbers) {
  EXPECT_EQ(readInt("J" + littleEndian(uint32_t(-7), 4)), -7);
  EXPECT_EQ(readInt("K\xff"), 255);
  EXPECT_EQ(readInt("M\xff\xff"), 65535);
  EXPECT_EQ(readInt(bytes({0x8a, 0})), 0);
  EXPECT_EQ(readInt(bytes({0x8a, 1, 0x80})), -128);
  EXPECT_EQ(readInt(bytes({0x8a, 2, 0x80, 0})), 128);
  EXPECT_EQ(readInt(number(INT64_MIN)), INT64_MIN);
  EXPECT_EQ(readInt(number(INT64_MAX)), INT64_MAX);
  EXPECT_EQ(read("\x88").root.number, 1);
  EXPECT_EQ(read("\x89").root.kind, Kind::Bool);
  EXPECT_EQ(read("N").root.kind, Kind::None);
  EXPECT_EQ(read("G12345678").root.kind, Kind::Float);
}

TEST(Pickle, TextsAndContainers) {
  for (std::string value : {text("é"), bytes({0x8c, 2}) + "é",
                            bytes({0x8d, 2, 0, 0, 0, 0, 0, 0, 0}) + "é"}) {
    PickleResult result = read(value);
    ASSERT_EQ(result.root.kind, Kind::Text);
    EXPECT_EQ(result.heap.text(result.root), "é");
  }
  EXPECT_EQ(read(")").heap.lists[0].size(), 0u);
  EXPECT_EQ(read("NNN\x87").heap.lists[0].size(), 3u);
  PickleResult tuple = read("K\1K\2\x86");
  EXPECT_EQ(tuple.root.kind, Kind::Tuple);
  EXPECT_EQ(tuple.heap.items(tuple.root)[0].number, 1);
  EXPECT_EQ(tuple.heap.items(tuple.root)[1].number, 2);
  PickleResult list = read("](K\1K\2eK\3a");
  EXPECT_EQ(list.root.kind, Kind::List);
  EXPECT_EQ(list.heap.items(list.root)[2].number, 3);
  PickleResult dict = read("}(K\1K\2K\3K\4uK\5K\6s");
  EXPECT_EQ(dict.root.kind, Kind::Dict);
  ASSERT_EQ(dict.heap.dicts[0].size(), 3u);
  EXPECT_EQ(dict.heap.dicts[0][2].first.number, 5);
  EXPECT_EQ(dict.heap.dicts[0][2].second.number, 6);
}

TEST(Pickle, MemoAndFrames) {
  for (std::string value :
       {"K\7q\3h\3\x86"s,
        "K\7r\3" + std::string(3, '\0') + "j\3" + std::string(3, '\0') + "\x86",
        "K\7\x94h"s + std::string(1, '\0') + "\x86"}) {
    PickleResult result = read(value);
    ASSERT_EQ(result.heap.lists.size(), 1u);
    EXPECT_EQ(result.heap.lists[0][1].number, 7);
  }
  EXPECT_EQ(readInt("\x95" + littleEndian(3, 8) + "K\7"), 7);
  // A list in itself is no cycle that anybody walks.
  PickleResult cycle = read("]q\1h\1a");
  EXPECT_EQ(cycle.heap.items(cycle.root)[0].kind, Kind::List);
}

TEST(Pickle, WhatPythonWouldImportGoesToTheBuilder) {
  Recorder recorder;
  std::string value = call(global("a.b", "c"), {"N", "N"}) + "Q" + text("m") +
                      text("n") + "\x93\x86";
  ASSERT_TRUE(read(whole(value), recorder).ok());
  EXPECT_EQ(recorder.asked, "global a.b.c; call 1 with 2; persistent an "
                            "object; global m.n; ");
}

TEST(Pickle, AttributesOfDictionariesAreDropped) {
  PickleResult result = read("}" + ("}(" + text("_metadata") + "}u") + "b");
  EXPECT_TRUE(result.heap.dicts[0].empty());
}

TEST(Pickle, Protocols) {
  std::string proto = "byte 0 of the pickle: ";
  EXPECT_EQ(refusalOfBytes("\x80\4N."), "(taken)");
  EXPECT_EQ(refusalOfBytes("\x80\5N."), "(taken)");
  EXPECT_EQ(refusalOfBytes("\x80\1N."),
            proto + "protocol 1 is not read: expected 2 to 5, once");
  EXPECT_EQ(refusalOfBytes("\x80\6N."),
            proto + "protocol 6 is not read: expected 2 to 5, once");
  EXPECT_EQ(refusalOfBytes("N."),
            proto + "expected the number of a protocol from 2 to 5");
  EXPECT_EQ(refusalOfBytes("\x80\2\x80\2N."),
            "byte 2 of the pickle: protocol 2 is not read: expected 2 to 5, "
            "once");
}

TEST(Pickle, OpcodesOfOtherThingsAreRefused) {
  // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1 and others that import or call.
  for (char opcode : "io\x81\x92\x82\x83\x84P\x97IV012\xff"s) {
    char hex[8];
    std::snprintf(hex, sizeof(hex), "0x%02x", unsigned(uint8_t(opcode)));
    EXPECT_EQ(refusal(std::string(1, opcode)),
              "byte 2 of the pickle: opcode " + std::string(hex) +
                  " is not one of a file of tensors");
  }
}

TEST(Pickle, EveryTruncationIsRefused) {
  std::string bytes =
      whole("}(" + text("a") +
            call(global("a", "b"), {number(7), number(INT64_MAX), "G12345678",
                                    "K\1q\1h\1M\1\1](NNe", "\x8c\1a"}) +
            "u");
  EXPECT_EQ(refusalOfBytes(bytes), "(taken)");
  for (size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE(refusalOfBytes(bytes.substr(0, length)), "(taken)") << length;
}

TEST(Pickle, TheStackHoldsWhatIsTaken) {
  std::string at = "byte 2 of the pickle: ";
  std::string missing = at + "a value is missing on the stack";
  for (const char *opcode : {"a", "s", "\x85", "R", "b", "Q", "\x93", "q\1"})
    EXPECT_EQ(refusal(opcode), missing);
  for (const char *opcode : {"t", "e", "u"})
    EXPECT_EQ(refusal(opcode), at + "a mark is missing on the stack");
  // What lies below a mark is out of reach.
  EXPECT_EQ(refusal("N(\x85"),
            "byte 4 of the pickle: a value is missing on the stack");
  EXPECT_EQ(refusal("(N"),
            "byte 4 of the pickle: values are left on the stack at the end");
  EXPECT_EQ(refusal("NN"),
            "byte 4 of the pickle: values are left on the stack at the end");
  EXPECT_EQ(refusal("N."), "byte 3 of the pickle: the pickle ends, but 1 bytes "
                           "follow");
}

TEST(Pickle, KindsAreChecked) {
  std::string third = "byte 3 of the pickle: ",
              fourth = "byte 4 of the pickle: ";
  EXPECT_EQ(refusal("NNa"), fourth + "cannot append to None");
  EXPECT_EQ(refusal("}(Nu"), "byte 5 of the pickle: a dictionary's last key "
                             "has no value");
  EXPECT_EQ(refusal("](NNu"),
            "byte 6 of the pickle: cannot set items of a list");
  EXPECT_EQ(refusal("NR"), third + "expected a tuple on the stack, got None");
  EXPECT_EQ(refusal("N)R"),
            fourth + "expected an object on the stack, got None");
  EXPECT_EQ(refusal("NN\x93"),
            fourth + "expected a string on the stack, got None");
  EXPECT_EQ(refusal("]}b"), fourth + "cannot set attributes of a list");
}

TEST(Pickle, LengthsAreBounded) {
  std::string at = "byte 2 of the pickle: ";
  EXPECT_EQ(refusal("X\xff\xff\xff\xff"
                    "a"),
            at + "the pickle is cut short: expected 4294967295 bytes, got 2");
  EXPECT_EQ(refusal("\x8d" + std::string(8, '\xff')),
            at + "the pickle is cut short: expected 18446744073709551615 "
                 "bytes, got 1");
  EXPECT_EQ(refusal("\x95" + std::string(8, '\xff')),
            at + "a frame of 18446744073709551615 bytes is longer than the "
                 "pickle");
  EXPECT_EQ(refusal(bytes({0x8a, 9}) + "123456789"),
            at + "an integer of 9 bytes is too large, at most 8 are read");
  EXPECT_EQ(refusal("cos"), at + "the pickle is cut short within a name");
  EXPECT_EQ(refusal(text("\xff")), at + "the string '\\xff' is not UTF-8");
  std::string large(kMaxPickleBytes + 1, 'N');
  EXPECT_EQ(refusalOfBytes(large),
            "the pickle has 16777217 bytes, more than 16777216");
}

TEST(Pickle, MemoryIsBounded) {
  EXPECT_EQ(refusal("Nr\xff\xff\xff\xff"),
            "byte 3 of the pickle: place 4294967295 of the memo is too large "
            "for a pickle of 9 bytes");
  EXPECT_EQ(refusal("j\xff\xff\xff\xff"),
            "byte 2 of the pickle: nothing is at place 4294967295 of the memo");
  EXPECT_EQ(refusal(std::string(kMaxPickleStack, 'N')).substr(0, 10),
            "byte 65538");
  EXPECT_EQ(refusal(std::string(kMaxPickleStack + 1, 'N')),
            "byte 65538 of the pickle: more than 65536 values wait on the "
            "stack");
  EXPECT_EQ(refusal(std::string(kMaxPickleStack + 1, '(')),
            "byte 65538 of the pickle: more than 65536 marks wait on the "
            "stack");
}
