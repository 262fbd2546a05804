// SPDX-License-Identifier: GPL-2.0-only
/*
 * SO_INQ: each read of a stream tells how many bytes are left, SCM_INQ. Before
 * 6.7 a family in a module is not asked for options of SOL_SOCKET.
 */
#include "demo_test.h"

FIXTURE(inq) {
	int sv[2];
	struct beside b;
	char buf[64];
};

FIXTURE_VARIANT(inq) {
	enum family family;
	int type;
};

VARIANTS_STREAM(inq);

FIXTURE_SETUP(inq)
{
	NEED_FAMILY(variant->family);
	UNIX_SINCE(variant->family, 6, 17, "SO_INQ");
	if (!kernel_is_at_least(6, 7))
		SKIP(return, "SO_INQ reaches a module since 6.7");
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	ASSERT_EQ(0, set_number(self->sv[1], SO_INQ, 1));
}

FIXTURE_TEARDOWN(inq)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

/* A read of up to @size bytes has @len, and tells of @left. */
#define EXPECT_LEFT(size, len, left, flags)					\
do {										\
	EXPECT_EQ(len, recv_beside(self->sv[1], self->buf, size, flags,		\
				   &self->b));					\
	EXPECT_EQ(1, self->b.nr_inq);						\
	EXPECT_EQ(left, self->b.inq);						\
	EXPECT_EQ(left, unread(self->sv[1]));					\
} while (0)

TEST_F(inq, a_read_tells_what_is_left)
{
	ASSERT_EQ(10, send(self->sv[0], "abcdefghij", 10, 0));
	EXPECT_LEFT(3, 3, 7, 0);
	EXPECT_LEFT(6, 6, 1, 0);
	EXPECT_LEFT(6, 1, 0, 0);
}

TEST_F(inq, MSG_PEEK_tells_what_is_there)
{
	ASSERT_EQ(10, send(self->sv[0], "abcdefghij", 10, 0));
	EXPECT_LEFT(3, 3, 10, MSG_PEEK);
	EXPECT_LEFT(3, 3, 7, 0);
}

TEST_F(inq, the_end_tells_0)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_LEFT(16, 3, 0, 0);
	EXPECT_LEFT(16, 0, 0, 0);
}

TEST_F(inq, it_comes_beside_descriptors_and_credentials)
{
	int fd = STDERR_FILENO;

	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	ASSERT_EQ(3, send_beside(self->sv[0], "abc", 3, 0, &fd, 1, NULL));
	ASSERT_EQ(3, send(self->sv[0], "def", 3, 0));
	EXPECT_LEFT(16, 3, 3, 0);
	EXPECT_EQ(1, self->b.nr_fds);
	EXPECT_EQ(1, self->b.nr_creds);
	EXPECT_EQ(getpid(), self->b.creds.pid);
	close_fds(&self->b);
}

TEST_F(inq, without_room_for_it_there_is_MSG_CTRUNC)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(1, recv_beside_room(self->sv[1], self->buf, 1, 0, &self->b, 0));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
}

TEST_F(inq, what_is_out_of_band_counts_until_it_is_received)
{
	UNIX_SINCE(variant->family, 7, 2, "MSG_OOB as it is tested here");
	ASSERT_EQ(4, send(self->sv[0], "abcX", 4, MSG_OOB));
	EXPECT_LEFT(2, 2, 2, 0);
	/* nothing goes beside the urgent byte itself */
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 1, MSG_OOB, &self->b));
	EXPECT_EQ(0, self->b.nr_inq);
	EXPECT_LEFT(2, 1, 0, 0);
}

TEST_F(inq, who_asks_no_more_is_not_told)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_INQ, 0));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 1, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_inq);
	EXPECT_EQ(0, self->b.flags & MSG_CTRUNC);
}

TEST_F(inq, a_read_that_fails_tells_nothing)
{
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 1, 0, &self->b));
}

TEST_F(inq, what_it_was_set_to_is_not_told)
{
	EXPECT_ERROR(ENOPROTOOPT, get_number(self->sv[1], SO_INQ));
}

TEST_F(inq, it_takes_0_or_1)
{
	char on = 1;

	EXPECT_ERROR(EINVAL, set_number(self->sv[1], SO_INQ, 2));
	EXPECT_ERROR(EINVAL, set_number(self->sv[1], SO_INQ, -1));
	EXPECT_ERROR(EINVAL, setsockopt(self->sv[1], SOL_SOCKET, SO_INQ, &on, sizeof(on)));
	EXPECT_ERROR(EFAULT, setsockopt(self->sv[1], SOL_SOCKET, SO_INQ, (void *)1,
					sizeof(int)));
}

TEST_F(inq, an_accepted_socket_does_not_have_it_from_its_listener)
{
	int listener, client, fd;

	listener = listening_socket(variant->family, variant->type, 5, 8);
	ASSERT_LE(0, listener);
	ASSERT_EQ(0, set_number(listener, SO_INQ, 1));
	client = connected_socket(variant->family, variant->type, 5);
	ASSERT_LE(0, client);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(3, send(client, "abc", 3, 0));
	EXPECT_EQ(3, recv_beside(fd, self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_inq);
	close(listener);
	close(client);
	close(fd);
}

FIXTURE(inq_record) {
	int fd;
};

FIXTURE_VARIANT(inq_record) {
	enum family family;
	int type;
};

VARIANTS_RECORD(inq_record);

FIXTURE_SETUP(inq_record)
{
	NEED_FAMILY(variant->family);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(inq_record)
{
	close(self->fd);
}

TEST_F(inq_record, records_do_not_have_it)
{
	EXPECT_ERROR(ENOPROTOOPT, set_number(self->fd, SO_INQ, 1));
}

TEST(a_kernel_that_does_not_ask_modules_says_ENOPROTOOPT)
{
	int fd;

	NEED_FAMILY(FAMILY_DEMO);
	if (kernel_is_at_least(6, 7))
		SKIP(return, "since 6.7 it asks them");
	fd = unbound_socket(FAMILY_DEMO, SOCK_STREAM);
	ASSERT_LE(0, fd);
	EXPECT_ERROR(ENOPROTOOPT, set_number(fd, SO_INQ, 1));
	close(fd);
}

TEST_HARNESS_MAIN
