// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes out of band, MSG_OOB, as AF_UNIX has them: the last byte of such a
 * message is urgent. It has its place among the others, at which readers stop,
 * and can be received ahead of them.
 */
#include <sys/select.h>
#include <sys/signalfd.h>

#include <linux/sockios.h>

#include "demo_test.h"

#define UNIX_OOB "MSG_OOB as it is tested here"

FIXTURE(oob) {
	int sv[2];			/* sends, receives */
	char buf[64];
};

FIXTURE_VARIANT(oob) {
	enum family family;
	int type;
};

VARIANTS_STREAM(oob);

FIXTURE_SETUP(oob)
{
	NEED_FAMILY(variant->family);
	UNIX_SINCE(variant->family, 7, 2, UNIX_OOB);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
}

FIXTURE_TEARDOWN(oob)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

static int at_mark(int fd)
{
	int value;

	return ioctl(fd, SIOCATMARK, &value) ? -1 : value;
}

#define SEND(text)								\
	ASSERT_EQ((ssize_t)strlen(text), send(self->sv[0], text, strlen(text), 0))
#define SEND_URGENT(text)							\
	ASSERT_EQ((ssize_t)strlen(text),					\
		  send(self->sv[0], text, strlen(text), MSG_OOB))

#define EXPECT_RECV_SIZE(text, size, flags)					\
do {										\
	EXPECT_EQ((ssize_t)strlen(text),					\
		  recv(self->sv[1], self->buf, size, (flags) | MSG_DONTWAIT));	\
	EXPECT_EQ(0, memcmp(text, self->buf, strlen(text)));			\
} while (0)

#define EXPECT_RECV(text, flags)						\
	EXPECT_RECV_SIZE(text, sizeof(self->buf), flags)

#define EXPECT_URGENT(text) EXPECT_RECV(text, MSG_OOB)

#define EXPECT_NO_URGENT()							\
	EXPECT_ERROR(EINVAL, recv(self->sv[1], self->buf, sizeof(self->buf),	\
				  MSG_OOB | MSG_DONTWAIT))

#define EXPECT_EMPTY()								\
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, sizeof(self->buf),	\
				  MSG_DONTWAIT))

/* What poll() says to the receiver, and whether it is at the mark. */
#define EXPECT_STATE(want_events, want_mark, want_unread)			\
do {										\
	EXPECT_EQ(want_events, poll_now(self->sv[1], POLLIN | POLLPRI));	\
	EXPECT_EQ(want_mark, at_mark(self->sv[1]));				\
	/* AF_UNIX of 7.2 goes on counting one that a read has thrown away */	\
	if (variant->family == FAMILY_DEMO) {					\
		EXPECT_EQ(want_unread, unread(self->sv[1]));			\
	}									\
} while (0)

#define INLINE() ASSERT_EQ(0, set_number(self->sv[1], SO_OOBINLINE, 1))

TEST_F(oob, without_any_there_is_EINVAL_and_no_mark)
{
	EXPECT_NO_URGENT();
	EXPECT_STATE(0, 0, 0);
	SEND("abc");
	EXPECT_NO_URGENT();
	EXPECT_STATE(POLLIN, 0, 3);
}

TEST_F(oob, of_a_message_the_last_byte_is_urgent)
{
	SEND_URGENT("abcX");
	EXPECT_URGENT("X");
	EXPECT_RECV("abc", 0);
	EXPECT_EMPTY();
}

TEST_F(oob, one_byte_can_be_a_message)
{
	SEND_URGENT("X");
	EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
	EXPECT_URGENT("X");
	EXPECT_NO_URGENT();
}

TEST_F(oob, recvmsg_says_MSG_OOB_of_an_urgent_byte_only)
{
	struct beside b;

	SEND_URGENT("aX");
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, MSG_OOB, &b));
	EXPECT_EQ(MSG_OOB, b.flags & MSG_OOB);
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &b));
	EXPECT_EQ(0, b.flags & MSG_OOB);
}

