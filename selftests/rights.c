// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors beside the data, SCM_RIGHTS: what arrives, with which data, and
 * that every one that does not arrive is closed.
 *
 * Whether a descriptor is closed is seen at a pipe: its write end goes into a
 * message, the process closes its own, and at the read end there is a writer as
 * long as the message keeps one.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/filter.h>

#include "demo_test.h"

/* Two sockets that are connected, and a pipe. */
#define FIXTURE_RIGHTS(fixture, VARIANTS)					\
	FIXTURE(fixture) {							\
		int sv[2];							\
		int in, out;							\
		struct beside b;						\
		char buf[64];							\
	};									\
	FIXTURE_VARIANT(fixture) {						\
		enum family family;						\
		int type;							\
	};									\
	VARIANTS(fixture);							\
	FIXTURE_SETUP(fixture)							\
	{									\
		NEED_FAMILY(variant->family);					\
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1,	\
					    self->sv));				\
		ASSERT_EQ(0, make_pipe(&self->out, &self->in));			\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		close(self->sv[0]);						\
		close(self->sv[1]);						\
		close(self->out);						\
		close(self->in);						\
	}

static int make_pipe(int *out, int *in)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -1;
	*out = p[0];
	*in = p[1];
	return 0;
}

FIXTURE_RIGHTS(rights, VARIANTS_ALL)

/* Does anything keep a write end? To be asked when our own is closed. */
static bool somebody_has(int out)
{
	return !(poll_now(out, POLLIN) & POLLHUP);
}

/* A message with the only write end that there is. */
#define SEND_THE_PIPE(sock, text)						\
do {										\
	ASSERT_EQ((ssize_t)strlen(text),					\
		  send_beside(sock, text, strlen(text), 0, &self->in, 1, NULL)); \
	close(self->in);							\
	self->in = -1;								\
	EXPECT_TRUE(somebody_has(self->out));					\
} while (0)

TEST_F(rights, any_descriptor_arrives_as_a_new_one_of_the_same_file)
{
	int fds[] = {
		self->in,
		self->out,
		open("/proc/self/stat", O_RDONLY),
		open("/", O_PATH),
		open("/proc", O_RDONLY | O_DIRECTORY),
		eventfd(0, 0),
		epoll_create1(0),
		socket(AF_INET, SOCK_DGRAM, 0),
	};
	int i, n = ARRAY_SIZE(fds);

	if (fds[n - 1] < 0)
		n--;			/* a kernel without AF_INET */
	for (i = 0; i < n; i++)
		ASSERT_LE(0, fds[i]);
	EXPECT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, n, NULL));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.flags & MSG_CTRUNC);
	ASSERT_EQ(n, self->b.nr_fds);
	for (i = 0; i < n; i++) {
		EXPECT_NE(fds[i], self->b.fds[i]);
		EXPECT_TRUE(same_file(fds[i], self->b.fds[i]));
	}
	EXPECT_EQ(1, write(self->b.fds[0], "y", 1));
	EXPECT_EQ(1, read(self->out, self->buf, 16));
	close_fds(&self->b);
	for (i = 2; i < n; i++)
		close(fds[i]);
}

TEST_F(rights, a_socket_of_another_pair_can_be_sent_and_used)
{
	int other[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, other));
	EXPECT_EQ(0, send_fd(self->sv[0], other[1]));
	close(other[1]);
	EXPECT_EQ(3, send(other[0], "abc", 3, 0));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	ASSERT_EQ(1, self->b.nr_fds);
	EXPECT_EQ(3, recv(self->b.fds[0], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
	close(other[0]);
	close_fds(&self->b);
}

TEST_F(rights, as_many_as_253_arrive_in_their_order)
{
	int fds[MAX_FDS], i;

	for (i = 0; i < MAX_FDS; i++)
		fds[i] = i % 3 ? self->in : self->out;
	EXPECT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, MAX_FDS, NULL));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.flags & MSG_CTRUNC);
	ASSERT_EQ(MAX_FDS, self->b.nr_fds);
	for (i = 0; i < MAX_FDS; i++)
		EXPECT_TRUE(same_file(fds[i], self->b.fds[i]));
	close_fds(&self->b);
}

TEST_F(rights, one_more_is_EINVAL)
{
	int fds[MAX_FDS + 1], i, before = count_fds();

	for (i = 0; i <= MAX_FDS; i++)
		fds[i] = self->in;
	EXPECT_ERROR(EINVAL, send_beside(self->sv[0], "x", 1, 0, fds, MAX_FDS + 1, NULL));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(before, count_fds());
}

