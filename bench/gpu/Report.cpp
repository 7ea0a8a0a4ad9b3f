#include "bench/gpu/Report.h"

#include "bench/gpu/TextTable.h"
#include "bench/gpu/Work.h"

#include <algorithm>
#include <map>

namespace mamba::bench {

const char *textOf(Verdict verdict) {
  return verdict == Verdict::Right ? "right" : verdict == Verdict::Wrong ? "wrong" : "incomplete";
}

Verdicts verdictsOf(const Row &record) {
  Verdicts all;
  bool isAsked = false;
  for (const Row &step : record.at("steps")) {
    const Row &kind = step.at("kind"), &rows = step.at("rows"), &status = step.at("status");
    auto isRow = [](const char *name) {
      return [name](const Row &row) { return row.at("row") == name; };
    };
    bool isVerification = kind == "case" || kind == "kernels" || kind == "model";
    isAsked |= isVerification;
    if ((isVerification && status == "failed") || std::ranges::any_of(rows, [](const Row &row) {
          return (row.at("row") == "check" && !row.at("ok").get<bool>()) ||
                 (row.contains("finite") && !row["finite"].get<bool>());
        }))
      ++all.wrong;
    else if (!isVerification)
      continue;
    else if (std::ranges::any_of(rows, isRow("misfit")))
      ++all.misfits;
    // Of a model the self-test comes first; measuring it may take too long.
    else if (status == "done" || (kind == "model" && (status == "timeout" || status == "cut") &&
                                  std::ranges::any_of(rows, isRow("check"))))
      ++all.right;
    else
      ++all.incomplete;
  }
  if (all.wrong)
    all.whole = Verdict::Wrong;
  else if (record.value("finished", false) && !all.incomplete && (all.right || !isAsked))
    all.whole = Verdict::Right;
  return all;
}

namespace {

/// A share, or what takes its place.
std::string percent(std::optional<double> share) {
  return share ? number("%.0f%%", 100 * *share) : "-";
}
std::string verdict(std::optional<double> value, std::optional<double> accept) {
  return value && accept ? (*value >= *accept ? "ok" : "miss") : "-";
}
std::string micros(std::optional<double> seconds) {
  return seconds ? number("%.1f", 1e6 * *seconds) : "none";
}
std::string textOf(const Row &row, const char *key) { return row.value(key, std::string()); }
std::string stepOf(const Row &row) {
  return std::to_string(row.at("sequences").get<uint64_t>()) + " x " +
         std::to_string(row.at("length").get<uint64_t>());
}

class Report {
public:
  Report(const Row &record, const CheckFolder &folder) : record_(record) {
    for (const Row &step : record.at("steps"))
      for (const Row &row : step.at("rows")) {
        rows_[textOf(row, "row")].push_back({&step, &row});
        if (textOf(row, "row") == "machine")
          machine_ = row;
        if (textOf(row, "row") == "limit")
          limits_[textOf(row, "name")] = row.at("value").get<double>();
      }
    work_ = Work::of(folder, textOf(machine_, "gpu"));
    for (auto [step, row] : rows_["gemm"])
      if (double seconds = row->at("seconds").get<double>(); seconds > 0)
        blasRate_ = std::max(blasRate_, flopsOf(*row) / seconds);
  }
  std::string text() {
    return head() + checks() + limits() + steps() + kernels() + integers() + blas() + peers() +
           undone();
  }

private:
  static double flopsOf(const Row &gemm) {
    return 2 * gemm.at("m").get<double>() * gemm.at("n").get<double>() *
           gemm.at("k").get<double>();
  }
  std::optional<double> limit(const char *name) const {
    auto found = limits_.find(name);
    return found == limits_.end() || found->second <= 0 ? std::nullopt
                                                        : std::optional(found->second);
  }
  /// What memory gives: a copy, or reading alone where that is faster.
  std::optional<double> memory() const {
    return std::max(limit("copy"), limit("read"));
  }
  std::optional<double> matrix() const {
    return blasRate_ > 0 ? std::max(limit("bf16 mma.sync"), std::optional(blasRate_))
                         : limit("bf16 mma.sync");
  }
  /// Seconds that `against` alone takes here.
  std::optional<double> least(const std::string &against, const Floor &floor) const {
    if (against == "DRAM")
      return memory() ? std::optional(floor.bytes / *memory()) : std::nullopt;
    if (against == "matrix peak")
      return matrix() ? std::optional(floor.flops / *matrix()) : std::nullopt;
    auto special = limit("special functions");
    if (against == "special functions")
      return special ? std::optional(floor.specials / *special) : std::nullopt;
    if (against == "matrix + special" && special && matrix())
      return floor.flops / *matrix() + floor.specials / *special;
    return std::nullopt;
  }
  static std::optional<double> shareOf(std::optional<double> least, double seconds) {
    return least && seconds > 0 ? std::optional(*least / seconds) : std::nullopt;
  }

