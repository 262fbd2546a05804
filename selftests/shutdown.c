// SPDX-License-Identifier: GPL-2.0-only
/*
 * shutdown() ends reading, writing or both: what waits stays readable, what
 * is sent afterwards is refused, and whoever sleeps wakes.
 */
#include "demo_test.h"

#define send_quietly(fd)	send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT)

FIXTURE_PAIR(shutdown, VARIANTS_ALL)

TEST_F(shutdown, another_mode_than_the_three_is_einval)
{
	EXPECT_ERROR(EINVAL, shutdown(self->sv[0], -1));
	EXPECT_ERROR(EINVAL, shutdown(self->sv[0], SHUT_RDWR + 1));
	EXPECT_ERROR(EINVAL, shutdown(self->sv[0], 1 << 16));
	EXPECT_EQ(1, send_quietly(self->sv[0]));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(shutdown, one_that_talks_to_nobody_can_be_shut_down)
{
	int fd = unbound_socket(variant->family, variant->type);
	int mode;

	for (mode = SHUT_RD; mode <= SHUT_RDWR; mode++)
		EXPECT_EQ(0, shutdown(fd, mode));
	close(fd);
}

TEST_F(shutdown, it_can_be_said_twice)
{
	EXPECT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_EQ(0, shutdown(self->sv[1], SHUT_RD));
}

TEST_F(shutdown, after_the_end_of_writing_a_send_is_epipe_and_reading_goes_on)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, send_quietly(self->sv[0]));
	EXPECT_ERROR(EPIPE, send_quietly(self->sv[0]));
	EXPECT_EQ(1, send_quietly(self->sv[1]));
	EXPECT_EQ(1, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(shutdown, after_the_end_of_reading_a_recv_is_0_once_all_is_read)
{
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_EQ(3, recv(self->sv[0], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, MSG_PEEK));
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(shutdown, without_waiting_the_end_is_0_but_eagain_on_datagrams)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	if (variant->type == SOCK_DGRAM)
		EXPECT_ERROR(EAGAIN, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	else
		EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(shutdown, to_one_that_ended_reading_a_send_is_epipe)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_ERROR(EPIPE, send_quietly(self->sv[1]));
	EXPECT_EQ(1, send_quietly(self->sv[0]));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(shutdown, what_was_sent_before_the_end_is_read_whole)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(2, send(self->sv[0], "de", 2, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 3, 0));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, memcmp("de", self->buf, 2));
}

TEST_F(shutdown, a_reader_asleep_wakes_at_the_end_of_its_own_reading)
{
	struct background b = { .fd = self->sv[0], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RD));
	EXPECT_EQ(0, background_end(&b));
}

TEST_F(shutdown, a_writer_asleep_wakes_at_the_end_of_its_own_writing)
{
	struct background b = {
		.fd = self->sv[0], .buf = self->buf, .len = 1, .flags = MSG_NOSIGNAL,
	};

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, background_end(&b));
}

/* Types whose two ends are one connection. */
FIXTURE_PAIR(shutdown_connection, VARIANTS_CONNECTION)

TEST_F(shutdown_connection, the_end_of_writing_is_the_peers_end_of_file)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, MSG_WAITALL));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(shutdown_connection, the_end_of_both_ends_both_ways_for_both)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_ERROR(EPIPE, send_quietly(self->sv[0]));
	EXPECT_ERROR(EPIPE, send_quietly(self->sv[1]));
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(shutdown_connection, a_reader_asleep_wakes_at_the_end_of_the_peers_writing)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(0, background_end(&b));
}

TEST_F(shutdown_connection, a_writer_asleep_wakes_at_the_end_of_the_peers_reading)
{
	struct background b = {
		.fd = self->sv[0], .buf = self->buf, .len = 1, .flags = MSG_NOSIGNAL,
	};

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_ERROR(EPIPE, background_end(&b));
}

TEST_F(shutdown_connection, one_shut_down_before_it_connects_stays_shut_down)
{
	struct address a = address(variant->family, 1);
	int listener, fd, peer;

	listener = listening_socket(variant->family, variant->type, 1, 8);
	ASSERT_GE(listener, 0);
	fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, shutdown(fd, SHUT_RDWR));
	ASSERT_EQ(0, connect_to(fd, &a));
	peer = accept(listener, NULL, NULL);
	ASSERT_GE(peer, 0);
	EXPECT_ERROR(EPIPE, send_quietly(fd));
	EXPECT_EQ(0, recv(fd, self->buf, 16, 0));
	EXPECT_ERROR(EPIPE, send_quietly(peer));
	close(fd);
	close(peer);
	close(listener);
}

TEST_F(shutdown_connection, a_listener_shut_down_refuses_and_gives_out_what_waits)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, shutdown(listener, SHUT_RD));
	EXPECT_ERROR(ECONNREFUSED, connected_socket(variant->family, variant->type, 1));
	EXPECT_LE(0, accept(listener, NULL, NULL));
	EXPECT_ERROR(EINVAL, accept(listener, NULL, NULL));
	EXPECT_EQ(0, set_nonblock(listener, true));
	EXPECT_ERROR(EAGAIN, accept(listener, NULL, NULL));
	close(fd);
	close(listener);
}

TEST_F(shutdown_connection, an_accept_asleep_wakes_when_its_listener_is_shut_down)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	struct background b = { .fd = listener };

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, background_accept(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(listener, SHUT_RD));
	EXPECT_ERROR(EINVAL, background_end(&b));
	close(listener);
}

FIXTURE_PAIR(shutdown_stream, VARIANTS_STREAM)

TEST_F(shutdown_stream, a_reader_asleep_for_more_gets_what_came_before_the_end)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 16, .flags = MSG_WAITALL,
	};

	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(shutdown_stream, a_writer_asleep_half_way_returns_what_it_sent)
{
	size_t len = 4 << 20;
	struct background b = {
		.fd = self->sv[0], .buf = calloc(1, len), .len = len, .flags = MSG_NOSIGNAL,
	};
	ssize_t sent;

	ASSERT_NE(NULL, b.buf);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	sent = background_end(&b);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)len, sent);
	EXPECT_EQ(sent, recv_until_empty(self->sv[1]));
	free(b.buf);
}

FIXTURE_PAIR(shutdown_dgram, VARIANTS_DGRAM)

TEST_F(shutdown_dgram, the_end_of_writing_is_no_end_for_the_peer)
{
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(1, send_quietly(self->sv[1]));
	EXPECT_EQ(1, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(shutdown_dgram, the_end_of_reading_refuses_those_who_are_not_connected_too)
{
	int receiver = bound_socket(variant->family, SOCK_DGRAM, 3);
	int sender = unbound_socket(variant->family, SOCK_DGRAM);
	struct address to = address(variant->family, 3);

	ASSERT_GE(receiver, 0);
	ASSERT_EQ(0, shutdown(receiver, SHUT_RD));
	EXPECT_ERROR(EPIPE, sendto(sender, "x", 1, 0, &to.sa, to.len));
	close(receiver);
	close(sender);
}

TEST_HARNESS_MAIN
