// SPDX-License-Identifier: GPL-2.0-only
/*
 * A socket of several descriptors and processes: all of them are the same
 * socket, and only the last close() ends it.
 */
#include <sys/mman.h>

#include "demo_test.h"

#define HELD	"DEMO_TEST_HELD"

/*
 * This program, when a test has started it with exec: say something through the
 * descriptor that the variable names, if it came over, and stay until standard
 * input ends.
 */
static void __attribute__((constructor)) after_exec(void)
{
	char *held = getenv(HELD), c;
	int error;

	if (!held)
		return;
	error = send(atoi(held), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	_exit(error);
}

/* Start it so in a child, whose standard input is stay. */
static pid_t start_self(int held, int stay)
{
	char number[16];
	pid_t pid;

	sprintf(number, "%d", held);
	pid = fork_child();
	if (!pid) {
		if (dup2(stay, STDIN_FILENO) == STDIN_FILENO && !setenv(HELD, number, 1))
			execl("/proc/self/exe", "inherit", NULL);
		_exit(255);
	}
	return pid;
}

FIXTURE_PAIR(inherit, VARIANTS_ALL)

TEST_F(inherit, every_descriptor_is_the_same_socket)
{
	int copy = dup(self->sv[0]);

	ASSERT_GE(copy, 0);
	EXPECT_EQ(1, send(self->sv[0], "a", 1, 0));
	EXPECT_EQ(1, send(copy, "b", 1, 0));
	EXPECT_EQ(0, close(self->sv[0]));
	EXPECT_EQ(1, send(copy, "c", 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf + 1, 1, 0));
	EXPECT_EQ(1, recv(self->sv[1], self->buf + 2, 1, 0));
	EXPECT_EQ(0, memcmp("abc", self->buf, 3));
	EXPECT_EQ(1, send(self->sv[1], "d", 1, 0));
	EXPECT_EQ(1, recv(copy, self->buf, 1, 0));
	close(copy);
}

TEST_F(inherit, parent_and_child_read_from_one_socket)
{
	pid_t pid;

	ASSERT_EQ(1, send(self->sv[0], "a", 1, 0));
	ASSERT_EQ(1, send(self->sv[0], "b", 1, 0));
	pid = fork_child();
	if (!pid)
		_exit(recv(self->sv[1], self->buf, 1, 0) == 1 ? self->buf[0] : 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ('a', child_exit(pid));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 1, 0));
	EXPECT_EQ('b', self->buf[0]);
}

TEST_F(inherit, what_several_processes_read_is_everything_once)
{
	enum { READERS = 3, ROUNDS = 8 };
	pid_t readers[READERS];
	int i, *seen;

	/* How often each of the 255 bytes was read, by anybody. */
	seen = mmap(NULL, 256 * sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, seen);
	for (i = 0; i < READERS; i++) {
		readers[i] = fork_child();
		if (!readers[i]) {
			unsigned char c;

			while (recv(self->sv[1], &c, 1, 0) == 1)
				__atomic_fetch_add(&seen[c], 1, __ATOMIC_RELAXED);
			_exit(0);
		}
		ASSERT_LT(0, readers[i]);
	}
	for (i = 0; i < READERS; i++)
		ASSERT_TRUE(task_sleeps(readers[i]));
	for (i = 0; i < ROUNDS * 255; i++) {
		unsigned char c = i % 255;

		ASSERT_EQ(1, send(self->sv[0], &c, 1, 0));
	}
	/* An end for each of them: an empty datagram, where there is no other. */
	for (i = 0; variant->type == SOCK_DGRAM && i < READERS; i++)
		ASSERT_EQ(0, send(self->sv[0], "", 0, 0));
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	for (i = 0; i < READERS; i++)
		EXPECT_EQ(0, child_exit(readers[i]));
	for (i = 0; i < 255; i++)
		EXPECT_EQ(ROUNDS, seen[i]);
	munmap(seen, 256 * sizeof(*seen));
}

TEST_F(inherit, what_several_processes_write_is_read_once)
{
	enum { WRITERS = 3, COUNT = 500 };
	pid_t writers[WRITERS];
	int i, n, seen[WRITERS] = { 0 };

	for (i = 0; i < WRITERS; i++) {
		writers[i] = fork_child();
		if (!writers[i]) {
			char c = i;

			for (n = 0; n < COUNT; n++)
				if (send(self->sv[0], &c, 1, 0) != 1)
					_exit(errno);
			_exit(0);
		}
		ASSERT_LT(0, writers[i]);
	}
	for (n = 0; n < WRITERS * COUNT; n++) {
		ASSERT_EQ(1, recv(self->sv[1], self->buf, 1, 0));
		ASSERT_GT(WRITERS, self->buf[0]);
		seen[(int)self->buf[0]]++;
	}
	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(0, child_exit(writers[i]));
		EXPECT_EQ(COUNT, seen[i]);
	}
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 1, MSG_DONTWAIT));
}

