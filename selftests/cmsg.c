// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control messages that are not as they should be: each has the errno that it
 * has on AF_UNIX, nothing is sent, and nothing is kept.
 */
#include "demo_test.h"

#ifndef SCM_SECURITY
#define SCM_SECURITY	3
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD	4
#endif

/* Control messages as they are made, one after the other. */
struct controls {
	char buf[4096] __attribute__((aligned(__alignof__(struct cmsghdr))));
	size_t len;
};

static void *add(struct controls *c, int level, int type, size_t cmsg_len, size_t space)
{
	struct cmsghdr *cmsg = (void *)(c->buf + c->len);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = cmsg_len;
	c->len += space;
	return CMSG_DATA(cmsg);
}

static void add_fds(struct controls *c, const int *fds, int n)
{
	size_t size = n * sizeof(int);

	memcpy(add(c, SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(size), CMSG_SPACE(size)), fds, size);
}

static ssize_t send_controls(int fd, struct controls *c)
{
	struct iovec iov = { "abc", 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = c->buf, .msg_controllen = c->len };

	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

FIXTURE(cmsg) {
	int sv[2];
	int fds_before;
	struct controls c;
	struct beside b;
	char buf[64];
};

FIXTURE_VARIANT(cmsg) {
	enum family family;
	int type;
};

VARIANTS_ALL(cmsg);

FIXTURE_SETUP(cmsg)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1, self->sv));
	self->fds_before = count_fds();
}

FIXTURE_TEARDOWN(cmsg)
{
	EXPECT_EQ(self->fds_before, count_fds());
	EXPECT_EQ(0, unsent(self->sv[0]));
	close(self->sv[0]);
	close(self->sv[1]);
}

/* What was made is refused, and nothing arrives. */
#define EXPECT_REFUSED(error)							\
do {										\
	EXPECT_ERROR(error, send_controls(self->sv[0], &self->c));		\
	EXPECT_ERROR(EAGAIN, recv_beside(self->sv[1], self->buf, 16, 0,		\
					 &self->b));				\
	self->c.len = 0;							\
} while (0)

/* What was made is sent, with so many descriptors. */
#define EXPECT_SENT(want_fds)							\
do {										\
	EXPECT_EQ(3, send_controls(self->sv[0], &self->c));			\
	EXPECT_EQ(3, recv_beside(self->sv[1], self->buf, 16, 0, &self->b));	\
	EXPECT_EQ(want_fds, self->b.nr_fds);					\
	close_fds(&self->b);							\
	self->c.len = 0;							\
} while (0)

static int some_fd = STDERR_FILENO;

TEST_F(cmsg, shorter_than_its_header_is_EINVAL)
{
	size_t len;

	for (len = 0; len < sizeof(struct cmsghdr); len++) {
		add(&self->c, SOL_SOCKET, SCM_RIGHTS, len, CMSG_SPACE(sizeof(int)));
		EXPECT_REFUSED(EINVAL);
	}
}

TEST_F(cmsg, longer_than_the_buffer_is_EINVAL)
{
	static const size_t lengths[] = {
		CMSG_LEN(sizeof(int)) + 5, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff,
		SIZE_MAX / 2, SIZE_MAX - 8, SIZE_MAX,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		*(int *)add(&self->c, SOL_SOCKET, SCM_RIGHTS, lengths[i],
			    CMSG_SPACE(sizeof(int))) = some_fd;
		EXPECT_REFUSED(EINVAL);
	}
}

TEST_F(cmsg, of_another_level_it_is_ignored_but_not_its_length)
{
	add(&self->c, SOL_SOCKET + 1, SCM_RIGHTS, CMSG_LEN(4), CMSG_SPACE(4));
	EXPECT_SENT(0);
	add(&self->c, 0, SCM_RIGHTS, CMSG_LEN(400), CMSG_SPACE(400));
	add_fds(&self->c, &some_fd, 1);
	EXPECT_SENT(1);
	add_fds(&self->c, &some_fd, 1);
	add(&self->c, 41, 12345, CMSG_LEN(0), CMSG_SPACE(0));
	EXPECT_SENT(1);
	add(&self->c, 0, SCM_RIGHTS, 3, CMSG_SPACE(4));
	EXPECT_REFUSED(EINVAL);
	add(&self->c, 0, SCM_RIGHTS, CMSG_LEN(500), CMSG_SPACE(4));
	EXPECT_REFUSED(EINVAL);
}

