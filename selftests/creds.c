// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sent it: credentials beside the data, SO_PASSCRED and SCM_CREDENTIALS, and
 * what the options of the same kind say that only AF_UNIX itself can offer.
 */
#include <sched.h>
#include <sys/syscall.h>

#include "demo_test.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

enum { SERVICE };			/* addresses of a test */

#define NOBODY_ID	65534		/* what an ID without a translation is shown as */
#define SOMEBODY	54321

#define FIXTURE_CREDS(fixture, VARIANTS)					\
	FIXTURE(fixture) {							\
		int sv[2];							\
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
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		close(self->sv[0]);						\
		close(self->sv[1]);						\
	}

/* The next message at fd is of @len bytes, and by this sender. */
#define EXPECT_FROM_AT(fd, len, want_pid, want_uid, want_gid, recv_flags)	\
do {										\
	EXPECT_EQ(len, recv_beside(fd, self->buf, sizeof(self->buf),		\
				   recv_flags, &self->b));			\
	EXPECT_EQ(1, self->b.nr_creds);						\
	EXPECT_EQ(want_pid, self->b.creds.pid);					\
	EXPECT_EQ((uid_t)(want_uid), self->b.creds.uid);			\
	EXPECT_EQ((gid_t)(want_gid), self->b.creds.gid);			\
	EXPECT_EQ(0, self->b.flags & MSG_CTRUNC);				\
} while (0)

#define EXPECT_FROM(len, pid, uid, gid)						\
	EXPECT_FROM_AT(self->sv[1], len, pid, uid, gid, 0)

#define EXPECT_FROM_US(len) EXPECT_FROM(len, getpid(), getuid(), getgid())

#define ASK(fd) ASSERT_EQ(0, set_number(fd, SO_PASSCRED, 1))

static ssize_t send_creds(int fd, pid_t pid, uid_t uid, gid_t gid)
{
	struct ucred creds = { .pid = pid, .uid = uid, .gid = gid };

	return send_beside(fd, "abc", 3, MSG_DONTWAIT, NULL, 0, &creds);
}

/* A child sends these bytes. Returns its pid when they are sent; -1 on errors. */
static pid_t child_sends(int fd, const char *text)
{
	ssize_t len = strlen(text);
	pid_t pid = fork_child();

	if (!pid)
		_exit(send(fd, text, len, 0) != len);
	return child_exit(pid) ? -1 : pid;
}

/* For good: the process ends with the test. */
#define BECOME_SOMEBODY()							\
do {										\
	if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||				\
	    setresuid(SOMEBODY, SOMEBODY, SOMEBODY))				\
		SKIP(return, "to be another user: %s", strerror(errno));	\
} while (0)

FIXTURE_CREDS(creds, VARIANTS_ALL)

TEST_F(creds, who_does_not_ask_is_told_nothing)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
	EXPECT_EQ(3, send_creds(self->sv[0], getpid(), getuid(), getgid()));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
	EXPECT_EQ(0, self->b.flags & MSG_CTRUNC);
}

TEST_F(creds, who_asks_is_told_with_every_message)
{
	int i;

	ASK(self->sv[1]);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
		EXPECT_FROM_US(3);
	}
}

TEST_F(creds, who_asks_no_more_is_not)
{
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 0));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
}

TEST_F(creds, it_is_who_called_send_not_whose_socket_it_is)
{
	pid_t pid;

	ASK(self->sv[1]);
	pid = child_sends(self->sv[0], "abc");
	ASSERT_LT(0, pid);
	EXPECT_FROM(3, pid, getuid(), getgid());
}

TEST_F(creds, it_is_the_real_user_not_the_effective_one)
{
	ASK(self->sv[1]);
	if (setegid(SOMEBODY) || seteuid(SOMEBODY))
		SKIP(return, "to be another user takes root");
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM_US(3);
	ASSERT_EQ(0, seteuid(0));
	BECOME_SOMEBODY();
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM(3, getpid(), SOMEBODY, SOMEBODY);
}

TEST_F(creds, of_what_was_sent_before_anybody_asked_it_is_nobody)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASK(self->sv[1]);
	EXPECT_FROM(3, 0, NOBODY_ID, NOBODY_ID);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM_US(3);
}

