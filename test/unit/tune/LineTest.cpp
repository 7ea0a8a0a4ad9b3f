// Lines of databases as text, without what their schedules mean.
#include "runtime/tune/ScheduleLine.h"

#include <gtest/gtest.h>

using namespace mamba;
using namespace mamba::tune;

namespace {

std::string lineOf(const std::string &target, const std::string &figure) {
  return target + " | scan selective_scan f32->f32 decode 3x4 | lanes=16 | " + figure +
         " | A chip | mamba 0.1.0 2026-11-22";
}

std::string errorOf(const std::string &line) {
  std::string reason;
  return ScheduleLine::parse(line, reason) ? "" : reason;
}

TEST(Line, WritesWhatItReads) {
  std::string reason;
  for (const std::string &line :
       {lineOf("cpu:x86-64-v4", "measured 8.1us spread 2% default 9us rows 1 threads 2"),
        lineOf("cuda:sm_90a", "measured 8.1us spread 2% default 9us rows 1"),
        lineOf("cuda:sm_90a", "measured 8.1us spread 2% default 9us rows 1 form nvrtc:96"),
        lineOf("cuda:sm_90a", "predicted 8.1us default 9us rows 1")}) {
    std::optional<ScheduleLine> read = ScheduleLine::parse(line, reason);
    ASSERT_TRUE(read) << line << ": " << reason;
    EXPECT_EQ(read->text(), line);
  }
}

TEST(Line, AFormIsOneWordAtTheEnd) {
  const std::string figure = "measured 1us spread 1% default 1us rows 1";
  for (const char *end : {" form", " form ", " form a b", " form ptx threads 2", " shape ptx"})
    EXPECT_TRUE(
        errorOf(lineOf("cuda:sm_80", figure + end)).starts_with("a figure reads like"))
        << end;
}

// A processor's figure depends on its threads.
TEST(Line, AProcessorHasThreads) {
  EXPECT_EQ(errorOf(lineOf("cuda:sm_80", "measured 1us spread 1% default 1us rows 1")), "");
  EXPECT_NE(errorOf(lineOf("cpu:x86-64-v3", "measured 1us spread 1% default 1us rows 1")), "");
}

TEST(Line, FieldsAreThere) {
  EXPECT_EQ(errorOf(lineOf("cpu:native", "predicted 1us default 1us rows 1 threads 1")),
            "a record is for a level, not for cpu:native");
  EXPECT_EQ(errorOf(lineOf("", "predicted 1us default 1us rows 1 threads 1")),
            "a record has a target, a key and a schedule, got an empty one");
}

TEST(Line, OneLineForTheSameWork) {
  ScheduleLines lines;
  std::string line = lineOf("cuda:sm_80", "measured 3us spread 1% default 9us rows 1");
  ASSERT_TRUE(lines.add("# comment\n\n" + line + "\r\n", "x").ok());
  std::string reason;
  ScheduleLine faster = *ScheduleLine::parse(line, reason);
  faster.figure.us = 2;
  faster.figure.form = "ptx";
  lines.replace(faster);
  EXPECT_EQ(lines.text(), faster.text() + "\n");
  faster.chip = "Another";
  lines.replace(faster);
  EXPECT_EQ(lines.all().size(), 2u);
  EXPECT_EQ(lines.add(line + "\nnonsense\n", "y").message(),
            "y:2: a record has 6 fields between ' | ', got 1");
  EXPECT_EQ(lines.all().size(), 2u) << "all or none";
}

TEST(Line, VersionsOfAPackAreThoseOfASweep) {
  EXPECT_EQ(versionsOf("mamba 0.1.0, LLVM 22.1.8"), "mamba 0.1.0 llvm 22.1.8");
  EXPECT_EQ(versionsOf("mamba 0.1.0"), "mamba 0.1.0");
  EXPECT_EQ(versionsOf("a|b\n"), "a b ");
}

TEST(Line, WhatWouldEndAFieldIsASpace) { EXPECT_EQ(asField("a|b\tc\n"), "a b c "); }

} // namespace
