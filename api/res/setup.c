/* setup.c - the first firm of an installation, made by whoever holds the setup token.
 *
 * GET,POST /v1/setup
 */
#include "auth.h"
#include "crypt.h"
#include "firm_show.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_setup.h"
#include "tenant.h"

int setup_status(struct rq *rq)
{
	struct rows rows;
	const char *json;

	TRY(db_query(&rq->db, &sql_setup_needed, NULL, &rows));
	json = row_bool(&rows, 0, "needed") ? "{\"needed\":true}" : "{\"needed\":false}";
	return reply_json(rq, 200, json, strlen(json));
}

static bool token_right(const char *token)
{
	return auth_secret_is(this_worker.conf.setup_token, token);
}

/* Does somebody else rule here already? That comes before the token, and the token before the rest.
 */
static int may_set_up(struct rq *rq, const struct setup_in *in)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_setup_needed, NULL, &rows));
	if (!row_bool(&rows, 0, "needed"))
		return err_set(&rq->err, PROBLEM_already_set_up,
		               "This installation has its first firm already.");
	if (!token_right(in->setup_token))
		return err_set(&rq->err, PROBLEM_setup_token_invalid,
		               "The setup token is the one in the state directory.");
	return 0;
}

/* What costs time is judged for whoever holds the token, and for nobody else. */
static int setup_judge(struct rq *rq, const void *entity)
{
	const struct setup_in *in = entity;
	const char *words[] = {in->firm_name, in->owner_email, in->owner_name, NULL};
	bool trusted = in->setup_token != NULL && token_right(in->setup_token);

	if (in->firm_slug != NULL &&
	    strcmp(in->firm_slug, firm_slug(rq->arena, in->firm_slug)) != 0)
		err_fault(&rq->err, "/firm_slug", "not_allowed",
		          "Only a to z, 0 to 9 and single hyphens inside.");
	if (in->currency != NULL)
		tenant_check_currency(in->currency, "/currency", &rq->err);
	if (trusted && in->owner_password != NULL)
		password_check(in->owner_password, true, words, "/owner_password", &rq->err);
	if (trusted && in->timezone != NULL)
		tenant_check_timezone(&rq->db, in->timezone, "/timezone");
	return 0;
}

static int make_firm(struct rq *rq, const struct setup_in *in, const char *hash)
{
	struct tenant_firm firm = {.id = id_new(),
	                           .slug = in->firm_slug,
	                           .name = in->firm_name,
	                           .timezone = in->timezone,
	                           .currency = in->currency};
	struct tenant_staff owner = {.id = id_new(),
	                             .role = "owner",
	                             .name = in->owner_name,
	                             .email = in->owner_email,
	                             .password_hash = hash};

	TRY(db_query(&rq->db, &sql_setup_begin, NULL, NULL));
	TRY(tenant_create_firm(&rq->db, &firm, rq->now));
	TRY(tenant_create_staff(&rq->db, &owner, rq->now));
	return record(rq, "firm.created", firm.id, id_none);
}

int setup_create(struct rq *rq)
{
	char hash[PASSWORD_HASH_SIZE];
	struct setup_in in = {0};
	struct firm firm;

	TRY(body_read_judged(rq, &setup_in_entity, FIELD_CREATE, &in, NULL, setup_judge));
	TRY(may_set_up(rq, &in));
	if (in.firm_slug == NULL)
		in.firm_slug = firm_slug(rq->arena, in.firm_name);
	TRY(password_hash(in.owner_password, hash, &rq->err));
	TRY(make_firm(rq, &in, hash));
	TRY(firm_load(rq, &firm));
	return reply_created(rq, &firm_entity, &firm, firm.version, NULL);
}
