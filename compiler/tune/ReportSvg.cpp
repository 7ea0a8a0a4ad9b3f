// A sweep as a picture.
#include "compiler/tune/Report.h"
#include "runtime/support/Format.h"

#include <algorithm>

namespace mamba {

static std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return result;
}

static std::string label(double x, double y, const std::string &text) {
  return format("<text x=\"%.0f\" y=\"%.0f\">", x, y) + escaped(text) + "</text>\n";
}

namespace {
/// A rectangle with values from 0 to the largest on both axes.
struct Panel {
  double left, top, width, height, mostX, mostY;

  double x(double value) const { return left + width * value / mostX; }
  double y(double value) const { return top + height * (1 - value / mostY); }
  std::string frame() const {
    return format("<rect x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" class=\"frame\"/>\n",
                  left, top, width, height);
  }
};
} // namespace

static double largest(const std::vector<double> &values) {
  double most = *std::max_element(values.begin(), values.end());
  return most > 0 ? most * 1.05 : 1;
}

/// Left measured by predicted, right the best so far by the number of candidates.
static std::string drawKernel(const KernelReport &report, double top) {
  std::string text = label(20, top + 14, report.key);
  text += label(20, top + 30,
                format("default %.1f us, best %.1f us, rank correlation %.2f", report.ownUs,
                       report.bestUs, report.rankCorrelation));
  double mostUs = largest(report.measuredUs);
  Panel scatter = {60, top + 40, 320, 160, largest(report.predictedUs), mostUs};
  Panel curve = {440, top + 40, 320, 160, double(report.measuredUs.size()), mostUs};
  text += scatter.frame() + curve.frame();
  text += label(60, top + 216, format("predicted us, to %.0f", scatter.mostX)) +
          label(440, top + 216, format("candidates tried, to %.0f", curve.mostX)) +
          label(4, top + 52, format("%.0f", mostUs));
  for (size_t i = 0; i < report.measuredUs.size(); ++i)
    text += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" class=\"%s\"><title>",
                   scatter.x(report.predictedUs[i]), scatter.y(report.measuredUs[i]),
                   i == 0 ? "own" : "other") +
            escaped(report.schedules[i]) +
            format(": %.1f us, predicted %.1f us</title></circle>\n", report.measuredUs[i],
                   report.predictedUs[i]);
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
  double top = 40;
  for (const KernelReport &report : reports)
    if (!report.measuredUs.empty()) {
      body += drawKernel(report, top);
      top += 240;
    }
  return format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%.0f\">\n", top) +
         "<style>text{font:12px sans-serif}.frame{fill:none;stroke:#888}.own{fill:#d33}"
         ".other{fill:#36c;fill-opacity:.6}.curve{fill:none;stroke:#36c;stroke-width:2}</style>\n"
         "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
         label(20, 24, title) + body + "</svg>\n";
}

} // namespace mamba
