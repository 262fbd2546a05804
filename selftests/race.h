/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two calls that meet: many short rounds, in each of which two threads make one
 * call each at about the same moment, and what must hold then is looked at.
 *
 *	race_begin(&r, ROUNDS, what_the_other_thread_does, self);
 *	while (RACE_GOES_ON(&r)) {
 *		... sockets ...
 *		race(&r, what_this_thread_does, self);
 *		... what must hold now ...
 *		race_first(&r, whether_it_was_this_thread);
 *	}
 *	RACE_END(&r);
 *
 * With race_first(), where what the calls came to tells which was first, both orders
 * are asserted: in two of the rounds one call is held back until the other has
 * returned, and must be the second; in the others the calls meet, and each is first at
 * least once. The one that is first too often begins later, so that neither is for
 * long. The calls of such a test do not wait for each other.
 *
 * A call that never returns is ended by the harness, whose time limit is the
 * watchdog of these tests. How the rounds differ is the same at each run, unless the
 * environment has a SEED, a number.
 */
#ifndef DEMO_RACE_H
#define DEMO_RACE_H

#include "usage.h"

enum { THEIRS, MINE, NEITHER };		/* who is first */

struct race {
	pthread_t thread;
	void (*call)(void *arg);
	void *arg;
	unsigned int seed[2];
	unsigned int begun, done;	/* rounds */
	unsigned int rounds;		/* at least */
	bool over;
	/* of a test that tells who was first */
	bool tells;
	int held;			/* who is to be first in this round */
	int nr_held, wrong;		/* such rounds, and where he was not */
	int first[2];			/* how often, where they met */
	int last;			/* who was, the last time */
	int lag, step;			/* by how much this thread begins later */
};

/* Fewer on a debug kernel, which takes ten times as long. */
static inline int rounds(int n)
{
	return is_debug_kernel() ? n / 5 : n;
}

/* The other may have the same processor. */
static inline void race_await(const unsigned int *count, unsigned int value)
{
	unsigned int spins = 0;

	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) != value)
		if (++spins % 64 == 0)
			sched_yield();
}

/* Who waits for long lets the other have the processor. */
static inline void race_spin(unsigned int spins)
{
	for (; spins; spins--) {
		__asm__ volatile("" ::: "memory");
		if (spins % 16384 == 0)
			sched_yield();
	}
}

/* Mostly a moment, sometimes as long as a call takes, sometimes a turn of the other. */
static inline void race_stagger(unsigned int *seed, int lag)
{
	race_spin(random_below(seed, 1u << random_below(seed, 13)));
	if (!random_below(seed, 8))
		sched_yield();
	if (lag > 0)
		race_spin(lag);
}

static inline void *race_thread(void *arg)
{
	struct race *r = arg;
	unsigned int round;

	for (round = 1;; round++) {
		race_await(&r->begun, round);
		if (r->over)
			return NULL;
		race_stagger(&r->seed[1], -r->lag);
		r->call(r->arg);
		__atomic_store_n(&r->done, round, __ATOMIC_RELEASE);
	}
}

static inline int race_begin(struct race *r, int n, void (*call)(void *arg), void *arg)
{
	*r = (struct race){
		.call = call, .arg = arg, .rounds = rounds(n),
		.seed = { test_seed(1), test_seed(2) },
		.last = NEITHER, .step = 1024,
	};
	return pthread_create(&r->thread, NULL, race_thread, r);
}

/* Another round? There are more of them where one of the calls was never first. */
static inline bool race_goes_on(const struct race *r)
{
	if (r->wrong)
		return false;
	if (r->begun < r->rounds)
		return true;
	return r->tells && (!r->first[MINE] || !r->first[THEIRS]) && r->begun < 20 * r->rounds;
}

#define RACE_GOES_ON(r)		(!_metadata->exit_code && race_goes_on(r))

/* One round: @mine here, the other's call there. Both have returned after. */
static inline void race(struct race *r, void (*mine)(void *arg), void *arg)
{
	unsigned int round = r->begun + 1;

	r->held = r->tells && r->nr_held < 2 ? r->nr_held++ : NEITHER;
	if (r->held == MINE)
		mine(arg);
	__atomic_store_n(&r->begun, round, __ATOMIC_RELEASE);
	if (r->held == THEIRS)
		race_await(&r->done, round);
	else if (r->held == NEITHER)
		race_stagger(&r->seed[0], r->lag);
	if (r->held != MINE)
		mine(arg);
	race_await(&r->done, round);
}

/* Who came first in this round, as the calls tell: the next time he begins later. */
static inline void race_first(struct race *r, bool mine)
{
	int lag;

	r->tells = true;
	if (r->held != NEITHER) {
		r->wrong += r->held != mine;
		return;
	}
	r->first[mine]++;
	/* Further and further until that changes, and then less far. */
	if (r->last == mine && r->step < 1 << 20)
		r->step *= 2;
	else if (r->last == !mine && r->step > 64)
		r->step /= 4;
	lag = r->lag + (mine ? r->step : -r->step);
	if (abs(lag) < 1 << 22)
		r->lag = lag;
	r->last = mine;
}

static inline void race_end(struct race *r)
{
	r->over = true;
	__atomic_store_n(&r->begun, r->begun + 1, __ATOMIC_RELEASE);
	pthread_join(r->thread, NULL);
}

#define RACE_END(r)								\
do {										\
	race_end(r);								\
	if (!(r)->tells || _metadata->exit_code)				\
		break;								\
	TH_LOG("where they met, %d times the one was first, %d times the other", \
	       (r)->first[MINE], (r)->first[THEIRS]);				\
	EXPECT_EQ(2, (r)->nr_held);						\
	EXPECT_EQ(0, (r)->wrong);						\
	EXPECT_LT(0, (r)->first[MINE]);						\
	EXPECT_LT(0, (r)->first[THEIRS]);					\
} while (0)

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
