// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: what getsockname(), getpeername() and accept() call a socket, whose a
 * name is, and when it is free again.
 */
#include "demo_test.h"

enum { SERVICE, FREE, OTHER };		/* addresses of a test */

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

TEST_F(name, getsockname_says_what_was_bound)
{
	struct address name;

	ASSERT_EQ(0, bind_to(self->fd, &self->address));
	name = own_address(self->fd);
	EXPECT_TRUE(same_address(&self->address, &name));
}

TEST_F(name, getpeername_without_a_peer_is_ENOTCONN)
{
	struct address a = { .len = sizeof(a.storage) };

	EXPECT_EQ(-1, getpeername(self->fd, &a.sa, &a.len));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, bind_to(self->fd, &self->address));
	EXPECT_EQ(-1, getpeername(self->fd, &a.sa, &a.len));
	EXPECT_EQ(ENOTCONN, errno);
}

TEST_F(name, getpeername_says_where_connect_went)
{
	int service = service_socket(variant->family, variant->type, SERVICE);
	struct address name;

	ASSERT_EQ(0, connect_to(self->fd, &self->address));
	name = peer_address(self->fd);
	EXPECT_TRUE(same_address(&self->address, &name));
	close(service);
}

TEST_F(name, to_bind_twice_is_EINVAL_and_leaves_the_first_name)
{
	struct address other = address(variant->family, OTHER), name;

	ASSERT_EQ(0, bind_to(self->fd, &self->address));
	EXPECT_EQ(-1, bind_to(self->fd, &other));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, bind_to(self->fd, &self->address));
	EXPECT_EQ(EINVAL, errno);
	name = own_address(self->fd);
	EXPECT_TRUE(same_address(&self->address, &name));
}

TEST_F(name, a_name_in_use_is_EADDRINUSE_and_the_loser_can_take_another)
{
	int fd = bound_socket(variant->family, variant->type, SERVICE);
	struct address other = address(variant->family, OTHER);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, bind_to(self->fd, &self->address));
	EXPECT_EQ(EADDRINUSE, errno);
	EXPECT_EQ(0, bind_to(self->fd, &other));
	close(fd);
}

TEST_F(name, a_name_is_free_again_after_the_last_close_only)
{
	int fd = bound_socket(variant->family, variant->type, SERVICE), copy = dup(fd);

	ASSERT_LE(0, copy);
	close(fd);
	EXPECT_EQ(-1, bind_to(self->fd, &self->address));
	EXPECT_EQ(EADDRINUSE, errno);
	close(copy);
	EXPECT_EQ(0, bind_to(self->fd, &self->address));
}

TEST_F(name, shutdown_does_not_free_a_name)
{
	int fd = bound_socket(variant->family, variant->type, SERVICE);

	ASSERT_EQ(0, shutdown(fd, SHUT_RDWR));
	EXPECT_EQ(-1, bind_to(self->fd, &self->address));
	EXPECT_EQ(EADDRINUSE, errno);
	close(fd);
}

TEST_F(name, a_name_is_free_again_though_a_peer_still_holds_on_to_its_owner)
{
	struct address peer = address(variant->family, OTHER);
	int service, client, fd;

	service = bound_socket(variant->family, variant->type, OTHER);
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(service, 1));
	client = bound_socket(variant->family, variant->type, SERVICE);
	ASSERT_EQ(0, connect_to(client, &peer));
	fd = variant->type == SOCK_DGRAM ? dup(service) : accept(service, NULL, NULL);
	ASSERT_LE(0, fd);
	if (variant->type == SOCK_DGRAM)
		ASSERT_EQ(0, connect_to(fd, &self->address));
	close(client);
	EXPECT_EQ(0, bind_to(self->fd, &self->address));
	close(service);
	close(fd);
}

TEST_F(name, an_end_of_a_socketpair_can_be_bound)
{
	struct address name;
	int sv[2];

	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	EXPECT_EQ(0, bind_to(sv[0], &self->address));
	name = own_address(sv[0]);
	EXPECT_TRUE(same_address(&self->address, &name));
	name = peer_address(sv[1]);
	EXPECT_TRUE(same_address(&self->address, &name));
	close(sv[0]);
	close(sv[1]);
}

FIXTURE(connection_name) {
	int listener, client;
	struct address address;
};

FIXTURE_VARIANT(connection_name) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(connection_name);

