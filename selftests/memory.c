// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sockets cost, measured where the kernel counts: what waits is charged to
 * its sender and its memory cgroup for what it really takes, small writes take
 * what they hold, and in the end everything is given back.
 *
 * AF_UNIX is measured the same way, which shows that the measuring works.
 */
#include <sys/resource.h>

#include "usage.h"

/* The slab of a family's sockets, and their line in /proc/net/protocols. */
static const char *cache_of(enum family family, int type)
{
	return family == FAMILY_DEMO ? "DEMO" :
	       type == SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
}

/* How many sockets there are; -1 when that is not known. */
static long sockets(enum family family, int type)
{
	char line[256], found[32];
	long value = -1;
	FILE *f;

	f = fopen("/proc/net/protocols", "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %*d %ld", found, &value) != 2 ||
		    strcmp(found, cache_of(family, type)))
			value = -1;
	}
	fclose(f);
	return value;
}

/* How many objects a cache has given out; -1 when it is not one of its own. */
static long given_out(const char *cache)
{
	char path[64], text[64];
	struct stat st;
	FILE *f;
	long n;

	sprintf(path, "/sys/kernel/slab/%s", cache);
	if (lstat(path, &st) || S_ISLNK(st.st_mode))
		return -1;
	sprintf(path, "/sys/kernel/slab/%s/shrink", cache);
	write_text(path, "1");
	sprintf(path, "/sys/kernel/slab/%s/objects", cache);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fgets(text, sizeof(text), f) ? atol(text) : -1;
	fclose(f);
	return n;
}

/* The size of an object in a cache of that name; -1 when there is none. */
static long object_size(const char *cache)
{
	char line[256], found[32];
	long value = -1;
	FILE *f;

	f = fopen("/proc/slabinfo", "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %*d %*d %ld", found, &value) != 2 ||
		    strcmp(found, cache))
			value = -1;
	}
	fclose(f);
	return value;
}

FIXTURE(memory) {
	struct cgroup cgroup;
};

FIXTURE_VARIANT(memory) {
	enum family family;
	int type;
};

VARIANTS_ALL(memory);

FIXTURE_SETUP(memory)
{
	NEED_FAMILY(variant->family);
	NEED_ROOT();
	cgroup_enter(&self->cgroup);
}

FIXTURE_TEARDOWN(memory)
{
	cgroup_leave(&self->cgroup);
}

/* Spares make an active connection fast; an idle one is not to pay for it. */
TEST_F(memory, connections_that_were_busy_and_are_idle_hold_next_to_nothing)
{
	static const int lengths[] = { 4000, 40000 };
	static unsigned char message[40000];
	struct usage before, taken;
	int sv[50][2];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(sv); i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 2 * i, sv[i]));
	}
	for (n = 0; n < ARRAY_SIZE(lengths); n++) {
		before = usage(&self->cgroup);
		for (i = 0; i < ARRAY_SIZE(sv); i++) {
			while (send(sv[i][0], message, lengths[n], MSG_DONTWAIT) > 0)
				;
			ASSERT_LT(0, recv_until_empty(sv[i][1]));
		}
		taken = usage_left(&self->cgroup, &before);
		LOG_USAGE("held by 50 idle connections", &self->cgroup, &taken);
		EXPECT_FALSE(usage_exceeds(&taken, NOISE));
	}
}

/* Nor for what is ready for the next message after one alone. */
TEST_F(memory, connections_that_had_a_word_each_way_hold_nothing_of_it)
{
	static unsigned char message[3000];
	struct usage before, taken;
	int sv[300][2], from;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sv); i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 2 * i, sv[i]));
	}
	before = usage(&self->cgroup);
	for (i = 0; i < ARRAY_SIZE(sv); i++) {
		for (from = 0; from < 2; from++) {
			ASSERT_EQ((ssize_t)sizeof(message),
				  send(sv[i][from], message, sizeof(message), 0));
			ASSERT_EQ((ssize_t)sizeof(message),
				  recv(sv[i][!from], message, sizeof(message), 0));
		}
	}
	taken = usage_left(&self->cgroup, &before);
	LOG_USAGE("held by 300 connections", &self->cgroup, &taken);
	EXPECT_FALSE(usage_exceeds(&taken, NOISE));
}

