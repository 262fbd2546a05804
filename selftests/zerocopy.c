// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSG_ZEROCOPY on streams: the reader copies from the writer's own pages, and
 * the writer is told on its error queue when they are its own again. AF_UNIX has
 * nothing like it.
 */
#include <time.h>

#include <linux/errqueue.h>
#include <sys/resource.h>
#include <sys/mman.h>

#include "demo_test.h"

#define LARGE		((ssize_t)65536)
#define SOMEBODY	54321		/* an unprivileged user without processes */

/* A notice tells of the sends from @first to @last; @copied: not pinned. */
struct notice {
	int first, last;
	bool copied;
};

FIXTURE(zerocopy) {
	int sv[2];
	unsigned char *data, *got;
};

FIXTURE_SETUP(zerocopy)
{
	int one = 1;

	NEED_FAMILY(FAMILY_DEMO);
	ASSERT_EQ(0, connected_pair(FAMILY_DEMO, SOCK_STREAM, 1, self->sv));
	ASSERT_EQ(0, setsockopt(self->sv[0], SOL_DEMO, DEMO_ZEROCOPY, &one,
				sizeof(one)));
	self->data = aligned_alloc(4096, LARGE);
	self->got = malloc(LARGE);
	ASSERT_NE(NULL, self->data);
	ASSERT_NE(NULL, self->got);
	pattern_fill(self->data, LARGE, 1, 0);
}

FIXTURE_TEARDOWN(zerocopy)
{
	close(self->sv[0]);
	close(self->sv[1]);
	free(self->data);
	free(self->got);
}

/* The next notice. -1 with errno set, which is 0 when it is no notice. */
static int read_notice(int fd, struct notice *notice)
{
	union control control;
	struct msghdr msg = { .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *cmsg = &control.align;
	struct sock_extended_err err;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE))
		return -1;
	errno = 0;
	if (cmsg->cmsg_level != SOL_DEMO || cmsg->cmsg_type != DEMO_RECVERR ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(err)) || !(msg.msg_flags & MSG_ERRQUEUE))
		return -1;
	memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
	if (err.ee_origin != SO_EE_ORIGIN_ZEROCOPY || err.ee_errno)
		return -1;
	notice->first = err.ee_info;
	notice->last = err.ee_data;
	notice->copied = err.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return 0;
}

#define EXPECT_NOTICE(fd, from, to, was_copied)					\
do {										\
	struct notice notice;							\
										\
	ASSERT_EQ(0, read_notice(fd, &notice));					\
	EXPECT_EQ(from, notice.first);						\
	EXPECT_EQ(to, notice.last);						\
	EXPECT_EQ(was_copied, notice.copied);					\
} while (0)

#define EXPECT_NO_NOTICE(fd)							\
do {										\
	struct notice notice;							\
										\
	EXPECT_EQ(-1, read_notice(fd, &notice));				\
	EXPECT_EQ(EAGAIN, errno);						\
} while (0)

#define EXPECT_ALL_READ()							\
do {										\
	ASSERT_EQ(LARGE, (ssize_t)read_all(self->sv[1], self->got, LARGE));		\
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE, 1, 0));			\
} while (0)

static ssize_t send_pinned(int fd, const void *buf, size_t len)
{
	return send(fd, buf, len, MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL);
}

TEST_F(zerocopy, the_notice_comes_when_the_last_byte_was_read)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	EXPECT_NO_NOTICE(self->sv[0]);
	ASSERT_EQ(LARGE - 1, (ssize_t)read_all(self->sv[1], self->got, LARGE - 1));
	EXPECT_NO_NOTICE(self->sv[0]);
	EXPECT_EQ(0, poll_now(self->sv[0], 0));
	ASSERT_EQ(1, (ssize_t)read_all(self->sv[1], self->got + LARGE - 1, 1));
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE, 1, 0));
	EXPECT_EQ(POLLERR, poll_now(self->sv[0], 0));
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
	EXPECT_NO_NOTICE(self->sv[0]);
	EXPECT_EQ(0, poll_now(self->sv[0], 0));
	EXPECT_EQ(0, unsent(self->sv[0]));
}

