// SPDX-License-Identifier: GPL-2.0-only
/*
 * The form of an address: what bind(), connect() and sendto() take for one and
 * what they refuse, and how a name is handed back.
 */
#include <limits.h>
#include <sys/mman.h>

#include "demo_test.h"

enum { SERVICE, FREE };			/* addresses of a test */

/* The calls that take an address; only datagram sockets look at sendto()'s. */
enum { BIND, CONNECT, SENDTO, CALLS };

static const struct {
	const char *name;
	int (*call)(int fd, const struct address *a);
} calls[] = {
	[BIND] = { "bind", bind_to },
	[CONNECT] = { "connect", connect_to },
	[SENDTO] = { "sendto", send_to },
};

static int calls_of(int type)
{
	return type == SOCK_DGRAM ? CALLS : SENDTO;
}

static int call_with(int call, int type, const struct address *a)
{
	return try_call(calls[call].call, FAMILY_DEMO, type, a);
}

/* An address with which that call succeeds. */
static struct address good_address(int call)
{
	return address(FAMILY_DEMO, call == BIND ? FREE : SERVICE);
}

/* What AF_DEMO alone has: struct sockaddr_demo. */
FIXTURE(demo) {
	int service;
};

FIXTURE_VARIANT(demo) {
	int type;
};

FIXTURE_VARIANT_ADD(demo, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(demo, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(demo, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(demo)
{
	NEED_FAMILY(FAMILY_DEMO);
	self->service = service_socket(FAMILY_DEMO, variant->type, SERVICE);
	ASSERT_LE(0, self->service);
}

FIXTURE_TEARDOWN(demo)
{
	close(self->service);
}

TEST_F(demo, an_address_in_order_is_taken)
{
	struct address a;
	int call;

	for (call = 0; call < calls_of(variant->type); call++) {
		a = good_address(call);
		EXPECT_EQ(0, call_with(call, variant->type, &a))
			TH_LOG("%s", calls[call].name);
	}
}

TEST_F(demo, an_address_too_short_is_EINVAL)
{
	struct address a;
	int call;

	for (call = 0; call < calls_of(variant->type); call++) {
		a = good_address(call);
		/* sendto() without a length has no address at all */
		for (a.len = call == SENDTO; a.len < sizeof(a.demo); a.len++)
			EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))
				TH_LOG("%s of %u bytes", calls[call].name, a.len);
	}
}

TEST_F(demo, an_address_too_long_is_EINVAL)
{
	socklen_t len[] = { sizeof(struct sockaddr_demo) + 1,
			    sizeof(struct sockaddr_storage) };
	struct address a;
	unsigned int i;
	int call;

	for (call = 0; call < calls_of(variant->type); call++) {
		for (i = 0; i < ARRAY_SIZE(len); i++) {
			a = good_address(call);
			a.len = len[i];
			EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))
				TH_LOG("%s of %u bytes", calls[call].name, a.len);
		}
	}
}

TEST_F(demo, another_family_in_the_address_is_EAFNOSUPPORT)
{
	int families[] = { AF_UNSPEC, AF_UNIX, AF_INET, AF_VSOCK, 0xffff };
	struct address a;
	unsigned int i;
	int call;

	for (call = 0; call < calls_of(variant->type); call++) {
		for (i = 0; i < ARRAY_SIZE(families); i++) {
			/* this is how a datagram socket is disconnected */
			if (call == CONNECT && variant->type == SOCK_DGRAM &&
			    families[i] == AF_UNSPEC)
				continue;
			a = good_address(call);
			a.demo.sdm_family = families[i];
			EXPECT_EQ(EAFNOSUPPORT, call_with(call, variant->type, &a))
				TH_LOG("%s, family %d", calls[call].name, families[i]);
		}
	}
}

/* Each bit of the field set alone is refused by each call. */
#define EXPECT_MUST_BE_ZERO(field)						\
do {										\
	struct address a;							\
	unsigned int bit;							\
	int call;								\
										\
	for (call = 0; call < calls_of(variant->type); call++) {		\
		for (bit = 0; bit < 8 * sizeof(a.demo.field); bit++) {		\
			a = good_address(call);					\
			((char *)&a.demo.field)[bit / 8] |= 1 << bit % 8;	\
			EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))	\
				TH_LOG("%s, bit %u", calls[call].name, bit);	\
		}								\
	}									\
} while (0)

TEST_F(demo, a_bit_in_sdm_reserved_is_EINVAL)
{
	EXPECT_MUST_BE_ZERO(sdm_reserved);
}

TEST_F(demo, a_bit_in_sdm_flags_is_EINVAL)
{
	EXPECT_MUST_BE_ZERO(sdm_flags);
}

TEST_F(demo, a_bit_in_sdm_zero_is_EINVAL)
{
	EXPECT_MUST_BE_ZERO(sdm_zero);
}

TEST_F(demo, a_node_that_is_not_ours_is_EADDRNOTAVAIL_to_bind_and_ENETUNREACH_to_reach)
{
	unsigned int nodes[] = { 0, 2, 0x7fffffff, DEMO_NODE_ANY - 1 };
	struct address a;
	unsigned int i;
	int call;

	for (call = 0; call < calls_of(variant->type); call++) {
		for (i = 0; i < ARRAY_SIZE(nodes); i++) {
			a = good_address(call);
			a.demo.sdm_node = nodes[i];
			EXPECT_EQ(call == BIND ? EADDRNOTAVAIL : ENETUNREACH,
				  call_with(call, variant->type, &a))
				TH_LOG("%s, node %u", calls[call].name, nodes[i]);
		}
	}
	a = demo_address(2, DEMO_PORT_ANY);
	EXPECT_EQ(EADDRNOTAVAIL, call_with(BIND, variant->type, &a));
}

