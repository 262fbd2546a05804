# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts share: where things are, and how they speak. To be sourced.
# shellcheck disable=SC2034 # those that source it use what is set here

set -euo pipefail
# A make that runs a script has nothing to say to the makes that one runs.
unset MAKEFLAGS MFLAGS MAKELEVEL

# What others print is read, and complaints about a language are no news.
export LC_ALL=C.UTF-8

# Where depmod, modinfo and dkms are; not all have it.
PATH=$PATH:/usr/sbin:/sbin

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build=$top/build
# Kernels and their sources: large, and the same for every checkout.
cache=${AF_DEMO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/af_demo}

# Each kernel that kernels.sh has made ready is here under its name:
# $cache/<kernel>/image boots, $cache/<kernel>/kdir builds modules.
debian_kernels=(6.1 6.12)
debug_kernel=7.2-debug
bench_kernel=7.2-bench
# Looks for data races alone, in the tests that have some: patterns of names.
race_kernel=7.2-kcsan
race_tests=(threads cycle epoll poll busy_poll blocking backlog close reuse memory oob signal
	splice netns 'race*')
# The sources of the newest kernel: kselftest, checkpatch and kernel-doc are
# taken from there.
source=$cache/linux-7.2

# Standard output is for what was asked for; all else goes to standard error.
say() {
	printf '== %s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# is_in WORD PATTERN...
is_in() {
	local word=$1 w
	shift
	for w in "$@"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $word = $w ]] && return
	done
	return 1
}

# Makes kernels ready, and what it takes to build a module and run it there.
ready() { # KERNEL...
	local kernel

	"$top/scripts/setup.sh" module vm
	for kernel; do
		is_in "$kernel" "${debian_kernels[@]}" || "$top/scripts/setup.sh" kernel
	done
	"$top/scripts/kernels.sh" source "$@"
}

# What is in $build is one command's at a time, until it ends: others wait.
have_build_alone() {
	mkdir -p "$build"
	exec 9>"$build/.lock"
	flock -n 9 || { say "waiting for another command in $build"; flock 9; }
}

# What a command says goes to the end of a file, and is shown when it fails.
quietly() { # FILE COMMAND...
	local log=$1
	shift

	"$@" >>"$log" 2>&1 && return
	tail -n 30 "$log" >&2
	die "$1 failed: all of it is in $log"
}

# The last thing a check says: passed, failed, skipped, alone on a line. With
# TALLY, the numbers go into that file instead, for whoever adds them up.
closing_line() {
	if [ "${TALLY:-}" ]; then
		echo "$*" >>"$TALLY"
	else
		printf '%d passed, %d failed, %d skipped\n' "$@"
	fi
	[ "$2" = 0 ] && [ $(($1 + $3)) != 0 ]
}
