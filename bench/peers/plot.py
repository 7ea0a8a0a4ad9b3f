"""plot.py REPORT.json PLOT.svg: time of a token and memory against position."""

import html
import json
import math
import sys

# Colours that stand on white and on black; each line has its own mark too.
COLOURS = ["#0b84d8", "#d9590b", "#8a5cd6", "#1f9d61", "#c2408f"]
WIDTH, HEIGHT = 460, 330
LEFT, TOP, BOTTOM, GAP = 78, 46, 62, 96
LEGEND = 24


def decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def seconds(value):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale * 0.999:
            return f"{value / scale:g} {unit}"
    return f"{value:g} s"


def megabytes(value):
    return f"{value / 1000:g} GB" if value >= 1000 else f"{value:g} MB"


def tokens(value):
    return "1M" if value >= 1e6 else f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def text(anchor, x, y, words):
    place = f'text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}"'
    return f'<text class="tick" {place}>{html.escape(words)}</text>'


class Panel:
    """One pair of logarithmic axes."""

    def __init__(self, left, title, label, lines, key):
        self.left, self.title, self.label = left, title, label
        self.lines = [(name, [(p["position"], p[key]) for p in points]) for name, points in lines]
        every = [point for _, points in self.lines for point in points]
        self.x = decades([x for x, _ in every])
        self.y = decades([y for _, y in every])

    def at(self, x, y):
        across = (math.log10(x) - self.x[0]) / (self.x[1] - self.x[0])
        up = (math.log10(y) - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * WIDTH, TOP + (1 - up) * HEIGHT

    def axes(self):
        yield f'<text class="title" x="{self.left}" y="{TOP - 18}">{self.title}</text>'
        for power in range(self.x[0], self.x[1] + 1):
            x, _ = self.at(10.0**power, 10.0 ** self.y[0])
            yield f'<path class="grid" d="M{x:.1f} {TOP}V{TOP + HEIGHT}"/>'
            yield text("middle", x, TOP + HEIGHT + 20, tokens(10.0**power))
        for power in range(self.y[0], self.y[1] + 1):
            _, y = self.at(10.0 ** self.x[0], 10.0**power)
            yield f'<path class="grid" d="M{self.left} {y:.1f}H{self.left + WIDTH}"/>'
            yield text("end", self.left - 8, y + 4, self.label(10.0**power))
        yield text("middle", self.left + WIDTH / 2, TOP + HEIGHT + 44, "position, tokens")

    def curves(self):
        for number, (_, points) in enumerate(self.lines):
            colour = COLOURS[number % len(COLOURS)]
            path = " ".join(
                f"{'ML'[i > 0]}{x:.1f} {y:.1f}"
                for i, (x, y) in enumerate(self.at(*p) for p in points)
            )
            yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
            for point in points:
                yield mark(number, *self.at(*point))


def mark(number, x, y):
    colour = COLOURS[number % len(COLOURS)]
    shapes = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"',
        f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z"',
        f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"',
        f'<path d="M{x:.1f} {y - 5:.1f}l5 5-5 5-5-5z"',
        f'<path d="M{x:.1f} {y + 5:.1f}l5-9h-10z"',
    ]
    return shapes[number % len(shapes)] + f' fill="{colour}"/>'


def document(report):
    lines = [
        (line["name"], line["positions"])
        for line in report["bundled"]["lines"] + report["transformer"]
    ]
    panels = [
        Panel(LEFT, "Time of a decoded token", seconds, lines, "decode_s_per_token"),
        Panel(LEFT + WIDTH + GAP, "Memory of the process", megabytes, lines, "resident_mb"),
    ]
    width = LEFT + 2 * WIDTH + GAP + 24
    height = TOP + HEIGHT + BOTTOM + LEGEND * ((len(lines) + 1) // 2) + 8
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    # Greys in the middle are read on a light and on a dark background.
    yield (
        "<style>text{font-family:sans-serif;fill:#808080}.title{font-size:16px;font-weight:bold}"
        ".tick{font-size:13px}.grid{stroke:#808080;stroke-opacity:.3;fill:none}</style>"
    )
    for panel in panels:
        yield from panel.axes()
        yield from panel.curves()
    for number, (name, _) in enumerate(lines):
        x = LEFT + (number % 2) * (WIDTH + GAP)
        y = TOP + HEIGHT + BOTTOM + LEGEND * (number // 2)
        yield mark(number, x + 6, y)
        yield text("start", x + 20, y + 5, name)
    yield "</svg>"


def main():
    source, out = sys.argv[1:]
    with open(source) as file:
        report = json.load(file)
    if not report["bundled"]:
        sys.exit(f"plot.py: {source} has no positions: run compare.py with its part bundled")
    with open(out, "w") as file:
        file.write("\n".join(document(report)) + "\n")


main()
