# SPDX-License-Identifier: GPL-2.0-only
"""
Plots: what a message costs against its size, one line a family, a panel for
each socket type. Both axes are logarithmic.
"""
import math

COLOURS = {"demo": "#d62728", "unix": "#1f77b4", "pipe": "#2ca02c",
           "tcp": "#9467bd", "vsock": "#8c564b", "tipc": "#e8890c"}
NAMES = {"demo": "AF_DEMO", "unix": "AF_UNIX", "pipe": "pipe", "tcp": "TCP",
         "vsock": "AF_VSOCK", "tipc": "TIPC"}
SIZES = [1, 64, 512, 4096, 65536, 1 << 20]
LABELS = ["1", "64", "512", "4 Ki", "64 Ki", "1 Mi"]
TYPES = ["stream", "dgram", "seqpacket"]
TITLES = {"oneway": "One way", "roundtrip": "There and back"}

WIDTH, HEIGHT = 300, 300		# of a panel
LEFT, TOP, GAP, BOTTOM = 60, 60, 20, 70


def write(path, table, work, kernel, way):
    panels = []
    values = []
    for kind in TYPES:
        lines = {}
        for family in COLOURS:
            points = [(size, table.median((f"{work}-{kind}", size), family))
                      for size in SIZES]
            points = [point for point in points if point[1]]
            if points:
                lines[family] = points
                values += [figure for _, figure in points]
        panels.append((kind, lines))
    if not values:
        return

    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)

    def x_of(panel, size):
        return (LEFT + panel * (WIDTH + GAP) + 12 +
                (WIDTH - 24) * math.log2(size) / math.log2(SIZES[-1]))

    def y_of(figure):
        return TOP + HEIGHT * (1 - (math.log10(figure) - low) / (high - low))

    total = LEFT + len(TYPES) * (WIDTH + GAP)
    unit = "instructions" if way == "counted" else "nanoseconds"
    out = [
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" '
        f'height="{TOP + HEIGHT + BOTTOM}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{TITLES[work]}: {unit} '
        f'per message, by its size in bytes (Linux {kernel})</text>',
    ]
    for panel, (kind, lines) in enumerate(panels):
        left = LEFT + panel * (WIDTH + GAP)
        out.append(f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" '
                   'fill="none" stroke="#888"/>')
        out.append(f'<text x="{left + WIDTH / 2}" y="{TOP - 8}" '
                   f'text-anchor="middle">{kind}</text>')
        for power in range(low, high + 1):
            y = y_of(10 ** power)
            out.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" '
                       'stroke="#ddd"/>')
            if panel == 0:
                out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" '
                           f'text-anchor="end">{10 ** power:,}</text>')
        for size, label in zip(SIZES, LABELS):
            x = x_of(panel, size)
            out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" '
                       'stroke="#eee"/>')
            out.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 16}" '
                       f'text-anchor="middle">{label}</text>')
        # AF_DEMO last, over the others.
        for family in reversed(list(lines)):
            points = " ".join(f"{x_of(panel, size):.1f},{y_of(figure):.1f}"
                              for size, figure in lines[family])
            width = 2.5 if family == "demo" else 1.5
            out.append(f'<polyline points="{points}" fill="none" '
                       f'stroke="{COLOURS[family]}" stroke-width="{width}"/>')
            for point in points.split():
                x, y = point.split(",")
                out.append(f'<circle cx="{x}" cy="{y}" r="{width}" fill="{COLOURS[family]}"/>')
    seen = [family for family in COLOURS if any(family in lines for _, lines in panels)]
    for number, family in enumerate(seen):
        x = LEFT + number * 110
        y = TOP + HEIGHT + 44
        out.append(f'<line x1="{x}" x2="{x + 24}" y1="{y - 4}" y2="{y - 4}" '
                   f'stroke="{COLOURS[family]}" stroke-width="3"/>')
        out.append(f'<text x="{x + 30}" y="{y}">{NAMES[family]}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
