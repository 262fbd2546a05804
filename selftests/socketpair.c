// SPDX-License-Identifier: GPL-2.0-only
/*
 * socketpair(): two sockets that are connected from birth.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "demo_test.h"

enum { SERVICE };			/* addresses of a test */

FIXTURE(socketpair) {
	int sv[2];
};

FIXTURE_VARIANT(socketpair) {
	enum family family;
	int type;
};

VARIANTS_ALL(socketpair);

FIXTURE_SETUP(socketpair)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, self->sv));
}

FIXTURE_TEARDOWN(socketpair)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(socketpair, what_is_written_on_one_end_is_read_on_the_other)
{
	char buf[8];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(5, send(self->sv[i], "hello", 5, 0));
		EXPECT_EQ(-1, recv(self->sv[i], buf, sizeof(buf), MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
		ASSERT_EQ(5, recv(self->sv[!i], buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(buf, "hello", 5));
	}
}

TEST_F(socketpair, both_ends_are_of_the_type_asked_for)
{
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(family_number(variant->family), get_number(self->sv[i], SO_DOMAIN));
		EXPECT_EQ(variant->type, get_number(self->sv[i], SO_TYPE));
		EXPECT_EQ(0, get_number(self->sv[i], SO_ERROR));
		EXPECT_EQ(0, get_number(self->sv[i], SO_ACCEPTCONN));
		EXPECT_EQ(POLLOUT, poll_now(self->sv[i], POLLIN | POLLOUT | POLLRDHUP));
	}
}

TEST_F(socketpair, the_flags_asked_for_are_on_both_ends)
{
	int i, j, sv[2], flags[] = {
		0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK,
	};

	for (j = 0; j < 4; j++) {
		ASSERT_EQ(0, socketpair(family_number(variant->family),
					variant->type | flags[j], 0, sv));
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(!!(flags[j] & SOCK_CLOEXEC), fcntl(sv[i], F_GETFD));
			EXPECT_EQ(!!(flags[j] & SOCK_NONBLOCK),
				  !!(fcntl(sv[i], F_GETFL) & O_NONBLOCK));
			close(sv[i]);
		}
	}
}

TEST_F(socketpair, when_one_end_closes_the_other_is_told_in_the_way_of_its_type)
{
	char c;

	ASSERT_EQ(1, send(self->sv[0], "1", 1, 0));
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_EQ(1, recv(self->sv[1], &c, 1, 0));
	if (variant->type == SOCK_DGRAM) {
		EXPECT_EQ(-1, recv(self->sv[1], &c, 1, MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
		EXPECT_EQ(-1, send(self->sv[1], "", 1, MSG_NOSIGNAL));
		EXPECT_EQ(ECONNREFUSED, errno);
		EXPECT_EQ(-1, send(self->sv[1], "", 1, MSG_NOSIGNAL));
		EXPECT_EQ(ENOTCONN, errno);
	} else {
		EXPECT_EQ(0, recv(self->sv[1], &c, 1, 0));
		EXPECT_EQ(-1, send(self->sv[1], "", 1, MSG_NOSIGNAL));
		EXPECT_EQ(EPIPE, errno);
	}
}

TEST_F(socketpair, fork_shares_an_end_and_the_last_close_ends_it)
{
	char c;
	pid_t pid;

	pid = fork_child();
	if (!pid) {
		close(self->sv[0]);
		_exit(recv(self->sv[1], &c, 1, 0) == 1 && c == '1' &&
		      send(self->sv[1], "2", 1, 0) == 1 ? 0 : 1);
	}
	close(self->sv[1]);
	self->sv[1] = -1;
	ASSERT_EQ(1, send(self->sv[0], "1", 1, 0));
	EXPECT_EQ(1, recv(self->sv[0], &c, 1, 0));
	EXPECT_EQ('2', c);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(-1, send(self->sv[0], "", 1, MSG_NOSIGNAL));
	EXPECT_EQ(variant->type == SOCK_DGRAM ? ECONNREFUSED : EPIPE, errno);
}

/* The next descriptor there is to be had: none was lost when it is the same. */
static int next_descriptor(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

TEST_F(socketpair, an_array_half_in_memory_is_EFAULT_and_no_descriptor_is_lost)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = next_descriptor();
	char *p, *end;

	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	end = p + page;
	ASSERT_EQ(0, mprotect(end, page, PROT_NONE));
	EXPECT_EQ(-1, socketpair(family_number(variant->family), variant->type, 0,
				 (int *)(end - sizeof(int))));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, socketpair(family_number(variant->family), variant->type, 0,
				 (int *)end));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(fd, next_descriptor());
	munmap(p, 2 * page);
}

TEST_F(socketpair, with_room_for_one_descriptor_it_is_EMFILE_and_none_is_lost)
{
	int fd = next_descriptor(), sv[2];
	struct rlimit limit, one_more;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	one_more = limit;
	one_more.rlim_cur = fd + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &one_more));
	EXPECT_EQ(-1, socketpair(family_number(variant->family), variant->type, 0, sv));
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(fd, next_descriptor());
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
}

TEST_F(socketpair, a_type_a_protocol_or_a_flag_there_is_not_is_refused)
{
	int family = family_number(variant->family), sv[2];

	EXPECT_EQ(-1, socketpair(family, SOCK_RDM, 0, sv));
	EXPECT_EQ(ESOCKTNOSUPPORT, errno);
	EXPECT_EQ(-1, socketpair(family, variant->type, 1000, sv));
	EXPECT_EQ(EPROTONOSUPPORT, errno);
	EXPECT_EQ(-1, socketpair(family, variant->type | 0x100, 0, sv));
	EXPECT_EQ(EINVAL, errno);
}

/* Of the two types with connections. */
FIXTURE(socketpair_connection) {
	int sv[2];
};

FIXTURE_VARIANT(socketpair_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(socketpair_connection);

FIXTURE_SETUP(socketpair_connection)
{
	NEED_FAMILY(variant->family);
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, self->sv));
}

FIXTURE_TEARDOWN(socketpair_connection)
{
	close(self->sv[0]);
	close(self->sv[1]);
}

TEST_F(socketpair_connection, an_end_cannot_be_connected_again)
{
	int listener = listening_socket(variant->family, variant->type, SERVICE, 1);
	struct address service = address(variant->family, SERVICE);

	EXPECT_EQ(-1, connect_to(self->sv[0], &service));
	EXPECT_EQ(EISCONN, errno);
	EXPECT_EQ(1, send(self->sv[0], "", 1, 0));
	EXPECT_EQ(POLLIN, poll_now(self->sv[1], POLLIN));
	EXPECT_EQ(0, poll_now(listener, POLLIN));
	close(listener);
}

TEST_F(socketpair_connection, an_end_cannot_become_a_listener)
{
	struct address a = address(variant->family, SERVICE);

	EXPECT_EQ(-1, listen(self->sv[0], 1));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, bind_to(self->sv[0], &a));
	EXPECT_EQ(-1, listen(self->sv[0], 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, accept(self->sv[0], NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(ECONNREFUSED, try_call(connect_to, variant->family, variant->type, &a));
}

TEST_HARNESS_MAIN
