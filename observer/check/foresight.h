/* What a whole history tells of operations that nobody knows the fate of, so that a search need not
 * guess: those parts of them that nobody may have seen are left out, for it is the same whether
 * they happened; and one whose value was read did happen, before that read was answered. */
#ifndef ORRERY_CHECK_FORESIGHT_H
#define ORRERY_CHECK_FORESIGHT_H

#include "check/history.h"

/* The operations that are left to be judged, in `told`; those that were changed are copies, and in
 * `copies` too: to be freed with operations_free(). */
void foresee(struct history *h, struct operations *told, struct operations *copies);

#endif
