// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_RCVLOWAT: how much a recv() on a stream waits for. It says nothing about
 * what poll() calls readable, and nothing to records.
 */
#include <limits.h>
#include <sys/time.h>

#include "demo_test.h"

FIXTURE_PAIR(rcvlowat, VARIANTS_ALL)

TEST_F(rcvlowat, it_reads_back_as_it_was_set_and_is_1_at_least)
{
	EXPECT_EQ(1, get_number(self->sv[1], SO_RCVLOWAT));
	EXPECT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 100));
	EXPECT_EQ(100, get_number(self->sv[1], SO_RCVLOWAT));
	EXPECT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 0));
	EXPECT_EQ(1, get_number(self->sv[1], SO_RCVLOWAT));
	EXPECT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, -1));
	EXPECT_EQ(INT_MAX, get_number(self->sv[1], SO_RCVLOWAT));
	EXPECT_EQ(1, get_number(self->sv[0], SO_RCVLOWAT));
}

TEST_F(rcvlowat, poll_does_not_know_it)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 100));
	EXPECT_EQ(0, poll_now(self->sv[1], POLLIN));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN));
}

TEST_F(rcvlowat, who_must_not_wait_gets_what_is_there)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 100));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

FIXTURE_PAIR(rcvlowat_record, VARIANTS_RECORD)

TEST_F(rcvlowat_record, a_record_is_enough)
{
	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 100));
	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 64, 0));
}

FIXTURE_PAIR(rcvlowat_stream, VARIANTS_STREAM)

TEST_F(rcvlowat_stream, recv_waits_until_so_much_has_come)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 5));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(1, send(self->sv[0], "d", 1, 0));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(2, send(self->sv[0], "ef", 2, 0));
	EXPECT_EQ(6, background_end(&b));
	EXPECT_EQ(0, memcmp("abcdef", self->buf, 6));
}

TEST_F(rcvlowat_stream, recv_waits_for_no_more_than_it_asks_for)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 4 };

	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 100));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 2, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(4, send(self->sv[0], "defg", 4, 0));
	EXPECT_EQ(4, background_end(&b));
	EXPECT_EQ(0, memcmp("cdef", self->buf, 4));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(rcvlowat_stream, recv_of_all_waits_for_all)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 4, .flags = MSG_WAITALL,
	};

	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 2));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(1, send(self->sv[0], "d", 1, 0));
	EXPECT_EQ(4, background_end(&b));
}

TEST_F(rcvlowat_stream, the_end_cuts_the_wait_short)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 10));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(rcvlowat_stream, a_timeout_cuts_the_wait_short)
{
	struct timeval tv = { .tv_usec = 50000 };

	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 10));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(rcvlowat_stream, a_reset_cuts_the_wait_short)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, set_number(self->sv[1], SO_RCVLOWAT, 10));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(3, background_end(&b));
}

TEST_F(rcvlowat_stream, an_accepted_socket_starts_with_1)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, set_number(listener, SO_RCVLOWAT, 10));
	ASSERT_GE(connected_socket(variant->family, variant->type, 1), 0);
	fd = accept(listener, NULL, NULL);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, get_number(fd, SO_RCVLOWAT));
}

TEST_HARNESS_MAIN
