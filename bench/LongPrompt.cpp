// mamba-long-prompt: feeds a long prompt and measures on the way what a token
// takes and how much memory the process has: both stay flat.
#include "bench/LoadedModel.h"
#include "bench/Machine.h"
#include "runtime/support/Format.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace mamba::bench;
using mamba::format;

struct Options {
  std::string pack, model;
  std::vector<int64_t> positions = {128, 512, 2048, 8192, 32768, 131072, 524288, 1000000};
  uint32_t threads = 0;
  bool json = false;
};

/// What was seen when the sequence had so many tokens.
struct Point {
  int64_t position;
  double prefillSeconds;         // of the prompt up to here
  double prefillSecondsPerToken; // since the point before
  double decodeSecondsPerToken;  // the median of some steps
  double residentMegabytes;
};

double residentMegabytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmRSS:"))
      return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

/// The seconds that tokens `first` to `first + count` of the prompt take, fed in
/// steps of `each`; less than 0 after a failure.
double feed(LoadedModel &loaded, int64_t first, int64_t count, int64_t each) {
  std::vector<int32_t> tokens = loaded.prompt(first, count);
  Stopwatch watch;
  for (int64_t i = 0; i < count; i += each)
    if (!loaded.step(tokens.data() + i, size_t(std::min(each, count - i))))
      return -1;
  return watch.seconds();
}

bool measure(const Options &options, LoadedModel &loaded, std::vector<Point> &points) {
  constexpr int64_t decoded = 32, piece = 1 << 16;
  // Once without a clock: pages, caches, threads.
  if (feed(loaded, 0, 64, 64) < 0 || feed(loaded, 64, 4, 1) < 0 ||
      mamba_session_clear(loaded.session, 0) != MAMBA_OK)
    return false;
  int64_t done = 0;
  double prefill = 0;
  for (int64_t position : options.positions) {
    double seconds = 0;
    int64_t before = done;
    while (done < position) {
      int64_t count = std::min(piece, position - done);
      double took = feed(loaded, done, count, count);
      if (took < 0)
        return false;
      seconds += took;
      done += count;
    }
    std::vector<double> steps(decoded);
    for (double &step : steps)
      if ((step = feed(loaded, done++, 1, 1)) < 0)
        return false;
    std::nth_element(steps.begin(), steps.begin() + decoded / 2, steps.end());
    prefill += seconds;
    points.push_back({position, prefill, seconds / double(position - before), steps[decoded / 2],
                      residentMegabytes()});
  }
  return true;
}

void print(const Options &options, const std::vector<Point> &points) {
  if (!options.json) {
    std::printf("%12s %18s %18s %12s\n", "position", "prompt us/token", "decode us/token",
                "resident MB");
    for (const Point &p : points)
      std::printf("%12ld %18.1f %18.1f %12.1f\n", long(p.position), p.prefillSecondsPerToken * 1e6,
                  p.decodeSecondsPerToken * 1e6, p.residentMegabytes);
    return;
  }
  std::string text = "{\"positions\": [";
  for (const Point &p : points)
    text += format("%s{\"position\": %ld, \"prefill_s\": %.6f, \"prefill_s_per_token\": %.4g, "
                   "\"decode_s_per_token\": %.4g, \"resident_mb\": %.1f}",
                   &p == &points.front() ? "" : ", ", long(p.position), p.prefillSeconds,
                   p.prefillSecondsPerToken, p.decodeSecondsPerToken, p.residentMegabytes);
  std::printf("%s]}\n", text.c_str());
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("What a token takes, and memory, at positions of one long prompt");
  Options options;
  app.add_option("pack", options.pack, "the pack, X.mpk")->required();
  app.add_option("--model", options.model, "folder with the weights");
  app.add_option("--positions", options.positions, "rising, each 32 tokens after the one before")
      ->delimiter(',')
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  app.add_option("--threads", options.threads, "threads; without it one for each processor")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--json", options.json, "one JSON line");
  try {
    app.parse(argc, argv);
    for (size_t i = 1; i < options.positions.size(); ++i)
      if (options.positions[i] < options.positions[i - 1] + 33)
        throw CLI::ValidationError("--positions", "must rise by more than 32");
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  LoadedModel loaded;
  std::vector<Point> points;
  std::string error;
  if (!loaded.load(options.pack, "", options.model, options.threads, error) ||
      !measure(options, loaded, points)) {
    std::fprintf(stderr, "mamba-long-prompt: %s\n", mamba_last_error());
    return 1;
  }
  print(options, points);
  return 0;
}
