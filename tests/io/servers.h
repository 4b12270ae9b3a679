/*
 * servers.h - a private PostgreSQL and Redis for one test program: in a temporary directory,
 * reached by UNIX sockets alone, stopped by process id. As root they run as the user postgres.
 */
#ifndef PORTICO_SERVERS_H
#define PORTICO_SERVERS_H

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	char dir[64];
	char conninfo[128], redis_url[128];
	pid_t postgres, redis;
	pid_t guard;
	pid_t *running; /* the two above, as the guard sees them */
	int life;       /* its other end is read by the guard */
	uid_t uid;
	gid_t gid;
} servers;

/* Start a program as the servers' user; its output goes to DIR/log. */
static inline pid_t servers_spawn(const char *const *argv)
{
	char log[96];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(log, sizeof(log), "%s/log", servers.dir);
	if (servers.uid && (setgid(servers.gid) < 0 || setuid(servers.uid) < 0))
		_exit(126);
	if (chdir("/") < 0 || !freopen(log, "ae", stdout))
		_exit(126);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static inline int servers_run(const char *const *argv)
{
	pid_t pid = servers_spawn(argv);
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static inline const char *servers_pg(const char *name)
{
	static char path[2][256];
	static int turn;
	const char *dir = getenv("PG_BINDIR");

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir ? dir : "/usr/lib/postgresql/15/bin",
	         name);
	return path[turn];
}

/* Does somebody listen on this UNIX socket? */
static inline bool servers_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool up;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", path);
	up = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return up;
}

/* Wait until `pid` listens. 0, or -1 when it has ended. */
static inline int servers_await(pid_t pid, const char *socket_name)
{
	char path[108];

	snprintf(path, sizeof(path), "%s/%s", servers.dir, socket_name);
	for (int i = 0; i < 1000; i++) {
		if (servers_listening(path))
			return 0;
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return -1;
		usleep(10000);
	}
	return -1;
}

/* A program that crashes leaves its servers to the guard, which hears of it by the end of a pipe.
 */
static inline int servers_guard(void)
{
	const char *const rm[] = {"rm", "-rf", servers.dir, NULL};
	int ends[2];
	char c;

	servers.running = mmap(NULL, 2 * sizeof(pid_t), PROT_READ | PROT_WRITE,
	                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (servers.running == MAP_FAILED || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	servers.life = ends[1];
	servers.guard = fork();
	if (servers.guard != 0)
		return close(ends[0]);
	setsid();
	close(ends[1]);
	while (read(ends[0], &c, 1) < 0 && errno == EINTR) {
	}
	for (int i = 0; i < 2; i++) {
		if (servers.running[i] > 0)
			kill(servers.running[i], i == 0 ? SIGQUIT : SIGKILL);
	}
	sleep(servers.running[0] > 0);
	execvp(rm[0], (char *const *)(uintptr_t)rm);
	_exit(127);
}

/* Make the directory. */
static inline int servers_open_dir(void)
{
	const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;

	snprintf(servers.dir, sizeof(servers.dir), "/tmp/portico-io.XXXXXX");
	if (!mkdtemp(servers.dir))
		return -1;
	if (user) {
		servers.uid = user->pw_uid;
		servers.gid = user->pw_gid;
	}
	snprintf(servers.conninfo, sizeof(servers.conninfo),
	         "host=%s user=postgres dbname=postgres", servers.dir);
	snprintf(servers.redis_url, sizeof(servers.redis_url), "unix:%s/redis.sock", servers.dir);
	if (user && chown(servers.dir, servers.uid, servers.gid) < 0)
		return -1;
	return servers_guard();
}

/* Make the directory and an empty cluster. */
static inline int servers_open(void)
{
	char data[96];
	const char *const initdb[] = {servers_pg("initdb"),
	                              "-D",
	                              data,
	                              "-U",
	                              "postgres",
	                              "-A",
	                              "trust",
	                              "-E",
	                              "UTF8",
	                              "--locale=C.UTF-8",
	                              "-N",
	                              "--no-instructions",
	                              NULL};

	if (servers_open_dir() < 0)
		return -1;
	snprintf(data, sizeof(data), "%s/data", servers.dir);
	return servers_run(initdb);
}

/* `durable`: a commit that was answered survives kill -9. */
static inline int postgres_start(bool durable)
{
	char data[96], sync[32];
	const char *const argv[] = {
		servers_pg("postgres"), "-D", data, "-k", servers.dir,          "-c",
		"listen_addresses=",    "-c", sync, "-c", "max_connections=40", NULL};

	snprintf(data, sizeof(data), "%s/data", servers.dir);
	snprintf(sync, sizeof(sync), "fsync=%s", durable ? "on" : "off");
	/* the children of one that was killed hold its shared memory for a moment */
	for (int i = 0; i < 100; i++) {
		servers.running[0] = servers.postgres = servers_spawn(argv);
		if (servers_await(servers.postgres, ".s.PGSQL.5432") == 0)
			return 0;
		usleep(50000);
	}
	return -1;
}

static inline int redis_start(void)
{
	char path[128];
	const char *const argv[] = {"redis-server", "--port", "0",     "--unixsocket", path,
	                            "--save",       "",       "--dir", servers.dir,    NULL};

	snprintf(path, sizeof(path), "%s/redis.sock", servers.dir);
	unlink(path);
	servers.running[1] = servers.redis = servers_spawn(argv);
	return servers_await(servers.redis, "redis.sock");
}

static inline void server_kill(pid_t *pid, int sig)
{
	if (*pid > 0 && kill(*pid, sig) == 0)
		waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* Stop them; the guard removes the directory. */
static inline void servers_close(void)
{
	server_kill(&servers.postgres, SIGQUIT);
	server_kill(&servers.redis, SIGKILL);
	servers.running[0] = servers.running[1] = 0;
	close(servers.life);
	waitpid(servers.guard, NULL, 0);
}

#endif
