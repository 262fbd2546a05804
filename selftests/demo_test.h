/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the selftests share: the two families a test body runs over, addresses
 * that mean the same on both, and sockets that are ready to talk.
 *
 * AF_UNIX of Linux 7.2 is what AF_DEMO is measured by. A test whose behaviour
 * both share has a variant for each; a failing AF_UNIX variant says that the
 * test is wrong, not the family.
 */
#ifndef DEMO_TEST_H
#define DEMO_TEST_H

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/demo.h>

/* A part of a test, which has no tests of its own, needs no harness. */
#ifndef DEMO_TEST_PART
#include "kselftest_harness.h"
#endif

/*
 * The harness ends a test after 30 seconds, which is little for a debug kernel
 * on an emulated processor. This is for a test that hangs.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	600

#define FAMILY_PARAMETER	"/sys/module/demo/parameters/family"

enum family { FAMILY_DEMO, FAMILY_UNIX };

/* The number of a family as socket() takes it; -1 when it is not there. */
static inline int family_number(enum family family)
{
	static int demo = -1;
	FILE *f;

	if (family == FAMILY_UNIX)
		return AF_UNIX;
	if (demo < 0) {
		f = fopen(FAMILY_PARAMETER, "re");
		if (!f)
			return -1;
		if (fscanf(f, "%d", &demo) != 1)
			demo = -1;
		fclose(f);
	}
	return demo;
}

/* Call first in every FIXTURE_SETUP, and in every TEST() over AF_DEMO alone. */
#define NEED_FAMILY(family)							\
do {										\
	if (family_number(family) < 0)						\
		SKIP(return, "demo.ko is not loaded: insmod demo.ko");		\
} while (0)

/*
 * Call after NEED_FAMILY() where AF_UNIX got the behaviour only with a later
 * release than the oldest one supported: the AF_UNIX variant is skipped there.
 */
#define UNIX_SINCE(family, major, minor, what)					\
do {										\
	if ((family) == FAMILY_UNIX && !kernel_is_at_least(major, minor))	\
		SKIP(return, "AF_UNIX has this since %d.%d: %s",		\
		     major, minor, what);					\
} while (0)

/* What a person wants to know of a test that passed, too: check.sh shows it. */
#define TELL(format, ...)	fprintf(stderr, "# told: " format "\n", ##__VA_ARGS__)

/* On one, what takes seconds elsewhere takes minutes, and memory is kept for long. */
static inline bool is_debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

static inline bool kernel_is_at_least(int major, int minor)
{
	int x, y;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%d.%d", &x, &y) != 2)
		return false;
	return x > major || (x == major && y >= minor);
}

/* The address of a service, on either family. */
struct address {
	union {
		struct sockaddr		sa;
		struct sockaddr_demo	demo;
		struct sockaddr_un	un;
		struct sockaddr_storage	storage;
	};
	socklen_t len;
};

/* The nth address of this test; tests that run at once do not share any. */
static inline struct address address(enum family family, unsigned int n)
{
	struct address a;

	memset(&a, 0, sizeof(a));
	if (family == FAMILY_DEMO) {
		a.demo.sdm_family = family_number(family);
		a.demo.sdm_node = DEMO_NODE_LOCAL;
		a.demo.sdm_port = 0x10000u + ((unsigned int)getpid() << 8) + n;
		a.len = sizeof(a.demo);
	} else {
		a.un.sun_family = AF_UNIX;
		a.len = offsetof(struct sockaddr_un, sun_path) + 1 +
			sprintf(a.un.sun_path + 1, "demo-test-%d-%u", getpid(), n);
	}
	return a;
}

/*
 * Sockets that are ready to talk. Each returns -1 with errno set when a call
 * fails, and then leaves nothing open.
 */
static inline int bound_socket(enum family family, int type, unsigned int n)
{
	struct address a = address(family, n);
	int fd, err;

	fd = socket(family_number(family), type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, &a.sa, a.len)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return fd;
}

static inline int listening_socket(enum family family, int type, unsigned int n,
				   int backlog)
{
	int fd, err;

	fd = bound_socket(family, type, n);
	if (fd >= 0 && listen(fd, backlog)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return fd;
}

static inline int connected_socket(enum family family, int type, unsigned int n)
{
	struct address a = address(family, n);
	int fd, err;

	fd = socket(family_number(family), type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, &a.sa, a.len)) {
		err = errno;
		close(fd);
		errno = err;
		fd = -1;
	}
	return fd;
}

/*
 * Two connected sockets: through listen(), connect() and accept() where the
 * type has them, else two bound datagram sockets connected to each other.
 * The address n is used (and n + 1 on datagram sockets).
 */
