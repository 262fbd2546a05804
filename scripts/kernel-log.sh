#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-log.sh FILE: shows the reports of kernel bugs in a console log. Exit
# status 1 when there is one.
#
# KCSAN finds data races all over a kernel. They are reported here when one of
# the two stacks has a function of the module; the others are counted.

. "$(dirname "$0")/lib.sh"

awk -v shown=3 -v lines=60 -v most_races=20 '
function is_report(text) {
	# Of the boot: what a processor is vulnerable to.
	if (text ~ /^Spectre V2 : WARNING/)
		return 0
	# A tracker without memory of its own, in a test that takes it away.
	if (text ~ /^ref_tracker: memory allocation failure/)
		return 0
	# Likewise: it looks through all of something, where a part would do.
	if (text ~ /^kmemleak: Cannot allocate a scan area/)
		return 0
	return text ~ /^(WARNING|BUG|INFO|ODEBUG|UBSAN|KCSAN|Oops|Internal error): ?/ ||
		text ~ /^(kernel BUG at|Kernel panic|general protection fault)/ ||
		text ~ /^(refcount_t|ref_tracker|usercopy|list_(add|del) corruption)/ ||
		text ~ /possible (recursive|circular|irq lock|deadlock)/ ||
		text ~ /suspicious RCU|DEBUG_LOCKS_WARN_ON|bad unlock balance/ ||
		text ~ /inconsistent lock state|held lock freed|still held/ ||
		text ~ /detected (stall|expedited)|self-detected stall|lockup/ ||
		text ~ /KASAN|KCSAN: |KMSAN|kmemleak: [0-9]+ new suspected/ ||
		text ~ /kmemleak: .*(disabled|Memory pool empty|Cannot allocate)/ ||
		text ~ /unable to handle|kernel tried to execute|Bad page (state|map)/ ||
		text ~ /scheduling while atomic|invalid context|blocked for more than/ ||
		text ~ /Attempt to release alive|unregister_netdevice: waiting/ ||
		text ~ /[Ll]eaked|still has objects|Objects remaining|double.free/
}
function end_race() {
	in_race = 0
	if (!ours) {
		elsewhere++
		return
	}
	if (!reports++)
		printf "== %s:\n", FILENAME
	if (races++ < most_races)
		printf "   (%s)\n%s", where, race
}
{
	text = $0
	sub(/\r$/, "", text)
	print_it = text
	sub(/^\[ *[0-9.]+\](\[ *[TC][0-9]+\])? /, "", text)
}
# Which test it was.
text ~ /^vm: / {
	where = text
}
# Of a data race, all is read before it is told whose it is.
text ~ /^BUG: KCSAN:/ {
	race = ""
	ours = interrupted = 0
	in_race = 1
}
in_race {
	# What an interrupt or a page fault came upon has no part in it.
	if (text ~ /^ asm_/)
		interrupted = 1
	else if (text == "")
		interrupted = 0
	else if (text ~ /\[demo\]/ && !interrupted)
		ours = 1
	race = race "   " print_it "\n"
	if (text ~ /^=+$/)
		end_race()
	next
}
is_report(text) && text !~ /^kasan: KernelAddressSanitizer init/ && !left {
	if (!reports++)
		printf "== %s:\n", FILENAME
	else
		print "   ..."
	if (reports <= shown) {
		if (where)
			print "   (" where ")"
		left = lines
	}
}
left {
	print "   " print_it
	left--
	if (text ~ /end trace/)
		left = 0
}
END {
	if (in_race)
		end_race()
	if (races > most_races)
		printf "   %d data races in all\n", races
	if (elsewhere)
		printf "== %s: %d data races elsewhere in the kernel, not shown\n",
			FILENAME, elsewhere
	exit reports > 0
}' "$1" >&2
