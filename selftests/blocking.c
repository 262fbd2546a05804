// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that can wait: they do until they can go on, unless they were told not
 * to, or not for so long. Nobody who must not wait is kept by one who does.
 */

#include "usage.h"

/* In milliseconds; -1 on errors. */
static long get_timeout(int fd, int option)
{
	struct timeval tv;
	socklen_t len = sizeof(tv);

	if (getsockopt(fd, SOL_SOCKET, option, &tv, &len))
		return -1;
	return tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

/* Between the socket and a pipe, b->len bytes. */
static ssize_t splice_in(struct background *b)
{
	return splice(b->fd, NULL, *(int *)b->buf, NULL, b->len, b->flags);
}

static ssize_t splice_out(struct background *b)
{
	return splice(*(int *)b->buf, NULL, b->fd, NULL, b->len, b->flags);
}

BACKGROUND(splice_in, splice_in(b))
BACKGROUND(splice_out, splice_out(b))

FIXTURE_PAIR(blocking, VARIANTS_ALL)

TEST_F(blocking, recv_waits_for_data)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(blocking, recv_that_must_not_wait_is_eagain)
{
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT | MSG_PEEK));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT | MSG_WAITALL));
	ASSERT_EQ(0, set_nonblock(self->sv[1], true));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_ERROR(EAGAIN, read(self->sv[1], self->buf, 16));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_WAITALL));
}

TEST_F(blocking, recv_that_only_looks_waits_too)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 16, .flags = MSG_PEEK,
	};

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(blocking, send_waits_for_room)
{
	struct background b = { .fd = self->sv[0], .buf = self->buf, .len = 1 };

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(1, background_end(&b));
}

TEST_F(blocking, send_that_must_not_wait_is_eagain)
{
	ASSERT_LT(0, send_until_full(self->sv[0]));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "x", 1, MSG_DONTWAIT));
	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "x", 1, 0));
	EXPECT_ERROR(EAGAIN, write(self->sv[0], "x", 1));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
}

TEST_F(blocking, a_reader_that_must_not_wait_is_not_kept_by_one_that_does)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16 };
	char c;

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], &c, 1, MSG_DONTWAIT | MSG_PEEK));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	EXPECT_EQ(1, background_end(&b));
}

TEST_F(blocking, a_writer_that_must_not_wait_is_not_kept_by_one_that_does)
{
	struct background b = { .fd = self->sv[0], .buf = self->buf, .len = 1 };

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "x", 1, MSG_DONTWAIT));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(1, background_end(&b));
}

TEST_F(blocking, one_end_waits_to_send_while_it_waits_to_receive)
{
	struct background s = { .fd = self->sv[0], .buf = self->buf, .len = 1 };
	struct background r = { .fd = self->sv[0], .buf = self->buf + 1, .len = 1 };

	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, background_send(&s));
	ASSERT_EQ(0, background_recv(&r));
	ASSERT_TRUE(background_sleeps(&s));
	ASSERT_TRUE(background_sleeps(&r));
	ASSERT_EQ(1, send(self->sv[1], "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(1, background_end(&r));
	EXPECT_TRUE(background_sleeps(&s));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(1, background_end(&s));
}

TEST_F(blocking, each_message_wakes_one_of_those_who_wait_for_it)
{
	struct background a = { .fd = self->sv[1], .buf = self->buf, .len = 1 };
	struct background b = { .fd = self->sv[1], .buf = self->buf + 1, .len = 1 };

	ASSERT_EQ(0, background_recv(&a));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&a));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "y", 1, 0));
	EXPECT_EQ(1, background_end(&a));
	EXPECT_EQ(1, background_end(&b));
	EXPECT_EQ('x' + 'y', self->buf[0] + self->buf[1]);
}

