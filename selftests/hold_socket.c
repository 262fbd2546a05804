// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_socket FAMILY - have a stream socket of that number, say so, and keep it
 * until the end of the input. Not a test: module.sh needs it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	char c;

	if (argc != 2) {
		fprintf(stderr, "usage: hold_socket FAMILY\n");
		return 2;
	}
	if (socket(atoi(argv[1]), SOCK_STREAM, 0) < 0) {
		fprintf(stderr, "hold_socket: family %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	printf("open\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
