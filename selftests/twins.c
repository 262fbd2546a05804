// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls on AF_DEMO and on AF_UNIX, side by side: each has the same result
 * on both. twins/twins.h says how; "make fuzz" goes on with more seeds.
 */
#include "demo_test.h"
#include "twins/twins.h"

/* A seed makes about 90 calls. A type of sockets has every fourth seed. */
#define SEEDS		50
#define TIMES		3		/* of five: threads late by chance are so once, or twice */

FIXTURE(twins) {
};

FIXTURE_VARIANT(twins) {
	uint64_t first;
};

FIXTURE_VARIANT_ADD(twins, dgram) { .first = 1 };
FIXTURE_VARIANT_ADD(twins, seqpacket) { .first = 2 };
FIXTURE_VARIANT_ADD(twins, all_types) { .first = 3 };
FIXTURE_VARIANT_ADD(twins, stream) { .first = 4 };

FIXTURE_SETUP(twins)
{
	const char *missing;

	NEED_FAMILY(FAMILY_DEMO);
	missing = world_setup();
	if (missing)
		SKIP(return, "%s", missing);
}

FIXTURE_TEARDOWN(twins)
{
}

TEST_F(twins, random_calls_have_the_same_result)
{
	long calls = 0;
	int i;

	for (i = 0; i < SEEDS; i++)
		ASSERT_TRUE(twins_try(variant->first + 4 * i, TIMES, &calls));
	TELL("%ld calls, alike on both", calls);
}

/* What differs here is no fault of AF_DEMO. */
TEST(AF_UNIX_is_its_own_twin)
{
	const char *missing = world_setup();
	long calls = 0;
	uint64_t seed;

	if (missing)
		SKIP(return, "%s", missing);
	twins_same = true;
	for (seed = 1; seed <= SEEDS / 2; seed++)
		ASSERT_TRUE(twins_try(seed, TIMES, &calls));
}

TEST_HARNESS_MAIN
