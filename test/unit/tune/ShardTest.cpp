// Shares of a sweep, what is kept of their databases, and whose turn a host is.
#include "runtime/tune/HostTurn.h"
#include "runtime/tune/KeepBest.h"
#include "runtime/tune/Shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <numeric>

#include <sys/wait.h>
#include <unistd.h>

using namespace mamba;
using namespace mamba::tune;

namespace {

TEST(Shard, ReadsWhatItWrites) {
  for (Shard shard : {Shard{1, 1}, Shard{2, 8}, Shard{65536, 65536}}) {
    Result<Shard> read = Shard::parse(shard.text());
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(*read, shard);
  }
  EXPECT_TRUE(Shard().isAll());
  EXPECT_FALSE((Shard{1, 2}).isAll());
}

TEST(Shard, RefusesWhatIsNoShare) {
  for (const char *text : {"", "1", "/", "1/", "/2", "0/2", "3/2", "-1/2", "1/0", "1/65537",
                           "1/2/3", " 1/2", "1/2 ", "1.0/2", "+1/2", "a/b",
                           "99999999999999999999/99999999999999999999"}) {
    Result<Shard> read = Shard::parse(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.status().message(),
              "must be I/N, as in 2/8, I from 1 to N and N at most 65536, got '" +
                  std::string(text) + "'");
  }
}

std::vector<ShardItem> itemsOf(const std::vector<size_t> &candidates) {
  std::vector<ShardItem> items;
  for (size_t count : candidates)
    items.push_back({"kernel " + std::to_string(items.size()), count});
  return items;
}

TEST(Shard, TheLargestIsDealtFirstToWhoeverHasLeast) {
  // 40, 30 and 20 + 20; then 10 to the second, 10 to the first, 5 to the second.
  EXPECT_EQ(deal(itemsOf({10, 40, 20, 30, 10, 20, 5}), 3),
            (std::vector<size_t>{2, 1, 3, 2, 1, 3, 2}));
  EXPECT_EQ(deal(itemsOf({7, 7, 7}), 2), (std::vector<size_t>{1, 2, 1}));
  EXPECT_EQ(deal({}, 3), std::vector<size_t>());
}

TEST(Shard, TheOrderOfTheKernelsDoesNotCount) {
  std::vector<ShardItem> items = itemsOf({3, 17, 40, 40, 2, 9, 9, 9, 31, 40, 1});
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<size_t> first = deal(items, 4);
  for (int turn = 0; turn < 20; ++turn) {
    std::next_permutation(order.begin(), order.end());
    std::rotate(order.begin(), order.begin() + 3, order.end());
    std::vector<ShardItem> mixed;
    for (size_t i : order)
      mixed.push_back(items[i]);
    std::vector<size_t> dealt = deal(mixed, 4);
    for (size_t i = 0; i < order.size(); ++i)
      EXPECT_EQ(dealt[i], first[order[i]]) << mixed[i].key;
  }
}

TEST(Shard, NoShareHasMuchMoreThanAnother) {
  std::vector<size_t> candidates;
  for (size_t i = 0; i < 60; ++i)
    candidates.push_back(2 + i * 7919 % 39);
  for (size_t shares : {1, 2, 3, 7, 16}) {
    std::vector<size_t> loads(shares + 1);
    std::vector<size_t> dealt = deal(itemsOf(candidates), shares);
    for (size_t i = 0; i < dealt.size(); ++i) {
      ASSERT_TRUE(dealt[i] >= 1 && dealt[i] <= shares);
      loads[dealt[i]] += candidates[i];
    }
    auto [least, most] = std::minmax_element(loads.begin() + 1, loads.end());
    EXPECT_LE(*most - *least, *std::max_element(candidates.begin(), candidates.end()));
    EXPECT_EQ(std::accumulate(loads.begin(), loads.end(), size_t(0)),
              std::accumulate(candidates.begin(), candidates.end(), size_t(0)));
  }
}

TEST(Shard, MoreSharesThanKernelsLeaveSomeEmpty) {
  std::vector<size_t> dealt = deal(itemsOf({5, 6}), 4);
  EXPECT_EQ(dealt, (std::vector<size_t>{2, 1}));
}

//===----------------------------------------------------------------------===//
// KeepBest
//===----------------------------------------------------------------------===//

ScheduleLine lineOfSchedule(const std::string &schedule) {
  ScheduleLine line;
  line.target = "cpu:x86-64-v4";
  line.key = "scan selective_scan f32,f32->f32 prefill 1536x16";
  line.schedule = schedule;
  line.figure = {true, 10, 1, 12, 512, 2};
  line.chip = "A chip";
  line.versions = "mamba 0.1.0 llvm 22.1.8";
  line.date = "2026-11-22";
  return line;
}

TEST(KeepBest, OfTheSameWorkTheBetterWitness) {
  ScheduleLine predicted = lineOfSchedule("chunk=1"), older = lineOfSchedule("chunk=2"),
               slower = lineOfSchedule("chunk=3"), best = lineOfSchedule("chunk=4");
  predicted.figure.isMeasured = false;
  predicted.figure.us = 1;
  predicted.date = "2027-01-01";
  older.date = "2026-01-01";
  older.figure.us = 1;
  slower.figure.us = 11;
  // Worst first; each beats all before it.
  std::vector<ScheduleLine> lines;
  for (const ScheduleLine &line : {predicted, older, slower, best}) {
    lines.push_back(line);
    for (int order = 0; order < 2; ++order) {
      std::vector<ScheduleLine> kept = keepBest(lines);
      ASSERT_EQ(kept.size(), 1u);
      EXPECT_EQ(kept[0].schedule, line.schedule);
      std::reverse(lines.begin(), lines.end());
    }
  }
}

TEST(KeepBest, OtherVersionsAreNoOtherWork) {
  ScheduleLine newer = lineOfSchedule("chunk=1"), older = lineOfSchedule("chunk=2");
  older.versions = "mamba 0.2.0 llvm 23.1.0";
  older.date = "2026-11-21";
  std::vector<ScheduleLine> kept = keepBest({older, newer});
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].schedule, "chunk=1");
}

