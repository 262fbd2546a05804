/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Twins: the same random calls on AF_DEMO and on AF_UNIX, side by side.
 *
 * A program is a list of calls over a handful of sockets, made from a seed.
 * World runs it call by call, each first on one family and then on the other,
 * and compares all that a process can see: result and errno, data, names,
 * what goes beside the data, signals, and after each call the poll bits of all
 * sockets. A difference that no mask explains is a finding. The program is then
 * shrunk to the shortest that has one, and printed.
 *
 *   generate.c   a program from a seed
 *   world.c      a program is run: the sockets, threads, children
 *   pending.c    calls that wait, in threads
 *   calls.c      each call, on one family
 *   fill.c       one call that is many: a socket is filled, and drained
 *   masks.c      the differences that are meant, by name
 *   print.c      calls and results as a person reads them
 *   shrink.c     the shortest program
 */
#ifndef TWINS_H
#define TWINS_H

#ifndef DEMO_TEST_H
#define DEMO_TEST_PART
#include "../demo_test.h"
#endif

#define NR_SLOTS	8		/* sockets of a program */
#define NR_NAMES	4		/* addresses, of each type */
#define NR_PLAIN	3		/* pipes, to be sent as descriptors */
#define NR_PENDING	2		/* calls that wait in a thread */
#define NR_PARTS	3		/* of a sendmmsg() or recvmmsg() */
#define PART_FDS	4		/* received with a part */
#define MAX_OPS		72
#define MAX_SIZE	65536
#define MAX_AUTOS	64
#define MAX_OBJECTS	(2 * MAX_OPS)	/* sockets made in all */
#define ROOM_BEHIND	64		/* bytes that no call may touch */

enum call {
	CALL_SOCKET, CALL_SOCKETPAIR, CALL_BIND, CALL_BIND_ANY, CALL_LISTEN,
	CALL_CONNECT, CALL_DISCONNECT, CALL_ACCEPT, CALL_SEND, CALL_SENDMMSG,
	CALL_RECV, CALL_RECVMMSG, CALL_SHUTDOWN, CALL_CLOSE, CALL_DUP,
	CALL_SETSOCKOPT, CALL_NONBLOCK, CALL_OWNER, CALL_LOOK, CALL_FILL,
	CALL_JOIN, NR_CALLS
};

/* What CALL_LOOK looks at, in op.value. */
enum look {
	LOOK_NAME, LOOK_PEER, LOOK_ERROR, LOOK_TYPE, LOOK_LISTENS, LOOK_UNREAD,
	LOOK_MARK, LOOK_SNDBUF, LOOK_LOWAT, LOOK_PEEK_OFF, LOOK_INLINE,
	LOOK_PEERCRED, LOOK_UNSENT, LOOK_NONBLOCK, NR_LOOKS
};

/* Who makes the call. */
enum who { WHO_MAIN, WHO_CHILD, WHO_THREAD };

/* Room for control messages. */
enum room { ROOM_NONE, ROOM_SMALL, ROOM_ALL };

struct op {
	enum call	call;
	enum who	who;
	int		slot;		/* the socket */
	int		other;		/* where a new one goes */
	int		type;		/* of a new socket */
	int		name;		/* an address; -1: none */
	int		size;
	int		flags;
	int		option;
	int		value;
	int		nr_fds;		/* sent beside the data */
	bool		creds;		/* likewise */
	enum room	room;
};

struct program {
	uint64_t	seed;
	bool		tight;		/* datagram sockets have room for three */
	int		nr_ops;
	struct op	ops[MAX_OPS];
};

/* How names are told apart: see world_symbol(). */
enum { NAME_NONE = -1, NAME_STRANGE = -2, NAME_AUTO = 100 };

struct part {
	int		len;
	int		flags;
	int		name;
	int		nr_fds;
	int		fds[PART_FDS];	/* which pipe, doubled; + 1: close-on-exec */
	int		nr_creds;
	struct ucred	creds;
	int		nr_inq;
	int		inq;
	int		nr_stamps;
};

enum { SAW_SIGPIPE = 1, SAW_SIGURG = 2 };