TEST_F(demo, any_port_or_any_node_as_a_destination_is_EINVAL)
{
	struct address a;
	int call;

	for (call = CONNECT; call < calls_of(variant->type); call++) {
		a = good_address(call);
		a.demo.sdm_port = DEMO_PORT_ANY;
		EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))
			TH_LOG("%s, any port", calls[call].name);
		a = good_address(call);
		a.demo.sdm_node = DEMO_NODE_ANY;
		EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))
			TH_LOG("%s, any node", calls[call].name);
		a.demo.sdm_port = DEMO_PORT_ANY;
		EXPECT_EQ(EINVAL, call_with(call, variant->type, &a))
			TH_LOG("%s, any of both", calls[call].name);
	}
}

/* What both families have: an address is somewhere in the memory of the caller. */
FIXTURE(name) {
	int fd;
	struct address address;
};

FIXTURE_VARIANT(name) {
	enum family family;
	int type;
};

VARIANTS_ALL(name);

FIXTURE_SETUP(name)
{
	NEED_FAMILY(variant->family);
	self->address = address(variant->family, SERVICE);
	self->fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(name)
{
	close(self->fd);
}

TEST_F(name, a_bad_pointer_to_an_address_is_EFAULT_and_a_bad_length_EINVAL)
{
	struct address *a = &self->address;
	socklen_t lens[] = { 0, 1, sizeof(struct sockaddr_storage) + 1, INT_MAX, -1 };
	unsigned int i;

	EXPECT_EQ(-1, bind(self->fd, (void *)1, a->len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, connect(self->fd, (void *)1, a->len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, sendto(self->fd, "", 1, 0, (void *)1, a->len));
	EXPECT_EQ(EFAULT, errno);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		EXPECT_EQ(-1, bind(self->fd, &a->sa, lens[i]));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, connect(self->fd, &a->sa, lens[i]));
		EXPECT_EQ(EINVAL, errno);
	}
	/* and nothing of it stuck */
	EXPECT_EQ(0, bind_to(self->fd, a));
}

TEST_F(name, an_address_may_lie_anywhere_in_memory)
{
	char buf[sizeof(struct sockaddr_storage) + 1];
	int service = service_socket(variant->family, variant->type, SERVICE);
	struct address a = address(variant->family, FREE);
	socklen_t len;

	memcpy(buf + 1, &a.sa, a.len);
	ASSERT_EQ(0, bind(self->fd, (void *)(buf + 1), a.len));
	memcpy(buf + 1, &self->address.sa, self->address.len);
	if (variant->type == SOCK_DGRAM) {
		EXPECT_EQ(1, sendto(self->fd, "", 1, 0, (void *)(buf + 1),
				    self->address.len));
	}
	EXPECT_EQ(0, connect(self->fd, (void *)(buf + 1), self->address.len));
	memset(buf, 0, sizeof(buf));
	len = a.len;
	EXPECT_EQ(0, getsockname(self->fd, (void *)(buf + 1), &len));
	EXPECT_EQ(0, memcmp(buf + 1, &a.sa, a.len));
	close(service);
}

TEST_F(name, an_address_can_end_where_the_memory_ends)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p, *end;

	p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, mprotect(p + page, page, PROT_NONE));
	end = p + page - self->address.len;
	memcpy(end, &self->address.sa, self->address.len);
	EXPECT_EQ(-1, bind(self->fd, (void *)(end + 1), self->address.len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, bind(self->fd, (void *)end, self->address.len));
	munmap(p, 2 * page);
}

TEST_F(name, a_name_is_cut_to_the_buffer_and_its_whole_length_told)
{
	int service = service_socket(variant->family, variant->type, SERVICE), i;
	int (*name_of[])(int fd, struct sockaddr *a, socklen_t *len) = {
		getsockname, getpeername,
	};
	unsigned char buf[sizeof(struct sockaddr_storage)];
	socklen_t room, len;

	ASSERT_EQ(0, connect_to(self->fd, &self->address));
	for (i = 0; i < 2; i++) {
		for (room = 0; room <= self->address.len; room++) {
			memset(buf, 0xa5, sizeof(buf));
			len = room;
			EXPECT_EQ(0, name_of[i](i ? self->fd : service, (void *)buf, &len));
			EXPECT_EQ(self->address.len, len);
			EXPECT_EQ(0, memcmp(buf, &self->address.sa, room));
			EXPECT_EQ(0xa5, buf[room]);
		}
	}
	close(service);
}

TEST_F(name, a_bad_buffer_for_a_name_is_EFAULT_and_a_bad_length_EINVAL)
{
	struct address a;

	ASSERT_EQ(0, bind_to(self->fd, &self->address));
	a.len = sizeof(a.storage);
	EXPECT_EQ(-1, getsockname(self->fd, (void *)1, &a.len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, getsockname(self->fd, &a.sa, (void *)1));
	EXPECT_EQ(EFAULT, errno);
	a.len = -1;
	EXPECT_EQ(-1, getsockname(self->fd, &a.sa, &a.len));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
