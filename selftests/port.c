// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: which can be bound, which the kernel picks, who gets one without
 * asking, and who may have a reserved one.
 */
#include <linux/capability.h>
#include <sys/syscall.h>

#include "demo_test.h"

enum { SERVICE, FREE, OTHER };		/* addresses of a test */

/* Is this the name of a socket that got its port from the kernel? */
static bool was_picked(const struct address *a)
{
	return a->len == sizeof(a->demo) && a->demo.sdm_port > DEMO_PORT_RESERVED_MAX &&
	       a->demo.sdm_port != DEMO_PORT_ANY;
}

FIXTURE(demo) {
	int service;
	struct address address;
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
	self->address = address(FAMILY_DEMO, SERVICE);
	self->service = service_socket(FAMILY_DEMO, variant->type, SERVICE);
	ASSERT_LE(0, self->service);
}

FIXTURE_TEARDOWN(demo)
{
	close(self->service);
}

TEST_F(demo, ports_from_1024_to_the_last_can_be_bound_by_number)
{
	unsigned int ports[] = { DEMO_PORT_RESERVED_MAX + 1, 0x7fffffff, 0x80000000,
				 DEMO_PORT_ANY - 1 };
	struct address a, name;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		a = demo_address(DEMO_NODE_LOCAL, ports[i]);
		fd = unbound_socket(FAMILY_DEMO, variant->type);
		EXPECT_EQ(0, bind_to(fd, &a))
			TH_LOG("port %u: %s", ports[i], strerror(errno));
		name = own_address(fd);
		EXPECT_TRUE(same_address(&a, &name));
		close(fd);
	}
}

#define PICKS 64

TEST_F(demo, PORT_ANY_picks_free_ports_from_1024_on)
{
	struct address a = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY), name[PICKS];
	int i, j, fd[PICKS];

	for (i = 0; i < PICKS; i++) {
		fd[i] = unbound_socket(FAMILY_DEMO, variant->type);
		ASSERT_EQ(0, bind_to(fd[i], &a));
		name[i] = own_address(fd[i]);
		EXPECT_EQ(DEMO_NODE_LOCAL, name[i].demo.sdm_node);
		EXPECT_TRUE(was_picked(&name[i]));
		for (j = 0; j < i; j++)
			EXPECT_NE(name[j].demo.sdm_port, name[i].demo.sdm_port);
	}
	for (i = 0; i < PICKS; i++)
		close(fd[i]);
}

/*
 * Neither up, nor down, nor in steps of one size, nor the same again: with
 * ports drawn from four thousand million each is as good as impossible.
 */
TEST_F(demo, PORT_ANY_picks_in_no_predictable_order)
{
	struct address a = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY), name;
	int i, fd, up = 0, down = 0, same_step = 0;
	unsigned int port[PICKS];

	for (i = 0; i < PICKS; i++) {
		fd = unbound_socket(FAMILY_DEMO, variant->type);
		ASSERT_EQ(0, bind_to(fd, &a));
		name = own_address(fd);
		port[i] = name.demo.sdm_port;
		close(fd);
	}
	for (i = 1; i < PICKS; i++) {
		up += port[i] > port[i - 1];
		down += port[i] < port[i - 1];
		same_step += i > 1 && port[i] - port[i - 1] == port[i - 1] - port[i - 2];
	}
	EXPECT_LT(PICKS / 8, up);
	EXPECT_LT(PICKS / 8, down);
	EXPECT_GT(PICKS / 8, same_step);
}

TEST_F(demo, NODE_ANY_and_PORT_ANY_pick_a_port_on_every_node)
{
	struct address a = demo_address(DEMO_NODE_ANY, DEMO_PORT_ANY), name;
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	ASSERT_EQ(0, bind_to(fd, &a));
	name = own_address(fd);
	EXPECT_EQ(DEMO_NODE_ANY, name.demo.sdm_node);
	EXPECT_TRUE(was_picked(&name));
	name.demo.sdm_node = DEMO_NODE_LOCAL;
	EXPECT_EQ(EADDRINUSE, try_call(bind_to, FAMILY_DEMO, variant->type, &name));
	close(fd);
}

TEST_F(demo, a_port_on_NODE_ANY_is_in_use_on_each_node_and_the_other_way_round)
{
	struct address local = address(FAMILY_DEMO, FREE), any = local;
	struct address *first, *second;
	int fd, i;

	any.demo.sdm_node = DEMO_NODE_ANY;
	for (i = 0; i < 4; i++) {
		first = i & 1 ? &any : &local;
		second = i & 2 ? &any : &local;
		fd = unbound_socket(FAMILY_DEMO, variant->type);
		ASSERT_EQ(0, bind_to(fd, first));
		EXPECT_EQ(EADDRINUSE,
			  try_call(bind_to, FAMILY_DEMO, variant->type, second))
			TH_LOG("node %u, then %u", first->demo.sdm_node,
			       second->demo.sdm_node);
		close(fd);
		EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, second));
	}
}

