/*
 * post.c - mails that open a door: who asks for one, how often, and what is behind their tokens.
 *
 * Nothing that is answered, and no statement that runs, tells whether somebody has the address
 * (promise P10): for a stranger the same statements find nobody. The mail goes to the address that
 * is stored, never to the one that was typed (pitfall P7).
 */
#include "post.h"

#include "crypt.h"
#include "denial.h"
#include "limit.h"
#include "sql_post.h"
#include "text.h"

/* Somebody who waits for a mail asks a few times in a row; the others only slow down who would fill
 * a mailbox, or look for addresses. */
enum {
	PAIR_MAX = 5,
	PAIR_SECONDS = 15 * 60,
	ACCOUNT_MAX = 20,
	ACCOUNT_SECONDS = 24 * 3600,
	PLACE_MAX = 60,
	PLACE_SECONDS = 15 * 60
};

int asker_find(struct rq *rq, const char *slug, const char *audience, const char *email,
               struct asker *asker_r)
{
	struct rows rows;

	*asker_r = (struct asker){.audience = audience};
	if (email_parse(rq->arena, email, NULL, &asker_r->email_key) < 0)
		asker_r->email_key = email;
	TRY(look(rq, NULL, &sql_post_asker,
	         ARGS({"slug", slug}, {"host", rq_header(rq, "host")}, {"audience", audience},
	              {"email_key", asker_r->email_key}),
	         &rows));
	if (rows.n == 0)
		return slug != NULL ? 0
		                    : err_set(&rq->err, PROBLEM_firm_required,
		                              "Several firms are served here: send firm.");
	asker_r->firm = row_id(&rows, 0, "firm");
	asker_r->membership = row_id(&rows, 0, "membership");
	asker_r->sign_in = row_text(&rows, 0, "sign_in");
	return 0;
}

bool asker_by_password(const struct asker *asker)
{
	return asker->sign_in == NULL || strcmp(asker->audience, "staff") == 0 ||
	       strcmp(asker->sign_in, "passwordless") != 0;
}

bool asker_by_mail(const struct asker *asker)
{
	return asker->sign_in == NULL || strcmp(asker->sign_in, "password") != 0;
}

static const char *hash_of(struct rq *rq, const char *const *words)
{
	const char *text = "";

	for (; *words != NULL; words++)
		text = arena_printf(rq->arena, "%s%s\n", text, *words);
	return arg_sha256(rq->arena, text);
}

/* The firm that the request is about; of none an id that no firm has. */
static void claim(struct rq *rq, const struct id *firm)
{
	struct id nobody = id_new();

	rq->who.firm = *firm;
	db_bind(&rq->db, "firm", arg_id(rq->arena, id_is_none(firm) ? &nobody : firm));
	db_prelude(&rq->db, &sql_post_claim, NULL, NULL);
}

void asker_claim(struct rq *rq, const struct asker *asker)
{
	claim(rq, &asker->firm);
}

static int count(struct rq *rq, const struct asker *asker, const char *kind, int64_t *until_r)
{
	const char *place = limit_place(rq);
	const char *firm = id_is_none(&asker->firm) ? "" : arg_id(rq->arena, &asker->firm);
	const char *const of_place[] = {"place", place, NULL};
	const char *const of_account[] = {"account",        kind, firm, asker->audience,
	                                  asker->email_key, NULL};
	const char *const of_pair[] = {"pair",           kind,  firm, asker->audience,
	                               asker->email_key, place, NULL};
	struct rows rows;

	TRY(db_query(
		&rq->db, &sql_post_count,
		ARGS({"pair", hash_of(rq, of_pair)}, {"pair_max", arg_int(rq->arena, PAIR_MAX)},
	             {"pair_seconds", arg_int(rq->arena, PAIR_SECONDS)},
	             {"account", hash_of(rq, of_account)},
	             {"account_max", arg_int(rq->arena, ACCOUNT_MAX)},
	             {"account_seconds", arg_int(rq->arena, ACCOUNT_SECONDS)},
	             {"place", hash_of(rq, of_place)}, {"place_max", arg_int(rq->arena, PLACE_MAX)},
	             {"place_seconds", arg_int(rq->arena, PLACE_SECONDS)},
	             {"membership", arg_id(rq->arena, &asker->membership)}, {"ip", rq->addr}),
		&rows));
	*until_r = row_time(&rows, 0, "until");
	return 0;
}

static struct audit_entry entry_of(const struct rq *rq, const struct asker *asker,
                                   const char *action, const char *outcome)
{
	return (struct audit_entry){
		.action = action,
		.object_type = "membership",
		.object = asker->membership,
		.outcome = outcome,
		.ip = rq->addr,
		.request_id = rq->request_id,
	};
}

