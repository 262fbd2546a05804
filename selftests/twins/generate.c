// SPDX-License-Identifier: GPL-2.0-only
/*
 * Twins: a program from a seed.
 *
 * Calls chosen blindly end in errors, nearly all of them. So the generator
 * guesses what each call will do, and most of the time makes one that fits. The
 * guesses are only to choose by: nothing depends on their being right.
 */

#include "twins.h"

enum state { EMPTY, FRESH, LISTENS, CONNECTED, TALKS };

struct guess {
	enum state	state;
	int		type;
	int		name;
	int		peer;
};

struct generator {
	uint64_t	dice;
	int		only;		/* this type; 0: any */
	int		last;		/* to whom something was sent last */
	int		waiting;	/* calls until those in a thread are interrupted */
	int		waiter;		/* the last socket with such a call */
	struct guess	guess[NR_SLOTS];
	struct program	*program;
};

static uint32_t roll(struct generator *g, uint32_t sides)
{
	uint64_t x = g->dice += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x >> 32) % sides;
}

static bool chance(struct generator *g, int percent)
{
	return (int)roll(g, 100) < percent;
}

#define PICK(g, ...)								\
({										\
	static const int pick_from[] = { __VA_ARGS__ };				\
										\
	pick_from[roll(g, sizeof(pick_from) / sizeof(int))];			\
})

static struct op *add(struct generator *g, enum call call, int slot)
{
	static struct op overflow;
	struct program *p = g->program;
	struct op *op = p->nr_ops < MAX_OPS ? &p->ops[p->nr_ops++] : &overflow;

	*op = (struct op) { .call = call, .slot = slot, .name = -1 };
	return op;
}

static int any_type(struct generator *g)
{
	return g->only ?: PICK(g, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET);
}

static int empty_slot(struct generator *g)
{
	int i, start = roll(g, NR_SLOTS);

	for (i = 0; i < NR_SLOTS; i++)
		if (g->guess[(start + i) % NR_SLOTS].state == EMPTY)
			return (start + i) % NR_SLOTS;
	return -1;
}

static int some_slot(struct generator *g)
{
	int i, start = roll(g, NR_SLOTS);

	for (i = 0; i < NR_SLOTS; i++)
		if (g->guess[(start + i) % NR_SLOTS].state != EMPTY)
			return (start + i) % NR_SLOTS;
	return 0;
}

/* One in this state, if there is one: most of the time. */
static int slot_in(struct generator *g, enum state state)
{
	int i, start = roll(g, NR_SLOTS);

	if (!chance(g, 95))
		return some_slot(g);
	for (i = 0; i < NR_SLOTS; i++)
		if (g->guess[(start + i) % NR_SLOTS].state == state)
			return (start + i) % NR_SLOTS;
	return some_slot(g);
}

static void become(struct generator *g, int slot, enum state state, int type, int peer)
{
	g->guess[slot] = (struct guess) { state, type, -1, peer };
}

static int new_socket(struct generator *g, int type)
{
	int slot = empty_slot(g);
	struct op *op;

	if (slot < 0)
		return -1;
	op = add(g, CALL_SOCKET, slot);
	op->type = type;
	op->flags = chance(g, 75) ? SOCK_NONBLOCK : 0;
	become(g, slot, FRESH, type, -1);
	return slot;
}

static void new_server(struct generator *g, int type)
{
	int slot = new_socket(g, type);

	if (slot < 0)
		return;
	g->guess[slot].name = roll(g, NR_NAMES);
	add(g, CALL_BIND, slot)->name = g->guess[slot].name;
	if (type == SOCK_DGRAM)
		return;
	add(g, CALL_LISTEN, slot)->value = PICK(g, 0, 1, 2, 5, -1);
	g->guess[slot].state = LISTENS;
}

