// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listener's backlog: how many connections wait in it, who waits for a place
 * in it, who waits for something in it, and what ends each wait.
 */
#include <limits.h>

#include "demo_test.h"

enum { SERVICE };			/* addresses of a test */

FIXTURE(backlog) {
	struct address service;
	int listener;
	int signals[2];			/* a byte for each signal that was handled */
};

FIXTURE_VARIANT(backlog) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(backlog);

FIXTURE_SETUP(backlog)
{
	NEED_FAMILY(variant->family);
	self->service = address(variant->family, SERVICE);
	self->listener = bound_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, pipe(self->signals));
}

FIXTURE_TEARDOWN(backlog)
{
	close(self->listener);
	close(self->signals[0]);
	close(self->signals[1]);
}

static int connect_now(enum family family, int type, const struct address *a)
{
	int fd = unbound_socket(family, type | SOCK_NONBLOCK), err;

	if (!connect_to(fd, a))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

#define MANY 64

/* Connect until the listener is full; how often that went well. */
static int fill(enum family family, int type, const struct address *a, int fd[MANY])
{
	int n;

	for (n = 0; n < MANY; n++) {
		fd[n] = connect_now(family, type, a);
		if (fd[n] < 0)
			break;
	}
	return errno == EAGAIN ? n : -1;
}

static void close_all(int fd[], int n)
{
	while (n--)
		close(fd[n]);
}

/*
 * A call that waits, in a child. The listener stays the test's alone, so that
 * its close() is the last; the exit code is the errno.
 */
static pid_t connect_in_child(int listener, int fd, const struct address *a)
{
	pid_t pid = fork_child();

	if (!pid) {
		close(listener);
		_exit(connect_to(fd, a) ? errno : 0);
	}
	return pid;
}

static pid_t accept_in_child(int listener)
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(accept(listener, NULL, NULL) < 0 ? errno : 0);
	return pid;
}

/* Where the handler writes; inherited by the children. */
static int signal_fd;

static void note_signal(int sig)
{
	if (write(signal_fd, "", 1) != 1)
		_exit(255);
}

static int handle_signal(int fd, int flags)
{
	struct sigaction action = { .sa_handler = note_signal, .sa_flags = flags };

	signal_fd = fd;
	return sigaction(SIGUSR1, &action, NULL);
}

TEST_F(backlog, n_has_room_for_n_and_one_more_then_connect_is_EAGAIN)
{
	int i, n, sizes[] = { 0, 1, 5 }, fd[MANY];

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, listen(self->listener, sizes[i]));
		n = fill(variant->family, variant->type, &self->service, fd);
		EXPECT_EQ(sizes[i] + 1, n);
		close_all(fd, n);
		while (n-- > 0)
			close(accept(self->listener, NULL, NULL));
	}
}

TEST_F(backlog, accept_makes_room_for_one_connection)
{
	int i, n, fd[MANY], more;

	ASSERT_EQ(0, listen(self->listener, 2));
	n = fill(variant->family, variant->type, &self->service, fd);
	ASSERT_EQ(3, n);
	for (i = 0; i < 8; i++) {
		close(accept(self->listener, NULL, NULL));
		more = connect_now(variant->family, variant->type, &self->service);
		EXPECT_LE(0, more);
		EXPECT_EQ(-1, connect_now(variant->family, variant->type, &self->service));
		EXPECT_EQ(EAGAIN, errno);
		close(more);
	}
	close_all(fd, n);
}

TEST_F(backlog, a_client_that_closed_keeps_its_place_until_it_is_accepted)
{
	int n, fd[MANY];

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, fd);
	ASSERT_EQ(1, n);
	close_all(fd, n);
	EXPECT_EQ(-1, connect_now(variant->family, variant->type, &self->service));
	EXPECT_EQ(EAGAIN, errno);
	close(accept(self->listener, NULL, NULL));
	n = fill(variant->family, variant->type, &self->service, fd);
	EXPECT_EQ(1, n);
	close_all(fd, n);
}

