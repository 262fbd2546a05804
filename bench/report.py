#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
report.py MEASURED RESULTS KERNEL/WAY...

Reads what bench printed, MEASURED/KERNEL/WAY.tsv, and writes into RESULTS, for
each of them: a table as CSV and as Markdown, and plots. Prints the table, and
the marks that the figures are held against.
"""
import collections
import csv
import os
import statistics
import sys

import plot

NAMES = plot.NAMES
FAMILIES = list(NAMES)
UNITS = {"counted": "instructions", "timed": "nanoseconds"}

# What AF_DEMO may take where AF_UNIX takes 1, and whether a pipe must not take
# less. Counted on 6.1.
COUNTED_MARKS = {
    ("oneway-stream", 1): (0.35, False),
    ("oneway-stream", 64): (0.35, True),
    ("oneway-stream", 4096): (0.60, True),
    ("oneway-stream", 65536): (0.65, False),
    ("oneway-stream", 1 << 20): (0.65, False),
    ("oneway-dgram", 64): (0.60, False),
    ("oneway-seqpacket", 64): (0.60, False),
    ("roundtrip-stream", 64): (0.85, False),
    ("roundtrip-dgram", 64): (0.85, False),
    ("roundtrip-seqpacket", 64): (0.85, False),
    ("zerocopy-stream", 1 << 20): (0.40, False),
    ("connect-stream", 1): (0.85, False),
    ("memory-queued-stream", 1): (1 / 300, False),
}
# How many times AF_UNIX's throughput, at least.
TIMED_MARKS = {
    ("oneway-stream", 64): 2.5,
    ("oneway-dgram", 64): 1.5,
    ("oneway-seqpacket", 64): 1.5,
    ("spinning-stream", 64): 2.0,
    ("spinning-dgram", 64): 2.0,
    ("spinning-seqpacket", 64): 2.0,
}
TIMED_LEAST = 1.0
# bind() and close() among many sockets, beside the same among few.
BIND_MARK = 1.05


class Table:
    """The figures of one kernel and way: (work, size) -> family -> figures."""

    def __init__(self, path):
        self.figures = collections.OrderedDict()
        self.reasons = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                fields = line.rstrip("\r\n").split("\t")
                if len(fields) < 5:
                    continue
                row = fields[0], int(fields[1])
                families = self.figures.setdefault(row, {})
                if fields[3] == "-":
                    self.reasons[row, fields[2]] = fields[4]
                else:
                    families.setdefault(fields[2], []).append(float(fields[3]))
        # What did not work each time did not work.
        for row, family in self.reasons:
            self.figures[row].pop(family, None)

    def median(self, row, family):
        values = self.figures.get(row, {}).get(family)
        return statistics.median(values) if values else None

    def rounds(self):
        """How often the rows were measured, at most."""
        return max((len(values) for families in self.figures.values()
                    for values in families.values()), default=0)

    def spread(self, row, family):
        """How far the figures are apart, as a part of the median."""
        values = self.figures[row][family]
        middle = statistics.median(values)
        return (max(values) - min(values)) / middle if middle else 0

    def ratio(self, row, family, other):
        """The median of the ratios, pair by pair."""
        ours = self.figures.get(row, {}).get(family)
        theirs = self.figures.get(row, {}).get(other)
        if not ours or not theirs:
            return None
        return statistics.median(a / b for a, b in zip(ours, theirs) if b)


def size_text(size):
    for unit, name in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size:,}"


def figure_text(figure):
    if figure is None:
        return "-"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def ratio_text(ratio):
    if ratio is None:
        return "-"
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.4f}"


def marks(table, kernel, way):
    """(what, mark, figure, met), of those that were measured."""
    found = []
    if way == "counted" and kernel == "6.1":
        for row, (mark, pipe) in COUNTED_MARKS.items():
            what = f"{row[0]} {size_text(row[1])}"
            ratio = table.ratio(row, "demo", "unix")
            if ratio is not None:
                found.append((what, f"{mark:.4g} of AF_UNIX", ratio, ratio <= mark))
            ratio = table.ratio(row, "demo", "pipe") if pipe else None
            if ratio is not None:
                found.append((what, "1 of a pipe", ratio, ratio <= 1))
        few = table.median(("bind", 10), "demo")
        many = table.median(("bind", 100000), "demo")
        if few and many:
            found.append(("bind among 100,000", f"{BIND_MARK} of among 10",
                          many / few, many / few <= BIND_MARK))
    if way == "timed":
        for row in table.figures:
            ratio = table.ratio(row, "unix", "demo")
            if ratio is not None:
                mark = TIMED_MARKS.get(row, TIMED_LEAST)
                found.append((f"{row[0]} {size_text(row[1])}",
                              f"{mark} times AF_UNIX", ratio, ratio >= mark))
    return found


def write_csv(table, path):
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write("# SPDX-License-Identifier: GPL-2.0-only\n")
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["work", "size", "family", "median", "spread", "to_unix", "reason"])
        for row, families in table.figures.items():
            for family in FAMILIES:
                reason = table.reasons.get((row, family), "")
                if family not in families and not reason:
                    continue
                if reason:
                    rows.writerow([*row, family, "", "", "", reason])
                    continue
                ratio = table.ratio(row, family, "unix")
                rows.writerow([*row, family, f"{table.median(row, family):.2f}",
                               f"{table.spread(row, family):.4f}",
                               "" if ratio is None else f"{ratio:.4f}", ""])


def markdown(table, kernel, way, release, module):
    lines = [
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->",
        f"# Linux {kernel}, {way}",
        "",
        f"{release}, and AF_DEMO as in {module}: {UNITS[way]} an operation took, the median of",
        f"{table.rounds()} rounds; in rows whose name begins with *memory*, bytes. In the last",
        "column AF_DEMO's figure divided by AF_UNIX's, the median of the ratios pair by pair.",
        "",
        "| work | size | " + " | ".join(NAMES[f] for f in FAMILIES) + " | AF_DEMO / AF_UNIX |",
        "| --- | ---: |" + " ---: |" * (len(FAMILIES) + 1),
    ]
    notes = {}
    for row in table.figures:
        cells = []
        for family in FAMILIES:
            reason = table.reasons.get((row, family))
            if reason:
                number = notes.setdefault(f"{NAMES[family]}: {reason}", len(notes) + 1)
                cells.append(f"({number})")
            else:
                cells.append(figure_text(table.median(row, family)))
        lines.append(f"| {row[0]} | {size_text(row[1])} | " + " | ".join(cells) +
                     f" | {ratio_text(table.ratio(row, 'demo', 'unix'))} |")
    if notes:
        lines.append("")
        lines += [f"({number}) {reason}  " for reason, number in notes.items()]
    found = marks(table, kernel, way)
    if found:
        lines += ["", "| mark | wanted | measured | |", "| --- | --- | ---: | --- |"]
        lines += [f"| {what} | {mark} | {ratio_text(figure)} | {'met' if met else 'NOT met'} |"
                  for what, mark, figure, met in found]
    return "\n".join(lines) + "\n"


def said(measured, kernel, what):
    with open(os.path.join(measured, kernel, what), encoding="utf-8") as file:
        return file.read().strip()


def main():
    measured, results, *runs = sys.argv[1:]
    for run in runs:
        kernel, way = run.split("/")
        table = Table(os.path.join(measured, run + ".tsv"))
        release, module = (said(measured, kernel, what) for what in ("release", "module"))
        base = os.path.join(results, f"{kernel}-{way}")
        write_csv(table, base + ".csv")
        text = markdown(table, kernel, way, release, module)
        with open(base + ".md", "w", encoding="utf-8") as out:
            out.write(text)
        for work in ("oneway", "roundtrip"):
            plot.write(f"{base}-{work}.svg", table, work, kernel, way)
        print(text)


if __name__ == "__main__":
    main()