FIXTURE_SETUP(connection_name)
{
	NEED_FAMILY(variant->family);
	self->address = address(variant->family, SERVICE);
	self->listener = listening_socket(variant->family, variant->type, SERVICE, 8);
	self->client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(connection_name)
{
	close(self->listener);
	close(self->client);
}

TEST_F(connection_name, a_listeners_name_is_free_while_its_connections_live_on)
{
	int fd = accept(self->listener, NULL, NULL), next;
	struct address name;

	ASSERT_LE(0, fd);
	close(self->listener);
	self->listener = -1;
	next = bound_socket(variant->family, variant->type, SERVICE);
	EXPECT_LE(0, next);
	name = own_address(fd);
	EXPECT_TRUE(same_address(&self->address, &name));
	name = peer_address(self->client);
	EXPECT_TRUE(same_address(&self->address, &name));
	close(next);
	close(fd);
}

TEST_F(connection_name, closing_an_accepted_socket_leaves_the_listener_its_name)
{
	int fd = accept(self->listener, NULL, NULL), client;

	ASSERT_LE(0, fd);
	close(fd);
	client = connected_socket(variant->family, variant->type, SERVICE);
	EXPECT_LE(0, client);
	close(client);
	client = bound_socket(variant->family, variant->type, SERVICE);
	EXPECT_EQ(-1, client);
	EXPECT_EQ(EADDRINUSE, errno);
}

TEST_F(connection_name, accept_cuts_the_clients_name_to_the_buffer)
{
	struct address client;
	unsigned char buf[sizeof(struct sockaddr_storage)];
	socklen_t room, len;
	int fd, bound;

	close(accept(self->listener, NULL, NULL));
	client = address(variant->family, FREE);
	for (room = 0; room <= client.len; room++) {
		bound = bound_socket(variant->family, variant->type, FREE);
		ASSERT_LE(0, bound);
		ASSERT_EQ(0, connect_to(bound, &self->address));
		memset(buf, 0xa5, sizeof(buf));
		len = room;
		fd = accept(self->listener, (void *)buf, &len);
		ASSERT_LE(0, fd);
		EXPECT_EQ(client.len, len);
		EXPECT_EQ(0, memcmp(buf, &client.sa, room));
		EXPECT_EQ(0xa5, buf[room]);
		close(fd);
		close(bound);
	}
}

TEST_F(connection_name, accept_with_a_bad_buffer_is_EFAULT_and_the_connection_is_gone)
{
	socklen_t len = sizeof(struct sockaddr_storage);
	char c;

	EXPECT_EQ(-1, accept(self->listener, (void *)1, &len));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, recv(self->client, &c, 1, 0));
	EXPECT_EQ(-1, accept4(self->listener, NULL, NULL, 0x40));
	EXPECT_EQ(EINVAL, errno);
}

/* What AF_DEMO alone has: a name for a socket that is not bound, and NODE_ANY. */
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

TEST_F(demo, a_socket_not_bound_is_called_LOCAL_and_PORT_ANY)
{
	struct address a, unbound = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	a = own_address(fd);
	EXPECT_TRUE(same_address(&a, &unbound));
	close(fd);
}

TEST_F(demo, the_ends_of_a_socketpair_are_called_LOCAL_and_PORT_ANY)
{
	struct address a, unbound = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);
	int i, sv[2];

	ASSERT_EQ(0, socketpair(family_number(FAMILY_DEMO), variant->type, 0, sv));
	for (i = 0; i < 2; i++) {
		a = own_address(sv[i]);
		EXPECT_TRUE(same_address(&a, &unbound));
		a = peer_address(sv[i]);
		EXPECT_TRUE(same_address(&a, &unbound));
		close(sv[i]);
	}
}

TEST_F(demo, NODE_ANY_is_what_the_name_says_and_LOCAL_reaches_it)
{
	struct address any, name, local;
	int fd;

	any = demo_address(DEMO_NODE_ANY, address(FAMILY_DEMO, FREE).demo.sdm_port);
	fd = unbound_socket(FAMILY_DEMO, variant->type);
	ASSERT_EQ(0, bind_to(fd, &any));
	name = own_address(fd);
	EXPECT_TRUE(same_address(&any, &name));

	local = address(FAMILY_DEMO, FREE);
	if (variant->type == SOCK_DGRAM) {
		EXPECT_EQ(0, try_call(send_to, FAMILY_DEMO, variant->type, &local));
	} else {
		ASSERT_EQ(0, listen(fd, 8));
	}
	EXPECT_EQ(0, try_call(connect_to, FAMILY_DEMO, variant->type, &local));
	close(fd);
}

