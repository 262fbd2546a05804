#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The module itself: family=, what a load that fails says and leaves, and when
# it can be unloaded. Leaves it as it was found. Needs root, and the module not
# in use; DEMO_KO says where it is, if not under /lib/modules.
#
# shellcheck disable=SC2317 # the tests are called by their names

dir=$(dirname "$0")
module=/sys/module/demo
modules=/lib/modules/$(uname -r)
free_family=22			# AF_SNA, which Linux never had
reloads=20

skip_all() {
	echo "1..0 # SKIP $*"
	exit "$skip"
}

loaded() { [ -d $module ]; }
family() { cat $module/parameters/family; }
load() { insmod "$ko" "$@" 2>/dev/null; }
unload() { rmmod demo 2>/dev/null; }

# What the kernel said since the last mark.
marks=0
mark() {
	marks=$((marks + 1))
	echo "module.sh $$: mark $marks" >/dev/kmsg
}
said() { dmesg | sed "1,/module.sh $$: mark $marks\$/d"; }

# Names of the protocols there are: a load that failed leaves none behind.
protocols() { sed 's/ .*//' /proc/net/protocols | sort; }

# Each test is a function and its name the sentence it proves. It may set a
# reason and return $skip.
number=0
failed=0
skip=4
run() {
	number=$((number + 1))
	"$1"
	case $? in
	0) echo "ok $number $1" ;;
	"$skip") echo "ok $number $1 # SKIP $reason" ;;
	*) echo "not ok $number $1"; failed=1 ;;
	esac
}

# Hold a socket in the background; release lets it go. Both wait until it is so.
hold() {
	mkfifo "$tmp/in" "$tmp/out" || return 1
	"$dir/hold_socket" "$1" <"$tmp/in" >"$tmp/out" 2>&1 &
	holder=$!
	exec 8>"$tmp/in" 9<"$tmp/out"
	read -r answer <&9
	[ "$answer" = open ]
}
release() {
	exec 8>&- 9<&-
	wait "$holder"
	rm -f "$tmp/in" "$tmp/out"
}

a_free_number_is_taken() {
	load family="$free_family" && loaded
}

the_parameter_says_the_number() {
	[ "$(family)" = "$free_family" ]
}

sockets_of_the_number_work() {
	"$dir/socketpair" >"$tmp/log" 2>&1 &&
		grep '^ok .*demo' "$tmp/log" | grep -qv SKIP
}

the_usual_number_is_not_taken_then() {
	! "$dir/hold_socket" "$usual_family" </dev/null >/dev/null 2>&1
}

# A load with this number fails, says so with the number, and leaves nothing.
is_refused() {
	before=$(protocols)
	mark
	if load family="$1"; then
		echo "# family=$1 was loaded"
		unload
		return 1
	fi
	if ! said | grep demo | grep -qw -e "$1"; then
		echo "# family=$1: the log does not say so:"
		said | sed 's/^/# /'
		return 1
	fi
	! loaded && [ "$(protocols)" = "$before" ]
}

a_number_in_use_makes_the_load_fail_and_the_log_say_so() {
	is_refused 1 && is_refused 2 && is_refused 16
}

a_number_out_of_range_makes_the_load_fail_and_the_log_say_so() {
	is_refused 0 && is_refused -1 && is_refused 46 && is_refused 1000 &&
		is_refused 2147483647
}

what_is_no_number_makes_the_load_fail() {
	! load family=eighteen && ! loaded
}

after_loads_that_failed_it_loads_with_its_usual_number() {
	load && [ "$(family)" = "$usual_family" ]
}

it_cannot_be_unloaded_while_a_socket_is_open() {
	hold "$usual_family" || { release; return 1; }
	ret=0
	unload && ret=1
	loaded || ret=1
	# nor has trying hurt it
	"$dir/hold_socket" "$usual_family" </dev/null >/dev/null || ret=1
	release
	return "$ret"
}

it_can_be_unloaded_after_the_last_close() {
	unload && ! loaded
}

an_installed_module_loads_itself_at_the_first_socket() {
	if ! grep -q "^alias net-pf-$usual_family demo$" "$modules/modules.alias" 2>/dev/null
	then
		reason="not installed"
		return "$skip"
	fi
	"$dir/hold_socket" "$usual_family" </dev/null >/dev/null && loaded && unload
}

it_can_be_loaded_and_unloaded_many_times() {
	i=0
	while [ "$i" -lt "$reloads" ]; do
		load && "$dir/hold_socket" "$usual_family" </dev/null >/dev/null &&
			unload || return 1
		i=$((i + 1))
	done
	! loaded
}

it_is_left_as_it_was_found() {
	restore
	if loaded; then
		[ "$(family)" = "$was_loaded" ]
	else
		[ -z "$was_loaded" ]
	fi
}

echo "TAP version 13"
[ "$(id -u)" = 0 ] || skip_all "not root"
ko=${DEMO_KO:-$(find "$modules" -name 'demo.ko*' 2>/dev/null | head -n 1)}
[ -f "$ko" ] || skip_all "no demo.ko: DEMO_KO=path says where it is"
[ -x "$dir/hold_socket" ] || skip_all "hold_socket is not built"

was_loaded=
if loaded; then
	was_loaded=$(family)
	unload || skip_all "demo is loaded and in use"
fi
load || skip_all "demo.ko cannot be loaded here"
usual_family=$(family)
unload || skip_all "demo.ko cannot be unloaded here"
tmp=$(mktemp -d) || skip_all "no temporary directory"

# Whatever happens, the module is in the end as it was in the beginning.
restore() {
	if [ -z "$was_loaded" ]; then
		! loaded || unload
	else
		loaded || load family="$was_loaded"
	fi
}
trap 'restore; rm -rf "$tmp"' EXIT

echo "1..13"
run a_free_number_is_taken
run the_parameter_says_the_number
run sockets_of_the_number_work
run the_usual_number_is_not_taken_then
unload
run a_number_in_use_makes_the_load_fail_and_the_log_say_so
run a_number_out_of_range_makes_the_load_fail_and_the_log_say_so
run what_is_no_number_makes_the_load_fail
run after_loads_that_failed_it_loads_with_its_usual_number
run it_cannot_be_unloaded_while_a_socket_is_open
run it_can_be_unloaded_after_the_last_close
run an_installed_module_loads_itself_at_the_first_socket
run it_can_be_loaded_and_unloaded_many_times
run it_is_left_as_it_was_found
exit "$failed"