TEST_F(creds, a_sender_that_asks_for_others_gives_its_own)
{
	ASK(self->sv[0]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASK(self->sv[1]);
	EXPECT_FROM_US(3);
}

TEST_F(creds, what_a_sender_gives_is_there_for_who_asks_later)
{
	EXPECT_EQ(3, send_creds(self->sv[0], getpid(), getuid(), getgid()));
	ASK(self->sv[1]);
	EXPECT_FROM_US(3);
}

TEST_F(creds, MSG_PEEK_tells_them_too)
{
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM_AT(self->sv[1], 3, getpid(), getuid(), getgid(), MSG_PEEK);
	EXPECT_FROM_US(3);
}

TEST_F(creds, they_come_beside_descriptors)
{
	struct ucred creds = { getpid(), getuid(), getgid() };
	int fd = STDERR_FILENO;

	ASK(self->sv[1]);
	EXPECT_EQ(3, send_beside(self->sv[0], "abc", 3, 0, &fd, 1, NULL));
	EXPECT_FROM_US(3);
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
	EXPECT_EQ(3, send_beside(self->sv[0], "abc", 3, 0, &fd, 1, &creds));
	EXPECT_FROM_US(3);
	EXPECT_EQ(1, self->b.nr_fds);
	close_fds(&self->b);
}

TEST_F(creds, without_room_for_them_there_is_MSG_CTRUNC)
{
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b, 0));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 16, 0, &self->b,
				      CMSG_LEN(sizeof(pid_t))));
	EXPECT_EQ(MSG_CTRUNC, self->b.flags & MSG_CTRUNC);
	EXPECT_EQ(getpid(), self->b.creds.pid);
}

/* What a sender may say it is. */

TEST_F(creds, a_privileged_sender_may_give_those_of_others)
{
	if (geteuid())
		SKIP(return, "this takes root");
	ASK(self->sv[1]);
	EXPECT_EQ(3, send_creds(self->sv[0], getppid(), 1234, 5678));
	EXPECT_FROM(3, getppid(), 1234, 5678);
}

TEST_F(creds, an_unprivileged_one_may_give_any_of_its_own_and_no_others)
{
	pid_t pid = getpid();

	if (setresgid(11, 12, 13) || setresuid(21, 22, 23))
		SKIP(return, "to be another user: %s", strerror(errno));
	ASK(self->sv[1]);
	EXPECT_EQ(3, send_creds(self->sv[0], pid, 21, 11));
	EXPECT_FROM(3, pid, 21, 11);
	EXPECT_EQ(3, send_creds(self->sv[0], pid, 22, 12));
	EXPECT_FROM(3, pid, 22, 12);
	EXPECT_EQ(3, send_creds(self->sv[0], pid, 23, 13));
	EXPECT_FROM(3, pid, 23, 13);

	EXPECT_ERROR(EPERM, send_creds(self->sv[0], pid, 0, 11));
	EXPECT_ERROR(EPERM, send_creds(self->sv[0], pid, 11, 11));
	EXPECT_ERROR(EPERM, send_creds(self->sv[0], pid, 21, 0));
	EXPECT_ERROR(EPERM, send_creds(self->sv[0], pid, 21, 21));
	EXPECT_ERROR(EPERM, send_creds(self->sv[0], getppid(), 21, 11));
	EXPECT_ERROR(EPERM, send_creds(self->sv[0], 0, 21, 11));
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
}

TEST_F(creds, a_process_that_is_not_there_is_ESRCH)
{
	if (geteuid())
		SKIP(return, "this takes root");
	EXPECT_ERROR(ESRCH, send_creds(self->sv[0], 0x7ffffffe, getuid(), getgid()));
	EXPECT_ERROR(ESRCH, send_creds(self->sv[0], 0, getuid(), getgid()));
	EXPECT_ERROR(ESRCH, send_creds(self->sv[0], -1, getuid(), getgid()));
}

TEST_F(creds, a_user_that_cannot_be_is_EINVAL)
{
	EXPECT_ERROR(EINVAL, send_creds(self->sv[0], getpid(), -1, getgid()));
	EXPECT_ERROR(EINVAL, send_creds(self->sv[0], getpid(), getuid(), -1));
}

/* Namespaces: a child in its own, where it is process 1 and user 7. */

static pid_t fork_into_namespaces(void)
{
	unsigned int uid = getuid(), gid = getgid();
	pid_t pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	char map[64];

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sprintf(map, "7 %u 1", uid);
	if (!write_text("/proc/self/uid_map", map))
		_exit(101);
	if (!write_text("/proc/self/setgroups", "deny"))
		_exit(102);
	sprintf(map, "8 %u 1", gid);
	if (!write_text("/proc/self/gid_map", map))
		_exit(103);
	return 0;
}

#define FORK_INTO_NAMESPACES()							\
({										\
	pid_t child = fork_into_namespaces();					\
										\
	if (child < 0)								\
		SKIP(return, "no user and pid namespace: %s", strerror(errno));	\
	child;									\
})