TEST_F(demo, a_client_bound_to_NODE_ANY_is_seen_with_an_address_that_reaches_it)
{
	struct address any, local = address(FAMILY_DEMO, FREE), from;
	int fd, peer;
	char c;

	any = demo_address(DEMO_NODE_ANY, local.demo.sdm_port);
	fd = unbound_socket(FAMILY_DEMO, variant->type);
	ASSERT_EQ(0, bind_to(fd, &any));
	ASSERT_EQ(0, connect_to(fd, &self->address));
	if (variant->type == SOCK_DGRAM) {
		ASSERT_EQ(1, send(fd, "", 1, 0));
		from.len = sizeof(from.storage);
		ASSERT_EQ(1, recvfrom(self->service, &c, 1, 0, &from.sa, &from.len));
	} else {
		peer = accept(self->service, NULL, NULL);
		from = peer_address(peer);
		close(peer);
	}
	EXPECT_TRUE(same_address(&local, &from));
	close(fd);
}

TEST_F(demo, the_name_of_a_peer_bound_to_NODE_ANY_reaches_it)
{
	struct address any, local = address(FAMILY_DEMO, FREE), name;
	int client = unbound_socket(FAMILY_DEMO, variant->type);
	int fd = unbound_socket(FAMILY_DEMO, variant->type);

	any = demo_address(DEMO_NODE_ANY, local.demo.sdm_port);
	ASSERT_EQ(0, bind_to(fd, &any));
	if (variant->type != SOCK_DGRAM)
		ASSERT_EQ(0, listen(fd, 8));
	ASSERT_EQ(0, connect_to(client, &local));
	name = peer_address(client);
	EXPECT_TRUE(same_address(&local, &name));
	close(client);
	close(fd);
}

/* Connections have two names more. */
FIXTURE(demo_connection) {
	int listener, client;
};

FIXTURE_VARIANT(demo_connection) {
	int type;
};

FIXTURE_VARIANT_ADD(demo_connection, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(demo_connection, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(demo_connection)
{
	NEED_FAMILY(FAMILY_DEMO);
	self->listener = unbound_socket(FAMILY_DEMO, variant->type);
	self->client = unbound_socket(FAMILY_DEMO, variant->type);
	ASSERT_LE(0, self->listener);
	ASSERT_LE(0, self->client);
}

FIXTURE_TEARDOWN(demo_connection)
{
	close(self->listener);
	close(self->client);
}

TEST_F(demo_connection, an_accepted_socket_is_called_LOCAL_and_the_listeners_port)
{
	struct address a, service = address(FAMILY_DEMO, SERVICE), name;
	unsigned int nodes[] = { DEMO_NODE_LOCAL, DEMO_NODE_ANY };
	int listener, client, fd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		a = demo_address(nodes[i], service.demo.sdm_port);
		listener = unbound_socket(FAMILY_DEMO, variant->type);
		ASSERT_EQ(0, bind_to(listener, &a));
		ASSERT_EQ(0, listen(listener, 1));
		client = unbound_socket(FAMILY_DEMO, variant->type);
		ASSERT_EQ(0, connect_to(client, &service));
		fd = accept(listener, NULL, NULL);
		ASSERT_LE(0, fd);
		name = own_address(fd);
		EXPECT_TRUE(same_address(&service, &name));
		close(fd);
		close(client);
		close(listener);
	}
}

TEST_F(demo_connection, an_accepted_sockets_peer_has_the_clients_port)
{
	struct address service = address(FAMILY_DEMO, SERVICE), client, peer, said;
	int fd;

	ASSERT_EQ(0, bind_to(self->listener, &service));
	ASSERT_EQ(0, listen(self->listener, 1));
	ASSERT_EQ(0, connect_to(self->client, &service));
	client = own_address(self->client);
	client.demo.sdm_node = DEMO_NODE_LOCAL;
	said.len = sizeof(said.storage);
	fd = accept(self->listener, &said.sa, &said.len);
	ASSERT_LE(0, fd);
	peer = peer_address(fd);
	EXPECT_TRUE(same_address(&client, &peer));
	EXPECT_TRUE(same_address(&client, &said));
	close(fd);
}

TEST_HARNESS_MAIN
