// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer of system calls, steered by what they reach in demo.ko.
 *
 * calls SECONDS [SEED]: begins with the programs of the corpus, changes one of
 * them at random again and again, and keeps what reaches a place in the module
 * that no other did. Prints the new corpus: the fewest programs that it takes
 * to reach all that was reached, each without the calls that it takes not.
 *
 * Takes root, a kernel with KCOV, and a demo.ko built for it (Kbuild).
 */
#include <sched.h>
#include <sys/wait.h>
#include <time.h>

#include "../selftests/harm.h"
#include "calls.h"

#define KCOV_INIT_TRACE		_IOR('c', 1, unsigned long)
#define KCOV_ENABLE		_IO('c', 100)
#define KCOV_TRACE_PC		0

/* Entries of KCOV's buffer. */
#define TRACE_SIZE		(256 * 1024)

/* No module of this family is larger. */
#define TEXT_SIZE		(256 * 1024)

#define PROGRAMS_MAX		2000

/* The places of the module that a program reached; KCOV says where it returns. */
typedef uint8_t places[TEXT_SIZE / 8];

static struct kept {
	struct program program;
	places reached;
} *corpus[PROGRAMS_MAX];

static const char *const old_corpus[] = {
#include "corpus"
};

static int nr_kept;
static places reached_by_any;
static unsigned long text, *trace;
/* What the kernel had reported before. */
static int reports;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* How much is in @set that is not in @known. */
static int news(const uint8_t *set, const uint8_t *known)
{
	int i, n = 0;

	for (i = 0; i < TEXT_SIZE / 8; i++)
		n += __builtin_popcount(set[i] & ~known[i]);
	return n;
}

static void add(uint8_t *set, const uint8_t *other)
{
	int i;

	for (i = 0; i < TEXT_SIZE / 8; i++)
		set[i] |= other[i];
}

static void start_trace(void)
{
	FILE *f = fopen("/sys/module/demo/sections/.text", "r");
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (!f || fscanf(f, "%lx", &text) != 1)
		die("demo.ko");
	fclose(f);
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, TRACE_SIZE))
		die("kcov");
	trace = mmap(NULL, TRACE_SIZE * sizeof(*trace), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die("kcov");
}

static void print_program(const struct program *p)
{
	const uint8_t *byte;
	int i, j, len;

	for (i = 0; i < p->nr; i++) {
		byte = (const uint8_t *)&p->calls[i];
		for (len = sizeof(struct call); len > 1 && !byte[len - 1]; len--)
			;
		printf("%s", i ? " " : "\"");
		for (j = 0; j < len; j++)
			printf("%02x", j ? byte[j] : byte[j] % OPS);
	}
	printf("\",\n");
}

static void run_traced(const struct program *p, uint8_t *reached)
{
	unsigned long i, n, place;

	memset(reached, 0, sizeof(places));
	__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
	run_program(p);
	n = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n; i++) {
		place = trace[i] - text;
		if (place < TEXT_SIZE)
			reached[place / 8] |= 1 << place % 8;
	}
	if (kernel_reports() != reports) {
		printf("# the kernel has reported a bug, when this ran: ");
		print_program(p);
		exit(1);
	}
}

/* Whether @p still reaches all that is in @wanted. */
static bool reaches(const struct program *p, const uint8_t *wanted)
{
	places reached;

	run_traced(p, reached);
	return !news(wanted, reached);
}

static void remove_call(struct program *p, int i)
{
	memmove(&p->calls[i], &p->calls[i + 1], (--p->nr - i) * sizeof(struct call));
}

/* Leave out what is not needed to reach what is in @wanted. */
static void simplify(struct program *p, const uint8_t *wanted)
{
	struct program simpler;
	int i, byte;

	for (i = p->nr - 1; i >= 0; i--) {
		simpler = *p;
		remove_call(&simpler, i);
		if (reaches(&simpler, wanted))
			*p = simpler;
	}
	for (i = 0; i < p->nr; i++) {
		for (byte = 1; byte < (int)sizeof(struct call); byte++) {
			simpler = *p;
			if (!((uint8_t *)&simpler.calls[i])[byte])
				continue;
			((uint8_t *)&simpler.calls[i])[byte] = 0;
			if (reaches(&simpler, wanted))
				*p = simpler;
		}
	}
}

