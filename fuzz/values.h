/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the bytes of the fuzzer's calls stand for: good values for the most part,
 * and those at which something may break.
 */
#ifndef FUZZ_VALUES_H
#define FUZZ_VALUES_H

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/demo.h>

#define SLOTS		8

#define GOOD_MEMORY	(256 * 1024)

static struct {
	int family;
	int slots[SLOTS];
	int pipe[2];
	int epoll;
	int other;		/* a socket of another family */
	int fail_nth;
	uint8_t *good;		/* and nothing behind it */
	uint8_t *read_only;
} fuzz;

static inline int number_of(uint8_t v)
{
	static const int some[] = {
		-1, INT_MAX, INT_MIN, 255, 256, 1000, 1024, 4095, 4096, 4608, 8192,
		32768, 65535, 65536, 100000, 1 << 20,
	};

	return v < 128 ? v : some[v % 16];
}

static inline size_t length_of(uint8_t v)
{
	static const size_t some[] = {
		128, 255, 256, 400, 512, 1000, 1500, 2000, 3000, 3700, 4000, 4095,
		4096, 4097, 6000, 8191, 8192, 9000, 16000, 16384, 20000, 30000,
		32768, 33000, 50000, 65536, 70000, 100000, 150000, 200000,
		GOOD_MEMORY, SIZE_MAX,
	};

	return v < 128 ? v : some[v % 32];
}

static inline void *pointer_of(uint8_t v, size_t len)
{
	switch (v) {
	case 1:
		return NULL;
	case 2:
		return (void *)0xffff888000000000;
	case 3:
		return fuzz.read_only;
	case 4:			/* nothing good about it */
		return fuzz.good + GOOD_MEMORY;
	case 5:			/* half of it is good */
		return fuzz.good + GOOD_MEMORY - (len < GOOD_MEMORY ? len / 2 : 0);
	default:
		return fuzz.good;
	}
}

static inline socklen_t address_of(uint8_t which, uint8_t wrong,
				   struct sockaddr_storage *storage)
{
	static const socklen_t lengths[] = { 0, 1, 2, 15, 17, 128, 129 };
	struct sockaddr_demo *a = (struct sockaddr_demo *)storage;

	memset(storage, 0, sizeof(*storage));
	a->sdm_family = fuzz.family;
	a->sdm_port = 2000 + which % 4;
	a->sdm_node = DEMO_NODE_LOCAL;
	switch (wrong) {
	case 1:
		a->sdm_port = DEMO_PORT_ANY;
		break;
	case 2:
		a->sdm_node = DEMO_NODE_ANY;
		break;
	case 3:
		a->sdm_node = 2;
		break;
	case 4:
		a->sdm_family = AF_UNSPEC;
		break;
	case 5:
		a->sdm_family = AF_UNIX;
		break;
	case 6:
		a->sdm_reserved = 1;
		break;
	case 7:
		a->sdm_flags = 1;
		break;
	case 8:
		a->sdm_zero[2] = 1;
		break;
	case 9:
		a->sdm_port = which;
		break;
	case 10: case 11: case 12: case 13: case 14: case 15: case 16:
		return lengths[wrong - 10];
	}
	return sizeof(*a);
}

static inline int slot_of(uint8_t v)
{
	return fuzz.slots[v % SLOTS];
}

static inline int type_of(uint8_t v)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	return v < 200 ? types[v % 3] : v % 16;
}

/* Of eight flags, those whose bits are set. */
static inline int flags_of(uint8_t v, const int flags[8])
{
	int i, sum = 0;

	for (i = 0; i < 8; i++)
		if (v & 1 << i)
			sum |= flags[i];
	return sum;
}

#endif /* FUZZ_VALUES_H */
