// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options that are about the socket itself, and what setsockopt() and
 * getsockopt() refuse. peercred.c has those about its peer.
 */
#include <limits.h>

#include "demo_test.h"

enum { SERVICE, OTHER };		/* addresses of a test */

#define NO_SUCH_OPTION	9999
#define NO_SUCH_LEVEL	9999

FIXTURE(options) {
	int fd;
};

FIXTURE_VARIANT(options) {
	enum family family;
	int type;
};

VARIANTS_ALL(options);

FIXTURE_SETUP(options)
{
	NEED_FAMILY(variant->family);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(options)
{
	close(self->fd);
}

TEST_F(options, SO_COOKIE_is_one_number_for_one_socket)
{
	uint64_t cookie[3];
	socklen_t len;
	int i, sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	for (i = 0; i < 3; i++) {
		len = sizeof(cookie[i]);
		ASSERT_EQ(0, getsockopt(i < 2 ? sv[i] : self->fd, SOL_SOCKET, SO_COOKIE,
					&cookie[i], &len));
		EXPECT_EQ(sizeof(cookie[i]), len);
		EXPECT_NE((uint64_t)0, cookie[i]);
	}
	EXPECT_NE(cookie[0], cookie[1]);
	EXPECT_NE(cookie[0], cookie[2]);
	EXPECT_NE(cookie[1], cookie[2]);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_COOKIE, &cookie[0], &len));
	EXPECT_EQ(cookie[2], cookie[0]);
	len = sizeof(cookie[0]) - 1;
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_COOKIE, &cookie[0], &len));
	EXPECT_EQ(EINVAL, errno);
	close(sv[0]);
	close(sv[1]);
}

TEST_F(options, SO_ACCEPTCONN_is_said_of_listeners_only)
{
	struct address a = address(variant->family, SERVICE);

	EXPECT_EQ(0, get_number(self->fd, SO_ACCEPTCONN));
	ASSERT_EQ(0, bind_to(self->fd, &a));
	EXPECT_EQ(0, get_number(self->fd, SO_ACCEPTCONN));
	EXPECT_EQ(variant->type == SOCK_DGRAM ? -1 : 0, listen(self->fd, 1));
	EXPECT_EQ(variant->type != SOCK_DGRAM, get_number(self->fd, SO_ACCEPTCONN));
}

TEST_F(options, SO_ERROR_is_0_as_long_as_nothing_happened)
{
	struct address a = address(variant->family, OTHER);

	EXPECT_EQ(0, get_number(self->fd, SO_ERROR));
	/* what a call said is not said again */
	EXPECT_EQ(-1, connect_to(self->fd, &a));
	EXPECT_EQ(0, get_number(self->fd, SO_ERROR));
}

TEST_F(options, SO_SNDBUF_and_SO_RCVBUF_are_what_AF_UNIX_makes_of_them)
{
	int unix_fd = unbound_socket(FAMILY_UNIX, variant->type);
	int i, j, options[] = { SO_SNDBUF, SO_RCVBUF };
	int sizes[] = { 0, 1, 2304, 10000, 100000, INT_MAX, -1 };

	for (i = 0; i < 2; i++) {
		EXPECT_LT(0, get_number(self->fd, options[i]));
		EXPECT_EQ(get_number(unix_fd, options[i]), get_number(self->fd, options[i]));
		for (j = 0; j < 7; j++) {
			ASSERT_EQ(0, set_number(unix_fd, options[i], sizes[j]));
			EXPECT_EQ(0, set_number(self->fd, options[i], sizes[j]));
			EXPECT_EQ(get_number(unix_fd, options[i]),
				  get_number(self->fd, options[i]))
				TH_LOG("option %d set to %d", options[i], sizes[j]);
		}
	}
	EXPECT_EQ(0, set_number(self->fd, SO_SNDBUF, 10000));
	EXPECT_EQ(20000, get_number(self->fd, SO_SNDBUF));
	EXPECT_EQ(0, set_number(self->fd, SO_RCVBUF, 10000));
	EXPECT_EQ(20000, get_number(self->fd, SO_RCVBUF));
	close(unix_fd);
}

TEST_F(options, SO_REUSEADDR_does_not_share_a_name)
{
	struct address a = address(variant->family, SERVICE);
	int fd = unbound_socket(variant->family, variant->type);

	ASSERT_EQ(0, set_number(fd, SO_REUSEADDR, 1));
	ASSERT_EQ(0, set_number(self->fd, SO_REUSEADDR, 1));
	ASSERT_EQ(0, bind_to(fd, &a));
	EXPECT_EQ(-1, bind_to(self->fd, &a));
	EXPECT_EQ(EADDRINUSE, errno);
	close(fd);
}

TEST_F(options, what_only_can_be_read_is_ENOPROTOOPT_to_setsockopt)
{
	int i, options[] = {
		SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ERROR, SO_ACCEPTCONN, SO_PEERCRED,
		SO_COOKIE,
	};

	for (i = 0; i < 7; i++) {
		EXPECT_EQ(-1, set_number(self->fd, options[i], 1));
		EXPECT_EQ(ENOPROTOOPT, errno)
			TH_LOG("option %d", options[i]);
	}
	EXPECT_EQ(variant->type, get_number(self->fd, SO_TYPE));
}

TEST_F(options, an_option_there_is_not_is_ENOPROTOOPT)
{
	EXPECT_EQ(-1, set_number(self->fd, NO_SUCH_OPTION, 1));
	EXPECT_EQ(ENOPROTOOPT, errno);
	EXPECT_EQ(-1, get_number(self->fd, NO_SUCH_OPTION));
	EXPECT_EQ(ENOPROTOOPT, errno);
}

