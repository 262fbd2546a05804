// SPDX-License-Identifier: GPL-2.0-only
/*
 * A daemon that tells whoever connects how long the machine has been up.
 *
 * An answer is one short line, which a socket's buffer takes at once whether
 * the client reads or not. So one process serves everybody in turn, and there
 * are no children to wait for.
 */
#include "sample.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>

static const char help[] =
"[-p PORT] [-f]\n"
"Tells each ruptime that connects how long this machine has been up.\n"
"\n"
"  -f        stay in the foreground, and log to standard error too";

/*
 * What uptime(1) says, without running it: sysinfo() needs no other program,
 * no /proc and no descriptor, and cannot hang. Who is logged in is left out.
 */
static void uptime_line(char *line, size_t size)
{
	const double one = 1 << SI_LOAD_SHIFT;
	struct utsname u;
	struct sysinfo s;

	uname(&u);
	sysinfo(&s);
	snprintf(line, size,
		 "%s up %ld days, %02ld:%02ld:%02ld, load average: %.2f, %.2f, %.2f\n",
		 u.nodename, s.uptime / 86400, s.uptime / 3600 % 24,
		 s.uptime / 60 % 60, s.uptime % 60,
		 s.loads[0] / one, s.loads[1] / one, s.loads[2] / one);
}

static void tell(int fd, struct sockaddr_demo client)
{
	char line[160];

	uptime_line(line, sizeof(line));
	if (send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		syslog(LOG_WARNING, "no answer to %s: %m", address_text(client).s);
	else
		syslog(LOG_INFO, "answered %s", address_text(client).s);
}

/*
 * Descriptors the caller left open would stay open as long as the daemon
 * lives: close them. Returns one of /dev/null, above the standard three, which
 * also fills those that the caller closed.
 */
static int standard_descriptors_only(void)
{
	int null;

	closefrom(STDERR_FILENO + 1);
	do {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			die("/dev/null");
	} while (null <= STDERR_FILENO);
	return null;
}

/*
 * Leave the caller's session, directory and terminal. Who started us waits
 * until it has been told the daemon's process number.
 */
static void daemonise(int null, struct sockaddr_demo a)
{
	int i, status;
	pid_t pid;

	/* A caller that ignores SIGCHLD could not be told how the child ended. */
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0) {
		if (TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) < 0)
			die("waitpid");
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
	}
	setsid();

	/* Who does not lead its session never gets a terminal by opening one. */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0) {
		say("listening on %s as process %d", address_text(a).s, pid);
		exit(EXIT_SUCCESS);
	}

	signal(SIGHUP, SIG_IGN);
	if (chdir("/"))
		die("/");
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(null, i);
	close(null);
}

/* Answer until a signal says to end; returns which. */
static int serve(int listener, int signals)
{
	struct pollfd polled[] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo ending;
	struct sockaddr_demo a;
	socklen_t len;
	int fd;

	for (;;) {
		TEMP_FAILURE_RETRY(poll(polled, 2, -1));
		if (read(signals, &ending, sizeof(ending)) == sizeof(ending))
			return ending.ssi_signo;

		len = sizeof(a);
		fd = accept4(listener, (struct sockaddr *)&a, &len, SOCK_CLOEXEC);
		if (fd >= 0) {
			tell(fd, a);
			close(fd);
		} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			/* Out of descriptors or of memory: that may pass. */
			syslog(LOG_ERR, "accept: %m");
			sleep(1);
		}
	}
}

int main(int argc, char **argv)
{
	struct options o = { .port = UPTIME_PORT };
	int listener, signals, null = -1;
	struct sockaddr_demo a;
	sigset_t ending;

	read_options(argc, argv, "fhp:", help, &o);
	if (!o.foreground)
		null = standard_descriptors_only();

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		die("signalfd");

	/* While there is a terminal to complain to, and a caller to be told. */
	a = local_port(o.port);
	listener = initserver(SOCK_STREAM | SOCK_NONBLOCK, (struct sockaddr *)&a,
			      sizeof(a), SOMAXCONN);
	if (listener < 0)
		die("%s", address_text(a).s);

	openlog("ruptimed", LOG_PID | (o.foreground ? LOG_PERROR : 0), LOG_DAEMON);
	if (!o.foreground)
		daemonise(null, a);

	syslog(LOG_INFO, "listening on %s", address_text(a).s);
	syslog(LOG_INFO, "ending on signal %d", serve(listener, signals));
	return EXIT_SUCCESS;
}
