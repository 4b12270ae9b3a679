/*
 * blob.c - the documents' bytes in the local store: taken from the spool, hashed, made durable,
 * published.
 *
 * Names are changed here, on the main thread, where it takes microseconds; reading and fsync go
 * through io_run. So a caller that is cancelled can put things right at once: no work that is still
 * under way makes a name. A file is hashed in pieces, each a job of its own, so that a large
 * document does not keep a password from being hashed, and a cancelled one stops soon.
 */
#include "blob.h"

#include "crypt_private.h"
#include "io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A store's path is short: shorter than half of this. */
enum { PATH_SIZE = 1024 };

enum { PIECE_BYTES = 64 * 1024 * 1024, READ_BYTES = 1024 * 1024 };

/* Jobs in the queue at once: its other places are for passwords. Who waits for one gives up in the
 * end. */
enum { JOBS_MAX = 4, BUSY_PAUSE_MS = 10, BUSY_MAX_MS = 60 * 1000 };

static struct {
	char root[PATH_SIZE / 2];
	char spool[PATH_SIZE / 2];
} store;

/* ---- the store ---- */

static int dir_make(const char *path)
{
	return mkdir(path, 0750) == 0 || errno == EEXIST ? 0 : -1;
}

static int dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

static void store_path(char path[PATH_SIZE], const char *below, const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%s/%s", store.root, below, name);
}

int blob_init(const char *store_dir, const char *spool_dir)
{
	char path[PATH_SIZE];

	if (strlen(store_dir) >= sizeof(store.root) || strlen(spool_dir) >= sizeof(store.spool))
		return errno = ENAMETOOLONG, -1;
	memcpy(store.root, store_dir, strlen(store_dir) + 1);
	memcpy(store.spool, spool_dir, strlen(spool_dir) + 1);
	TRY(dir_make(store_dir));
	store_path(path, "incoming", "");
	TRY(dir_make(path));
	store_path(path, "blobs", "");
	TRY(dir_make(path));
	return dir_sync(store_dir);
}

void blob_remove(const char *path)
{
	char full[PATH_SIZE];

	store_path(full, "blobs", path);
	unlink(full);
}

int blob_open(const char *path)
{
	char full[PATH_SIZE];

	store_path(full, "blobs", path);
	return open(full, O_RDONLY | O_CLOEXEC);
}

static int64_t free_bytes(const char *dir)
{
	struct statvfs v;

	if (statvfs(dir, &v) < 0)
		return -1;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

int64_t blob_free_bytes(void)
{
	return free_bytes(store.root);
}

int64_t blob_spool_free_bytes(void)
{
	return free_bytes(store.spool);
}

int blob_probe(void)
{
	char path[PATH_SIZE], name[64];
	int fd;

	snprintf(name, sizeof(name), ".probe-%d", (int)getpid());
	store_path(path, "incoming", name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -1;
	close(fd);
	return unlink(path);
}

/* ---- work done away from the event loop ---- */

/* One piece of a file is hashed; the last one also makes the bytes durable. */
struct piece {
	char path[PATH_SIZE];
	int64_t offset;
	int64_t size; /* of the whole file */
	struct sha256 hash;
	int error; /* errno, 0 when it went well */
};

static int hash_range(int fd, struct piece *p, int64_t end)
{
	uint8_t *buf = malloc(READ_BYTES);
	ssize_t got = 1;
	int r = 0;

	if (!buf)
		return ENOMEM;
	while (r == 0 && p->offset < end) {
		got = pread(fd, buf, READ_BYTES, p->offset);
		if (got > 0)
			sha256_add(&p->hash, buf, (size_t)got);
		else if (got == 0)
			r = EIO; /* shorter than it was: somebody else has it */
		else if (errno != EINTR)
			r = errno;
		p->offset += got > 0 ? got : 0;
	}
	free(buf);
	return r;
}

static void piece_work(void *data)
{
	struct piece *p = data;
	int64_t end = p->offset + PIECE_BYTES < p->size ? p->offset + PIECE_BYTES : p->size;
	int fd = open(p->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		p->error = errno;
		return;
	}
	p->error = hash_range(fd, p, end);
	if (p->error == 0 && p->offset >= p->size && fsync(fd) < 0)
		p->error = errno;
	close(fd);
}

struct sync_job {
	char dir[PATH_SIZE];
	int error;
};

static void sync_work(void *data)
{
	struct sync_job *j = data;
	char blobs[PATH_SIZE];

	j->error = dir_sync(j->dir) < 0 ? errno : 0;
	/* the shard's own name, which may be new */
	store_path(blobs, "blobs", "");
	if (j->error == 0 && dir_sync(blobs) < 0)
		j->error = errno;
}

/*
 * io_run that waits for its turn: the bytes are here already, and a refusal would have all of them
 * sent again. When it fails errno says why: EAGAIN after BUSY_MAX_MS, or ECANCELED.
 */
static int run_patiently(void (*work)(void *), void *data, size_t size)
{
	static unsigned jobs;
	int64_t until = clock_mono_ms() + BUSY_MAX_MS;
	int r;

	for (;;) {
		r = -1;
		errno = EAGAIN;
		if (jobs < JOBS_MAX) {
			jobs++;
			r = io_run(work, data, size);
			jobs--;
		}
		if (r == 0 || errno != EAGAIN || clock_mono_ms() > until)
			return r;
		TRY(io_sleep(BUSY_PAUSE_MS));
	}
}

/* ---- taking ---- */

static int failed(struct err *e, const char *what)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
		return err_set(e, PROBLEM_quota_exceeded, "There is no space left for documents");
	case EAGAIN:
		err_set(e, PROBLEM_unavailable, "Too many uploads at once; try again");
		e->retry_after_s = 1;
		return -1;
	case ENOENT:
		return err_set(e, PROBLEM_malformed_request, "The upload was cut short");
	default:
		return err_internal(e, "blob: %s: errno %d", what, errno);
	}
}

