// SPDX-License-Identifier: GPL-2.0-only
/*
 * An unprivileged user who wants all there is: each kind of thing has a limit
 * that stops him, with an errno, and everybody else goes on. "Limits" in
 * Documentation/af_demo.rst is the list.
 */
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "usage.h"

#define SOMEBODY	54321		/* an unprivileged user without processes */
#define MEMORY		(4 * MIB)	/* of his memory cgroup, where that is to stop him */
#define PLENTY		(64 * MIB)	/* where something else is */

/*
 * What is not charged, of what the attackers here take. A debug kernel keeps
 * what was freed for a while, and does not charge that.
 */
#define UNCHARGED	(2 * MIB)

enum { SERVICE };			/* addresses of a test */

/* Shared by the attacker and who looks on. */
struct report {
	int error;			/* what stopped him; 0: nothing yet */
	long count;			/* what he got before */
	bool over;			/* he may go */
};

struct attack {
	enum family family;
	int type;
	struct report *report;
	struct address service;		/* of the one who looks on */
};

static int be_somebody(void)
{
	return setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||
	       setresuid(SOMEBODY, SOMEBODY, SOMEBODY) ? -1 : 0;
}

static int limit_files(rlim_t n)
{
	struct rlimit limit = { n, n };

	return setrlimit(RLIMIT_NOFILE, &limit);
}

static long number_of(const char *path)
{
	char text[32] = "";
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return text[0] ? atol(text) : -1;
}

static bool carries_data(const int sv[2])
{
	char big[20000], back[20000];

	memset(big, 'o', sizeof(big));
	return send(sv[0], big, sizeof(big), MSG_DONTWAIT) == sizeof(big) &&
	       recv(sv[1], back, sizeof(back), MSG_DONTWAIT) == sizeof(back) &&
	       !memcmp(big, back, sizeof(big));
}

/* A day in the life of everybody else: all that the family is for. */
static bool others_go_on(enum family family)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	bool fine = true;
	int sv[2], fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (connected_pair(family, types[i], 100, sv))
			return false;
		fine &= carries_data(sv);
		fine &= !send_fd(sv[1], sv[1]);
		close(sv[0]);
		close(sv[1]);
		fd = unbound_socket(family, types[i]);
		fine &= fd >= 0;
		if (family == FAMILY_DEMO) {
			struct address any = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);

			fine &= !bind_to(fd, &any);
		}
		close(fd);
	}
	return fine;
}

/* Attacks. Each takes what it can, and returns the errno that ended it. */

static int take_sockets(struct attack *a)
{
	while (unbound_socket(a->family, a->type) >= 0)
		a->report->count++;
	return errno;
}

static int take_ports(struct attack *a)
{
	struct address any = demo_address(DEMO_NODE_LOCAL, DEMO_PORT_ANY);
	int fd;

	for (;;) {
		fd = unbound_socket(a->family, a->type);
		if (fd < 0 || bind_to(fd, &any))
			return errno;
		a->report->count++;
	}
}

/* Connections that nobody accepts: they take no descriptor, so few are enough. */
static int take_pending(struct attack *a)
{
	unsigned int n = 0;
	int fd;

	for (;;) {
		if (listening_socket(a->family, a->type, n, 1 << 30) < 0)
			return errno;
		while ((fd = connected_socket(a->family, a->type | SOCK_NONBLOCK, n)) >= 0) {
			close(fd);
			a->report->count++;
		}
		if (errno != EAGAIN)
			return errno;
		n++;
	}
}

static int fill(struct attack *a, size_t len)
{
	static char message[65536];
	ssize_t n;
	int sv[2];

	for (;;) {
		if (socketpair(family_number(a->family), a->type, 0, sv))
			return errno;
		set_number(sv[0], SO_SNDBUF, 1 << 30);
		while ((n = send(sv[0], message, len, MSG_DONTWAIT)) > 0)
			a->report->count += n;
		if (errno != EAGAIN)
			return errno;
	}
}

static int queue_small(struct attack *a)
{
	return fill(a, 100);
}

static int queue_large(struct attack *a)
{
	return fill(a, 65536);
}

