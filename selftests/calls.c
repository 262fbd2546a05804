// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs that the fuzzer kept (fuzz/): system calls, well-formed and not,
 * that together reach most of the module. What they return is not looked at;
 * that they harm nothing, and leave nothing behind, is.
 */
#include "demo_test.h"

#include "../fuzz/calls.h"
#include "harm.h"

static const char *const corpus[] = {
#include "../fuzz/corpus"
};

/* A worker may have a socket in its hands for a moment. */
static long sockets_left(void)
{
	AWAIT(count_demo_sockets() <= 0);
	return count_demo_sockets();
}

TEST(no_program_of_the_fuzzer_leaves_a_socket_behind)
{
	int reports = kernel_reports();
	struct program p;
	size_t i;

	NEED_FAMILY(FAMILY_DEMO);
	NEED_OWN_NETWORK();
	ASSERT_TRUE(fuzz_init(family_number(FAMILY_DEMO)));
	for (i = 0; i < ARRAY_SIZE(corpus); i++) {
		ASSERT_TRUE(parse_program(corpus[i], &p));
		run_program(&p);
		ASSERT_EQ(0, sockets_left()) {
			TH_LOG("after the program \"%s\"", corpus[i]);
		}
		ASSERT_EQ(reports, kernel_reports()) {
			TH_LOG("after the program \"%s\"", corpus[i]);
		}
	}
}

TEST_HARNESS_MAIN
