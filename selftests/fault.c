// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not there, or ends half way through a message: EFAULT, or what
 * came before the fault; what a call says it moved is what it moved, and the
 * socket goes on as if nothing had been.
 */
#include <sys/mman.h>

#include "demo_test.h"

FIXTURE_PAIR(fault, VARIANTS_ALL)

#define NOWHERE		((void *)8)
#define KERNEL		((void *)-4096L)

enum edge { PROTECTED, READ_ONLY, UNMAPPED, EDGES };

/* So many bytes of memory, and behind the last of them none that can be used. */
static unsigned char *memory_before(enum edge edge, size_t len)
{
	size_t page = sysconf(_SC_PAGESIZE), whole = (len + page - 1) / page * page;
	unsigned char *p;

	p = mmap(NULL, whole + 16 * page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		abort();
	if (edge == UNMAPPED ? munmap(p + whole, 16 * page) :
	    mprotect(p + whole, 16 * page, edge == READ_ONLY ? PROT_READ : PROT_NONE))
		abort();
	return p + whole - len;
}

static void expect_nothing(struct __test_metadata *_metadata, const int sv[2])
{
	char c;

	EXPECT_EQ(0, poll_now(sv[1], POLLIN | POLLERR));
	EXPECT_ERROR(EAGAIN, recv(sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ(0, unsent(sv[0]));
}

/* A message goes through and nothing else with it. */
static void expect_usable(struct __test_metadata *_metadata, const int sv[2])
{
	char buf[8];

	EXPECT_EQ(4, send(sv[0], "next", 4, 0));
	EXPECT_EQ(4, recv(sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "next", 4));
	expect_nothing(_metadata, sv);
}

/*
 * What a send left behind that had so many good bytes in front of the fault. A
 * stream may have taken some of them; it says how many.
 */
static void check_send(struct __test_metadata *_metadata, const int sv[2], int type,
		       ssize_t sent, ssize_t good, unsigned int seed)
{
	static unsigned char buf[1 << 17];

	if (sent < 0) {
		EXPECT_EQ(EFAULT, errno);
	} else {
		EXPECT_EQ(SOCK_STREAM, type);
		EXPECT_LT(0, sent);
		ASSERT_GE(good, sent);
		ASSERT_EQ((size_t)sent, read_all(sv[1], buf, sent));
		EXPECT_EQ(-1, pattern_differs(buf, sent, seed, 0));
	}
	expect_nothing(_metadata, sv);
	expect_usable(_metadata, sv);
}

static const int goods[] = { 1, 100, 4095, 4096, 5000, 17000, 60000 };
static const int beyonds[] = { 1, 100, 5000, 40000 };

TEST_F(fault, a_send_from_no_memory_sends_nothing)
{
	struct msghdr no_iov = { .msg_iovlen = 1 };
	struct msghdr no_name = { .msg_name = NOWHERE, .msg_namelen = 16 };
	static const size_t lens[] = { 1, 100, 4096, 100000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_ERROR(EFAULT, send(self->sv[0], NULL, lens[i], 0));
		EXPECT_ERROR(EFAULT, send(self->sv[0], NOWHERE, lens[i], 0));
		EXPECT_ERROR(EFAULT, send(self->sv[0], KERNEL, lens[i], 0));
	}
	EXPECT_ERROR(EFAULT, sendmsg(self->sv[0], NOWHERE, 0));
	EXPECT_ERROR(EFAULT, sendmsg(self->sv[0], &no_iov, 0));
	EXPECT_ERROR(EFAULT, sendmsg(self->sv[0], &no_name, 0));
	expect_nothing(_metadata, self->sv);
	expect_usable(_metadata, self->sv);
}

TEST_F(fault, a_send_that_faults_half_way_sends_what_it_says)
{
	enum edge edge;
	size_t g, b;
	ssize_t n;

	for (edge = PROTECTED; edge < EDGES; edge++) {
		if (edge == READ_ONLY)
			continue;
		for (g = 0; g < ARRAY_SIZE(goods); g++) {
			unsigned char *p = memory_before(edge, goods[g]);

			pattern_fill(p, goods[g], g, 0);
			for (b = 0; b < ARRAY_SIZE(beyonds); b++) {
				n = send(self->sv[0], p, goods[g] + beyonds[b], MSG_DONTWAIT);
				check_send(_metadata, self->sv, variant->type, n, goods[g], g);
			}
		}
	}
}

/*
 * The bytes of a file just mapped are there, but in no page table until somebody looks.
 * Sent twice: a stream's second ones go behind the first.
 */
TEST_F(fault, what_is_sent_before_anybody_has_looked_at_it_arrives)
{
	static const size_t lens[] = { 1, 64, 255, 256, 257, 2000, 4096 };
	size_t page = sysconf(_SC_PAGESIZE), i, round, start;
	static unsigned char bytes[1 << 17];
	unsigned char buf[4096], *p;
	int fd;

	fd = memfd_create("bytes", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	pattern_fill(bytes, 2 * page, 7, 0);
	ASSERT_EQ((ssize_t)(2 * page), write(fd, bytes, 2 * page));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		/* On both pages, where it can be. */
		start = page - lens[i] / 2;
		for (round = 0; round < 2; round++) {
			p = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, 0);
			ASSERT_NE(MAP_FAILED, p);
			ASSERT_EQ((ssize_t)lens[i], send(self->sv[0], p + start, lens[i], 0));
			munmap(p, 2 * page);
		}
		for (round = 0; round < 2; round++) {
			ASSERT_EQ((ssize_t)lens[i], recv(self->sv[1], buf, lens[i], 0));
			EXPECT_EQ(-1, pattern_differs(buf, lens[i], 7, start));
		}
		expect_nothing(_metadata, self->sv);
	}
	close(fd);
}

TEST_F(fault, a_piece_that_faults_ends_the_message_there)
{
	unsigned char *p = memory_before(PROTECTED, 20000);
	struct iovec iov[] = {
		{ .iov_base = p, .iov_len = 3000 },
		{ .iov_base = p + 3000, .iov_len = 7000 },
		{ .iov_base = NOWHERE, .iov_len = 10 },
		{ .iov_base = p + 10000, .iov_len = 10000 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };

	pattern_fill(p, 20000, 1, 0);
	check_send(_metadata, self->sv, variant->type, sendmsg(self->sv[0], &msg, 0), 10000, 1);
}

TEST_F(fault, a_long_stream_send_keeps_what_was_sent_and_a_long_record_is_not_sent)
{
	const ssize_t good = 120000;
	unsigned char *p = memory_before(PROTECTED, good);
	ssize_t n;

	if (variant->type != SOCK_STREAM) {
		/* A record is all or nothing, also one of many fragments. */
		EXPECT_ERROR(EFAULT, send(self->sv[0], p, good + 1000, MSG_DONTWAIT));
		expect_nothing(_metadata, self->sv);
		return;
	}
	pattern_fill(p, good, 1, 0);
	n = send(self->sv[0], p, good + 1000, MSG_DONTWAIT);
	EXPECT_LT(0, n);
	check_send(_metadata, self->sv, variant->type, n, good, 1);
}

/* A record that could not be put down is gone; a stream loses no byte. */
TEST_F(fault, a_receive_into_no_memory_costs_a_record_and_a_stream_nothing)
{
	char buf[8];
	void *nowhere[] = { NULL, NOWHERE, memory_before(READ_ONLY, 0) };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		ASSERT_EQ(4, send(self->sv[0], "abcd", 4, 0));
		EXPECT_ERROR(EFAULT, recv(self->sv[1], nowhere[i], 4, 0));
		if (variant->type == SOCK_STREAM) {
			EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
			EXPECT_EQ(0, memcmp(buf, "abcd", 4));
		}
		expect_nothing(_metadata, self->sv);
	}

	/* Refused before anything is looked at. */
	ASSERT_EQ(4, send(self->sv[0], "abcd", 4, 0));
	EXPECT_ERROR(EFAULT, recv(self->sv[1], KERNEL, 4, 0));
	EXPECT_ERROR(EFAULT, recvmsg(self->sv[1], NOWHERE, 0));
	EXPECT_EQ(4, recv(self->sv[1], buf, sizeof(buf), MSG_DONTWAIT));
	expect_usable(_metadata, self->sv);
}

TEST_F(fault, a_receive_that_faults_half_way_gives_what_it_says)
{
	static unsigned char buf[1 << 17];
	int len, n, edge;
	size_t g, b;

	for (g = 0; g < ARRAY_SIZE(goods); g++) {
		edge = g % EDGES;
		for (b = 0; b < ARRAY_SIZE(beyonds); b++) {
			unsigned char *p = memory_before(edge, goods[g]);

			len = goods[g] + beyonds[b];
			pattern_fill(buf, len, g, 0);
			ASSERT_EQ(len, send(self->sv[0], buf, len, 0));
			n = recv(self->sv[1], p, len, 0);
			if (n < 0) {
				EXPECT_EQ(EFAULT, errno);
			}
			if (variant->type == SOCK_STREAM) {
				if (n < 0)
					n = 0;
				ASSERT_GE(goods[g], n);
				EXPECT_EQ(-1, pattern_differs(p, n, g, 0));
				ASSERT_EQ((size_t)(len - n), read_all(self->sv[1], buf, len - n));
				EXPECT_EQ(-1, pattern_differs(buf, len - n, g, n));
			} else {
				EXPECT_EQ(-1, n);
			}
			expect_nothing(_metadata, self->sv);
		}
	}
	expect_usable(_metadata, self->sv);
}

TEST_F(fault, a_receive_that_faults_disturbs_nothing_before_and_behind_it)
{
	unsigned char *p = memory_before(PROTECTED, 50), buf[200];
	int i, n;

	if (variant->type != SOCK_STREAM) {
		/* The record before the one that faults is none of its business. */
		ASSERT_EQ(4, send(self->sv[0], "abcd", 4, 0));
		ASSERT_EQ(100, send(self->sv[0], buf, 100, 0));
		ASSERT_EQ(4, send(self->sv[0], "efgh", 4, 0));
		EXPECT_EQ(4, recv(self->sv[1], p, 100, 0));
		EXPECT_EQ(0, memcmp(p, "abcd", 4));
		EXPECT_ERROR(EFAULT, recv(self->sv[1], p, 100, 0));
		EXPECT_EQ(4, recv(self->sv[1], p, 100, 0));
		EXPECT_EQ(0, memcmp(p, "efgh", 4));
		expect_nothing(_metadata, self->sv);
		return;
	}
	pattern_fill(buf, sizeof(buf), 1, 0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(10, send(self->sv[0], buf + 10 * i, 10, 0));
	}
	n = recv(self->sv[1], p, 200, 0);
	if (n < 0) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	ASSERT_GE(50, n);
	EXPECT_EQ(-1, pattern_differs(p, n, 1, 0));
	ASSERT_EQ((size_t)(200 - n), read_all(self->sv[1], buf, 200 - n));
	EXPECT_EQ(-1, pattern_differs(buf, 200 - n, 1, n));
	expect_nothing(_metadata, self->sv);
}

TEST_F(fault, a_look_that_faults_takes_nothing)
{
	unsigned char *p = memory_before(PROTECTED, 50), buf[100];

	pattern_fill(buf, sizeof(buf), 1, 0);
	ASSERT_EQ(100, send(self->sv[0], buf, 100, 0));
	EXPECT_ERROR(EFAULT, recv(self->sv[1], NOWHERE, 100, MSG_PEEK));
	EXPECT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	EXPECT_ERROR(EFAULT, recv(self->sv[1], NOWHERE, 100, MSG_PEEK));
	EXPECT_EQ(0, get_number(self->sv[1], SO_PEEK_OFF));
	EXPECT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, -1));
	EXPECT_EQ(50, recv(self->sv[1], p, 50, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(p, 50, 1, 0));
	EXPECT_EQ(100, recv(self->sv[1], buf, sizeof(buf), 0));
	EXPECT_EQ(-1, pattern_differs(buf, 100, 1, 0));
	expect_usable(_metadata, self->sv);
}

/* The data was received, and is lost with the call. */
TEST_F(fault, a_source_that_cannot_be_told_costs_the_message)
{
	struct address from = { .len = sizeof(from.storage) };
	char c;

	ASSERT_EQ(1, send(self->sv[1], "a", 1, 0));
	ASSERT_EQ(1, send(self->sv[1], "b", 1, 0));
	ASSERT_EQ(1, send(self->sv[1], "c", 1, 0));
	EXPECT_ERROR(EFAULT, recvfrom(self->sv[0], &c, 1, 0, NOWHERE, &from.len));
	EXPECT_ERROR(EFAULT, recvfrom(self->sv[0], &c, 1, 0, &from.sa, NOWHERE));
	EXPECT_EQ(1, recv(self->sv[0], &c, 1, MSG_DONTWAIT));
	EXPECT_EQ('c', c);
	EXPECT_ERROR(EAGAIN, recv(self->sv[0], &c, 1, MSG_DONTWAIT));
}

TEST_F(fault, a_thousand_faults_cost_no_room)
{
	unsigned char *p = memory_before(PROTECTED, 5000);
	int room, i;

	room = send_until_full(self->sv[0]);
	ASSERT_LT(0, room);
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	for (i = 0; i < 500; i++) {
		EXPECT_ERROR(EFAULT, send(self->sv[0], NOWHERE, 100 * i + 1, MSG_DONTWAIT));
		if (send(self->sv[0], p, 6000, MSG_DONTWAIT) > 0) {
			ASSERT_LT(0, recv_until_empty(self->sv[1]));
		}
		ASSERT_EQ(10, send(self->sv[0], p, 10, MSG_DONTWAIT));
		EXPECT_ERROR(EFAULT, recv(self->sv[1], NOWHERE, 10, 0));
		if (variant->type == SOCK_STREAM) {
			ASSERT_EQ(10, recv_until_empty(self->sv[1]));
		}
	}
	expect_nothing(_metadata, self->sv);
	/* How bytes share buffers differs; a thousand leaks would leave nothing. */
	EXPECT_LE(room / 2, send_until_full(self->sv[0]));
}

TEST_HARNESS_MAIN
