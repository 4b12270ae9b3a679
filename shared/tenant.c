/* tenant.c - making a firm and its staff: for setup, the operator and the demo. */
#include "tenant.h"

#include "api_key.h"
#include "crypt.h"
#include "firm.h"
#include "outbox.h"
#include "sql_tenant.h"
#include "text.h"

int tenant_check_currency(const char *currency, const char *pointer, struct err *e)
{
	if (firm_currency_known(currency))
		return 0;
	return err_fault(e, pointer, "not_allowed",
	                 "A currency of ISO 4217 is needed, such as EUR.");
}

int tenant_check_locale(struct db *db, const char *locale, const char *pointer)
{
	struct rows rows;

	TRY(db_query(db, &sql_tenant_locale_known, ARGS({"locale", locale}), &rows));
	if (row_bool(&rows, 0, "known"))
		return 0;
	return err_fault(db->err, pointer, "not_allowed",
	                 "A language such as de, or en-GB with a region, is needed.");
}

int tenant_check_timezone(struct db *db, const char *timezone, const char *pointer)
{
	struct rows rows;

	TRY(db_query(db, &sql_tenant_timezone_known, ARGS({"timezone", timezone}), &rows));
	if (row_bool(&rows, 0, "known"))
		return 0;
	return err_fault(db->err, pointer, "not_allowed",
	                 "A name such as Europe/Berlin is needed.");
}

int tenant_create_firm(struct db *db, const struct tenant_firm *firm, int64_t now)
{
	const char *id = arg_id(db->arena, &firm->id);
	const struct arg *args =
		ARGS({"slug", firm->slug}, {"name", firm->name}, {"timezone", firm->timezone},
	             {"currency", firm->currency}, {"at", arg_time(db->arena, now)});

	tenant_check_currency(firm->currency, "/currency", db->err);
	TRY(tenant_check_timezone(db, firm->timezone, "/timezone"));
	if (db->err->fault_count > 0)
		return -1;
	db_bind(db, "firm", id);
	TRY(db_query(db, &sql_tenant_claim, NULL, NULL));
	return db_query(db, &sql_tenant_firm, args, NULL);
}

static int invite(struct db *db, const struct tenant_staff *staff, const struct arg *address,
                  int64_t now)
{
	const struct actor system = {.type = "system", .id = id_none, .name = "Portico"};
	struct id invitation = id_new(), id;
	uint8_t nonce[NONCE_SIZE];
	struct event event = {
		.type = "invitation.sent", .object_type = "invitation", .object = invitation};

	crypt_random(nonce, sizeof(nonce));
	TRY(db_query(db, &sql_tenant_invitation,
	             ARGS({"invitation", arg_id(db->arena, &invitation)},
	                  {"membership", arg_id(db->arena, &staff->id)}, address[0], address[1],
	                  {"nonce", arg_bytes(db->arena, nonce, sizeof(nonce))},
	                  {"at", arg_time(db->arena, now)}),
	             NULL));
	TRY(outbox_event(db, &system, &event, now, &id));
	return outbox_mail_invitation(db, &id, &invitation, now);
}

/* The identity of an active member: a new one, or the one that the address has. */
static int identity_of(struct db *db, const struct tenant_staff *staff, const struct arg *address,
                       int64_t now, const char **identity_r)
{
	struct id fresh = id_new();
	struct rows rows;

	*identity_r = NULL;
	if (staff->password_hash == NULL)
		return 0;
	TRY(db_query(db, &sql_tenant_identity,
	             ARGS({"identity", arg_id(db->arena, &fresh)}, address[0], address[1],
	                  {"password_hash", staff->password_hash},
	                  {"at", arg_time(db->arena, now)}),
	             &rows));
	*identity_r = row_text(&rows, 0, "id");
	if (*identity_r != NULL)
		return 0;
	TRY(db_query(db, &sql_tenant_identity_find, ARGS(address[1]), &rows));
	*identity_r = row_text(&rows, 0, "id");
	return 0;
}

int tenant_create_staff(struct db *db, const struct tenant_staff *staff, int64_t now)
{
	const char *email, *key, *identity;
	struct arg address[2];

	if (email_parse(db->arena, staff->email, &email, &key) < 0)
		return err_fault(db->err, "/owner_email", "invalid_email", "This is no address.");
	address[0] = (struct arg){"email", email};
	address[1] = (struct arg){"email_key", key};
	TRY(identity_of(db, staff, address, now, &identity));
	TRY(db_query(db, &sql_tenant_staff,
	             ARGS({"membership", arg_id(db->arena, &staff->id)}, {"identity", identity},
	                  {"role", staff->role}, {"name", staff->name}, address[0], address[1],
	                  {"at", arg_time(db->arena, now)}),
	             NULL));
	return identity == NULL ? invite(db, staff, address, now) : 0;
}

const struct arg *tenant_key_secret(struct arena *a, const char *secret)
{
	struct arg *args = arena_array(a, struct arg, 3);

	args[0] = (struct arg){"secret_hash", arg_sha256(a, secret)};
	args[1] = (struct arg){"prefix", arena_strndup(a, secret, KEY_PREFIX_LENGTH)};
	return args;
}

int tenant_create_key(struct db *db, const struct api_key *key, const char *secret,
                      const struct id *by, int64_t now)
{
	const struct arg *known = tenant_key_secret(db->arena, secret);

	return db_put(db, &sql_tenant_key, api_key_entity.fields, key,
	              ARGS(known[0], known[1], {"by", arg_id(db->arena, by)},
	                   {"at", arg_time(db->arena, now)}),
	              NULL);
}
