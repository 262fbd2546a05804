// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the last close() of a socket does to those who talk to it: end of file,
 * or a reset where data was thrown away unread; and nobody sleeps on.
 */
#include "demo_test.h"

FIXTURE_PAIR(close_connection, VARIANTS_CONNECTION)

TEST_F(close_connection, with_nothing_unread_is_end_of_file_for_the_peer)
{
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
	EXPECT_ERROR(EPIPE, send(self->sv[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_ERROR(EPIPE, send(self->sv[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, with_everything_read_is_end_of_file_for_the_peer)
{
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(3, recv(self->sv[0], self->buf, 16, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
}

TEST_F(close_connection, with_data_unread_is_econnreset_once_and_then_end_of_file)
{
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_ERROR(EPIPE, send(self->sv[1], "x", 1, MSG_NOSIGNAL));
}

TEST_F(close_connection, with_a_message_half_read_is_a_reset_on_streams_only)
{
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(2, recv(self->sv[0], self->buf, 2, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	if (variant->type == SOCK_STREAM)
		EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, with_a_message_only_looked_at_is_a_reset)
{
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(3, recv(self->sv[0], self->buf, 16, MSG_PEEK));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, leaves_what_was_sent_before_to_be_read)
{
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(3, recv(self->sv[1], self->buf, 3, 0));
		ASSERT_EQ(0, memcmp("abc", self->buf, 3));
	}
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, tells_a_reset_after_the_data_on_streams_and_before_it_on_records)
{
	ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	if (variant->type == SOCK_STREAM) {
		EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
		EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
	} else {
		EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
		EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
	}
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, wakes_a_reader_asleep_with_end_of_file)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(0, background_end(&b));
}

TEST_F(close_connection, wakes_a_reader_asleep_with_a_reset)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNRESET, background_end(&b));
}

TEST_F(close_connection, wakes_a_writer_asleep_with_a_reset)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 1, .flags = MSG_NOSIGNAL,
	};

	ASSERT_LT(0, send_until_full(self->sv[1]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNRESET, background_end(&b));
	EXPECT_ERROR(EPIPE, send(self->sv[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(close_connection, of_a_listener_resets_those_who_wait_to_be_accepted)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fds[3], i;

	ASSERT_GE(listener, 0);
	for (i = 0; i < 3; i++) {
		fds[i] = connected_socket(variant->family, variant->type, 1);
		ASSERT_GE(fds[i], 0);
	}
	ASSERT_EQ(0, close(listener));
	for (i = 0; i < 3; i++) {
		EXPECT_ERROR(ECONNRESET, recv(fds[i], self->buf, 16, 0));
		EXPECT_EQ(0, recv(fds[i], self->buf, 16, 0));
		close(fds[i]);
	}
}

TEST_F(close_connection, of_a_listener_wakes_a_reader_who_waits_to_be_accepted)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	struct background b = { .buf = self->buf, .len = 16 };

	ASSERT_GE(listener, 0);
	b.fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(b.fd, 0);
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(listener));
	EXPECT_ERROR(ECONNRESET, background_end(&b));
	close(b.fd);
}

TEST_F(close_connection, of_a_full_listener_refuses_those_who_wait_for_room)
{
	int listener = listening_socket(variant->family, variant->type, 1, 0);
	struct address to = address(variant->family, 1);
	struct background b = { .to = &to };

	ASSERT_GE(listener, 0);
	ASSERT_LT(0, connect_until_full(variant->family, variant->type, 1));
	b.fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, background_connect(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(listener));
	EXPECT_ERROR(ECONNREFUSED, background_end(&b));
	close(b.fd);
}

TEST_F(close_connection, of_a_caller_leaves_what_it_sent_to_whom_accepts_it)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int fd;

	ASSERT_GE(listener, 0);
	fd = connected_socket(variant->family, variant->type, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(3, send(fd, "abc", 3, 0));
	ASSERT_EQ(0, close(fd));
	fd = accept(listener, NULL, NULL);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(3, recv(fd, self->buf, 16, 0));
	EXPECT_EQ(0, recv(fd, self->buf, 16, 0));
	close(fd);
	close(listener);
}

FIXTURE_PAIR(close_stream, VARIANTS_STREAM)

TEST_F(close_stream, wakes_a_reader_asleep_for_more_with_what_came_before)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 16, .flags = MSG_WAITALL,
	};

	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(close_stream, wakes_a_writer_asleep_half_way_with_what_it_sent)
{
	size_t len = 4 << 20;
	struct background b = {
		.fd = self->sv[1], .buf = calloc(1, len), .len = len, .flags = MSG_NOSIGNAL,
	};
	ssize_t sent;

	ASSERT_NE(NULL, b.buf);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	sent = background_end(&b);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)len, sent);
	EXPECT_ERROR(EPIPE, send(self->sv[1], "x", 1, MSG_NOSIGNAL));
	free(b.buf);
}

/* Datagrams: self->sv are connected to each other. */
FIXTURE_PAIR(close_dgram, VARIANTS_DGRAM)

TEST_F(close_dgram, is_econnrefused_once_for_the_peer_that_sends_and_then_enotconn)
{
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_ERROR(ECONNREFUSED, send(self->sv[1], "x", 1, 0));
	EXPECT_ERROR(ENOTCONN, send(self->sv[1], "x", 1, 0));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
}

TEST_F(close_dgram, with_messages_unread_is_no_error_for_the_sender)
{
	ASSERT_EQ(1, send(self->sv[1], "x", 1, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(close_dgram, leaves_what_was_sent_before_to_be_read)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(2, send(self->sv[0], "de", 2, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(2, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(close_dgram, once_a_send_has_met_it_drops_what_the_dead_peer_had_sent)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNREFUSED, send(self->sv[1], "x", 1, 0));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(close_dgram, does_not_wake_a_reader_of_the_peer)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };
	struct address to = address(variant->family, 2);
	int other;

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_TRUE(background_sleeps(&b));
	/* Only a send notices; then the socket is free for messages of others. */
	EXPECT_ERROR(ECONNREFUSED, send(self->sv[1], "x", 1, 0));
	other = unbound_socket(variant->family, SOCK_DGRAM);
	EXPECT_EQ(3, sendto(other, "abc", 3, 0, &to.sa, to.len));
	EXPECT_EQ(3, background_end(&b));
	close(other);
}

TEST_F(close_dgram, of_a_full_receiver_refuses_those_who_wait_for_room)
{
	int receiver = bound_socket(variant->family, SOCK_DGRAM, 3);
	struct address to = address(variant->family, 3);
	struct background connected = { .buf = self->buf, .len = 1 };
	struct background other = { .buf = self->buf, .len = 1, .to = &to };

	ASSERT_GE(receiver, 0);
	ASSERT_EQ(0, set_number(receiver, SO_RCVBUF, 4096));
	connected.fd = connected_socket(variant->family, SOCK_DGRAM, 3);
	ASSERT_GE(connected.fd, 0);
	other.fd = unbound_socket(variant->family, SOCK_DGRAM);
	ASSERT_GE(other.fd, 0);
	ASSERT_LT(0, send_until_full(connected.fd));
	ASSERT_EQ(0, background_send(&connected));
	ASSERT_EQ(0, background_send(&other));
	ASSERT_TRUE(background_sleeps(&connected));
	ASSERT_TRUE(background_sleeps(&other));
	ASSERT_EQ(0, close(receiver));
	EXPECT_ERROR(ECONNREFUSED, background_end(&connected));
	EXPECT_ERROR(ECONNREFUSED, background_end(&other));
	EXPECT_ERROR(ENOTCONN, send(connected.fd, "x", 1, 0));
	close(connected.fd);
	close(other.fd);
}

TEST_F(close_dgram, frees_the_room_of_those_who_sent_what_is_thrown_away)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 1 };

	ASSERT_LT(0, send_until_full(self->sv[1]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(ECONNREFUSED, background_end(&b));
	EXPECT_EQ(POLLOUT, poll_now(self->sv[1], POLLOUT));
}

TEST_HARNESS_MAIN