TEST_F(oob, a_read_stops_before_it)
{
	SEND_URGENT("abcX");
	SEND("def");
	EXPECT_STATE(POLLIN | POLLPRI, 0, 7);
	EXPECT_RECV("abc", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 4);
	EXPECT_URGENT("X");
	EXPECT_STATE(POLLIN, 1, 3);
	EXPECT_RECV("def", 0);
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, a_read_stops_where_it_was_after_it_was_received)
{
	SEND_URGENT("abcX");
	SEND("def");
	EXPECT_URGENT("X");
	EXPECT_STATE(POLLIN, 0, 6);
	EXPECT_RECV("abc", 0);
	EXPECT_STATE(POLLIN, 1, 3);
	EXPECT_RECV("def", 0);
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, a_short_read_does_not_come_to_the_mark)
{
	SEND_URGENT("abcX");
	EXPECT_RECV_SIZE("ab", 2, 0);
	EXPECT_STATE(POLLIN | POLLPRI, 0, 2);
	EXPECT_RECV_SIZE("c", 1, 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
}

TEST_F(oob, MSG_WAITALL_stops_there_too)
{
	SEND_URGENT("abcX");
	SEND("def");
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 6, MSG_WAITALL));
	EXPECT_EQ(1, at_mark(self->sv[1]));
}

TEST_F(oob, a_read_that_begins_at_it_throws_it_away)
{
	SEND_URGENT("abcX");
	SEND("def");
	EXPECT_RECV("abc", 0);
	EXPECT_RECV("def", 0);
	EXPECT_NO_URGENT();
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, also_when_nothing_follows)
{
	SEND_URGENT("X");
	EXPECT_EMPTY();
	EXPECT_NO_URGENT();
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, a_second_one_makes_the_first_ordinary)
{
	SEND_URGENT("abX");
	SEND_URGENT("cdY");
	EXPECT_STATE(POLLIN | POLLPRI, 0, 6);
	EXPECT_URGENT("Y");
	EXPECT_NO_URGENT();
	EXPECT_RECV("abXcd", 0);
	EXPECT_STATE(POLLIN, 1, 0);
}

TEST_F(oob, two_in_a_row)
{
	SEND_URGENT("X");
	SEND_URGENT("Y");
	EXPECT_STATE(POLLIN | POLLPRI, 0, 2);
	EXPECT_RECV("X", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
	EXPECT_URGENT("Y");
	EXPECT_EMPTY();
}

TEST_F(oob, one_after_the_first_was_received)
{
	SEND_URGENT("abX");
	EXPECT_URGENT("X");
	SEND_URGENT("cdY");
	EXPECT_STATE(POLLIN | POLLPRI, 0, 5);
	/* the place of the first stops nobody while there is a second */
	EXPECT_RECV("abcd", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
	EXPECT_URGENT("Y");
	EXPECT_NO_URGENT();
}

TEST_F(oob, several_received_at_one_place)
{
	int i;

	for (i = 0; i < 10; i++) {
		SEND_URGENT("X");
		EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
		EXPECT_URGENT("X");
		EXPECT_STATE(POLLIN, 1, 0);
	}
	SEND("abc");
	EXPECT_STATE(POLLIN, 1, 3);
	EXPECT_RECV("abc", 0);
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, MSG_PEEK_of_the_urgent_byte_leaves_it)
{
	SEND_URGENT("abX");
	EXPECT_RECV("X", MSG_OOB | MSG_PEEK);
	EXPECT_RECV("X", MSG_OOB | MSG_PEEK);
	EXPECT_STATE(POLLIN | POLLPRI, 0, 3);
	EXPECT_URGENT("X");
	EXPECT_ERROR(EINVAL, recv(self->sv[1], self->buf, 1, MSG_OOB | MSG_PEEK));
}

TEST_F(oob, MSG_PEEK_stops_before_it)
{
	SEND_URGENT("abX");
	SEND("cd");
	EXPECT_RECV("ab", MSG_PEEK);
	EXPECT_STATE(POLLIN | POLLPRI, 0, 5);
	EXPECT_RECV("ab", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 3);
}

TEST_F(oob, MSG_PEEK_that_begins_at_it_looks_behind_it_and_leaves_it)
{
	SEND_URGENT("X");
	SEND("cd");
	EXPECT_RECV("cd", MSG_PEEK);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 3);
	EXPECT_URGENT("X");
	EXPECT_RECV("cd", MSG_PEEK);
	EXPECT_RECV("cd", 0);
}

TEST_F(oob, MSG_PEEK_where_it_was_looks_behind_it)
{
	SEND_URGENT("aX");
	SEND("cd");
	EXPECT_URGENT("X");
	EXPECT_RECV("a", MSG_PEEK);
	EXPECT_RECV("a", 0);
	EXPECT_RECV("cd", MSG_PEEK);
	EXPECT_STATE(POLLIN, 1, 2);
	EXPECT_RECV("cd", 0);
}

/* Inline. */

TEST_F(oob, inline_it_is_read_in_its_place)
{
	INLINE();
	EXPECT_EQ(1, get_number(self->sv[1], SO_OOBINLINE));
	SEND_URGENT("abX");
	SEND("cd");
	EXPECT_STATE(POLLIN | POLLPRI, 0, 5);
	EXPECT_NO_URGENT();
	EXPECT_RECV("ab", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 3);
	EXPECT_NO_URGENT();
	EXPECT_RECV("Xcd", 0);
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, inline_MSG_PEEK_reads_it_too)
{
	INLINE();
	SEND_URGENT("X");
	SEND("cd");
	EXPECT_RECV_SIZE("X", 1, MSG_PEEK);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 3);
	EXPECT_RECV_SIZE("X", 1, 0);
	EXPECT_STATE(POLLIN, 0, 2);
}

