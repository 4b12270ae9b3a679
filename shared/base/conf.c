/* conf.c - the settings: their table, read from the environment and checked. */
#include "conf.h"

#include "base.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef PORTICO_SCHEMA
#define PORTICO_SCHEMA "schema"
#endif

enum {
	EVERY = CONF_API | CONF_MAILER | CONF_CTL,
	VALUE_MAX = 8 * 1024, /* bytes of a NAME_FILE's content */
	SOCKET_MAX = 107,     /* bytes of sun_path, less the NUL */
	LIMIT_MAX = 1000000   /* requests a minute: 16,667 a second are more than a host can do */
};

struct setting {
	const char *name; /* without PORTICO_ */
	const char *unit;
	const char *fallback; /* the default, NULL: none */
	const char *help;
	/* Check the value and keep it at `at`. NULL, or what is wrong with it. */
	const char *(*set)(const struct setting *s, char *value, void *at);
	unsigned reads, needs; /* programs that look at it, programs that do not start without */
	size_t offset;
	int64_t min, max;
};

/* ---- one setter per kind: the value is checked and kept ---- */

static const char *set_text(const struct setting *s, char *value, void *at)
{
	(void)s;
	*(const char **)at = value;
	return NULL;
}

static const char *set_token(const struct setting *s, char *value, void *at)
{
	const size_t len = strlen(value);

	if (len < 16 || strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                              "0123456789-._~+/=") != len)
		return "must have at least 16 of the characters of a bearer token";
	return set_text(s, value, at);
}

static const char *set_int(const struct setting *s, char *value, void *at)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || number < s->min || number > s->max)
		return "must be a number within its bounds";
	*(int64_t *)at = number;
	return NULL;
}

static const char *set_workers(const struct setting *s, char *value, void *at)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (strcmp(value, "cores") != 0)
		return set_int(s, value, at);
	*(int64_t *)at = cores > s->max ? s->max : cores < 1 ? 1 : cores;
	return NULL;
}

static const char *set_bool(const struct setting *s, char *value, void *at)
{
	(void)s;
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return "must be 0 or 1";
	*(bool *)at = *value == '1';
	return NULL;
}

static const char *set_path(const struct setting *s, char *value, void *at)
{
	if (*value != '/')
		return "must be an absolute path";
	if (s->max && strlen(value) > (size_t)s->max)
		return "is longer than a socket's path may be (107 bytes)";
	*(const char **)at = value;
	return NULL;
}

static const char *set_key(const struct setting *s, char *value, void *at)
{
	uint8_t *key = at;

	(void)s;
	if (strlen(value) != 64 || strspn(value, "0123456789abcdefABCDEF") != 64)
		return "must be 64 hexadecimal digits (openssl rand -hex 32)";
	for (int i = 0; i < 32; i++) {
		const char pair[] = {value[2 * i], value[2 * i + 1], '\0'};

		key[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return NULL;
}

static const char *set_email(const struct setting *s, char *value, void *at)
{
	struct arena a;
	int result;

	arena_init(&a, 64 * 1024);
	result = email_parse(&a, value, NULL, NULL);
	arena_release(&a);
	return result < 0 ? "must be an e-mail address" : set_text(s, value, at);
}

/* The text behind `scheme`, NULL when `url` begins otherwise. */
static const char *behind(const char *url, const char *scheme)
{
	const size_t len = strlen(scheme);

	return strncmp(url, scheme, len) == 0 ? url + len : NULL;
}

/* ":port" from 1 to 65535, the whole of the `len` characters. */
static bool is_port(const char *text, size_t len)
{
	long port = 0;

	if (len < 2 || len > 6 || *text != ':')
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + (text[i] - '0');
	}
	return port > 0 && port < 65536;
}

/* "host" or "host:port", of `len` characters; host may be a name, an IPv4 or a [IPv6] address. */
static bool is_host(const char *text, size_t len)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t host_len = strspn(text, name);

	if (*text == '[') {
		host_len = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		host_len = text[host_len] == ']' ? host_len + 1 : 0;
	}
	if (!host_len || host_len > len)
		return false;
	return host_len == len || is_port(text + host_len, len - host_len);
}

static bool is_origin(const char *text, size_t len)
{
	const char *host = behind(text, "http://");

	if (!host)
		host = behind(text, "https://");
	return host && host < text + len && is_host(host, len - (size_t)(host - text));
}

static const char *set_public_url(const struct setting *s, char *value, void *at)
{
	const size_t len = strlen(value);

	if (len && value[len - 1] == '/')
		value[len - 1] = '\0';
	if (!is_origin(value, strlen(value)))
		return "must be http:// or https://, a host and perhaps a port, no path";
	return set_text(s, value, at);
}

