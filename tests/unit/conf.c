/* conf.c - tests of shared/base/conf.h. */
#include "conf.h"

#include "unit.h"

#include <stdio.h>

static struct arena arena;
static struct conf conf;
static char *faults;
static size_t faults_len;

static const char *const good[][2] = {
	{"PORTICO_PUBLIC_URL", "http://127.0.0.1:8080"},
	{"PORTICO_API_DATABASE", "host=/run/pg dbname=portico user=portico_api"},
	{"PORTICO_RELAY_DATABASE", "host=/run/pg dbname=portico user=portico_relay"},
	{"PORTICO_MAILER_DATABASE", "host=/run/pg dbname=portico user=portico_mailer"},
	{"PORTICO_JANITOR_DATABASE", "host=/run/pg dbname=portico user=portico_janitor"},
	{"PORTICO_OWNER_DATABASE", "host=/run/pg dbname=portico user=portico_owner"},
	{"PORTICO_REDIS_URL", "unix:/run/redis.sock"},
	{"PORTICO_SECRET_KEY", "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"},
	{"PORTICO_SOCKET", "/run/portico/api.sock"},
	{"PORTICO_STORE_DIR", "/var/portico/store"},
	{"PORTICO_SPOOL_DIR", "/var/portico/spool"},
	{"PORTICO_SMTP_URL", "smtp://127.0.0.1:2525"},
	{"PORTICO_MAIL_FROM", "no-reply@portal.example"},
};

