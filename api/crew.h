/* crew.h - the firm's staff: who may make whom what, inviting, leaving; what two resources share.
 */
#ifndef PORTICO_CREW_H
#define PORTICO_CREW_H

#include "rq.h"

/*
 * Refuse with cannot_grant_more_than_own when the role ("owner", …) holds a right that the caller
 * lacks: nobody makes, changes or dismisses somebody who may do more.
 */
may_wait int crew_may_rule(struct rq *rq, const char *role);

/*
 * A new invitation of the member of staff, and exactly one mail of it; the open one, if any, is
 * superseded. `sends`: how often the person was mailed before. Its id in *invitation_r.
 */
may_wait int crew_invite(struct rq *rq, const struct id *membership, int64_t sends,
                         struct id *invitation_r);

/*
 * Out at once: sessions end, open invitations are withdrawn, the password goes with the last
 * membership. The clients' teams get `heir`, who is locked and not deactivated, in the person's
 * place; with id_none they go on without the person, and one that is then empty falls back as the
 * firm has set (C20). The row stays: what the person made keeps its author, and what he or she
 * shared stays shared, for it was the firm that shared it (pitfall P19). The membership is locked.
 * last_owner when nobody else could rule the firm.
 */
may_wait int crew_dismiss(struct rq *rq, const struct id *membership, const struct id *heir);

#endif
