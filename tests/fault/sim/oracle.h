#ifndef LOWTIDE_TESTS_FAULT_ORACLE_H
#define LOWTIDE_TESTS_FAULT_ORACLE_H

#include "tests/fault/sim/sim.h"

/*
 * Inside the oracle: what must hold, said once more and without a line of what
 * is being tested; out of the arrivals (net.c), what the operator said
 * (people.c), and the rows as anybody can read them.
 *
 *   oracle.c       what arrived, and what was told to whom
 *   oracle-rows.c  what became of the rows
 *   oracle-end.c   what lies about, and how it all ends
 */
bool oracle_must_not_repeat(const struct sim *s, int job);
/* An arrival, after what an operator cleared, of which nobody was told. */
bool oracle_has_unknown(const struct memory_of_job *m);
/* By an arrival from that one on. */
bool oracle_was_done(const struct memory_of_job *m, size_t from);
/* A call of its upstream's rate is taken. */
void oracle_pay(struct sim *s, int job);

#endif
