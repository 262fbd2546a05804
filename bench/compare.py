#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
compare.py MEASURED KERNEL/WAY...

Prints, of what take-turns measured, MEASURED/KERNEL/WAY.tsv, what each row took
with the module of this tree, with that of each other commit, and on AF_UNIX. Beside each of
these how much more or less the module of this tree took: the median of the
rounds, and in how many of them it took less.
"""
import os
import sys

import report


def compare(table, what):
    ours = "demo"
    others = sorted({family for families in table.figures.values() for family in families}
                    - {ours, "unix"}) + ["unix"]
    print(what)
    print(f"  {'work':22}{'size':>8}{'here':>12}" +
          "".join(f"{report.NAMES.get(other, other):>12}{'here':>9}{'less in':>9}"
                  for other in others))
    for row in table.figures:
        line = f"  {row[0]:22}{report.size_text(row[1]):>8}"
        line += f"{report.figure_text(table.median(row, ours)):>12}"
        for other in others:
            ratio = table.ratio(row, ours, other)
            line += f"{report.figure_text(table.median(row, other)):>12}"
            if ratio is None:
                line += f"{'-':>9}{'-':>9}"
                continue
            pairs = list(zip(table.figures[row][ours], table.figures[row][other]))
            less = sum(a < b for a, b in pairs)
            line += f"{ratio - 1:+9.1%}{f'{less} of {len(pairs)}':>9}"
        print(line)


def main():
    measured, *runs = sys.argv[1:]
    for run in runs:
        compare(report.Table(os.path.join(measured, run + ".tsv")), run.replace("/", ", "))


if __name__ == "__main__":
    main()