static inline int connected_pair(enum family family, int type, unsigned int n,
				 int sv[2])
{
	struct address a = address(family, n), b = address(family, n + 1);
	int listener;

	if (type == SOCK_DGRAM) {
		sv[0] = bound_socket(family, type, n);
		sv[1] = bound_socket(family, type, n + 1);
		if (sv[0] < 0 || sv[1] < 0 || connect(sv[0], &b.sa, b.len) ||
		    connect(sv[1], &a.sa, a.len))
			return -1;
		return 0;
	}
	listener = listening_socket(family, type, n, 8);
	if (listener < 0)
		return -1;
	sv[0] = connected_socket(family, type, n);
	sv[1] = sv[0] < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return sv[1] < 0 ? -1 : 0;
}

/* The variants of a fixture whose FIXTURE_VARIANT has .family and .type. */
#define VARIANT(fixture, family_name, FAMILY, type_name, TYPE)			\
	FIXTURE_VARIANT_ADD(fixture, family_name##_##type_name) {		\
		.family = FAMILY_##FAMILY, .type = SOCK_##TYPE,			\
	}

#define VARIANTS_STREAM(fixture)						\
	VARIANT(fixture, demo, DEMO, stream, STREAM);				\
	VARIANT(fixture, unix, UNIX, stream, STREAM)

#define VARIANTS_DGRAM(fixture)							\
	VARIANT(fixture, demo, DEMO, dgram, DGRAM);				\
	VARIANT(fixture, unix, UNIX, dgram, DGRAM)

#define VARIANTS_SEQPACKET(fixture)						\
	VARIANT(fixture, demo, DEMO, seqpacket, SEQPACKET);			\
	VARIANT(fixture, unix, UNIX, seqpacket, SEQPACKET)

/* Types with listen(), connect() and accept(). */
#define VARIANTS_CONNECTION(fixture)						\
	VARIANTS_STREAM(fixture);						\
	VARIANTS_SEQPACKET(fixture)

/* Types that keep the boundaries of what was sent. */
#define VARIANTS_RECORD(fixture)						\
	VARIANTS_DGRAM(fixture);						\
	VARIANTS_SEQPACKET(fixture)

#define VARIANTS_ALL(fixture)							\
	VARIANTS_STREAM(fixture);						\
	VARIANTS_DGRAM(fixture);						\
	VARIANTS_SEQPACKET(fixture)

/* What AF_UNIX has nothing like. */
#define VARIANTS_DEMO(fixture)							\
	VARIANT(fixture, demo, DEMO, stream, STREAM);				\
	VARIANT(fixture, demo, DEMO, dgram, DGRAM);				\
	VARIANT(fixture, demo, DEMO, seqpacket, SEQPACKET)

/* What has MSG_ZEROCOPY, and notices of it. */
#define VARIANTS_NOTICES(fixture)						\
	VARIANT(fixture, demo, DEMO, stream, STREAM)

/*
 * Bytes that say where they belong: byte @pos of the data numbered @seed. A
 * byte lost, doubled, moved or left over from before does not fit its place.
 */
static inline unsigned char pattern_byte(unsigned int seed, size_t pos)
{
	unsigned int x = ((unsigned int)pos + seed * 0x9e3779b9u) * 0x85ebca6bu;

	return (x ^ x >> 15) >> 8;
}

static inline void pattern_fill(void *buf, size_t len, unsigned int seed, size_t pos)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern_byte(seed, pos + i);
}

/* Where @buf first differs from the data numbered @seed; -1: nowhere. */
static inline ssize_t pattern_differs(const void *buf, size_t len, unsigned int seed,
				      size_t pos)
{
	const unsigned char *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern_byte(seed, pos + i))
			return i;
	return -1;
}

/*
 * What is left to chance is the same at each run, unless the environment says SEED=N:
 * each N is another chance. Who needs several seeds numbers them.
 */
static inline unsigned int test_seed(unsigned int n)
{
	const char *seed = getenv("SEED");

	return n + (seed ? 0x9e3779b9u * (unsigned int)strtoul(seed, NULL, 10) : 0);
}

/* A number below the limit. */
static inline unsigned int random_below(unsigned int *seed, unsigned int limit)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % limit;
}

static inline long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait for what others do by and by, but not for ever: then it is looked at. */
#define AWAIT(condition)							\
do {										\
	long await_start = now_ms();						\
										\
	while (!(condition) && now_ms() - await_start < 100000)			\
		usleep(1000);							\
} while (0)

