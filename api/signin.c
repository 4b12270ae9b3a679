/* signin.c - opening a session, however the person proved who they are. */
#include "signin.h"

#include "audit.h"
#include "auth.h"
#include "reply.h"
#include "session.h"
#include "sql_signin.h"

const char *session_json(struct rq *rq, const struct id *session)
{
	struct session s;

	if (find_one(rq, &sql_signin_session, ARGS({"session", arg_id(rq->arena, session)}),
	             &session_entity, &s) < 0)
		return NULL;
	return reply_part(rq, &session_entity, &s);
}

/* The session's row. 0 and its end; -1 with invalid_credentials when the membership may not sign
 * in. */
static int open_session(struct rq *rq, const struct id *membership, const struct id *session,
                        const struct arg *how, int64_t *expires_r)
{
	struct rows rows;

	TRY(db_query(&rq->db, &sql_signin_open,
	             ARGS({"membership", arg_id(rq->arena, membership)},
	                  {"session", arg_id(rq->arena, session)}, how[0], how[1],
	                  {"staff_seconds", arg_int(rq->arena, SESSION_STAFF_SECONDS)},
	                  {"portal_seconds", arg_int(rq->arena, SESSION_PORTAL_SECONDS)},
	                  {"ip", rq->addr}, {"user_agent", rq_header(rq, "user-agent")}),
	             &rows));
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_invalid_credentials,
		               "The address or the password is wrong.");
	*expires_r = row_time(&rows, 0, "expires_at");
	return 0;
}

static int note_sign_in(struct rq *rq, const struct id *membership, const char **state_r)
{
	struct audit_entry entry = {
		.action = "auth.login",
		.object_type = "membership",
		.object = *membership,
		.outcome = "ok",
		.ip = rq->addr,
		.request_id = rq->request_id,
	};
	struct actor actor = {.id = *membership};
	struct rows rows;

	TRY(db_query(&rq->db, &sql_signin_touch,
	             ARGS({"membership", arg_id(rq->arena, membership)}), &rows));
	*state_r = row_text(&rows, 0, "state");
	actor.type = row_text(&rows, 0, "kind");
	actor.name = row_text(&rows, 0, "display_name");
	return audit_write(&rq->db, &actor, &entry, rq->now);
}

int sign_in(struct rq *rq, const struct id *firm, const struct id *membership,
            const char *transport)
{
	struct id session = id_new();
	const char *hash, *state, *token = auth_token_new(rq, firm, membership, &session, &hash);
	const struct arg how[] = {{"token_hash", hash}, {"transport", transport}};
	bool cookie = strcmp(transport, "cookie") == 0;
	struct sign_in_result result = {.expires_in = INT64_MIN};
	int64_t expires = rq->now;

	TRY(open_session(rq, membership, &session, how, &expires));
	TRY(note_sign_in(rq, membership, &state));
	result.session = session_json(rq, &session);
	if (result.session == NULL)
		return -1;
	result.state = strcmp(state, "active") == 0 ? "signed_in" : state;
	result.expires_in = (expires - rq->now) / 1000;
	if (cookie)
		auth_cookie(rq, token, result.expires_in);
	else
		result.access_token = token;
	return reply_one(rq, &sign_in_result_entity, &result, 0);
}

const char *membership_id_text(struct rq *rq, const struct id *membership, const char *audience)
{
	char text[ID_TEXT_SIZE];

	id_format(membership, strcmp(audience, "staff") == 0 ? "stf" : "mem", text);
	return arena_strdup(rq->arena, text);
}
