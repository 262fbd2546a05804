// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much waits: FIONREAD (SIOCINQ) at the receiver, TIOCOUTQ (SIOCOUTQ) at
 * the sender.
 */
#include "demo_test.h"

FIXTURE_PAIR(siocq, VARIANTS_ALL)

TEST_F(siocq, nothing_waits_on_a_new_socket)
{
	int fd;

	EXPECT_EQ(0, unread(self->sv[0]));
	EXPECT_EQ(0, unsent(self->sv[0]));
	EXPECT_EQ(0, unread(self->sv[1]));
	EXPECT_EQ(0, unsent(self->sv[1]));
	fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, unread(fd));
	EXPECT_EQ(0, unsent(fd));
	close(fd);
}

/* Of datagrams the first alone, of other types all. */
TEST_F(siocq, fionread_is_what_the_receiver_has_not_read)
{
	bool first = variant->type == SOCK_DGRAM;
	char buf[5000] = {};

	ASSERT_EQ(10, send(self->sv[0], buf, 10, 0));
	EXPECT_EQ(10, unread(self->sv[1]));
	ASSERT_EQ(5000, send(self->sv[0], buf, 5000, 0));
	EXPECT_EQ(first ? 10 : 5010, unread(self->sv[1]));
	ASSERT_EQ(1, send(self->sv[0], buf, 1, 0));
	EXPECT_EQ(first ? 10 : 5011, unread(self->sv[1]));
	ASSERT_EQ(10, recv(self->sv[1], buf, 10, 0));
	EXPECT_EQ(first ? 5000 : 5001, unread(self->sv[1]));
	ASSERT_EQ(5000, recv(self->sv[1], buf, 5000, MSG_WAITALL));
	EXPECT_EQ(1, unread(self->sv[1]));
	ASSERT_EQ(1, recv(self->sv[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, unread(self->sv[1]));
	EXPECT_EQ(0, unread(self->sv[0]));
}

TEST_F(siocq, part_of_a_stream_and_all_of_a_record_is_read)
{
	bool stream = variant->type == SOCK_STREAM;
	char buf[100] = {};
	int i;

	ASSERT_EQ(100, send(self->sv[0], buf, 100, 0));
	for (i = 99; i > 90; i--) {
		ASSERT_EQ(1, recv(self->sv[1], buf, 1, 0));
		EXPECT_EQ(stream ? i : 0, unread(self->sv[1]));
		if (!stream) {
			ASSERT_EQ(100, send(self->sv[0], buf, 100, 0));
		}
	}
}

TEST_F(siocq, an_empty_message_counts_nothing)
{
	ASSERT_EQ(0, send(self->sv[0], "", 0, 0));
	EXPECT_EQ(0, unread(self->sv[1]));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(variant->type == SOCK_DGRAM ? 0 : 1, unread(self->sv[1]));
}

TEST_F(siocq, a_number_that_cannot_be_told_is_efault)
{
	EXPECT_ERROR(EFAULT, ioctl(self->sv[0], FIONREAD, NULL));
	EXPECT_ERROR(EFAULT, ioctl(self->sv[0], TIOCOUTQ, NULL));
}

TEST_F(siocq, siocoutq_rises_with_what_is_sent_and_falls_with_what_is_read)
{
	static char buf[20000];
	int i, round, full, last;

	for (round = 0; round < 3; round++) {
		for (i = 1, last = 0; i <= 5; i++) {
			ASSERT_EQ(20000, send(self->sv[0], buf, sizeof(buf), MSG_DONTWAIT));
			EXPECT_LE(i * 20000, unsent(self->sv[0]));
			EXPECT_LE(last, unsent(self->sv[0]));
			last = unsent(self->sv[0]);
		}
		EXPECT_EQ(0, unsent(self->sv[1]));
		for (full = last; i > 1; i--) {
			/* A stream's buffer counts until the last byte of it is read. */
			if (i < 5) {
				EXPECT_GT(full, last);
			}
			ASSERT_EQ(20000, recv(self->sv[1], buf, sizeof(buf), MSG_WAITALL));
			EXPECT_GE(last, unsent(self->sv[0]));
			last = unsent(self->sv[0]);
		}
		EXPECT_EQ(0, last);
	}
}

TEST_F(siocq, siocoutq_falls_to_0_whatever_sizes_were_sent)
{
	static const int sizes[] = { 1, 7, 100, 1000, 4096, 5000, 30000, 65536 };
	static char buf[65536];
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < 2; n++) {
			ASSERT_EQ(sizes[i], send(self->sv[0], buf, sizes[i], MSG_DONTWAIT));
			EXPECT_LE((int)(n + 1) * sizes[i], unsent(self->sv[0]));
		}
		ASSERT_EQ(2 * sizes[i], recv_until_empty(self->sv[1]));
		EXPECT_EQ(0, unsent(self->sv[0]));
	}
}

