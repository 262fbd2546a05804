// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_DGRAM: sends each of its arguments as a question in one datagram, and
 * prints the datagram that comes back.
 */
#include "sample.h"

#include <sys/time.h>

static const char help[] =
"[-p PORT] QUESTION...\n"
"Asks dgram_server for the result of each QUESTION, such as \"6 * 7\".\n";

/* An answer that takes so many seconds does not come: the server has ended. */
#define PATIENCE	60

int main(int argc, char **argv)
{
	struct options o = { .port = DGRAM_PORT, .operands = true };
	struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_demo a;
	char answer[80];
	ssize_t n;
	int i, fd;

	i = read_options(argc, argv, "hp:", help, &o);
	if (i == argc)
		usage_error("there is no question");

	a = local_port(o.port);
	fd = socket(a.sdm_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("SO_RCVTIMEO");

	/*
	 * Sends nothing. From now on send() goes there, what others send here
	 * is refused, and this socket has a port to get its answers at.
	 */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("%s", address_text(a).s);
	say("%s talks to %s", address_text(own_address(fd)).s, address_text(a).s);

	for (; i < argc; i++) {
		say("asks \"%s\"", argv[i]);
		if (TEMP_FAILURE_RETRY(send(fd, argv[i], strlen(argv[i]), 0)) < 0)
			die("send");
		n = TEMP_FAILURE_RETRY(recv(fd, answer, sizeof(answer), 0));
		if (n < 0) {
			if (errno == EAGAIN)
				errno = ETIMEDOUT;
			die("answer to \"%s\"", argv[i]);
		}
		say("is told \"%.*s\"", (int)n, answer);
	}
	return EXIT_SUCCESS;
}
