# SPDX-License-Identifier: GPL-2.0-only
#
# Reads the TAP that a test program printed. For each test, prints
#
#   passed|failed|skipped <tab> name <tab> reason of a skip or failure
#
# and one failed test named "-" for what is wrong with the program as a whole.
# -v status= is its exit status.

function whole(reason) {
	print "failed\t-\t" reason
}

/^1\.\.[0-9]+/ && !planned {
	planned = 1
	plan = substr($1, 4) + 0
	if (plan == 0 && match($0, /# *SKIP */)) {
		print "skipped\t-\t" substr($0, RSTART + RLENGTH)
		all_skipped = 1
	}
}

/^(not )?ok [0-9]+/ {
	seen++
	verdict = $1 == "ok" ? "passed" : "failed"
	failed += verdict == "failed"
	name = $0
	sub(/^(not )?ok [0-9]+ *(- )?/, "", name)
	reason = ""
	if (match(name, / *# *(SKIP|XFAIL|XPASS|TODO) */)) {
		reason = substr(name, RSTART + RLENGTH)
		if (substr(name, RSTART, RLENGTH) ~ /SKIP/)
			verdict = "skipped"
		name = substr(name, 1, RSTART - 1)
	}
	print verdict "\t" name "\t" reason
}

/^Bail out!/ {
	bailed = 1
	whole($0)
}

END {
	if (all_skipped || bailed)
		exit
	if (!planned)
		whole("it did not say how many tests it has (exit status " status ")")
	else if (seen + 0 != plan)
		whole("it has " plan " tests and ran " seen + 0 " (exit status " status ")")
	else if (plan == 0)
		whole("it has no tests")
	else if (status != 0 && status != 4 && !failed)
		whole("its exit status is " status)
}
