/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failures on demand, for allocations.c: a call is made again and again, and
 * its 1st, 2nd, ... nth allocation or copy from or to user space fails, until
 * one call comes through without having met the nth. Before that, a call is
 * made for which every allocation fails: what has a fallback has none then.
 *
 *	EACH_FAILURE("bind", NOMEM | FAULT) {
 *		... prepare ...
 *		ret = FAILING(bind(fd, &a->sa, a->len));
 *		... look at what it left, and take it away ...
 *	}
 *
 * Exactly the errors that are named must come, and after each call the process
 * must have as many descriptors, and its network namespace as many AF_DEMO
 * sockets, as before it.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include <sys/mman.h>

#include "demo_test.h"

/* The errors of a call, as a set. */
enum {
	NOMEM	= 1 << 0,	/* ENOMEM */
	NOBUFS	= 1 << 1,	/* ENOBUFS */
	FAULT	= 1 << 2,	/* EFAULT: a copy from or to user space failed */
	NFILE	= 1 << 3,	/* ENFILE: no inode for a socket */
	STRANGE	= 1 << 4,	/* anything else */
};

#define MOST_ROUNDS	10

struct sweep {
	const char	*what;
	unsigned int	errors;		/* that have to come */
	unsigned int	seen;		/* that came */
	unsigned int	n;		/* which one fails; 0: all allocations do */
	unsigned int	first;		/* the first n after that */
	unsigned int	visited;	/* this many failed so far */
	bool		called;		/* FAILING() was */
	bool		hit;		/* and met the nth */
	int		strange;	/* an error of no name here */
	int		rounds;		/* that begin with the first */
	int		fds;
	long		sockets;
};

static struct sweep sweep;
/* Of all the sweeps of a test. */
static unsigned int points_visited;
static int fail_nth_file = -1, make_it_fail_file = -1;

#define DEBUGFS		"/sys/kernel/debug/"

/*
 * Have failures where a call really allocates. Left alone, the kernel lets only
 * those allocations fail that cannot wait for memory. Pages of user space are
 * spared: a page fault that fails is tried again, and the log complains.
 */