TEST_F(backlog, listen_again_makes_it_larger_or_smaller)
{
	int n, more, fd[MANY], fd2[MANY];

	ASSERT_EQ(0, listen(self->listener, 1));
	n = fill(variant->family, variant->type, &self->service, fd);
	ASSERT_EQ(2, n);
	ASSERT_EQ(0, listen(self->listener, 4));
	more = fill(variant->family, variant->type, &self->service, fd2);
	EXPECT_EQ(3, more);

	/* nobody who has a place loses it */
	ASSERT_EQ(0, listen(self->listener, 0));
	EXPECT_EQ(-1, connect_now(variant->family, variant->type, &self->service));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, set_nonblock(self->listener, true));
	close_all(fd, n);
	close_all(fd2, more);
	for (n += more; n; n--) {
		more = accept(self->listener, NULL, NULL);
		EXPECT_LE(0, more);
		close(more);
	}
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(backlog, somaxconn_caps_what_is_asked_for)
{
	int i, n, fd[MANY], listener, asked[] = { 4, 1000, INT_MAX, -1, INT_MIN };
	struct address a;

	NEED_OWN_NETWORK();
	if (!write_text("/proc/sys/net/core/somaxconn", "3"))
		SKIP(return, "net.core.somaxconn: %s", strerror(errno));
	for (i = 0; i < 5; i++) {
		a = address(variant->family, 1 + i);
		listener = listening_socket(variant->family, variant->type, 1 + i, asked[i]);
		ASSERT_LE(0, listener);
		n = fill(variant->family, variant->type, &a, fd);
		EXPECT_EQ(4, n)
			TH_LOG("listen(fd, %d)", asked[i]);
		close_all(fd, n);
		close(listener);
	}
}

/* Who waits for a place. */
TEST_F(backlog, connect_waits_until_accept_makes_room)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, child_exit(pid));
	close(accept(self->listener, NULL, NULL));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, connect_waits_until_listen_makes_room)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, listen(self->listener, 1));
	EXPECT_EQ(0, child_exit(pid));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, each_accept_lets_one_more_of_those_who_wait_in)
{
	int i, n, fd[4], full[MANY];
	pid_t pid[4];

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	for (i = 0; i < 4; i++) {
		fd[i] = unbound_socket(variant->family, variant->type);
		pid[i] = connect_in_child(self->listener, fd[i], &self->service);
		ASSERT_TRUE(task_sleeps(pid[i]));
	}
	for (i = 0; i < 5; i++)
		close(accept(self->listener, NULL, NULL));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, child_exit(pid[i]));
		close(fd[i]);
	}
	EXPECT_EQ(0, poll_now(self->listener, POLLIN));
	close_all(full, n);
}

TEST_F(backlog, of_two_connects_that_wait_on_one_socket_one_gets_through)
{
	int fd = unbound_socket(variant->family, variant->type), i, n, full[MANY];
	int ended[2];
	pid_t pid[2];

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	for (i = 0; i < 2; i++) {
		pid[i] = connect_in_child(self->listener, fd, &self->service);
		ASSERT_TRUE(task_sleeps(pid[i]));
	}
	close(accept(self->listener, NULL, NULL));
	close(accept(self->listener, NULL, NULL));
	ended[0] = child_exit(pid[0]);
	ended[1] = child_exit(pid[1]);
	EXPECT_EQ(EISCONN, ended[0] + ended[1]);
	EXPECT_TRUE(!ended[0] || !ended[1]);
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, who_waits_for_a_place_is_refused_when_the_listener_closes)
{
	int i, n, fd[2], full[MANY];
	pid_t pid[2];

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	for (i = 0; i < 2; i++) {
		fd[i] = unbound_socket(variant->family, variant->type);
		pid[i] = connect_in_child(self->listener, fd[i], &self->service);
		ASSERT_TRUE(task_sleeps(pid[i]));
	}
	close(self->listener);
	self->listener = -1;
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(ECONNREFUSED, child_exit(pid[i]));
		close(fd[i]);
	}
	close_all(full, n);
}

TEST_F(backlog, who_waits_for_a_place_finds_a_listener_shut_down)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(ECONNREFUSED, child_exit(pid));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, a_killed_connect_leaves_nothing_in_the_backlog)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY], status;
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, poll_now(self->listener, POLLIN));
	EXPECT_EQ(0, connect_to(fd, &self->service));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, SO_SNDTIMEO_limits_how_long_connect_waits)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	ASSERT_EQ(0, set_timeout(fd, SO_SNDTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(connect_to(fd, &self->service));

	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, connect_to(fd, &self->service));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, a_signal_ends_connect_with_EINTR)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	ASSERT_EQ(0, handle_signal(self->signals[1], 0));
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	EXPECT_EQ(EINTR, child_exit(pid));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, connect_to(fd, &self->service));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, with_SA_RESTART_connect_waits_on_after_a_signal)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;
	char c;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	ASSERT_EQ(0, handle_signal(self->signals[1], SA_RESTART));
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(1, read(self->signals[0], &c, 1));
	ASSERT_TRUE(task_sleeps(pid));
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, child_exit(pid));
	close_all(full, n);
	close(fd);
}

