// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_twins [-kuv] SECONDS [SEED]: twins.c for longer. Tries one seed after
 * the other, beginning with SEED, and says once a minute how far it is. With 0
 * seconds it tries that seed alone. Ends with status 1 at the first finding.
 *
 *   -k   goes on after a finding
 *   -u   AF_UNIX on both sides: what differs then is wrong here
 *   -v   every program is printed while it runs
 */
#include <time.h>

#include "twins/twins.h"

int main(int argc, char *argv[])
{
	uint64_t seed = 1, first;
	bool verbose = false, keep_on = false;
	int findings = 0;
	struct finding finding;
	struct program program;
	time_t start, told;
	const char *missing;
	long calls = 0;
	int option, seconds;

	while ((option = getopt(argc, argv, "kuv")) > 0) {
		twins_same |= option == 'u';
		verbose |= option == 'v';
		keep_on |= option == 'k';
	}
	if (optind == argc) {
		fprintf(stderr, "usage: fuzz_twins [-kuv] SECONDS [SEED]\n");
		return 2;
	}
	seconds = atoi(argv[optind]);
	if (optind + 1 < argc)
		seed = strtoull(argv[optind + 1], NULL, 0);
	missing = family_number(FAMILY_DEMO) < 0 && !twins_same ? "demo.ko is not loaded" :
		  world_setup();
	if (missing) {
		fprintf(stderr, "fuzz_twins: %s\n", missing);
		return 2;
	}
	first = seed;
	start = time(NULL);
	told = start;
	do {
		if (verbose) {
			generate(&program, seed);
			printf("# seed %llu:\n", (unsigned long long)seed);
			world_run(&program, &finding, true, NULL);
		}
		findings += !twins_try(seed++, &calls);
		if (findings && !keep_on)
			return 1;
		if (time(NULL) - told >= 60) {
			told = time(NULL);
			printf("# seeds %llu to %llu: %ld calls in %ld s, %d findings\n",
			       (unsigned long long)first, (unsigned long long)seed - 1, calls,
			       (long)(told - start), findings);
			fflush(stdout);
		}
	} while (time(NULL) - start < seconds);
	printf("# seeds %llu to %llu: %ld calls in %ld s, %d findings\n", (unsigned long long)first,
	       (unsigned long long)seed - 1, calls, (long)(time(NULL) - start), findings);
	return !!findings;
}
