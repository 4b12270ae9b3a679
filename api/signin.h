/* signin.h - opening a session, however the person proved who they are. */
#ifndef PORTICO_SIGNIN_H
#define PORTICO_SIGNIN_H

#include "rq.h"

/*
 * Open a session of the membership in the firm that is bound as :firm, and answer 200 SignInResult:
 * the token in a cookie or in the body as `transport` says. Of somebody with a second factor no
 * session is opened yet: the answer's state is mfa_required. The transaction writes. 0, or -1 with
 * err.
 */
may_wait int sign_in(struct rq *rq, const struct id *firm, const struct id *membership,
                     const char *transport);

/* The same for whoever has given the password of this hash: it must be the password still. */
may_wait int sign_in_by_password(struct rq *rq, const struct id *firm, const struct id *membership,
                                 const char *transport, const char *hash);

/* The session `session` of the firm bound as :firm, as JSON text owned by the request, or NULL with
 * err. */
may_wait const char *session_json(struct rq *rq, const struct id *session);

/*
 * The second half, for whoever was answered mfa_required: answer 200 SignInResult for the code, of
 * the app or for recovery. -1 with invalid_code, with challenge_expired when the token is good no
 * more (five minutes, five tries, one success), too_many_attempts, or err.
 */
may_wait int sign_in_second(struct rq *rq, const char *token, const char *code,
                            const char *transport);

/*
 * Give the device whose refresh token this is its next tokens, in the firm bound as :firm and
 * claimed, and answer 200 SignInResult. The token before the last is answered with the same
 * successor for a minute, since answers are lost and two tabs ask at once. Later it is
 * refresh_token_reused, which ends the session and is committed; any other is
 * refresh_token_invalid. 0, or -1 with err.
 */
may_wait int sign_in_again(struct rq *rq, const char *token);

/* "mem" or "stf" and the like: the public id of a membership of this audience, owned by the
 * request. */
const char *membership_id_text(struct rq *rq, const struct id *membership, const char *audience);

#endif
