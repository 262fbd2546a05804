// SPDX-License-Identifier: GPL-2.0-only
/*
 * Works that are about the sockets themselves: made, named, connected, waited
 * for, closed; and the memory that they and what waits in them take.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static long warm_up(const struct job *job)
{
	return max(job->ops / 4, 1);
}

/* socket() + connect() + accept() + close() of both, by one process. */
static double connect_ops(const struct job *job, int listener, unsigned int n)
{
	double start = 0;
	long op;
	int fd, accepted;

	for (op = -warm_up(job); op < job->ops; op++) {
		if (!op)
			start = now();
		fd = connect_name(job->family, job->type, listener, n, &accepted);
		close(fd);
		close(accepted);
	}
	return now() - start;
}

double connections(const struct job *job)
{
	return connect_ops(job, new_listener(job->family, job->type, 0), 0);
}

double socketpairs(const struct job *job)
{
	const struct family *f = job->family;
	bool is_pipe = f->domain < 0;
	double start = 0;
	int fds[2];
	long op;

	if (!is_pipe && !has_socketpair(f))
		give_up("it has no socketpair()");
	if (is_pipe && job->type != SOCK_STREAM)
		give_up("%s", f->lacks);
	for (op = -warm_up(job); op < job->ops; op++) {
		if (!op)
			start = now();
		if (is_pipe ? pipe(fds) : socketpair(f->domain, job->type, 0, fds))
			failed(is_pipe ? "pipe" : "socketpair");
		close(fds[0]);
		close(fds[1]);
	}
	return now() - start;
}

/* A message through one of job->size sockets that epoll_wait() waits for. */
double wait_epoll(const struct job *job)
{
	struct epoll_event event = { .events = EPOLLIN };
	int set = epoll_create1(0);
	struct end ends[2];
	char *buf = buffer(64);
	double start = 0;
	long i, op;

	for (i = 0; i < job->size; i++) {
		new_pair(job->family, job->type, ends);
		event.data.fd = ends[1].in;
		if (epoll_ctl(set, EPOLL_CTL_ADD, ends[1].in, &event))
			failed("epoll_ctl");
	}
	settle();
	for (op = -warm_up(job); op < job->ops; op++) {
		if (!op)
			start = now();
		write_all(ends[0].out, buf, 64);
		if (epoll_wait(set, &event, 1, -1) != 1 || event.data.fd != ends[1].in)
			failed("epoll_wait");
		if (read(ends[1].in, buf, 64) != 64)
			failed("read");
	}
	return now() - start;
}

/* The number after the last name that is bound then. There must be @more names. */
static unsigned int bind_many(const struct job *job, unsigned int more)
{
	long i;

	if (job->family->names && job->size + more > job->family->names)
		give_up("it cannot bind as many");
	for (i = 0; i < job->size; i++)
		bind_name(job->family, new_socket(job->family, job->type), i);
	settle();
	return job->size;
}

#define BINDS		64	/* at a time */

/* bind() and close() of a socket, among job->size that are bound. */
double bind_among(const struct job *job)
{
	unsigned int next = bind_many(job, BINDS);
	double start, sum = 0;
	int fds[BINDS], i;
	long op;

	for (op = -BINDS; op < job->ops; op += BINDS) {
		for (i = 0; i < BINDS; i++)
			fds[i] = new_socket(job->family, job->type);
		start = now();
		for (i = 0; i < BINDS; i++)
			bind_name(job->family, fds[i], next + i);
		for (i = 0; i < BINDS; i++)
			close(fds[i]);
		if (op >= 0)
			sum += now() - start;
	}
	return sum;
}

double connect_among(const struct job *job)
{
	unsigned int next = bind_many(job, 1);

	return connect_ops(job, new_listener(job->family, job->type, next), next);
}

/* Bytes that are free, also those that each processor keeps for itself. */
static double mem_free(void)
{
	double pages = 0;
	char line[128];
	long n;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " nr_free_pages %ld", &n) == 1 ||
		    sscanf(line, " count: %ld", &n) == 1)
			pages += n;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

/*
 * The same once RCU has freed, in small batches, what was left before. Half
 * empty slabs are noise: allocate much.
 */
static double free_memory(void)
{
	sleep(10);
	return mem_free();
}

/* job->ops sockets that are connected to each other, descriptors and all. */
double idle_memory(const struct job *job)
{
	struct end ends[2];
	double before;
	long i;

	/* The first of a kind brings its slabs with it. */
	new_pair(job->family, job->type, ends);
	before = free_memory();
	for (i = 0; i < job->ops; i += 2)
		new_pair(job->family, job->type, ends);
	return before - free_memory();
}

#define QUEUES		32
#define QUEUED_BYTES	(64 << 20)	/* of memory, or this many messages, */
#define QUEUED_MESSAGES	2000000		/* are enough to tell */

/* Per message of job->size bytes that waits to be read. */
double queued_memory(const struct job *job)
{
	struct end ends[QUEUES][2];
	char *buf = buffer(job->size);
	long messages = 0;
	bool enough = false;
	double before;
	int i;

	for (i = 0; i < QUEUES; i++) {
		new_pair(job->family, job->type, ends[i]);
		fcntl(ends[i][0].out, F_SETFL, O_NONBLOCK);
	}
	before = free_memory();
	for (i = 0; i < QUEUES && !enough; i++) {
		while (!enough && write(ends[i][0].out, buf, job->size) == job->size)
			if (++messages % 10000 == 0)
				enough = messages >= QUEUED_MESSAGES ||
					 before - mem_free() > QUEUED_BYTES;
		if (!enough && errno != EAGAIN)
			failed("write");
	}
	return (before - free_memory()) / messages * job->ops;
}