/* Who only looks leaves the message, and the wake-up, to another. */
TEST_F(blocking, a_message_wakes_who_looks_and_who_takes_it)
{
	struct background look = {
		.fd = self->sv[1], .buf = self->buf, .len = 3, .flags = MSG_PEEK,
	};
	struct background take = { .fd = self->sv[1], .buf = self->buf + 8, .len = 3 };

	if (variant->family == FAMILY_UNIX && variant->type != SOCK_STREAM)
		SKIP(return, "of records, AF_UNIX wakes only one of the two");
	ASSERT_EQ(0, background_recv(&look));
	ASSERT_TRUE(background_sleeps(&look));
	ASSERT_EQ(0, background_recv(&take));
	ASSERT_TRUE(background_sleeps(&take));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, background_end(&take));
	EXPECT_EQ(0, memcmp("abc", self->buf + 8, 3));
	/* Which was first? It may have found nothing left. */
	if (background_sleeps(&look)) {
		ASSERT_EQ(3, send(self->sv[0], "def", 3, 0));
	}
	EXPECT_EQ(3, background_end(&look));
}

/* How often a thread went to sleep; -1 on errors. */
static long sleeps_of(pid_t tid)
{
	char name[32];

	sprintf(name, "/proc/%d/status", tid);
	return number_in(name, "voluntary_ctxt_switches");
}

/* Each read at the other end makes some. Readers of streams look then: demo_stream_wait(). */
TEST_F(blocking, room_to_write_wakes_no_reader_of_records)
{
	struct background b = { .fd = self->sv[0], .buf = self->buf, .len = 16 };
	long before;
	char c;
	int i;

	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	before = sleeps_of(b.tid);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
		ASSERT_EQ(1, recv(self->sv[1], &c, 1, 0));
		usleep(1000);
	}
	/* It may have been on its way to sleep at first. */
	if (variant->type != SOCK_STREAM) {
		EXPECT_LE(sleeps_of(b.tid), before + 1);
	}
	EXPECT_LT(0, sleeps_of(b.tid));
	ASSERT_EQ(3, send(self->sv[1], "abc", 3, 0));
	EXPECT_EQ(3, background_end(&b));
}

