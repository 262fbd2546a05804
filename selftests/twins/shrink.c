// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: of a program with a finding, the shortest that has one.
 *
 * Calls are left out, many at a time, then fewer, then one by one; of those that
 * are left, what they are asked for is made simpler. Whatever still has a finding
 * is kept, also another one: whoever repairs it runs the seed again.
 */

#include "../harm.h"
#include "twins.h"

#define RETRIES	5

static bool still(const struct program *p, struct finding *f)
{
	struct finding found;

	if (world_run(p, &found, false, NULL))
		return false;
	*f = found;
	return true;
}

static bool leave_out(struct program *p, struct finding *f, int first, int nr)
{
	struct program q = *p;

	if (first + nr > q.nr_ops)
		nr = q.nr_ops - first;
	memmove(&q.ops[first], &q.ops[first + nr],
		(q.nr_ops - first - nr) * sizeof(struct op));
	q.nr_ops -= nr;
	if (!still(&q, f))
		return false;
	*p = q;
	return true;
}

static void make_shorter(struct program *p, struct finding *f)
{
	int nr, i;

	for (nr = p->nr_ops / 2 ?: 1; nr; nr /= 2)
		for (i = (p->nr_ops - 1) / nr * nr; i >= 0; i -= nr)
			if (i < p->nr_ops)
				leave_out(p, f, i, nr);
}

static bool try_op(struct program *p, struct finding *f, int i, struct op op)
{
	struct program q = *p;

	if (!memcmp(&q.ops[i], &op, sizeof(op)))
		return false;
	q.ops[i] = op;
	if (!still(&q, f))
		return false;
	*p = q;
	return true;
}

/* Try a call with one thing changed. */
#define TRY(change)								\
do {										\
	struct op op = p->ops[i];						\
										\
	change;									\
	some |= try_op(p, f, i, op);						\
} while (0)

static bool make_simpler(struct program *p, struct finding *f)
{
	bool some = false;
	int i, bit;

	for (i = 0; i < p->nr_ops; i++) {
		TRY(op.who = WHO_MAIN);
		TRY(op.nr_fds = 0);
		TRY(op.creds = false);
		if (call_moves_data(&p->ops[i])) {
			TRY(op.name = -1);
			TRY(op.room = op.room ? ROOM_NONE : op.room);
			for (bit = 1; bit > 0 && bit <= p->ops[i].flags; bit <<= 1)
				TRY(op.flags &= ~bit);
			TRY(op.size = op.size > 1 ? 1 : op.size);
			TRY(op.size = op.size > 10 ? 10 : op.size);
			TRY(op.size = op.size > 1000 ? op.size / 2 : op.size);
		}
		if (p->ops[i].call == CALL_SENDMMSG)
			TRY(op.call = CALL_SEND);
		if (p->ops[i].call == CALL_RECVMMSG)
			TRY(op.call = CALL_RECV);
	}
	return some;
}

/* What was found at the end is found by a call of the program, too. */
static void take_over(struct program *p, struct finding *f)
{
	struct program q = *p;

	if (f->line < p->nr_ops || p->nr_ops == MAX_OPS)
		return;
	q.ops[q.nr_ops++] = f->op;
	if (still(&q, f))
		*p = q;
}

static void shrink(struct program *p, struct finding *f)
{
	int rounds = 0;

	take_over(p, f);
	/* What is behind the finding does not matter. */
	if (f->line + 1 < p->nr_ops)
		leave_out(p, f, f->line + 1, p->nr_ops);
	do
		make_shorter(p, f);
	while (make_simpler(p, f) && ++rounds < 4);
}

static void print_finding(const struct program *p, const struct finding *f)
{
	char text[300], *line, *rest;
	struct finding again;

	printf("# seed %llu:\n", (unsigned long long)p->seed);
	if (p->tight)
		printf("#   (room for three datagrams)\n");
	if (world_run(p, &again, true, NULL))
		printf("# it is not found again every time\n");
	else
		f = &again;
	print_op(text, sizeof(text), &f->op);
	printf("#   %s%s\n", f->line >= p->nr_ops ? "at the end: " : "", text);
	rest = (char *)f->text;
	while ((line = strsep(&rest, "\n")))
		printf("#     %s\n", line);
	fflush(stdout);
}

/* When its calls wait for each other, how long that takes may make a difference. */
static bool has_threads(const struct program *p)
{
	int i;

	for (i = 0; i < p->nr_ops; i++)
		if (p->ops[i].who == WHO_THREAD)
			return true;
	return false;
}

bool twins_try(uint64_t seed, int times, long *calls)
{
	static struct program program;
	struct finding finding;
	int tries, reports, found = 0;
	bool same;

	generate(&program, seed);
	same = world_run(&program, &finding, false, calls);
	reports = kernel_reports();
	if (reports != world_reports) {
		world_reports = reports;
		printf("# seed %llu, or another at that time: the kernel has reported a bug\n",
		       (unsigned long long)seed);
		return false;
	}
	if (same)
		return true;
	/*
	 * Threads of a busy machine are not where they are expected now and then.
	 * What does not come back is told, and no more. Without any, nothing is
	 * left to chance.
	 */
	if (!has_threads(&program))
		times = 0;
	for (tries = 0; found < times; tries++) {
		if (tries == RETRIES) {
			printf("# told: seed %llu: a difference that came back %d times of %d\n",
			       (unsigned long long)seed, found, RETRIES);
			return true;
		}
		found += !world_run(&program, &finding, false, NULL);
	}
	shrink(&program, &finding);
	print_finding(&program, &finding);
	return false;
}
