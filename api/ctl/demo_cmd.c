/* demo_cmd.c - porticoctl demo: load the demo firm, and tell its credentials in demo.json. */
#include "ctl.h"
#include "demo.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char *demo_json(struct ctl *ctl)
{
	struct demo_person people[DEMO_STAFF];
	struct json_writer w;
	struct buf b;

	demo_people(&ctl->arena, people);
	buf_init(&b, &ctl->arena, 64 * 1024);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "firm");
	json_put_text(&w, DEMO_SLUG);
	json_key(&w, "slug");
	json_put_text(&w, DEMO_SLUG);
	for (size_t i = 0; i < DEMO_STAFF; i++) {
		json_key(&w, people[i].role);
		json_open(&w, '{');
		json_key(&w, "email");
		json_put_text(&w, people[i].email);
		json_key(&w, "password");
		json_put_text(&w, people[i].password);
		json_close(&w, '}');
	}
	json_key(&w, "api_key");
	json_put_text(&w, demo_key(&ctl->arena));
	json_close(&w, '}');
	buf_char(&b, '\n');
	return b.data;
}

/* Whole or not at all, and readable by its owner only. */
static int write_private(const char *path, const char *text)
{
	char fresh[1024];
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	return rename(fresh, path);
}

int ctl_demo(struct ctl *ctl, char *const *words)
{
	const char *path = ctl_option(words, "out");
	struct db db;
	int rc;

	ctl_unit(ctl, &db);
	rc = demo_load(&db, clock_now_ms());
	if (rc == 0)
		rc = db_commit(&db);
	db_end(&db);
	if (rc < 0 && ctl->err.problem != PROBLEM_already_set_up)
		return ctl_fail(ctl);
	if (write_private(path == NULL ? "demo.json" : path, demo_json(ctl)) < 0) {
		fprintf(stderr, "porticoctl: demo.json: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