TEST_F(zerocopy, what_is_sent_is_not_a_copy)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	pattern_fill(self->data, LARGE, 2, 0);
	ASSERT_EQ(LARGE, (ssize_t)read_all(self->sv[1], self->got, LARGE));
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE, 2, 0));
}

TEST_F(zerocopy, without_opting_in_it_is_a_copy_and_there_is_no_notice)
{
	int zero = 0;

	ASSERT_EQ(0, setsockopt(self->sv[0], SOL_DEMO, DEMO_ZEROCOPY, &zero,
				sizeof(zero)));
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	pattern_fill(self->data, LARGE, 2, 0);
	EXPECT_ALL_READ();
	EXPECT_NO_NOTICE(self->sv[0]);
}

TEST_F(zerocopy, a_small_send_is_a_copy_and_the_notice_says_so)
{
	ASSERT_EQ(100, send_pinned(self->sv[0], self->data, 100));
	EXPECT_NOTICE(self->sv[0], 0, 0, true);
	self->data[0]++;
	ASSERT_EQ(100, (ssize_t)read_all(self->sv[1], self->got, 100));
	EXPECT_EQ(-1, pattern_differs(self->got, 100, 1, 0));
}

TEST_F(zerocopy, sends_are_counted_and_a_notice_may_be_of_several)
{
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(LARGE / 2, send_pinned(self->sv[0], self->data, LARGE / 2));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(LARGE / 2, (ssize_t)read_all(self->sv[1], self->got, LARGE / 2));
	EXPECT_NOTICE(self->sv[0], 0, 2, false);
	EXPECT_NO_NOTICE(self->sv[0]);
}

TEST_F(zerocopy, a_send_that_fails_does_not_count)
{
	unsigned char *bad = (void *)4096;
	int i = 0;

	EXPECT_EQ(-1, send_pinned(self->sv[0], bad, LARGE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, unsent(self->sv[0]));
	while (send_pinned(self->sv[0], self->data, LARGE) > 0)
		i++;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(1, i);
	recv_until_empty(self->sv[1]);
	EXPECT_NOTICE(self->sv[0], 0, i - 1, false);
	ASSERT_EQ(100, send_pinned(self->sv[0], self->data, 100));
	EXPECT_NOTICE(self->sv[0], i, i, true);
}

TEST_F(zerocopy, a_fault_half_way_leaves_what_was_sent_before_it)
{
	unsigned char *map = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + LARGE, LARGE));
	pattern_fill(map, LARGE, 1, 0);
	EXPECT_EQ(LARGE, send_pinned(self->sv[0], map, 2 * LARGE));
	EXPECT_EQ(LARGE, unread(self->sv[1]));
	EXPECT_ALL_READ();
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
	munmap(map, LARGE);
}

/* Huge pages are few fragments, however much is in them. */
TEST_F(zerocopy, huge_pages_fill_the_send_buffer_like_others)
{
	ssize_t len = 4 << 20;
	unsigned char *map = mmap(NULL, 2 * len, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t sent;

	ASSERT_NE(MAP_FAILED, map);
	madvise(map, 2 * len, MADV_HUGEPAGE);
	memset(map, 1, 2 * len);
	sent = send_pinned(self->sv[0], (void *)(((uintptr_t)map + (2 << 20)) &
						 ~((2ul << 20) - 1)), len);
	EXPECT_LT(0, sent);
	/* It may go over by one buffer. */
	EXPECT_GT(2 * get_number(self->sv[0], SO_SNDBUF), unsent(self->sv[0]));
	recv_until_empty(self->sv[1]);
	EXPECT_EQ(0, unsent(self->sv[0]));
	munmap(map, 2 * len);
}

TEST_F(zerocopy, splice_copies_what_the_writer_may_change)
{
	int pipe_fd[2];

	ASSERT_EQ(0, pipe(pipe_fd));
	ASSERT_EQ(LARGE, fcntl(pipe_fd[1], F_SETPIPE_SZ, LARGE));
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	ASSERT_EQ(8192, splice(self->sv[1], NULL, pipe_fd[1], NULL, 8192, 0));
	pattern_fill(self->data, 8192, 2, 0);
	ASSERT_EQ(8192, (ssize_t)read_all(pipe_fd[0], self->got, 8192));
	EXPECT_EQ(-1, pattern_differs(self->got, 8192, 1, 0));
	ASSERT_EQ(LARGE - 8192, (ssize_t)read_all(self->sv[1], self->got, LARGE - 8192));
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE - 8192, 1, 8192));
	EXPECT_NOTICE(self->sv[0], 0, 0, true);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

