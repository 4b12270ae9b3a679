/* main.c - the API's process: settings into Kore's, the socket, the sandbox, the workers' begin and
 * end. */
#include "conf.h"
#include "fiber.h"
#include "gate.h"
#include "head.h"
#include "log.h"
#include "routes.h"

#include <kore/kore.h>

#include <errno.h>
#include <kore/hooks.h>
#include <kore/http.h>
#include <kore/seccomp.h>
#include <kore/tasks.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 2048, /* a worker's, all from the edge */
	REQUESTS_MAX = 1024,    /* a worker's, under way; beyond: 503 */
	FILES_MAX = 4096,
	KEEPALIVE_S = 75, /* longer than the edge's, so that it is the edge that closes */
	RESTART_PAUSE_MS = 500,
	HANDOVER_MS = 2000,
	HANDOVER_STEP_MS = 50,
	CONF_ARENA_MAX = 1024 * 1024
};

/* Kore parses this; everything is set directly instead. */
u_int8_t asset_builtin_kore_conf[] = "\n";
u_int32_t asset_len_builtin_kore_conf = 1;

static struct {
	struct conf conf;
	struct arena arena;
	pid_t parent;
	bool *start_failed; /* shared by all processes */
} program;

/* ---- the sandbox ---- */

#if SANITIZED
/* The sanitizers' run time needs ptrace and more. */
static struct sock_filter sandbox[] = {KORE_BPF_RET(SECCOMP_RET_ALLOW)};

/* What Kore does not give back at its end is not ours to report. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:kore_malloc\nleak:pool_region_create\nleak:kore_pool_init\n"
	       "leak:kore_seccomp_enable\nleak:kore_proctitle_setup\n";
}
#else
/*
 * All that a worker may ask of the kernel, for glibc 2.36 with libpq, hiredis and libcurl. It comes
 * before Kore's own list, which lacks some of it and kills the worker, with all its requests, for
 * the rest; here the rest fails as if the kernel did not know it. No process is started, nothing
 * made executable.
 */
#define ALLOW KORE_SYSCALL_ALLOW
static struct sock_filter sandbox[] = {
	/* memory */
	KORE_SYSCALL_DENY_WITH_FLAG(mmap, 2, PROT_EXEC, EINVAL),
	KORE_SYSCALL_DENY_WITH_FLAG(mprotect, 2, PROT_EXEC, EINVAL),
	ALLOW(mmap),
	ALLOW(mprotect),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(brk),
	/* waiting, time, signals, threads */
	ALLOW(epoll_wait),
	ALLOW(epoll_pwait),
	ALLOW(epoll_ctl),
	ALLOW(poll),
	ALLOW(ppoll),
	ALLOW(clock_gettime),
	ALLOW(clock_nanosleep),
	ALLOW(nanosleep),
	ALLOW(gettimeofday),
	ALLOW(rt_sigaction),
	ALLOW(rt_sigprocmask),
	ALLOW(rt_sigreturn),
	ALLOW(sigaltstack),
	ALLOW(futex),
	ALLOW(clone),
	ALLOW(clone3),
	ALLOW(rseq),
	ALLOW(set_robust_list),
	ALLOW(sched_yield),
	ALLOW(sched_getaffinity),
	ALLOW(setpriority),
	ALLOW(restart_syscall),
	/* who and what we are */
	ALLOW(getpid),
	ALLOW(getppid),
	ALLOW(gettid),
	ALLOW(kill),
	ALLOW(tgkill),
	ALLOW(exit),
	ALLOW(exit_group),
	ALLOW(getuid),
	ALLOW(geteuid),
	ALLOW(getgid),
	ALLOW(getegid),
	ALLOW(getrandom),
	ALLOW(uname),
	ALLOW(sysinfo),
	ALLOW(prlimit64),
	ALLOW(getrlimit),
	ALLOW(getrusage),
	KORE_SYSCALL_ALLOW_ARG(prctl, 0, PR_SET_PDEATHSIG),
	/* sockets and pipes */
	ALLOW(socket),
	ALLOW(socketpair),
	ALLOW(connect),
	ALLOW(bind), /* the resolver's netlink socket */
	ALLOW(accept),
	ALLOW(accept4),
	ALLOW(shutdown),
	ALLOW(sendto),
	ALLOW(sendmsg),
	ALLOW(sendmmsg),
	ALLOW(recvfrom),
	ALLOW(recvmsg),
	ALLOW(setsockopt),
	ALLOW(getsockopt),
	ALLOW(getsockname),
	ALLOW(getpeername),
	ALLOW(eventfd2),
	ALLOW(pipe2),
	/* files */
	ALLOW(read),
	ALLOW(write),
	ALLOW(readv),
	ALLOW(writev),
	ALLOW(pread64),
	ALLOW(pwrite64),
	ALLOW(lseek),
	ALLOW(close),
	ALLOW(fcntl),
	ALLOW(dup),
	ALLOW(open),
	ALLOW(openat),
	ALLOW(stat),
	ALLOW(fstat),
	ALLOW(lstat),
	ALLOW(newfstatat),
	ALLOW(statx),
	ALLOW(statfs),
	ALLOW(fstatfs),
	ALLOW(access),
	ALLOW(faccessat),
	ALLOW(readlink),
	ALLOW(readlinkat),
	ALLOW(getcwd),
	ALLOW(getdents64),
	ALLOW(mkdir),
	ALLOW(mkdirat),
	ALLOW(rename),
	ALLOW(renameat),
	ALLOW(renameat2),
	ALLOW(link),
	ALLOW(unlink),
	ALLOW(unlinkat),
	ALLOW(fsync),
	ALLOW(fdatasync),
	ALLOW(ftruncate),
	ALLOW(fallocate),
	ALLOW(umask),
	KORE_BPF_RET(SECCOMP_RET_ERRNO | ENOSYS),
};
#undef ALLOW
#endif

