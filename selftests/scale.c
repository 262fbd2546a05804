// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hundred thousand sockets, bound in one network namespace: all of them are
 * found, and finding one costs what it costs among ten.
 *
 * The cost is counted in instructions, which takes a machine whose clock counts
 * them: scripts/vm.sh -n, which says so with demo.icount=1 on the kernel's command
 * line. DEMO_SCALE=n in the environment takes n sockets.
 */
#include <sys/resource.h>
#include <time.h>

#include "demo_test.h"

#define SOCKETS		100000
#define SOCKETS_DEBUG	3000	/* where each takes many times the time and memory */
#define SOCKETS_UNIX	10000	/* AF_UNIX searches long chains, of all there are */
#define BYTES_EACH	6000	/* what one takes, descriptor and all, at the most */
#define SPARE		500	/* descriptors for the rest */

/* Long enough for the slowest machine; the sockets are counted, not the time. */
#define TIME_LIMIT	3600

/* The types take turns, so that each has its share of the sockets. */
static const int types[] = { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET };

#define type_of(n)	types[(n) % ARRAY_SIZE(types)]

/* Addresses far from those that other tests use at the same time. */
static struct address scale_address(enum family family, unsigned int n)
{
	struct address a = address(family, 0);

	if (family == FAMILY_DEMO)
		a.demo.sdm_port = 0x80000000u + n;
	else
		a.len = offsetof(struct sockaddr_un, sun_path) + 1 +
			sprintf(a.un.sun_path + 1, "demo-scale-%d-%u", getpid(), n);
	return a;
}

static int scale_bind(enum family family, int fd, unsigned int n)
{
	struct address a = scale_address(family, n);

	return bind_to(fd, &a);
}

static int scale_connect(enum family family, int fd, unsigned int n)
{
	struct address a = scale_address(family, n);

	return connect_to(fd, &a);
}

static unsigned long available_bytes(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

/* How many of so many sockets this machine can have; why not all, if so. */
static unsigned int affordable_sockets(unsigned int n, const char **why)
{
	const char *wish = getenv("DEMO_SCALE");
	struct rlimit limit;

	*why = NULL;
	if (wish) {
		n = atoi(wish);
		*why = "DEMO_SCALE says so";
	} else if (is_debug_kernel()) {
		n = SOCKETS_DEBUG;
		*why = "this is a debug kernel";
	}
	limit.rlim_cur = n + SPARE;
	limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		if (limit.rlim_max < n + SPARE) {
			n = limit.rlim_max - SPARE;
			*why = "there are no more descriptors to be had";
		}
	}
	if (available_bytes() / BYTES_EACH < n) {
		n = available_bytes() / BYTES_EACH;
		*why = "there is no memory for more";
	}
	return n;
}

FIXTURE(scale) {
	unsigned int count;
	unsigned int bound;
	int *fds;
};

FIXTURE_VARIANT(scale) {
	enum family family;
	unsigned int sockets;
};

FIXTURE_VARIANT_ADD(scale, demo) {
	.family = FAMILY_DEMO, .sockets = SOCKETS,
};

FIXTURE_VARIANT_ADD(scale, unix) {
	.family = FAMILY_UNIX, .sockets = SOCKETS_UNIX,
};

FIXTURE_SETUP(scale)
{
	const char *why;

	NEED_FAMILY(variant->family);
	self->count = affordable_sockets(variant->sockets, &why);
	ASSERT_LT(100u, self->count);
	if (why)
		TH_LOG("%u sockets: %s", self->count, why);
	self->fds = calloc(self->count, sizeof(*self->fds));
	ASSERT_NE(NULL, self->fds);
}

FIXTURE_TEARDOWN(scale)
{
	while (self->bound)
		close(self->fds[--self->bound]);
	free(self->fds);
}

/* So many are bound then. */
static void bind_up_to(struct __test_metadata *_metadata, enum family family,
		       int *fds, unsigned int *bound, unsigned int n)
{
	int fd;

	for (; *bound < n; ++*bound) {
		fd = socket(family_number(family), type_of(*bound), 0);
		ASSERT_GE(fd, 0) {
			TH_LOG("socket %u: %s", *bound, strerror(errno));
		}
		ASSERT_EQ(0, scale_bind(family, fd, *bound)) {
			TH_LOG("socket %u: %s", *bound, strerror(errno));
		}
		fds[*bound] = fd;
	}
}

TEST_F_TIMEOUT(scale, all_of_them_are_bound_found_and_released, TIME_LIMIT)
{
	int probes[ARRAY_SIZE(types)], caller, fd;
	unsigned int n;
	char c;

	for (n = 0; n < ARRAY_SIZE(types); n++)
		probes[n] = unbound_socket(variant->family, type_of(n));
	caller = unbound_socket(variant->family, SOCK_DGRAM);

	bind_up_to(_metadata, variant->family, self->fds, &self->bound, self->count);
	TH_LOG("%u sockets are bound", self->bound);

	/* Each name is in use, and the datagram sockets can be reached. */
	for (n = 0; n < self->count; n++) {
		ASSERT_EQ(-1, scale_bind(variant->family, probes[n % ARRAY_SIZE(types)], n));
		ASSERT_EQ(EADDRINUSE, errno);
		if (type_of(n) != SOCK_DGRAM)
			continue;
		ASSERT_EQ(0, scale_connect(variant->family, caller, n));
		ASSERT_EQ(1, send(caller, "x", 1, MSG_DONTWAIT));
		ASSERT_EQ(1, recv(self->fds[n], &c, 1, MSG_DONTWAIT));
	}
	TH_LOG("all of them are found");

	while (self->bound)
		ASSERT_EQ(0, close(self->fds[--self->bound]));
	for (n = 0; n < self->count; n++) {
		fd = socket(family_number(variant->family), type_of(n), 0);
		ASSERT_EQ(0, scale_bind(variant->family, fd, n));
		close(fd);
	}
	TH_LOG("all names are free again");
}

