#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Shows a server and a client on each socket type of AF_DEMO, and checks what
# they say. Status 0 when everything worked. Takes no more than busybox.
#
# The programs of a part all print into one pipe, so that their lines appear in
# the order they were printed. Each line begins with the name of its program,
# which is the name it was called by: SERVER and CLIENT are links.

set -u

dir=$(mktemp -d) || exit 1
PATH=$dir:$(cd "$(dirname "$0")" && pwd):$PATH
messages=
daemon=
failed=

# Show the lines of a part; "NAME: END STATUS" is for finish(). A line without
# a name is the plain answer that a client prints.
show() {
	while IFS= read -r line; do
		name=${line%%: *}
		text=${line#*: }
		case $name in
		*[!A-Z]*)
			name=CLIENT
			text=$line
			;;
		esac
		case $text in
		'END '*)
			echo "${text#END }" >"$dir/$name.end"
			;;
		*)
			printf '%s\n' "$name: $text" >>"$dir/log"
			printf '%-6s | %s\n' "$name" "$text"
			;;
		esac
	done
}

# begin HEADING LINE...: what is going to be seen.
begin() {
	printf '\n== %s\n\n' "$1"
	shift
	printf '   %s\n' "$@"
	printf '\n'

	rm -rf "${dir:?}"/*
	: >"$dir/log"
	mkfifo "$dir/pipe"
	show <"$dir/pipe" &
	exec 3>"$dir/pipe"
}

# Nothing runs on after a part, and all its lines are shown.
end() {
	[ -z "$daemon" ] || kill "$daemon"
	daemon=
	for pid in "$dir"/*.pid; do
		[ -e "$pid" ] && [ ! -e "${pid%.pid}.end" ] && kill "$(cat "$pid")"
	done
	exec 3>&-
	wait
	[ -z "$messages" ] || rm -f /dev/log
	messages=
}

cleanup() {
	end
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# call NAME PROGRAM: NAME is PROGRAM now.
call() {
	ln -s "$(command -v "$2")" "$dir/$1"
}

# start NAME ARGUMENT...: in the background, with $input as standard input.
input=/dev/null
start() {
	rm -f "$dir/$1.end"
	{
		"$@" <"$input" 2>&1 &
		echo $! >"$dir/$1.pid"
		wait $!
		echo "$1: END $?"
	} >&3 2>/dev/null &
}

# finish NAME: wait till it has ended; did it succeed?
finish() {
	until [ -s "$dir/$1.end" ]; do
		sleep 0.1
	done
	[ "$(cat "$dir/$1.end")" = 0 ]
}

run() {
	start "$@"
	finish "$1"
}

# said NAME PATTERN: has it printed that?
said() {
	grep -q "^$1: .*$2" "$dir/log"
}

# await NAME PATTERN: wait till it prints that; fails when it ends without.
await() {
	until said "$@"; do
		if [ -s "$dir/$1.end" ]; then
			said "$@"
			return
		fi
		sleep 0.1
	done
}

streams() {
	begin 'Byte streams (SOCK_STREAM): stream_server, stream_client' \
		'The client sends a text, and then half-closes its connection: this was all.' \
		'The server has counted to the end of file, and answers through the other half.' \
		'First two lines, then half a megabyte. How it is cut into reads does not matter.'
	call SERVER stream_server
	call CLIENT stream_client

	start SERVER -n 2
	await SERVER 'listening on' || return

	printf 'Hello, AF_DEMO!\nThis is a stream.\n' >"$dir/text"
	input=$dir/text
	run CLIENT &&
	said CLIENT 'is told "2 lines, 6 words, 34 bytes"' || return

	seq 1 100000 >"$dir/text"
	run CLIENT &&
	said CLIENT 'is told "100000 lines, 100000 words, 588895 bytes"' || return
	input=/dev/null

	finish SERVER
}

datagrams() {
	begin 'Datagrams (SOCK_DGRAM): dgram_server, dgram_client' \
		'Each question is one datagram, and so is each answer. The client bound no port:' \
		'it was given a free one, so the server knows whom to answer.'
	call SERVER dgram_server
	call CLIENT dgram_client

	start SERVER -n 4
	await SERVER 'listening on' &&
	run CLIENT '6 * 7' '22 / 7' &&
	said CLIENT 'is told "42"' &&
	run CLIENT '0.1 + 0.2' 'How are you?' &&
	said CLIENT 'is told "0.3"' &&
	said CLIENT 'is told ".*, please"' &&
	finish SERVER
}

records() {
	begin 'Records (SOCK_SEQPACKET): seqpacket_server, seqpacket_client' \
		'Connections as with a stream, messages as with datagrams: what Anna sends as one' \
		'record comes to Bob as one. The server serves both, and passes each record on.'
	call SERVER seqpacket_server
	call ANNA seqpacket_client
	call BOB seqpacket_client

	start SERVER -n 2
	await SERVER 'listening on' || return
	start BOB -n 3
	await BOB 'connected to' &&
	run ANNA 'Hi!' 'A record is never cut,' 'and never joined to another.' &&
	finish BOB &&
	said BOB ': Hi!$' &&
	said BOB ': A record is never cut,$' &&
	said BOB ': and never joined to another.$' &&
	finish SERVER
}

# logged PATTERN: wait till that is in the log.
logged() {
	until grep -qs "$1" "$messages"; do
		[ ! -s "$dir/LOG.end" ] || return
		sleep 0.1
	done
}

LOG() {
	exec syslogd -n -O "$messages"
}

uptime_daemon() {
	begin 'A daemon: ruptimed, ruptime' \
		'The client starts first and finds nobody there: it tries again after 1 s, 2 s, 4 s.' \
		'Then the daemon starts. It works in the background, and tells the log what it does.'
	call CLIENT ruptime
	call DAEMON ruptimed

	# A log, where there is none yet that a daemon could write to.
	if [ ! -e /dev/log ] && [ "$(id -u)" = 0 ] && command -v syslogd >/dev/null; then
		messages=$dir/messages
		start LOG
		logged started || return
	fi

	start CLIENT
	await CLIENT 'again in 1 s' &&
	run DAEMON || return
	daemon=$(sed -n 's/^DAEMON: .* as process //p' "$dir/log")
	finish CLIENT &&
	said CLIENT 'load average' || return

	# A daemon is ended by a signal, and whose child it is now may be slow to
	# notice. Then nobody listens there any more.
	kill "$daemon" || return
	while grep -qs '^State:.[^Z]' "/proc/$daemon/status"; do
		sleep 0.1
	done
	daemon=
	! ruptime -w 0 >/dev/null 2>&1 || return

	[ "$messages" ] || return 0
	logged 'ruptimed.*: ending on signal 15' || return
	sed -n 's/.* daemon.info ruptimed/LOG: ruptimed/p' "$messages" >&3
}

for part in streams datagrams records uptime_daemon; do
	if $part; then
		end
	else
		end
		failed="$failed $part"
		printf '\nFAILED: %s\n' "$part"
	fi
done

printf '\n'
if [ "$failed" ]; then
	echo "Something went wrong in:$failed"
	exit 1
fi
echo 'All four parts worked.'
