/* blob.c - tests of shared/io/blob.h in a directory of their own. */
#include "unit.h"

#include "blob.h"
#include "crypt.h"
#include "io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char dir[64], store[80], spool[80];

static const char *path_of(const char *fmt, const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s/%s", dir, fmt, name);
	return path;
}

static const char *spool_file(const char *name, const void *bytes, size_t len)
{
	const char *path = path_of("spool", name);
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return path;
}

/* Files below `path`, in all depths. */
static unsigned count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[512];
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' && strlen(e->d_name) < 3)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			n += count_files(sub);
		else
			n++;
	}
	if (d)
		closedir(d);
	return n;
}

static void assert_files(unsigned incoming, unsigned blobs)
{
	assert_int_equal(count_files(path_of("store", "incoming")), incoming);
	assert_int_equal(count_files(path_of("store", "blobs")), blobs);
}

static void test_blob_take_and_remove(void **state)
{
	static const size_t sizes[] = {0, 1, 1024 * 1024, 1024 * 1024 + 1, 65 * 1024 * 1024 + 17};
	uint8_t *bytes = malloc(sizes[4]), hash[HASH_SIZE];
	struct arena a;
	struct blob b;
	struct stat st;
	struct err e;

	(void)state;
	memset(bytes, 'x', sizes[4]);
	for (size_t i = 0; i < lengthof(sizes); i++) {
		const char *path = spool_file("upload", bytes, sizes[i]);

		arena_init(&a, TEST_ARENA_MAX);
		err_init(&e, &a);
		assert_int_equal(blob_take(&a, path, &b, &e), 0);
		assert_int_equal(b.size, sizes[i]);
		crypt_sha256(bytes, sizes[i], hash);
		assert_memory_equal(b.sha256, hash, HASH_SIZE);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(stat(path_of("store/blobs", b.path), &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
		assert_int_equal(strlen(b.path), 2 + 1 + 26);
		assert_files(0, 1);
		blob_remove(b.path);
		blob_remove(b.path);
		assert_files(0, 0);
		arena_release(&a);
	}
	free(bytes);
}

static void test_blob_refuses(void **state)
{
	static const char *const bad[] = {"",     "/etc/passwd", "relative",   "missing", "sub",
	                                  "link", "../spool/up", "../store/x", "",        ".",
	                                  "..",   "sub/../up",   "sub/",       "./up"};
	const char *path;
	struct arena a;
	struct blob b;
	struct err e;

	(void)state;
	spool_file("up", "x", 1);
	mkdir(path_of("spool", "sub"), 0700);
	assert_int_equal(symlink("/etc/passwd", path_of("spool", "link")), 0);
	for (size_t i = 0; i < lengthof(bad); i++) {
		arena_init(&a, TEST_ARENA_MAX);
		err_init(&e, &a);
		path = i < 3 ? bad[i] : path_of("spool", bad[i]);
		if (blob_take(&a, path, &b, &e) == 0)
			fail_msg("%s was taken", path);
		assert_int_equal(e.problem, PROBLEM_malformed_request);
		arena_release(&a);
	}
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(access(path_of("spool", "up"), F_OK), 0);
	assert_int_equal(rmdir(path_of("spool", "sub")), 0);
	assert_int_equal(unlink(path_of("spool", "link")), 0);
	unlink(path_of("spool", "up"));
	assert_files(0, 0);
}

/* ---- failures in the middle ---- */

static int fail_at, fail_with, runs;

static int failing_run(void (*work)(void *data), void *data, size_t size)
{
	if (++runs == fail_at)
		return errno = fail_with, -1;
	return io_poll_driver.run(work, data, size);
}

static int failing_wait(struct pollfd *fds, unsigned n, int timeout_ms)
{
	(void)fds, (void)n, (void)timeout_ms;
	return 0;
}

static const struct io_driver failing = {.run = failing_run, .wait = failing_wait};

static void test_blob_leaves_nothing_behind(void **state)
{
	static const int errors[] = {ECANCELED, EAGAIN};
	size_t size = 130 * 1024 * 1024; /* three pieces, and the publishing */
	char *bytes = calloc(1, size);
	const char *path;
	struct arena a;
	struct blob b;
	struct err e;
	int r;

	(void)state;
	io_driver = &failing;
	for (size_t i = 0; i < lengthof(errors); i++) {
		for (fail_at = 1; fail_at <= 4; fail_at++) {
			runs = 0;
			fail_with = errors[i];
			path = spool_file("upload", bytes, size);
			arena_init(&a, TEST_ARENA_MAX);
			err_init(&e, &a);
			r = blob_take(&a, path, &b, &e);
			if (fail_with == EAGAIN) { /* the bytes are here: it waits for its turn */
				assert_int_equal(r, 0);
				assert_files(0, 1);
				blob_remove(b.path);
			} else {
				assert_int_equal(r, -1);
				assert_int_equal(e.problem, PROBLEM_internal_error);
			}
			assert_files(0, 0);
			arena_release(&a);
		}
	}
	io_driver = &io_poll_driver;
	free(bytes);
}

static void test_blob_probe_and_space(void **state)
{
	(void)state;
	assert_int_equal(blob_probe(), 0);
	assert_true(blob_free_bytes() > 0);
	assert_files(0, 0);
	assert_int_equal(blob_init("/nonexistent/store", spool), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(blob_probe(), -1);
	assert_int_equal(blob_free_bytes(), -1);
	assert_int_equal(blob_init(store, spool), 0);
}

static int setup(void **state)
{
	static const uint8_t key[KEY_SIZE];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/portico-blob.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(spool, sizeof(spool), "%s/spool", dir);
	assert_int_equal(mkdir(spool, 0700), 0);
	assert_int_equal(crypt_init(key), 0);
	return blob_init(store, spool);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return strncmp(dir, "/tmp/portico-blob.", 18) == 0 ? system(command) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blob_take_and_remove),
		cmocka_unit_test(test_blob_refuses),
		cmocka_unit_test(test_blob_leaves_nothing_behind),
		cmocka_unit_test(test_blob_probe_and_space),
	};

	return cmocka_run_group_tests_name("blob", tests, setup, teardown);
}
