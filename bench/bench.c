// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [OPTION...] [WORK[:SIZE]...]
 *
 * Does the same work over AF_DEMO and its relatives and prints, for each work,
 * size and family, a line for each time it was done:
 *
 *   work  size  family  figure
 *
 * with a tab between. The figure is what an operation took: nanoseconds, which
 * are instructions where the clock counts these; for a work whose name begins
 * with "memory", bytes. Where there is none, "-" and, in a fifth field, why.
 *
 *   -f FAMILY,...  these families alone
 *   -r ROUNDS      how many times, with the families in turn (default 3)
 *   -x TIMES       so many times the operations (default 1)
 *   -p             pin the two ends to two processors
 *   -s             leave out what takes long to set up, and memory
 *
 * Each measurement is made by a process of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define KIB	1024
#define MIB	(1024 * KIB)

/* Processor time in seconds, or as many thousand million instructions. */
#define TIME_LIMIT	300
#define DESCRIPTORS	300000

struct work {
	const char *name;
	work_fn *run;
	int type;
	long sizes[7];		/* ends with 0 */
	long ops;		/* 0: as the size of a message has it */
	bool heavy;		/* is set up for long: once is enough */
};

#define BYTES	{ 1, 64, 512, 4 * KIB, 64 * KIB, MIB }

static const struct work works[] = {
	{ "oneway-stream", one_way, SOCK_STREAM, BYTES, 0, false },
	{ "oneway-dgram", one_way, SOCK_DGRAM, BYTES, 0, false },
	{ "oneway-seqpacket", one_way, SOCK_SEQPACKET, BYTES, 0, false },
	{ "turns-stream", in_turns, SOCK_STREAM, BYTES, 0, false },
	{ "turns-dgram", in_turns, SOCK_DGRAM, { 64 }, 0, false },
	{ "turns-seqpacket", in_turns, SOCK_SEQPACKET, { 64 }, 0, false },
	{ "zerocopy-stream", one_way_zerocopy, SOCK_STREAM, { 64 * KIB, MIB }, 0, false },
	{ "roundtrip-stream", round_trip, SOCK_STREAM, BYTES, 0, false },
	{ "roundtrip-dgram", round_trip, SOCK_DGRAM, BYTES, 0, false },
	{ "roundtrip-seqpacket", round_trip, SOCK_SEQPACKET, BYTES, 0, false },
	{ "spinning-stream", round_trip_spinning, SOCK_STREAM, { 64 }, 2048, false },
	{ "spinning-dgram", round_trip_spinning, SOCK_DGRAM, { 64 }, 2048, false },
	{ "spinning-seqpacket", round_trip_spinning, SOCK_SEQPACKET, { 64 }, 2048, false },
	{ "small-writes", small_writes, SOCK_STREAM, { 64 }, 0, false },
	{ "small-reads", small_reads, SOCK_STREAM, { 64 }, 0, false },
	{ "mmsg-dgram", many_messages, SOCK_DGRAM, { 32 }, 8192, false },
	{ "mmsg-seqpacket", many_messages, SOCK_SEQPACKET, { 32 }, 8192, false },
	{ "connect-stream", connections, SOCK_STREAM, { 1 }, 1000, false },
	{ "connect-seqpacket", connections, SOCK_SEQPACKET, { 1 }, 1000, false },
	{ "socketpair-stream", socketpairs, SOCK_STREAM, { 1 }, 2000, false },
	{ "socketpair-dgram", socketpairs, SOCK_DGRAM, { 1 }, 2000, false },
	{ "socketpair-seqpacket", socketpairs, SOCK_SEQPACKET, { 1 }, 2000, false },
	{ "epoll", wait_epoll, SOCK_STREAM, { 1, 100 }, 4000, false },
	{ "epoll", wait_epoll, SOCK_STREAM, { 10000 }, 4000, true },
	{ "pairs", many_pairs, SOCK_STREAM, { 1, 2, 8 }, 16000, false },
	{ "senders", many_senders, SOCK_DGRAM, { 8 }, 16000, false },
	{ "bind", bind_among, SOCK_STREAM, { 10, 1000 }, 16384, false },
	{ "bind", bind_among, SOCK_STREAM, { 100000 }, 16384, true },
	{ "connect-among", connect_among, SOCK_STREAM, { 10, 1000 }, 1000, false },
	{ "connect-among", connect_among, SOCK_STREAM, { 100000 }, 1000, true },
	{ "memory-socket-stream", idle_memory, SOCK_STREAM, { 1 }, 10000, true },
	{ "memory-socket-dgram", idle_memory, SOCK_DGRAM, { 1 }, 10000, true },
	{ "memory-socket-seqpacket", idle_memory, SOCK_SEQPACKET, { 1 }, 10000, true },
	{ "memory-queued-stream", queued_memory, SOCK_STREAM, { 1 }, 1, true },
	{ "memory-queued-dgram", queued_memory, SOCK_DGRAM, { 64 }, 1, true },
	{ "memory-queued-seqpacket", queued_memory, SOCK_SEQPACKET, { 64 }, 1, true },
};

