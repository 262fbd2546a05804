#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A module that is installed loads itself when a program first asks for the
# family. Needs root, and the module installed and not in use.
#
# shellcheck disable=SC2317 # the tests are called by their names

dir=$(dirname "$0")
family=18
aliases=/lib/modules/$(uname -r)/modules.alias

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

loaded() { [ -d /sys/module/demo ]; }
open_socket() { "$dir/hold_socket" "$family" </dev/null 2>&1; }

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

the_first_socket_loads_the_module() {
	[ "$(open_socket)" = open ] && loaded
}

so_does_one_of_an_ordinary_user() {
	rmmod demo || return 1
	su -s /bin/sh nobody -c "$dir/hold_socket $family" </dev/null 2>&1 && loaded
}

without_the_kernel_calling_modprobe_there_is_no_family() {
	rmmod demo || return 1
	was=$(cat /proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	answer=$(open_socket)
	echo "$was" >/proc/sys/kernel/modprobe
	[ "$answer" != open ] && ! loaded
}

echo "TAP version 13"
[ "$(id -u)" = 0 ] || skip_all "not root"
[ -x "$dir/hold_socket" ] || skip_all "hold_socket is not built"
grep -q "^alias net-pf-$family demo\$" "$aliases" 2>/dev/null ||
	skip_all "demo.ko is not installed: make install"
was_loaded=
if loaded; then
	was_loaded=yes
	rmmod demo 2>/dev/null || skip_all "demo is loaded and in use"
fi

echo "1..3"
run the_first_socket_loads_the_module
run so_does_one_of_an_ordinary_user
run without_the_kernel_calling_modprobe_there_is_no_family

if [ "$was_loaded" ]; then
	loaded || modprobe demo
else
	! loaded || rmmod demo
fi
exit $failed