/* A setting of the kernel: errno says why not. */
static inline bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Options and flags that are one number. get_number() returns -1 on errors. */
static inline int set_number(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

static inline int get_number(int fd, int option)
{
	int value;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, option, &value, &len))
		return -1;
	return value;
}

/* SO_RCVTIMEO or SO_SNDTIMEO. */
static inline int set_timeout(int fd, int option, long ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static inline int set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* What poll() says at once about these events; -1 on errors. */
static inline int poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* All of it, in as many calls as it takes; what was moved before an end. */
static inline size_t write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, (const char *)buf + done, len - done);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

static inline size_t read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n <= 0)
			break;
		done += n;
	}
	return done;
}

/*
 * One send or receive in a thread of its own, so that it can wait:
 *
 *	struct background call = { .fd = fd, .buf = buf, .len = len };
 *
 *	ASSERT_EQ(0, background_recv(&call));
 *	ASSERT_TRUE(background_sleeps(&call));
 *	... what should end the wait ...
 *	EXPECT_EQ(len, background_end(&call));
 */
struct background {
	int			fd;
	void			*buf;
	size_t			len;
	int			flags;
	const struct address	*to;	/* where a send goes, if not to the peer */
	ssize_t			result;
	int			error;
	pid_t			tid;
	pthread_t		thread;
};

static inline void *background_sender(void *arg)
{
	struct background *b = arg;

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->result = sendto(b->fd, b->buf, b->len, b->flags,
			   b->to ? &b->to->sa : NULL, b->to ? b->to->len : 0);
	b->error = errno;
	return NULL;
}

static inline void *background_receiver(void *arg)
{
	struct background *b = arg;

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->result = recv(b->fd, b->buf, b->len, b->flags);
	b->error = errno;
	return NULL;
}

static inline int background_send(struct background *b)
{
	return pthread_create(&b->thread, NULL, background_sender, b);
}

static inline int background_recv(struct background *b)
{
	return pthread_create(&b->thread, NULL, background_receiver, b);
}

/*
 * In its stat, a task sleeps from the moment it means to, and still when it looks
 * around again. That it has a system call to show means that it is off the processor.
 * Of another user's task we are not told, and believe the stat.
 */
static inline bool task_is_off(pid_t tid)
{
	char name[32], line[64];
	bool off;
	FILE *f;

	sprintf(name, "/proc/%d/syscall", tid);
	f = fopen(name, "re");
	if (!f)
		return errno != ENOENT || access("/proc/self/syscall", F_OK);
	/* "running"; "-1" of one that has ended. */
	if (fgets(line, sizeof(line), f))
		off = isdigit(line[0]);
	else
		off = errno != ESRCH;
	fclose(f);
	return off;
}

/* Wait until a task sleeps. False when it ended without having done so. */
static inline bool task_sleeps(pid_t tid)
{
	char name[32], line[512], *state;
	FILE *f;

	sprintf(name, "/proc/%d/stat", tid);
	for (;;) {
		f = fopen(name, "re");
		if (!f)
			return false;
		state = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
		fclose(f);
		if (!state || state[2] == 'Z' || state[2] == 'X')
			return false;
		if (state[2] == 'S' && task_is_off(tid))
			return true;
		usleep(1000);
	}
}

/* Wait until the call waits. False when it returned instead. */
static inline bool background_sleeps(struct background *b)
{
	pid_t tid;

	while (!(tid = __atomic_load_n(&b->tid, __ATOMIC_ACQUIRE)))
		usleep(1000);
	return task_sleeps(tid);
}

/* What the call returned, and errno as it left it. */
static inline ssize_t background_end(struct background *b)
{
	pthread_join(b->thread, NULL);
	errno = b->error;
	return b->result;
}

/*
 * fork(), for a call that can wait: the child ends when the test does. In the
 * child address() gives other addresses; take what it needs before.
 */