/* The least that an operation took, in batches of a fixed number of them. */
#define BATCH		64
#define BATCHES		16

struct cost {
	long long bind;
	long long lookup;
	long long connect;
};

static long long instructions(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void keep_least(long long *least, long long start)
{
	long long each = (instructions() - start) / BATCH;

	if (!*least || each < *least)
		*least = each;
}

static struct cost measure(struct __test_metadata *_metadata, unsigned int bound)
{
	struct address listener_name = scale_address(FAMILY_DEMO, SOCKETS * 2);
	struct address names[BATCH];
	struct cost least = { 0 };
	int listener, fds[BATCH];
	unsigned int batch, i;
	long long start;

	listener = unbound_socket(FAMILY_DEMO, SOCK_STREAM);
	ASSERT_EQ(0, bind_to(listener, &listener_name));
	ASSERT_EQ(0, listen(listener, BATCH));
	for (batch = 0; batch < BATCHES; batch++) {
		for (i = 0; i < BATCH; i++) {
			fds[i] = unbound_socket(FAMILY_DEMO, SOCK_DGRAM);
			names[i] = scale_address(FAMILY_DEMO, SOCKETS + batch * BATCH + i);
		}
		start = instructions();
		for (i = 0; i < BATCH; i++)
			ASSERT_EQ(0, bind_to(fds[i], &names[i]));
		keep_least(&least.bind, start);

		/* They have names now: a connect() does nothing but find the other. */
		for (i = 0; i < BATCH; i++) {
			unsigned int n = (batch * BATCH + i) * 7919 % bound;

			names[i] = scale_address(FAMILY_DEMO, n - n % ARRAY_SIZE(types));
		}
		start = instructions();
		for (i = 0; i < BATCH; i++)
			ASSERT_EQ(0, connect_to(fds[0], &names[i]));
		keep_least(&least.lookup, start);
		for (i = 0; i < BATCH; i++)
			close(fds[i]);

		for (i = 0; i < BATCH; i++)
			fds[i] = unbound_socket(FAMILY_DEMO, SOCK_STREAM);
		start = instructions();
		for (i = 0; i < BATCH; i++)
			ASSERT_EQ(0, connect_to(fds[i], &listener_name));
		keep_least(&least.connect, start);
		for (i = 0; i < BATCH; i++) {
			close(accept(listener, NULL, NULL));
			close(fds[i]);
		}
	}
	close(listener);
	return least;
}

static bool clock_counts_instructions(void)
{
	char line[4096] = "";
	FILE *f = fopen("/proc/cmdline", "re");

	if (f) {
		fgets(line, sizeof(line), f);
		fclose(f);
	}
	return strstr(line, "demo.icount=1");
}

/* Of such a machine alone: run-tests leaves this fixture out on others. */
FIXTURE(counted) {
	unsigned int count;
	unsigned int bound;
	int *fds;
};

FIXTURE_SETUP(counted)
{
	const char *why;

	NEED_FAMILY(FAMILY_DEMO);
	if (!clock_counts_instructions())
		SKIP(return, "this clock counts no instructions: see scripts/vm.sh -n");
	self->count = affordable_sockets(SOCKETS, &why);
	ASSERT_LT(100u, self->count);
	if (why)
		TH_LOG("%u sockets: %s", self->count, why);
	self->fds = calloc(self->count, sizeof(*self->fds));
	ASSERT_NE(NULL, self->fds);
}

FIXTURE_TEARDOWN(counted)
{
	while (self->bound)
		close(self->fds[--self->bound]);
	free(self->fds);
}

TEST_F_TIMEOUT(counted, bind_lookup_and_connect_cost_the_same_with_ten_and_with_all, TIME_LIMIT)
{
	struct cost few, many;

	bind_up_to(_metadata, FAMILY_DEMO, self->fds, &self->bound, 10);
	few = measure(_metadata, self->bound);
	bind_up_to(_metadata, FAMILY_DEMO, self->fds, &self->bound, self->count);
	many = measure(_metadata, self->bound);
	TELL("instructions with 10 and with %u sockets:", self->bound);
	TELL("bind %lld, %lld; lookup %lld, %lld; connect %lld, %lld",
	     few.bind, many.bind, few.lookup, many.lookup, few.connect, many.connect);
	EXPECT_LE(many.bind * 100, few.bind * 120);
	EXPECT_LE(many.lookup * 100, few.lookup * 120);
	EXPECT_LE(many.connect * 100, few.connect * 120);
}

TEST_HARNESS_MAIN