int asker_count(struct rq *rq, const struct asker *asker, const char *kind, const char *action)
{
	struct audit_entry entry = entry_of(rq, asker, action, "denied");
	int64_t until;

	claim(rq, &asker->firm);
	TRY(count(rq, asker, kind, &until));
	if (until == TIME_NULL)
		return 0;
	db_roll_back(&rq->db);
	if (action != NULL && !id_is_none(&asker->firm))
		denial_attempt(rq, &asker->firm, &entry);
	return refuse_until(rq, PROBLEM_too_many_attempts, until,
	                    "Too many mails were asked for; wait, then try again.");
}

int asker_record(struct rq *rq, const struct asker *asker, const char *action)
{
	const char *outcome = id_is_none(&asker->membership) ? "failed" : "ok";
	struct audit_entry entry = entry_of(rq, asker, action, outcome);
	struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};

	if (id_is_none(&asker->firm))
		return 0;
	return audit_write(&rq->db, &nobody, &entry, rq->now);
}

int post_token(struct rq *rq, const struct asker *asker, const char *kind, const char *challenge)
{
	struct id token = id_new();
	uint8_t nonce[NONCE_SIZE];
	const struct arg *args;

	crypt_random(nonce, sizeof(nonce));
	args = ARGS({"membership", arg_id(rq->arena, &asker->membership)}, {"kind", kind},
	            {"id", arg_id(rq->arena, &token)},
	            {"nonce", arg_bytes(rq->arena, nonce, sizeof(nonce))}, {"challenge", challenge},
	            {"reset_seconds", arg_int(rq->arena, MAILED_RESET_SECONDS)});
	TRY(db_query(&rq->db, &sql_post_lock, args, NULL));
	TRY(db_query(&rq->db, &sql_post_supersede, args, NULL));
	TRY(db_query(&rq->db, &sql_post_insert, args, NULL));
	return outbox_mail_token(&rq->db, &token, rq->now);
}

/* ---- what comes back ---- */

int posted_refuse(struct rq *rq, const char *state)
{
	if (strcmp(state, "used") == 0)
		return err_set(&rq->err, PROBLEM_token_used,
		               "It works once, and has been used: ask for a new mail.");
	return err_set(&rq->err, PROBLEM_token_expired,
	               "Its time is over, or a newer one was sent: use the newest mail, or ask for "
	               "a new one.");
}

static void posted_read(const struct rows *row, struct posted *p)
{
	p->membership = row_id(row, 0, "membership_id");
	p->identity = row_id(row, 0, "identity_id");
	p->audience = row_text(row, 0, "audience");
	p->sign_in = row_text(row, 0, "sign_in");
	p->firm_name = row_text(row, 0, "firm_name");
	p->email = row_text(row, 0, "email");
	p->email_key = row_text(row, 0, "email_key");
	p->name = row_text(row, 0, "display_name");
	p->challenge = row_text(row, 0, "code_challenge");
	p->alone = row_bool(row, 0, "alone");
}

int posted_open(struct rq *rq, const char *token, const char *kind, enum problem unknown,
                struct posted *posted_r)
{
	struct posted *p = posted_r;
	const uint8_t *nonce;
	struct rows row = {0};

	*p = (struct posted){0};
	if (mail_token_claims(rq->arena, token, &p->firm, &p->token) < 0 || id_is_none(&p->firm))
		return err_set(&rq->err, unknown, "This is no link of ours, or an old one.");
	TRY(look(rq, &sql_post_claim, &sql_post_open,
	         ARGS({"firm", arg_id(rq->arena, &p->firm)},
	              {"token", arg_id(rq->arena, &p->token)}, {"kind", kind}),
	         &row));
	if (row.n == 0 || row_bytes(&row, 0, "nonce", rq->arena, &nonce) != NONCE_SIZE ||
	    !mail_token_verify(rq->arena, token, kind, &p->firm, &p->token, nonce))
		return err_set(&rq->err, unknown, "This is no link of ours, or an old one.");
	posted_read(&row, p);
	if (strcmp(row_text(&row, 0, "state"), "open") != 0 ||
	    row_time(&row, 0, "expires_at") <= rq->now)
		return posted_refuse(rq, row_text(&row, 0, "state"));
	return 0;
}

int posted_lock(struct rq *rq, const struct posted *posted)
{
	claim(rq, &posted->firm);
	return db_query(&rq->db, &sql_post_lock,
	                ARGS({"membership", arg_id(rq->arena, &posted->membership)}), NULL);
}

int posted_lost(struct rq *rq, const struct posted *posted)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_post_state, ARGS({"token", arg_id(rq->arena, &posted->token)}),
	             &rows));
	return posted_refuse(rq, rows.n == 0 ? "revoked" : row_text(&rows, 0, "state"));
}
