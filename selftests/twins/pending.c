// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: calls that wait, each in a thread of its own for each family, while the
 * program goes on. After each other call they have either ended or sleep again,
 * on both families.
 */

#include "twins.h"

#define LOOKS	1000		/* before two calls are said to differ */

static void *pending_thread(void *arg)
{
	struct pending_side *ps = arg;
	struct pending *p = ps->pending;
	struct world *w = p->world;
	struct shared *s = w->shared[1 + (p - w->pending)];

	__atomic_store_n(&ps->tid, gettid(), __ATOMIC_RELEASE);
	call_one(w, &p->op, p->line, ps->side, &s->results[ps->side], s->data[ps->side]);
	__atomic_store_n(&ps->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Until it sleeps, or is through: what it was woken for is over then. */
static bool pending_waits(struct pending_side *ps)
{
	pid_t tid;

	while (!(tid = __atomic_load_n(&ps->tid, __ATOMIC_ACQUIRE)))
		usleep(100);
	return !__atomic_load_n(&ps->done, __ATOMIC_ACQUIRE) && task_sleeps(tid);
}

void pending_end(struct pending *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		while (pending_waits(&p->sides[i])) {
			pthread_kill(p->sides[i].thread, SIGUSR1);
			usleep(1000);
		}
		pthread_join(p->sides[i].thread, NULL);
	}
	p->used = false;
}

/* Look after the calls that wait, after anything that may have woken them. */
void pending_settle(struct world *w, bool end)
{
	struct pending *p;

	for (p = w->pending; p < w->pending + NR_PENDING; p++) {
		struct shared *s = w->shared[1 + (p - w->pending)];
		bool waits[2];
		int looks = 0;

		if (!p->used)
			continue;
		/* A thread sleeps for reasons of its own, too: for a moment. */
		do {
			waits[0] = pending_waits(&p->sides[0]);
			waits[1] = pending_waits(&p->sides[1]);
		} while (waits[0] != waits[1] && looks++ < LOOKS && !usleep(5000));
		if (waits[0] && waits[1] && !end)
			continue;
		pending_end(p);
		s->results[0].waits = waits[0];
		s->results[1].waits = waits[1];
		world_take_new(w, &p->op, s);
		world_compare(w, &p->op, s);
	}
}

void pending_start(struct world *w, const struct op *op)
{
	struct slot *slot = &w->slots[op->slot];
	struct pending *p = w->pending;
	sigset_t most, old;
	int i;

	while (p->used)
		p++;
	*p = (struct pending) { .used = true, .line = w->line, .op = *op,
				.type = slot->type, .object = slot->object, .world = w };
	/* Signals of a thread are not looked for. */
	if (op->call == CALL_SEND)
		p->op.flags |= MSG_NOSIGNAL;
	sigfillset(&most);
	sigdelset(&most, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &most, &old);
	for (i = 0; i < 2; i++) {
		set_nonblock(slot->fd[i], false);
		world_limit_waits(slot->fd[i], false);
		p->sides[i].pending = p;
		p->sides[i].side = i;
		if (pthread_create(&p->sides[i].thread, NULL, pending_thread, &p->sides[i]))
			abort();
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	for (i = 0; i < 2; i++) {
		pending_waits(&p->sides[i]);
		world_limit_waits(slot->fd[i], true);
	}
}

bool pending_some(const struct world *w)
{
	return w->pending[0].used || w->pending[1].used;
}

bool pending_may_start(struct world *w, const struct op *op)
{
	int i, free = 0;

	for (i = 0; i < NR_PENDING; i++) {
		if (!w->pending[i].used)
			free++;
		else if (w->pending[i].object == w->slots[op->slot].object)
			return false;
	}
	return free;
}

static bool is_open(const struct world *w, int object)
{
	int i;

	for (i = 0; i < NR_SLOTS; i++)
		if (w->slots[i].used && w->slots[i].object == object)
			return true;
	return false;
}

bool pending_holds(const struct world *w, int type)
{
	int i;

	for (i = 0; i < NR_PENDING; i++)
		if (w->pending[i].used && w->pending[i].type == type &&
		    !is_open(w, w->pending[i].object))
			return true;
	return false;
}

bool pending_accepts(struct world *w, int slot)
{
	int i;

	for (i = 0; i < NR_PENDING; i++)
		if (w->pending[i].used && w->pending[i].op.call == CALL_ACCEPT &&
		    w->pending[i].op.slot == slot)
			return true;
	return false;
}
