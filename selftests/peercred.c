// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is at the other end: SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD and
 * SO_PEERNAME. The answer is taken when the connection is made: of who called
 * listen() for the one side, of who called connect() for the other.
 */
#include <grp.h>

#include "demo_test.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

enum { SERVICE };			/* addresses of a test */

#define NOBODY_ID	65534

FIXTURE(peercred) {
	int fd, sv[2];
};

FIXTURE_VARIANT(peercred) {
	enum family family;
	int type;
};

VARIANTS_ALL(peercred);

FIXTURE_SETUP(peercred)
{
	NEED_FAMILY(variant->family);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, self->sv));
}

FIXTURE_TEARDOWN(peercred)
{
	close(self->fd);
	close(self->sv[0]);
	close(self->sv[1]);
}

/* pid is -1 when there was an error. */
static struct ucred peercred(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) || len != sizeof(peer))
		peer.pid = -1;
	return peer;
}

#define EXPECT_PEER(fd, want_pid, want_uid, want_gid)				\
do {										\
	struct ucred peer = peercred(fd);					\
										\
	EXPECT_EQ(want_pid, peer.pid);						\
	EXPECT_EQ(want_uid, peer.uid);						\
	EXPECT_EQ(want_gid, peer.gid);						\
} while (0)

#define EXPECT_NO_PEER(fd) EXPECT_PEER(fd, 0, (uid_t)-1, (gid_t)-1)

TEST_F(peercred, without_a_peer_it_is_nobody)
{
	EXPECT_NO_PEER(self->fd);
}

TEST_F(peercred, of_a_socketpair_it_is_who_made_it)
{
	EXPECT_PEER(self->sv[0], getpid(), geteuid(), getegid());
	EXPECT_PEER(self->sv[1], getpid(), geteuid(), getegid());
}

TEST_F(peercred, of_a_socketpair_it_stays_who_made_it)
{
	pid_t parent = getpid(), pid = fork_child();

	if (!pid) {
		/* the child holds the ends alone, and is somebody else */
		if (!geteuid() && (setegid(NOBODY_ID) || seteuid(NOBODY_ID)))
			_exit(1);
		_exit(peercred(self->sv[0]).pid != parent);
	}
	EXPECT_EQ(0, child_exit(pid));
}

TEST_F(peercred, a_short_buffer_gets_the_first_bytes)
{
	struct ucred peer = { .uid = 12345 };
	socklen_t len = sizeof(peer.pid);

	EXPECT_EQ(0, getsockopt(self->sv[0], SOL_SOCKET, SO_PEERCRED, &peer, &len));
	EXPECT_EQ(sizeof(peer.pid), len);
	EXPECT_EQ(getpid(), peer.pid);
	EXPECT_EQ(12345u, peer.uid);
}

TEST_F(peercred, SO_PEERGROUPS_are_the_groups_of_who_made_it)
{
	gid_t want[3] = { 11, 22, 33 }, groups[64] = { 0 };
	socklen_t len;
	int n = 3, sv[2];

	if (setgroups(3, want)) {
		n = getgroups(ARRAY_SIZE(groups), groups);
		ASSERT_LE(0, n);
	} else {
		memcpy(groups, want, sizeof(want));
	}
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	len = n * sizeof(gid_t);
	if (n) {
		/* too little room: nothing but the size that it takes */
		len--;
		EXPECT_EQ(-1, getsockopt(sv[0], SOL_SOCKET, SO_PEERGROUPS, groups, &len));
		EXPECT_EQ(ERANGE, errno);
		EXPECT_EQ(n * sizeof(gid_t), len);
	}
	len = sizeof(groups);
	EXPECT_EQ(0, getsockopt(sv[0], SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	EXPECT_EQ(n * sizeof(gid_t), len);
	if (n == 3)
		EXPECT_EQ(0, memcmp(want, groups, sizeof(want)));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(peercred, SO_PEERGROUPS_without_a_peer_is_ENODATA)
{
	gid_t groups[64];
	socklen_t len = sizeof(groups);

	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	EXPECT_EQ(ENODATA, errno);
}

TEST_F(peercred, SO_PEERPIDFD_is_a_descriptor_of_the_peers_process)
{
	char name[64], line[64] = "";
	bool found = false;
	FILE *info;
	int pidfd;

	if (!kernel_is_at_least(6, 5))
		SKIP(return, "SO_PEERPIDFD is there since 6.5");
	EXPECT_EQ(-1, get_number(self->fd, SO_PEERPIDFD));
	EXPECT_EQ(ENODATA, errno);
	pidfd = get_number(self->sv[0], SO_PEERPIDFD);
	ASSERT_LE(0, pidfd);
	sprintf(name, "/proc/self/fdinfo/%d", pidfd);
	info = fopen(name, "re");
	ASSERT_TRUE(!!info);
	while (!found && fgets(line, sizeof(line), info)) {
		int pid;

		found = sscanf(line, "Pid: %d", &pid) == 1 && pid == getpid();
	}
	fclose(info);
	EXPECT_TRUE(found);
	close(pidfd);
}

TEST_F(peercred, SO_PEERNAME_is_what_getpeername_says)
{
	struct address service = address(variant->family, SERVICE), name;
	int fd = service_socket(variant->family, variant->type, SERVICE);

	ASSERT_EQ(0, connect_to(self->fd, &service));
	name.len = service.len;
	EXPECT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_PEERNAME, &name.sa, &name.len));
	EXPECT_TRUE(same_address(&service, &name));
	name.len = service.len + 1;
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_PEERNAME, &name.sa, &name.len));
	EXPECT_EQ(EINVAL, errno);
	name.len = service.len;
	EXPECT_EQ(-1, getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &name.sa, &name.len));
	EXPECT_EQ(ENOTCONN, errno);
	close(fd);
}