TEST_F(options, a_level_there_is_not_is_EOPNOTSUPP)
{
	int i, value = 1, levels[] = { 0, 6, 17, SOL_DEMO - 1, SOL_DEMO + 1, NO_SUCH_LEVEL };
	socklen_t len;

	for (i = 0; i < 6; i++) {
		EXPECT_EQ(-1, setsockopt(self->fd, levels[i], 1, &value, sizeof(value)));
		EXPECT_EQ(EOPNOTSUPP, errno)
			TH_LOG("level %d", levels[i]);
		len = sizeof(value);
		EXPECT_EQ(-1, getsockopt(self->fd, levels[i], 1, &value, &len));
		EXPECT_EQ(EOPNOTSUPP, errno)
			TH_LOG("level %d", levels[i]);
	}
}

TEST_F(options, a_bad_pointer_is_EFAULT)
{
	socklen_t len = sizeof(int);
	int value;

	EXPECT_EQ(-1, setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, NULL, sizeof(int)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, (void *)8, sizeof(int)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, (void *)8, &len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &value, (void *)8));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(options, a_length_too_short_or_negative_is_EINVAL)
{
	int value = 10000, before = get_number(self->fd, SO_SNDBUF);
	socklen_t len;

	for (len = 0; len < sizeof(int); len++) {
		EXPECT_EQ(-1, setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &value, len));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-1, setsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &value, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(before, get_number(self->fd, SO_SNDBUF));
	len = -1;
	EXPECT_EQ(-1, getsockopt(self->fd, SOL_SOCKET, SO_SNDBUF, &value, &len));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(options, a_value_is_cut_to_the_buffer)
{
	unsigned char buf[8];
	socklen_t len = 1;

	memset(buf, 0xa5, sizeof(buf));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_TYPE, buf, &len));
	EXPECT_EQ(1u, len);
	EXPECT_EQ(variant->type, buf[0]);
	EXPECT_EQ(0xa5, buf[1]);
	len = sizeof(buf);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_TYPE, buf, &len));
	EXPECT_EQ(sizeof(int), len);
	EXPECT_EQ(0xa5, buf[sizeof(int)]);
}

/* Of accepted sockets: theirs are their own, not the listener's. */
FIXTURE(options_accept) {
	int listener, client, fd;
};

FIXTURE_VARIANT(options_accept) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(options_accept);

FIXTURE_SETUP(options_accept)
{
	NEED_FAMILY(variant->family);
	self->listener = listening_socket(variant->family, variant->type, SERVICE, 1);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, set_number(self->listener, SO_SNDBUF, 30000));
	self->client = connected_socket(variant->family, variant->type, SERVICE);
	self->fd = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, self->client);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(options_accept)
{
	close(self->listener);
	close(self->client);
	close(self->fd);
}

TEST_F(options_accept, an_accepted_socket_is_of_the_listeners_family_and_type)
{
	EXPECT_EQ(family_number(variant->family), get_number(self->fd, SO_DOMAIN));
	EXPECT_EQ(variant->type, get_number(self->fd, SO_TYPE));
	EXPECT_EQ(0, get_number(self->fd, SO_PROTOCOL));
	EXPECT_EQ(0, get_number(self->fd, SO_ACCEPTCONN));
	EXPECT_EQ(0, get_number(self->fd, SO_ERROR));
	EXPECT_EQ(1, get_number(self->listener, SO_ACCEPTCONN));
}

TEST_F(options_accept, an_accepted_socket_has_buffers_of_the_usual_size)
{
	int fd = unbound_socket(variant->family, variant->type);

	EXPECT_EQ(60000, get_number(self->listener, SO_SNDBUF));
	EXPECT_EQ(get_number(fd, SO_SNDBUF), get_number(self->fd, SO_SNDBUF));
	EXPECT_EQ(get_number(fd, SO_RCVBUF), get_number(self->fd, SO_RCVBUF));
	close(fd);
}

TEST_F(options_accept, an_accepted_socket_has_a_cookie_of_its_own)
{
	int fd[] = { self->listener, self->client, self->fd };
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie[3];
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, getsockopt(fd[i], SOL_SOCKET, SO_COOKIE, &cookie[i], &len));
	EXPECT_NE(cookie[0], cookie[2]);
	EXPECT_NE(cookie[1], cookie[2]);
}

/* zerocopy.c has DEMO_ZEROCOPY. */
TEST(SOL_DEMO_has_no_other_options)
{
	int i, j, fd, value = 1, types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int options[] = { 0, DEMO_RECVERR, -1, NO_SUCH_OPTION };
	socklen_t len;

	NEED_FAMILY(FAMILY_DEMO);
	for (i = 0; i < 3; i++) {
		fd = unbound_socket(FAMILY_DEMO, types[i]);
		for (j = 0; j < 4; j++) {
			EXPECT_EQ(-1, setsockopt(fd, SOL_DEMO, options[j], &value,
						 sizeof(value)));
			EXPECT_EQ(ENOPROTOOPT, errno);
			len = sizeof(value);
			EXPECT_EQ(-1, getsockopt(fd, SOL_DEMO, options[j], &value, &len));
			EXPECT_EQ(ENOPROTOOPT, errno);
		}
		close(fd);
	}
}

TEST_HARNESS_MAIN
