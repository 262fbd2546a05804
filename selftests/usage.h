/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sockets cost, measured where the kernel counts: its slabs, and a memory
 * cgroup for the test alone.
 */
#ifndef DEMO_USAGE_H
#define DEMO_USAGE_H

#include <sys/mman.h>
#include <sys/mount.h>

#include "demo_test.h"

#define KIB		1024L
#define MIB		(1024 * KIB)

/* Others allocate as well meanwhile, and the kernel in whole pages. */
#define NOISE		(256 * KIB)

/* The number behind a name at the beginning of a line of a file; -1: no such. */
static inline long number_in(const char *path, const char *name)
{
	size_t len = strlen(name);
	long value = -1;
	char line[256];
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, len) && (line[len] == ' ' || line[len] == ':')) {
			value = atol(line + len + 1);
			break;
		}
	}
	fclose(f);
	return value;
}

/*
 * A memory cgroup for this test alone. Where there is none (no such controller,
 * or version 1 of it), the other numbers must do, and check.sh shows that.
 */
struct cgroup {
	char top[32];
	char own[64];
	char stat[80];
};

/* Make it, in a mount namespace of one's own. */
static inline bool cgroup_make(struct cgroup *c)
{
	char path[128];

	*c = (struct cgroup){ .top = "/tmp/demo-test-XXXXXX" };
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	mkdir("/tmp", 01777);
	if (!mkdtemp(c->top))
		return false;
	if (mount("cgroup2", c->top, "cgroup2", 0, NULL))
		goto out_rmdir;
	sprintf(path, "%s/cgroup.subtree_control", c->top);
	write_text(path, "+memory");
	sprintf(c->own, "%s/demo-test-%d", c->top, getpid());
	if (mkdir(c->own, 0755))
		goto out_umount;
	sprintf(c->stat, "%s/memory.stat", c->own);
	if (number_in(c->stat, "kernel") >= 0)
		return true;
	rmdir(c->own);
out_umount:
	umount(c->top);
out_rmdir:
	rmdir(c->top);
	c->stat[0] = 0;
	return false;
}

/* Set something of it. */
static inline bool cgroup_set(const struct cgroup *c, const char *what, const char *value)
{
	char path[128];

	sprintf(path, "%s/%s", c->own, what);
	return write_text(path, value);
}

/* Go there: this process, and those that it makes. */
static inline bool cgroup_join(const struct cgroup *c)
{
	char pid[16];

	sprintf(pid, "%d", getpid());
	return cgroup_set(c, "cgroup.procs", pid);
}

static inline void cgroup_leave(struct cgroup *c)
{
	char path[128], pid[16];

	if (!c->stat[0])
		return;
	sprintf(path, "%s/cgroup.procs", c->top);
	sprintf(pid, "%d", getpid());
	write_text(path, pid);
	rmdir(c->own);
	umount(c->top);
	rmdir(c->top);
}

static inline bool cgroup_enter(struct cgroup *c)
{
	if (!cgroup_make(c))
		return false;
	if (cgroup_join(c))
		return true;
	cgroup_leave(c);
	c->stat[0] = 0;
	return false;
}

/*
 * A reader of memory.stat sees what it was up to two seconds ago, unless more than
 * 64 pages for each CPU have come or gone since. So let that many come and go.
 */
static inline void outdate_cgroup(void)
{
	size_t size = 64 * sysconf(_SC_NPROCESSORS_ONLN) * sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (pages != MAP_FAILED)
		munmap(pages, size);
}

/*
 * Have each CPU add what it counted by itself, and the caches that buffers come
 * from give up what is free: a debug kernel keeps it for long, to see whether
 * anybody uses it still.
 */
static inline void settle(void)
{
	struct dirent *entry;
	char path[300];
	DIR *dir;

	dir = opendir("/sys/kernel/slab");
	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR ||
		    (strncmp(entry->d_name, "kmalloc", 7) && strncmp(entry->d_name, "skbuff", 6)))
			continue;
		sprintf(path, "/sys/kernel/slab/%s/shrink", entry->d_name);
		write_text(path, "1");
	}
	if (dir)
		closedir(dir);
	write_text("/proc/sys/vm/stat_refresh", "1");
	outdate_cgroup();
}

/* Shared by the tests of a program, which are processes: one of them has told it. */
static bool *told_no_cgroup;

__attribute__((constructor)) static void share_told_no_cgroup(void)
{
	told_no_cgroup = mmap(NULL, sizeof(*told_no_cgroup), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline void tell_no_cgroup(void)
{
	if (told_no_cgroup != MAP_FAILED &&
	    __atomic_exchange_n(told_no_cgroup, true, __ATOMIC_RELAXED))
		return;
	TELL("no memory cgroup here: what would be charged to one was not looked at");
}

/*
 * What is charged to the cgroup, if there is one: without the work of settling. Who
 * asks 6.1 while the kernel is adding it up gets an old sum, and a new one next time.
 */
static inline long cgroup_usage(const struct cgroup *c)
{
	if (!c->stat[0]) {
		tell_no_cgroup();
		return 0;
	}
	number_in(c->stat, "kernel");
	usleep(1000);
	return number_in(c->stat, "kernel");
}

/* Bytes in use, as two parts of the kernel count them. */
struct usage {
	long slab;	/* what kmalloc() and the like gave out */
	long cgroup;	/* what was charged to our cgroup, if there is one */
};

static inline struct usage usage_unsettled(const struct cgroup *c)
{
	struct usage u = { .cgroup = cgroup_usage(c) };

	/* What a debug kernel's checkers take for themselves goes up and down by megabytes. */
	u.slab = c->stat[0] && is_debug_kernel() ?
		 u.cgroup : KIB * number_in("/proc/meminfo", "SUnreclaim");
	return u;
}

static inline struct usage usage(const struct cgroup *c)
{
	settle();
	return usage_unsettled(c);
}

/* What was taken since. */
static inline struct usage usage_since(const struct cgroup *c, const struct usage *before)
{
	struct usage now = usage(c);

	now.slab -= before->slab;
	now.cgroup -= before->cgroup;
	return now;
}

/* The better of the two: nobody else has a part in what our cgroup is charged. */
static inline long usage_ours(const struct cgroup *c, const struct usage *u)
{
	return c->stat[0] ? u->cgroup : u->slab;
}

static inline bool usage_exceeds(const struct usage *u, long limit)
{
	return u->slab > limit || u->cgroup > limit;
}

/* As usage_since(), once it is next to nothing: some things take their time. */
static inline struct usage usage_left(const struct cgroup *c, const struct usage *before)
{
	struct usage u;

	AWAIT((u = usage_since(c, before), !usage_exceeds(&u, NOISE)));
	return u;
}

/* What of it is left, once it is next to nothing, or after a while. */
static inline long cgroup_left(const struct cgroup *c, long before)
{
	AWAIT(cgroup_usage(c) <= before + NOISE);
	return cgroup_usage(c) - before;
}

#define LOG_USAGE(what, c, u)							\
	TH_LOG("%s: %ld KiB of slabs, %ld KiB in the cgroup%s", what, (u)->slab / KIB, \
	       (u)->cgroup / KIB, (c)->stat[0] ? "" : " (there is none)")

#define NEED_ROOT()								\
do {										\
	if (access("/proc/sys/vm/stat_refresh", W_OK))				\
		SKIP(return, "to measure memory takes root");			\
} while (0)

#endif /* DEMO_USAGE_H */