FIXTURE(peercred_dgram) {
};

FIXTURE_VARIANT(peercred_dgram) {
	enum family family;
	int type;
};

VARIANTS_DGRAM(peercred_dgram);

FIXTURE_SETUP(peercred_dgram)
{
	NEED_FAMILY(variant->family);
}

FIXTURE_TEARDOWN(peercred_dgram)
{
}

TEST_F(peercred_dgram, connect_of_a_datagram_socket_says_nothing_of_anybody)
{
	int sv[2];

	ASSERT_EQ(0, connected_pair(variant->family, variant->type, SERVICE, sv));
	EXPECT_NO_PEER(sv[0]);
	EXPECT_NO_PEER(sv[1]);
	close(sv[0]);
	close(sv[1]);
}

/* Of connections. The other side is a child, so that it is another process. */
FIXTURE(peercred_connection) {
	struct address service;
	int listener, client;
	int go[2];			/* closed, it lets the child end */
};

FIXTURE_VARIANT(peercred_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(peercred_connection);

FIXTURE_SETUP(peercred_connection)
{
	NEED_FAMILY(variant->family);
	self->service = address(variant->family, SERVICE);
	self->listener = bound_socket(variant->family, variant->type, SERVICE);
	self->client = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
	ASSERT_EQ(0, pipe(self->go));
}

FIXTURE_TEARDOWN(peercred_connection)
{
	close(self->listener);
	close(self->client);
	close(self->go[0]);
	close(self->go[1]);
}

/*
 * A child that becomes @id where it may, makes the call and is there until
 * go[1] is closed. Returns when the call is made.
 */
static pid_t child_calls(int (*call)(int fd, const struct address *a), int fd,
			 const struct address *a, uid_t id, int go[2])
{
	int made[2];
	pid_t pid;
	char c;

	if (pipe(made))
		return -1;
	pid = fork_child();
	if (!pid) {
		close(go[1]);
		if (id != geteuid() && (setegid(id) || seteuid(id)))
			_exit(1);
		if (call(fd, a))
			_exit(1);
		close(made[1]);
		_exit(read(go[0], &c, 1) != 0);
	}
	close(made[1]);
	if (read(made[0], &c, 1) != 0)
		pid = -1;
	close(made[0]);
	return pid;
}

static int call_listen(int fd, const struct address *a)
{
	return listen(fd, 8);
}

/* Somebody else where we may be somebody else, else ourselves. */
static uid_t other_id(void)
{
	return geteuid() ? geteuid() : NOBODY_ID;
}

TEST_F(peercred_connection, the_connector_sees_who_called_listen_not_who_accepts)
{
	uid_t uid = other_id();
	gid_t gid = geteuid() ? getegid() : NOBODY_ID;
	pid_t pid;
	int fd;

	pid = child_calls(call_listen, self->listener, NULL, uid, self->go);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, connect_to(self->client, &self->service));
	EXPECT_PEER(self->client, pid, uid, gid);
	fd = accept(self->listener, NULL, NULL);
	EXPECT_PEER(self->client, pid, uid, gid);
	EXPECT_PEER(fd, getpid(), geteuid(), getegid());
	close(self->go[1]);
	EXPECT_EQ(0, child_exit(pid));
	close(fd);
}