/* What a call came to, on one family. */
struct result {
	long		ret;
	int		error;
	int		signals;
	int		nr_parts;
	struct part	parts[NR_PARTS];
	int		nr_values;
	int		values[6];
	bool		waits;		/* a pending call has not ended */
	short		poll[NR_SLOTS];
	int		fds[2];		/* new sockets, which are not compared */
	long		calls;		/* how many it took: not compared */
};

struct slot {
	bool		used;
	int		fd[2];
	int		type;
	int		object;		/* the same for all dup()s */
	int		peer;		/* object; -1: not known, or none */
};

struct world;

struct pending {
	bool		used;
	int		line;
	struct op	op;
	int		type, object;	/* of the socket, which may be closed meanwhile */
	struct world	*world;
	struct pending_side {
		struct pending	*pending;
		enum family	side;
		pthread_t	thread;
		pid_t		tid;
		int		done;
	} sides[2];
};

/* Memory that a child shares with its parent. */
struct shared {
	struct result	results[2];
	unsigned char	data[2][NR_PARTS * MAX_SIZE + ROOM_BEHIND];
};

struct finding {
	int		line;		/* of the program; after its end: nr_ops */
	struct op	op;		/* the call that differs, or ended differently */
	char		text[4096];
};

struct world {
	const struct program	*program;
	struct slot		slots[NR_SLOTS];
	struct pending		pending[NR_PENDING];
	struct shared		*shared[1 + NR_PENDING];
	struct address		names[2][NR_NAMES];
	struct address		autos[2][MAX_AUTOS];
	int			nr_autos[2];
	int			plain[NR_PLAIN][2];
	ino_t			inodes[NR_PLAIN];
	int			objects;
	int			line;
	long			calls;		/* on AF_DEMO */
	int			urgent[MAX_OBJECTS + 1];	/* bytes, by who gets them */
	int			excess[MAX_OBJECTS];	/* by object: see masks.c */
	long			cost;		/* of all that was sent: see crowded() */
	bool			sndbuf_set;
	bool			empty_records;	/* may be what waits where a socket goes */
	bool			verbose;
	struct finding		*finding;	/* NULL once there is one */
};

/* AF_UNIX on both sides: whatever differs then is the twins' own fault. */
extern bool twins_same;

/* What the kernel had reported when the world was set up, and what was told since. */
extern int world_reports;

void generate(struct program *program, uint64_t seed);

/* Whether all was the same; else *finding says what was not. */
bool world_run(const struct program *program, struct finding *finding, bool verbose,
	       long *calls);
/* Once, first. 0, or what is missing. */
const char *world_setup(void);
int world_symbol(struct world *w, enum family side, const struct address *a, bool own);
void world_tell(struct world *w, const struct op *op, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int world_plain(struct world *w, int fd);
void world_limit_waits(int fd, bool limit);

void world_compare(struct world *w, const struct op *op, struct shared *s);
void world_take_new(struct world *w, const struct op *op, struct shared *s);

void pending_start(struct world *w, const struct op *op);
void pending_settle(struct world *w, bool end);
void pending_end(struct pending *p);
bool pending_some(const struct world *w);
bool pending_may_start(struct world *w, const struct op *op);
/* Some waits on a socket of that type that has been closed, and goes when the call ends. */
bool pending_holds(const struct world *w, int type);
/* What such a socket inherits cannot be known when its listener is gone. */
bool pending_accepts(struct world *w, int slot);

void call_one(struct world *w, const struct op *op, int line, enum family side,
	      struct result *r, unsigned char *data);
bool call_moves_data(const struct op *op);

void fill(struct world *w, const struct op *op);

void masks_before(struct world *w, struct op *op);
void masks_after(struct world *w, const struct op *op, struct result r[2]);
bool masks_skip(const struct world *w, const struct op *op);

void print_op(char *to, size_t size, const struct op *op);
void print_result(char *to, size_t size, const struct op *op, const struct result *r);
void print_poll(char *to, size_t size, int bits);
const char *print_error(int error);

/*
 * One seed: true when nothing was found, or only in a program with threads, and it does
 * not come back @times. What was is printed.
 */
bool twins_try(uint64_t seed, int times, long *calls);

#endif /* TWINS_H */