TEST_F(rights, one_that_is_not_open_is_EBADF_and_none_is_kept)
{
	int fds[] = { self->in, 12345 };

	EXPECT_ERROR(EBADF, send_beside(self->sv[0], "x", 1, 0, fds, 2, NULL));
	fds[1] = -1;
	EXPECT_ERROR(EBADF, send_beside(self->sv[0], "x", 1, 0, fds, 2, NULL));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(rights, an_io_uring_instance_is_EINVAL)
{
	struct { unsigned int words[30]; } params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);

	if (ring < 0)
		SKIP(return, "io_uring_setup: %s", strerror(errno));
	EXPECT_EQ(EINVAL, send_fd(self->sv[0], ring));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	close(ring);
}

TEST_F(rights, MSG_CMSG_CLOEXEC_says_whether_they_are_closed_by_exec)
{
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, send_fd(self->sv[0], self->in));
		EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16,
					 i ? MSG_CMSG_CLOEXEC : 0, &self->b));
		ASSERT_EQ(1, self->b.nr_fds);
		EXPECT_EQ(i ? FD_CLOEXEC : 0, fcntl(self->b.fds[0], F_GETFD));
		close_fds(&self->b);
	}
}

TEST_F(rights, without_room_for_all_there_is_MSG_CTRUNC_and_the_rest_is_closed)
{
	int fds[] = { self->out, self->out, self->in };

	EXPECT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, 3, NULL));
	close(self->in);
	self->in = -1;
	EXPECT_TRUE(somebody_has(self->out));
	EXPECT_EQ(1, recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b,
				      CMSG_LEN(2 * sizeof(int))));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_EQ(2, self->b.nr_fds);
	EXPECT_FALSE(somebody_has(self->out));
	close_fds(&self->b);
}

TEST_F(rights, without_room_for_any_there_is_MSG_CTRUNC_and_all_are_closed)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b, CMSG_LEN(0)));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_EQ(0, self->b.nr_fds);
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, without_a_buffer_there_is_MSG_CTRUNC_and_all_are_closed)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b, 0));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, read_closes_them)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_EQ(3, read(self->sv[1], self->buf, 16));
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, a_process_that_may_have_no_more_gets_what_it_may_and_MSG_CTRUNC)
{
	int fds[] = { self->out, self->out, self->in };
	struct rlimit limit;

	EXPECT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, 3, NULL));
	close(self->in);
	self->in = -1;
	/* the lowest number that is free, and one more */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = dup(self->out);
	close(limit.rlim_cur);
	limit.rlim_cur++;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_EQ(1, self->b.nr_fds);
	EXPECT_FALSE(somebody_has(self->out));
	close_fds(&self->b);
}

TEST_F(rights, MSG_PEEK_gives_new_ones_and_the_message_has_its_own_still)
{
	int i;

	SEND_THE_PIPE(self->sv[0], "abc");
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, MSG_PEEK, &self->b));
		ASSERT_EQ(1, self->b.nr_fds);
		EXPECT_EQ(1, write(self->b.fds[0], "y", 1));
		close_fds(&self->b);
		EXPECT_EQ(1, read(self->out, self->buf, 16));
		EXPECT_TRUE(somebody_has(self->out));
	}
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	EXPECT_TRUE(somebody_has(self->out));
	close_fds(&self->b);
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, MSG_PEEK_without_a_buffer_leaves_them_to_the_message)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 16, MSG_PEEK, &self->b, 0));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_TRUE(somebody_has(self->out));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
}

TEST_F(rights, a_child_that_receives_one_can_use_it)
{
	pid_t pid = fork_child();

	if (!pid) {
		close(self->in);
		close(self->out);
		if (recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b,
				     sizeof(union control)) != 1 ||
		    self->b.nr_fds != 1)
			_exit(1);
		_exit(write(self->b.fds[0], "hello", 5) != 5);
	}
	EXPECT_EQ(0, send_fd(self->sv[0], self->in));
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(5, read(self->out, self->buf, 16));
}

/* What is thrown away. */

