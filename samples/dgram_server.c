// SPDX-License-Identifier: GPL-2.0-only
/*
 * SOCK_DGRAM: does sums for whoever asks.
 *
 * One socket serves everybody: a datagram is a whole question and comes with
 * the sender's address, and a sender always has one to send the answer to.
 */
#include "sample.h"

static const char help[] =
"[-p PORT] [-n COUNT]\n"
"Answers the questions of dgram_client, such as \"6 * 7\".\n"
"\n"
"  -n COUNT  end after COUNT questions (go on for ever)";

#define QUESTION_MAX	80

/* Whether the question is one, and its result. */
static bool solve(const char *question, double *result)
{
	double a, b;
	char operation;
	int end = 0;

	if (sscanf(question, "%lf %c %lf %n", &a, &operation, &b, &end) < 3 ||
	    question[end])
		return false;

	switch (operation) {
	case '+':
		*result = a + b;
		return true;
	case '-':
		*result = a - b;
		return true;
	case '*':
		*result = a * b;
		return true;
	case '/':
		*result = a / b;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct options o = { .port = DGRAM_PORT };
	char question[QUESTION_MAX + 1], answer[80];
	struct sockaddr_demo a;
	unsigned int asked;
	double result;
	socklen_t len;
	ssize_t n;
	int fd;

	read_options(argc, argv, "hn:p:", help, &o);

	a = local_port(o.port);
	fd = initserver(SOCK_DGRAM, (struct sockaddr *)&a, sizeof(a), 0);
	if (fd < 0)
		die("%s", address_text(a).s);
	say("listening on %s for datagrams", address_text(a).s);

	for (asked = 0; !o.count || asked < o.count; asked++) {
		len = sizeof(a);
		n = TEMP_FAILURE_RETRY(recvfrom(fd, question, QUESTION_MAX, MSG_TRUNC,
						(struct sockaddr *)&a, &len));
		if (n < 0)
			die("recvfrom");
		/* With MSG_TRUNC n is the length it had: what was cut is no question. */
		question[n <= QUESTION_MAX ? n : 0] = '\0';

		if (solve(question, &result))
			snprintf(answer, sizeof(answer), "%.10g", result);
		else
			snprintf(answer, sizeof(answer), "A + B, A - B, A * B or A / B, please");
		say("%s asks \"%s\", answer \"%s\"",
		    address_text(a).s, question, answer);

		/* Nobody is waited for: a client that does not read misses its answer. */
		if (TEMP_FAILURE_RETRY(sendto(fd, answer, strlen(answer), MSG_DONTWAIT,
					      (struct sockaddr *)&a, len)) < 0)
			warn("no answer to %s", address_text(a).s);
	}
	return EXIT_SUCCESS;
}
