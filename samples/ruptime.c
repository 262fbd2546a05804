// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks ruptimed how long the machine has been up. While nobody listens there
 * it tries again after 1, 2, 4 ... seconds: soon enough for a daemon that is
 * just starting, and no burden while it is down for long.
 */
#include "sample.h"

static const char help[] =
"[-p PORT] [-w SECONDS]\n"
"Prints how long the machine has been up, as ruptimed says.\n"
"\n"
"  -w SECONDS  longest pause between two attempts to connect (64)\n"
"              0: try just once";

/* Connected, or -1 with errno set when the pauses have become too long. */
static int connect_patiently(const struct sockaddr_demo *a, unsigned int longest)
{
	unsigned int pause;
	int fd, err;

	for (pause = 1; ; pause *= 2) {
		/* A socket whose connect() failed is not for use again everywhere. */
		fd = socket(a->sdm_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -1;
		if (!connect(fd, (const struct sockaddr *)a, sizeof(*a)))
			return fd;
		err = errno;
		close(fd);
		errno = err;
		/* Other errors do not pass with time. */
		if (err != ECONNREFUSED && err != ECONNRESET && err != ETIMEDOUT)
			return -1;
		if (pause > longest)
			return -1;
		warnx("%s: %s, again in %u s", address_text(*a).s, strerror(err), pause);
		sleep(pause);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .port = UPTIME_PORT, .pause = 64 };
	struct sockaddr_demo a;
	bool answered = false;
	char buf[256];
	ssize_t n;
	int fd;

	read_options(argc, argv, "hp:w:", help, &o);

	a = local_port(o.port);
	fd = connect_patiently(&a, o.pause);
	if (fd < 0)
		die("%s", address_text(a).s);
	while ((n = TEMP_FAILURE_RETRY(read(fd, buf, sizeof(buf)))) > 0) {
		fwrite(buf, 1, n, stdout);
		answered = true;
	}
	if (n < 0)
		die("read");
	if (!answered)
		errx(EXIT_FAILURE, "the server hung up without an answer");
	return EXIT_SUCCESS;
}