/* Is it a plain name in the spool directory, and not that directory or another? */
static bool in_spool(const char *path)
{
	size_t len = strlen(store.spool);

	if (strncmp(path, store.spool, len) != 0 || path[len] != '/' || strlen(path) >= PATH_SIZE)
		return false;
	path += len + 1;
	return *path != '\0' && !strchr(path, '/') && strcmp(path, ".") != 0 &&
	       strcmp(path, "..") != 0;
}

/* Move the spool file where the edge cannot unlink it, and look what it is. */
static int claim(const char *spool, const char *incoming, int64_t *size_r, struct err *e)
{
	struct stat st;

	if (!in_spool(spool))
		return err_set(e, PROBLEM_malformed_request, "The upload was not found");
	if (lstat(spool, &st) < 0)
		return failed(e, "look at the spool");
	if (!S_ISREG(st.st_mode))
		return err_set(e, PROBLEM_malformed_request, "The upload is not a file");
	if (rename(spool, incoming) < 0)
		return failed(e, "rename from the spool");
	*size_r = st.st_size;
	return 0;
}

static int hash_file(struct arena *a, const char *path, struct blob *b, struct err *e)
{
	struct piece *p = arena_new(a, struct piece);
	int r;

	snprintf(p->path, sizeof(p->path), "%s", path);
	p->size = b->size;
	sha256_start(&p->hash);
	r = run_patiently(piece_work, p, sizeof(*p));
	while (r == 0 && p->error == 0 && p->offset < p->size)
		r = run_patiently(piece_work, p, sizeof(*p));
	if (r == 0 && p->error != 0) {
		errno = p->error;
		r = -1;
	}
	if (r < 0)
		return failed(e, "hash");
	sha256_end(&p->hash, b->sha256);
	return 0;
}

/* Give the hashed file its lasting name. */
static int publish(struct arena *a, const char *incoming, struct blob *b, struct err *e)
{
	struct sync_job *j = arena_new(a, struct sync_job);
	char final[PATH_SIZE];
	int r;

	store_path(final, "blobs", b->path);
	snprintf(j->dir, sizeof(j->dir), "%s", final);
	*strrchr(j->dir, '/') = '\0';
	if (dir_make(j->dir) < 0 || rename(incoming, final) < 0)
		return failed(e, "publish");
	r = run_patiently(sync_work, j, sizeof(*j));
	if (r == 0 && j->error == 0)
		return 0;
	errno = r == 0 ? j->error : errno;
	failed(e, "sync");
	unlink(final);
	return -1;
}

int blob_take(struct arena *a, const char *spool, struct blob *blob_r, struct err *e)
{
	char name[ID_TEXT_SIZE], *incoming = arena_alloc(a, PATH_SIZE);

	*blob_r = (struct blob){.id = id_new()};
	id_format(&blob_r->id, "b", name);
	store_path(incoming, "incoming", name + 2);
	snprintf(blob_r->path, sizeof(blob_r->path), "%02x/%s", blob_r->id.b[15], name + 2);
	TRY(claim(spool, incoming, &blob_r->size, e));
	if (hash_file(a, incoming, blob_r, e) == 0 && publish(a, incoming, blob_r, e) == 0)
		return 0;
	unlink(incoming);
	return -1;
}
