#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh: what can be said about the code without running it. Each function
# below is a check, and its name what is expected: it succeeds, or prints what
# is wrong.

. "$(dirname "$0")/lib.sh"

cd "$top"
"$top/scripts/setup.sh" module lint
"$top/scripts/kernels.sh" source "${debian_kernels[@]}"
kernels=("${debian_kernels[@]}")
[ ! -e "$cache/$debug_kernel/stamp" ] || kernels+=("$debug_kernel")

# files PATTERN...: those of the repository, also the ones not added yet.
files() {
	git ls-files -co --exclude-standard -- "$@" | while read -r file; do
		[ ! -e "$file" ] || echo "$file"
	done
}

checkpatch() { # TYPES-IGNORED FILE...
	local ignored=$1
	shift
	# It finishes with a count for each file, also of nothing.
	"$source/scripts/checkpatch.pl" --no-tree --strict --terse --show-types -q \
		${ignored:+--ignore "$ignored"} -f "$@" | grep -v '^total:'
}

the_kernel_code_is_in_the_kernel_style() {
	# CONST_STRUCT: the ops tables hold the family's number, which is a
	# parameter of the module.
	! checkpatch CONST_STRUCT $(files '*.c' '*.h' \
		':!compat' ':!samples' ':!selftests') || return
	# LINUX_VERSION_CODE, CONSTANT_COMPARISON: compat is where the kernel's
	# version is asked, and KERNEL_VERSION() is what looks like a constant.
	! checkpatch LINUX_VERSION_CODE,CONSTANT_COMPARISON $(files 'compat/*.h')
}

the_programs_are_in_the_kernel_style() {
	# BRACES: an assertion of the harness is more than one statement.
	# MACRO_*, MULTISTATEMENT_*, COMPLEX_MACRO: the harness's way of making
	# tests and variants. The others tell a program to use what only the
	# kernel has.
	! checkpatch BRACES,MACRO_ARG_REUSE,MACRO_WITH_FLOW_CONTROL,MULTISTATEMENT_MACRO_USE_DO_WHILE,COMPLEX_MACRO,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH,ENOSYS \
		$(files 'samples/*.[ch]' 'selftests/*.[ch]')
}

gcc_and_sparse_are_silent() {
	local kernel ret=0

	for kernel in "${kernels[@]}"; do
		"$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel" strict \
			>"$build/lint.log" 2>&1 && continue
		echo "Linux $kernel:"
		grep -vE '^  (CC|CHECK)|^make' "$build/lint.log"
		ret=1
	done
	return $ret
}

shellcheck_is_silent() {
	shellcheck -x -P scripts $(files '*.sh' .ci/run scripts/vm)
}

kernel_doc_is_complete() {
	local out

	out=$("$source/scripts/kernel-doc" -none -Wall \
		$(files '*.c' '*.h' ':!samples' ':!selftests') 2>&1)
	[ -z "$out" ] || { echo "$out"; return 1; }
}

the_man_page_is_sound() {
	local out page

	for page in $(files 'Documentation/*.[1-9]'); do
		out=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z \
			"$page" 2>&1 >/dev/null)
		[ -z "$out" ] || { echo "$out"; return 1; }
	done
}

the_documents_are_sound() {
	local document ret=0

	for document in $(files 'Documentation/*.rst'); do
		rst2html --strict --report=1 "$document" /dev/null 2>&1 || ret=1
	done
	return $ret
}

only_compat_asks_for_the_kernel_version() {
	! grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' \
		$(files '*.c' '*.h' ':!compat')
}

no_file_is_longer_than_600_lines() {
	! wc -l $(files '*.c' '*.h' '*.sh') | grep -v ' total$' | awk '$1 > 600' | grep .
}

nothing_is_left_to_do() {
	! grep -nwE 'TODO|FIXME|XXX' $(files '*.c' '*.h' '*.sh' '*.rst' '*.md' |
		grep -vx scripts/lint.sh)
}

# The first line, or the second where the first says what runs it.
every_file_says_its_licence() {
	local file ret=0

	for file in $(files ':!COPYING' ':!README*' ':!*/README*'); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
			{ echo "$file"; ret=1; }
	done
	return $ret
}

# A file does not need the one that calls it: the doors make no circle.
includes_run_one_way() {
	local file header

	for file in *.c *.h; do
		sed -n 's/^#include "\(.*\)\.h"/\1/p' "$file" | while read -r header; do
			[ "$header" = "${file%.[ch]}" ] || echo "${file%.[ch]} $header"
		done
	done | tsort 2>&1 >/dev/null
}

the_user_header_stands_alone() {
	local header=include/uapi/linux/demo.h
	local flags="-Wall -Wextra -pedantic -Werror -fsyntax-only"

	gcc $flags -std=c99 -x c $header && g++ $flags -std=c++11 -x c++ $header
}

dkms_has_the_version_of_the_module() {
	local version

	version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' af_demo.c)
	grep -nx "PACKAGE_VERSION=\"$version\"" dkms.conf >/dev/null &&
		grep -q "dkms install af_demo/$version\$" dkms.conf ||
		{ echo "af_demo.c says $version"; return 1; }
}

mkdir -p "$build"
passed=0
failed=0
for check in $(sed -n 's/^\([a-z_]*\)() {$/\1/p' "$0"); do
	[ "$check" != files ] || continue
	if out=$($check 2>&1); then
		verdict=ok
		passed=$((passed + 1))
	else
		verdict=FAILED
		failed=$((failed + 1))
	fi
	printf '  %-45s %s\n' "${check//_/ }" $verdict
	[ $verdict = ok ] || printf '%s\n' "$out" | sed 's/^/      /'
done
closing_line $passed $failed 0