TEST_F(creds, a_sender_in_other_namespaces_is_shown_as_it_is_seen_from_here)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	pid_t pid;

	ASK(self->sv[1]);
	pid = FORK_INTO_NAMESPACES();
	if (!pid) {
		if (send(self->sv[0], "abc", 3, 0) != 3)
			_exit(1);
		/* by its own names for itself, and for what it may be */
		if (send_creds(self->sv[0], syscall(SYS_getpid), 7, 8) != 3)
			_exit(2);
		if (send_creds(self->sv[0], 1, 0, 8) != -1 || errno != EINVAL)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, child_exit(pid));
	if (variant->type == SOCK_STREAM) {
		EXPECT_FROM(6, pid, uid, gid);
	} else {
		EXPECT_FROM(3, pid, uid, gid);
		EXPECT_FROM(3, pid, uid, gid);
	}
}

TEST_F(creds, a_reader_in_other_namespaces_sees_what_it_has_names_for)
{
	uid_t uid = getuid();
	pid_t pid;

	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	pid = FORK_INTO_NAMESPACES();
	if (!pid) {
		struct ucred *creds = &self->b.creds;

		if (recv_beside(self->sv[1], self->buf, 3, 0, &self->b) != 3 ||
		    self->b.nr_creds != 1)
			_exit(1);
		/* our user is its user 7; our process is none of its */
		if (creds->pid != 0 || creds->uid != 7 || creds->gid != 8)
			_exit(2);
		if (uid)
			_exit(0);
		/* another user is none of its */
		if (recv_beside_room(self->sv[1], self->buf, 3, 0, &self->b,
				     sizeof(union control)) != 3)
			_exit(3);
		_exit(creds->uid == NOBODY_ID && creds->gid == NOBODY_ID ? 0 : 4);
	}
	if (!uid)
		EXPECT_EQ(3, send_creds(self->sv[0], getpid(), 1234, 5678));
	EXPECT_EQ(0, child_exit(pid));
}

/* The options. */

TEST_F(creds, SO_PASSCRED_takes_a_number)
{
	int on = 1;

	EXPECT_ERROR(EINVAL, setsockopt(self->sv[1], SOL_SOCKET, SO_PASSCRED, &on, 2));
	EXPECT_ERROR(EFAULT, setsockopt(self->sv[1], SOL_SOCKET, SO_PASSCRED, (void *)1,
					sizeof(on)));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
	/* any but 0 is on */
	EXPECT_EQ(0, set_number(self->sv[1], SO_PASSCRED, -5));
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM_US(3);
}

TEST_F(creds, SO_PASSCRED_can_be_asked_for_where_the_core_lets_it)
{
	/* since 6.16 it answers for families that it knows */
	if (variant->family == FAMILY_DEMO && kernel_is_at_least(6, 16)) {
		EXPECT_ERROR(EOPNOTSUPP, get_number(self->sv[1], SO_PASSCRED));
		return;
	}
	EXPECT_EQ(0, get_number(self->sv[1], SO_PASSCRED));
	ASK(self->sv[1]);
	EXPECT_EQ(1, get_number(self->sv[1], SO_PASSCRED));
	EXPECT_EQ(0, get_number(self->sv[0], SO_PASSCRED));
}

TEST_F(creds, what_only_AF_UNIX_can_offer_is_refused)
{
	if (variant->family == FAMILY_UNIX)
		SKIP(return, "AF_UNIX can");
	if (kernel_is_at_least(6, 7)) {
		EXPECT_ERROR(EOPNOTSUPP, set_number(self->sv[1], SO_PASSSEC, 1));
		EXPECT_ERROR(EOPNOTSUPP, set_number(self->sv[1], SO_PASSPIDFD, 1));
		EXPECT_ERROR(EOPNOTSUPP, set_number(self->sv[1], SO_PASSRIGHTS, 0));
	} else {
		/* the core takes it for every family, and asks none */
		EXPECT_EQ(0, set_number(self->sv[1], SO_PASSSEC, 1));
		if (!kernel_is_at_least(6, 5))
			EXPECT_ERROR(ENOPROTOOPT, set_number(self->sv[1], SO_PASSPIDFD, 1));
		EXPECT_ERROR(ENOPROTOOPT, set_number(self->sv[1], SO_PASSRIGHTS, 0));
	}
	/* and then nothing of the kind comes */
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_FROM_US(3);
}

TEST_F(creds, SO_PEERSEC_is_ENOPROTOOPT)
{
	socklen_t len = sizeof(self->buf);

	if (variant->family == FAMILY_UNIX)
		SKIP(return, "AF_UNIX answers when there is a security module");
	EXPECT_ERROR(ENOPROTOOPT, getsockopt(self->sv[1], SOL_SOCKET, SO_PEERSEC, self->buf,
					     &len));
}

/* Bytes. */

FIXTURE_CREDS(creds_stream, VARIANTS_STREAM)