TEST_F(peercred_connection, listen_again_is_seen_by_the_next_connector_only)
{
	int first = self->client, second;
	pid_t pid;

	ASSERT_EQ(0, listen(self->listener, 8));
	ASSERT_EQ(0, connect_to(first, &self->service));
	pid = child_calls(call_listen, self->listener, NULL, other_id(), self->go);
	ASSERT_LT(0, pid);
	second = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, connect_to(second, &self->service));
	EXPECT_EQ(getpid(), peercred(first).pid);
	EXPECT_EQ(pid, peercred(second).pid);
	EXPECT_EQ(other_id(), peercred(second).uid);
	close(self->go[1]);
	EXPECT_EQ(0, child_exit(pid));
	close(second);
}

TEST_F(peercred_connection, the_accepted_socket_sees_who_called_connect)
{
	uid_t uid = other_id();
	gid_t gid = geteuid() ? getegid() : NOBODY_ID;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, listen(self->listener, 8));
	pid = child_calls(connect_to, self->client, &self->service, uid, self->go);
	ASSERT_LT(0, pid);
	fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_PEER(fd, pid, uid, gid);
	EXPECT_PEER(self->client, getpid(), geteuid(), getegid());
	/* also when that process is no more */
	close(self->go[1]);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_PEER(fd, pid, uid, gid);
	close(fd);
}

TEST_F(peercred_connection, SO_PEERPIDFD_is_for_who_is_still_there)
{
	bool kept = variant->family == FAMILY_UNIX && kernel_is_at_least(6, 16);
	int fd, pidfd;
	pid_t pid;

	if (!kernel_is_at_least(6, 5))
		SKIP(return, "SO_PEERPIDFD is there since 6.5");
	ASSERT_EQ(0, listen(self->listener, 8));
	pid = child_calls(connect_to, self->client, &self->service, geteuid(), self->go);
	ASSERT_LT(0, pid);
	fd = accept(self->listener, NULL, NULL);
	pidfd = get_number(fd, SO_PEERPIDFD);
	EXPECT_LE(0, pidfd);
	close(pidfd);

	/* Of a process that is gone, the kernel keeps what it takes for AF_UNIX alone. */
	close(self->go[1]);
	EXPECT_EQ(0, child_exit(pid));
	pidfd = get_number(fd, SO_PEERPIDFD);
	if (kept) {
		EXPECT_LE(0, pidfd);
		close(pidfd);
	} else {
		EXPECT_EQ(-1, pidfd);
		EXPECT_EQ(kernel_is_at_least(6, 16) ? ESRCH : EINVAL, errno);
	}
	close(fd);
}

TEST_F(peercred_connection, a_listener_sees_who_called_listen)
{
	EXPECT_NO_PEER(self->listener);
	ASSERT_EQ(0, listen(self->listener, 8));
	EXPECT_PEER(self->listener, getpid(), geteuid(), getegid());
}

TEST_F(peercred_connection, a_connect_that_fails_leaves_the_peer_unknown)
{
	EXPECT_EQ(-1, connect_to(self->client, &self->service));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_NO_PEER(self->client);
}

TEST_F(peercred_connection, SO_PEERGROUPS_are_those_of_who_called_listen_and_connect)
{
	gid_t groups[64], mine[] = { 7, 8 };
	socklen_t len = sizeof(groups);
	int fd;

	if (setgroups(2, mine))
		SKIP(return, "setgroups: %s", strerror(errno));
	ASSERT_EQ(0, listen(self->listener, 8));
	ASSERT_EQ(0, setgroups(1, mine));
	ASSERT_EQ(0, connect_to(self->client, &self->service));
	ASSERT_EQ(0, setgroups(0, NULL));
	fd = accept(self->listener, NULL, NULL);
	ASSERT_EQ(0, getsockopt(self->client, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	EXPECT_EQ(sizeof(mine), len);
	EXPECT_EQ(0, memcmp(groups, mine, sizeof(mine)));
	len = sizeof(groups);
	ASSERT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	EXPECT_EQ(sizeof(gid_t), len);
	EXPECT_EQ(7u, groups[0]);
	close(fd);
}

TEST_HARNESS_MAIN
