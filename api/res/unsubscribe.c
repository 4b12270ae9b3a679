/* unsubscribe.c - ending one kind of notice by the link in such a mail, without a session.
 *
 * GET,POST /v1/unsubscribe/{token}
 */
#include "crypt.h"
#include "firm_show.h"
#include "preference.h"
#include "reply.h"
#include "res.h"
#include "sql_unsubscribe.h"
#include "text.h"

/* Whose link it is, and which kind of notice it ends. */
struct opened {
	struct id firm, membership;
	const char *event;
};

static int no_link(struct rq *rq)
{
	return err_set(
		&rq->err, PROBLEM_not_found,
		"This link ends nothing: it is cut off, or the access that it belongs to has "
		"ended.");
}

/* The token names no kind: it is the one whose purpose it was made for. NULL: none. */
static const char *event_of(struct rq *rq, const char *token, const struct opened *o,
                            const uint8_t nonce[NONCE_SIZE])
{
	const char *kind;

	for (size_t n = 0; (kind = preference_optional_nth(n)) != NULL; n++)
		if (mail_token_verify(rq->arena, token, preference_purpose(rq->arena, kind),
		                      &o->firm, &o->membership, nonce))
			return kind;
	return NULL;
}

/*
 * Read what the link in the path is for. Dead when the membership has ended, is suspended, or has
 * another address than the one that was mailed.
 */
static int open_link(struct rq *rq, struct opened *o, struct rows *rows_r)
{
	const char *token = rq_segment(rq, "token");
	uint8_t nonce[NONCE_SIZE];

	if (mail_token_claims(rq->arena, token, &o->firm, &o->membership) < 0 ||
	    id_is_none(&o->firm))
		return no_link(rq);
	TRY(look(rq, &sql_unsubscribe_claim, &sql_unsubscribe_open,
	         ARGS({"firm", arg_id(rq->arena, &o->firm)},
	              {"membership", arg_id(rq->arena, &o->membership)}),
	         rows_r));
	if (rows_r->n == 0)
		return no_link(rq);
	mail_nonce(row_text(rows_r, 0, "login_email_key"), nonce);
	o->event = event_of(rq, token, o, nonce);
	return o->event == NULL ? no_link(rq) : 0;
}

/* What the page shows; `o` was opened, and the firm is read in a unit of its own. */
static int shown_of(struct rq *rq, const struct opened *o, const struct rows *row,
                    struct unsubscription *shown_r)
{
	char firm_id[ID_TEXT_SIZE];
	struct firm_public firm;
	struct preference p = {0};

	row_read(row, 0, preference_columns, &p, rq->arena);
	id_format(&o->firm, "frm", firm_id);
	TRY(firm_load_public(rq, firm_id, &firm));
	*shown_r = (struct unsubscription){
		.firm = firm_public_json(rq, &firm),
		.event = o->event,
		.email = email_masked(rq->arena, row_text(row, 0, "login_email")),
		.wanted = preference_wanted(&p, o->event),
		.mandatory = row_bool(row, 0, "mandatory"),
	};
	return 0;
}

/* Changes nothing: programs that look at mails open every link in them (pitfall P2). */
int unsubscribe_get(struct rq *rq)
{
	struct unsubscription shown;
	struct opened o = {0};
	struct rows row;

	TRY(open_link(rq, &o, &row));
	TRY(shown_of(rq, &o, &row, &shown));
	return reply_one(rq, &unsubscription_entity, &shown, 0);
}

/* Whoever holds the link acts as the person it was mailed to, for events and the audit log. */
static void act_as(struct rq *rq, const struct opened *o, const struct rows *row)
{
	rq->who.known = true;
	rq->who.firm = o->firm;
	rq->who.membership = o->membership;
	rq->who.audience = row_text(row, 0, "audience");
	rq->who.name = row_text(row, 0, "display_name");
}

/* Once or often, it is the same: what is muted already is no act. */
int unsubscribe_post(struct rq *rq)
{
	static const char *const names[] = {"notification_preferences", NULL};
	struct unsubscription shown;
	struct opened o = {0};
	struct rows row, muted;

	TRY(open_link(rq, &o, &row));
	TRY(shown_of(rq, &o, &row, &shown));
	act_as(rq, &o, &row);
	db_bind(&rq->db, "firm", arg_id(rq->arena, &o.firm));
	db_prelude(&rq->db, &sql_unsubscribe_claim, NULL, NULL);
	TRY(db_query(&rq->db, &sql_unsubscribe_mute,
	             ARGS({"membership", arg_id(rq->arena, &o.membership)}, {"event", o.event}),
	             &muted));
	if (muted.n > 0)
		TRY(record_change(rq, preference_event(rq->who.audience), o.membership, id_none,
		                  names));
	shown.wanted = false;
	return reply_one(rq, &unsubscription_entity, &shown, 0);
}