/* SO_PEEK_OFF counts it as one of the bytes, unless it is the first. */
TEST_F(oob, a_peek_that_goes_on_behind_others_reads_it_too)
{
	struct background b = { .fd = self->sv[1], .buf = self->buf, .len = 16, .flags = MSG_PEEK };

	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 0));
	SEND_URGENT("abX");
	SEND("cd");
	EXPECT_RECV("ab", MSG_PEEK);
	EXPECT_RECV("Xcd", MSG_PEEK);
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_PEEK | MSG_DONTWAIT));
	EXPECT_STATE(POLLIN | POLLPRI, 0, 5);
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 3));
	EXPECT_RECV("cd", MSG_PEEK);

	/* The first is not there for it. */
	EXPECT_RECV("ab", 0);
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 1));
	EXPECT_RECV("d", MSG_PEEK);
	EXPECT_RECV("cd", 0);

	/* It wakes one, too. */
	SEND("ef");
	ASSERT_EQ(0, set_number(self->sv[1], SO_PEEK_OFF, 2));
	ASSERT_EQ(0, background_recv(&b));
	ASSERT_TRUE(background_sleeps(&b));
	SEND_URGENT("Y");
	EXPECT_EQ(1, background_end(&b));
	EXPECT_EQ('Y', self->buf[0]);
}

TEST_F(oob, inline_a_second_one_makes_the_first_ordinary)
{
	INLINE();
	SEND_URGENT("abX");
	SEND_URGENT("cdY");
	EXPECT_RECV("abXcd", 0);
	EXPECT_STATE(POLLIN | POLLPRI, 1, 1);
	EXPECT_RECV("Y", 0);
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, inline_asked_for_when_it_is_there)
{
	SEND_URGENT("X");
	INLINE();
	EXPECT_NO_URGENT();
	EXPECT_RECV("X", 0);
	SEND_URGENT("Y");
	ASSERT_EQ(0, set_number(self->sv[1], SO_OOBINLINE, 0));
	EXPECT_URGENT("Y");
}

/* The news. */

/* The third set of select() is for this. */
static int sleep_for_exceptions(int fd)
{
	fd_set x;

	FD_ZERO(&x);
	FD_SET(fd, &x);
	return select(fd + 1, NULL, NULL, &x, NULL) == 1 && FD_ISSET(fd, &x) ? 0 : -1;
}

BACKGROUND(exceptions, sleep_for_exceptions(b->fd))

TEST_F(oob, it_wakes_who_waits_for_exceptions_alone)
{
	struct background b = { .fd = self->sv[1] };

	ASSERT_EQ(0, background_exceptions(&b));
	ASSERT_TRUE(background_sleeps(&b));
	SEND("plain");
	ASSERT_TRUE(background_sleeps(&b));
	SEND_URGENT("X");
	EXPECT_EQ(0, background_end(&b));
}

