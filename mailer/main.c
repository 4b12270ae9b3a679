/* main.c - portico-mailer: settings, start, stop. */
#include "clock.h"
#include "conf.h"
#include "crypt.h"
#include "deliver.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONF_ARENA_MAX = 1024 * 1024 };

/* SIGTERMs and SIGINTs so far: after one the mailer finishes what is under way, after two it ends.
 */
static volatile sig_atomic_t stop;

static struct smtp *smtp;

static void on_stop(int signal)
{
	(void)signal;
	stop = stop ? 2 : 1;
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_stop};

	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

static int start(const struct conf *conf)
{
	const char *why;

	if (crypt_init(conf->secret_key) < 0) {
		log_say(LOGL_ERROR, "start", "libsodium does not start");
		return -1;
	}
	if (conf->test_mode && clock_attach(conf->clock_file) < 0) {
		log_say(LOGL_ERROR, "start", "%s: %s", conf->clock_file, strerror(errno));
		return -1;
	}
	smtp = smtp_new(conf, &why);
	if (!smtp)
		log_say(LOGL_ERROR, "start", "%s", why);
	return smtp ? 0 : -1;
}

static int serve(const struct conf *conf)
{
	log_open("mailer", conf->log_level);
	catch_signals();
	if (start(conf) < 0)
		return EXIT_FAILURE;
	log_say(LOGL_INFO, "start", "version %s", PORTICO_VERSION);
	deliver_run(conf, smtp, &stop);
	log_say(LOGL_INFO, "stop", "all that was under way is recorded or free");
	smtp_free(smtp);
	return EXIT_SUCCESS;
}

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: portico-mailer [--help | --version]\n\n"
	             "Sends the mail that is due. SIGTERM: finish what is under way, and end.\n\n");
	conf_help(out);
	return status;
}

int main(int argc, char **argv)
{
	struct conf conf;
	struct arena arena;
	int status;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("portico-mailer %s\n", PORTICO_VERSION) < 0;
	if (argc > 1)
		return usage(strcmp(argv[1], "--help") ? stderr : stdout,
		             strcmp(argv[1], "--help") ? 2 : EXIT_SUCCESS);
	arena_init(&arena, CONF_ARENA_MAX);
	status = conf_load(&conf, CONF_MAILER, &arena, stderr) < 0 ? 2 : serve(&conf);
	arena_release(&arena);
	return status;
}