TEST_F(demo, each_type_has_ports_of_its_own)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct address a = address(FAMILY_DEMO, FREE);
	int i, fd[3];

	for (i = 0; i < 3; i++) {
		fd[i] = unbound_socket(FAMILY_DEMO, types[i]);
		EXPECT_EQ(0, bind_to(fd[i], &a));
	}
	for (i = 0; i < 3; i++)
		close(fd[i]);
}

TEST_F(demo, a_port_bound_by_another_type_is_ECONNREFUSED)
{
	int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int i;

	for (i = 0; i < 3; i++) {
		if (types[i] == variant->type)
			continue;
		EXPECT_EQ(ECONNREFUSED,
			  try_call(connect_to, FAMILY_DEMO, types[i], &self->address))
			TH_LOG("type %d", types[i]);
	}
	if (variant->type != SOCK_DGRAM) {
		EXPECT_EQ(ECONNREFUSED,
			  try_call(send_to, FAMILY_DEMO, SOCK_DGRAM, &self->address));
	}
}

TEST_F(demo, connect_gives_an_unbound_socket_a_port)
{
	int fd = unbound_socket(FAMILY_DEMO, variant->type);
	struct address name;

	ASSERT_EQ(0, connect_to(fd, &self->address));
	name = own_address(fd);
	EXPECT_TRUE(was_picked(&name));
	name.demo.sdm_node = DEMO_NODE_LOCAL;
	EXPECT_EQ(EADDRINUSE, try_call(bind_to, FAMILY_DEMO, variant->type, &name));
	close(fd);
	EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, &name));
}

TEST_F(demo, connect_leaves_a_bound_socket_its_port)
{
	struct address a = address(FAMILY_DEMO, FREE), name;
	int fd = bound_socket(FAMILY_DEMO, variant->type, FREE);

	ASSERT_EQ(0, connect_to(fd, &self->address));
	name = own_address(fd);
	EXPECT_TRUE(same_address(&a, &name));
	close(fd);
}

TEST_F(demo, a_port_got_by_connect_stays_when_connect_fails)
{
	struct address nobody = address(FAMILY_DEMO, OTHER), first, again;
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	EXPECT_EQ(-1, connect_to(fd, &nobody));
	EXPECT_EQ(ECONNREFUSED, errno);
	first = own_address(fd);
	EXPECT_TRUE(was_picked(&first));

	EXPECT_EQ(-1, connect_to(fd, &nobody));
	EXPECT_EQ(0, connect_to(fd, &self->address));
	again = own_address(fd);
	EXPECT_TRUE(same_address(&first, &again));
	close(fd);
}

TEST_F(demo, bind_after_a_port_was_got_by_connect_is_EINVAL)
{
	struct address nobody = address(FAMILY_DEMO, OTHER);
	struct address a = address(FAMILY_DEMO, FREE);
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	EXPECT_EQ(-1, connect_to(fd, &nobody));
	EXPECT_EQ(-1, bind_to(fd, &a));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, connect_to(fd, &self->address));
	EXPECT_EQ(-1, bind_to(fd, &a));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(demo, a_socket_that_got_a_port_from_connect_can_listen_on_it)
{
	struct address nobody = address(FAMILY_DEMO, OTHER), name;
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	EXPECT_EQ(-1, connect_to(fd, &nobody));
	if (variant->type == SOCK_DGRAM) {
		EXPECT_EQ(-1, listen(fd, 1));
		EXPECT_EQ(EOPNOTSUPP, errno);
	} else {
		EXPECT_EQ(0, listen(fd, 1));
	}
	name = own_address(fd);
	name.demo.sdm_node = DEMO_NODE_LOCAL;
	EXPECT_EQ(0, try_call(connect_to, FAMILY_DEMO, variant->type, &name));
	close(fd);
}

/*
 * Reserved ports. Each test has a network namespace of its own, so that no
 * service of this machine is in its way.
 */
static int drop_bind_service(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective &= ~(1u << CAP_NET_BIND_SERVICE);
	return syscall(SYS_capset, &header, data);
}

static const unsigned int reserved_ports[] = { 0, 1, 512, DEMO_PORT_RESERVED_MAX };