TEST_F(oob, the_owner_of_the_receiver_gets_SIGURG)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ASSERT_LE(0, fd);
	/* nobody yet */
	SEND_URGENT("W");
	EXPECT_ERROR(EAGAIN, read(fd, &info, sizeof(info)));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETOWN, getpid()));
	SEND("abc");
	EXPECT_ERROR(EAGAIN, read(fd, &info, sizeof(info)));
	SEND_URGENT("X");
	EXPECT_EQ(sizeof(info), (size_t)read(fd, &info, sizeof(info)));
	EXPECT_EQ(SIGURG, (int)info.ssi_signo);
	EXPECT_ERROR(EAGAIN, read(fd, &info, sizeof(info)));
	SEND_URGENT("Y");
	EXPECT_EQ(sizeof(info), (size_t)read(fd, &info, sizeof(info)));
	/* what is the sender's is not the receiver's */
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETOWN, 0));
	ASSERT_EQ(0, fcntl(self->sv[0], F_SETOWN, getpid()));
	SEND_URGENT("Z");
	EXPECT_ERROR(EAGAIN, read(fd, &info, sizeof(info)));
	close(fd);
}

static int poll_until(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

BACKGROUND(pri, poll_until(b->fd, POLLPRI))

TEST_F(oob, who_waits_for_POLLPRI_wakes_for_it_alone)
{
	struct background call = { .fd = self->sv[1] };

	ASSERT_EQ(0, background_pri(&call));
	ASSERT_TRUE(background_sleeps(&call));
	SEND("abc");
	EXPECT_EQ(0, poll_now(self->sv[1], POLLPRI));
	SEND_URGENT("X");
	EXPECT_EQ(POLLPRI, background_end(&call));
	EXPECT_URGENT("X");
	EXPECT_EQ(0, poll_now(self->sv[1], POLLPRI));
}

TEST_F(oob, who_waits_to_read_gets_what_is_before_it)
{
	struct background call = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	SEND_URGENT("abX");
	EXPECT_EQ(2, background_end(&call));
	EXPECT_URGENT("X");
}

TEST_F(oob, who_waits_to_read_waits_on_when_it_comes_alone)
{
	struct background call = { .fd = self->sv[1], .buf = self->buf, .len = 16 };

	ASSERT_EQ(0, background_recv(&call));
	ASSERT_TRUE(background_sleeps(&call));
	SEND_URGENT("X");
	SEND("abc");
	EXPECT_EQ(3, background_end(&call));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
}

/* With only a mark left. */

TEST_F(oob, a_mark_alone_is_readable_and_has_no_bytes)
{
	SEND_URGENT("X");
	EXPECT_URGENT("X");
	EXPECT_STATE(POLLIN, 1, 0);
	EXPECT_EMPTY();
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, behind_a_mark_alone_comes_the_end)
{
	SEND_URGENT("X");
	EXPECT_URGENT("X");
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(oob, before_an_urgent_byte_the_end_does_not_come)
{
	SEND_URGENT("X");
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_URGENT("X");
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(oob, close_with_a_mark_alone_is_the_end_and_no_reset)
{
	SEND_URGENT("X");
	EXPECT_URGENT("X");
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_EQ(0, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(oob, close_with_an_urgent_byte_unread_is_a_reset)
{
	SEND_URGENT("X");
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, 0));
}

TEST_F(oob, close_with_bytes_behind_the_mark_is_a_reset)
{
	SEND_URGENT("X");
	SEND("abc");
	EXPECT_URGENT("X");
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_ERROR(ECONNRESET, recv(self->sv[0], self->buf, 16, 0));
}

/* What is refused, and what is not. */

TEST_F(oob, nothing_is_not_urgent)
{
	EXPECT_ERROR(EOPNOTSUPP, send(self->sv[0], "", 0, MSG_OOB));
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, it_is_read_though_there_is_no_room_for_it)
{
	SEND_URGENT("X");
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 0, MSG_OOB));
	EXPECT_ERROR(EINVAL, recv(self->sv[1], self->buf, 1, MSG_OOB));
}

TEST_F(oob, it_can_be_sent_to_the_end_of_a_full_buffer_only_with_room)
{
	ASSERT_LT(0, send_until_full(self->sv[0]));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "X", 1, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(0, poll_now(self->sv[1], POLLPRI));
	EXPECT_LT(0, recv_until_empty(self->sv[1]));
	SEND_URGENT("X");
	EXPECT_URGENT("X");
}

TEST_F(oob, to_a_closed_peer_it_is_EPIPE)
{
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_ERROR(EPIPE, send(self->sv[0], "X", 1, MSG_OOB | MSG_NOSIGNAL));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "abX", 3, MSG_OOB | MSG_NOSIGNAL));
}

