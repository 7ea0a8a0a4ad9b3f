// What a database reads and refuses, and which of several records it takes.
#include "compiler/tune/KnownSchedules.h"
#include "passes/target/ScheduleDatabase.h"

#include <gtest/gtest.h>

using namespace mamba;

namespace {

constexpr const char *kTarget = "cpu:x86-64-v4";

/// A line with these fields in the place of the usual ones.
struct Line {
  std::string target = kTarget;
  std::string key = "scan selective_scan f32,f32->f32 prefill 1536x16";
  std::string schedule = "lanes=16 chunk=32";
  std::string figure = "measured 10us spread 1% default 12us rows 512 threads 2";
  std::string chip = "A chip";
  std::string versions = "mamba 0.1.0 llvm 22.1.8 2026-11-22";

  std::string text() const {
    return target + " | " + key + " | " + schedule + " | " + figure + " | " + chip + " | " +
           versions;
  }
};

std::string keyOf(const std::string &dims) {
  return "scan selective_scan f32,f32->f32 prefill " + dims;
}

ScheduleDatabase databaseOf(const std::vector<Line> &lines) {
  std::string text, error;
  for (const Line &line : lines)
    text += line.text() + "\n";
  ScheduleDatabase database;
  EXPECT_TRUE(database.add(text, "lines", error)) << error;
  return database;
}

/// The chunk of the schedule that is found, 0 if none is.
int64_t chunkFor(const ScheduleDatabase &database, const std::string &dims,
                 const std::string &chip = "A chip", int64_t mostThatFits = 1 << 20) {
  const ScheduleRecord *record =
      database.find(kTarget, *ScheduleKey::parse(keyOf(dims)), chip,
                    [&](const Schedule &schedule) { return schedule.chunk <= mostThatFits; });
  return record ? record->schedule.chunk : 0;
}

TEST(Database, WritesWhatItReads) {
  std::string text = Line().text() + "\n";
  EXPECT_EQ(databaseOf({Line()}).text(), text);
  Line predicted;
  predicted.figure = "predicted 10.5us default 12us rows 1 threads 2";
  EXPECT_EQ(databaseOf({predicted}).text(), predicted.text() + "\n");
}

TEST(Database, TwoFilesJoinAsSortedLines) {
  Line a, b;
  b.key = keyOf("2048x16");
  EXPECT_EQ(databaseOf({a, b}).text(), databaseOf({b, a, b}).text());
}

TEST(Database, IgnoresCommentsAndEmptyLines) {
  std::string error;
  ScheduleDatabase database;
  EXPECT_TRUE(database.add("# a comment\n\n" + Line().text() + "\r\n\n", "x", error)) << error;
  EXPECT_EQ(database.size(), 1u);
}

TEST(Database, TheOwnShapeComesBeforeNearOnes) {
  Line own, near;
  own.schedule = "lanes=16 chunk=1";
  near.key = keyOf("1600x16"), near.schedule = "lanes=16 chunk=2";
  ScheduleDatabase database = databaseOf({near, own});
  EXPECT_EQ(chunkFor(database, "1536x16"), 1);
  EXPECT_EQ(chunkFor(database, "1601x16"), 2);
}

TEST(Database, NearMeansUpToAFactorOfFour) {
  ScheduleDatabase database = databaseOf({Line()});
  EXPECT_EQ(chunkFor(database, "384x16"), 32);
  EXPECT_EQ(chunkFor(database, "6144x16"), 32);
  EXPECT_EQ(chunkFor(database, "6145x16"), 0);
  // Over all dimensions together.
  EXPECT_EQ(chunkFor(database, "3072x8"), 32);
  EXPECT_EQ(chunkFor(database, "6144x8"), 0);
  EXPECT_EQ(chunkFor(database, "1536"), 0);
}

TEST(Database, OfOneShapeTheBetterWitness) {
  Line predicted, otherChip, older, newer, slower;
  predicted.figure = "predicted 1us default 12us rows 512 threads 2";
  predicted.schedule = "chunk=1";
  otherChip.chip = "Another", otherChip.schedule = "chunk=2";
  otherChip.versions = "mamba 0.1.0 llvm 22.1.8 2027-01-01";
  older.versions = "mamba 0.1.0 llvm 22.1.8 2026-01-01", older.schedule = "chunk=3";
  slower.figure = "measured 11us spread 1% default 12us rows 512 threads 2";
  slower.schedule = "chunk=4";
  newer.schedule = "chunk=5";
  // Worst first; each must beat all before it.
  std::vector<Line> lines;
  for (const Line &line : {predicted, otherChip, older, slower, newer}) {
    lines.push_back(line);
    std::string expected = line.schedule.substr(6);
    EXPECT_EQ(std::to_string(chunkFor(databaseOf(lines), "1536x16")), expected);
    std::vector<Line> backwards(lines.rbegin(), lines.rend());
    EXPECT_EQ(std::to_string(chunkFor(databaseOf(backwards), "1536x16")), expected);
  }
  EXPECT_EQ(chunkFor(databaseOf(lines), "1536x16", "Another"), 2);
}

TEST(Database, WhatDoesNotFitIsPassedOver) {
  Line own, near;
  near.key = keyOf("1600x16"), near.schedule = "chunk=8";
  ScheduleDatabase database = databaseOf({own, near});
  EXPECT_EQ(chunkFor(database, "1536x16", "A chip", 16), 8);
  EXPECT_EQ(chunkFor(database, "1536x16", "A chip", 4), 0);
}

TEST(Database, OtherKindsAndTargetsAreNotLookedAt) {
  Line few, target, types;
  few.key = "scan selective_scan f32,f32->f32 few 1536x16";
  types.key = "scan selective_scan bf16,f32->f32 prefill 1536x16";
  target.target = "cpu:x86-64-v3";
  EXPECT_EQ(chunkFor(databaseOf({few, target, types}), "1536x16"), 0);
}

TEST(Database, NamesFileLineAndWhatIsWrong) {
  auto errorOf = [](const Line &line) {
    ScheduleDatabase database;
    std::string error, text = Line().text() + "\n# comment\n" + line.text() + "\n";
    EXPECT_FALSE(database.add(text, "my.tune", error));
    EXPECT_EQ(database.size(), 0u) << "a file is taken whole or not at all";
    EXPECT_TRUE(error.starts_with("my.tune:3: ")) << error;
    return error.substr(std::min<size_t>(error.size(), 11));
  };
  Line line;
  line.schedule = "lanes=16 chonk=32";
  EXPECT_EQ(errorOf(line), "there is no parameter 'chonk'");
  line.schedule = "chunk=99999999999999999999";
  EXPECT_EQ(errorOf(line),
            "parameter chunk must be a number from 1 to 1048576, got '99999999999999999999'");
  line.schedule = "chunk=-4";
  EXPECT_EQ(errorOf(line), "parameter chunk must be a number from 1 to 1048576, got '-4'");
  line.schedule = "chunk=4 chunk=8";
  EXPECT_EQ(errorOf(line), "parameter chunk is there twice");
  line.schedule = " ";
  EXPECT_EQ(errorOf(line), "a schedule has at least one parameter");
  line = {};
  line.target = "cpu:z80";
  EXPECT_TRUE(errorOf(line).starts_with("target 'cpu:z80' is not supported"));
  line.target = "cpu:native";
  EXPECT_EQ(errorOf(line), "a record is for a level, not for cpu:native");
  line = {};
  line.key = "scan 1536x16";
  EXPECT_EQ(errorOf(line),
            "a key is family, ops, types, class and dimensions, got 'scan 1536x16'");
  line.key = keyOf("1536x0");
  EXPECT_TRUE(errorOf(line).starts_with("a key is"));
  line = {};
  for (const char *figure :
       {"", "measured", "measured 10us default 12us rows 1 threads 1", "guessed 1us",
        "measured -1us spread 1% default 12us rows 1 threads 1",
        "measured nanus spread 1% default 12us rows 1 threads 1",
        "measured 1us spread 1% default 12us rows 0 threads 1",
        "measured 1us spread 1% default 12us rows 1 threads 1 more 2"}) {
    line.figure = figure;
    EXPECT_TRUE(errorOf(line).starts_with("a figure reads like 'measured ")) << figure;
  }
  line = {};
  line.versions = "mamba 0.1.0 yesterday";
  EXPECT_TRUE(errorOf(line).starts_with("the last field ends with a date"));
  line = {};
  line.chip = "one | two";
  EXPECT_EQ(errorOf(line), "a record has 6 fields between ' | ', got 7");
  line.chip = std::string(5000, 'x');
  EXPECT_EQ(errorOf(line), "a record has at most 4096 printable characters");
  line.chip = "bell \a";
  EXPECT_EQ(errorOf(line), "a record has at most 4096 printable characters");
}

TEST(Database, WhatTheCompilerKnowsIsReadable) {
  EXPECT_FALSE(knownSchedules().empty());
  for (const KnownSchedules &known : knownSchedules()) {
    ScheduleDatabase database;
    std::string error;
    EXPECT_TRUE(database.add(known.text, known.name, error)) << error;
  }
}

TEST(Database, NativeTakesTheRecordsOfItsLevel) {
  std::string error;
  auto of = [&](const char *name) { return databaseTarget(*parseTarget(name, error)); };
  EXPECT_EQ(of("cpu:x86-64-v3"), "cpu:x86-64-v3");
  EXPECT_EQ(of("cuda:sm_80"), "cuda:sm_80");
  // A machine that has all of a level and some of the next.
  Target target = *parseTarget("cpu:x86-64-v4", error);
  target.name = "cpu:native";
  EXPECT_EQ(databaseTarget(target), "cpu:x86-64-v4");
  target.features.push_back("avx512bf16");
  EXPECT_EQ(databaseTarget(target), "cpu:x86-64-v4");
  std::erase(target.features, "avx512vl");
  EXPECT_EQ(databaseTarget(target), "cpu:x86-64-v3");
  std::erase(target.features, "avx2");
  EXPECT_EQ(databaseTarget(target), "");
}

} // namespace