/* Descriptors in flight: the same one, as often as it goes into a message. */
static int send_descriptors(struct attack *a)
{
	int sv[2], fds[MAX_FDS], i;

	for (i = 0; i < MAX_FDS; i++)
		fds[i] = STDERR_FILENO;
	for (;;) {
		if (socketpair(family_number(a->family), a->type, 0, sv))
			return errno;
		while (send_beside(sv[0], "x", 1, MSG_DONTWAIT, fds, MAX_FDS, NULL) == 1)
			a->report->count += MAX_FDS;
		if (errno != EAGAIN)
			return errno;
	}
}

/* Sockets that are nowhere but in flight: they take no descriptor of his. */
static int hide_sockets(struct attack *a)
{
	int top[2], sv[2], error;

	if (socketpair(family_number(a->family), a->type, 0, top))
		return errno;
	for (;;) {
		if (socketpair(family_number(a->family), a->type, 0, sv))
			return errno;
		error = send_fd(top[0], sv[0]) ?: send_fd(top[0], sv[1]);
		close(sv[0]);
		close(sv[1]);
		if (error == EAGAIN) {
			/* A full one is left, and counts as one descriptor. */
			if (socketpair(family_number(a->family), a->type, 0, top))
				return errno;
		} else if (error) {
			return error;
		}
		a->report->count += 2;
	}
}

/* A memory cgroup for the attacker alone, who may have that much. */
static bool make_cgroup(struct cgroup *c, long memory)
{
	char most[16];

	if (!cgroup_make(c))
		return false;
	sprintf(most, "%ld", memory);
	if (!cgroup_set(c, "memory.max", most)) {
		cgroup_leave(c);
		return false;
	}
	/* Where nothing swaps, there is no such file. */
	cgroup_set(c, "memory.swap.max", "0");
	return true;
}

static struct report *make_report(void)
{
	struct report *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return r == MAP_FAILED ? NULL : r;
}

/*
 * The attacker: somebody in this cgroup, with so many descriptors. What stopped
 * him he reports, and stays until end_attack() with all of it in his hands.
 */