static void new_pair(struct generator *g)
{
	int a = empty_slot(g), b, type = any_type(g);
	struct op *op;

	if (a < 0)
		return;
	/* Datagrams go both ways between few, and from many to one. */
	if (type == SOCK_DGRAM && chance(g, 50))
		return new_server(g, type);
	become(g, a, TALKS, type, -1);
	b = empty_slot(g);
	if (b < 0) {
		g->guess[a].state = EMPTY;
		return;
	}
	op = add(g, CALL_SOCKETPAIR, a);
	op->other = b;
	op->type = type;
	op->flags = chance(g, 75) ? SOCK_NONBLOCK : 0;
	become(g, a, TALKS, type, b);
	become(g, b, TALKS, type, a);
}

/* A name that somebody of this type is reached by, most of the time. */
static int name_for(struct generator *g, int type)
{
	int i, start = roll(g, NR_SLOTS);

	for (i = 0; i < NR_SLOTS && chance(g, 97); i++) {
		const struct guess *there = &g->guess[(start + i) % NR_SLOTS];

		if (there->state != EMPTY && there->type == type && there->name >= 0 &&
		    (type == SOCK_DGRAM || there->state == LISTENS))
			return there->name;
	}
	return roll(g, NR_NAMES);
}

static void who_calls(struct generator *g, struct op *op)
{
	if (chance(g, 2)) {
		op->who = WHO_CHILD;
	} else if (chance(g, 4)) {
		op->who = WHO_THREAD;
		g->waiting = 4;
		g->waiter = op->slot;
	}
}

static void add_connect(struct generator *g)
{
	int slot = slot_in(g, FRESH);
	struct op *op;

	if (g->guess[slot].state != FRESH && chance(g, 80))
		slot = new_socket(g, any_type(g));
	if (slot < 0)
		return;
	op = add(g, CALL_CONNECT, slot);
	op->name = name_for(g, g->guess[slot].type);
	who_calls(g, op);
	if (g->guess[slot].state == FRESH)
		g->guess[slot].state = g->guess[slot].type == SOCK_DGRAM ?
			TALKS : CONNECTED;
}

static void add_accept(struct generator *g)
{
	int slot = slot_in(g, LISTENS), there = empty_slot(g), i;
	struct op *op;

	if (there < 0)
		return;
	op = add(g, CALL_ACCEPT, slot);
	op->other = there;
	op->flags = chance(g, 75) ? SOCK_NONBLOCK : 0;
	if (chance(g, 6)) {
		op->who = WHO_THREAD;
		g->waiting = 4;
		g->waiter = slot;
	}
	if (g->guess[slot].state != LISTENS)
		return;
	for (i = 0; i < NR_SLOTS; i++) {
		if (g->guess[i].state != CONNECTED || g->guess[i].type != g->guess[slot].type)
			continue;
		become(g, there, TALKS, g->guess[i].type, i);
		g->guess[i].state = TALKS;
		g->guess[i].peer = there;
		break;
	}
}

static int any_size(struct generator *g)
{
	switch (roll(g, 16)) {
	case 0:
		return 0;
	case 1 ... 4:
		return 1;
	case 5 ... 9:
		return 1 + roll(g, 30);
	case 10 ... 12:
		return 1 + roll(g, 1000);
	case 13:
		return PICK(g, 4095, 4096, 4097);
	case 14:
		return 1 + roll(g, 20000);
	default:
		return MAX_SIZE - roll(g, 2);
	}
}

static int send_flags(struct generator *g, int type)
{
	int flags = 0;

	if (chance(g, 85))
		flags |= MSG_DONTWAIT;
	if (chance(g, 80))
		flags |= MSG_NOSIGNAL;
	if (chance(g, type == SOCK_STREAM ? 20 : 2))
		flags |= MSG_OOB;
	if (chance(g, 5))
		flags |= MSG_MORE;
	if (chance(g, 5))
		flags |= MSG_EOR;
	return flags;
}

static int recv_flags(struct generator *g, int type)
{
	int flags = 0;

	if (chance(g, 85))
		flags |= MSG_DONTWAIT;
	if (chance(g, 20))
		flags |= MSG_PEEK;
	if (chance(g, type == SOCK_STREAM ? 15 : 2))
		flags |= MSG_OOB;
	if (chance(g, 10))
		flags |= MSG_TRUNC;
	if (chance(g, 8))
		flags |= MSG_WAITALL;
	if (chance(g, 5))
		flags |= MSG_CMSG_CLOEXEC;
	return flags;
}

