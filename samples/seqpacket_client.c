// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_SEQPACKET: sends each of its arguments as one record, and prints the
 * records of the other clients.
 */
#include "sample.h"

static const char help[] =
"[-p PORT] [-n COUNT] [RECORD...]\n"
"Sends each RECORD through seqpacket_server to all others that are connected.\n"
"\n"
"  -n COUNT  stay until COUNT records of others have come (0: do not stay)";

int main(int argc, char **argv)
{
	struct options o = { .port = SEQPACKET_PORT, .operands = true };
	char record[RECORD_MAX + 64];	/* the server adds an address */
	unsigned int received = 0;
	struct sockaddr_demo a;
	ssize_t n;
	int i, fd;

	i = read_options(argc, argv, "hn:p:", help, &o);

	a = local_port(o.port);
	fd = socket(a.sdm_family, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("%s", address_text(a).s);
	say("%s connected to %s",
	    address_text(own_address(fd)).s, address_text(a).s);

	for (; i < argc; i++) {
		/* Whoever receives an empty record takes it for the end. */
		if (!*argv[i])
			continue;
		say("sending a record of %zu bytes: %s", strlen(argv[i]), argv[i]);
		if (TEMP_FAILURE_RETRY(send(fd, argv[i], strlen(argv[i]), MSG_NOSIGNAL)) < 0)
			die("send");
	}

	/*
	 * Closing with records unread resets the connection, and could cost the
	 * others those just sent. So say that this was all, and read to the end.
	 */
	if (!o.count && shutdown(fd, SHUT_WR))
		die("shutdown");
	while ((n = TEMP_FAILURE_RETRY(recv(fd, record, sizeof(record), 0))) > 0) {
		say("record of %zd bytes from %.*s", n, (int)n, record);
		if (++received == o.count && shutdown(fd, SHUT_WR))
			die("shutdown");
	}
	if (n < 0)
		die("recv");
	if (received < o.count)
		errx(EXIT_FAILURE, "the server ended after %u of %u records", received, o.count);
	return EXIT_SUCCESS;
}