TEST_F(backlog, a_connect_with_a_time_limit_is_not_restarted)
{
	int fd = unbound_socket(variant->family, variant->type), n, full[MANY];
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	n = fill(variant->family, variant->type, &self->service, full);
	ASSERT_EQ(0, handle_signal(self->signals[1], SA_RESTART));
	ASSERT_EQ(0, set_timeout(fd, SO_SNDTIMEO, 1000 * 1000));
	pid = connect_in_child(self->listener, fd, &self->service);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	EXPECT_EQ(EINTR, child_exit(pid));
	close_all(full, n);
	close(fd);
}

/* Who waits for a connection. */
TEST_F(backlog, accept_waits_for_a_connection)
{
	pid_t pid;
	int fd;

	ASSERT_EQ(0, listen(self->listener, 0));
	pid = accept_in_child(self->listener);
	ASSERT_TRUE(task_sleeps(pid));
	fd = connected_socket(variant->family, variant->type, SERVICE);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, child_exit(pid));
	close(fd);
}

TEST_F(backlog, each_connection_ends_one_accept_of_those_who_wait)
{
	int i, fd[3];
	pid_t pid[3];

	ASSERT_EQ(0, listen(self->listener, 8));
	for (i = 0; i < 3; i++) {
		pid[i] = accept_in_child(self->listener);
		ASSERT_TRUE(task_sleeps(pid[i]));
	}
	for (i = 0; i < 3; i++) {
		fd[i] = connected_socket(variant->family, variant->type, SERVICE);
		EXPECT_LE(0, fd[i]);
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, child_exit(pid[i]));
	EXPECT_EQ(0, poll_now(self->listener, POLLIN));
	close_all(fd, 3);
}

TEST_F(backlog, accept_with_O_NONBLOCK_is_EAGAIN_while_no_connection_waits)
{
	ASSERT_EQ(0, listen(self->listener, 8));
	ASSERT_EQ(0, set_nonblock(self->listener, true));
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(backlog, SO_RCVTIMEO_limits_how_long_accept_waits)
{
	ASSERT_EQ(0, listen(self->listener, 8));
	ASSERT_EQ(0, set_timeout(self->listener, SO_RCVTIMEO, TIMEOUT_MS));
	EXPECT_TIMEOUT(accept(self->listener, NULL, NULL));
}

TEST_F(backlog, a_signal_ends_accept_with_EINTR)
{
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	ASSERT_EQ(0, handle_signal(self->signals[1], 0));
	pid = accept_in_child(self->listener);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	EXPECT_EQ(EINTR, child_exit(pid));
}

TEST_F(backlog, with_SA_RESTART_accept_waits_on_after_a_signal)
{
	pid_t pid;
	char c;
	int fd;

	ASSERT_EQ(0, listen(self->listener, 0));
	ASSERT_EQ(0, handle_signal(self->signals[1], SA_RESTART));
	pid = accept_in_child(self->listener);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(1, read(self->signals[0], &c, 1));
	ASSERT_TRUE(task_sleeps(pid));
	fd = connected_socket(variant->family, variant->type, SERVICE);
	EXPECT_EQ(0, child_exit(pid));
	close(fd);
}

TEST_F(backlog, an_accept_with_a_time_limit_is_not_restarted)
{
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 0));
	ASSERT_EQ(0, handle_signal(self->signals[1], SA_RESTART));
	ASSERT_EQ(0, set_timeout(self->listener, SO_RCVTIMEO, 1000 * 1000));
	pid = accept_in_child(self->listener);
	ASSERT_TRUE(task_sleeps(pid));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	EXPECT_EQ(EINTR, child_exit(pid));
}

TEST_F(backlog, shutdown_ends_accept_with_EINVAL)
{
	pid_t pid[2];
	int i;

	ASSERT_EQ(0, listen(self->listener, 0));
	for (i = 0; i < 2; i++) {
		pid[i] = accept_in_child(self->listener);
		ASSERT_TRUE(task_sleeps(pid[i]));
	}
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RD));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(EINVAL, child_exit(pid[i]));
}

TEST_HARNESS_MAIN
