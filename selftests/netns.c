// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces: each has all addresses for itself, a socket stays in the
 * one it was created in, and one with nothing but sockets in it lives as long
 * as they do.
 */
#include "demo_test.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

enum { SERVICE, OWN };			/* addresses of a test */

#define NOBODY_ID	65534

FIXTURE(netns) {
	struct address service;
	int here, there;		/* two namespaces; tests start in here */
};

FIXTURE_VARIANT(netns) {
	enum family family;
	int type;
};

VARIANTS_ALL(netns);

static int this_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int go(int namespace)
{
	return setns(namespace, CLONE_NEWNET);
}

FIXTURE_SETUP(netns)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	self->service = address(variant->family, SERVICE);
	self->there = this_namespace();
	ASSERT_LE(0, self->there);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	self->here = this_namespace();
	ASSERT_LE(0, self->here);
}

FIXTURE_TEARDOWN(netns)
{
	close(self->here);
	close(self->there);
}

/* Say something to a service in a connection or a datagram: 0, or the errno. */
static int greet(int fd, int type, const struct address *a, char c)
{
	ssize_t n;

	if (type == SOCK_DGRAM) {
		n = sendto(fd, &c, 1, 0, &a->sa, a->len);
	} else {
		if (connect_to(fd, a))
			return errno;
		n = send(fd, &c, 1, MSG_NOSIGNAL);
	}
	return n == 1 ? 0 : errno;
}

/* What was said to a service, if it is there at once: that byte, else 0. */
static char greeting(int service, int type)
{
	int fd = service;
	char c = 0;

	if (!(poll_now(service, POLLIN) & POLLIN))
		return 0;
	if (type != SOCK_DGRAM)
		fd = accept(service, NULL, NULL);
	if (recv(fd, &c, 1, MSG_DONTWAIT) != 1)
		c = 0;
	if (fd != service)
		close(fd);
	return c;
}

static uint64_t namespace_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len);
	return cookie;
}

TEST_F(netns, one_address_in_two_namespaces_is_two_services)
{
	int near, far, client;

	near = service_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, near);
	ASSERT_EQ(0, go(self->there));
	far = service_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, far);

	client = unbound_socket(variant->family, variant->type);
	EXPECT_EQ(0, greet(client, variant->type, &self->service, 'f'));
	EXPECT_EQ(0, greeting(near, variant->type));
	EXPECT_EQ('f', greeting(far, variant->type));
	close(client);

	ASSERT_EQ(0, go(self->here));
	client = unbound_socket(variant->family, variant->type);
	EXPECT_EQ(0, greet(client, variant->type, &self->service, 'n'));
	EXPECT_EQ(0, greeting(far, variant->type));
	EXPECT_EQ('n', greeting(near, variant->type));
	close(client);

	/* and when one of them goes, the other does not take its place */
	close(near);
	EXPECT_EQ(ECONNREFUSED,
		  try_call(connect_to, variant->family, variant->type, &self->service));
	ASSERT_EQ(0, go(self->there));
	EXPECT_EQ(0, try_call(connect_to, variant->family, variant->type, &self->service));
	close(far);
}

TEST_F(netns, a_service_cannot_be_reached_from_another_namespace)
{
	int service = service_socket(variant->family, variant->type, SERVICE), client;

	ASSERT_LE(0, service);
	ASSERT_EQ(0, go(self->there));
	client = unbound_socket(variant->family, variant->type);
	EXPECT_EQ(ECONNREFUSED, greet(client, variant->type, &self->service, '!'));
	EXPECT_EQ(-1, connect_to(client, &self->service));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(0, greeting(service, variant->type));
	close(client);
	close(service);
}

TEST_F(netns, a_socket_binds_in_the_namespace_it_was_created_in)
{
	int fd = unbound_socket(variant->family, variant->type);

	ASSERT_EQ(0, go(self->there));
	ASSERT_EQ(0, bind_to(fd, &self->service));
	EXPECT_EQ(0, try_call(bind_to, variant->family, variant->type, &self->service));
	ASSERT_EQ(0, go(self->here));
	EXPECT_EQ(EADDRINUSE,
		  try_call(bind_to, variant->family, variant->type, &self->service));
	close(fd);
}

TEST_F(netns, a_socket_connects_in_the_namespace_it_was_created_in)
{
	int near, far, fd;

	near = service_socket(variant->family, variant->type, SERVICE);
	fd = unbound_socket(variant->family, variant->type);
	ASSERT_LE(0, near);
	ASSERT_EQ(0, go(self->there));
	far = service_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, far);
	EXPECT_EQ(0, greet(fd, variant->type, &self->service, '!'));
	EXPECT_EQ(0, greeting(far, variant->type));
	EXPECT_EQ('!', greeting(near, variant->type));
	close(near);
	close(far);
	close(fd);
}

struct visitor {
	int namespace, fd, type, result;
	const struct address *service;
};