TEST_F(zerocopy, MSG_PEEK_does_not_end_it)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	EXPECT_EQ(LARGE, recv(self->sv[1], self->got, LARGE, MSG_PEEK));
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE, 1, 0));
	EXPECT_NO_NOTICE(self->sv[0]);
	EXPECT_ALL_READ();
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
}

TEST_F(zerocopy, a_reader_that_closes_gives_the_pages_back)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	close(self->sv[1]);
	EXPECT_EQ(ECONNRESET, get_number(self->sv[0], SO_ERROR));
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
	EXPECT_EQ(-1, send_pinned(self->sv[0], self->data, LARGE));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_NO_NOTICE(self->sv[0]);
}

TEST_F(zerocopy, a_writer_that_closes_leaves_what_it_sent)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	close(self->sv[0]);
	EXPECT_ALL_READ();
	EXPECT_EQ(0, read(self->sv[1], self->got, 1));
}

TEST_F(zerocopy, a_notice_not_read_goes_with_its_socket)
{
	ASSERT_EQ(LARGE, send_pinned(self->sv[0], self->data, LARGE));
	EXPECT_ALL_READ();
	EXPECT_EQ(POLLERR, poll_now(self->sv[0], 0));
}

TEST_F(zerocopy, small_writes_stay_behind_it_and_before_it)
{
	ASSERT_EQ(10, send(self->sv[0], self->data, 10, 0));
	ASSERT_EQ(LARGE - 20, send_pinned(self->sv[0], self->data + 10, LARGE - 20));
	ASSERT_EQ(10, send(self->sv[0], self->data + LARGE - 10, 10, 0));
	EXPECT_EQ(LARGE, unread(self->sv[1]));
	EXPECT_ALL_READ();
}

TEST_F(zerocopy, a_send_waits_for_room)
{
	ssize_t len = 16 * LARGE;
	struct background b = { .fd = self->sv[0], .len = len,
				.flags = MSG_ZEROCOPY };
	unsigned char *got = malloc(len);

	b.buf = malloc(len);
	pattern_fill(b.buf, len, 1, 0);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	EXPECT_EQ(len, (ssize_t)read_all(self->sv[1], got, len));
	EXPECT_EQ(len, background_end(&b));
	EXPECT_EQ(-1, pattern_differs(got, len, 1, 0));
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
	free(b.buf);
	free(got);
}

TEST_F(zerocopy, descriptors_come_with_its_first_byte)
{
	int fds = count_fds();
	struct beside b;

	ASSERT_EQ(LARGE, send_beside(self->sv[0], self->data, LARGE,
				     MSG_ZEROCOPY | MSG_DONTWAIT, self->sv, 1, NULL));
	ASSERT_LT(0, recv_beside(self->sv[1], self->got, LARGE, 0, &b));
	EXPECT_EQ(1, b.nr_fds);
	close_fds(&b);
	recv_until_empty(self->sv[1]);
	EXPECT_EQ(fds, count_fds());
	EXPECT_NOTICE(self->sv[0], 0, 0, false);
}

