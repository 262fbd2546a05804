#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-log.sh FILE: shows the reports of kernel bugs in a console log. Exit
# status 1 when there is one.

. "$(dirname "$0")/lib.sh"

awk -v shown=3 -v lines=60 '
function is_report(text) {
	# Of the boot: what a processor is vulnerable to.
	if (text ~ /^Spectre V2 : WARNING/)
		return 0
	return text ~ /^(WARNING|BUG|INFO|ODEBUG|UBSAN|KCSAN|Oops|Internal error): ?/ ||
		text ~ /^(kernel BUG at|Kernel panic|general protection fault)/ ||
		text ~ /^(refcount_t|ref_tracker|usercopy|list_(add|del) corruption)/ ||
		text ~ /possible (recursive|circular|irq lock|deadlock)/ ||
		text ~ /suspicious RCU|DEBUG_LOCKS_WARN_ON|bad unlock balance/ ||
		text ~ /inconsistent lock state|held lock freed|still held/ ||
		text ~ /detected (stall|expedited)|self-detected stall|lockup/ ||
		text ~ /KASAN|KCSAN: |KMSAN|kmemleak: [0-9]+ new suspected/ ||
		text ~ /unable to handle|kernel tried to execute|Bad page (state|map)/ ||
		text ~ /scheduling while atomic|invalid context|blocked for more than/ ||
		text ~ /Attempt to release alive|unregister_netdevice: waiting/ ||
		text ~ /[Ll]eaked|still has objects|Objects remaining|double.free/
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
	exit reports > 0
}' "$1" >&2