static void try_program(struct program *p, bool is_new)
{
	static places reached, wanted;
	int i;

	run_traced(p, reached);
	if (nr_kept == PROGRAMS_MAX || !news(reached, reached_by_any))
		return;
	for (i = 0; i < TEXT_SIZE / 8; i++)
		wanted[i] = reached[i] & ~reached_by_any[i];
	if (is_new) {
		/* What happened by chance is not worth a program. */
		add(reached_by_any, wanted);
		if (!reaches(p, wanted))
			return;
		simplify(p, wanted);
		run_traced(p, reached);
	}
	add(reached_by_any, reached);
	corpus[nr_kept] = malloc(sizeof(struct kept));
	if (!corpus[nr_kept])
		die("malloc");
	corpus[nr_kept]->program = *p;
	memcpy(corpus[nr_kept++]->reached, reached, sizeof(places));
	if (is_new)
		fprintf(stderr, "%d programs reach %d places\n", nr_kept,
			news(reached_by_any, (places){}));
}

static struct call random_call(void)
{
	struct call c;
	uint8_t *byte = (uint8_t *)&c;
	unsigned int i;

	/* Many arguments are small, or none. */
	for (i = 0; i < sizeof(c); i++)
		byte[i] = random() % 3 ? random() % 3 ? 0 : random() % 18 : random();
	c.op = random() % OPS;
	c.slot = random() % (random() % 4 ? 3 : SLOTS);
	return c;
}

static void insert(struct program *p, int at, const struct call *calls, int nr)
{
	if (p->nr + nr > CALLS_MAX)
		nr = CALLS_MAX - p->nr;
	memmove(&p->calls[at + nr], &p->calls[at], (p->nr - at) * sizeof(struct call));
	memcpy(&p->calls[at], calls, nr * sizeof(struct call));
	p->nr += nr;
}

static void change(struct program *p)
{
	struct call c = random_call();
	const struct program *other;
	int at, from;

	switch (p->nr ? random() % 8 : 0) {
	case 0:
	case 1:
	case 2:
		insert(p, random() % (p->nr + 1), &c, 1);
		break;
	case 3:
		remove_call(p, random() % p->nr);
		break;
	case 4:
	case 5:			/* one byte of a call */
		at = random() % p->nr;
		from = random() % sizeof(c);
		((uint8_t *)&p->calls[at])[from] = ((uint8_t *)&c)[from];
		break;
	case 6:			/* a call again, somewhere */
		c = p->calls[random() % p->nr];
		insert(p, random() % (p->nr + 1), &c, 1);
		break;
	case 7:			/* the end of another */
		other = &corpus[random() % nr_kept]->program;
		from = random() % other->nr;
		at = random() % (p->nr + 1);
		p->nr = at;
		insert(p, at, &other->calls[from], other->nr - from);
		break;
	}
}

/* Again and again the one that adds most. */
static void print_corpus(void)
{
	places printed = {};
	int i, n, most, best;

	for (;;) {
		most = 0;
		for (i = 0; i < nr_kept; i++) {
			n = news(corpus[i]->reached, printed);
			if (n > most) {
				most = n;
				best = i;
			}
		}
		if (!most)
			return;
		print_program(&corpus[best]->program);
		add(printed, corpus[best]->reached);
	}
}

int main(int argc, char *argv[])
{
	int family, i, runs = 0;
	struct program p;
	time_t end;
	FILE *f;

	f = fopen("/sys/module/demo/parameters/family", "r");
	if (argc < 2 || !f || fscanf(f, "%d", &family) != 1)
		die("usage: calls SECONDS [SEED]; demo.ko");
	fclose(f);
	srandom(argc > 2 ? atoi(argv[2]) : time(NULL));
	if (unshare(CLONE_NEWNET) || !fuzz_init(family))
		die("fuzz_init");
	start_trace();
	reports = kernel_reports();

	for (i = 0; i < (int)(sizeof(old_corpus) / sizeof(*old_corpus)); i++)
		if (parse_program(old_corpus[i], &p))
			try_program(&p, false);
	fprintf(stderr, "the corpus reaches %d places\n", news(reached_by_any, (places){}));
	for (i = 0; i < 3; i++) {
		p.nr = 1;
		p.calls[0] = (struct call) { .op = OP_PAIR, .a = i };
		try_program(&p, true);
	}

	for (end = time(NULL) + atoi(argv[1]); time(NULL) < end; runs++) {
		p = corpus[random() % nr_kept]->program;
		for (i = random() % 5; i >= 0; i--)
			change(&p);
		if (p.nr)
			try_program(&p, true);
	}
	fprintf(stderr, "%d programs run\n", runs);
	print_corpus();
	return 0;
}