/* What goes to a socket keeps nothing alive of what once came from it. */
TEST_F(memory, connections_that_were_busy_one_way_and_now_hear_little_hold_little)
{
	static unsigned char message[40000];
	struct usage before, taken;
	int sv[10][2];
	pid_t child;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sv); i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 2 * i, sv[i]));
	}
	before = usage(&self->cgroup);
	child = fork_child();
	ASSERT_LE(0, child);
	/* Before and after, without a rest: what is not used for one period is gone. */
	for (i = 0; !child; i = (i + 1) % ARRAY_SIZE(sv))
		if (send(sv[i][1], "x", 1, 0) != 1 || recv(sv[i][0], message, 1, 0) != 1)
			_exit(1);
	for (i = 0; i < ARRAY_SIZE(sv); i++) {
		while (send(sv[i][0], message, sizeof(message), MSG_DONTWAIT) > 0)
			;
		ASSERT_LT(0, recv_until_empty(sv[i][1]));
	}
	taken = usage_left(&self->cgroup, &before);
	LOG_USAGE("held by 10 connections", &self->cgroup, &taken);
	EXPECT_FALSE(usage_exceeds(&taken, NOISE));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

TEST_F(memory, transfers_leave_nothing_behind)
{
	static unsigned char message[30000];
	struct usage before, left;
	int sv[2], i;

	for (i = 0; i < 32; i++) {
		/* The first ones fill the caches of the kernel. */
		if (i == 2)
			before = usage(&self->cgroup);
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, sv));
		while (send(sv[0], message, sizeof(message), MSG_DONTWAIT) > 0)
			;
		ASSERT_LT(0, recv_until_empty(sv[1]));
		while (send(sv[0], message, 1 << i % 14, MSG_DONTWAIT) > 0)
			;
		/* With everything unread, and each end the first to go. */
		close(sv[i & 1]);
		close(sv[~i & 1]);
	}
	left = usage_left(&self->cgroup, &before);
	LOG_USAGE("left by 30 connections", &self->cgroup, &left);
	EXPECT_FALSE(usage_exceeds(&left, NOISE));
}

/* Until it is killed; with 4, the kernel's log says it once only. */
static void shrink_caches(int *times)
{
	write_text("/proc/sys/vm/drop_caches", "4");
	while (write_text("/proc/sys/vm/drop_caches", "2"))
		__atomic_fetch_add(times, 1, __ATOMIC_RELEASE);
}

/* Who shrinks caches takes the spares, at any moment, and never a byte. */
TEST_F(memory, what_is_sent_arrives_while_memory_is_short)
{
	static unsigned char message[20000];
	int sv[2], i, *times;
	pid_t pid;

	times = mmap(NULL, sizeof(*times), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	ASSERT_NE(MAP_FAILED, times);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, sv));
	pid = fork_child();
	if (!pid) {
		shrink_caches(times);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	for (i = 0; !_metadata->exit_code; i++) {
		size_t len = sizeof(message) >> i % 8;

		pattern_fill(message, len, i, 0);
		EXPECT_EQ((ssize_t)len, send(sv[0], message, len, 0));
		memset(message, 0, len);
		EXPECT_EQ((ssize_t)len, recv(sv[1], message, len, MSG_WAITALL));
		EXPECT_EQ(-1, pattern_differs(message, len, i, 0));
		if (__atomic_load_n(times, __ATOMIC_ACQUIRE) > 20)
			break;
	}
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, child_exit(pid));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(memory, no_socket_is_left_after_the_last_close)
{
	const char *cache = cache_of(variant->family, variant->type);
	long before, objects_before;
	int fds[12], n = 0, i;

	NEED_OWN_NETWORK();
	before = sockets(variant->family, variant->type);
	objects_before = given_out(cache);
	if (objects_before < 0)
		TH_LOG("%s has no cache of its own: boot with slab_nomerge", cache);
	ASSERT_LE(0, before);

	/* In all states: pairs with data, unbound, half closed, in a backlog. */
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 2 * i, fds + n));
		ASSERT_EQ(1, send(fds[n], "", 1, 0));
		ASSERT_EQ(1, send(fds[n + 1], "", 1, 0));
		n += 2;
	}
	close(fds[--n]);
	ASSERT_EQ(0, shutdown(fds[0], SHUT_RDWR));
	fds[n++] = unbound_socket(variant->family, variant->type);
	fds[n++] = bound_socket(variant->family, variant->type, 20);
	if (variant->type != SOCK_DGRAM) {
		fds[n++] = listening_socket(variant->family, variant->type, 21, 8);
		for (i = 0; i < 3; i++) {
			fds[n] = connected_socket(variant->family, variant->type, 21);
			ASSERT_LE(0, fds[n]);
			ASSERT_EQ(1, send(fds[n], "", 1, 0));
			n++;
		}
		close(fds[--n]);
	}
	EXPECT_LE(before + n, sockets(variant->family, variant->type));
	while (n--) {
		ASSERT_EQ(0, close(fds[n]));
	}

	/* The last references may wait for a grace period. */
	AWAIT(sockets(variant->family, variant->type) == before &&
	      given_out(cache) <= objects_before);
	EXPECT_EQ(before, sockets(variant->family, variant->type));
	EXPECT_GE(objects_before, given_out(cache));
}

