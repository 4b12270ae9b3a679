/* demo.c - the demo firm: what `make run` loads and test mode's reset brings back. */
#include "demo.h"

#include "crypt.h"
#include "sql_demo.h"
#include "tenant.h"

enum { PASSWORD_BYTES = 15 };

static const struct demo_client {
	const char *entity, *code, *name, *contact, *email;
} clients[] = {
	{"individual", "C-1001", "Ann Example", "Ann Example", "ann@example.test"},
	{"business", "C-1002", "Example Bakery Ltd", "Bob Baker", "bob@bakery.example.test"},
};

void demo_people(struct arena *a, struct demo_person people_r[DEMO_STAFF])
{
	static const struct demo_person people[DEMO_STAFF] = {
		{"owner", "Olivia Owner", "owner@demo.example.test", NULL},
		{"admin", "Adam Admin", "admin@demo.example.test", NULL},
		{"member", "Mia Member", "member@demo.example.test", NULL},
	};
	uint8_t mac[HASH_SIZE];

	for (size_t i = 0; i < DEMO_STAFF; i++) {
		people_r[i] = people[i];
		crypt_mac(KEY_DEMO, people[i].email, strlen(people[i].email), mac);
		people_r[i].password = crypt_base64(a, mac, PASSWORD_BYTES);
	}
}

static int load_staff(struct db *db, int64_t now, struct id *member_r)
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
		*member_r = staff.id;
	}
	return 0;
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
	struct tenant_firm firm = {.id = id_new(),
	                           .slug = DEMO_SLUG,
	                           .name = "Demo & Partners",
	                           .timezone = "Europe/Berlin",
	                           .currency = "EUR"};
	struct id member;

	TRY(db_query(db, &sql_demo_begin, ARGS({"at", arg_time(db->arena, now)}), NULL));
	TRY(tenant_create_firm(db, &firm, now));
	TRY(load_staff(db, now, &member));
	for (size_t i = 0; i < lengthof(clients); i++)
		TRY(load_client(db, &clients[i], &member, now));
	return 0;
}
