#include "test/unit/device/TestPack.h"

#include "runtime/device/Step.h"

#include <gtest/gtest.h>

using namespace mamba;

TEST(BatchChecker, NamesWhatIsWrong) {
  auto created = BatchChecker::create(3);
  ASSERT_TRUE(created.ok());
  BatchChecker &checker = *created;
  TestBatch good({2, 0, 1}, {2, 0, 1}, {0, 7, 3});
  EXPECT_TRUE(checker.check(good).ok());
  EXPECT_TRUE(checker.check(good).ok()) << "slots are free for the next step";
  EXPECT_TRUE(checker.check(TestBatch({}, {}, {})).ok());

  auto expect = [&](auto change, const char *message) {
    TestBatch batch = good;
    change(batch);
    Status status = checker.check(batch);
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    EXPECT_EQ(status.message(), message);
  };
  expect([](TestBatch &b) { b.seqStart.clear(); },
         "a batch of 3 slots needs 4 sequence starts and 3 positions, got 0 "
         "and 3");
  expect([](TestBatch &b) { b.position.pop_back(); },
         "a batch of 3 slots needs 4 sequence starts and 3 positions, got 4 "
         "and 2");
  expect([](TestBatch &b) { b.seqStart[0] = 1; },
         "the first sequence must start at row 0, got 1");
  expect([](TestBatch &b) { b.seqStart[2] = 1; },
         "sequence 1 ends at row 1, before its start at row 2");
  expect([](TestBatch &b) { b.seqStart[1] = INT64_MIN; },
         "sequence 0 ends at row -9223372036854775808, before its start at row "
         "0");
  expect([](TestBatch &b) { b.slot[1] = 3; },
         "slot 3 of sequence 1 is out of range, there are 3");
  expect([](TestBatch &b) { b.slot[0] = -1; },
         "slot -1 of sequence 0 is out of range, there are 3");
  expect([](TestBatch &b) { b.slot[2] = 2; },
         "slot 2 of sequence 2 is another sequence's too");
  expect([](TestBatch &b) { b.position[2] = -1; },
         "position -1 of sequence 2 is negative");
}

TEST(CollectStates, ByIdInOrderOfFirstUse) {
  Manifest manifest;
  StateSpec a = {"a", "", "", DType::F32, {}}, b = a, c = a;
  b.id = "b";
  c.id = "c";
  manifest.entries = {{"x", {}, {}, {b, a}}, {"y", {}, {}, {a, c}}};
  auto states = collectStates(manifest);
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[0].id + states[1].id + states[2].id, "bac");
}

namespace {

/// Programs of one entry that differ in what they take.
struct Programs {
  Programs() {
    manifest.entries = {{"run", {}, {}, {}}, {"other", {}, {}, {}}};
    target.name = "cpu:test";
    add("invariant").invariant = true;
    add("decode").bounds.maxLength = 1;
    add("few").bounds.maxTokens = 16;
    add("short").bounds.maxLength = 100;
    Program &long_ = add("long");
    long_.bounds.minTokens = 1000;
    long_.bounds.maxSequences = 2;
  }
  Program &add(const char *name) {
    Program program;
    program.entry = 0;
    program.className = name;
    target.programs.push_back(program);
    return target.programs.back();
  }
  std::string choose(const TestBatch &batch, bool invariant = false,
                     uint32_t entry = 0) const {
    ProgramTable table(manifest, target);
    auto index = table.choose(entry, batch, invariant);
    return index.ok() ? target.programs[*index].className
                      : index.status().message();
  }
  Manifest manifest;
  TargetSpec target;
};

TestBatch lengths(const std::vector<int64_t> &lengths) {
  std::vector<int32_t> slots(lengths.size());
  for (size_t i = 0; i < slots.size(); ++i)
    slots[i] = i;
  return {lengths, slots, std::vector<int64_t>(lengths.size(), 0)};
}

} // namespace

TEST(ProgramTable, FirstThatFits) {
  Programs programs;
  EXPECT_EQ(programs.choose(lengths({1, 1, 1})), "decode");
  EXPECT_EQ(programs.choose(lengths({})), "decode");
  EXPECT_EQ(programs.choose(lengths({1, 0})), "few") << "exactly 1";
  EXPECT_EQ(programs.choose(lengths({2, 14})), "few");
  EXPECT_EQ(programs.choose(lengths({2, 15})), "short");
  EXPECT_EQ(programs.choose(lengths({100, 100})), "short");
  EXPECT_EQ(programs.choose(lengths({999, 1})), "long");
  EXPECT_EQ(programs.choose(lengths({1}), true), "invariant");
  EXPECT_EQ(programs.choose(lengths({1000}), true), "invariant");
  EXPECT_EQ(programs.choose(lengths({101, 3})),
            "target 'cpu:test' has no ordinary program for entry 'run' that "
            "takes 104 tokens in 2 sequences of up to 101, see 'mamba-pack inspect' for what they "
            "take");
  EXPECT_EQ(programs.choose(lengths({1}), false, 1),
            "target 'cpu:test' has no ordinary program for entry 'other', run "
            "it batch-invariant or build the pack anew");
}

TEST(ProgramTable, GridsLimitSteps) {
  Programs programs;
  programs.target.programs[0].dispatches = {
      {0, {RowKind::T, 0}, {{RowKind::T, 0}, 4, 1 << 20}, {}},
      {0, {RowKind::S, 0}, {{RowKind::S, 0}, 1, 1 << 30}, {}}};
  EXPECT_EQ(programs.choose(lengths({8188}), true), "invariant");
  EXPECT_EQ(programs.choose(lengths({8189}), true),
            "a step of 8189 tokens and 1 sequences is too large for entry "
            "'run' (at most 8188 and 1), feed it in pieces");
  EXPECT_EQ(programs.choose(lengths({1, 1}), true),
            "a step of 2 tokens and 2 sequences is too large for entry 'run' "
            "(at most 8188 and 1), feed it in pieces");
}

// A variant limits only steps that it takes.
TEST(ProgramTable, GridsOfVariantsLimitSteps) {
  Programs programs;
  Dispatch dispatch = {0, {RowKind::S, 0}, {{RowKind::S, 0}, 1, 1}, {}};
  dispatch.variants = {{1, 0, {{RowKind::S, 0}, 1, 1 << 30}},
                       {3, 0, {{RowKind::S, 0}, 1, 1 << 30}}};
  programs.target.programs[0].dispatches = {dispatch};
  EXPECT_EQ(programs.choose(lengths({5}), true), "invariant");
  EXPECT_EQ(programs.choose(lengths({5, 5}), true),
            "a step of 10 tokens and 2 sequences is too large for entry 'run' "
            "(at most 9223372036854775807 and 1), feed it in pieces");
  programs.target.programs[0].dispatches[0].variants.pop_back();
  EXPECT_EQ(programs.choose(lengths({5, 5, 5, 5, 5}), true), "invariant");
}
