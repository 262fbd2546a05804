// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_twins [-kuv] SECONDS [SEED]: twins.c for longer. Tries one seed after
 * the other, beginning with SEED, as many at once as there are processors, and
 * says once a minute how far it is. With 0 seconds it tries that seed alone. Ends
 * with status 1 at the first finding.
 *
 *   -k   goes on after a finding
 *   -u   AF_UNIX on both sides: what differs then is wrong here
 *   -v   every program is printed while it runs
 */
#include <sys/mman.h>
#include <time.h>

#include "twins/twins.h"

static bool verbose, keep_on;

/* Of all processes. */
static struct progress {
	uint64_t seed;		/* the next one */
	long calls;
	int findings;
	bool over;
} *progress;

#define count_up(counter, n)	__atomic_fetch_add(&(counter), n, __ATOMIC_RELAXED)
#define count_of(counter)	__atomic_load_n(&(counter), __ATOMIC_RELAXED)

static void try_seed(uint64_t seed)
{
	struct finding finding;
	struct program program;
	long calls = 0;

	if (verbose) {
		generate(&program, seed);
		printf("# seed %llu:\n", (unsigned long long)seed);
		world_run(&program, &finding, true, NULL);
	}
	if (!twins_try(seed, 1, &calls))
		count_up(progress->findings, 1);
	count_up(progress->calls, calls);
	/* What was printed is not to be lost when another process ends us all. */
	fflush(stdout);
}

static int work(void)
{
	const char *missing = world_setup();

	if (missing) {
		fprintf(stderr, "fuzz_twins: %s\n", missing);
		return 2;
	}
	do {
		try_seed(count_up(progress->seed, 1));
	} while (!count_of(progress->over) && (keep_on || !count_of(progress->findings)));
	return 0;
}

static void tell(uint64_t first, time_t start)
{
	printf("# %llu seeds from %llu on: %ld calls in %ld s, %d findings\n",
	       (unsigned long long)(count_of(progress->seed) - first), (unsigned long long)first,
	       count_of(progress->calls), (long)(time(NULL) - start), count_of(progress->findings));
	fflush(stdout);
}

int main(int argc, char *argv[])
{
	int option, seconds, workers, status, i, worst = 0;
	time_t start = time(NULL), told = start;
	uint64_t first = 1;
	pid_t pid;

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
		first = strtoull(argv[optind + 1], NULL, 0);
	if (family_number(FAMILY_DEMO) < 0 && !twins_same) {
		fprintf(stderr, "fuzz_twins: demo.ko is not loaded\n");
		return 2;
	}
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		return 2;
	*progress = (struct progress) { .seed = first, .over = !seconds };
	workers = seconds && !verbose ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
	fflush(stdout);
	for (i = 0; i < workers; i++) {
		pid = fork();
		if (pid < 0)
			return 2;
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			exit(work());
		}
	}
	while (workers) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0) {
			/* One that broke off had found something that it cannot go on from. */
			if (status) {
				worst = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
				__atomic_store_n(&progress->over, true, __ATOMIC_RELAXED);
			}
			workers--;
			continue;
		}
		usleep(100000);
		if (time(NULL) - start >= seconds)
			__atomic_store_n(&progress->over, true, __ATOMIC_RELAXED);
		if (time(NULL) - told >= 60) {
			told = time(NULL);
			tell(first, start);
		}
	}
	tell(first, start);
	return worst ?: !!count_of(progress->findings);
}