TEST(KeepBest, WhatIsOfOtherWorkStays) {
  std::vector<ScheduleLine> lines(6, lineOfSchedule("chunk=1"));
  lines[1].chip = "Another chip";
  lines[2].target = "cpu:x86-64-v3";
  lines[3].key = "scan selective_scan f32,f32->f32 prefill 1536x8";
  lines[4].figure.rows = 256;
  lines[5].figure.threads = 8;
  EXPECT_EQ(keepBest(lines).size(), 6u);
  EXPECT_TRUE(keepBest({}).empty());
}

//===----------------------------------------------------------------------===//
// HostTurn
//===----------------------------------------------------------------------===//

std::string nameOfTest() { return "mamba test " + std::to_string(::getpid()); }

const auto never = [] { return false; };
const auto silent = [](const std::string &) {};

TEST(HostTurn, BelongsToOneUntilItIsGivenBack) {
  std::string name = nameOfTest();
  {
    auto turn = HostTurn::take(name, never, silent);
    ASSERT_TRUE(turn.ok() && *turn);
    int asked = 0, said = 0;
    auto second = HostTurn::take(name, [&] { return ++asked > 2; }, [&](const std::string &holder) {
      ++said;
      EXPECT_EQ(holder, "process " + std::to_string(::getpid()) + " of user " +
                            std::to_string(::geteuid()));
    });
    ASSERT_TRUE(second.ok());
    EXPECT_FALSE(*second);
    EXPECT_EQ(said, 1);
    EXPECT_TRUE(*HostTurn::take(name + " another", never, silent));
  }
  int said = 0;
  auto third = HostTurn::take(name, never, [&](const std::string &) { ++said; });
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(*third);
  EXPECT_EQ(said, 0);
}

TEST(HostTurn, IsFreeWhenItsProcessIsKilled) {
  std::string name = nameOfTest();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  if (child == 0) {
    auto turn = HostTurn::take(name, never, silent);
    char taken = turn.ok() && *turn ? 'y' : 'n';
    (void)!::write(ready[1], &taken, 1);
    ::pause();
    ::_exit(0);
  }
  char taken = 0;
  ASSERT_EQ(::read(ready[0], &taken, 1), 1);
  EXPECT_EQ(taken, 'y');
  // Killed when this process waits for it.
  auto turn = HostTurn::take(name, never, [&](const std::string &) { ::kill(child, SIGKILL); });
  ASSERT_TRUE(turn.ok());
  EXPECT_TRUE(*turn);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  ::close(ready[0]), ::close(ready[1]);
}

} // namespace