static void add_send(struct generator *g, enum call call)
{
	bool alone = g->only == SOCK_DGRAM && chance(g, 40);
	int slot = slot_in(g, alone ? FRESH : chance(g, 90) ? TALKS : CONNECTED);
	const struct guess *me = &g->guess[slot];
	struct op *op = add(g, call, slot);

	op->size = any_size(g);
	op->flags = send_flags(g, me->type);
	if (me->type == SOCK_DGRAM ? me->peer < 0 || chance(g, 30) : chance(g, 3))
		op->name = name_for(g, me->type);
	if (chance(g, 8))
		op->nr_fds = 1 + roll(g, 3);
	op->creds = chance(g, 5);
	if (call == CALL_SEND)
		who_calls(g, op);
	else
		op->value = 1 + roll(g, NR_PARTS);
	if (me->peer >= 0)
		g->last = me->peer;
}

static void add_recv(struct generator *g, enum call call)
{
	int slot = chance(g, 60) ? g->last : slot_in(g, TALKS);
	const struct guess *me = &g->guess[slot];
	struct op *op = add(g, call, slot);

	op->size = any_size(g);
	if (chance(g, 30))
		op->size = MAX_SIZE;
	op->flags = recv_flags(g, me->type);
	op->name = chance(g, 50) ? 0 : -1;
	op->room = PICK(g, ROOM_ALL, ROOM_ALL, ROOM_ALL, ROOM_SMALL, ROOM_NONE);
	if (call == CALL_RECV) {
		who_calls(g, op);
	} else {
		op->value = 1 + roll(g, NR_PARTS);
		op->flags |= MSG_DONTWAIT;
	}
}

/* So many that there is no room: in a listener's backlog, or for datagrams. */
static void add_crowd(struct generator *g)
{
	int slot = slot_in(g, LISTENS), i, name;
	struct op *op;

	if (g->guess[slot].state == LISTENS) {
		for (i = 0; i < 3; i++)
			add_connect(g);
		return;
	}
	slot = slot_in(g, FRESH);
	name = name_for(g, SOCK_DGRAM);
	for (i = 0; i < 5; i++) {
		op = add(g, CALL_SEND, slot);
		op->name = name;
		op->size = roll(g, 50);
		op->flags = MSG_DONTWAIT | MSG_NOSIGNAL;
		if (i == 3) {
			op->who = WHO_THREAD;
			g->waiting = 5;
			g->waiter = slot;
		}
	}
}

static void add_setsockopt(struct generator *g)
{
	struct op *op = add(g, CALL_SETSOCKOPT, some_slot(g));

	op->option = PICK(g, SO_PASSCRED, SO_PASSCRED, SO_PEEK_OFF, SO_RCVLOWAT, SO_SNDBUF,
			  SO_RCVBUF, SO_OOBINLINE, SO_INQ, SO_TIMESTAMP, SO_REUSEADDR);
	switch (op->option) {
	case SO_PEEK_OFF:
		op->value = PICK(g, -1, 0, 0, 1, 5, 100);
		break;
	case SO_RCVLOWAT:
		op->value = PICK(g, 0, 1, 2, 10, 1000);
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
		op->value = PICK(g, 0, 5000, 20000, 100000, 1 << 20);
		break;
	default:
		op->value = chance(g, 70);
	}
}

static void add_close(struct generator *g)
{
	int slot = some_slot(g);

	add(g, CALL_CLOSE, slot);
	g->guess[slot].state = EMPTY;
}

static void add_dup(struct generator *g)
{
	int slot = some_slot(g), there = empty_slot(g);

	if (there < 0)
		return;
	add(g, CALL_DUP, slot)->other = there;
	g->guess[there] = g->guess[slot];
}

static void add_look(struct generator *g)
{
	add(g, CALL_LOOK, some_slot(g))->value = roll(g, NR_LOOKS);
}