TEST_F(rights, close_of_the_receiver_closes_them)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, close_of_the_sender_leaves_them_to_the_receiver)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_TRUE(somebody_has(self->out));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, close_of_both_closes_them)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	close(self->sv[0]);
	close(self->sv[1]);
	self->sv[0] = -1;
	self->sv[1] = -1;
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, the_death_of_the_receiver_closes_them)
{
	pid_t pid;

	ASSERT_EQ(0, send_fd(self->sv[0], self->in));
	pid = fork_child();
	if (!pid)
		for (;;)
			pause();
	close(self->in);
	self->in = -1;
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_TRUE(somebody_has(self->out));
	kill(pid, SIGKILL);
	EXPECT_EQ(-1, child_exit(pid));
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, a_message_that_its_receiver_refuses_keeps_none)
{
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_EQ(EPIPE, send_fd(self->sv[0], self->in));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, a_message_to_a_closed_receiver_keeps_none)
{
	close(self->sv[1]);
	self->sv[1] = -1;
	EXPECT_EQ(variant->type == SOCK_DGRAM ? ECONNREFUSED : EPIPE,
		  send_fd(self->sv[0], self->in));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, a_message_without_room_keeps_none)
{
	ASSERT_LT(0, send_until_full(self->sv[0]));
	EXPECT_EQ(EAGAIN, send_fd(self->sv[0], self->in));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
	EXPECT_LT(0, recv_until_empty(self->sv[1]));
}

TEST_F(rights, a_message_that_cannot_be_copied_in_keeps_none)
{
	EXPECT_ERROR(EFAULT, send_beside(self->sv[0], (void *)1, 3, 0, &self->in, 1, NULL));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(rights, a_record_that_cannot_be_copied_out_is_gone_with_them_bytes_are_not)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_ERROR(EFAULT, recv_beside(self->sv[1], (void *)1, 3, 0, &self->b));
	if (variant->type != SOCK_STREAM) {
		EXPECT_FALSE(somebody_has(self->out));
		return;
	}
	EXPECT_TRUE(somebody_has(self->out));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
}

TEST_F(rights, where_they_cannot_be_told_they_are_closed)
{
	struct iovec iov = { self->buf, 16 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = (void *)8, .msg_controllen = 64 };
	int before;

	SEND_THE_PIPE(self->sv[0], "abc");
	before = count_fds();
	EXPECT_EQ(3, recvmsg(self->sv[1], &msg, 0));
	EXPECT_EQ(before, count_fds());
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights, shutdown_of_both_ends_leaves_what_was_sent)
{
	SEND_THE_PIPE(self->sv[0], "abc");
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_RDWR));
	EXPECT_TRUE(somebody_has(self->out));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
}

TEST_F(rights, each_message_has_its_own)
{
	int i, n;

	for (i = 1; i <= 5; i++) {
		int fds[5] = { self->in, self->in, self->in, self->in, self->in };

		ASSERT_EQ(1, send_beside(self->sv[0], "x", 1, 0, fds, i, NULL));
	}
	for (n = 1; n <= 5; n++) {
		EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
		EXPECT_EQ(n, self->b.nr_fds);
		close_fds(&self->b);
	}
}

FIXTURE(rights_foreign) {
	int sv[2];
};

FIXTURE_VARIANT(rights_foreign) {
	enum family family;
	int type;
};

VARIANTS_DEMO(rights_foreign);

FIXTURE_SETUP(rights_foreign)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, self->sv));
}

FIXTURE_TEARDOWN(rights_foreign)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(rights_foreign, an_AF_UNIX_socket_is_EINVAL)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	unsigned int i;
	char c;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int fds[] = { self->sv[0], socket(AF_UNIX, types[i], 0) };

		ASSERT_LE(0, fds[1]);
		EXPECT_ERROR(EINVAL, send_beside(self->sv[0], "x", 1, 0, fds, 2, NULL));
		EXPECT_ERROR(EAGAIN, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
		close(fds[1]);
	}
}

TEST_F(rights_foreign, over_AF_UNIX_it_can_be_sent_with_what_it_keeps)
{
	struct beside b;
	int un[2], p[2];
	char c;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, send_fd(self->sv[0], p[1]));
	ASSERT_EQ(0, send_fd(un[0], self->sv[1]));
	close(p[1]);
	close(self->sv[1]);
	EXPECT_TRUE(somebody_has(p[0]));
	ASSERT_EQ(1, recv_beside(un[1], &c, 1, 0, &b));
	ASSERT_EQ(1, b.nr_fds);
	self->sv[1] = b.fds[0];
	EXPECT_EQ(1, recv_beside(self->sv[1], &c, 1, 0, &b));
	ASSERT_EQ(1, b.nr_fds);
	close_fds(&b);
	/* and when nobody receives it, all is closed */
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, send_fd(self->sv[0], p[1]));
	ASSERT_EQ(0, send_fd(un[0], self->sv[1]));
	close(p[1]);
	close(self->sv[1]);
	self->sv[1] = -1;
	close(un[0]);
	close(un[1]);
	EXPECT_FALSE(somebody_has(p[0]));
	close(p[0]);
}

/* Bytes: a read stops behind descriptors. */

FIXTURE_RIGHTS(rights_stream, VARIANTS_STREAM)

