/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two calls that meet: many short rounds, in each of which two threads make one
 * call each at about the same moment, and what must hold then is looked at.
 *
 *	race_begin(&r, what_the_other_thread_does, self);
 *	for (round = 0; round < rounds(ROUNDS); round++) {
 *		... sockets ...
 *		race(&r, what_this_thread_does, self);
 *		... what must hold now ...
 *	}
 *	race_end(&r);
 *
 * A call that never returns is ended by the harness, whose time limit is the
 * watchdog of these tests. How the rounds differ is the same at each run, unless the
 * environment has a SEED, a number.
 */
#ifndef DEMO_RACE_H
#define DEMO_RACE_H

#include "usage.h"

struct race {
	pthread_t thread;
	void (*call)(void *arg);
	void *arg;
	unsigned int seed[2];
	unsigned int begun, done;	/* rounds */
	bool over;
};

/* A debug kernel takes ten times as long. */
static inline int rounds(int n)
{
	return is_debug_kernel() ? n / 10 : n;
}

/* The other may have the same processor. */
static inline void race_await(const unsigned int *count, unsigned int value)
{
	unsigned int spins = 0;

	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) != value)
		if (++spins % 64 == 0)
			sched_yield();
}

/* Mostly a moment, sometimes as long as a call takes, sometimes a turn of the other. */
static inline void race_stagger(unsigned int *seed)
{
	unsigned int spins = random_below(seed, 1u << random_below(seed, 13));

	while (spins--)
		__asm__ volatile("" ::: "memory");
	if (!random_below(seed, 8))
		sched_yield();
}

static inline void *race_thread(void *arg)
{
	struct race *r = arg;
	unsigned int round;

	for (round = 1;; round++) {
		race_await(&r->begun, round);
		if (r->over)
			return NULL;
		race_stagger(&r->seed[1]);
		r->call(r->arg);
		__atomic_store_n(&r->done, round, __ATOMIC_RELEASE);
	}
}

static inline int race_begin(struct race *r, void (*call)(void *arg), void *arg)
{
	*r = (struct race){ .call = call, .arg = arg, .seed = { test_seed(1), test_seed(2) } };
	return pthread_create(&r->thread, NULL, race_thread, r);
}

/* One round: @mine here, the other's call there. Both have returned after. */
static inline void race(struct race *r, void (*mine)(void *arg), void *arg)
{
	unsigned int round = r->begun + 1;

	__atomic_store_n(&r->begun, round, __ATOMIC_RELEASE);
	race_stagger(&r->seed[0]);
	mine(arg);
	race_await(&r->done, round);
}

static inline void race_end(struct race *r)
{
	r->over = true;
	__atomic_store_n(&r->begun, r->begun + 1, __ATOMIC_RELEASE);
	pthread_join(r->thread, NULL);
}

/*
 * What is there, to be compared with what is there in the end. A buffer in
 * flight keeps its sender, so where no socket is left, no data is.
 */
struct race_baseline {
	struct cgroup cgroup;
	long memory;
	int fds;
};

static inline long count_sockets(enum family family)
{
	char line[256], name[32];
	long n, sum = 0;
	FILE *f;

	if (family == FAMILY_DEMO)
		return count_demo_sockets();
	f = fopen("/proc/net/protocols", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %*d %ld", name, &n) == 2 &&
		    (!strcmp(name, "UNIX") || !strcmp(name, "UNIX-STREAM")))
			sum += n;
	fclose(f);
	return sum;
}

static inline void race_baseline(struct race_baseline *b)
{
	if (!access("/proc/sys/vm/stat_refresh", W_OK))
		cgroup_enter(&b->cgroup);
	b->memory = cgroup_usage(&b->cgroup);
	b->fds = count_fds();
}

/* Everything was closed: it is as it was. Some things take a grace period. */
#define EXPECT_BASELINE(b, family)						\
do {										\
	while (count_sockets(family) > 0)					\
		usleep(1000);							\
	EXPECT_EQ(0, count_sockets(family));					\
	EXPECT_EQ((b)->fds, count_fds());					\
	/* Slabs are everybody's, and a debug kernel keeps them for long. */	\
	EXPECT_GE(NOISE, cgroup_left(&(b)->cgroup, (b)->memory));		\
	cgroup_leave(&(b)->cgroup);						\
} while (0)

#endif /* DEMO_RACE_H */
