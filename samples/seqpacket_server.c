// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_SEQPACKET: passes each record of a client on to all other clients.
 *
 * There are connections, as with a stream: the server knows who is here and
 * who has left. But a record sent is a record received, never cut and never
 * joined to another. One process serves all clients, by poll().
 */
#include "sample.h"

#include <poll.h>
#include <sys/uio.h>

static const char help[] =
"[-p PORT] [-n COUNT]\n"
"Passes each record of a seqpacket_client on to all others that are connected.\n"
"\n"
"  -n COUNT  end after COUNT clients have come and gone (go on for ever)";

#define CLIENTS_MAX	64

/* polled[0] is the listener; polled[i] is a client, with the address names[i]. */
static struct pollfd polled[1 + CLIENTS_MAX];
static struct text names[1 + CLIENTS_MAX];
static unsigned int nr_polled = 1;

static void welcome(int listener)
{
	struct sockaddr_demo a;
	socklen_t len = sizeof(a);
	int fd;

	fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_CLOEXEC);
	if (fd < 0) {
		/* A client that gave up is none: the listener does not block. */
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		die("accept");
	}
	polled[nr_polled] = (struct pollfd) { .fd = fd, .events = POLLIN };
	names[nr_polled] = address_text(a);
	say("%s has come", names[nr_polled].s);
	nr_polled++;
}

static void dismiss(unsigned int i)
{
	say("%s has gone", names[i].s);
	close(polled[i].fd);
	nr_polled--;
	polled[i] = polled[nr_polled];
	names[i] = names[nr_polled];
}

/* To all but the sender, with its address before it: pieces make one record. */
static void pass_on(unsigned int sender, char *record, size_t len)
{
	struct iovec pieces[] = {
		{ .iov_base = names[sender].s, .iov_len = strlen(names[sender].s) },
		{ .iov_base = ": ", .iov_len = 2 },
		{ .iov_base = record, .iov_len = len },
	};
	struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = 3 };
	unsigned int i;

	for (i = 1; i < nr_polled; i++) {
		/* Nobody is waited for: a client that does not read misses it. */
		if (i != sender &&
		    sendmsg(polled[i].fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			warn("no record to %s", names[i].s);
	}
}

/* Returns false when the client has gone. */
static bool serve(unsigned int i)
{
	char record[RECORD_MAX];
	ssize_t n;

	/* With MSG_TRUNC n is the length that the record had. */
	n = recv(polled[i].fd, record, sizeof(record), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	say("%s sends a record of %zd bytes%s", names[i].s, n,
	    n > RECORD_MAX ? ", too long for us" : "");
	if (n <= RECORD_MAX)
		pass_on(i, record, n);
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { .port = SEQPACKET_PORT };
	struct sockaddr_demo a;
	unsigned int gone = 0;
	unsigned int i;
	int listener;

	read_options(argc, argv, "hn:p:", help, &o);

	a = local_port(o.port);
	listener = initserver(SOCK_SEQPACKET | SOCK_NONBLOCK, (struct sockaddr *)&a,
			      sizeof(a), SOMAXCONN);
	if (listener < 0)
		die("%s", address_text(a).s);
	say("listening on %s for connections with records", address_text(a).s);

	while (!o.count || gone < o.count) {
		/* With no place left the next one waits in the listener's backlog. */
		polled[0].fd = nr_polled <= CLIENTS_MAX ? listener : -1;
		polled[0].events = POLLIN;
		if (TEMP_FAILURE_RETRY(poll(polled, nr_polled, -1)) < 0)
			die("poll");

		/* Downwards: dismiss() fills the gap with one that was served. */
		for (i = nr_polled - 1; i > 0; i--) {
			if (polled[i].revents && !serve(i)) {
				dismiss(i);
				gone++;
			}
		}
		if (polled[0].revents)
			welcome(listener);
	}
	return EXIT_SUCCESS;
}