void kore_seccomp_hook(void)
{
	kore_seccomp_filter("portico", sandbox, KORE_FILTER_LEN(sandbox));
}

/* ---- the parent ---- */

static void arguments(int argc, char **argv)
{
	if (argc <= 1)
		return;
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		printf("portico-api [--help | --routes]\n\n");
		conf_help(stdout);
	} else if (argc == 2 && strcmp(argv[1], "--routes") == 0) {
		routes_print(stdout);
	} else {
		fprintf(stderr, "portico-api [--help | --routes]\n");
		exit(EX_USAGE);
	}
	exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

static _Noreturn void give_up(const char *what, const char *name)
{
	fprintf(stderr, "portico-api: %s: %s: %s\n", name, what, strerror(errno));
	exit(EX_CONFIG);
}

static bool somebody_listens(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool up;

	memcpy(address.sun_path, path, strlen(path) + 1);
	up = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return up;
}

/* A socket file that nobody listens on is left from a run that was killed. */
static void remove_stale_socket(const char *path)
{
	struct stat st;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		errno = ENAMETOOLONG;
		give_up("not a socket's path", path);
	}
	if (lstat(path, &st) < 0)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		give_up("is no socket", path);
	}
	/* the workers of one that was killed give it up in a moment */
	for (int i = 0; somebody_listens(path); i++) {
		if (i == HANDOVER_MS / HANDOVER_STEP_MS) {
			errno = EADDRINUSE;
			give_up("another one is running", path);
		}
		usleep(HANDOVER_STEP_MS * 1000);
	}
	unlink(path);
}

/* The first fields of a line of /proc/sysvipc/shm. */
enum {
	SHM_KEY,
	SHM_ID,
	SHM_PERMS,
	SHM_SIZE,
	SHM_MAKER,
	SHM_LAST,
	SHM_ATTACHED,
	SHM_UID,
	SHM_FIELDS
};

static bool read_numbers(const char *line, long long numbers[SHM_FIELDS])
{
	char *end;

	for (int i = 0; i < SHM_FIELDS; i++, line = end) {
		numbers[i] = strtoll(line, &end, 10);
		if (end == line)
			return false;
	}
	return true;
}

/*
 * Kore's shared memory outlives a parent that is killed. What nobody is attached to any more, under
 * no key by which anybody could be, and whose maker is dead, is of no use to anyone.
 */