TEST_F(oob, an_urgent_byte_that_cannot_be_copied_out_is_EFAULT)
{
	SEND_URGENT("X");
	EXPECT_ERROR(EFAULT, recv(self->sv[1], (void *)1, 1, MSG_OOB | MSG_PEEK));
	EXPECT_URGENT("X");
}

TEST_F(oob, an_urgent_message_that_cannot_be_copied_in_is_EFAULT)
{
	EXPECT_ERROR(EFAULT, send(self->sv[0], (void *)1, 1, MSG_OOB));
	EXPECT_STATE(0, 0, 0);
}

TEST_F(oob, a_long_message_ends_with_it)
{
	static char out[100001], in[sizeof(out)];

	pattern_fill(out, sizeof(out), 3, 0);
	ASSERT_EQ((ssize_t)sizeof(out), send(self->sv[0], out, sizeof(out), MSG_OOB));
	EXPECT_EQ((int)sizeof(out), unread(self->sv[1]));
	EXPECT_EQ((ssize_t)sizeof(out) - 1, recv(self->sv[1], in, sizeof(in), MSG_WAITALL));
	EXPECT_EQ(-1, pattern_differs(in, sizeof(out) - 1, 3, 0));
	EXPECT_EQ(1, at_mark(self->sv[1]));
	EXPECT_EQ(1, recv(self->sv[1], in, 1, MSG_OOB));
	EXPECT_EQ(out[sizeof(out) - 1], in[0]);
}

TEST_F(oob, descriptors_of_an_urgent_message_come_with_its_first_byte)
{
	int fd = STDERR_FILENO;
	struct beside b;

	ASSERT_EQ(3, send_beside(self->sv[0], "abX", 3, MSG_OOB, &fd, 1, NULL));
	EXPECT_EQ(2, recv_beside(self->sv[1], self->buf, 16, 0, &b));
	EXPECT_EQ(1, b.nr_fds);
	close_fds(&b);
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, MSG_OOB, &b));
	EXPECT_EQ(0, b.nr_fds);
}

TEST_F(oob, descriptors_of_an_urgent_byte_thrown_away_are_closed)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(1, send_beside(self->sv[0], "X", 1, MSG_OOB, &p[1], 1, NULL));
	close(p[1]);
	EXPECT_EQ(0, poll_now(p[0], POLLIN));
	EXPECT_EMPTY();
	EXPECT_EQ(POLLHUP, poll_now(p[0], POLLIN));
	close(p[0]);
}

TEST_F(oob, splice_stops_before_it_and_goes_on_behind_it)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	SEND_URGENT("abX");
	SEND("cd");
	EXPECT_EQ(2, splice(self->sv[1], NULL, p[1], NULL, 16, SPLICE_F_NONBLOCK));
	EXPECT_EQ(1, at_mark(self->sv[1]));
	EXPECT_EQ(2, splice(self->sv[1], NULL, p[1], NULL, 16, SPLICE_F_NONBLOCK));
	EXPECT_EQ(4, read(p[0], self->buf, 16));
	EXPECT_EQ(0, memcmp("abcd", self->buf, 4));
	close(p[0]);
	close(p[1]);
}

/* Records have none. */

FIXTURE(oob_record) {
	int sv[2];
	char buf[64];
};

FIXTURE_VARIANT(oob_record) {
	enum family family;
	int type;
};

VARIANTS_RECORD(oob_record);

FIXTURE_SETUP(oob_record)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
}

