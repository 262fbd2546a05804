// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket(): which types, protocols and flags there are, and what a socket
 * refuses that other files have.
 */
#include <limits.h>
#include <linux/sockios.h>
#include <sys/mman.h>

#include "demo_test.h"

FIXTURE(socket) {
	int family, fd;
};

FIXTURE_VARIANT(socket) {
	enum family family;
	int type;
};

VARIANTS_ALL(socket);

FIXTURE_SETUP(socket)
{
	NEED_FAMILY(variant->family);
	self->family = family_number(variant->family);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(socket)
{
	close(self->fd);
}

TEST_F(socket, it_is_of_the_family_type_and_protocol_asked_for)
{
	EXPECT_EQ(self->family, get_number(self->fd, SO_DOMAIN));
	EXPECT_EQ(variant->type, get_number(self->fd, SO_TYPE));
	EXPECT_EQ(0, get_number(self->fd, SO_PROTOCOL));
}

TEST_F(socket, it_has_the_flags_asked_for)
{
	int i, fd, flags[] = {
		0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK,
	};

	for (i = 0; i < 4; i++) {
		fd = socket(self->family, variant->type | flags[i], 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(!!(flags[i] & SOCK_CLOEXEC), fcntl(fd, F_GETFD));
		EXPECT_EQ(!!(flags[i] & SOCK_NONBLOCK), !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
		close(fd);
	}
	EXPECT_EQ(-1, socket(self->family, variant->type | 0x100, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(socket, a_protocol_there_is_not_is_EPROTONOSUPPORT)
{
	int i, protocols[] = { 2, 18, 255, INT_MAX, -1 };

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-1, socket(self->family, variant->type, protocols[i]));
		EXPECT_EQ(EPROTONOSUPPORT, errno)
			TH_LOG("protocol %d", protocols[i]);
	}
}

TEST_F(socket, it_cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(socket, it_cannot_be_sought_nor_read_at_a_place)
{
	char c;

	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->fd, &c, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &c, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
}

TEST_F(socket, an_ioctl_there_is_not_is_ENOTTY)
{
	/* TCGETS, SIOCGSTAMP and one that nobody has */
	unsigned long requests[] = { 0x5401, 0x8906, 0x12345678 };
	char buf[256];
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-1, ioctl(self->fd, requests[i], buf));
		EXPECT_EQ(ENOTTY, errno)
			TH_LOG("request %#lx", requests[i]);
	}
}

TEST_F(socket, an_ioctl_with_a_bad_pointer_is_EFAULT)
{
	EXPECT_EQ(-1, ioctl(self->fd, SIOCINQ, (void *)8));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, SIOCOUTQ, (void *)8));
	EXPECT_EQ(EFAULT, errno);
}

/* What does not depend on the type. */
FIXTURE(socket_type) {
	int family;
};

FIXTURE_VARIANT(socket_type) {
	enum family family;
};

FIXTURE_VARIANT_ADD(socket_type, demo) { .family = FAMILY_DEMO };
FIXTURE_VARIANT_ADD(socket_type, unix) { .family = FAMILY_UNIX };

FIXTURE_SETUP(socket_type)
{
	NEED_FAMILY(variant->family);
	self->family = family_number(variant->family);
}

FIXTURE_TEARDOWN(socket_type)
{
}

TEST_F(socket_type, a_type_there_is_not_is_ESOCKTNOSUPPORT)
{
	int i, types[] = { 0, SOCK_RDM, SOCK_DCCP, 7, 8, 9, SOCK_PACKET };

	for (i = 0; i < 7; i++) {
		EXPECT_EQ(-1, socket(self->family, types[i], 0));
		EXPECT_EQ(ESOCKTNOSUPPORT, errno)
			TH_LOG("type %d", types[i]);
	}
}

TEST_F(socket_type, a_type_no_family_can_have_is_EINVAL)
{
	EXPECT_EQ(-1, socket(self->family, SOCK_PACKET + 1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, socket(self->family, 15, 0));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(socket_type, the_protocol_is_looked_at_before_the_type)
{
	EXPECT_EQ(-1, socket(self->family, SOCK_RDM, 1000));
	EXPECT_EQ(EPROTONOSUPPORT, errno);
}

/* AF_UNIX has a protocol 1, which is 0, and a SOCK_RAW, which is SOCK_DGRAM. */
TEST(AF_DEMO_has_protocol_0_only)
{
	int i, types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int family;

	NEED_FAMILY(FAMILY_DEMO);
	family = family_number(FAMILY_DEMO);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-1, socket(family, types[i], 1));
		EXPECT_EQ(EPROTONOSUPPORT, errno);
		EXPECT_EQ(-1, socket(family, types[i], family));
		EXPECT_EQ(EPROTONOSUPPORT, errno);
	}
}

TEST(AF_DEMO_has_no_SOCK_RAW)
{
	NEED_FAMILY(FAMILY_DEMO);
	EXPECT_EQ(-1, socket(family_number(FAMILY_DEMO), SOCK_RAW, 0));
	EXPECT_EQ(ESOCKTNOSUPPORT, errno);
}

TEST_HARNESS_MAIN