static void add_fill(struct generator *g)
{
	struct op *op = add(g, CALL_FILL, slot_in(g, TALKS));

	op->size = PICK(g, 512, 2000, 4096, 20000, MAX_SIZE);
	/* How much a sender waits to send; 0: none does. */
	op->value = PICK(g, 0, 1, 100, 4096);
}

/* What may be waited for: by the waiter itself, or by the other end. */
static void add_waker(struct generator *g)
{
	int peer = g->guess[g->waiter].peer, slot;
	struct op *op;

	slot = peer >= 0 && chance(g, 75) ? peer : g->waiter;
	switch (roll(g, 6)) {
	case 0:
		add(g, CALL_CLOSE, slot);
		g->guess[slot].state = EMPTY;
		return;
	case 1 ... 2:
		add(g, CALL_SHUTDOWN, slot)->value = PICK(g, SHUT_RD, SHUT_WR, SHUT_RDWR);
		return;
	case 3:
		op = add(g, CALL_RECV, slot);
		op->size = 1 + roll(g, 100);
		op->flags = MSG_DONTWAIT;
		return;
	default:
		op = add(g, CALL_SEND, slot);
		op->size = 1 + roll(g, 30);
		op->flags = MSG_DONTWAIT | MSG_NOSIGNAL | (chance(g, 20) ? MSG_OOB : 0);
	}
}

static void step(struct generator *g)
{
	if (g->waiting && !--g->waiting) {
		add(g, CALL_JOIN, 0);
		return;
	}
	if (g->waiting && chance(g, 60))
		return add_waker(g);
	switch (roll(g, 122)) {
	case 0 ... 31:
		return add_send(g, CALL_SEND);
	case 32 ... 33:
		return add_send(g, CALL_SENDMMSG);
	case 34 ... 61:
		return add_recv(g, CALL_RECV);
	case 62 ... 63:
		return add_recv(g, CALL_RECVMMSG);
	case 64 ... 71:
		return add_look(g);
	case 72 ... 77:
		add(g, CALL_SHUTDOWN, slot_in(g, chance(g, 80) ? TALKS : LISTENS))->value =
			PICK(g, SHUT_RD, SHUT_WR, SHUT_RDWR);
		return;
	case 78 ... 82:
		return add_close(g);
	case 83 ... 90:
		return add_setsockopt(g);
	case 91 ... 95:
		return add_connect(g);
	case 96 ... 100:
		return add_accept(g);
	case 101:
		add(g, CALL_BIND, slot_in(g, FRESH))->name = roll(g, NR_NAMES);
		return;
	case 102:
		add(g, CALL_BIND_ANY, slot_in(g, FRESH));
		return;
	case 103:
		add(g, CALL_LISTEN, slot_in(g, LISTENS))->value = PICK(g, 0, 1, 3);
		return;
	case 104:
		add(g, CALL_DISCONNECT, slot_in(g, TALKS));
		return;
	case 105:
		return add_dup(g);
	case 106 ... 107:
		add(g, CALL_NONBLOCK, some_slot(g))->value = roll(g, 2);
		return;
	case 108:
		add(g, CALL_OWNER, some_slot(g));
		return;
	case 109:
		if (chance(g, 30))
			add_fill(g);
		return;
	case 110 ... 113:
		return new_pair(g);
	case 120 ... 121:
		return add_crowd(g);
	case 114 ... 116:
		return new_server(g, any_type(g));
	default:
		new_socket(g, any_type(g));
	}
}

/* A seed is one of four kinds: a type alone, or all of them. */
void generate(struct program *program, uint64_t seed)
{
	static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, 0 };
	struct generator g = {
		.dice = seed * 0xd1342543de82ef95u + 1,
		.only = kinds[seed % 4],
		.program = program,
	};
	int length, i;

	memset(program, 0, sizeof(*program));
	program->seed = seed;
	program->tight = chance(&g, 30);
	length = 10 + roll(&g, MAX_OPS - 20);
	for (i = roll(&g, 3); i >= 0; i--)
		new_pair(&g);
	if (chance(&g, 60)) {
		new_server(&g, any_type(&g));
		add_connect(&g);
		if (chance(&g, 80))
			add_accept(&g);
	}
	while (program->nr_ops < length)
		step(&g);
}