bool pinned;

static int result = -1;		/* where a measurement puts its figure */

static void report(const char *verdict, const char *text)
{
	char line[200];
	int len = snprintf(line, sizeof(line), "%s\t%s\n", verdict, text);

	if (write(result, line, len) != len)
		_exit(1);
}

void give_up(const char *why, ...)
{
	char text[150];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	report("-", text);
	_exit(1);
}

void failed(const char *call)
{
	give_up("%s: %s", call, strerror(errno));
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Let others come to where they wait, and RCU free what is to be freed. */
void settle(void)
{
	usleep(100000);
}

void pin_to(int cpu)
{
	static int cpus;
	cpu_set_t set;

	if (!pinned)
		return;
	if (!cpus)
		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Touched, so that no page of it is missing later. */
void *buffer(size_t size)
{
	void *buf = malloc(size);

	if (!buf)
		failed("malloc");
	return memset(buf, 'x', size);
}

void write_all(int fd, const void *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, buf, len);
		if (n <= 0)
			failed("write");
		buf = (const char *)buf + n;
		len -= n;
	}
}

/*
 * A stream's buffers hold some 3,000 small writes: be many times around. On one
 * processor the scheduler has the two ends take turns in a cycle of 16 milliseconds,
 * now and then another: be many times around that.
 */
static long ops_for(const struct work *work, long size)
{
	if (work->ops)
		return work->ops;
	if (work->run == one_way && work->type == SOCK_STREAM && size <= 512 && !pinned)
		return 131072;
	if (work->run == round_trip && size < 64 * KIB)
		return 2048;
	return size <= 512 ? 16384 : size <= 4 * KIB ? 4096 : size <= 64 * KIB ? 400 : 40;
}

static void measure(const struct work *work, struct job *job)
{
	double took = work->run(job);
	char text[40];

	snprintf(text, sizeof(text), "%.2f", took / job->ops);
	report(text, "");
}

/* In a process of its own, and when that has its figure, all that it made ends. */
static void measure_apart(const struct work *work, struct job *job)
{
	char line[256] = "";
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe(fds))
		exit(1);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(TIME_LIMIT);
		signal(SIGPIPE, SIG_IGN);
		result = fds[1];
		measure(work, job);
		_exit(0);
	}
	setpgid(pid, pid);
	close(fds[1]);
	n = read(fds[0], line, sizeof(line) - 1);
	close(fds[0]);
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (n <= 0)
		snprintf(line, sizeof(line), "-\tit did not end");
	/* Both ends may say why they gave up: the first is enough. */
	line[strcspn(line, "\n")] = 0;
	printf("%s\t%ld\t%s\t%s\n", work->name, job->size, job->family->name, line);
	fflush(stdout);
	settle();
}

static bool is_wanted(const char *name, char **list)
{
	if (!*list)
		return true;
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static bool is_wanted_row(const char *name, long size, char **list)
{
	char row[64];

	snprintf(row, sizeof(row), "%s:%ld", name, size);
	return is_wanted(name, list) || is_wanted(row, list);
}

int main(int argc, char **argv)
{
	struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
	char *wanted[16] = { NULL }, *name;
	int option, rounds = 3, times = 1, round;
	unsigned int w, f, nr_wanted = 0;
	bool quick = false;
	const long *size;
	char seed;

	while ((option = getopt(argc, argv, "f:r:x:ps")) != -1) {
		switch (option) {
		case 'f':
			for (name = strtok(optarg, ","); name && nr_wanted < 15;
			     name = strtok(NULL, ","))
				wanted[nr_wanted++] = name;
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'x':
			times = atoi(optarg);
			break;
		case 'p':
			pinned = true;
			break;
		case 's':
			quick = true;
			break;
		default:
			return 2;
		}
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* What the kernel randomises costs another figure before it can. */
	getrandom(&seed, 1, 0);

	for (w = 0; w < ARRAY_SIZE(works); w++) {
		const struct work *work = &works[w];

		if (work->heavy && quick)
			continue;
		/* The one is about one processor, the other takes two. */
		if (work->run == (pinned ? in_turns : round_trip_spinning))
			continue;
		for (size = work->sizes; *size; size++) {
			if (!is_wanted_row(work->name, *size, argv + optind))
				continue;
			for (round = 0; round < (work->heavy ? 1 : rounds); round++)
				for (f = 0; f < nr_families; f++) {
					struct job job = {
						&families[f], work->type, *size,
						ops_for(work, *size) * times,
					};

					if (is_wanted(families[f].name, wanted))
						measure_apart(work, &job);
				}
		}
	}
	return 0;
}