static void *visit(void *arg)
{
	struct visitor *v = arg;

	v->result = go(v->namespace) ? errno : greet(v->fd, v->type, v->service, '!');
	return NULL;
}

TEST_F(netns, a_thread_in_another_namespace_uses_the_socket_where_it_was_created)
{
	struct visitor v = {
		.namespace = self->there, .type = variant->type, .service = &self->service,
	};
	int service = service_socket(variant->family, variant->type, SERVICE);
	pthread_t thread;

	v.fd = unbound_socket(variant->family, variant->type);
	ASSERT_EQ(0, pthread_create(&thread, NULL, visit, &v));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, v.result);
	EXPECT_EQ('!', greeting(service, variant->type));
	close(service);
	close(v.fd);
}

TEST_F(netns, a_connection_works_wherever_its_ends_are_taken)
{
	int sv[2];
	char c;

	ASSERT_EQ(0, connected_pair(variant->family, variant->type, SERVICE, sv));
	ASSERT_EQ(1, send(sv[0], "1", 1, 0));
	ASSERT_EQ(0, go(self->there));
	EXPECT_EQ(1, recv(sv[1], &c, 1, 0));
	EXPECT_EQ('1', c);
	EXPECT_EQ(1, send(sv[1], "2", 1, 0));
	ASSERT_EQ(0, go(self->here));
	EXPECT_EQ(1, recv(sv[0], &c, 1, 0));
	EXPECT_EQ('2', c);
	close(sv[0]);
	close(sv[1]);
}

TEST_F(netns, the_ends_of_a_socketpair_are_of_the_namespace_it_was_made_in)
{
	int sv[2], near = unbound_socket(variant->family, variant->type);

	ASSERT_EQ(0, go(self->there));
	ASSERT_EQ(0, socketpair(family_number(variant->family), variant->type, 0, sv));
	EXPECT_EQ(namespace_of(sv[0]), namespace_of(sv[1]));
	EXPECT_NE(namespace_of(near), namespace_of(sv[0]));
	close(near);
	close(sv[0]);
	close(sv[1]);
}

FIXTURE(netns_connection) {
	int there;
};

FIXTURE_VARIANT(netns_connection) {
	enum family family;
	int type;
};

VARIANTS_CONNECTION(netns_connection);

FIXTURE_SETUP(netns_connection)
{
	NEED_FAMILY(variant->family);
	NEED_OWN_NETWORK();
	self->there = this_namespace();
	ASSERT_LE(0, self->there);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
}

FIXTURE_TEARDOWN(netns_connection)
{
	close(self->there);
}

TEST_F(netns_connection, an_accepted_socket_is_of_the_listeners_namespace)
{
	int listener, client, fd;

	listener = listening_socket(variant->family, variant->type, SERVICE, 1);
	client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, client);
	ASSERT_EQ(0, go(self->there));
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(namespace_of(listener), namespace_of(fd));
	close(fd);
	fd = unbound_socket(variant->family, variant->type);
	EXPECT_NE(namespace_of(listener), namespace_of(fd));
	close(fd);
	close(client);
	close(listener);
}

/*
 * The end of a namespace. In a user namespace that may have no more than two,
 * a third can be made only when the second is gone without a trace.
 */
FIXTURE(netns_end) {
	struct address service;
	int home;
};

FIXTURE_VARIANT(netns_end) {
	enum family family;
	int type;
};

VARIANTS_ALL(netns_end);

FIXTURE_SETUP(netns_end)
{
	NEED_FAMILY(variant->family);
	self->service = address(variant->family, SERVICE);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP(return, "no user namespace of its own: %s", strerror(errno));
	if (!write_text("/proc/sys/user/max_net_namespaces", "2"))
		SKIP(return, "user.max_net_namespaces: %s", strerror(errno));
	self->home = this_namespace();
	ASSERT_LE(0, self->home);
}

FIXTURE_TEARDOWN(netns_end)
{
	close(self->home);
}

#define SOCKETS 8

/* A socket in each state that holds on to something; how many there are. */
static int sockets_in_every_state(enum family family, int type, int fd[SOCKETS])
{
	int n = 0;

	fd[n++] = unbound_socket(family, type);
	fd[n++] = service_socket(family, type, SERVICE);
	/* with something unread: with a listener it is a connection, not accepted */
	fd[n++] = connected_socket(family, type, SERVICE);
	if (send(fd[2], "1", 1, 0) != 1 ||
	    socketpair(family_number(family), type, 0, fd + n) ||
	    send(fd[n], "2", 1, 0) != 1)
		return -1;
	n += 2;
	if (connected_pair(family, type, OWN, fd + n) || send(fd[n], "3", 1, 0) != 1)
		return -1;
	return n + 2;
}

/* Wait until there is room for a namespace again. */
static int wait_for_the_end(void)
{
	while (unshare(CLONE_NEWNET)) {
		if (errno != ENOSPC)
			return -1;
		usleep(10000);
	}
	return 0;
}