TEST_F(inherit, a_child_talks_on_when_its_parent_has_closed)
{
	int go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	pid = fork_child();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1) == 0 && send(self->sv[0], "a", 1, 0) == 1)
			_exit(0);
		_exit(errno);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(self->sv[0]));
	ASSERT_EQ(0, close(go[1]));
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ('a', self->buf[0]);
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(inherit, a_descriptor_goes_through_exec)
{
	int stay[2];
	pid_t pid;
	int copy;

	ASSERT_EQ(0, pipe2(stay, O_CLOEXEC));
	copy = dup(self->sv[0]);	/* without close-on-exec */
	ASSERT_GE(copy, 0);
	pid = start_self(copy, stay[0]);
	ASSERT_LT(0, pid);
	EXPECT_EQ(1, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ('x', self->buf[0]);
	ASSERT_EQ(0, close(stay[1]));
	EXPECT_EQ(0, child_exit(pid));
	close(copy);
}

TEST_F(inherit, a_descriptor_with_close_on_exec_does_not)
{
	int stay[2];
	pid_t pid;
	int fd;

	ASSERT_EQ(0, pipe2(stay, O_CLOEXEC));
	fd = unbound_socket(variant->family, variant->type | SOCK_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	pid = start_self(fd, stay[0]);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(stay[1]));
	EXPECT_EQ(EBADF, child_exit(pid));
	close(fd);
}

FIXTURE_PAIR(inherit_connection, VARIANTS_CONNECTION)

TEST_F(inherit_connection, only_the_last_close_is_the_peers_end_of_file)
{
	int copy = dup(self->sv[0]);
	int stay[2];
	pid_t pid;
	char c;

	ASSERT_GE(copy, 0);
	ASSERT_EQ(0, pipe(stay));
	pid = fork_child();
	if (!pid) {
		close(stay[1]);
		close(self->sv[1]);
		_exit(read(stay[0], &c, 1));
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(self->sv[0]));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	ASSERT_EQ(0, close(copy));
	EXPECT_ERROR(EAGAIN, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(1, send(self->sv[1], "a", 1, 0));
	ASSERT_EQ(0, close(stay[1]));
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_ERROR(ECONNRESET, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(inherit_connection, a_shutdown_by_one_process_is_one_for_all)
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(shutdown(self->sv[0], SHUT_WR) ? errno : 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_ERROR(EPIPE, send(self->sv[0], "a", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
}

TEST_F(inherit_connection, exec_closes_what_is_close_on_exec)
{
	int stay[2];
	pid_t pid;

	ASSERT_EQ(0, pipe2(stay, O_CLOEXEC));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETFD, FD_CLOEXEC));
	ASSERT_EQ(0, fcntl(self->sv[0], F_SETFD, FD_CLOEXEC));
	pid = start_self(self->sv[0], stay[0]);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, close(self->sv[0]));
	/* The new program lives on, until its standard input ends. */
	EXPECT_EQ(0, recv(self->sv[1], self->buf, 16, 0));
	EXPECT_EQ(0, kill(pid, 0));
	ASSERT_EQ(0, close(stay[1]));
	EXPECT_EQ(EBADF, child_exit(pid));
}

TEST_F(inherit_connection, several_processes_accept_from_one_listener)
{
	enum { ACCEPTORS = 3, EACH = 4 };
	int listener = listening_socket(variant->family, variant->type, 1, 16);
	pid_t acceptors[ACCEPTORS];
	int i, n, fd;

	ASSERT_GE(listener, 0);
	for (i = 0; i < ACCEPTORS; i++) {
		acceptors[i] = fork_child();
		if (!acceptors[i]) {
			for (n = 0; n < EACH; n++) {
				fd = accept(listener, NULL, NULL);
				if (fd < 0 || send(fd, "x", 1, 0) != 1)
					_exit(errno);
				close(fd);
			}
			_exit(0);
		}
		ASSERT_LT(0, acceptors[i]);
	}
	for (i = 0; i < ACCEPTORS * EACH; i++) {
		fd = connected_socket(variant->family, variant->type, 1);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(1, recv(fd, self->buf, 16, 0));
		EXPECT_EQ(0, recv(fd, self->buf, 16, 0));
		close(fd);
	}
	for (i = 0; i < ACCEPTORS; i++)
		EXPECT_EQ(0, child_exit(acceptors[i]));
	close(listener);
}

TEST_F(inherit_connection, a_listener_listens_until_its_last_descriptor_is_closed)
{
	int listener = listening_socket(variant->family, variant->type, 1, 8);
	int copy = dup(listener);
	int fd;

	ASSERT_GE(copy, 0);
	ASSERT_EQ(0, close(listener));
	fd = connected_socket(variant->family, variant->type, 1);
	EXPECT_LE(0, fd);
	EXPECT_LE(0, accept(copy, NULL, NULL));
	ASSERT_EQ(0, close(copy));
	EXPECT_ERROR(ECONNREFUSED, connected_socket(variant->family, variant->type, 1));
}

TEST_HARNESS_MAIN
