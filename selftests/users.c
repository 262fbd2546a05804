// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two users of one machine, in one network namespace: what one has, the other
 * cannot read, bind over, take the place of, disturb or close. Each may talk to
 * every port; that is all.
 */
#include <sys/syscall.h>

#include "demo_test.h"

#define SOMEBODY	54321		/* the second user, without privilege */
#define ANYBODY		54322		/* the first one */

enum { SERVICE, CLIENT };		/* addresses of a test */

/* What the second user has of the first: the addresses, and where he is. */
struct scene {
	enum family family;
	int type;
	pid_t pid;
	struct address service;
	int fds[3];			/* numbers in the first one's table */
};

/*
 * What another user comes to: the act returns 0, or what was different from
 * what should be, as the exit status of his process.
 */
static int as_somebody(const struct scene *s, int (*act)(const struct scene *s))
{
	pid_t pid = fork();

	if (!pid) {
		/* He has nothing open that the first one has. */
		close_range(3, ~0U, 0);
		if (setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||
		    setresuid(SOMEBODY, SOMEBODY, SOMEBODY))
			_exit(100);
		alarm(500);
		_exit(act(s));
	}
	return child_exit(pid);
}

/*
 * The first user over what one of the @VARIANTS names, and where the second one finds
 * him. To be root would prove less; signals are still possible.
 */
#define FIXTURE_USERS(fixture, VARIANTS)					\
	FIXTURE(fixture) {							\
		struct scene scene;						\
		int service, sv[2];						\
		char buf[64];							\
	};									\
	FIXTURE_VARIANT(fixture) {						\
		enum family family;						\
		int type;							\
	};									\
	VARIANTS(fixture);							\
	FIXTURE_SETUP(fixture)							\
	{									\
		struct scene *s = &self->scene;					\
										\
		NEED_FAMILY(variant->family);					\
		if (geteuid())							\
			SKIP(return, "to be two users takes root");		\
		NEED_OWN_NETWORK();						\
		ASSERT_EQ(0, setresgid(ANYBODY, ANYBODY, ANYBODY));		\
		ASSERT_EQ(0, setresuid(ANYBODY, ANYBODY, 0));			\
		self->service = service_socket(variant->family, variant->type,	\
					       SERVICE);			\
		ASSERT_LE(0, self->service);					\
		ASSERT_EQ(0, socketpair(family_number(variant->family),		\
					variant->type, 0, self->sv));		\
		*s = (struct scene){						\
			.family = variant->family, .type = variant->type,	\
			.pid = getpid(),					\
			.service = address(variant->family, SERVICE),		\
			.fds = { self->service, self->sv[0], self->sv[1] },	\
		};								\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		close(self->service);						\
		close(self->sv[0]);						\
		close(self->sv[1]);						\
	}

FIXTURE_USERS(users, VARIANTS_ALL)

/* fork() from a process that can still be root: as_somebody() needs that. */
#define ACT(act)								\
({										\
	int status;								\
										\
	ASSERT_EQ(0, seteuid(0));						\
	status = as_somebody(&self->scene, act);				\
	ASSERT_EQ(0, seteuid(ANYBODY));						\
	status;									\
})

static int bind_over(const struct scene *s)
{
	struct address any = s->service;
	int fd = unbound_socket(s->family, s->type), on;

	if (!bind_to(fd, &s->service) || errno != EADDRINUSE)
		return 1;
	on = set_number(fd, SO_REUSEADDR, 1);
	if (!bind_to(fd, &s->service) || errno != EADDRINUSE)
		return 2 + on;
	on = set_number(fd, SO_REUSEPORT, 1);
	if (!bind_to(fd, &s->service) || errno != EADDRINUSE)
		return 4 + on;
	if (s->family != FAMILY_DEMO)
		return 0;
	any.demo.sdm_node = DEMO_NODE_ANY;
	return !bind_to(fd, &any) || errno != EADDRINUSE ? 6 : 0;
}

TEST_F(users, an_address_cannot_be_bound_over)
{
	EXPECT_EQ(0, ACT(bind_over));
}

