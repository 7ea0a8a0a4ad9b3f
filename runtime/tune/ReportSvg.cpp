// A sweep as a picture.
#include "runtime/tune/Report.h"
#include "runtime/support/Format.h"

#include <algorithm>
#include <numeric>

namespace mamba::tune {

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return result;
}

static std::string label(double x, double y, const std::string &text, const char *kind = "") {
  return format("<text x=\"%.0f\" y=\"%.0f\"%s>", x, y, kind) + escaped(text) + "</text>\n";
}

namespace {

/// What an axis shows: somewhat more than the values span.
struct Range {
  double least, most;

  static Range of(const std::vector<double> &values) {
    auto [low, high] = std::minmax_element(values.begin(), values.end());
    double room = std::max(0.05 * (*high - *low), 0.01 * *high);
    return {*low - room, *high + room};
  }
  double share(double value) const {
    return most > least ? (value - least) / (most - least) : 0.5;
  }
};

/// A rectangle with two axes.
struct Panel {
  double left, top, width, height;
  Range across, up;

  double x(double value) const { return left + width * across.share(value); }
  double y(double value) const { return top + height * (1 - up.share(value)); }

  /// The frame, both ends of both axes, and what they are.
  std::string frame(const std::string &what, const std::string &of) const {
    double below = top + height + 16;
    return format("<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" class=\"frame\"/>\n",
                  left, top, width, height) +
           label(left - 4, top + 10, format("%.4g", up.most), kRight) +
           label(left - 4, top + height, format("%.4g", up.least), kRight) +
           label(left, below, format("%.4g", across.least)) +
           label(left + width, below, format("%.4g", across.most), kRight) +
           label(left + width / 2, below, of, kMiddle) + label(left, top - 4, what);
  }

  static constexpr const char *kRight = " text-anchor=\"end\"";
  static constexpr const char *kMiddle = " text-anchor=\"middle\"";
};

} // namespace

/// Left measured by predicted, or what was only predicted in the order of trying; right
/// the best so far by the number of candidates.
static std::string drawKernel(const KernelReport &report, double top) {
  std::string text = label(20, top + 14, report.key, " class=\"key\"");
  std::string rank = rankText(report.rank);
  text += label(20, top + 30,
                format("%lld rows, default %.1f us, best %.1f us, %.3fx",
                       static_cast<long long>(report.rows), report.ownUs, report.bestUs,
                       report.ownUs / report.bestUs));
  text += label(20, top + 46, rank);
  Range us = Range::of(report.measuredUs);
  std::vector<double> order(report.measuredUs.size());
  std::iota(order.begin(), order.end(), 1);
  const std::vector<double> &across = report.isMeasured ? report.predictedUs : order;
  Panel scatter = {70, top + 68, 310, 160, Range::of(across), us};
  Panel curve = {460, top + 68, 310, 160, {0, double(report.measuredUs.size())}, us};
  text += (report.isMeasured ? scatter.frame("measured us of each candidate", "predicted us")
                             : scatter.frame("predicted us of each candidate", "as tried")) +
          curve.frame("us of the fastest so far", "candidates tried");
  for (size_t i = 0; i < report.measuredUs.size(); ++i) {
    text += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"%s\"><title>",
                   scatter.x(across[i]), scatter.y(report.measuredUs[i]),
                   i == 0                                      ? "own"
                   : report.schedules[i] == report.bestSchedule ? "best"
                                                               : "other") +
            escaped(report.schedules[i]) + format(": %.1f us", report.measuredUs[i]);
    if (report.isMeasured)
      text += format(", predicted %.1f us", report.predictedUs[i]);
    text += "</title></circle>\n";
  }
  std::string points;
  double best = report.measuredUs.front();
  for (size_t i = 0; i < report.measuredUs.size(); ++i) {
    best = std::min(best, report.measuredUs[i]);
    points += format("%.1f,%.1f %.1f,%.1f ", curve.x(double(i)), curve.y(best),
                     curve.x(double(i + 1)), curve.y(best));
  }
  return text + "<polyline points=\"" + points + "\" class=\"curve\"/>\n";
}

std::string reportSvg(const std::vector<KernelReport> &reports, const std::string &title) {
  std::string body;
  double top = 64;
  for (const KernelReport &report : reports)
    if (!report.measuredUs.empty()) {
      body += drawKernel(report, top);
      top += 264;
    }
  return format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1100\" height=\"%.0f\">\n",
                top) +
         "<style>text{font:12px sans-serif}.key{font-weight:bold}.frame{fill:none;stroke:#888}"
         ".own{fill:#d33}.best{fill:#293}.other{fill:#36c;fill-opacity:.6}"
         ".curve{fill:none;stroke:#36c;stroke-width:2}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         label(20, 24, title) +
         label(20, 42, "Red is the default, green what takes its place. Dots that rise from left "
                       "to right are predicted in their order.") +
         body + "</svg>\n";
}

} // namespace mamba::tune