/*
 * Send until this much is charged to the sender, see what that takes, and have
 * it read: nothing stays.
 */
static struct usage taken_by(struct __test_metadata *_metadata, const struct cgroup *c,
			     enum family family, int type, int size, long charge)
{
	static const char message[3000];
	struct usage before, taken, left;
	int sv[2];

	ASSERT_EQ(0, connected_pair(family, type, 1, sv));
	ASSERT_EQ(0, set_number(sv[0], SO_SNDBUFFORCE, charge));
	before = usage(c);
	while (unsent(sv[0]) < charge) {
		ASSERT_EQ(size, send(sv[0], message, size, MSG_DONTWAIT));
	}
	taken = usage_since(c, &before);
	TH_LOG("messages of %d on %s: %d KiB charged", size,
	       family == FAMILY_DEMO ? "AF_DEMO" : "AF_UNIX", unsent(sv[0]) / 1024);
	LOG_USAGE("taken", c, &taken);

	EXPECT_LT(0, recv_until_empty(sv[1]));
	EXPECT_EQ(0, unsent(sv[0]));
	left = usage_left(c, &before);
	EXPECT_FALSE(usage_exceeds(&left, NOISE)) {
		LOG_USAGE("not given back", c, &left);
	}
	close(sv[0]);
	close(sv[1]);
	return taken;
}

FIXTURE(charge) {
	struct cgroup cgroup;
};

FIXTURE_VARIANT(charge) {
	enum family family;
	int type;
};

VARIANTS_DEMO(charge);

FIXTURE_SETUP(charge)
{
	NEED_FAMILY(variant->family);
	NEED_ROOT();
	cgroup_enter(&self->cgroup);
}

FIXTURE_TEARDOWN(charge)
{
	cgroup_leave(&self->cgroup);
}

/* What a debug kernel adds to each object, it adds on AF_UNIX as well. */
TEST_F(charge, what_waits_is_charged_for_what_it_takes)
{
	static const int sizes[] = { 100, 3000 };
	const long charge = 2 * MIB;
	struct usage taken, by_unix;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		taken = taken_by(_metadata, &self->cgroup, variant->family, variant->type,
				 sizes[i], charge);
		by_unix = taken_by(_metadata, &self->cgroup, FAMILY_UNIX, variant->type,
				   sizes[i], charge);
		EXPECT_LE(charge * 3 / 4, usage_ours(&self->cgroup, &taken));
		EXPECT_GE(usage_ours(&self->cgroup, &by_unix) * 5 / 4 + NOISE,
			  usage_ours(&self->cgroup, &taken));
	}
}

FIXTURE(demo) {
	struct cgroup cgroup;
};

FIXTURE_SETUP(demo)
{
	NEED_FAMILY(FAMILY_DEMO);
	NEED_ROOT();
	cgroup_enter(&self->cgroup);
}

FIXTURE_TEARDOWN(demo)
{
	cgroup_leave(&self->cgroup);
}

#define BATCH	1024

