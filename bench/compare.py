#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
compare.py MEASURED KERNEL/WAY COMMIT...

Prints, of what take-turns measured, MEASURED/KERNEL/WAY.tsv, what each row took
with the module of this tree, with that of each other commit, and on AF_UNIX. Beside
each of these is how much more or less the module of this tree took, the median of
the rounds, and in how many of them it took less.
"""
import os
import sys

import report

HERE = "demo"


def difference(table, row, other):
    """As two cells. Whoever failed in one round has no figures of the row."""
    ratio = table.ratio(row, HERE, other)
    if ratio is None:
        return "-", "-"
    ours = table.figures[row][HERE]
    less = sum(a < b for a, b in zip(ours, table.figures[row][other]))
    return f"{ratio - 1:+.1%}", f"{less} of {len(ours)}"


def main():
    measured, what, *commits = sys.argv[1:]
    table = report.Table(os.path.join(measured, what + ".tsv"))
    if not table.figures:
        sys.exit("compare.py: nothing was measured: are there such rows?")
    others = commits + ["unix"]
    way = what.split("/")[1]
    print(f"{what.replace('/', ', ')}: "
          f"{report.UNITS[way]}, and how much this tree's module differs")
    print(f"  {'work':22}{'size':>8}{'this tree':>12}" +
          "".join(f"{report.NAMES.get(other, other):>14}{'differs':>9}{'less in':>10}"
                  for other in others))
    for row in table.figures:
        line = f"  {row[0]:22}{report.size_text(row[1]):>8}"
        line += f"{report.figure_text(table.median(row, HERE)):>12}"
        for other in others:
            differs, less = difference(table, row, other)
            line += f"{report.figure_text(table.median(row, other)):>14}{differs:>9}{less:>10}"
        print(line)
        for family in [HERE] + others:
            reason = table.reasons.get((row, family))
            if reason:
                print(f"    {family}: {reason}")


if __name__ == "__main__":
    main()