TEST_F(cmsg, of_another_level_it_parts_no_bytes_but_credentials_do)
{
	bool stream = variant->type == SOCK_STREAM;

	add(&self->c, 0, SCM_RIGHTS, CMSG_LEN(4), CMSG_SPACE(4));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(3, send_controls(self->sv[0], &self->c));
	EXPECT_EQ(stream ? 6 : 3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(stream ? -1 : 3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));

	/* One sender has a name, and the other has none. */
	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 0));
	ASSERT_EQ(3, send_controls(self->sv[0], &self->c));
	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, 16, MSG_DONTWAIT));
}

TEST_F(cmsg, of_an_unknown_type_it_is_EINVAL)
{
	static const int types[] = {
		0, SCM_SECURITY, SCM_PIDFD, 5, 12345, -1, SCM_INQ, SO_TIMESTAMP,
		SO_TIMESTAMPING, SO_MARK, SO_TXTIME,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		add(&self->c, SOL_SOCKET, types[i], CMSG_LEN(8), CMSG_SPACE(8));
		EXPECT_REFUSED(EINVAL);
	}
}

TEST_F(cmsg, after_a_good_one_a_bad_one_is_refused_with_it)
{
	add_fds(&self->c, &some_fd, 1);
	add(&self->c, SOL_SOCKET, 12345, CMSG_LEN(0), CMSG_SPACE(0));
	EXPECT_REFUSED(EINVAL);
	add_fds(&self->c, &some_fd, 1);
	add(&self->c, SOL_SOCKET, SCM_RIGHTS, 0, CMSG_SPACE(4));
	EXPECT_REFUSED(EINVAL);
	add_fds(&self->c, &some_fd, 1);
	add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(4), CMSG_SPACE(4));
	EXPECT_REFUSED(EINVAL);
}

TEST_F(cmsg, what_is_left_of_the_buffer_and_too_short_for_one_is_ignored)
{
	size_t len;

	for (len = 0; len < sizeof(struct cmsghdr); len++) {
		add_fds(&self->c, &some_fd, 1);
		memset(self->c.buf + self->c.len, 0xff, len);
		self->c.len += len;
		EXPECT_SENT(1);
		memset(self->c.buf, 0xff, len);
		self->c.len = len;
		EXPECT_SENT(0);
	}
}

TEST_F(cmsg, the_last_one_need_not_be_padded)
{
	add_fds(&self->c, &some_fd, 1);
	self->c.len = CMSG_LEN(sizeof(int));
	EXPECT_SENT(1);
}

TEST_F(cmsg, no_descriptors_are_none)
{
	add_fds(&self->c, &some_fd, 0);
	EXPECT_SENT(0);
	add_fds(&self->c, &some_fd, 0);
	add_fds(&self->c, &some_fd, 1);
	EXPECT_SENT(1);
}

TEST_F(cmsg, a_part_of_a_descriptor_is_ignored)
{
	unsigned int part;

	for (part = 1; part < sizeof(int); part++) {
		add(&self->c, SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(part), CMSG_SPACE(part));
		EXPECT_SENT(0);
		*(int *)add(&self->c, SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(sizeof(int) + part),
			    CMSG_SPACE(sizeof(int) + part)) = some_fd;
		EXPECT_SENT(1);
	}
}

TEST_F(cmsg, descriptors_of_several_come_together)
{
	int fds[] = { some_fd, some_fd, some_fd };

	add_fds(&self->c, fds, 2);
	add_fds(&self->c, fds, 1);
	add_fds(&self->c, fds, 3);
	EXPECT_SENT(6);
}

TEST_F(cmsg, more_than_253_in_all_are_EINVAL)
{
	int fds[900], i;

	for (i = 0; i < 900; i++)
		fds[i] = some_fd;
	add_fds(&self->c, fds, MAX_FDS + 1);
	EXPECT_REFUSED(EINVAL);
	add_fds(&self->c, fds, 900);
	EXPECT_REFUSED(EINVAL);
	add_fds(&self->c, fds, MAX_FDS - 3);
	add_fds(&self->c, fds, 3);
	EXPECT_SENT(MAX_FDS);
	add_fds(&self->c, fds, MAX_FDS - 3);
	add_fds(&self->c, fds, 4);
	EXPECT_REFUSED(EINVAL);
}

