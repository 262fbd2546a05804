/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the samples share: the family's number, addresses, the socket of a
 * server, the command line, and errors that say what to do next.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

/* For accept4(), TEMP_FAILURE_RETRY() and the like: include this file first. */
#define _GNU_SOURCE

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/demo.h>

/* Where the samples' servers are unless -p says otherwise. */
enum {
	STREAM_PORT = 5001,
	DGRAM_PORT = 5002,
	SEQPACKET_PORT = 5003,
	UPTIME_PORT = 5004,
};

/* The longest record that seqpacket_server passes on. */
#define RECORD_MAX	4096

/*
 * The family's number. While the module is not loaded it is the default one:
 * socket() then loads the module, where it is installed.
 */
static inline int demo_family(void)
{
	FILE *f = fopen("/sys/module/demo/parameters/family", "re");
	int family;

	if (!f)
		return AF_DEMO;
	if (fscanf(f, "%d", &family) != 1)
		family = AF_DEMO;
	fclose(f);
	return family;
}

/* A service of this machine. */
static inline struct sockaddr_demo local_port(unsigned int port)
{
	return (struct sockaddr_demo) {
		.sdm_family = demo_family(),
		.sdm_node = DEMO_NODE_LOCAL,
		.sdm_port = port,
	};
}

/* The address a socket has got, by bind() or because it needed one. */
static inline struct sockaddr_demo own_address(int fd)
{
	struct sockaddr_demo a = { 0 };
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return a;
}

struct text {
	char s[32];
};

/* An address as people read it: (LOCAL, 5001) */
static inline struct text address_text(struct sockaddr_demo a)
{
	char node[12], port[12];
	struct text t;

	snprintf(node, sizeof(node), "%u", a.sdm_node);
	snprintf(port, sizeof(port), "%u", a.sdm_port);
	snprintf(t.s, sizeof(t.s), "(%s, %s)",
		 a.sdm_node == DEMO_NODE_LOCAL ? "LOCAL" :
		 a.sdm_node == DEMO_NODE_ANY ? "ANY" : node,
		 a.sdm_port == DEMO_PORT_ANY ? "ANY" : port);
	return t;
}

/*
 * A server's socket: it has its address when this returns, and clients can
 * reach it. For any family and any type, also with SOCK_NONBLOCK. Returns -1
 * with errno set on failure.
 */
static inline int initserver(int type, const struct sockaddr *address,
			     socklen_t len, int backlog)
{
	int fd, err;

	fd = socket(address->sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, address, len))
		goto fail;
	/* A type without connections says so: it is ready as it is. */
	if (listen(fd, backlog) && errno != EOPNOTSUPP)
		goto fail;
	return fd;

fail:
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static inline const char *what_next(int err)
{
	switch (err) {
	case EAFNOSUPPORT:
		return "; is demo.ko loaded?";
	case EADDRINUSE:
		return "; choose another port with -p";
	case EACCES:
		return "; a port up to 1023 takes CAP_NET_BIND_SERVICE, choose another with -p";
	case ECONNREFUSED:
		return "; start the server first, or say with -p where it is";
	default:
		return "";
	}
}

/* Who says it, and what: one line. */
#define say(format, ...)							\
	printf("%s: " format "\n", program_invocation_short_name, ##__VA_ARGS__)

/* The same for what failed, why (errno says it), and what to do about it. */
#define die(format, ...)							\
	errx(EXIT_FAILURE, format ": %s%s", ##__VA_ARGS__, strerror(errno), what_next(errno))
#define usage_error(format, ...)						\
	errx(2, format "; see --help", ##__VA_ARGS__)

/* The command line: what the options say, by default what is set before. */
struct options {
	unsigned int	port;		/* -p */
	unsigned int	count;		/* -n */
	unsigned int	pause;		/* -w */
	bool		foreground;	/* -f */
	bool		operands;	/* words besides options are welcome */
};

static inline unsigned int to_number(int option, const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	/* The highest number means "any" in an address. */
	if (errno || end == text || *end || *text == '-' || n >= DEMO_PORT_ANY)
		usage_error("-%c takes a number up to %u, not \"%s\"",
			    option, DEMO_PORT_ANY - 1, text);
	return n;
}

/*
 * Read the command line into o. The letters are those of getopt(), "p:h" among
 * them. Returns the index of the first operand in argv.
 */
static inline int read_options(int argc, char **argv, const char *letters,
			       const char *help, struct options *o)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	/* Several programs may share a terminal or a pipe: a line is one write. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stderr, NULL, _IOLBF, 0);

	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->foreground = true;
			break;
		case 'h':
			printf("Usage: %s %s\n"
			       "  -p PORT   port of the server (%u)\n"
			       "  -h        this text\n",
			       program_invocation_short_name, help, o->port);
			exit(EXIT_SUCCESS);
		case 'n':
			o->count = to_number(c, optarg);
			break;
		case 'p':
			o->port = to_number(c, optarg);
			break;
		case 'w':
			o->pause = to_number(c, optarg);
			break;
		default:
			/* getopt_long() has said what is wrong. */
			usage_error("bad option");
		}
	}
	if (optind < argc && !o->operands)
		usage_error("unexpected \"%s\"", argv[optind]);
	return optind;
}

#endif /* SAMPLE_H */