static ssize_t send_with(int sock, const char *text, int fd)
{
	return send_beside(sock, text, strlen(text), 0, &fd, 1, NULL);
}

/* The next read gives this text, and so many descriptors. */
#define EXPECT_READ(text, want_fds, flags)					\
do {										\
	EXPECT_EQ((ssize_t)strlen(text),					\
		  recv_beside(self->sv[1], self->buf, sizeof(self->buf), flags,	\
			      &self->b));					\
	EXPECT_EQ(0, memcmp(text, self->buf, strlen(text)));			\
	EXPECT_EQ(want_fds, self->b.nr_fds);					\
	close_fds(&self->b);							\
} while (0)

TEST_F(rights_stream, a_read_goes_up_to_the_end_of_what_came_with_them)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, send_with(self->sv[0], "def", self->in));
	EXPECT_EQ(3, send(self->sv[0], "ghi", 3, 0));
	EXPECT_READ("abcdef", 1, 0);
	EXPECT_READ("ghi", 0, 0);
}

TEST_F(rights_stream, those_of_two_writes_are_not_read_as_one)
{
	EXPECT_EQ(3, send_with(self->sv[0], "abc", self->in));
	EXPECT_EQ(3, send_with(self->sv[0], "def", self->out));
	EXPECT_READ("abc", 1, 0);
	EXPECT_READ("def", 1, 0);
}

TEST_F(rights_stream, MSG_PEEK_stops_there_too)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, send_with(self->sv[0], "def", self->in));
	EXPECT_EQ(3, send(self->sv[0], "ghi", 3, 0));
	EXPECT_READ("abcdef", 1, MSG_PEEK);
	EXPECT_READ("abcdef", 1, MSG_PEEK);
	EXPECT_READ("abcdef", 1, 0);
	EXPECT_READ("ghi", 0, MSG_PEEK);
	EXPECT_READ("ghi", 0, 0);
}

TEST_F(rights_stream, MSG_WAITALL_stops_there_too)
{
	EXPECT_EQ(3, send_with(self->sv[0], "abc", self->in));
	EXPECT_EQ(3, send(self->sv[0], "def", 3, 0));
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 6, MSG_WAITALL, &self->b,
				      sizeof(union control)));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_READ("def", 0, 0);
}

TEST_F(rights_stream, the_first_byte_brings_them_and_the_others_are_ordinary)
{
	EXPECT_EQ(3, send_with(self->sv[0], "abc", self->in));
	EXPECT_EQ(3, send(self->sv[0], "def", 3, 0));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 1, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_READ("bcdef", 0, 0);
}

TEST_F(rights_stream, a_read_that_does_not_reach_them_does_not_bring_them)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, send_with(self->sv[0], "def", self->in));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 3, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_fds);
	EXPECT_READ("def", 1, 0);
}

TEST_F(rights_stream, of_a_long_write_the_first_read_brings_them)
{
	static char out[150000], in[150000];
	ssize_t n, done;

	pattern_fill(out, sizeof(out), 1, 0);
	ASSERT_EQ((ssize_t)sizeof(out),
		  send_beside(self->sv[0], out, sizeof(out), 0, &self->in, 1, NULL));
	done = recv_beside(self->sv[1], in, sizeof(in), 0, &self->b);
	EXPECT_LT(0, done);
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	while (done < (ssize_t)sizeof(in)) {
		n = recv_beside(self->sv[1], in + done, sizeof(in) - done, 0, &self->b);
		ASSERT_LT(0, n);
		EXPECT_EQ(0, self->b.nr_fds);
		done += n;
	}
	EXPECT_EQ(-1, pattern_differs(in, sizeof(in), 1, 0));
}

TEST_F(rights_stream, a_write_of_nothing_sends_none)
{
	EXPECT_EQ(0, send_beside(self->sv[0], "", 0, 0, &self->in, 1, NULL));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(rights_stream, a_read_of_nothing_brings_none)
{
	EXPECT_EQ(3, send_with(self->sv[0], "abc", self->in));
	close(self->in);
	self->in = -1;
	EXPECT_EQ(0, recv_beside(self->sv[1], self->buf, 0, 0, &self->b));
	EXPECT_TRUE(self->b.nr_fds || somebody_has(self->out));
	close_fds(&self->b);
}

TEST_F(rights_stream, splice_closes_them_and_moves_the_bytes)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	SEND_THE_PIPE(self->sv[0], "abc");
	EXPECT_EQ(3, splice(self->sv[1], NULL, p[1], NULL, 16, 0));
	EXPECT_FALSE(somebody_has(self->out));
	EXPECT_EQ(3, read(p[0], self->buf, 16));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
	close(p[0]);
	close(p[1]);
}

