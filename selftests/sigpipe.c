// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIGPIPE: on streams it comes with EPIPE, unless MSG_NOSIGNAL says otherwise
 * or something was sent; on records it never comes.
 */
#include <sys/uio.h>

#include "demo_test.h"

/* Take the SIGPIPE that is pending. Was there one? */
static bool took_sigpipe(void)
{
	struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return sigtimedwait(&set, NULL, &now) == SIGPIPE;
}

static int block_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}

FIXTURE_PAIR(sigpipe, VARIANTS_ALL)

TEST_F(sigpipe, it_comes_with_epipe_on_streams_and_on_no_other_type)
{
	bool expected = variant->type == SOCK_STREAM;
	struct iovec iov = { self->buf, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, 0));
	EXPECT_EQ(expected, took_sigpipe());
	EXPECT_FALSE(took_sigpipe());
	EXPECT_ERROR(EPIPE, write(self->sv[0], "x", 1));
	EXPECT_EQ(expected, took_sigpipe());
	EXPECT_ERROR(EPIPE, writev(self->sv[0], &iov, 1));
	EXPECT_EQ(expected, took_sigpipe());
	EXPECT_ERROR(EPIPE, sendmsg(self->sv[0], &msg, 0));
	EXPECT_EQ(expected, took_sigpipe());
	EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_DONTWAIT));
	EXPECT_EQ(expected, took_sigpipe());
}

TEST_F(sigpipe, it_comes_too_when_the_peer_has_ended_reading)
{
	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	EXPECT_ERROR(EPIPE, write(self->sv[0], "x", 1));
	EXPECT_EQ(variant->type == SOCK_STREAM, took_sigpipe());
}

TEST_F(sigpipe, with_msg_nosignal_it_does_not_come)
{
	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT));
	EXPECT_FALSE(took_sigpipe());
}

TEST_F(sigpipe, it_does_not_come_with_another_error)
{
	int fd = unbound_socket(variant->family, variant->type);

	ASSERT_EQ(0, block_sigpipe());
	EXPECT_ERROR(ENOTCONN, write(fd, "x", 1));
	EXPECT_FALSE(took_sigpipe());
	ASSERT_LT(0, send_until_full(self->sv[0]));
	EXPECT_ERROR(EAGAIN, send(self->sv[0], "x", 1, MSG_DONTWAIT));
	EXPECT_FALSE(took_sigpipe());
	close(fd);
}

FIXTURE_PAIR(sigpipe_connection, VARIANTS_CONNECTION)

TEST_F(sigpipe_connection, it_comes_when_the_peer_is_closed)
{
	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, close(self->sv[1]));
	EXPECT_ERROR(EPIPE, write(self->sv[0], "x", 1));
	EXPECT_EQ(variant->type == SOCK_STREAM, took_sigpipe());
}

TEST_F(sigpipe_connection, it_ends_a_process_that_does_nothing_about_it_on_streams)
{
	pid_t pid = fork_child();
	int status;

	if (!pid) {
		shutdown(self->sv[0], SHUT_WR);
		if (write(self->sv[0], "x", 1) < 0)
			_exit(errno);
		_exit(0);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (variant->type == SOCK_STREAM) {
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGPIPE, WTERMSIG(status));
	} else {
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(EPIPE, WEXITSTATUS(status));
	}
}

FIXTURE_PAIR(sigpipe_stream, VARIANTS_STREAM)

TEST_F(sigpipe_stream, after_a_write_in_part_it_does_not_come_but_with_the_next)
{
	size_t len = 4 << 20;
	struct background b = { .fd = self->sv[0], .buf = calloc(1, len), .len = len };
	ssize_t sent;

	/* SIGPIPE is not blocked yet: it would end the test. */
	ASSERT_NE(NULL, b.buf);
	ASSERT_EQ(0, background_send(&b));
	ASSERT_TRUE(background_sleeps(&b));
	ASSERT_EQ(0, shutdown(self->sv[1], SHUT_RD));
	sent = background_end(&b);
	EXPECT_LT(0, sent);
	EXPECT_GT((ssize_t)len, sent);
	ASSERT_EQ(0, block_sigpipe());
	EXPECT_ERROR(EPIPE, write(self->sv[0], "x", 1));
	EXPECT_TRUE(took_sigpipe());
	free(b.buf);
}

TEST_F(sigpipe_stream, it_comes_with_splice)
{
	int p[2];

	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(3, write(p[1], "abc", 3));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, splice(p[0], NULL, self->sv[0], NULL, 3, 0));
	EXPECT_TRUE(took_sigpipe());
}

TEST_F(sigpipe_stream, it_comes_with_an_empty_write)
{
	ASSERT_EQ(0, block_sigpipe());
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "", 0, 0));
	EXPECT_TRUE(took_sigpipe());
}

TEST_HARNESS_MAIN
