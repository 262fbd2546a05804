#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh: what can be said about the code without running it. Each function
# below whose name is a sentence is a check of that: it prints what is wrong.
#
# shellcheck disable=SC2013,SC2046,SC2086 # no name here has a space
# shellcheck disable=SC2069 # what goes to standard error is what is looked for

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
	# It ends with a count for each file, also of nothing.
	"$source/scripts/checkpatch.pl" --no-tree --strict --terse --show-types -q \
		--ignore "$ignored" -f "$@" | sed '/^total:/d'
}

the_kernel_code_is_in_the_kernel_style() {
	# CONST_STRUCT: the ops tables hold the family's number, which is a
	# parameter of the module. EMBEDDED_FILENAME: sock.h and scm.h name
	# the kernel's <net/sock.h> and <net/scm.h>.
	checkpatch CONST_STRUCT,EMBEDDED_FILENAME $(files '*.c' '*.h' \
		':!bench' ':!compat' ':!samples' ':!selftests' ':!fuzz')
	# LINUX_VERSION_CODE, CONSTANT_COMPARISON: compat is where the kernel's
	# version is asked, and KERNEL_VERSION() is what looks like a constant.
	# MACRO_ARG_UNUSED: what an older function does not take.
	checkpatch LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_UNUSED \
		$(files 'compat/*.h')
}

the_programs_are_in_the_kernel_style() {
	# BRACES: an assertion of the harness is more than one statement.
	# MACRO_*, MULTISTATEMENT_*, COMPLEX_MACRO: the harness's way of making
	# tests and variants. The others tell a program to use what only the
	# kernel has.
	checkpatch BRACES,MACRO_ARG_REUSE,MACRO_WITH_FLOW_CONTROL,MULTISTATEMENT_MACRO_USE_DO_WHILE,COMPLEX_MACRO,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH,ENOSYS \
		$(files 'bench/*.[ch]' 'samples/*.[ch]' 'selftests/*.[ch]' 'fuzz/*.[ch]')
}

gcc_and_sparse_are_silent() {
	local kernel

	for kernel in "${kernels[@]}"; do
		"$top/scripts/build.sh" "$cache/$kernel/kdir" "$build/$kernel" strict \
			>"$build/lint.log" 2>&1 && continue
		echo "Linux $kernel:"
		grep -vE '^  (CC|CHECK)|^make' "$build/lint.log"
	done
}

shellcheck_is_silent() {
	shellcheck -x -P scripts $(files '*.sh' .ci/run scripts/vm)
}

kernel_doc_is_complete() {
	"$source/scripts/kernel-doc" -none -Wall \
		$(files '*.c' '*.h' ':!bench' ':!samples' ':!selftests' ':!fuzz')
}

the_documents_are_sound() {
	make -s -C Documentation check
}

only_compat_asks_for_the_kernel_version() {
	grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\(' \
		$(files '*.c' '*.h' ':!compat')
}

no_file_is_longer_than_600_lines() {
	wc -l $(files '*.c' '*.h' '*.py' '*.sh' ':!selftests') | awk '$1 > 600 && $2 != "total"'
}

nothing_is_left_to_do() {
	grep -nwE 'TODO|FIXME|XXX' $(files '*.c' '*.h' '*.py' '*.sh' '*.rst' '*.md' \
		':!scripts/lint.sh')
}

# The first line, or the second where the first says what runs it.
every_file_says_its_licence() {
	local file

	for file in $(files ':!COPYING' ':!compat/README'); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
			echo "$file"
	done
}

# A file never needs the one that calls it. The state that af_demo.c keeps is
# for all of them.
calls_run_one_way() {
	local object dir=$build/${kernels[0]}

	for object in $(sed -n 's/^demo-y.*= //p' Kbuild); do
		nm "$dir/$object" | sed "s/^/${object%.o} /"
	done | awk '
	$3 == "T" { home[$4] = $1 }
	$2 == "U" { user[++n] = $1; used[n] = $3 }
	END {
		for (i = 1; i <= n; i++)
			if (used[i] in home && home[used[i]] != "af_demo")
				print user[i], home[used[i]]
	}' | { tsort 2>&1 >/dev/null; }
}

the_user_header_stands_alone() {
	local header=include/uapi/linux/demo.h
	local flags="-Wall -Wextra -pedantic -Werror -fsyntax-only"

	gcc $flags -std=c99 -x c $header && g++ $flags -std=c++11 -x c++ $header
}

dkms_has_the_version_of_the_module() {
	local version

	version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' af_demo.c)
	grep -n "af_demo/\|PACKAGE_VERSION=" dkms.conf | grep -vF "$version"
}

mkdir -p "$build"
passed=0
failed=0
for check in $(sed -n 's/^\([a-z0-9]*_[a-z0-9_]*\)() {$/\1/p' "$0"); do
	out=$($check 2>&1 || :)
	if [ -z "$out" ]; then
		printf '  %-45s ok\n' "${check//_/ }"
		passed=$((passed + 1))
	else
		printf '  %-45s FAILED\n' "${check//_/ }"
		printf '%s\n' "$out" | sed 's/^/      /'
		failed=$((failed + 1))
	fi
done
closing_line $passed $failed 0