  std::string head() const;
  std::string checks();
  std::string limits();
  std::string steps();
  std::string kernels();
  std::string integers();
  std::string blas();
  std::string peers();
  std::string undone() const;
  std::optional<double> blasSeconds(const Row &kernel, const std::string &role);
  std::string section(const char *title, const TextTable &table) const {
    std::string text = table.text();
    return text.empty() ? text : "\n" + std::string(title) + "\n" + text;
  }

  const Row &record_;
  Row machine_ = Row::object();
  std::map<std::string, std::vector<std::pair<const Row *, const Row *>>> rows_; // step and row
  std::map<std::string, double> limits_;
  double blasRate_ = 0;
  Work work_;
};

std::string Report::head() const {
  std::string text = textOf(machine_, "gpu") + " (" + textOf(machine_, "chip") + "), " +
                     std::to_string(machine_.value("multiprocessors", 0)) + " multiprocessors, " +
                     number("%.0f MHz, L2 ", machine_.value("clock_khz", 0.0) / 1e3) +
                     withUnit(machine_.value("l2_bytes", 0.0), "B") + ", memory " +
                     withUnit(machine_.value("memory_bytes", 0.0), "B") + "\ndriver " +
                     textOf(machine_, "driver") + " (" + textOf(machine_, "driver_library") +
                     "), NVRTC " + textOf(machine_, "nvrtc") + "\n" + textOf(record_, "tool") +
                     ", " + textOf(record_, "began") + ", " +
                     number("%.0f s", record_.value("seconds", 0.0)) +
                     (record_.value("finished", false) ? "" : ", NOT FINISHED") + "\n";
  Verdicts verdicts = verdictsOf(record_);
  text += "verdict: " + std::string(bench::textOf(verdicts.whole)) + ", of what was to be verified " +
          std::to_string(verdicts.right) + " right, " + std::to_string(verdicts.wrong) +
          " wrong, " + std::to_string(verdicts.incomplete) + " not done, " +
          std::to_string(verdicts.misfits) + " not for this GPU\n";
  if (textOf(machine_, "driver_library") != "libcuda.so.1")
    text += "THE DRIVER IS ANOTHER ONE (MAMBA_CUDA_DRIVER): its times mean nothing\n";
  return text;
}

std::string Report::checks() {
  TextTable table("lllrl", {"verified", "how", "", "error", "message"});
  for (auto [step, row] : rows_["check"])
    table.add({textOf(*row, "what"), textOf(*row, "how"),
               row->at("ok").get<bool>() ? "ok" : "WRONG",
               row->contains("error") ? number("%.2g", row->at("error").get<double>()) : "",
               textOf(*row, "message")});
  for (auto [step, row] : rows_["step"])
    if (row->contains("finite") && !row->at("finite").get<bool>())
      table.add({textOf(*row, "model") + " " + textOf(*row, "weights"), "logits, " + stepOf(*row),
                 "WRONG", "", "not finite"});
  return section("Verification", table);
}

std::string Report::limits() {
  TextTable table("lr", {"limit of the machine", "measured"});
  for (auto [step, row] : rows_["limit"])
    table.add({textOf(*row, "name"),
               withUnit(row->at("value").get<double>(), textOf(*row, "unit"))});
  return section("Limits", table);
}

std::string Report::steps() {
  TextTable table("lllrrrrrrlrrl",
                  {"model", "weights", "step", "us", "tok/s", "us, wall", "us, generate",
                   "predicted", "launches", "against", "share", "target", ""});
  for (auto [step, row] : rows_["step"]) {
    std::string weights = textOf(*row, "weights");
    if (row->contains("graph") && !row->at("graph").get<bool>())
      weights += ", no graph";
    if (row->contains("overlap") && !row->at("overlap").get<bool>())
      weights += ", no overlap";
    if (row->contains("error")) {
      table.add({textOf(*row, "model"), weights, stepOf(*row), textOf(*row, "error")});
      continue;
    }
    auto optional = [row = row](const char *key) {
      return row->contains(key) ? number("%.1f", 1e6 * row->at(key).get<double>()) : "-";
    };
    double seconds = row->at("seconds").get<double>();
    double tokens = row->at("sequences").get<double>() * row->at("length").get<double>();
    auto work = work_.step(*row);
    auto share = work ? shareOf(least(work->against, work->floor), seconds) : std::nullopt;
    table.add({textOf(*row, "model"), weights, stepOf(*row), micros(seconds),
               number("%.0f", tokens / seconds), optional("wall_seconds"),
               optional("generate_seconds"), micros(work ? work->predicted : std::nullopt),
               row->contains("launches") ? std::to_string(row->at("launches").get<int>()) : "-",
               work ? work->against : "-", percent(share),
               percent(work ? work->accept : std::nullopt),
               verdict(share, work ? work->accept : std::nullopt)});
  }
  return section("Whole steps: decode is N x 1. us by the GPU's events", table);
}

/// How long cuBLAS takes for the kernel's projection.
std::optional<double> Report::blasSeconds(const Row &kernel, const std::string &role) {
  uint64_t tokens = kernel.at("sequences").get<uint64_t>() * kernel.at("length").get<uint64_t>();
  for (auto [step, row] : rows_["gemm"])
    if (textOf(*row, "model") == textOf(kernel, "model") && textOf(*row, "role") == role &&
        row->at("m").get<uint64_t>() == tokens)
      return row->at("seconds").get<double>();
  return std::nullopt;
}

std::string Report::kernels() {
  TextTable table("lllrrrlrrlr", {"model", "step", "kernel", "n", "us", "predicted", "against",
                                  "share", "target", "", "of cuBLAS"});
  const Row *before = nullptr;
  double slices = 0;
  for (auto [step, row] : rows_["kernel"]) {
    if (before && (before->at("model") != row->at("model") ||
                   before->at("weights") != row->at("weights") || stepOf(*before) != stepOf(*row)))
      table.gap();
    before = row;
    double seconds = row->at("seconds").get<double>();
    auto work = work_.kernel(*row);
    std::string role = work ? work->role : textOf(*row, "kernel");
    // A scan in slices is one scan, judged as such.
    bool isFirstHalf = role == "slices";
    double whole = seconds + (role == "scan" ? std::exchange(slices, 0) : 0);
    if (isFirstHalf)
      slices = seconds;
    bool isJudged = work && !isFirstHalf;
    auto share = isJudged ? shareOf(least(work->against, work->floor), whole) : std::nullopt;
    auto accept = isJudged ? work->accept : std::nullopt;
    auto peer = blasSeconds(*row, role);
    std::optional<double> ofBlas = shareOf(peer, seconds);
    bool isProjection = work && work->against == "matrix peak";
    table.add({textOf(*row, "model") + " " + textOf(*row, "weights"), stepOf(*row), role,
               std::to_string(row->at("times").get<int>()), micros(seconds),
               micros(work ? work->predicted : std::nullopt), work ? work->against : "-",
               percent(share), percent(accept),
               // What is accepted of a projection is a share of cuBLAS, where that is known.
               verdict(isProjection && ofBlas ? ofBlas : share, accept), percent(ofBlas)});
  }
  return section("Kernels: us a launch; in a decode step what it adds to the step, else by events",
                 table);
}

std::string Report::integers() {
  TextTable table("llrrl", {"decode of 1", "weights", "against bf16", "target", ""});
  std::map<std::string, double> inBf16;
  auto isPlain = [](const Row &row) {
    return !row.contains("error") && row.at("sequences") == 1 && row.at("length") == 1 &&
           row.value("graph", true);
  };
  for (auto [step, row] : rows_["step"])
    if (isPlain(*row) && textOf(*row, "weights") == "bf16")
      inBf16.try_emplace(textOf(*row, "model"), row->at("seconds").get<double>());
  for (auto [step, row] : rows_["step"]) {
    std::string weights = textOf(*row, "weights"), model = textOf(*row, "model");
    if (!isPlain(*row) || !weights.starts_with("int") || !inBf16.contains(model))
      continue;
    double ratio = inBf16[model] / row->at("seconds").get<double>();
    std::optional<double> accept;
    if (model == "2.8b")
      accept = weights == "int8" ? 1.6 : 2.4;
    table.add({model, weights, number("%.2fx", ratio), accept ? number("%.1fx", *accept) : "-",
               verdict(ratio, accept)});
  }
  return section("Integers", table);
}

std::string Report::blas() {
  TextTable table("llrrrrr", {"model", "projection", "M", "N", "K", "us", "TFLOP/s"});
  for (auto [step, row] : rows_["gemm"]) {
    double seconds = row->at("seconds").get<double>();
    auto size = [row = row](const char *key) { return number("%.0f", row->at(key).get<double>()); };
    table.add({textOf(*row, "model"), textOf(*row, "role"), size("m"), size("n"), size("k"),
               micros(seconds),
               number("%.1f", flopsOf(*row) / seconds / 1e12)});
  }
  return section("cuBLAS, bf16 with f32 sums", table);
}

std::string Report::peers() {
  TextTable table("lllr", {"peer", "model", "step", "us"});
  for (auto [step, row] : rows_["peer"])
    table.add({textOf(*row, "name"), textOf(*row, "model"), stepOf(*row),
               row->contains("seconds") ? micros(row->at("seconds").get<double>())
                                        : textOf(*row, "error")});
  return section("PyTorch and Triton", table);
}

std::string Report::undone() const {
  TextTable table("lll", {"step", "status", "message"});
  for (const Row &step : record_.at("steps"))
    if (step.at("status") != "done")
      table.add({textOf(step, "title"), textOf(step, "status"), textOf(step, "message")});
  return section("Not done", table);
}

} // namespace

std::string reportOf(const Row &record, const CheckFolder &folder) {
  return Report(record, folder).text();
}

} // namespace mamba::bench
