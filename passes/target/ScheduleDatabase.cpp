#include "passes/target/ScheduleDatabase.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <tuple>

using namespace mlir;

namespace mamba {

std::string ScheduleDatabase::kindOf(const ScheduleRecord &record) const {
  return record.target + " " + record.key.kind;
}

void ScheduleDatabase::add(ScheduleRecord record) {
  std::string kind = kindOf(record);
  records.emplace(std::move(kind), std::move(record));
}

bool ScheduleDatabase::add(StringRef text, StringRef name, std::string &error) {
  std::vector<ScheduleRecord> read;
  if (Status status = tune::readLines(text, name.str(), read); !status.ok()) {
    error = status.message();
    return false;
  }
  for (ScheduleRecord &record : read)
    add(std::move(record));
  return true;
}

std::string ScheduleDatabase::text() const {
  std::vector<std::string> lines;
  for (const auto &[kind, record] : records)
    lines.push_back(record.text());
  return tune::joinLines(std::move(lines));
}

const ScheduleRecord *
ScheduleDatabase::find(StringRef target, const ScheduleKey &key, StringRef chip,
                       llvm::function_ref<bool(const Schedule &)> fits) const {
  constexpr double farthest = 2;
  struct Candidate {
    double distance;
    const ScheduleRecord *record;
  };
  std::vector<Candidate> candidates;
  auto [begin, end] = records.equal_range(target.str() + " " + key.kind);
  for (auto at = begin; at != end; ++at)
    if (std::optional<double> distance = key.distance(at->second.key);
        distance && *distance <= farthest)
      candidates.push_back({*distance, &at->second});
  // Whatever order the records came in: the last word has their text.
  llvm::sort(candidates, [&](const Candidate &a, const Candidate &b) {
    auto order = [&](const Candidate &c) {
      const ScheduleFigure &figure = c.record->figure;
      return std::tuple(c.distance, !figure.isMeasured, c.record->chip != chip);
    };
    if (order(a) != order(b))
      return order(a) < order(b);
    if (a.record->date != b.record->date)
      return a.record->date > b.record->date;
    if (a.record->figure.us != b.record->figure.us)
      return a.record->figure.us < b.record->figure.us;
    return a.record->text() < b.record->text();
  });
  for (const Candidate &candidate : candidates)
    if (fits(candidate.record->schedule))
      return candidate.record;
  return nullptr;
}

} // namespace mamba