TEST_F(netns_end, sockets_keep_it_and_it_ends_with_the_last)
{
	int i, n, fd[SOCKETS];
	char c;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	n = sockets_in_every_state(variant->family, variant->type, fd);
	ASSERT_LT(0, n);
	ASSERT_EQ(0, go(self->home));

	/* nobody is in it any more */
	EXPECT_EQ(-1, unshare(CLONE_NEWNET));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ('1', greeting(fd[1], variant->type));
	EXPECT_EQ(1, recv(fd[4], &c, 1, 0));
	EXPECT_EQ('2', c);
	EXPECT_EQ(0, greet(fd[0], variant->type, &self->service, '4'));

	for (i = 0; i < n; i++)
		close(fd[i]);
	EXPECT_EQ(0, wait_for_the_end());
}

TEST_F(netns_end, it_ends_with_a_process_that_leaves_everything_open)
{
	int fd[SOCKETS];
	pid_t pid;

	pid = fork_child();
	if (!pid)
		_exit(unshare(CLONE_NEWNET) ||
		      sockets_in_every_state(variant->family, variant->type, fd) < 0);
	EXPECT_EQ(0, child_exit(pid));
	EXPECT_EQ(0, wait_for_the_end());
}

/* What a capability is good for: the namespaces that belong to its user namespace. */
FIXTURE(netns_user) {
	int fd;
	struct address port_80;
};

FIXTURE_VARIANT(netns_user) {
	int type;
};

FIXTURE_VARIANT_ADD(netns_user, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(netns_user, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(netns_user, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(netns_user)
{
	NEED_FAMILY(FAMILY_DEMO);
	self->port_80 = demo_address(DEMO_NODE_LOCAL, 80);
	self->fd = unbound_socket(FAMILY_DEMO, variant->type);
	ASSERT_LE(0, self->fd);
	if (!geteuid()) {
		ASSERT_EQ(0, setgid(NOBODY_ID));
		ASSERT_EQ(0, setuid(NOBODY_ID));
	}
}

FIXTURE_TEARDOWN(netns_user)
{
	close(self->fd);
}

TEST_F(netns_user, nobody_can_bind_a_reserved_port_in_a_namespace_of_his_own)
{
	EXPECT_EQ(EACCES, try_call(bind_to, FAMILY_DEMO, variant->type, &self->port_80));
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		SKIP(return, "no user namespace of its own: %s", strerror(errno));
	EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, &self->port_80));
	/* but not with a socket of the namespace he came from */
	EXPECT_EQ(-1, bind_to(self->fd, &self->port_80));
	EXPECT_EQ(EACCES, errno);
}

TEST_F(netns_user, a_user_namespace_alone_gives_no_reserved_port)
{
	if (unshare(CLONE_NEWUSER))
		SKIP(return, "no user namespace of its own: %s", strerror(errno));
	EXPECT_EQ(EACCES, try_call(bind_to, FAMILY_DEMO, variant->type, &self->port_80));
	EXPECT_EQ(-1, bind_to(self->fd, &self->port_80));
	EXPECT_EQ(EACCES, errno);
}

/* The port that connect() or sendto() gives is one of the socket's namespace. */
FIXTURE(netns_port) {
	struct address service;
	int there;
};

FIXTURE_VARIANT(netns_port) {
	int type;
};

FIXTURE_VARIANT_ADD(netns_port, stream) { .type = SOCK_STREAM };
FIXTURE_VARIANT_ADD(netns_port, dgram) { .type = SOCK_DGRAM };
FIXTURE_VARIANT_ADD(netns_port, seqpacket) { .type = SOCK_SEQPACKET };

FIXTURE_SETUP(netns_port)
{
	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	self->service = address(FAMILY_DEMO, SERVICE);
	self->there = this_namespace();
	ASSERT_LE(0, self->there);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
}

FIXTURE_TEARDOWN(netns_port)
{
	close(self->there);
}

TEST_F(netns_port, a_port_got_on_the_way_is_taken_in_the_sockets_namespace)
{
	int fd = unbound_socket(FAMILY_DEMO, variant->type), here = this_namespace();
	int service = service_socket(FAMILY_DEMO, variant->type, SERVICE);
	struct address name;

	ASSERT_EQ(0, go(self->there));
	ASSERT_EQ(0, greet(fd, variant->type, &self->service, '!'));
	name = own_address(fd);
	name.demo.sdm_node = DEMO_NODE_LOCAL;
	EXPECT_EQ(0, try_call(bind_to, FAMILY_DEMO, variant->type, &name));
	ASSERT_EQ(0, go(here));
	EXPECT_EQ(EADDRINUSE, try_call(bind_to, FAMILY_DEMO, variant->type, &name));
	close(here);
	close(service);
	close(fd);
}

TEST_HARNESS_MAIN