static const char *set_origins(const struct setting *s, char *value, void *at)
{
	for (const char *origin = value; *origin;) {
		const size_t len = strcspn(origin, " ");

		if (len && !is_origin(origin, len))
			return "must be origins such as https://app.example, with spaces between";
		origin += len + (origin[len] == ' ');
	}
	return set_text(s, value, at);
}

static const char *set_redis_url(const struct setting *s, char *value, void *at)
{
	const char *path = behind(value, "unix:"), *host = behind(value, "redis://");

	if (!(path && *path == '/') && !(host && is_host(host, strlen(host))))
		return "must be unix:/path or redis://host:port";
	return set_text(s, value, at);
}

static const char *set_smtp_url(const struct setting *s, char *value, void *at)
{
	const char *host = behind(value, "smtp://");

	if (!host)
		host = behind(value, "smtps://");
	if (!host || !is_host(host, strlen(host)))
		return "must be smtp://host:port or smtps://host:port";
	return set_text(s, value, at);
}

static const char *set_smtp_tls(const struct setting *s, char *value, void *at)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "required") != 0 &&
	    strcmp(value, "off") != 0)
		return "must be auto, required or off";
	return set_text(s, value, at);
}

static const char *set_log_level(const struct setting *s, char *value, void *at)
{
	if (strcmp(value, "debug") != 0 && strcmp(value, "info") != 0 &&
	    strcmp(value, "warn") != 0 && strcmp(value, "error") != 0)
		return "must be debug, info, warn or error";
	return set_text(s, value, at);
}

/* ---- the table ---- */

#define TO(member) .offset = offsetof(struct conf, member)