TEST_F(demo, a_reserved_port_is_EACCES_without_CAP_NET_BIND_SERVICE)
{
	unsigned int nodes[] = { DEMO_NODE_LOCAL, DEMO_NODE_ANY };
	struct address a;
	unsigned int i, j;

	NEED_OWN_NETWORK();
	ASSERT_EQ(0, drop_bind_service());
	for (j = 0; j < ARRAY_SIZE(nodes); j++) {
		for (i = 0; i < ARRAY_SIZE(reserved_ports); i++) {
			a = demo_address(nodes[j], reserved_ports[i]);
			EXPECT_EQ(EACCES, try_call(bind_to, FAMILY_DEMO, variant->type, &a))
				TH_LOG("port %u", reserved_ports[i]);
		}
		a = demo_address(nodes[j], DEMO_PORT_RESERVED_MAX + 1);
		EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, &a));
		a = demo_address(nodes[j], DEMO_PORT_ANY);
		EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, &a));
	}
}

TEST_F(demo, a_reserved_port_can_be_bound_with_CAP_NET_BIND_SERVICE)
{
	struct address a, name;
	unsigned int i;
	int fd;

	NEED_OWN_NETWORK();
	for (i = 0; i < ARRAY_SIZE(reserved_ports); i++) {
		a = demo_address(DEMO_NODE_LOCAL, reserved_ports[i]);
		fd = unbound_socket(FAMILY_DEMO, variant->type);
		EXPECT_EQ(0, bind_to(fd, &a))
			TH_LOG("port %u: %s", reserved_ports[i], strerror(errno));
		name = own_address(fd);
		EXPECT_TRUE(same_address(&a, &name));
		EXPECT_EQ(EADDRINUSE, try_call(bind_to, FAMILY_DEMO, variant->type, &a));
		close(fd);
	}
}

TEST_F(demo, a_reserved_port_is_reached_without_any_capability)
{
	struct address a = demo_address(DEMO_NODE_LOCAL, 0);
	int fd;

	NEED_OWN_NETWORK();
	fd = unbound_socket(FAMILY_DEMO, variant->type);
	ASSERT_EQ(0, bind_to(fd, &a));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(fd, 8));
	ASSERT_EQ(0, drop_bind_service());
	EXPECT_EQ(0, try_call(connect_to, FAMILY_DEMO, variant->type, &a));
	if (variant->type == SOCK_DGRAM)
		EXPECT_EQ(0, try_call(send_to, FAMILY_DEMO, variant->type, &a));
	close(fd);
}

/* A sender that was not bound gets a port first, so that it can be answered. */
FIXTURE(demo_datagram) {
	int service, fd;
	struct address address;
};

FIXTURE_SETUP(demo_datagram)
{
	NEED_FAMILY(FAMILY_DEMO);
	self->address = address(FAMILY_DEMO, SERVICE);
	self->service = bound_socket(FAMILY_DEMO, SOCK_DGRAM, SERVICE);
	self->fd = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
	ASSERT_LE(0, self->service);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(demo_datagram)
{
	close(self->service);
	close(self->fd);
}

TEST_F(demo_datagram, an_unbound_sender_gets_a_port_and_can_be_answered)
{
	struct address from = { .len = sizeof(from.storage) }, name, again;
	char c;

	ASSERT_EQ(1, sendto(self->fd, "?", 1, 0, &self->address.sa, self->address.len));
	name = own_address(self->fd);
	EXPECT_TRUE(was_picked(&name));

	ASSERT_EQ(1, recvfrom(self->service, &c, 1, 0, &from.sa, &from.len));
	EXPECT_EQ(sizeof(from.demo), from.len);
	EXPECT_EQ(DEMO_NODE_LOCAL, from.demo.sdm_node);
	EXPECT_EQ(name.demo.sdm_port, from.demo.sdm_port);
	ASSERT_EQ(1, sendto(self->service, "!", 1, 0, &from.sa, from.len));
	ASSERT_EQ(1, recv(self->fd, &c, 1, 0));
	EXPECT_EQ('!', c);

	ASSERT_EQ(1, sendto(self->fd, "?", 1, 0, &self->address.sa, self->address.len));
	again = own_address(self->fd);
	EXPECT_TRUE(same_address(&name, &again));
}

TEST_F(demo_datagram, a_port_got_by_sendto_stays_when_sendto_fails)
{
	struct address nobody = address(FAMILY_DEMO, OTHER);
	struct address a = address(FAMILY_DEMO, FREE), name, again;

	EXPECT_EQ(-1, sendto(self->fd, "?", 1, 0, &nobody.sa, nobody.len));
	EXPECT_EQ(ECONNREFUSED, errno);
	name = own_address(self->fd);
	EXPECT_TRUE(was_picked(&name));
	EXPECT_EQ(-1, bind_to(self->fd, &a));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, sendto(self->fd, "?", 1, 0, &self->address.sa, self->address.len));
	again = own_address(self->fd);
	EXPECT_TRUE(same_address(&name, &again));
}

TEST_HARNESS_MAIN