/* Each test begins with an environment that all programs start with. */
static int set_up(void **state)
{
	(void)state;
	clearenv();
	for (size_t i = 0; i < lengthof(good); i++)
		setenv(good[i][0], good[i][1], 1);
	arena_init(&arena, TEST_ARENA_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	free(faults);
	faults = NULL;
	return 0;
}

static int load(unsigned who)
{
	FILE *out;
	int result;

	free(faults);
	faults = NULL;
	out = open_memstream(&faults, &faults_len);
	assert_non_null(out);
	result = conf_load(&conf, who, &arena, out);
	fclose(out);
	return result;
}

/* The programs start, and nothing was said. */
static void assert_good(unsigned who)
{
	if (load(who) < 0)
		fail_msg("%s", faults);
	assert_string_equal(faults, "");
}

/* The program does not start; what is said holds `text`, on one line. */
static void assert_bad(unsigned who, const char *text)
{
	assert_int_equal(load(who), -1);
	if (!strstr(faults, text))
		fail_msg("\"%s\" is not in: %s", text, faults);
	assert_ptr_equal(strchr(faults, '\n'), faults + strlen(faults) - 1);
}

static void test_conf_defaults(void **state)
{
	(void)state;
	assert_good(CONF_API);
	assert_string_equal(conf.public_url, "http://127.0.0.1:8080");
	assert_int_equal(conf.db_pool, 8);
	assert_int_equal(conf.workers, sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(conf.max_upload_bytes, 5368709120);
	assert_string_equal(conf.log_level, "info");
	assert_string_equal(conf.cors_origins, "");
	assert_null(conf.setup_token);
	assert_null(conf.clock_file);
	assert_null(conf.openapi);
	assert_false(conf.test_mode);
	assert_int_equal(conf.secret_key[1], 0x11);
	assert_int_equal(conf.secret_key[31], 0xff);
	assert_null(conf.mailer_database); /* another program's */
	assert_good(CONF_MAILER);
	assert_string_equal(conf.smtp_tls, "auto");
	assert_null(conf.smtp_user);
	assert_null(conf.api_database);
	assert_good(CONF_CTL);
	assert_non_null(conf.schema_dir);
	assert_string_equal(conf.owner_database, "host=/run/pg dbname=portico user=portico_owner");
}

static void test_conf_required(void **state)
{
	static const struct {
		const char *name;
		unsigned needed_by;
	} cases[] = {
		{"PORTICO_PUBLIC_URL", CONF_API | CONF_MAILER | CONF_CTL},
		{"PORTICO_API_DATABASE", CONF_API},
		{"PORTICO_RELAY_DATABASE", CONF_API},
		{"PORTICO_MAILER_DATABASE", CONF_MAILER},
		{"PORTICO_JANITOR_DATABASE", CONF_MAILER},
		{"PORTICO_OWNER_DATABASE", CONF_CTL},
		{"PORTICO_REDIS_URL", CONF_API | CONF_MAILER},
		{"PORTICO_SECRET_KEY", CONF_API | CONF_MAILER},
		{"PORTICO_SOCKET", CONF_API},
		{"PORTICO_STORE_DIR", CONF_API},
		{"PORTICO_SPOOL_DIR", CONF_API},
		{"PORTICO_SMTP_URL", CONF_MAILER},
		{"PORTICO_MAIL_FROM", CONF_MAILER},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		for (unsigned who = CONF_API; who <= CONF_CTL; who *= 2) {
			unsetenv(cases[i].name);
			if (!(cases[i].needed_by & who)) {
				assert_good(who);
				continue;
			}
			assert_bad(who, cases[i].name);
			setenv(cases[i].name, "", 1); /* empty is unset */
			assert_bad(who, " is required");
		}
		for (size_t j = 0; j < lengthof(good); j++)
			setenv(good[j][0], good[j][1], 1);
	}
}

static void test_conf_malformed(void **state)
{
	static const struct {
		const char *name, *value;
		unsigned who;
	} cases[] = {
		{"PORTICO_PUBLIC_URL", "portal.example", CONF_API},
		{"PORTICO_PUBLIC_URL", "ftp://portal.example", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example/app", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example//", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://me@portal.example", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example:0", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example:65536", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example:80a", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://portal.example:", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://por tal.example", CONF_API},
		{"PORTICO_PUBLIC_URL", "https://[::1", CONF_API},
		{"PORTICO_SECRET_KEY", "00", CONF_API},
		{"PORTICO_SECRET_KEY",
	         "0011223344556677889900112233445566778899001122334455667788990xyz", CONF_MAILER},
		{"PORTICO_WORKERS", "0", CONF_API},
		{"PORTICO_WORKERS", "65", CONF_API},
		{"PORTICO_WORKERS", "two", CONF_API},
		{"PORTICO_WORKERS", "2 ", CONF_API},
		{"PORTICO_WORKERS", " 2", CONF_API},
		{"PORTICO_WORKERS", "-1", CONF_API},
		{"PORTICO_DB_POOL", "99999999999999999999", CONF_API},
		{"PORTICO_LIMIT_READS", "1000001", CONF_API},
		{"PORTICO_LIMIT_SIGN_IN", "120/60", CONF_API},
		{"PORTICO_MAX_UPLOAD_BYTES", "5G", CONF_API},
		{"PORTICO_SOCKET", "api.sock", CONF_API},
		{"PORTICO_STORE_DIR", "store", CONF_API},
		{"PORTICO_REDIS_URL", "redis.sock", CONF_API},
		{"PORTICO_REDIS_URL", "unix:redis.sock", CONF_MAILER},
		{"PORTICO_REDIS_URL", "redis://", CONF_API},
		{"PORTICO_SMTP_URL", "mail.example:25", CONF_MAILER},
		{"PORTICO_SMTP_URL", "smtp://mail.example:25/x", CONF_MAILER},
		{"PORTICO_SMTP_TLS", "maybe", CONF_MAILER},
		{"PORTICO_MAIL_FROM", "Portal <no-reply@portal.example>", CONF_MAILER},
		{"PORTICO_TEST_MODE", "yes", CONF_API},
		{"PORTICO_CORS_ORIGINS", "*", CONF_API},
		{"PORTICO_CORS_ORIGINS", "https://a.example https://b.example/", CONF_API},
		{"PORTICO_CORS_ORIGINS", "https://a.example,https://b.example", CONF_API},
		{"PORTICO_LOG_LEVEL", "loud", CONF_CTL},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		const char *before = getenv(cases[i].name);
		char *kept = before ? arena_strdup(&arena, before) : NULL;

		setenv(cases[i].name, cases[i].value, 1);
		if (load(cases[i].who) == 0)
			fail_msg("taken: %s=%s", cases[i].name, cases[i].value);
		assert_non_null(strstr(faults, cases[i].name));
		assert_null(strstr(faults, "yz")); /* no value is said back: it may be a secret */
		if (kept)
			setenv(cases[i].name, kept, 1);
		else
			unsetenv(cases[i].name);
	}
}

static void test_conf_well_formed(void **state)
{
	static const char *const cases[][2] = {
		{"PORTICO_PUBLIC_URL", "https://portal.example"},
		{"PORTICO_PUBLIC_URL", "https://portal.example:8443"},
		{"PORTICO_PUBLIC_URL", "http://[::1]:8080"},
		{"PORTICO_WORKERS", "64"},
		{"PORTICO_WORKERS", "cores"},
		{"PORTICO_REDIS_URL", "redis://127.0.0.1:6379"},
		{"PORTICO_SMTP_URL", "smtps://mail.example"},
		{"PORTICO_SMTP_TLS", "off"},
		{"PORTICO_CORS_ORIGINS", "https://a.example http://localhost:3000"},
		{"PORTICO_CORS_ORIGINS", " https://a.example  "},
		{"PORTICO_LOG_LEVEL", "debug"},
		{"PORTICO_MAX_UPLOAD_BYTES", "1"},
		{"PORTICO_SETUP_TOKEN", "x"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		setenv(cases[i][0], cases[i][1], 1);
		assert_good(CONF_API | CONF_MAILER | CONF_CTL);
	}
	setenv("PORTICO_PUBLIC_URL", "https://portal.example/", 1);
	assert_good(CONF_API);
	assert_string_equal(conf.public_url, "https://portal.example");
}

static void test_conf_socket_length(void **state)
{
	char path[109] = "/";

	(void)state;
	memset(path + 1, 'a', 106);
	setenv("PORTICO_SOCKET", path, 1);
	assert_good(CONF_API);
	path[107] = 'a';
	setenv("PORTICO_SOCKET", path, 1);
	assert_bad(CONF_API, "PORTICO_SOCKET is longer than");
}

static void test_conf_test_mode_needs_clock(void **state)
{
	(void)state;
	setenv("PORTICO_TEST_MODE", "1", 1);
	for (unsigned who = CONF_API; who <= CONF_CTL; who *= 2)
		assert_bad(who, "PORTICO_CLOCK_FILE is required in test mode");
	setenv("PORTICO_CLOCK_FILE", "/tmp/clock", 1);
	assert_good(CONF_API);
	assert_true(conf.test_mode);
	assert_string_equal(conf.clock_file, "/tmp/clock");
}

static void test_conf_unknown_names_nearest(void **state)
{
	static const char *const cases[][2] = {
		{"PORTICO_WORKER", "the nearest is PORTICO_WORKERS"},
		{"PORTICO_SMTP_USR", "the nearest is PORTICO_SMTP_USER"},
		{"PORTICO_SECRET_KEYFILE", "the nearest is PORTICO_SECRET_KEY_FILE"},
		{"PORTICO_SMTP_CA_FIL", "the nearest is PORTICO_SMTP_CA_FILE"},
		{"PORTICO_clock_file", "PORTICO_clock_file is not a setting"},
		{"PORTICO_CLOCK", "is not a setting"},
		{"PORTICO__FILE", "is not a setting"},
		{"PORTICO_", "is not a setting"},
	};

	(void)state;
	for (size_t i = 0; i < lengthof(cases); i++) {
		setenv(cases[i][0], "x", 1);
		assert_bad(CONF_API, cases[i][1]);
		unsetenv(cases[i][0]);
	}
}

static void test_conf_others_known(void **state)
{
	static const char *const names[] = {"PORTICO_STATE_DIR", "PORTICO_HTTP_PORT",
	                                    "PORTICO_DEMO",      "PORTICO_DEMO_FILE",
	                                    "PORTICOX",          "PATH"};

	(void)state;
	for (size_t i = 0; i < lengthof(names); i++)
		setenv(names[i], "whatever", 1);
	setenv("PORTICO_SMTP_TLS", "the mailer's own fault", 1);
	assert_good(CONF_API);
}

/* Make a file with this content and name it in PORTICO_<name>_FILE. */
static void give_file(const char *dir, const char *name, const char *content, size_t len)
{
	const char *path = arena_printf(&arena, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, len, file), len);
	fclose(file);
	setenv(arena_printf(&arena, "PORTICO_%s_FILE", name), path, 1);
	unsetenv(arena_printf(&arena, "PORTICO_%s", name));
}

static void test_conf_file(void **state)
{
	char dir[] = "/tmp/portico-conf-XXXXXX";
	static char big[9000];

	(void)state;
	assert_non_null(mkdtemp(dir));
	memset(big, 'a', sizeof(big));
	give_file(dir, "SECRET_KEY", good[7][1], 64);
	assert_good(CONF_API);
	assert_int_equal(conf.secret_key[1], 0x11);
	give_file(dir, "SECRET_KEY", arena_printf(&arena, "%s\n", good[7][1]), 65);
	assert_good(CONF_API);
	give_file(dir, "SECRET_KEY", arena_printf(&arena, "%s\r\n", good[7][1]), 66);
	assert_good(CONF_API);
	give_file(dir, "SECRET_KEY", arena_printf(&arena, "%s\n\n", good[7][1]), 66);
	assert_bad(CONF_API, "PORTICO_SECRET_KEY must be 64");
	give_file(dir, "SECRET_KEY", "", 0);
	assert_bad(CONF_API, "PORTICO_SECRET_KEY is required");
	give_file(dir, "SECRET_KEY", "a\0b", 3);
	assert_bad(CONF_API, "too large or no text");
	give_file(dir, "SECRET_KEY", big, sizeof(big));
	assert_bad(CONF_API, "too large or no text");
	setenv("PORTICO_SECRET_KEY", good[7][1], 1);
	assert_bad(CONF_API, "given twice");
	unsetenv("PORTICO_SECRET_KEY");
	setenv("PORTICO_SECRET_KEY_FILE", dir, 1);
	assert_bad(CONF_API, "cannot be read");
	setenv("PORTICO_SECRET_KEY_FILE", "/nonexistent/key", 1);
	assert_bad(CONF_API, "cannot be read from its file: No such file");
	unlink(arena_printf(&arena, "%s/SECRET_KEY", dir));
	rmdir(dir);
}

static void test_conf_all_faults_listed(void **state)
{
	int lines = 0;

	(void)state;
	clearenv();
	setenv("PORTICO_WORKERS", "many", 1);
	setenv("PORTICO_NONSENSE", "1", 1);
	assert_int_equal(load(CONF_API), -1);
	for (const char *c = faults; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 8 + 2); /* eight that the API requires */
}

static void test_conf_help_aligned_and_sorted(void **state)
{
	char *text = NULL, *line, *rest, last[64] = "";
	size_t len, column = 0;
	FILE *out = open_memstream(&text, &len);
	int rows = 0;

	(void)state;
	assert_non_null(out);
	conf_help(out);
	fclose(out);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const size_t name_len = strcspn(line, " ");

		assert_true(strlen(line) < 160);
		if (!strncmp(line, "setting", 7))
			column = (size_t)(strstr(line, "meaning") - line);
		if (strncmp(line, "PORTICO_", 8) != 0)
			continue;
		assert_true(column && line[column] != ' ' && line[column - 1] == ' ');
		assert_true(name_len < sizeof(last));
		line[name_len] = '\0';
		assert_true(strcmp(last, line) < 0);
		memcpy(last, line, name_len + 1);
		rows++;
	}
	assert_int_equal(rows, 36);
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_conf_defaults),
		TEST(test_conf_required),
		TEST(test_conf_malformed),
		TEST(test_conf_well_formed),
		TEST(test_conf_socket_length),
		TEST(test_conf_test_mode_needs_clock),
		TEST(test_conf_unknown_names_nearest),
		TEST(test_conf_others_known),
		TEST(test_conf_file),
		TEST(test_conf_all_faults_listed),
		TEST(test_conf_help_aligned_and_sorted),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