static void remove_stale_memory(void)
{
	FILE *in = fopen("/proc/sysvipc/shm", "re");
	long long n[SHM_FIELDS];
	char line[512];

	while (in && fgets(line, sizeof(line), in)) {
		if (read_numbers(line, n) && n[SHM_KEY] == 0 && n[SHM_ATTACHED] == 0 &&
		    n[SHM_UID] == getuid() && kill((pid_t)n[SHM_MAKER], 0) < 0 && errno == ESRCH)
			shmctl((int)n[SHM_ID], IPC_RMID, NULL);
	}
	if (in)
		fclose(in);
}

/* The socket is for the edge alone: same user, or same group. */
static void serve(const char *path)
{
	static char name[] = "portico", any[] = "*";
	struct kore_server *server = kore_server_create(name);
	struct kore_domain *domain;
	mode_t old;

	remove_stale_socket(path);
	server->tls = 0;
	old = umask(0117);
	if (!kore_server_bind_unix(server, path, "gate_connect"))
		give_up("cannot listen", path);
	umask(old);
	domain = kore_domain_new(any);
	if (!kore_domain_attach(domain, server) ||
	    !kore_module_handler_new(domain, "^", "gate_request", NULL, HANDLER_TYPE_DYNAMIC))
		give_up("cannot route", path);
}

/* Kore gives each worker FILES_MAX, and first tries every descriptor below the limit it finds. */
static void limit_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > FILES_MAX) {
		limit.rlim_cur = FILES_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void configure_kore(const struct conf *conf)
{
	static char root[] = "/";

	kore_foreground = 1;
	kore_quiet = 1;
	if (access(".", X_OK) < 0)
		kore_root_path = root; /* where we were started may be closed to us */
	skip_chroot = skip_runas = 1;
	kore_pidfile = arena_printf(&program.arena, "%s.pid", conf->socket);
	worker_count = (u_int8_t)conf->workers;
	worker_set_affinity = 0;     /* its threads, and the database, want the other cores */
	worker_accept_threshold = 1; /* else one worker takes all that the edge keeps open */
	worker_max_connections = CONNECTIONS_MAX;
	worker_rlimit_nofiles = FILES_MAX;
	kore_task_threads = cpu_count > 2 ? cpu_count : 2;
	http_header_max = HEAD_BYTES_MAX;
	http_body_max = BODY_BYTES_MAX;
	http_request_limit = REQUESTS_MAX;
	http_keepalive_time = KEEPALIVE_S;
	http_hsts_enable = 0;
}

void kore_parent_configure(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments(argc, argv);
	arena_init(&program.arena, CONF_ARENA_MAX);
	if (conf_load(&program.conf, CONF_API, &program.arena, stderr) < 0)
		exit(EX_CONFIG);
	log_open("api", program.conf.log_level);
	umask(027);
	program.parent = getpid();
	program.start_failed = mmap(NULL, sizeof(*program.start_failed), PROT_READ | PROT_WRITE,
	                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (program.start_failed == MAP_FAILED || gate_open() < 0)
		give_up("cannot start", "memory");
	remove_stale_memory();
	limit_files();
	configure_kore(&program.conf);
	serve(program.conf.socket);
	log_say(LOGL_INFO, "start", "%d workers on %s", (int)program.conf.workers,
	        program.conf.socket);
}

void kore_parent_teardown(void)
{
	unlink(program.conf.socket);
	if (*program.start_failed) {
		unlink(kore_pidfile);
		fflush(stdout);
		_exit(EX_CONFIG);
	}
	log_say(LOGL_INFO, "end", "all workers have ended");
}

/* ---- a worker ---- */

/* Kore means to see that the parent has gone, but each worker holds the parent's end of the pipe
 * too. */
static void die_with_parent(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGQUIT) < 0 || getppid() != program.parent)
		raise(SIGQUIT);
}

void kore_worker_configure(void)
{
	die_with_parent();
	signal(SIGHUP, SIG_IGN); /* Kore's reload breaks what is alive */
	if (worker->restarted)   /* it died: not again and again without a breath */
		usleep(RESTART_PAUSE_MS * 1000);
	if (gate_start(program.conf.public_url) == 0 && worker_start() == 0)
		return;
	*program.start_failed = true;
	kore_shutdown();
	_exit(EX_CONFIG);
}

void kore_worker_teardown(void)
{
	gate_drain();
	worker_stop();
	arena_release(&program.arena);
}