TEST_F(cmsg, a_descriptor_that_is_not_open_is_EBADF)
{
	static const int bad[] = { -1, -100, 0x7fffffff, -0x7fffffff, 12345 };
	unsigned int i;
	int fds[3];

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		fds[0] = some_fd;
		fds[1] = bad[i];
		fds[2] = some_fd;
		add_fds(&self->c, fds, 3);
		EXPECT_REFUSED(EBADF);
		add_fds(&self->c, fds, 1);
		add_fds(&self->c, fds + 1, 1);
		EXPECT_REFUSED(EBADF);
	}
	fds[0] = dup(some_fd);
	add_fds(&self->c, fds, 1);
	close(fds[0]);
	EXPECT_REFUSED(EBADF);
}

TEST_F(cmsg, credentials_of_another_length_are_EINVAL)
{
	struct ucred creds = { getpid(), getuid(), getgid() };
	size_t len;

	for (len = 0; len < 2 * sizeof(creds); len++) {
		if (len == sizeof(creds))
			continue;
		memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len),
			   CMSG_SPACE(2 * sizeof(creds))), &creds, sizeof(creds));
		EXPECT_REFUSED(EINVAL);
	}
	memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len / 2), CMSG_SPACE(len)),
	       &creds, sizeof(creds));
	EXPECT_SENT(0);
}

TEST_F(cmsg, of_several_credentials_the_last_are_sent_and_all_are_checked)
{
	struct ucred mine = { getpid(), getuid(), getgid() }, bad = mine;
	size_t len = sizeof(mine);

	ASSERT_EQ(0, set_number(self->sv[1], SO_PASSCRED, 1));
	memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len), CMSG_SPACE(len)),
	       &mine, len);
	memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len), CMSG_SPACE(len)),
	       &mine, len);
	EXPECT_SENT(0);
	EXPECT_EQ(1, self->b.nr_creds);
	EXPECT_EQ(getpid(), self->b.creds.pid);
	bad.uid = -1;
	memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len), CMSG_SPACE(len)),
	       &bad, len);
	memcpy(add(&self->c, SOL_SOCKET, SCM_CREDENTIALS, CMSG_LEN(len), CMSG_SPACE(len)),
	       &mine, len);
	EXPECT_REFUSED(EINVAL);
}

TEST_F(cmsg, a_buffer_that_cannot_be_copied_is_EFAULT)
{
	struct iovec iov = { "abc", 3 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = (void *)8, .msg_controllen = 64 };

	EXPECT_ERROR(EFAULT, sendmsg(self->sv[0], &msg, 0));
}

TEST_F(cmsg, too_long_a_buffer_is_ENOBUFS)
{
	static const size_t lengths[] = { 1ul << 30, 1ul << 31, 1ul << 40, SIZE_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		self->c.len = lengths[i];
		EXPECT_REFUSED(ENOBUFS);
	}
}

TEST_F(cmsg, it_is_looked_at_before_the_peer)
{
	int fd = unbound_socket(variant->family, variant->type);

	add(&self->c, SOL_SOCKET, 12345, CMSG_LEN(0), CMSG_SPACE(0));
	EXPECT_ERROR(variant->type == SOCK_SEQPACKET ? ENOTCONN : EINVAL,
		     send_controls(fd, &self->c));
	self->c.len = 0;
	add_fds(&self->c, &some_fd, 1);
	EXPECT_ERROR(ENOTCONN, send_controls(fd, &self->c));
	close(fd);
}

/*
 * At random: control messages that are mostly wrong in one way or another. Most
 * are refused, some are sent, of those some are received. In the end everything
 * is as it was.
 */
struct random { unsigned int seed; };

static unsigned int dice(struct random *r, unsigned int sides)
{
	return random_below(&r->seed, sides);
}