TEST_F(siocq, siocoutq_falls_to_0_when_the_receiver_closes)
{
	static char buf[20000];

	ASSERT_EQ(20000, send(self->sv[0], buf, sizeof(buf), 0));
	ASSERT_EQ(1, send(self->sv[0], buf, 1, 0));
	EXPECT_LT(20000, unsent(self->sv[0]));
	ASSERT_EQ(0, close(self->sv[1]));
	self->sv[1] = -1;
	EXPECT_EQ(0, unsent(self->sv[0]));
}

TEST_F(siocq, what_waits_one_way_is_not_counted_the_other)
{
	char buf[100] = {};

	ASSERT_EQ(100, send(self->sv[0], buf, 100, 0));
	EXPECT_EQ(0, unsent(self->sv[1]));
	EXPECT_EQ(0, unread(self->sv[0]));
	ASSERT_EQ(50, send(self->sv[1], buf, 50, 0));
	EXPECT_EQ(100, unread(self->sv[1]));
	EXPECT_EQ(50, unread(self->sv[0]));
	ASSERT_EQ(100, recv(self->sv[1], buf, 100, 0));
	EXPECT_EQ(0, unsent(self->sv[0]));
	EXPECT_EQ(50, unread(self->sv[0]));
}

FIXTURE(listener) {
	int fd;
};

FIXTURE_VARIANT(listener) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(listener);

FIXTURE_SETUP(listener)
{
	NEED_FAMILY(variant->family);
	self->fd = listening_socket(variant->family, variant->type, 1, 1);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(listener)
{
	close(self->fd);
}

TEST_F(listener, fionread_of_a_listener_is_einval)
{
	int fd, queued;

	EXPECT_ERROR(EINVAL, ioctl(self->fd, FIONREAD, &queued));
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, send(fd, "a", 1, 0));
	EXPECT_ERROR(EINVAL, ioctl(self->fd, FIONREAD, &queued));
	EXPECT_EQ(0, unsent(self->fd));
	EXPECT_LE(1, unsent(fd));
	close(fd);
}

/* AF_UNIX counts a buffer of hundreds of bytes for each. */
TEST(on_a_demo_stream_many_small_writes_are_counted_by_their_bytes)
{
	int sv[2], i;

	NEED_FAMILY(FAMILY_DEMO);
	ASSERT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, sv));
	for (i = 0; i < 10000; i++) {
		ASSERT_EQ(1, send(sv[0], "a", 1, MSG_DONTWAIT));
	}
	EXPECT_EQ(10000, unread(sv[1]));
	EXPECT_LE(10000, unsent(sv[0]));
	EXPECT_GE(40000, unsent(sv[0]));
	EXPECT_EQ(10000, recv_until_empty(sv[1]));
	EXPECT_EQ(0, unread(sv[1]));
	EXPECT_EQ(0, unsent(sv[0]));
	close(sv[0]);
	close(sv[1]);
}

TEST_HARNESS_MAIN
