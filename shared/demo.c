/* demo.c - the demo firm: what `make run` loads and test mode's reset brings back. */
#include "demo.h"

#include "api_key.h"
#include "crypt.h"
#include "sql_demo.h"
#include "tenant.h"

#include <assert.h>

enum { PASSWORD_BYTES = 15 };

static const struct demo_client {
	const char *entity, *code, *name, *contact, *email;
} clients[] = {
	{"individual", "C-1001", "Ann Example", "Ann Example", "ann@example.test"},
	{"business", "C-1002", "Example Bakery Ltd", "Bob Baker", "bob@bakery.example.test"},
};

/* Bytes that follow from the server's key: the same at every load. */
static void derive(const char *what, void *bytes, size_t len)
{
	uint8_t mac[HASH_SIZE];

	assert(len <= sizeof(mac));
	crypt_mac(KEY_DEMO, what, strlen(what), mac);
	memcpy(bytes, mac, len);
}

/* An id that does, as a UUIDv8: one of no time. */
static struct id id_derived(const char *what)
{
	struct id id;

	derive(what, id.b, sizeof(id.b));
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
	return id;
}

static struct id firm_id(void)
{
	return id_derived("firm");
}

static struct id key_id(void)
{
	return id_derived("API key");
}

const char *demo_key(struct arena *a)
{
	struct id firm = firm_id(), key = key_id();
	uint8_t random[KEY_RANDOM_SIZE];

	derive("secret of the API key", random, sizeof(random));
	return key_secret(a, random, &firm, &key);
}

void demo_people(struct arena *a, struct demo_person people_r[DEMO_STAFF])
{
	static const struct demo_person people[DEMO_STAFF] = {
		{"owner", "Olivia Owner", "owner@demo.example.test", NULL},
		{"admin", "Adam Admin", "admin@demo.example.test", NULL},
		{"member", "Mia Member", "member@demo.example.test", NULL},
	};
	uint8_t password[PASSWORD_BYTES];

	for (size_t i = 0; i < DEMO_STAFF; i++) {
		people_r[i] = people[i];
		derive(people[i].email, password, sizeof(password));
		people_r[i].password = crypt_base64(a, password, sizeof(password));
	}
}

static int load_staff(struct db *db, int64_t now, struct id staff_r[DEMO_STAFF])
{
	struct demo_person people[DEMO_STAFF];
	char hash[PASSWORD_HASH_SIZE];

	demo_people(db->arena, people);
	for (size_t i = 0; i < DEMO_STAFF; i++) {
		struct tenant_staff staff = {.id = id_new(),
		                             .role = people[i].role,
		                             .name = people[i].name,
		                             .email = people[i].email,
		                             .password_hash = hash};

		TRY(password_hash(people[i].password, hash, db->err));
		TRY(tenant_create_staff(db, &staff, now));
		staff_r[i] = staff.id;
	}
	return 0;
}

static int load_key(struct db *db, const struct id *owner, int64_t now)
{
	struct api_key key = {.id = key_id(), .name = "Demo program", .expires_at = TIME_NULL};
	const char **scopes = arena_array(db->arena, const char *, KEY_SCOPES_MAX);

	while (api_key_scopes[key.scopes.n] != NULL) {
		scopes[key.scopes.n] = api_key_scopes[key.scopes.n];
		key.scopes.n++;
	}
	key.scopes.v = scopes;
	return tenant_create_key(db, &key, demo_key(db->arena), owner, now);
}

static int load_client(struct db *db, const struct demo_client *c, const struct id *member,
                       int64_t now)
{
	struct id client = id_new(), contact = id_new(), folder = id_new();
	const struct arg *args = ARGS(
		{"client", arg_id(db->arena, &client)}, {"contact", arg_id(db->arena, &contact)},
		{"folder", arg_id(db->arena, &folder)}, {"membership", arg_id(db->arena, member)},
		{"entity", c->entity}, {"code", c->code}, {"email", c->email}, {"name", c->name},
		{"at", arg_time(db->arena, now)});
	const struct arg *person =
		ARGS({"contact", arg_id(db->arena, &contact)}, {"email", c->email},
	             {"name", c->contact}, {"at", arg_time(db->arena, now)});

	TRY(db_query(db, &sql_demo_client, args, NULL));
	TRY(db_query(db, &sql_demo_folder, args, NULL));
	TRY(db_query(db, &sql_demo_contact, person, NULL));
	TRY(db_query(db, &sql_demo_relate, args, NULL));
	return db_query(db, &sql_demo_team, args, NULL);
}

int demo_load(struct db *db, int64_t now)
{
	struct tenant_firm firm = {.id = firm_id(),
	                           .slug = DEMO_SLUG,
	                           .name = "Demo & Partners",
	                           .timezone = "Europe/Berlin",
	                           .currency = "EUR"};
	struct id staff[DEMO_STAFF];

	TRY(db_query(db, &sql_demo_begin, ARGS({"at", arg_time(db->arena, now)}), NULL));
	TRY(tenant_create_firm(db, &firm, now));
	TRY(load_staff(db, now, staff));
	TRY(load_key(db, &staff[0], now));
	for (size_t i = 0; i < lengthof(clients); i++)
		TRY(load_client(db, &clients[i], &staff[DEMO_STAFF - 1], now));
	return 0;
}