/* clang-format off */
static const struct setting settings[] = {
	{ "API_DATABASE", "conninfo", NULL, "database, as the role portico_api",
	  set_text, CONF_API, CONF_API, TO(api_database) },
	{ "CLOCK_FILE", "path", NULL, "the test clock that all programs share; required in test mode",
	  set_path, EVERY, 0, TO(clock_file) },
	{ "CORS_ORIGINS", "origins", "", "origins whose pages may call the API, with spaces between",
	  set_origins, CONF_API, 0, TO(cors_origins) },
	{ "DB_POOL", "1-100", "8", "database connections of each API worker",
	  set_int, CONF_API, 0, TO(db_pool), 1, 100 },
	{ "DEMO", "0 or 1", NULL, "load the demo firm (make run only)",
	  .reads = 0 },
	{ "HTTP_PORT", "port", NULL, "where the edge listens (make run only)",
	  .reads = 0 },
	{ "JANITOR_DATABASE", "conninfo", NULL, "database, as the role portico_janitor",
	  set_text, CONF_MAILER, CONF_MAILER, TO(janitor_database) },
	{ "LIMIT_PUBLIC", "a minute", "600", "requests of an address with nobody signed in; 0: no limit",
	  set_int, CONF_API, 0, TO(limit_public), 0, LIMIT_MAX },
	{ "LIMIT_READS", "a minute", "1200", "reading requests of a person or key; 0: no limit",
	  set_int, CONF_API, 0, TO(limit_reads), 0, LIMIT_MAX },
	{ "LIMIT_SIGN_IN", "a minute", "120", "passwords and mailed tokens from an address; 0: no limit",
	  set_int, CONF_API, 0, TO(limit_sign_in), 0, LIMIT_MAX },
	{ "LIMIT_UPLOADS", "a minute", "600", "uploads of a person or key; 0: no limit",
	  set_int, CONF_API, 0, TO(limit_uploads), 0, LIMIT_MAX },
	{ "LIMIT_WRITES", "a minute", "600", "changing requests of a person or key; 0: no limit",
	  set_int, CONF_API, 0, TO(limit_writes), 0, LIMIT_MAX },
	{ "LOG_LEVEL", "level", "info", "least level that is logged: debug, info, warn, error",
	  set_log_level, EVERY, 0, TO(log_level) },
	{ "MAILER_DATABASE", "conninfo", NULL, "database, as the role portico_mailer",
	  set_text, CONF_MAILER, CONF_MAILER, TO(mailer_database) },
	{ "MAIL_FROM", "address", NULL, "sender of all mail",
	  set_email, CONF_MAILER, CONF_MAILER, TO(mail_from) },
	{ "MAX_UPLOAD_BYTES", "bytes", "5368709120", "largest document",
	  set_int, CONF_API, 0, TO(max_upload_bytes), 1, INT64_C(1) << 50 },
	{ "METRICS_TOKEN", "text", NULL, "opens GET /metrics to whoever sends it as bearer; unset: 404",
	  set_token, CONF_API, 0, TO(metrics_token) },
	{ "OPENAPI", "path", NULL, "openapi.json that the API serves",
	  set_path, CONF_API, 0, TO(openapi) },
	{ "OWNER_DATABASE", "conninfo", NULL, "database, as the role portico_owner",
	  set_text, CONF_CTL, CONF_CTL, TO(owner_database) },
	{ "PUBLIC_URL", "url", NULL, "base of all links of a firm without an address of its own",
	  set_public_url, EVERY, EVERY, TO(public_url) },
	{ "REDIS_URL", "url", NULL, "unix:/path or redis://host:port",
	  set_redis_url, CONF_API | CONF_MAILER, CONF_API | CONF_MAILER, TO(redis_url) },
	{ "RELAY_DATABASE", "conninfo", NULL, "database, as the role portico_relay",
	  set_text, CONF_API, CONF_API, TO(relay_database) },
	{ "SCHEMA_DIR", "path", PORTICO_SCHEMA, "where porticoctl migrate finds the migrations",
	  set_text, EVERY, 0, TO(schema_dir) },
	{ "SECRET_KEY", "64 hex", NULL, "master key of tokens, cursors and sealed answers",
	  set_key, EVERY, CONF_API | CONF_MAILER, TO(secret_key) },
	{ "SETUP_TOKEN", "text", NULL, "opens the setup of the first firm; unset: closed",
	  set_text, CONF_API, 0, TO(setup_token) },
	{ "SMTP_CA_FILE", "path", NULL, "certificates that are trusted; unset: the system's",
	  set_path, CONF_MAILER, 0, TO(smtp_ca_file) },
	{ "SMTP_PASSWORD", "text", NULL, "password of SMTP_USER",
	  set_text, CONF_MAILER, 0, TO(smtp_password) },
	{ "SMTP_TLS", "mode", "auto", "auto (verified unless the host is loopback), required, off",
	  set_smtp_tls, CONF_MAILER, 0, TO(smtp_tls) },
	{ "SMTP_URL", "url", NULL, "the mail server: smtp://host:port or smtps://host:port",
	  set_smtp_url, CONF_MAILER, CONF_MAILER, TO(smtp_url) },
	{ "SMTP_USER", "text", NULL, "name for the mail server; unset: no AUTH",
	  set_text, CONF_MAILER, 0, TO(smtp_user) },
	{ "SOCKET", "path", NULL, "the API's UNIX socket, at most 107 bytes",
	  set_path, CONF_API, CONF_API, TO(socket), 0, SOCKET_MAX },
	{ "SPOOL_DIR", "path", NULL, "where the edge puts arriving bodies, on STORE_DIR's file system",
	  set_path, EVERY, CONF_API, TO(spool_dir) },
	{ "STATE_DIR", "path", NULL, "where make run keeps everything (make run only)",
	  .reads = 0 },
	{ "STORE_DIR", "path", NULL, "where documents are kept",
	  set_path, EVERY, CONF_API, TO(store_dir) },
	{ "TEST_MODE", "0 or 1", "0", "offer the test calls and the movable clock",
	  set_bool, EVERY, 0, TO(test_mode) },
	{ "WORKERS", "1-64", "cores", "API workers; cores: one for each",
	  set_workers, CONF_API, 0, TO(workers), 1, 64 },
};
/* clang-format on */

/* ---- loading ---- */

struct load {
	struct conf *conf;
	unsigned who;
	struct arena *arena;
	FILE *faults;
	unsigned count;
};

static void __attribute__((format(printf, 3, 4)))
fault(struct load *l, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(l->faults, "PORTICO_%s ", name);
	vfprintf(l->faults, fmt, ap);
	fputc('\n', l->faults);
	va_end(ap);
	l->count++;
}

/* The variable's value, NULL when it is unset or empty. */
static const char *variable(struct load *l, const char *name, const char *suffix)
{
	const char *value = getenv(arena_printf(l->arena, "PORTICO_%s%s", name, suffix));

	return value && *value ? value : NULL;
}

/* Content of the file that NAME_FILE names, less the line feed at its end; NULL after a fault. */
static char *file_value(struct load *l, const char *name, const char *path)
{
	FILE *file = fopen(path, "re");
	char *value = arena_alloc(l->arena, VALUE_MAX + 1);
	size_t len;
	int error = errno;

	if (file) {
		errno = 0;
		len = fread(value, 1, VALUE_MAX, file);
		error = ferror(file) ? errno : 0;
		fclose(file);
	}
	if (!file || error) {
		fault(l, name, "cannot be read from its file: %s", strerror(error));
		return NULL;
	}
	if (len == VALUE_MAX || memchr(value, '\0', len)) {
		fault(l, name, "has a file that is too large or no text");
		return NULL;
	}
	if (len && value[len - 1] == '\n')
		value[--len] = '\0';
	if (len && value[len - 1] == '\r')
		value[--len] = '\0';
	return value;
}