static inline bool failures_on(void)
{
	fail_nth_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail_file = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	return fail_nth_file >= 0 && make_it_fail_file >= 0 &&
	       write_text(DEBUGFS "failslab/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "failslab/task-filter", "Y") &&
	       write_text(DEBUGFS "failslab/probability", "100") &&
	       write_text(DEBUGFS "failslab/times", "-1") &&
	       write_text(DEBUGFS "failslab/verbose", "0") &&
	       write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_text(DEBUGFS "fail_page_alloc/min-order", "0") &&
	       write_text(DEBUGFS "fail_page_alloc/task-filter", "Y") &&
	       write_text(DEBUGFS "fail_page_alloc/probability", "100") &&
	       write_text(DEBUGFS "fail_page_alloc/times", "-1") &&
	       write_text(DEBUGFS "fail_page_alloc/verbose", "0") &&
	       write_text(DEBUGFS "fail_usercopy/verbose", "0");
}

static inline void failures_off(void)
{
	write_text(DEBUGFS "failslab/probability", "0");
	write_text(DEBUGFS "fail_page_alloc/probability", "0");
	close(fail_nth_file);
	close(make_it_fail_file);
}

#define NEED_FAILURES()								\
do {										\
	if (!failures_on())							\
		SKIP(return, "a kernel without failures on demand: "		\
		     "make check KERNELS=7.2-debug TESTS=allocations");		\
} while (0)

/* What FAILING() is made of. The nth fails once, and is armed only once. */

static inline void fail_arm(void)
{
	static char word[16];

	sweep.called = true;
	if (!sweep.n) {
		if (pwrite(make_it_fail_file, "1", 1, 0) != 1)
			abort();
		return;
	}
	sprintf(word, "%u", sweep.n);
	if (pwrite(fail_nth_file, word, strlen(word), 0) < 0)
		abort();
}

/* How many are left until one fails. To read that is a copy that may fail. */
static inline unsigned int fail_left(void)
{
	static char word[16];
	ssize_t len = pread(fail_nth_file, word, sizeof(word) - 1, 0);

	if (len < 0)
		return 1;
	word[len] = 0;
	return atoi(word);
}

/* @err is -1 for a call that failed by itself. */
static inline void fail_note(int err)
{
	switch (err) {
	case ENOMEM:
		sweep.seen |= NOMEM;
		break;
	case ENOBUFS:
		sweep.seen |= NOBUFS;
		break;
	case EFAULT:
		sweep.seen |= FAULT;
		break;
	case ENFILE:
		sweep.seen |= NFILE;
		break;
	default:
		sweep.seen |= STRANGE;
		sweep.strange = err;
		break;
	}
}

static inline ssize_t fail_disarm(ssize_t ret)
{
	int err = errno;

	if (!sweep.n) {
		if (pwrite(make_it_fail_file, "0", 1, 0) != 1)
			abort();
		sweep.hit = true;
	} else {
		sweep.hit = !fail_left();
		/* To write is a copy, too: the second time none is left to fail. */
		if (pwrite(fail_nth_file, "0", 1, 0) < 0 &&
		    pwrite(fail_nth_file, "0", 1, 0) < 0)
			abort();
		sweep.visited += sweep.hit;
	}
	if (ret < 0)
		fail_note(sweep.hit ? err : -1);
	errno = err;
	return ret;
}

#define FAILING(call)	(fail_arm(), fail_disarm(call))

/* How many failures there would be in a call, which is made here. */
#define POINTS_OF(call)								\
({										\
	unsigned int left;							\
										\
	sweep.n = 1000000;							\
	fail_arm();								\
	call;									\
	left = fail_left();							\
	fail_disarm(0);								\
	1000000 - left;								\
})

static inline void sweep_start(const char *what, unsigned int errors, unsigned int first)
{
	sweep = (struct sweep) {
		.what = what, .errors = errors, .first = first,
		.fds = count_fds(), .sockets = count_demo_sockets(),
	};
	/* No page of this process is new to the kernel in the middle of a call. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
}

/* After a call: what came of it is right. Returns whether to make another. */
static inline bool sweep_next(struct __test_metadata *_metadata)
{
	if (!sweep.called)
		return true;
	EXPECT_EQ(0, sweep.strange) {
		TH_LOG("%s, failure %u: %s", sweep.what, sweep.n, strerror(sweep.strange));
	}
	EXPECT_EQ(sweep.fds, count_fds()) {
		TH_LOG("%s, failure %u: descriptors", sweep.what, sweep.n);
	}
	/* Whoever looks after the spares of all sockets may hold one for a moment. */
	AWAIT(count_demo_sockets() == sweep.sockets);
	EXPECT_EQ(sweep.sockets, count_demo_sockets()) {
		TH_LOG("%s, failure %u: sockets", sweep.what, sweep.n);
	}
	if (_metadata->exit_code == KSFT_FAIL)
		return false;
	sweep.called = false;
	if (sweep.hit) {
		sweep.n = sweep.n ? sweep.n + 1 : sweep.first;
		return true;
	}
	/*
	 * A call takes one more where a cache is empty. If the one before did, one
	 * slipped by: once more.
	 */
	if (sweep.seen != sweep.errors && sweep.rounds++ < MOST_ROUNDS) {
		sweep.n = sweep.first;
		return true;
	}
	EXPECT_EQ(sweep.errors, sweep.seen) {
		TH_LOG("%s: the errors", sweep.what);
	}
	printf("#   %4u  %s\n", sweep.visited, sweep.what);
	points_visited += sweep.visited;
	return false;
}

#define EACH_FAILURE(what, errors)						\
	EACH_FAILURE_FROM(what, errors, 1)

/* Where those before are none of our business. */
#define EACH_FAILURE_FROM(what, errors, first)					\
	for (sweep_start(what, errors, first); sweep_next(_metadata); )

/*
 * At the end of a test: so many failures it has seen. Fewer than ever before
 * mean that they do not come where they used to, and that this tests less.
 */
#define EXPECT_VISITED(floor)							\
do {										\
	printf("# %u points of failure visited, at least %u expected\n",	\
	       points_visited, (unsigned int)(floor));				\
	EXPECT_LE((unsigned int)(floor), points_visited);			\
} while (0)

#endif /* FAIL_NTH_H */
