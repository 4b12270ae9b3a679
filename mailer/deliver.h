/* deliver.h - the mailer's loop: claim, send, record, again. */
#ifndef PORTICO_MAILER_DELIVER_H
#define PORTICO_MAILER_DELIVER_H

#include "conf.h"
#include "smtp.h"

#include <signal.h>

/*
 * Deliver mail until *stop is not zero; then nothing new begins, what is under way ends and is
 * recorded (within 20 s, or at once when *stop is 2).
 */
may_wait void deliver_run(const struct conf *conf, struct smtp *smtp,
                          const volatile sig_atomic_t *stop);

#endif
