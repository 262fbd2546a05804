// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_STREAM: counts lines, words and bytes for whoever connects.
 *
 * A stream carries bytes and nothing else: how the client cut them into writes
 * is not seen here. The client ends its text by shutting down its half of the
 * connection, and gets the answer through the other half.
 *
 * One process per connection: a slow client keeps nobody waiting.
 */
#include "sample.h"

#include <ctype.h>
#include <signal.h>
#include <sys/wait.h>

static const char help[] =
"[-p PORT] [-n COUNT]\n"
"Counts the lines, words and bytes that stream_client sends.\n"
"\n"
"  -n COUNT  end after COUNT connections (go on for ever)";

static void count_and_answer(int fd, const char *client)
{
	unsigned long lines = 0, words = 0, bytes = 0, most = 0;
	bool in_word = false;
	char buf[65536];
	ssize_t i, n;

	while ((n = TEMP_FAILURE_RETRY(read(fd, buf, sizeof(buf)))) > 0) {
		for (i = 0; i < n; i++) {
			bool space = isspace((unsigned char)buf[i]);

			lines += buf[i] == '\n';
			words += in_word && space;
			in_word = !space;
		}
		bytes += n;
		if ((size_t)n > most)
			most = n;
	}
	if (n < 0)
		die("%s", client);
	words += in_word;

	say("%s sent %lu bytes, up to %lu came at once", client, bytes, most);
	if (dprintf(fd, "%lu lines, %lu words, %lu bytes", lines, words, bytes) < 0)
		die("%s", client);
}

int main(int argc, char **argv)
{
	struct options o = { .port = STREAM_PORT };
	struct sockaddr_demo a;
	unsigned int served = 0;
	int fd, listener;

	read_options(argc, argv, "hn:p:", help, &o);

	/* A client that has gone is an error of write(), not the end of us. */
	signal(SIGPIPE, SIG_IGN);
	/* Nobody asks how a child ended: it leaves no zombie. */
	signal(SIGCHLD, SIG_IGN);

	a = local_port(o.port);
	listener = initserver(SOCK_STREAM, (struct sockaddr *)&a, sizeof(a), SOMAXCONN);
	if (listener < 0)
		die("%s", address_text(a).s);
	say("listening on %s for byte streams", address_text(a).s);

	while (!o.count || served < o.count) {
		socklen_t len = sizeof(a);

		fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			die("accept");
		}
		switch (fork()) {
		case -1:
			warn("no process for %s", address_text(a).s);
			break;
		case 0:
			close(listener);
			count_and_answer(fd, address_text(a).s);
			exit(EXIT_SUCCESS);
		}
		close(fd);
		served++;
	}

	/* Those still being served: with SIGCHLD ignored, wait() lasts till all ended. */
	wait(NULL);
	return EXIT_SUCCESS;
}