/* The setting's value from the environment or a file; NULL when there is none, or after a fault. */
static char *given_value(struct load *l, const char *name)
{
	const char *direct = variable(l, name, ""), *path = variable(l, name, "_FILE");
	char *value;

	if (direct && path) {
		fault(l, name, "is given twice: also as PORTICO_%s_FILE", name);
		return NULL;
	}
	value = path ? file_value(l, name, path) : arena_strdup(l->arena, direct);
	return value && *value ? value : NULL;
}

static void load_setting(struct load *l, const struct setting *s)
{
	const unsigned before = l->count;
	char *value = given_value(l, s->name);
	const char *wrong;

	if (l->count > before)
		return;
	if (!value && s->needs & l->who) {
		fault(l, s->name, "is required: %s", s->help);
		return;
	}
	if (!value && !s->fallback)
		return;
	wrong = s->set(s, value ? value : arena_strdup(l->arena, s->fallback),
	               (char *)l->conf + s->offset);
	if (wrong)
		fault(l, s->name, "%s (%s)", wrong, s->unit);
}

static const struct setting *find_setting(const char *name, size_t len)
{
	for (size_t i = 0; i < lengthof(settings); i++)
		if (strlen(settings[i].name) == len && !memcmp(settings[i].name, name, len))
			return &settings[i];
	return NULL;
}

static bool is_known(const char *name, size_t len)
{
	const size_t suffix = strlen("_FILE");

	return find_setting(name, len) ||
	       (len > suffix && !memcmp(name + len - suffix, "_FILE", suffix) &&
	        find_setting(name, len - suffix));
}

static void refuse_unknown(struct load *l, const char *name, size_t len)
{
	const char *given = arena_strndup(l->arena, name, len);
	const char *nearest = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < 2 * lengthof(settings); i++) {
		const char *known =
			arena_printf(l->arena, "%s%s", settings[i / 2].name, i % 2 ? "_FILE" : "");
		const unsigned distance = text_distance(known, given);

		if (distance < least) {
			least = distance;
			nearest = known;
		}
	}
	if (nearest)
		fault(l, given, "is not a setting; the nearest is PORTICO_%s", nearest);
	else
		fault(l, given, "is not a setting");
}

int conf_load(struct conf *c, unsigned who, struct arena *a, FILE *faults)
{
	struct load l = {c, who, a, faults, 0};

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < lengthof(settings); i++)
		if (settings[i].reads & who)
			load_setting(&l, &settings[i]);
	for (char **entry = environ; *entry; entry++) {
		const char *name = behind(*entry, "PORTICO_");

		if (name && !is_known(name, strcspn(name, "=")))
			refuse_unknown(&l, name, strcspn(name, "="));
	}
	if (c->test_mode && !c->clock_file)
		fault(&l, "CLOCK_FILE", "is required in test mode");
	return l.count ? -1 : 0;
}

/* ---- help ---- */

static const char *default_of(const struct setting *s)
{
	if (s->needs)
		return "(required)";
	return s->fallback && *s->fallback ? s->fallback : "-";
}

static const char *programs_of(unsigned who)
{
	static const char *const names[] = {"make run", "api",      "mailer",      "api, mailer",
	                                    "ctl",      "api, ctl", "mailer, ctl", "all"};

	return names[who & EVERY];
}

/* What a program's help shows in column `i` for the setting. */
static const char *cell(const struct setting *s, int i)
{
	const char *const cells[] = {s->name, s->unit, default_of(s), programs_of(s->reads)};

	return cells[i];
}

void conf_help(FILE *out)
{
	static const char *const titles[] = {"setting", "unit", "default", "read by"};
	int widths[lengthof(titles)];

	for (size_t i = 0; i < lengthof(titles); i++) {
		widths[i] = (int)strlen(titles[i]);
		for (size_t s = 0; s < lengthof(settings); s++)
			if ((int)strlen(cell(&settings[s], (int)i)) > widths[i])
				widths[i] = (int)strlen(cell(&settings[s], (int)i));
	}
	fprintf(out,
	        "Settings come from the environment; NAME_FILE names a file with the value.\n\n");
	fprintf(out, "%-*s  %-*s  %-*s  %-*s  meaning\n", widths[0] + 8, titles[0], widths[1],
	        titles[1], widths[2], titles[2], widths[3], titles[3]);
	for (const struct setting *s = settings; s < settings + lengthof(settings); s++)
		fprintf(out, "PORTICO_%-*s  %-*s  %-*s  %-*s  %s\n", widths[0], cell(s, 0),
		        widths[1], cell(s, 1), widths[2], cell(s, 2), widths[3], cell(s, 3),
		        s->help);
}