TEST_F_TIMEOUT(demo, a_mebibyte_written_byte_by_byte_takes_less_than_1_2_mebibytes, 3000)
{
	static struct mmsghdr messages[BATCH];
	const long limit = MIB * 12 / 10;
	struct usage before, taken;
	struct iovec iov;
	int sv[2], i, n;
	char c = 0;

	iov = (struct iovec){ .iov_base = &c, .iov_len = 1 };
	for (i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	ASSERT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, sv));
	/* The kernel doubles it. */
	ASSERT_EQ(0, set_number(sv[0], SO_SNDBUFFORCE, limit / 2));
	before = usage(&self->cgroup);

	/* One send of one byte each; a system call for many of them saves time. */
	for (i = 0; i < MIB; i += n) {
		n = sendmmsg(sv[0], messages, BATCH, MSG_DONTWAIT);
		ASSERT_LT(0, n) {
			TH_LOG("full after %d bytes", i);
		}
	}
	taken = usage_since(&self->cgroup, &before);
	EXPECT_EQ(MIB, unread(sv[1]));
	TELL("1 MiB byte by byte: %ld KiB charged to the sender", unsent(sv[0]) / KIB);
	LOG_USAGE("taken", &self->cgroup, &taken);
	EXPECT_LE(MIB, unsent(sv[0]));
	EXPECT_GT(limit, unsent(sv[0]));
	EXPECT_LE(MIB * 3 / 4, usage_ours(&self->cgroup, &taken));
	EXPECT_GT(limit, usage_ours(&self->cgroup, &taken));
	/* All slabs are everybody's. */
	EXPECT_GT(limit + 4 * NOISE, taken.slab);

	EXPECT_EQ(MIB, recv_until_empty(sv[1]));
	EXPECT_EQ(0, unsent(sv[0]));
	close(sv[0]);
	close(sv[1]);

	/* For comparison, what a part of it takes on AF_UNIX. */
	ASSERT_EQ(0, connected_pair(FAMILY_UNIX, SOCK_STREAM, 1, sv));
	ASSERT_EQ(0, set_number(sv[0], SO_SNDBUFFORCE, 2 * MIB));
	for (n = 0; n < BATCH; n++) {
		ASSERT_EQ(1, send(sv[0], &c, 1, MSG_DONTWAIT));
	}
	TH_LOG("AF_UNIX: %ld KiB for 1 KiB", unsent(sv[0]) / KIB);
	EXPECT_LT(100 * BATCH, unsent(sv[0]));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(demo, an_idle_socket_is_no_larger_than_one_of_af_unix)
{
	long demo = object_size(cache_of(FAMILY_DEMO, SOCK_STREAM));
	long un = object_size(cache_of(FAMILY_UNIX, SOCK_STREAM));

	if (un < 0)
		SKIP(return, "AF_UNIX has no cache of its own: boot with slab_nomerge");
	TELL("an idle socket: %ld bytes, AF_UNIX's %ld", demo, un);
	ASSERT_LT(0, demo);
	EXPECT_LE(demo, un);
}

/* The same from outside: all that a socket makes the kernel allocate. */
TEST_F(demo, two_thousand_idle_sockets_take_no_more_than_of_af_unix)
{
	struct rlimit files = { .rlim_cur = 8192, .rlim_max = 8192 };
	struct usage before, taken[2];
	enum family family;
	int i, sv[2];

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	/* What is allocated once: the table of descriptors, and for one of each. */
	ASSERT_EQ(8000, dup2(0, 8000));
	for (family = FAMILY_DEMO; family <= FAMILY_UNIX; family++) {
		ASSERT_EQ(0, socketpair(family_number(family), SOCK_STREAM, 0, sv));
	}
	for (family = FAMILY_DEMO; family <= FAMILY_UNIX; family++) {
		before = usage(&self->cgroup);
		for (i = 0; i < 1000; i++) {
			ASSERT_EQ(0, socketpair(family_number(family), SOCK_STREAM, 0, sv));
		}
		taken[family] = usage_since(&self->cgroup, &before);
	}
	LOG_USAGE("2000 of AF_DEMO", &self->cgroup, &taken[FAMILY_DEMO]);
	LOG_USAGE("2000 of AF_UNIX", &self->cgroup, &taken[FAMILY_UNIX]);
	/* The kernel takes whole pages, of which some are begun already. */
	EXPECT_GE(usage_ours(&self->cgroup, &taken[FAMILY_UNIX]) * 21 / 20,
		  usage_ours(&self->cgroup, &taken[FAMILY_DEMO]));
	/* and are charged for it */
	EXPECT_LE(usage_ours(&self->cgroup, &taken[FAMILY_UNIX]) * 3 / 4,
		  usage_ours(&self->cgroup, &taken[FAMILY_DEMO]));
}

TEST_HARNESS_MAIN
