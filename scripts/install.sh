#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh KDIR: installs the module that build.sh has built in build/host
# against KDIR, the header and the man page. install.sh --remove KDIR removes
# them. DESTDIR is put before every path, PREFIX (default /usr) is where header
# and man page go.

. "$(dirname "$0")/lib.sh"

remove=
if [ "$1" = --remove ]; then
	remove=yes
	shift
fi
kdir=$1
module=$build/host/demo.ko

[ -e "$module" ] || die "there is no $module: make builds it"
release=$(modinfo -F vermagic "$module")
release=${release%% *}
updates=${DESTDIR:-}/lib/modules/$release/updates
prefix=${DESTDIR:-}${PREFIX:-/usr}
header=$prefix/include/linux/demo.h
page=$prefix/share/man/man7/demo.7

[ -w "${DESTDIR:-/}" ] || [ "$(id -u)" = 0 ] ||
	die "you are not root: sudo make install"

if [ "$remove" ]; then
	rm -fv "$updates"/demo.ko* "$header" "$page"
else
	# kbuild compresses it as this kernel's modules are, and signs it where
	# there is a key. It misses a file of the kernel's own build for
	# depmod, which is run below.
	sign=()
	[ -e "$kdir/certs/signing_key.pem" ] || sign=(CONFIG_MODULE_SIG_ALL=)
	make -s -C "$kdir" M="$build/host" INSTALL_MOD_PATH="${DESTDIR:-}" \
		INSTALL_MOD_DIR=updates "${sign[@]}" modules_install \
		2> >(sed "/missing 'System.map' file/d" >&2)
	install -D -m 644 "$top/include/uapi/linux/demo.h" "$header"
	install -D -m 644 "$top/Documentation/demo.7" "$page"
	ls "$updates"/demo.ko* "$header" "$page"
fi
# In a DESTDIR it is for whoever unpacks that.
[ "${DESTDIR:-}" ] || depmod "$release"