static inline pid_t fork_child(void)
{
	pid_t pid = fork();

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* What a child gave to _exit(), an errno as a rule; -1: it did not get there. */
static inline int child_exit(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The name of a socket, and that of its peer; .len is 0 when it has none. */
static inline struct address own_address(int fd)
{
	struct address a = { .len = sizeof(a.storage) };

	if (getsockname(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

static inline struct address peer_address(int fd)
{
	struct address a = { .len = sizeof(a.storage) };

	if (getpeername(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

static inline bool same_address(const struct address *a, const struct address *b)
{
	return a->len == b->len && !memcmp(&a->storage, &b->storage, a->len);
}

/* The call fails, and with this error. */
#define EXPECT_ERROR(error, call)						\
do {										\
	EXPECT_EQ(-1, (call));							\
	EXPECT_EQ(error, errno);						\
} while (0)

/* A time that is long enough to be seen; see EXPECT_TIMEOUT(). */
#define TIMEOUT_MS	100

/*
 * The call fails with EAGAIN, and not before its TIMEOUT_MS are over. They are
 * counted in ticks, and those that a busy machine has missed come all at once:
 * one that seems short is tried again.
 */
#define EXPECT_TIMEOUT(call)							\
do {										\
	int tries = 3;								\
	long start;								\
										\
	do {									\
		start = now_ms();						\
		EXPECT_ERROR(EAGAIN, call);					\
	} while (now_ms() - start < TIMEOUT_MS * 9 / 10 && --tries);		\
	EXPECT_LT(0, tries);							\
} while (0)

static inline int bind_to(int fd, const struct address *a)
{
	return bind(fd, &a->sa, a->len);
}

static inline int connect_to(int fd, const struct address *a)
{
	return connect(fd, &a->sa, a->len);
}

/* A socket of this type that others can reach at the address n. */
static inline int service_socket(enum family family, int type, unsigned int n)
{
	if (type == SOCK_DGRAM)
		return bound_socket(family, type, n);
	return listening_socket(family, type, n, 8);
}

/* A byte to an address, by a datagram socket. */
static inline int send_to(int fd, const struct address *a)
{
	return sendto(fd, "", 1, MSG_DONTWAIT, &a->sa, a->len) < 0 ? -1 : 0;
}

static inline int unbound_socket(enum family family, int type)
{
	return socket(family_number(family), type | SOCK_CLOEXEC, 0);
}

/* What bind_to(), connect_to() or send_to() with a new socket comes to: 0, or the errno. */
static inline int try_call(int (*call)(int fd, const struct address *a),
			   enum family family, int type, const struct address *a)
{
	int fd = unbound_socket(family, type), err;

	if (fd < 0)
		return errno;
	err = call(fd, a) ? errno : 0;
	close(fd);
	return err;
}

static inline struct address demo_address(unsigned int node, unsigned int port)
{
	struct address a = address(FAMILY_DEMO, 0);

	a.demo.sdm_node = node;
	a.demo.sdm_port = port;
	return a;
}

/*
 * A network namespace for this test alone: no service is in its way, and what
 * it sets it sets for nobody else. Without root it takes a user namespace too,
 * and gets every capability there.
 */
static inline bool enter_own_network(void)
{
	return !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

#define NEED_OWN_NETWORK()							\
do {										\
	if (!enter_own_network())						\
		SKIP(return, "no network namespace of its own: %s",		\
		     strerror(errno));						\
} while (0)

/*
 * Other calls in the background: BACKGROUND(name, call) makes background_name(),
 * which starts a thread for a call that uses what is in b.
 */
#define BACKGROUND(name, call)							\
static inline void *background_##name##_thread(void *arg)			\
{										\
	struct background *b = arg;						\
										\
	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);			\
	b->result = (call);							\
	b->error = errno;							\
	return NULL;								\
}										\
static inline int background_##name(struct background *b)			\
{										\
	return pthread_create(&b->thread, NULL, background_##name##_thread, b);	\
}

BACKGROUND(accept, accept4(b->fd, NULL, NULL, SOCK_CLOEXEC))
BACKGROUND(connect, connect_to(b->fd, b->to))

/*
 * Send until there is no room, not for a single byte. The number of messages
 * that went; -1 on errors.
 */
static inline int send_until_full(int fd)
{
	static const char message[512];
	size_t len;
	int n = 0;

	for (len = sizeof(message); len; len = len > 1 ? 1 : 0)
		while (send(fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			n++;
	return errno == EAGAIN ? n : -1;
}

/* Receive until nothing is left. The number of bytes; -1 on errors. */
static inline ssize_t recv_until_empty(int fd)
{
	static char buf[65536];
	ssize_t n, sum = 0;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		sum += n;
	return !n || errno == EAGAIN ? sum : -1;
}

/*
 * Connect to the listener n until its backlog is full. The number of
 * connections that wait there; -1 on errors.
 */
static inline int connect_until_full(enum family family, int type, unsigned int n)
{
	int connections = 0;

	while (connected_socket(family, type | SOCK_NONBLOCK, n) >= 0)
		connections++;
	return errno == EAGAIN ? connections : -1;
}

/*
 * A fixture of two sockets that are connected, self->sv, over what one of the
 * VARIANTS_* names; self->buf is for whatever a test receives.
 */
#define FIXTURE_PAIR(fixture, VARIANTS)						\
	FIXTURE(fixture) {							\
		int sv[2];							\
		char buf[64];							\
	};									\
	FIXTURE_VARIANT(fixture) {						\
		enum family family;						\
		int type;							\
	};									\
	VARIANTS(fixture);							\
	FIXTURE_SETUP(fixture)							\
	{									\
		NEED_FAMILY(variant->family);					\
		ASSERT_EQ(0, connected_pair(variant->family, variant->type, 1,	\
					    self->sv));				\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		close(self->sv[0]);						\
		close(self->sv[1]);						\
	}

/* How much waits, for a receiver and of a sender; -1 on errors. */
static inline int unread(int fd)
{
	int value;

	return ioctl(fd, FIONREAD, &value) ? -1 : value;
}

static inline int unsent(int fd)
{
	int value;

	return ioctl(fd, TIOCOUTQ, &value) ? -1 : value;
}

static inline int poll_until_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

BACKGROUND(writable, poll_until_writable(b->fd))

/* Ancillary data: what goes, and what came, beside the bytes of a message. */
#define MAX_FDS		253		/* in one message */

#ifndef SCM_INQ
#define SO_INQ		84
#define SCM_INQ		SO_INQ
#endif

struct beside {
	int flags;			/* of the message: MSG_CTRUNC and others */
	int nr_fds, fds[MAX_FDS];
	int nr_creds;
	struct ucred creds;
	int nr_inq, inq;
};

union control {
	char buf[CMSG_SPACE((MAX_FDS + 1) * sizeof(int)) +
		 CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static inline ssize_t send_beside(int fd, const void *buf, size_t len, int flags,
				  const int *fds, int nr_fds,
				  const struct ucred *creds)
{
	union control control = { 0 };
	struct iovec iov = { (void *)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.buf };
	struct cmsghdr *cmsg = &control.align;

	if (nr_fds) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cmsg = (void *)(control.buf + msg.msg_controllen);
	}
	if (creds) {
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_CREDENTIALS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(*creds));
		memcpy(CMSG_DATA(cmsg), creds, sizeof(*creds));
		msg.msg_controllen += CMSG_SPACE(sizeof(*creds));
	}
	return sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
}

/* With room for @room bytes of control messages. */
static inline ssize_t recv_beside_room(int fd, void *buf, size_t len, int flags,
				       struct beside *b, size_t room)
{
	union control control;
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = room ? control.buf : NULL,
			      .msg_controllen = room };
	struct cmsghdr *cmsg;
	ssize_t n;

	memset(b, 0, sizeof(*b));
	n = recvmsg(fd, &msg, flags);
	if (n < 0)
		return n;
	b->flags = msg.msg_flags;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		size_t size = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		if (cmsg->cmsg_type == SCM_RIGHTS) {
			b->nr_fds = size / sizeof(int);
			memcpy(b->fds, CMSG_DATA(cmsg), size);
		} else if (cmsg->cmsg_type == SCM_CREDENTIALS) {
			b->nr_creds++;
			memcpy(&b->creds, CMSG_DATA(cmsg), size);
		} else if (cmsg->cmsg_type == SCM_INQ) {
			b->nr_inq++;
			memcpy(&b->inq, CMSG_DATA(cmsg), size);
		}
	}
	return n;
}

/* What is there now. */
static inline ssize_t recv_beside(int fd, void *buf, size_t len, int flags,
				  struct beside *b)
{
	return recv_beside_room(fd, buf, len, flags | MSG_DONTWAIT, b,
				sizeof(union control));
}

/* The same, opened the same way. */
static inline bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino && x.st_mode == y.st_mode &&
	       fcntl(a, F_GETFL) == fcntl(b, F_GETFL);
}

static inline void close_fds(struct beside *b)
{
	while (b->nr_fds)
		close(b->fds[--b->nr_fds]);
}

/* A byte with one descriptor: 0, or the errno. */
static inline int send_fd(int sock, int fd)
{
	return send_beside(sock, "x", 1, MSG_DONTWAIT, &fd, 1, NULL) < 0 ? errno : 0;
}

/* How many descriptors this process has; -1 on errors. */
static inline int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -3;			/* ".", ".." and that of the directory */

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* How many AF_DEMO sockets this network namespace has; -1 on errors. */
static inline long count_demo_sockets(void)
{
	long n, found = -1;
	char line[256];
	FILE *f;

	f = fopen("/proc/net/protocols", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "DEMO %*d %ld", &n) == 1)
			found = n;
	fclose(f);
	return found;
}

#endif /* DEMO_TEST_H */
