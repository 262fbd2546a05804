// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pending error of a socket: what sets it, and that it is told once, by
 * SO_ERROR or by the first call that meets it.
 */
#include "demo_test.h"

FIXTURE_PAIR(error, VARIANTS_ALL)

TEST_F(error, there_is_none_on_a_socket_without_trouble)
{
	int fd = unbound_socket(variant->family, variant->type);

	EXPECT_EQ(0, get_number(fd, SO_ERROR));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
	EXPECT_EQ(0, get_number(self->sv[1], SO_ERROR));
	close(fd);
}

TEST_F(error, what_a_call_has_told_is_not_pending)
{
	struct address nobody = address(variant->family, 9);
	int fd = unbound_socket(variant->family, variant->type);

	EXPECT_ERROR(ECONNREFUSED, connect_to(fd, &nobody));
	EXPECT_EQ(0, get_number(fd, SO_ERROR));
	EXPECT_ERROR(ENOTCONN, send(fd, "x", 1, 0));
	EXPECT_EQ(0, get_number(fd, SO_ERROR));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
	close(fd);
}

TEST_F(error, it_cannot_be_set_by_an_option)
{
	EXPECT_ERROR(ENOPROTOOPT, set_number(self->sv[0], SO_ERROR, EIO));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
}

/*
 * Each type has its way to a pending ECONNRESET on self->sv[0]: a peer closed
 * with data unread, or a datagram peer that forgets what it did not read.
 */
static int reset(int type, int sv[2])
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	if (send(sv[0], "x", 1, 0) != 1)
		return -1;
	if (type == SOCK_DGRAM)
		return connect(sv[1], &unspec, sizeof(unspec));
	return close(sv[1]);
}

TEST_F(error, a_reset_is_told_once_by_so_error)
{
	ASSERT_EQ(0, reset(variant->type, self->sv));
	EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
	if (variant->type == SOCK_DGRAM)
		EXPECT_ERROR(EAGAIN, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	else
		EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(error, a_reset_is_told_once_by_recv)
{
	ASSERT_EQ(0, reset(variant->type, self->sv));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
	if (variant->type == SOCK_DGRAM)
		EXPECT_ERROR(EAGAIN, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	else
		EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(error, a_reset_is_told_once_by_a_recv_that_only_looks)
{
	ASSERT_EQ(0, reset(variant->type, self->sv));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
}

TEST_F(error, a_send_tells_a_reset_on_records_and_says_epipe_on_streams)
{
	ASSERT_EQ(0, reset(variant->type, self->sv));
	switch (variant->type) {
	case SOCK_STREAM:
		EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
		break;
	case SOCK_SEQPACKET:
		EXPECT_ERROR(ECONNRESET, send(self->sv[0], "x", 1, MSG_NOSIGNAL));
		EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
		break;
	case SOCK_DGRAM:
		EXPECT_ERROR(ECONNRESET, send(self->sv[0], "x", 1, 0));
		EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
		EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
		break;
	}
}

TEST_F(error, a_reset_wakes_a_reader_asleep)
{
	struct background b = { .fd = self->sv[0], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, reset(variant->type, self->sv));
	EXPECT_ERROR(ECONNRESET, background_end(&b));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
}

TEST_F(error, a_reset_wakes_a_writer_asleep)
{
	struct background b = {
		.fd = self->sv[0], .buf = self->buf, .len = 1, .flags = MSG_NOSIGNAL,
	};

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	if (variant->type == SOCK_DGRAM) {
		struct sockaddr unspec = { .sa_family = AF_UNSPEC };

		/* Its room comes back before the error does: either may wake it. */
		ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
		if (background_end(&b) < 0) {
			EXPECT_EQ(ECONNRESET, b.error);
		} else {
			EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
		}
	} else {
		ASSERT_EQ(0, close(self->sv[1]));
		EXPECT_ERROR(ECONNRESET, background_end(&b));
	}
}

FIXTURE_PAIR(error_dgram, VARIANTS_DGRAM)

TEST_F(error_dgram, another_peer_taken_with_messages_unread_is_a_reset_too)
{
	struct address other = address(variant->family, 3);
	int fd = bound_socket(variant->family, SOCK_DGRAM, 3);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(0, connect_to(self->sv[1], &other));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	close(fd);
}

TEST_F(error_dgram, a_peer_that_goes_with_everything_read_is_no_error)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };

	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
	ASSERT_EQ(0, connect(self->sv[1], &unspec, sizeof(unspec)));
	EXPECT_EQ(0, get_number(self->sv[0], SO_ERROR));
}

TEST_F(error_dgram, an_error_is_told_before_the_messages_that_wait)
{
	ASSERT_EQ(2, send(self->sv[1], "ab", 2, 0));
	ASSERT_EQ(0, reset(SOCK_DGRAM, self->sv));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(2, recv(self->sv[0], self->buf, 16, MSG_DONTWAIT));
}

TEST_HARNESS_MAIN
