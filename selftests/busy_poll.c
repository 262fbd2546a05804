// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_BUSY_POLL: a receiver looks again and again for that long before it goes
 * to sleep. AF_UNIX takes the option and does nothing with it.
 */
#include <limits.h>
#include <sys/resource.h>

#include "demo_test.h"

#define ROUNDS	20
#define GAP_US	20000		/* the receiver waits by then */

#define SPIN_OR_SKIP(fd, us) do { \
	if (set_number((fd), SO_BUSY_POLL, (us))) { \
		ASSERT_EQ(EPERM, errno); \
		SKIP(return, "6.1 lets only CAP_NET_ADMIN set SO_BUSY_POLL"); \
	} \
} while (0)

FIXTURE(busy_poll) {
	int sv[2];
	cpu_set_t cpus;
	int cpu[2];
};

FIXTURE_VARIANT(busy_poll) {
	enum family family;
	int type;
};

VARIANTS_DEMO(busy_poll);

FIXTURE_SETUP(busy_poll)
{
	int i, n = 0;

	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	ASSERT_EQ(0, sched_getaffinity(0, sizeof(self->cpus), &self->cpus));
	for (i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &self->cpus))
			self->cpu[n++] = i;
	if (n < 2)
		SKIP(return, "needs two processors: one receives, one sends");
}

FIXTURE_TEARDOWN(busy_poll)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* How often a receiver that was sent @ROUNDS messages went to sleep for them. */
static long sleeps(int sv[2], const int cpu[2])
{
	struct rusage before, after;
	pid_t pid;
	char c;
	int i;

	pid = fork();
	if (!pid) {
		stay_on(cpu[1]);
		for (i = 0; i < ROUNDS; i++) {
			/* Not before the receiver asks for it. */
			if (recv(sv[0], &c, 1, 0) != 1)
				_exit(1);
			usleep(GAP_US);
			if (send(sv[0], "a", 1, 0) != 1)
				_exit(1);
		}
		_exit(0);
	}
	stay_on(cpu[0]);
	getrusage(RUSAGE_THREAD, &before);
	for (i = 0; i < ROUNDS; i++)
		if (send(sv[1], "b", 1, 0) != 1 || recv(sv[1], &c, 1, 0) != 1)
			return -1;
	getrusage(RUSAGE_THREAD, &after);
	return child_exit(pid) ? -1 : after.ru_nvcsw - before.ru_nvcsw;
}

TEST_F(busy_poll, without_it_each_receive_sleeps)
{
	/* Now and then the other's answer is there first. */
	EXPECT_LE(ROUNDS * 9 / 10, sleeps(self->sv, self->cpu));
}

TEST_F(busy_poll, a_receiver_that_spins_need_not_sleep)
{
	long n;

	SPIN_OR_SKIP(self->sv[1], 10 * 1000 * 1000);
	n = sleeps(self->sv, self->cpu);
	TH_LOG("%ld of %d receives slept", n, ROUNDS);
	EXPECT_LE(0, n);
	EXPECT_GT(ROUNDS / 2, n);
}

/* For programs that do not know of it. */
TEST_F(busy_poll, net_core_busy_read_is_what_a_new_socket_begins_with)
{
	static const char busy_read[] = "/proc/sys/net/core/busy_read";
	int before = get_number(self->sv[1], SO_BUSY_POLL), sv[2], made;
	char text[16];
	long n;

	if (!write_text(busy_read, "10000000"))
		SKIP(return, "%s: %s", busy_read, strerror(errno));
	made = connected_pair(variant->family, variant->type, 3, sv);
	sprintf(text, "%d", before);
	ASSERT_TRUE(write_text(busy_read, text));
	ASSERT_EQ(0, made);
	EXPECT_EQ(10000000, get_number(sv[1], SO_BUSY_POLL));
	EXPECT_EQ(before, get_number(self->sv[1], SO_BUSY_POLL));
	n = sleeps(sv, self->cpu);
	EXPECT_LE(0, n);
	EXPECT_GT(ROUNDS / 2, n);
}

TEST_F(busy_poll, the_time_ends)
{
	struct background b = { .fd = self->sv[1], .len = 1 };
	char c;

	b.buf = &c;
	SPIN_OR_SKIP(self->sv[1], 1000);
	ASSERT_EQ(0, background_recv(&b));
	EXPECT_TRUE(background_sleeps(&b));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, background_end(&b));
}

TEST_F(busy_poll, SO_RCVTIMEO_ends_it)
{
	struct timeval limit = { .tv_usec = 50000 };
	char c;

	SPIN_OR_SKIP(self->sv[1], INT_MAX);
	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_RCVTIMEO, &limit,
				sizeof(limit)));
	EXPECT_EQ(-1, recv(self->sv[1], &c, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(busy_poll, a_signal_ends_it)
{
	int status;
	pid_t pid;
	char c;

	SPIN_OR_SKIP(self->sv[1], 100 * 1000 * 1000);
	pid = fork();
	if (!pid) {
		alarm(1);
		recv(self->sv[1], &c, 1, 0);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

TEST_F(busy_poll, the_end_of_the_connection_ends_it)
{
	struct background b = { .fd = self->sv[1], .len = 1 };
	char c;

	b.buf = &c;
	SPIN_OR_SKIP(self->sv[1], 100 * 1000 * 1000);
	ASSERT_EQ(0, background_recv(&b));
	usleep(GAP_US);
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_EQ(0, background_end(&b));
}

TEST_HARNESS_MAIN
