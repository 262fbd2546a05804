#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The module goes and comes while network namespaces do: each of them has a table
# of ports, made and given back by whichever of the two is last. Leaves the module
# loaded as it was found. Needs root, and the module not in use; DEMO_KO says
# where it is, if not under /lib/modules.
#
# shellcheck disable=SC2317 # the tests are called by their names

dir=$(dirname "$0")
rounds=8
namespaces=4
skip=4

skip_all() {
	echo "1..0 # SKIP $*"
	exit "$skip"
}

loaded() { [ -d /sys/module/demo ]; }
load() { insmod "$ko" family="$family"; }

# It is in use until the last socket of the last namespace is closed: soon.
unload() {
	until rmmod demo 2>/dev/null; do
		loaded || return
	done
}

# Sockets in namespaces of their own, until a line comes through the fifo.
hold() {
	rm -f "$tmp/in" "$tmp/out"
	mkfifo "$tmp/in" "$tmp/out"
	exec 8<>"$tmp/in" 9<>"$tmp/out"
	i=0
	while [ "$i" -lt "$namespaces" ]; do
		unshare -n "$dir/hold_socket" "$family" <"$tmp/in" >"$tmp/out" 2>&1 8>&- 9>&- &
		i=$((i + 1))
	done
	while [ "$i" -gt 0 ]; do
		read -r answer <&9 && [ "$answer" = open ] || return 1
		i=$((i - 1))
	done
}

# No more input: they all end at about the same time, and their namespaces.
let_go() {
	exec 8>&- 9>&-
}

it_is_unloaded_while_namespaces_with_its_sockets_end() {
	i_round=0
	while [ "$i_round" -lt "$rounds" ]; do
		hold || return 1
		let_go
		unload || return 1
		! loaded && load || return 1
		wait
		i_round=$((i_round + 1))
	done
}

# As long as there is the file, namespaces come and go.
come_and_go() {
	while [ -e "$tmp/go" ]; do
		unshare -n true
	done
}

it_is_loaded_and_unloaded_while_namespaces_come_and_go() {
	: >"$tmp/go"
	come_and_go &
	come_and_go &
	i_round=0
	ret=0
	while [ "$ret" = 0 ] && [ "$i_round" -lt "$rounds" ]; do
		unload && ! loaded && load || ret=1
		i_round=$((i_round + 1))
	done
	rm "$tmp/go"
	wait
	return "$ret"
}

sockets_work_in_the_end() {
	"$dir/socketpair" >"$tmp/log" 2>&1 && grep '^ok .*demo' "$tmp/log" | grep -qv SKIP
}

number=0
failed=0
run() {
	number=$((number + 1))
	if "$1"; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		failed=1
	fi
}

echo "TAP version 13"
[ "$(id -u)" = 0 ] || skip_all "not root"
ko=${DEMO_KO:-$(find "/lib/modules/$(uname -r)" -name 'demo.ko*' 2>/dev/null | head -n 1)}
[ -f "$ko" ] || skip_all "no demo.ko: DEMO_KO=path says where it is"
[ -x "$dir/hold_socket" ] || skip_all "hold_socket is not built"
loaded || skip_all "demo is not loaded"
unshare -n true 2>/dev/null || skip_all "no network namespaces"
family=$(cat /sys/module/demo/parameters/family)
rmmod demo 2>/dev/null || skip_all "demo is in use"
load || skip_all "demo.ko cannot be loaded here"
tmp=$(mktemp -d) || skip_all "no temporary directory"
trap 'loaded || load; rm -rf "$tmp"' EXIT

echo "1..3"
run it_is_unloaded_while_namespaces_with_its_sockets_end
run it_is_loaded_and_unloaded_while_namespaces_come_and_go
run sockets_work_in_the_end
exit "$failed"