/* Records. */

FIXTURE_RIGHTS(rights_record, VARIANTS_RECORD)

TEST_F(rights_record, a_record_of_no_bytes_brings_them)
{
	EXPECT_EQ(0, send_beside(self->sv[0], "", 0, 0, &self->in, 1, NULL));
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN));
	EXPECT_EQ(0, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(rights_record, a_record_read_in_part_brings_all_of_them)
{
	int fds[] = { self->in, self->out };

	EXPECT_EQ(5, send_beside(self->sv[0], "abcde", 5, 0, fds, 2, NULL));
	EXPECT_EQ(2, recv_beside(self->sv[1], self->buf, 2, 0, &self->b));
	EXPECT_EQ(MSG_TRUNC, self->b.flags & (MSG_TRUNC | MSG_CTRUNC));
	EXPECT_EQ(2, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(rights_record, a_record_that_a_filter_drops_keeps_none)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &drop };

	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
				sizeof(program)));
	EXPECT_EQ(0, send_fd(self->sv[0], self->in));
	close(self->in);
	self->in = -1;
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights_record, a_record_that_a_filter_trims_brings_all_of_them)
{
	struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, 1);
	struct sock_fprog program = { .len = 1, .filter = &keep };

	ASSERT_EQ(0, setsockopt(self->sv[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
				sizeof(program)));
	EXPECT_EQ(3, send_beside(self->sv[0], "abc", 3, 0, &self->in, 1, NULL));
	EXPECT_EQ(1, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
}

TEST_F(rights_record, too_long_a_record_keeps_none)
{
	static char buf[1 << 20];

	ASSERT_EQ(0, set_number(self->sv[0], SO_SNDBUF, 4608));
	EXPECT_ERROR(EMSGSIZE, send_beside(self->sv[0], buf, sizeof(buf), 0, &self->in, 1,
					   NULL));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
}

FIXTURE_RIGHTS(rights_dgram, VARIANTS_DGRAM)

TEST_F(rights_dgram, disconnect_closes_what_waited)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	SEND_THE_PIPE(self->sv[0], "abc");
	ASSERT_EQ(0, connect(self->sv[1], &none, sizeof(none)));
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights_dgram, connect_to_another_closes_what_waited)
{
	struct address other = address(variant->family, 9);
	int fd = bound_socket(variant->family, variant->type, 9);

	ASSERT_LE(0, fd);
	SEND_THE_PIPE(self->sv[0], "abc");
	ASSERT_EQ(0, connect_to(self->sv[1], &other));
	EXPECT_FALSE(somebody_has(self->out));
	close(fd);
}

TEST_F(rights_dgram, to_an_address_where_nobody_is_keeps_none)
{
	struct address nobody = address(variant->family, 9);
	union control control = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_name = &nobody.sa, .msg_namelen = nobody.len,
			      .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(sizeof(int)) };

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &self->in, sizeof(int));
	EXPECT_ERROR(ECONNREFUSED, sendmsg(self->sv[0], &msg, 0));
	close(self->in);
	EXPECT_FALSE(somebody_has(self->out));
}

/* Connections that wait for accept(). */

FIXTURE(rights_pending) {
	int listener, client;
	int in, out;
	struct beside b;
	char buf[64];
};

FIXTURE_VARIANT(rights_pending) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(rights_pending);

FIXTURE_SETUP(rights_pending)
{
	NEED_FAMILY(variant->family);
	self->listener = listening_socket(variant->family, variant->type, 1, 8);
	self->client = connected_socket(variant->family, variant->type, 1);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, make_pipe(&self->out, &self->in));
}

FIXTURE_TEARDOWN(rights_pending)
{
	close(self->listener);
	close(self->client);
	close(self->out);
	close(self->in);
}

TEST_F(rights_pending, what_is_sent_before_accept_arrives)
{
	int fd;

	SEND_THE_PIPE(self->client, "abc");
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, recv_beside(fd, self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_FALSE(somebody_has(self->out));
	close(fd);
}

TEST_F(rights_pending, close_of_the_listener_closes_them)
{
	SEND_THE_PIPE(self->client, "abc");
	close(self->listener);
	self->listener = -1;
	EXPECT_FALSE(somebody_has(self->out));
}

TEST_F(rights_pending, close_of_the_client_leaves_them_to_accept)
{
	int fd;

	SEND_THE_PIPE(self->client, "abc");
	close(self->client);
	self->client = -1;
	EXPECT_TRUE(somebody_has(self->out));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, recv_beside(fd, self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	close(fd);
}

TEST_HARNESS_MAIN