/* Through /proc, or by asking for the descriptor itself. */
static int reach_descriptors(const struct scene *s)
{
	int pidfd = syscall(SYS_pidfd_open, s->pid, 0);
	char name[64], link[64];
	size_t i;

	if (pidfd < 0)
		return 1;
	for (i = 0; i < ARRAY_SIZE(s->fds); i++) {
		if (syscall(SYS_pidfd_getfd, pidfd, s->fds[i], 0) >= 0 || errno != EPERM)
			return 2;
		sprintf(name, "/proc/%d/fd/%d", s->pid, s->fds[i]);
		if (open(name, O_RDWR) >= 0 || errno != EACCES)
			return 3;
		if (readlink(name, link, sizeof(link)) >= 0)
			return 4;
		sprintf(name, "/proc/%d/fdinfo/%d", s->pid, s->fds[i]);
		if (open(name, O_RDONLY) >= 0 || errno != EACCES)
			return 5;
	}
	return 0;
}

TEST_F(users, descriptors_of_another_are_out_of_reach)
{
	/* What a change of the user left to nobody is his own again. */
	ASSERT_EQ(0, prctl(PR_SET_DUMPABLE, 1));
	EXPECT_EQ(0, ACT(reach_descriptors));
}

/* All that can be done to an address without the descriptor. */
static int disturb(const struct scene *s)
{
	int i, fd;

	for (i = 0; i < 20; i++) {
		fd = unbound_socket(s->family, s->type | SOCK_NONBLOCK);
		if (connect_to(fd, &s->service) && errno != EAGAIN)
			return 1;
		if (s->type == SOCK_DGRAM)
			shutdown(fd, SHUT_RD);
		else if (i % 2)
			send(fd, "z", 1, MSG_NOSIGNAL);
		if (i % 3)
			shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	return 0;
}

TEST_F(users, connections_of_another_disturb_nothing)
{
	int client, fd, i;

	client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, client);
	fd = variant->type == SOCK_DGRAM ? dup(self->service) : accept(self->service, NULL, NULL);
	ASSERT_LE(0, fd);
	ASSERT_EQ(3, send(client, "abc", 3, 0));
	ASSERT_EQ(3, send(self->sv[0], "abc", 3, 0));
	EXPECT_EQ(0, ACT(disturb));

	EXPECT_EQ(3, recv(fd, self->buf, sizeof(self->buf), MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(self->buf, "abc", 3));
	EXPECT_EQ(3, recv(self->sv[1], self->buf, sizeof(self->buf), MSG_DONTWAIT));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, get_number(self->sv[i], SO_ERROR));
		EXPECT_EQ(1, send(self->sv[i], "d", 1, 0));
		EXPECT_EQ(1, recv(self->sv[!i], self->buf, 1, MSG_DONTWAIT));
	}
	EXPECT_EQ(0, get_number(client, SO_ERROR));
	EXPECT_EQ(0, get_number(self->service, SO_ERROR));
	EXPECT_EQ(2, send(client, "ef", 2, 0));
	EXPECT_EQ(2, recv(fd, self->buf, sizeof(self->buf), MSG_DONTWAIT));
	close(client);
	close(fd);
}

/* When the address is free, another may have it, but nothing that came before. */
static int take_the_place(const struct scene *s)
{
	char c[8];
	int fd;

	/* The address of the test is that of the parent. */
	fd = unbound_socket(s->family, s->type | SOCK_NONBLOCK);
	if (bind_to(fd, &s->service))
		return 1;
	if (s->type == SOCK_DGRAM)
		return recv(fd, c, sizeof(c), 0) >= 0 ? 2 : errno == EAGAIN ? 0 : 3;
	if (listen(fd, 4))
		return 4;
	return accept(fd, NULL, NULL) >= 0 ? 5 : errno == EAGAIN ? 0 : 6;
}

TEST_F(users, who_takes_a_free_address_gets_nothing_that_was_for_the_one_before)
{
	int client, fd;

	client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, client);
	fd = variant->type == SOCK_DGRAM ? -1 : accept(self->service, NULL, NULL);
	ASSERT_EQ(3, send(client, "abc", 3, 0));
	if (variant->type != SOCK_DGRAM) {
		/* One that is accepted, and one that waits for it. */
		close(connected_socket(variant->family, variant->type, SERVICE));
	}
	close(self->service);
	self->service = -1;
	EXPECT_EQ(0, ACT(take_the_place));
	if (variant->type == SOCK_DGRAM) {
		/* The peer was a socket, and not whoever has its address. */
		EXPECT_ERROR(ECONNREFUSED, send(client, "d", 1, 0));
	} else {
		EXPECT_EQ(3, recv(fd, self->buf, sizeof(self->buf), MSG_DONTWAIT));
		EXPECT_EQ(1, send(client, "d", 1, 0));
		EXPECT_EQ(1, recv(fd, self->buf, sizeof(self->buf), MSG_DONTWAIT));
		close(fd);
	}
	close(client);
}

