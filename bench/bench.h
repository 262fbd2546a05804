/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmark: families, and works that are done over each of them alike.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define max(a, b)	((a) > (b) ? (a) : (b))

/* What a stream is read in, whatever it was written in. */
#define READ_SIZE	65536

/* family.c */

struct family {
	const char *name;
	int domain;		/* -1: pipes */
	unsigned int types;	/* TYPE() of each it has */
	unsigned int names;	/* how many can be bound; 0: as many as one likes */
	const char *lacks;	/* why not the other types */
};

#define TYPE(type)	(1u << (type))

extern const struct family families[];
extern const unsigned int nr_families;

/* An end of a connection. A socket is for both directions, a pipe for one. */
struct end {
	int in;
	int out;
};

int new_socket(const struct family *f, int type);
void bind_name(const struct family *f, int fd, unsigned int n);
int new_listener(const struct family *f, int type, unsigned int n);
int connect_name(const struct family *f, int type, int listener, unsigned int n,
		 int *accepted);
void connect_to_name(const struct family *f, int fd, unsigned int n);
bool has_socketpair(const struct family *f);
void new_pair(const struct family *f, int type, struct end ends[2]);
void make_room(int fd, long bytes);
bool enable_zerocopy(const struct family *f, int fd);

/* work.c, calls.c */

struct job {
	const struct family *family;
	int type;
	long size;		/* bytes, or how many of what the work is about */
	long ops;		/* how many operations are counted */
};

/*
 * A work sets itself up, does some operations to warm up, and returns how many
 * nanoseconds (or bytes of memory) all of its operations took.
 */
typedef double work_fn(const struct job *job);

work_fn one_way, in_turns, one_way_zerocopy, round_trip, round_trip_spinning;
work_fn small_writes, small_reads, many_messages;
work_fn many_pairs, many_senders;
work_fn connections, socketpairs, wait_epoll, bind_among, connect_among;
work_fn idle_memory, queued_memory;

/* bench.c */

extern bool pinned;		/* the two ends are on two processors */

double now(void);
void settle(void);
void pin_to(int cpu);
void *buffer(size_t size);
void write_all(int fd, const void *buf, size_t len);

/* Ends this measurement: what is printed instead of a figure. */
__attribute__((noreturn, format(printf, 1, 2)))
void give_up(const char *why, ...);

/* The same when a call failed. */
__attribute__((noreturn)) void failed(const char *call);

#endif /* BENCH_H */
