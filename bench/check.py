#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
check.py keep MEASURED RELEASE FIGURES          writes the figures that are kept
check.py check MEASURED RELEASE FIGURES COUNTS  compares with them

Fails a row whose AF_DEMO figure is more than 3 % over the one that is kept. On
another kernel than the one the figures were taken on, AF_DEMO's figure divided
by AF_UNIX's is compared instead: both then come from the same kernel, and a
distribution's update alone fails nothing. COUNTS gets how many rows passed,
failed and were skipped.
"""
import sys

import report

TOLERANCE = 0.03


def keep(table, release, path):
    with open(path, "w", encoding="utf-8") as out:
        out.write("# SPDX-License-Identifier: GPL-2.0-only\n"
                  "# Instructions of an operation: make bench-keep writes this.\n"
                  f"release\t{release}\n")
        for row in table.figures:
            demo, unix = table.median(row, "demo"), table.median(row, "unix")
            if demo and unix:
                out.write(f"{row[0]}\t{row[1]}\t{demo:.2f}\t{unix:.2f}\n")
    print(f"kept in {path}")


def read_kept(path):
    release = None
    kept = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if fields[0] == "release":
                release = fields[1]
            elif len(fields) == 4:
                kept[fields[0], int(fields[1])] = float(fields[2]), float(fields[3])
    return release, kept


def check(table, release, path, counts):
    kept_release, kept = read_kept(path)
    ratios = release != kept_release
    passed = failed = skipped = 0

    if ratios:
        print(f"The figures were taken on {kept_release}, and this is {release}:\n"
              "AF_DEMO / AF_UNIX is compared. make bench-keep writes new figures.")
    else:
        print(f"Instructions of an operation on {release}.")
    print(f"  {'work':22}{'size':>8}{'kept':>12}{'now':>12}{'change':>9}")
    for row, (demo, unix) in kept.items():
        now = table.ratio(row, "demo", "unix") if ratios else table.median(row, "demo")
        was = demo / unix if ratios else demo
        line = f"  {row[0]:22}{report.size_text(row[1]):>8}"
        if now is None:
            reason = table.reasons.get((row, "demo")) or \
                table.reasons.get((row, "unix"), "it was not measured")
            print(f"{line}  FAILED: {reason}")
            failed += 1
            continue
        change = now / was - 1
        worse = change > TOLERANCE
        text = report.ratio_text if ratios else report.figure_text
        print(f"{line}{text(was):>12}{text(now):>12}{change:+9.1%}" +
              ("  FAILED" if worse else "  better: make bench-keep" if change < -TOLERANCE else ""))
        passed += not worse
        failed += worse
    for row in table.figures:
        if row not in kept:
            print(f"  {row[0]:22}{report.size_text(row[1]):>8}  skipped: no figure is kept")
            skipped += 1
    with open(counts, "w", encoding="utf-8") as out:
        out.write(f"{passed} {failed} {skipped}\n")


def main():
    table = report.Table(sys.argv[2])
    if sys.argv[1] == "keep":
        keep(table, sys.argv[3], sys.argv[4])
    else:
        check(table, *sys.argv[3:6])


if __name__ == "__main__":
    main()
