// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_STREAM: sends its standard input, says that this was all, and prints
 * what the server answers.
 */
#include "sample.h"

static const char help[] =
"[-p PORT] <TEXT\n"
"Lets stream_server count the lines, words and bytes of standard input.\n";

/* All of it: a stream may take less than it was given. */
static void send_all(int fd, const char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = TEMP_FAILURE_RETRY(send(fd, buf, len, MSG_NOSIGNAL));
		if (n < 0)
			die("send");
		buf += n;
		len -= n;
	}
}

int main(int argc, char **argv)
{
	struct options o = { .port = STREAM_PORT };
	unsigned long bytes = 0;
	size_t len = 0;
	struct sockaddr_demo a;
	char buf[65536];
	ssize_t n;
	int fd;

	read_options(argc, argv, "hp:", help, &o);

	a = local_port(o.port);
	fd = socket(a.sdm_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("%s", address_text(a).s);
	say("%s connected to %s",
	    address_text(own_address(fd)).s, address_text(a).s);

	while ((n = TEMP_FAILURE_RETRY(read(STDIN_FILENO, buf, sizeof(buf)))) > 0) {
		send_all(fd, buf, n);
		bytes += n;
	}
	if (n < 0)
		die("standard input");
	say("sent %lu bytes", bytes);

	/* The server reads to the end of file; this is the end of file. */
	if (shutdown(fd, SHUT_WR))
		die("shutdown");

	while (len < sizeof(buf) &&
	       (n = TEMP_FAILURE_RETRY(read(fd, buf + len, sizeof(buf) - len))) > 0)
		len += n;
	if (n < 0)
		die("answer");
	if (!len)
		errx(EXIT_FAILURE, "the server hung up without an answer");
	say("is told \"%.*s\"", (int)len, buf);
	return EXIT_SUCCESS;
}