TEST_F(zerocopy, its_last_byte_can_be_urgent)
{
	char c;

	ASSERT_EQ(LARGE, send(self->sv[0], self->data, LARGE,
			      MSG_ZEROCOPY | MSG_OOB | MSG_DONTWAIT));
	ASSERT_EQ(1, recv(self->sv[1], &c, 1, MSG_OOB));
	EXPECT_EQ(self->data[LARGE - 1], (unsigned char)c);
	ASSERT_EQ(LARGE - 1, (ssize_t)read_all(self->sv[1], self->got, LARGE - 1));
	EXPECT_EQ(-1, pattern_differs(self->got, LARGE - 1, 1, 0));
}

TEST_F(zerocopy, the_pages_count_for_RLIMIT_MEMLOCK)
{
	struct rlimit limit = { LARGE / 2, LARGE / 2 };
	pid_t pid = fork_child();

	if (geteuid())
		SKIP(return, "only root can become another user");
	if (!pid) {
		ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
		ASSERT_EQ(0, setresuid(SOMEBODY, SOMEBODY, SOMEBODY));
		EXPECT_EQ(-1, send_pinned(self->sv[0], self->data, LARGE));
		EXPECT_EQ(ENOBUFS, errno);
		EXPECT_EQ(0, unread(self->sv[1]));
		EXPECT_EQ(LARGE / 4, send_pinned(self->sv[0], self->data, LARGE / 4));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(LARGE / 4, unread(self->sv[1]));
}

TEST(opting_in_is_for_streams)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int i, fd, value;
	socklen_t len;

	NEED_FAMILY(FAMILY_DEMO);
	for (i = 0; i < 3; i++) {
		fd = socket(family_number(FAMILY_DEMO), types[i], 0);
		value = 1;
		EXPECT_EQ(i ? -1 : 0, setsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value,
						 sizeof(value)));
		if (i)
			EXPECT_EQ(EOPNOTSUPP, errno);
		len = sizeof(value);
		value = -1;
		EXPECT_EQ(0, getsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value, &len));
		EXPECT_EQ(!i, value);
		EXPECT_EQ(sizeof(value), len);
		close(fd);
	}
}

TEST(opting_in_is_a_flag)
{
	int fd, value = 2;
	socklen_t len = sizeof(value);

	NEED_FAMILY(FAMILY_DEMO);
	fd = socket(family_number(FAMILY_DEMO), SOCK_STREAM, 0);
	EXPECT_EQ(-1, setsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value, sizeof(value)));
	EXPECT_EQ(EINVAL, errno);
	value = 1;
	EXPECT_EQ(-1, setsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value, 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, setsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, (void *)1, sizeof(value)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, setsockopt(fd, SOL_DEMO, DEMO_RECVERR, &value, sizeof(value)));
	EXPECT_EQ(ENOPROTOOPT, errno);
	EXPECT_EQ(-1, getsockopt(fd, SOL_DEMO, DEMO_RECVERR, &value, &len));
	EXPECT_EQ(ENOPROTOOPT, errno);
	len = -1;
	EXPECT_EQ(-1, getsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value, &len));
	EXPECT_EQ(EINVAL, errno);
	len = sizeof(value);
	EXPECT_EQ(-1, getsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, (void *)4, &len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, getsockopt(fd, SOL_DEMO, DEMO_ZEROCOPY, &value, (void *)8));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
}

TEST(SO_ZEROCOPY_opts_in_as_well)
{
	int fd;

	NEED_FAMILY(FAMILY_DEMO);
	fd = socket(family_number(FAMILY_DEMO), SOCK_STREAM, 0);
	if (!kernel_is_at_least(6, 7)) {
		EXPECT_EQ(-1, set_number(fd, SO_ZEROCOPY, 1));
		EXPECT_EQ(EOPNOTSUPP, errno);
	} else {
		EXPECT_EQ(0, set_number(fd, SO_ZEROCOPY, 1));
		EXPECT_EQ(1, get_number(fd, SO_ZEROCOPY));
		EXPECT_EQ(0, set_number(fd, SO_ZEROCOPY, 0));
		EXPECT_EQ(0, get_number(fd, SO_ZEROCOPY));
	}
	close(fd);
}

TEST_HARNESS_MAIN