TEST_F(blocking, recv_waits_no_longer_than_so_rcvtimeo)
{
	ASSERT_EQ(0, set_timeout(self->sv[1], SO_RCVTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(recv(self->sv[1], self->buf, 16, 0));
	EXPECT_TIMEOUT(recv(self->sv[1], self->buf, 16, MSG_PEEK));
	EXPECT_TIMEOUT(recv(self->sv[1], self->buf, 16, MSG_WAITALL));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(blocking, send_waits_no_longer_than_so_sndtimeo)
{
	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, set_timeout(self->sv[0], SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(send(self->sv[0], "x", 1, 0));
	ASSERT_LT(0, recv_until_empty(self->sv[1]));
	EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
}

TEST_F(blocking, a_timeout_reads_back_as_it_was_set)
{
	static const int options[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	struct timeval bad = { .tv_usec = 1000000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		EXPECT_EQ(0, get_timeout(self->sv[0], options[i]));
		EXPECT_EQ(0, set_timeout(self->sv[0], options[i], 1500));
		EXPECT_EQ(1500, get_timeout(self->sv[0], options[i]));
		EXPECT_ERROR(EDOM, setsockopt(self->sv[0], SOL_SOCKET, options[i],
					      &bad, sizeof(bad)));
		EXPECT_ERROR(EINVAL, setsockopt(self->sv[0], SOL_SOCKET, options[i],
						&bad, sizeof(bad) - 1));
		EXPECT_EQ(1500, get_timeout(self->sv[0], options[i]));
		EXPECT_EQ(0, set_timeout(self->sv[0], options[i], 0));
		EXPECT_EQ(0, get_timeout(self->sv[0], options[i]));
	}
	EXPECT_EQ(0, get_timeout(self->sv[1], SO_RCVTIMEO));
}

TEST_F(blocking, a_negative_timeout_is_no_wait_at_all)
{
	struct timeval negative = { .tv_sec = -1 };

	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_RCVTIMEO, &negative,
				sizeof(negative)));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(blocking, splice_from_the_socket_waits_for_data)
{
	struct background b = { .fd = self->sv[1], .len = 16 };
	int p[2];

	ASSERT_EQ(0, pipe(p));
	b.buf = &p[1];
	ASSERT_EQ(0, background_splice_in(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, background_end(&b));
	EXPECT_EQ(3, read(p[0], self->buf, 16));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));

	ASSERT_EQ(0, set_timeout(self->sv[1], SO_RCVTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(splice_in(&b));
	ASSERT_EQ(0, set_nonblock(self->sv[1], true));
	EXPECT_ERROR(EAGAIN, splice_in(&b));
}

/* Types with listen(), connect() and accept(). */
FIXTURE(blocking_connection) {
	int listener;
};

FIXTURE_VARIANT(blocking_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(blocking_connection);

FIXTURE_SETUP(blocking_connection)
{
	NEED_FAMILY(variant->family);
	self->listener = listening_socket(variant->family, variant->type, 1, 0);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(blocking_connection)
{
	close(self->listener);
}

TEST_F(blocking_connection, accept_waits_for_a_connection)
{
	struct background b = { .fd = self->listener };

	ASSERT_EQ(0, background_accept(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_LE(0, connected_socket(variant->family, variant->type, 1));
	EXPECT_LE(0, background_end(&b));
}

TEST_F(blocking_connection, accept_that_must_not_wait_is_eagain)
{
	ASSERT_EQ(0, set_nonblock(self->listener, true));
	EXPECT_ERROR(EAGAIN, accept(self->listener, NULL, NULL));
	ASSERT_LE(0, connected_socket(variant->family, variant->type, 1));
	EXPECT_LE(0, accept(self->listener, NULL, NULL));
	EXPECT_ERROR(EAGAIN, accept(self->listener, NULL, NULL));
}

TEST_F(blocking_connection, accept_waits_no_longer_than_so_rcvtimeo)
{
	ASSERT_EQ(0, set_timeout(self->listener, SO_RCVTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(accept(self->listener, NULL, NULL));
}

TEST_F(blocking_connection, an_accepted_socket_takes_over_neither_o_nonblock_nor_timeouts)
{
	int fd;

	ASSERT_EQ(0, set_nonblock(self->listener, true));
	ASSERT_EQ(0, set_timeout(self->listener, SO_RCVTIMEO, TIMEOUT_MS));
	ASSERT_EQ(0, set_timeout(self->listener, SO_SNDTIMEO, TIMEOUT_MS));
	ASSERT_LE(0, connected_socket(variant->family, variant->type, 1));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, get_timeout(fd, SO_RCVTIMEO));
	EXPECT_EQ(0, get_timeout(fd, SO_SNDTIMEO));

	ASSERT_LE(0, connected_socket(variant->family, variant->type, 1));
	fd = accept4(self->listener, NULL, NULL, SOCK_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST_F(blocking_connection, connect_waits_for_room_in_the_backlog)
{
	struct address to = address(variant->family, 1);
	struct background b = { .to = &to };

	ASSERT_LT(0, connect_until_full(variant->family, variant->type, 1));
	b.fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, background_connect(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_LE(0, accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, background_end(&b));
}

TEST_F(blocking_connection, connect_that_must_not_wait_is_eagain_and_can_be_tried_again)
{
	struct address to = address(variant->family, 1);
	int fd;

	ASSERT_LT(0, connect_until_full(variant->family, variant->type, 1));
	fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, set_nonblock(fd, true));
	EXPECT_ERROR(EAGAIN, connect_to(fd, &to));
	EXPECT_LE(0, accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, connect_to(fd, &to));
}

TEST_F(blocking_connection, connect_waits_no_longer_than_so_sndtimeo)
{
	struct address to = address(variant->family, 1);
	int fd;

	ASSERT_LT(0, connect_until_full(variant->family, variant->type, 1));
	fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, set_timeout(fd, SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(connect_to(fd, &to));
	EXPECT_LE(0, accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, connect_to(fd, &to));
}

FIXTURE_PAIR(blocking_stream, VARIANTS_STREAM)

TEST_F(blocking_stream, recv_of_all_waits_for_all)
{
	struct background b = {
		.fd = self->sv[1], .buf = self->buf, .len = 6, .flags = MSG_WAITALL,
	};

	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(2, send(self->sv[0], "de", 2, 0));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(2, send(self->sv[0], "fg", 2, 0));
	EXPECT_EQ(6, background_end(&b));
	EXPECT_EQ(0, memcmp("abcdef", self->buf, 6));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(blocking_stream, recv_of_all_returns_what_came_within_so_rcvtimeo)
{
	ASSERT_EQ(0, set_timeout(self->sv[1], SO_RCVTIMEO, TIMEOUT_MS));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_WAITALL));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

TEST_F(blocking_stream, send_goes_on_whenever_there_is_room)
{
	size_t len = 4 << 20;
	struct background b = { .fd = self->sv[0], .buf = malloc(len), .len = len };
	char *got = malloc(len);

	ASSERT_NE(NULL, b.buf);
	ASSERT_NE(NULL, got);
	pattern_fill(b.buf, len, 1, 0);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_EQ(len, read_all(self->sv[1], got, len));
	EXPECT_EQ((ssize_t)len, background_end(&b));
	EXPECT_EQ(-1, pattern_differs(got, len, 1, 0));
	free(b.buf);
	free(got);
}

TEST_F(blocking_stream, a_writer_that_must_not_wait_is_not_kept_by_one_half_way)
{
	size_t len = 4 << 20;
	struct background b = { .fd = self->sv[0], .buf = calloc(1, len), .len = len };
	char *got = malloc(len);

	ASSERT_NE(NULL, b.buf);
	ASSERT_NE(NULL, got);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(len, read_all(self->sv[1], got, len));
	EXPECT_EQ((ssize_t)len, background_end(&b));
	free(b.buf);
	free(got);
}

TEST_F(blocking_stream, send_returns_what_went_without_waiting)
{
	size_t len = 4 << 20;
	void *buf = calloc(1, len);
	ssize_t n;

	ASSERT_NE(NULL, buf);
	n = send(self->sv[0], buf, len, MSG_DONTWAIT);
	EXPECT_LT(0, n);
	EXPECT_GT((ssize_t)len, n);
	EXPECT_EQ(n, recv_until_empty(self->sv[1]));
	free(buf);
}

TEST_F(blocking_stream, send_returns_what_went_within_so_sndtimeo)
{
	size_t len = 4 << 20;
	void *buf = calloc(1, len);
	ssize_t n;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, set_timeout(self->sv[0], SO_SNDTIMEO, TIMEOUT_MS));
	n = send(self->sv[0], buf, len, 0);
	EXPECT_LT(0, n);
	EXPECT_GT((ssize_t)len, n);
	EXPECT_EQ(n, recv_until_empty(self->sv[1]));
	free(buf);
}

TEST_F(blocking_stream, splice_from_the_socket_need_not_wait)
{
	struct background b = { .fd = self->sv[1], .len = 16, .flags = SPLICE_F_NONBLOCK };
	int p[2];

	ASSERT_EQ(0, pipe(p));
	b.buf = &p[1];
	EXPECT_ERROR(EAGAIN, splice_in(&b));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, splice_in(&b));
}

TEST_F(blocking_stream, splice_to_the_socket_waits_for_room)
{
	struct background b = { .fd = self->sv[0], .len = 16 };
	int waiting, p[2];
	char *buf;

	UNIX_SINCE(variant->family, 6, 5, "before, splice added to the last buffer, full or not");
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(16, write(p[1], "0123456789abcdef", 16));
	b.buf = &p[0];
	ASSERT_LT(0, send_until_full(self->sv[0]));
	ASSERT_EQ(0, set_nonblock(self->sv[0], true));
	EXPECT_ERROR(EAGAIN, splice_out(&b));
	ASSERT_EQ(0, set_nonblock(self->sv[0], false));
	ASSERT_EQ(0, set_timeout(self->sv[0], SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(splice_out(&b));
	ASSERT_EQ(0, set_timeout(self->sv[0], SO_SNDTIMEO, 0));
	ASSERT_EQ(0, ioctl(self->sv[1], FIONREAD, &waiting));
	ASSERT_EQ(0, background_splice_out(&b));
	ASSERT_TRUE(background_sleeps(&b));
	buf = malloc(waiting);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ((size_t)waiting, read_all(self->sv[1], buf, waiting));
	free(buf);
	EXPECT_EQ(16, background_end(&b));
	EXPECT_EQ(16, recv(self->sv[1], self->buf, 64, 0));
	EXPECT_EQ(0, memcmp("0123456789abcdef", self->buf, 16));
}

FIXTURE_PAIR(blocking_record, VARIANTS_RECORD)

TEST_F(blocking_record, recv_of_all_waits_for_one_record_only)
{
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_WAITALL));
}

/* A receiver that lacks room, and a sender that does not. */
FIXTURE(blocking_dgram) {
	int receiver;
	int sender;
	struct address to;
	char buf[16];
};

FIXTURE_VARIANT(blocking_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(blocking_dgram);

FIXTURE_SETUP(blocking_dgram)
{
	NEED_FAMILY(variant->family);
	self->receiver = bound_socket(variant->family, SOCK_DGRAM, 1);
	ASSERT_GE(self->receiver, 0);
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 4096));
	self->to = address(variant->family, 1);
	self->sender = connected_socket(variant->family, SOCK_DGRAM, 1);
	ASSERT_GE(self->sender, 0);
	ASSERT_LT(0, send_until_full(self->sender));
}

FIXTURE_TEARDOWN(blocking_dgram)
{
	close(self->receiver);
	close(self->sender);
}

TEST_F(blocking_dgram, send_waits_for_room_in_the_receiver)
{
	struct background connected = { .fd = self->sender, .buf = self->buf, .len = 1 };
	struct background other = { .buf = self->buf, .len = 1, .to = &self->to };

	other.fd = unbound_socket(variant->family, SOCK_DGRAM);
	ASSERT_EQ(0, background_send(&connected));
	ASSERT_EQ(0, background_send(&other));
	ASSERT_TRUE(background_sleeps(&connected));
	ASSERT_TRUE(background_sleeps(&other));
	ASSERT_LT(0, recv_until_empty(self->receiver));
	EXPECT_EQ(1, background_end(&connected));
	EXPECT_EQ(1, background_end(&other));
	close(other.fd);
}

TEST_F(blocking_dgram, send_waits_for_a_larger_so_rcvbuf)
{
	struct background waits = { .fd = self->sender, .buf = self->buf, .len = 1 };

	if (variant->family == FAMILY_UNIX)
		SKIP(return, "on AF_UNIX, it has no say");
	if (!kernel_is_at_least(6, 7))
		SKIP(return, "before 6.7, the family is not told of it");
	ASSERT_EQ(0, background_send(&waits));
	ASSERT_TRUE(background_sleeps(&waits));
	ASSERT_EQ(0, set_number(self->receiver, SO_RCVBUF, 100000));
	EXPECT_EQ(1, background_end(&waits));
}

TEST_F(blocking_dgram, send_that_must_not_wait_for_the_receiver_is_eagain)
{
	int other = unbound_socket(variant->family, SOCK_DGRAM);

	EXPECT_ERROR(EAGAIN, send(self->sender, "x", 1, MSG_DONTWAIT));
	EXPECT_ERROR(EAGAIN, sendto(other, "x", 1, MSG_DONTWAIT, &self->to.sa,
				    self->to.len));
	ASSERT_EQ(0, set_nonblock(self->sender, true));
	EXPECT_ERROR(EAGAIN, write(self->sender, "x", 1));
	ASSERT_LT(0, recv_until_empty(self->receiver));
	EXPECT_EQ(1, write(self->sender, "x", 1));
	close(other);
}

TEST_F(blocking_dgram, send_waits_for_the_receiver_no_longer_than_so_sndtimeo)
{
	ASSERT_EQ(0, set_timeout(self->sender, SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(send(self->sender, "x", 1, 0));
}

TEST_F(blocking_dgram, a_full_receiver_does_not_keep_those_who_send_to_others)
{
	int other = bound_socket(variant->family, SOCK_DGRAM, 2);
	struct address to = address(variant->family, 2);

	ASSERT_GE(other, 0);
	EXPECT_EQ(1, sendto(self->sender, "x", 1, MSG_DONTWAIT, &to.sa, to.len));
	EXPECT_EQ(1, recv(other, self->buf, 16, MSG_DONTWAIT));
	close(other);
}

TEST_HARNESS_MAIN