static void attack_as_somebody(const struct cgroup *c, struct attack *a,
			       int (*call)(struct attack *a), int files)
{
	if (!cgroup_join(c) || limit_files(files) || be_somebody()) {
		__atomic_store_n(&a->report->error, -1, __ATOMIC_RELEASE);
		_exit(1);
	}
	/* It would not outlive the change of the user. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	__atomic_store_n(&a->report->error, call(a), __ATOMIC_RELEASE);
	while (!__atomic_load_n(&a->report->over, __ATOMIC_ACQUIRE))
		usleep(1000);
	_exit(0);
}

static pid_t begin_attack(const struct cgroup *c, struct attack *a,
			  int (*call)(struct attack *a), int files)
{
	pid_t pid = fork();

	if (!pid)
		attack_as_somebody(c, a, call, files);
	return pid;
}

/* What stopped him; -1 when that was none of what he tried, or he ended. */
static int wait_for_report(struct report *r, pid_t pid)
{
	int error;

	while (!(error = __atomic_load_n(&r->error, __ATOMIC_ACQUIRE))) {
		if (waitpid(pid, NULL, WNOHANG))
			return -1;
		usleep(10000);
	}
	return error;
}

static int end_attack(struct attack *a, pid_t pid)
{
	__atomic_store_n(&a->report->over, true, __ATOMIC_RELEASE);
	return child_exit(pid);
}

FIXTURE(limits) {
	struct cgroup cgroup;
	struct report *report;
	struct attack attack;
};

FIXTURE_VARIANT(limits) {
	enum family family;
	int type;
	int (*call)(struct attack *a);
};

#define VARIANT_LIMITS(family_name, FAMILY, type_name, TYPE, attack_name)	\
	FIXTURE_VARIANT_ADD(limits, family_name##_##type_name##_##attack_name) { \
		.family = FAMILY_##FAMILY, .type = SOCK_##TYPE, .call = attack_name, \
	}

VARIANT_LIMITS(demo, DEMO, stream, STREAM, take_sockets);
VARIANT_LIMITS(unix, UNIX, stream, STREAM, take_sockets);
VARIANT_LIMITS(demo, DEMO, dgram, DGRAM, take_ports);
VARIANT_LIMITS(demo, DEMO, stream, STREAM, take_pending);
VARIANT_LIMITS(unix, UNIX, stream, STREAM, take_pending);
VARIANT_LIMITS(demo, DEMO, seqpacket, SEQPACKET, take_pending);
VARIANT_LIMITS(demo, DEMO, stream, STREAM, queue_small);
VARIANT_LIMITS(unix, UNIX, stream, STREAM, queue_small);
VARIANT_LIMITS(demo, DEMO, stream, STREAM, queue_large);
VARIANT_LIMITS(unix, UNIX, stream, STREAM, queue_large);
VARIANT_LIMITS(demo, DEMO, dgram, DGRAM, queue_small);
VARIANT_LIMITS(demo, DEMO, dgram, DGRAM, queue_large);
VARIANT_LIMITS(unix, UNIX, dgram, DGRAM, queue_large);
VARIANT_LIMITS(demo, DEMO, seqpacket, SEQPACKET, queue_small);
VARIANT_LIMITS(demo, DEMO, seqpacket, SEQPACKET, queue_large);
VARIANT_LIMITS(demo, DEMO, stream, STREAM, send_descriptors);
VARIANT_LIMITS(demo, DEMO, dgram, DGRAM, send_descriptors);
VARIANT_LIMITS(demo, DEMO, seqpacket, SEQPACKET, hide_sockets);

FIXTURE_SETUP(limits)
{
	NEED_FAMILY(variant->family);
	if (geteuid())
		SKIP(return, "to limit somebody takes root");
	NEED_OWN_NETWORK();
	if (!make_cgroup(&self->cgroup, MEMORY))
		SKIP(return, "there is no memory cgroup");
	self->report = make_report();
	ASSERT_NE(NULL, self->report);
	self->attack = (struct attack){
		.family = variant->family, .type = variant->type, .report = self->report,
	};
}

FIXTURE_TEARDOWN(limits)
{
	cgroup_leave(&self->cgroup);
}

/*
 * The out-of-memory killer would end him: so he is exempt from it, and gets an
 * errno. What he uses of his own memory is all there before, because a page that is
 * missing then would have nobody to give it.
 */
static void attack_to_the_end(const struct cgroup *c, struct attack *a,
			      int (*call)(struct attack *a))
{
	if (cgroup_join(c) && write_text("/proc/self/oom_score_adj", "-1000") &&
	    !limit_files(1 << 20) && dup2(STDERR_FILENO, (1 << 15) - 1) > 0 &&
	    !mlockall(MCL_CURRENT | MCL_FUTURE))
		attack_as_somebody(c, a, call, 1 << 20);
	__atomic_store_n(&a->report->error, -1, __ATOMIC_RELEASE);
	_exit(1);
}

TEST_F(limits, what_a_memory_cgroup_may_have_is_all_that_it_gets)
{
	struct usage before, taken;
	int error;
	pid_t pid;

	before = usage_unsettled(&self->cgroup);
	pid = fork();
	if (!pid)
		attack_to_the_end(&self->cgroup, &self->attack, variant->call);
	ASSERT_LT(0, pid);
	error = wait_for_report(self->report, pid);
	taken = usage_unsettled(&self->cgroup);
	taken.slab -= before.slab;
	taken.cgroup -= before.cgroup;
	TH_LOG("%s after %ld", strerror(error), self->report->count);
	LOG_USAGE("taken", &self->cgroup, &taken);

	/* ENFILE is what the core says when it has no memory for an inode. */
	EXPECT_TRUE(error == ENOMEM || error == ENOBUFS || error == ENFILE);
	EXPECT_LT(0, self->report->count);
	/* The larger part is what he was after, and nearly all was charged. */
	EXPECT_LT(MEMORY / 2, taken.cgroup);
	EXPECT_GE(MEMORY, taken.cgroup);
	if (variant->family == FAMILY_DEMO) {
		EXPECT_GE(taken.cgroup + UNCHARGED, taken.slab);
	}
	EXPECT_TRUE(others_go_on(variant->family));

	/* and when he goes, all of it is given back */
	EXPECT_EQ(0, end_attack(&self->attack, pid));
	EXPECT_GE(NOISE, cgroup_left(&self->cgroup, before.cgroup));
	EXPECT_TRUE(others_go_on(variant->family));
}

/* As it is without the exemption. */
TEST_F(limits, who_does_not_stop_is_killed_and_leaves_nothing)
{
	long before = cgroup_usage(&self->cgroup);
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (!cgroup_join(&self->cgroup) || limit_files(1 << 20) || be_somebody())
			_exit(1);
		for (;;) {
			if (variant->call(&self->attack) == ETOOMANYREFS)
				_exit(2);
			usleep(1000);
		}
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_GE(NOISE, cgroup_left(&self->cgroup, before));
	if (variant->family == FAMILY_DEMO) {
		while (count_demo_sockets() > 0)
			usleep(1000);
	}
	EXPECT_TRUE(others_go_on(variant->family));
}

/*
 * The limits of their own. The attacker has a memory cgroup as well, but one that
 * leaves him enough to come to them.
 */

/* What the administrator lets everybody have. */
struct maxima {
	long wmem, rmem, optmem;
};

static void read_maxima(struct maxima *m)
{
	struct maxima here = {
		.wmem = number_of("/proc/sys/net/core/wmem_max"),
		.rmem = number_of("/proc/sys/net/core/rmem_max"),
		.optmem = number_of("/proc/sys/net/core/optmem_max"),
	};

	m->wmem = here.wmem < 0 ? m->wmem : here.wmem;
	m->rmem = here.rmem < 0 ? m->rmem : here.rmem;
	m->optmem = here.optmem < 0 ? m->optmem : here.optmem;
}

/* What a test needs whose attacker is to be stopped over one of the @VARIANTS. */
#define FIXTURE_OWN(fixture, VARIANTS)						\
	FIXTURE(fixture) {							\
		struct maxima maxima;						\
		struct cgroup cgroup;						\
		struct report *report;						\
		struct attack attack;						\
	};									\
	FIXTURE_VARIANT(fixture) {						\
		enum family family;						\
		int type;							\
	};									\
	VARIANTS(fixture);							\
	FIXTURE_SETUP(fixture)							\
	{									\
		NEED_FAMILY(variant->family);					\
		if (geteuid())							\
			SKIP(return, "to be another user takes root");		\
		/* Not every kernel shows them in a namespace of one's own. */	\
		read_maxima(&self->maxima);					\
		NEED_OWN_NETWORK();						\
		read_maxima(&self->maxima);					\
		if (!make_cgroup(&self->cgroup, PLENTY))			\
			SKIP(return, "there is no memory cgroup");		\
		self->report = make_report();					\
		ASSERT_NE(NULL, self->report);					\
		self->attack = (struct attack){					\
			.family = variant->family, .type = variant->type,	\
			.report = self->report,					\
			.service = address(variant->family, SERVICE),		\
		};								\
	}									\
	FIXTURE_TEARDOWN(fixture)						\
	{									\
		cgroup_leave(&self->cgroup);					\
	}

#define FILES	200

FIXTURE_OWN(own, VARIANTS_ALL)

TEST_F(own, sockets_stop_at_RLIMIT_NOFILE)
{
	pid_t pid = begin_attack(&self->cgroup, &self->attack, take_sockets, FILES);

	EXPECT_EQ(EMFILE, wait_for_report(self->report, pid));
	EXPECT_GE(FILES, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/* What a socket may have in flight, whatever its owner would like. */
static int queue_at_one(struct attack *a)
{
	static const char message[3000];
	int sv[2];

	if (socketpair(family_number(a->family), a->type, 0, sv))
		return errno;
	if (!set_number(sv[0], SO_SNDBUFFORCE, 1 << 30) ||
	    !set_number(sv[1], SO_RCVBUFFORCE, 1 << 30) || errno != EPERM) {
		return -1;
	}
	if (set_number(sv[0], SO_SNDBUF, 1 << 30) || set_number(sv[1], SO_RCVBUF, 1 << 30))
		return errno;
	while (send(sv[0], message, sizeof(message), MSG_DONTWAIT) > 0)
		;
	a->report->count = unsent(sv[0]);
	return errno;
}

TEST_F(own, data_in_flight_stops_at_wmem_max)
{
	pid_t pid;

	pid = begin_attack(&self->cgroup, &self->attack, queue_at_one, FILES);
	EXPECT_EQ(EAGAIN, wait_for_report(self->report, pid));
	TH_LOG("%ld bytes, net.core.wmem_max is %ld", self->report->count, self->maxima.wmem);
	EXPECT_LT(0, self->report->count);
	/* Twice that, and a buffer. */
	EXPECT_GE(2 * self->maxima.wmem + 65536, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/* What a socket has, as the kernel counts it: SK_MEMINFO_RMEM_ALLOC and so on. */
static long memory_of(int fd, int what)
{
	uint32_t all[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(all);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, all, &len))
		return -1;
	return all[what];
}

/* Filters that grow: each takes the place of the one before, if it finds room. */
static int attach_filters(struct attack *a)
{
	struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog filter = { .filter = code };
	int fd = unbound_socket(a->family, a->type), i, error = -1;

	/* The kernel makes several of each of these. */
	for (i = 0; i < BPF_MAXINSNS; i++)
		code[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	for (i = 2; i <= BPF_MAXINSNS && error < 0; i *= 2) {
		code[i - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 1);
		filter.len = i;
		if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
			error = errno;
		code[i - 1] = code[0];
	}
	a->report->count = memory_of(fd, SK_MEMINFO_OPTMEM);
	return error;
}

TEST_F(own, filters_stop_at_optmem_max)
{
	pid_t pid;

	pid = begin_attack(&self->cgroup, &self->attack, attach_filters, FILES);
	EXPECT_EQ(ENOMEM, wait_for_report(self->report, pid));
	TH_LOG("%ld bytes, net.core.optmem_max is %ld", self->report->count,
	       self->maxima.optmem);
	/* One that is refused leaves the one before. */
	EXPECT_LT(0, self->report->count);
	EXPECT_GT(self->maxima.optmem, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/* Control messages that grow, of a kind that nobody looks at. */
static int send_control_messages(struct attack *a)
{
	size_t size = 1 << 20, len;
	struct cmsghdr *cmsg = calloc(1, size);
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = cmsg };
	int sv[2];
	char c;

	if (!cmsg || socketpair(family_number(a->family), a->type, 0, sv))
		return errno;
	cmsg->cmsg_level = SOL_SOCKET + 1000;
	for (len = 1024; len <= size; len += 1024) {
		cmsg->cmsg_len = len;
		msg.msg_controllen = len;
		if (sendmsg(sv[0], &msg, MSG_DONTWAIT) != 1)
			return errno;
		recv(sv[1], &c, 1, MSG_DONTWAIT);
		a->report->count = len;
	}
	return -1;
}

TEST_F(own, control_messages_stop_at_optmem_max)
{
	pid_t pid;

	pid = begin_attack(&self->cgroup, &self->attack, send_control_messages, FILES);
	EXPECT_EQ(ENOBUFS, wait_for_report(self->report, pid));
	TH_LOG("%ld bytes, net.core.optmem_max is %ld", self->report->count,
	       self->maxima.optmem);
	EXPECT_LT(self->maxima.optmem - 2048, self->report->count);
	EXPECT_GE(self->maxima.optmem, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/* AF_UNIX has no ports, and counts otherwise what is in flight. */
FIXTURE_OWN(own_of_demo, VARIANTS_DEMO)

TEST_F(own_of_demo, ports_stop_at_RLIMIT_NOFILE)
{
	pid_t pid = begin_attack(&self->cgroup, &self->attack, take_ports, FILES);

	EXPECT_EQ(EMFILE, wait_for_report(self->report, pid));
	EXPECT_GE(FILES, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

TEST_F(own_of_demo, sockets_in_flight_stop_at_RLIMIT_NOFILE)
{
	pid_t pid = begin_attack(&self->cgroup, &self->attack, hide_sockets, FILES);

	EXPECT_EQ(ETOOMANYREFS, wait_for_report(self->report, pid));
	EXPECT_GE(FILES, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/* Datagrams are counted where they wait; AF_UNIX has a limit of 10 of them. */
#define VARIANT_DATAGRAMS(fixture)	VARIANT(fixture, demo, DEMO, dgram, DGRAM)

FIXTURE_OWN(own_datagrams, VARIANT_DATAGRAMS)

/* Many sockets that send to somebody who does not receive. */
static int flood(struct attack *a)
{
	static const char message[1000];
	int i, fd, error = 0;

	for (i = 0; i < FILES / 2; i++) {
		fd = unbound_socket(a->family, a->type);
		if (fd < 0)
			return errno;
		while (sendto(fd, message, sizeof(message), MSG_DONTWAIT, &a->service.sa,
			      a->service.len) > 0)
			a->report->count += sizeof(message);
		error = errno;
	}
	return error;
}

TEST_F(own_datagrams, to_somebody_stop_at_his_SO_RCVBUF)
{
	int receiver, rcvbuf;
	pid_t pid;

	receiver = bound_socket(variant->family, SOCK_DGRAM, SERVICE);
	ASSERT_LE(0, receiver);
	rcvbuf = get_number(receiver, SO_RCVBUF);
	pid = begin_attack(&self->cgroup, &self->attack, flood, FILES);
	EXPECT_EQ(EAGAIN, wait_for_report(self->report, pid));
	TH_LOG("%ld bytes, SO_RCVBUF is %d", self->report->count, rcvbuf);
	EXPECT_LT(rcvbuf / 4, self->report->count);
	EXPECT_GE(rcvbuf, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
	/* What was sent is there still, and then there is room again. */
	EXPECT_EQ(self->report->count, recv_until_empty(receiver));
	EXPECT_EQ(0, try_call(send_to, variant->family, SOCK_DGRAM, &self->attack.service));
	close(receiver);
}

/* The same to a receiver of his own, who would like to have all of it wait. */
static int flood_himself(struct attack *a)
{
	int error, receiver = unbound_socket(a->family, a->type);

	if (bind_to(receiver, &a->service))
		return errno;
	if (!set_number(receiver, SO_RCVBUFFORCE, 1 << 30) || errno != EPERM)
		return -1;
	if (set_number(receiver, SO_RCVBUF, 1 << 30))
		return errno;
	error = flood(a);
	a->report->count = memory_of(receiver, SK_MEMINFO_RMEM_ALLOC);
	return error;
}

TEST_F(own_datagrams, that_wait_stop_at_rmem_max)
{
	pid_t pid;

	pid = begin_attack(&self->cgroup, &self->attack, flood_himself, FILES);
	EXPECT_EQ(EAGAIN, wait_for_report(self->report, pid));
	TH_LOG("%ld bytes, net.core.rmem_max is %ld", self->report->count, self->maxima.rmem);
	/* Twice that, and the datagram that goes over it. */
	EXPECT_LE(2 * self->maxima.rmem, self->report->count);
	EXPECT_GE(2 * self->maxima.rmem + 4096, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

FIXTURE_OWN(own_notices, VARIANTS_NOTICES)

/*
 * Notices that nobody reads. The kernel makes one of two that follow each other, so
 * each second send is through at once, and before the one that went ahead of it.
 */
static int leave_notices(struct attack *a)
{
	static const char data[16384];
	const int on = 1, flags = MSG_ZEROCOPY | MSG_DONTWAIT;
	int sv[2], error;

	if (socketpair(family_number(a->family), a->type, 0, sv) ||
	    setsockopt(sv[0], SOL_DEMO, DEMO_ZEROCOPY, &on, sizeof(on)))
		return errno;
	do {
		while (send(sv[0], data, sizeof(data), flags) > 0 &&
		       send(sv[0], data, 1, flags) > 0)
			;
		error = errno;
		recv_until_empty(sv[1]);
	} while (error == EAGAIN);
	/* That was of sends with a notice; and who reads those may have another. */
	if (send(sv[0], data, 1, MSG_DONTWAIT) != 1)
		return -1;
	while (!recv(sv[0], NULL, 0, MSG_ERRQUEUE | MSG_DONTWAIT))
		a->report->count++;
	return send(sv[0], data, 1, flags) == 1 ? error : -1;
}

/* What the kernel counts for each is more than this, and less than that. */
#define LEAST_OF_NOTICE	512
#define MOST_OF_NOTICE	2048

TEST_F(own_notices, not_read_stop_at_optmem_max)
{
	pid_t pid;

	pid = begin_attack(&self->cgroup, &self->attack, leave_notices, FILES);
	EXPECT_EQ(ENOBUFS, wait_for_report(self->report, pid));
	TH_LOG("%ld notices, net.core.optmem_max is %ld", self->report->count,
	       self->maxima.optmem);
	EXPECT_LT(self->maxima.optmem, (self->report->count + 1) * MOST_OF_NOTICE);
	EXPECT_GE(self->maxima.optmem, self->report->count * LEAST_OF_NOTICE);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

FIXTURE_OWN(own_connections, VARIANTS_CONNECTION)

static int connect_to_one(struct attack *a)
{
	int fd;

	if (listening_socket(a->family, a->type, SERVICE, 1 << 30) < 0)
		return errno;
	while ((fd = connected_socket(a->family, a->type | SOCK_NONBLOCK, SERVICE)) >= 0) {
		close(fd);
		a->report->count++;
	}
	return errno;
}

TEST_F(own_connections, that_nobody_accepts_stop_at_somaxconn)
{
	pid_t pid;

	/* Of this namespace alone. */
	if (!write_text("/proc/sys/net/core/somaxconn", "100"))
		SKIP(return, "net.core.somaxconn: %s", strerror(errno));
	pid = begin_attack(&self->cgroup, &self->attack, connect_to_one, FILES);
	EXPECT_EQ(EAGAIN, wait_for_report(self->report, pid));
	EXPECT_EQ(101, self->report->count);
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
}

/*
 * Pending connections have no descriptor. All sockets there are, of everybody,
 * are no more than twice the files that there may be.
 *
 * Who has all of them leaves none for others: that is what this limit means. What
 * they have already goes on.
 */
TEST_F(own_connections, of_all_stop_at_twice_file_max)
{
	int fds[20], sv[2], i;
	char text[32];
	long max;
	pid_t pid;

	if (access("/task", F_OK))
		SKIP(return, "this takes the sockets of the whole machine: only in the tests' VM");
	ASSERT_EQ(0, connected_pair(variant->family, variant->type, 50, sv));
	max = number_of("/proc/sys/fs/file-max");
	if (!write_text("/proc/sys/fs/file-max", "1000"))
		SKIP(return, "fs.file-max: %s", strerror(errno));
	pid = begin_attack(&self->cgroup, &self->attack, take_pending, FILES);
	EXPECT_EQ(ENFILE, wait_for_report(self->report, pid));
	TH_LOG("%ld connections", self->report->count);
	/* Each has two ends, of which the closed one is kept by the other. */
	EXPECT_GE(1000, self->report->count);
	EXPECT_LE(900, self->report->count);
	/* Nor has root any, once the last odd ones are taken. */
	for (i = 0; i < 20; i++)
		fds[i] = unbound_socket(variant->family, variant->type);
	EXPECT_EQ(-1, fds[19]);
	EXPECT_EQ(ENFILE, errno);
	for (i = 0; i < 10; i++)
		EXPECT_TRUE(carries_data(sv));
	for (i = 0; i < 20; i++)
		close(fds[i]);
	sprintf(text, "%ld", max);
	EXPECT_TRUE(write_text("/proc/sys/fs/file-max", text));
	EXPECT_TRUE(others_go_on(variant->family));
	EXPECT_EQ(0, end_attack(&self->attack, pid));
	close(sv[0]);
	close(sv[1]);
}

TEST_HARNESS_MAIN