TEST_F(creds_stream, who_asks_gets_the_bytes_of_one_sender_in_a_read)
{
	pid_t pid;

	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, send(self->sv[0], "def", 3, 0));
	pid = child_sends(self->sv[0], "ghij");
	ASSERT_LT(0, pid);
	EXPECT_EQ(5, send(self->sv[0], "klmno", 5, 0));
	EXPECT_FROM_AT(self->sv[1], 6, getpid(), getuid(), getgid(), MSG_PEEK);
	EXPECT_FROM_US(6);
	EXPECT_FROM(4, pid, getuid(), getgid());
	EXPECT_FROM_US(5);
}

TEST_F(creds_stream, also_a_read_that_waits_for_more)
{
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_LT(0, child_sends(self->sv[0], "def"));
	EXPECT_EQ(3, recv_beside_room(self->sv[1], self->buf, 6, MSG_WAITALL, &self->b,
				      sizeof(union control)));
	EXPECT_EQ(getpid(), self->b.creds.pid);
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 6, 0, &self->b));
}

TEST_F(creds_stream, a_sender_that_changed_is_another)
{
	ASK(self->sv[1]);
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	BECOME_SOMEBODY();
	EXPECT_EQ(3, send(self->sv[0], "def", 3, 0));
	EXPECT_FROM(3, getpid(), 0, 0);
	EXPECT_FROM(3, getpid(), SOMEBODY, SOMEBODY);
}

TEST_F(creds_stream, what_is_given_is_not_read_with_what_is_not)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(3, send_creds(self->sv[0], getpid(), getuid(), getgid()));
	EXPECT_EQ(3, send(self->sv[0], "ghi", 3, 0));
	ASK(self->sv[1]);
	EXPECT_FROM(3, 0, NOBODY_ID, NOBODY_ID);
	EXPECT_FROM_US(3);
	EXPECT_FROM(3, 0, NOBODY_ID, NOBODY_ID);
}

TEST_F(creds_stream, who_does_not_ask_gets_the_bytes_of_all_in_a_read)
{
	EXPECT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_LT(0, child_sends(self->sv[0], "def"));
	EXPECT_EQ(3, send_creds(self->sv[0], getpid(), getuid(), getgid()));
	EXPECT_EQ(9, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, memcmp("abcdefabc", self->buf, 9));
	EXPECT_EQ(0, self->b.nr_creds);
}

TEST_F(creds_stream, at_the_end_it_is_no_process)
{
	ASK(self->sv[1]);
	ASSERT_EQ(0, shutdown(self->sv[0], SHUT_WR));
	EXPECT_EQ(0, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));
	EXPECT_EQ(1, self->b.nr_creds);
	EXPECT_EQ(0, self->b.creds.pid);
}

/* Connections. */

FIXTURE(creds_connection) {
	int listener, client;
	struct beside b;
	char buf[64];
};

FIXTURE_VARIANT(creds_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(creds_connection);

FIXTURE_SETUP(creds_connection)
{
	NEED_FAMILY(variant->family);
	self->listener = listening_socket(variant->family, variant->type, SERVICE, 8);
	ASSERT_LE(0, self->listener);
	self->client = -1;
}

FIXTURE_TEARDOWN(creds_connection)
{
	close(self->listener);
	close(self->client);
}

TEST_F(creds_connection, of_a_listener_that_asks_the_connections_do)
{
	int fd;

	ASK(self->listener);
	self->client = connected_socket(variant->family, variant->type, SERVICE);
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, send(self->client, "abc", 3, 0));
	EXPECT_FROM_AT(fd, 3, getpid(), getuid(), getgid(), 0);
	/* the client itself did not ask */
	EXPECT_EQ(3, send(fd, "abc", 3, 0));
	EXPECT_EQ(3, recv_beside(self->client, self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
	close(fd);
}

TEST_F(creds_connection, of_a_listener_that_does_not_they_do_not)
{
	int fd;

	self->client = connected_socket(variant->family, variant->type, SERVICE);
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, send(self->client, "abc", 3, 0));
	EXPECT_EQ(3, recv_beside(fd, self->buf, 16, 0, &self->b));
	EXPECT_EQ(0, self->b.nr_creds);
	close(fd);
}

TEST_F(creds_connection, what_is_sent_before_accept_has_them_for_who_asks_then)
{
	pid_t pid;
	int fd;

	self->client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->client);
	EXPECT_EQ(3, send(self->client, "abc", 3, 0));
	pid = child_sends(self->client, "defg");
	ASSERT_LT(0, pid);
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	ASK(fd);
	EXPECT_FROM_AT(fd, 3, getpid(), getuid(), getgid(), 0);
	EXPECT_FROM_AT(fd, 4, pid, getuid(), getgid(), 0);
	close(fd);
}

TEST_HARNESS_MAIN