static void add_at_random(struct controls *c, struct random *r, const int *fds, int nr_fds)
{
	static const int types[] = { SCM_RIGHTS, SCM_CREDENTIALS, SCM_SECURITY, 77 };
	unsigned int n = dice(r, 10), i;
	size_t len = CMSG_LEN(n * sizeof(int)), space = CMSG_SPACE(n * sizeof(int));
	int type = types[dice(r, 16) ? 0 : dice(r, 4)], *data;

	switch (dice(r, 20)) {
	case 0:
		len = dice(r, sizeof(struct cmsghdr));
		break;
	case 1:
		len += dice(r, 64);
		break;
	case 2:
		len = SIZE_MAX - dice(r, 64);
		break;
	}
	data = add(c, dice(r, 16) ? SOL_SOCKET : (int)dice(r, 300), type, len, space);
	for (i = 0; i < n; i++)
		data[i] = dice(r, 60) ? fds[dice(r, nr_fds)] : (int)dice(r, 5000) - 10;
	if (type == SCM_CREDENTIALS && dice(r, 4)) {
		struct ucred creds = { getpid(), getuid(), getgid() };

		c->len -= space;
		memcpy(add(c, SOL_SOCKET, type, CMSG_LEN(sizeof(creds)),
			   CMSG_SPACE(sizeof(creds))), &creds, sizeof(creds));
	}
}

TEST(attempts_at_random_leave_nothing_behind)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	long attempts = 100000, i, sent = 0, sockets;
	int sv[3][2], fds[8], t, before, in[2], out[2];
	struct random r = { test_seed(1) };
	struct controls c = { 0 };
	struct beside b;
	char buf[64];

	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	if (is_debug_kernel())
		attempts = 5000;
	for (t = 0; t < 3; t++) {
		ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), types[t] | SOCK_NONBLOCK, 0,
					sv[t]));
		ASSERT_EQ(0, set_number(sv[t][1], SO_PASSCRED, 1));
	}
	/* of each pipe, one end is passed around and one stays to tell when that is closed */
	ASSERT_EQ(0, pipe(in));
	ASSERT_EQ(0, pipe(out));
	fds[0] = in[0];
	fds[1] = out[1];
	for (t = 0; t < 6; t++)
		fds[2 + t] = sv[t / 2][t % 2];
	before = count_fds();
	sockets = count_demo_sockets();

	for (i = 0; i < attempts; i++) {
		t = dice(&r, 3);
		c.len = 0;
		do
			add_at_random(&c, &r, fds, ARRAY_SIZE(fds));
		while (!dice(&r, 3));
		/* the last one may be cut off */
		if (!dice(&r, 20))
			c.len -= dice(&r, 16);
		sent += send_controls(sv[t][0], &c) > 0;
		/* with room for all, for some, or for none */
		if (dice(&r, 2) &&
		    recv_beside_room(sv[t][1], buf, 1 + dice(&r, 8),
				     dice(&r, 4) ? 0 : MSG_PEEK, &b,
				     dice(&r, 2) ? sizeof(union control) : dice(&r, 64)) >= 0)
			close_fds(&b);
		if (!dice(&r, 100))
			for (t = 0; t < 3; t++)
				recv_until_empty(sv[t][1]);
	}
	for (t = 0; t < 3; t++) {
		EXPECT_LE(0, recv_until_empty(sv[t][1]));
		EXPECT_EQ(0, unsent(sv[t][0]));
	}
	TH_LOG("%ld attempts, %ld sent", attempts, sent);
	EXPECT_LT(attempts / 100, sent);
	EXPECT_GT(attempts - attempts / 100, sent);
	EXPECT_EQ(before, count_fds());
	EXPECT_EQ(sockets, count_demo_sockets());
	/* a file that somebody still holds lets these wait for ever, and the watchdog tell */
	close(in[0]);
	EXPECT_EQ(1, poll(&(struct pollfd){ in[1], 0 }, 1, -1));
	close(out[1]);
	EXPECT_EQ(1, poll(&(struct pollfd){ out[0], 0 }, 1, -1));
	close(in[1]);
	close(out[0]);
	for (t = 0; t < 3; t++) {
		close(sv[t][0]);
		close(sv[t][1]);
	}
	while (count_demo_sockets() > 0)
		usleep(1000);
}

TEST_HARNESS_MAIN