FIXTURE_TEARDOWN(oob_record)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(oob_record, records_have_none)
{
	EXPECT_ERROR(EOPNOTSUPP, send(self->sv[0], "X", 1, MSG_OOB));
	EXPECT_ERROR(EOPNOTSUPP, send(self->sv[0], "", 0, MSG_OOB));
	EXPECT_ERROR(EOPNOTSUPP, recv(self->sv[1], self->buf, 16, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(1, send(self->sv[0], "x", 1, 0));
	EXPECT_ERROR(EOPNOTSUPP, recv(self->sv[1], self->buf, 16, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(oob_record, records_have_no_mark)
{
	int value;

	if (variant->family == FAMILY_UNIX && !kernel_is_at_least(7, 2))
		SKIP(return, "AF_UNIX did not always say so");
	EXPECT_ERROR(EOPNOTSUPP, ioctl(self->sv[1], SIOCATMARK, &value));
}

/*
 * Side by side: whatever is done at random with a stream of each family has the
 * same result. What is unread is not compared: see EXPECT_STATE().
 */
#define ROUNDS		300
#define TURNS		40

struct result {
	long value;
	int error, events, mark, flags;
	char data[32];
};

static void one_turn(int sv[2], unsigned int what, unsigned int how, struct result *r)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyz";
	struct beside b = { 0 };
	size_t len = 1 + how % 5;

	memset(r, 0, sizeof(*r));
	errno = 0;
	switch (what % 16) {
	case 0 ... 3:
		r->value = send(sv[0], bytes + how % 20, len, MSG_DONTWAIT);
		break;
	case 4 ... 6:
		r->value = send(sv[0], bytes + how % 20, len % 3 + 1,
				MSG_DONTWAIT | MSG_OOB);
		break;
	case 7 ... 8:
		r->value = recv_beside(sv[1], r->data, len, MSG_OOB, &b);
		break;
	case 9:
		r->value = recv_beside(sv[1], r->data, len, MSG_OOB | MSG_PEEK, &b);
		break;
	case 10 ... 11:
		r->value = recv_beside(sv[1], r->data, len, MSG_PEEK, &b);
		break;
	case 12:
		r->value = set_number(sv[1], SO_OOBINLINE, how % 2);
		break;
	default:
		r->value = recv_beside(sv[1], r->data, len, 0, &b);
	}
	r->flags = b.flags & MSG_OOB;
	r->error = r->value < 0 ? errno : 0;
	r->events = poll_now(sv[1], POLLIN | POLLPRI);
	r->mark = at_mark(sv[1]);
}

#define LOG_RESULT(family, r)							\
	TH_LOG(family ": %ld '%s' errno %d events %x mark %d",			\
	       (r)->value, (r)->data, (r)->error, (r)->events, (r)->mark)

TEST(any_turn_has_the_result_it_has_on_AF_UNIX)
{
	unsigned int seed = test_seed(1), round, turn, what, how;
	struct result demo, un;
	int d[2], u[2];
	char c;

	NEED_FAMILY(FAMILY_DEMO);
	if (!kernel_is_at_least(7, 2))
		SKIP(return, "AF_UNIX has this since 7.2: " UNIX_OOB);
	for (round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), SOCK_STREAM, 0, d));
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, u));
		for (turn = 0; turn < TURNS; turn++) {
			seed = seed * 1664525 + 1013904223;
			what = seed >> 24;
			how = seed >> 8;
			one_turn(d, what, how, &demo);
			one_turn(u, what, how, &un);
			if (!memcmp(&demo, &un, sizeof(un)))
				continue;
			TH_LOG("round %u, turn %u, call %u", round, turn, what % 16);
			LOG_RESULT("AF_DEMO", &demo);
			LOG_RESULT("AF_UNIX", &un);
			ASSERT_TRUE(false);
		}
		/* and so have its ends */
		close(d[1]);
		close(u[1]);
		demo.value = recv(d[0], &c, 1, MSG_DONTWAIT);
		demo.error = demo.value ? errno : 0;
		un.value = recv(u[0], &c, 1, MSG_DONTWAIT);
		un.error = un.value ? errno : 0;
		EXPECT_EQ(un.value, demo.value);
		ASSERT_EQ(un.error, demo.error);
		close(d[0]);
		close(u[0]);
	}
}

TEST_HARNESS_MAIN
