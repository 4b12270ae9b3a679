/* fuzz_conf.c - settings: whatever the environment holds, each fault is one line that names its
 * setting. */
#include "fuzz.h"

#include "conf.h"

#include <stdlib.h>
#include <unistd.h>

enum { NAMES_MAX = 32 };

static char *names[NAMES_MAX + 1];

void (*const fuzz_start)(void) = NULL;

/* The lines NAME=VALUE, but none that would have a file of this machine read. */
static void environment(struct fuzz *f)
{
	unsigned n = 0;

	while (f->len > 0 && n < NAMES_MAX) {
		char *line = arena_printf(f->arena, "PORTICO_%s", fuzz_line(f));

		if (strchr(line, '=') && !strstr(line, "_FILE="))
			names[n++] = line;
	}
	names[n] = NULL;
}

static void load(struct fuzz *f, unsigned who)
{
	size_t len = 0, lines = 0;
	char *faults = NULL;
	FILE *out = open_memstream(&faults, &len);
	struct conf c;
	int rc;

	FUZZ_HOLDS(out != NULL);
	rc = conf_load(&c, who, f->arena, out);
	fclose(out);
	for (char *line = faults; *line; line = strchr(line, '\n') + 1, lines++)
		FUZZ_HOLDS(strncmp(line, "PORTICO_", 8) == 0 && strchr(line, '\n'));
	FUZZ_HOLDS((rc < 0) == (lines > 0));
	FUZZ_HOLDS(rc < 0 || !(who & CONF_API) ||
	           (c.workers > 0 && c.db_pool > 0 && *c.socket == '/'));
	free(faults);
}

void fuzz_one(struct fuzz *f)
{
	static const unsigned programs[] = {CONF_API, CONF_MAILER, CONF_CTL};
	char **before = environ;
	unsigned who = programs[fuzz_byte(f) % lengthof(programs)];

	environment(f);
	environ = names;
	load(f, who);
	environ = before;
}