/* While the second user has it, too. */
static int serve_instead(const struct scene *s)
{
	int fd = unbound_socket(s->family, s->type);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (bind_to(fd, &s->service) || (s->type != SOCK_DGRAM && listen(fd, 4)))
		return 1;
	/* Ready; and until the first one is through, nothing comes. */
	kill(getpid(), SIGSTOP);
	return poll(&p, 1, 0) ? 2 : 0;
}

TEST_F(users, a_peer_is_not_replaced_by_who_takes_its_address)
{
	int client, fd = -1, status;
	pid_t pid;

	client = connected_socket(variant->family, variant->type, SERVICE);
	ASSERT_LE(0, client);
	if (variant->type != SOCK_DGRAM)
		fd = accept(self->service, NULL, NULL);
	close(self->service);
	self->service = -1;

	ASSERT_EQ(0, seteuid(0));
	pid = fork_child();
	if (!pid) {
		close_range(3, ~0U, 0);
		if (setresuid(SOMEBODY, SOMEBODY, SOMEBODY))
			_exit(100);
		_exit(serve_instead(&self->scene));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	if (variant->type == SOCK_DGRAM) {
		EXPECT_ERROR(ECONNREFUSED, send(client, "abc", 3, 0));
		EXPECT_ERROR(ENOTCONN, send(client, "abc", 3, 0));
	} else {
		EXPECT_EQ(3, send(client, "abc", 3, 0));
		EXPECT_EQ(3, recv(fd, self->buf, sizeof(self->buf), MSG_DONTWAIT));
		close(fd);
	}
	kill(pid, SIGCONT);
	EXPECT_EQ(0, child_exit(pid));
	close(client);
}

FIXTURE_USERS(users_dgram, VARIANTS_DGRAM)

/* Two that have each other hear nobody else. */
static int interfere(const struct scene *s)
{
	int fd = unbound_socket(s->family, s->type);

	if (!send_to(fd, &s->service) || errno != EPERM)
		return 1;
	return !connect_to(fd, &s->service) || errno != EPERM ? 2 : 0;
}

TEST_F(users_dgram, sockets_that_have_each_other_hear_nobody_else)
{
	struct address client = address(variant->family, CLIENT);
	int fd = bound_socket(variant->family, SOCK_DGRAM, CLIENT);

	ASSERT_EQ(0, connect_to(self->service, &client));
	ASSERT_EQ(0, connect_to(fd, &self->scene.service));
	EXPECT_EQ(0, ACT(interfere));
	EXPECT_EQ(0, poll_now(self->service, POLLIN));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, recv(self->service, self->buf, 1, 0));
	close(fd);
}

/* Signals: the owner of a descriptor is whom its user may send one to. */
static int own_for_another(const struct scene *s)
{
	int sv[2];

	if (socketpair(family_number(s->family), s->type, 0, sv))
		return 1;
	if (fcntl(sv[1], F_SETOWN, s->pid) || fcntl(sv[1], F_SETFL, O_ASYNC | O_NONBLOCK))
		return 2;
	send(sv[0], "x", 1, MSG_NOSIGNAL);
	if (s->type == SOCK_STREAM)
		send(sv[0], "x", 1, MSG_OOB | MSG_NOSIGNAL);
	close(sv[0]);
	return 0;
}

static int signals;

static void count_signals(int signal)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

TEST_F(users, no_signals_are_sent_to_processes_of_another)
{
	signal(SIGIO, count_signals);
	signal(SIGURG, count_signals);
	EXPECT_EQ(0, ACT(own_for_another));
	EXPECT_EQ(0, __atomic_load_n(&signals, __ATOMIC_RELAXED));
	/* as they are to one's own */
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->sv[1], F_SETFL, O_ASYNC));
	ASSERT_EQ(1, send(self->sv[0], "x", 1, 0));
	EXPECT_NE(0, __atomic_load_n(&signals, __ATOMIC_RELAXED));
}

TEST_HARNESS_MAIN
