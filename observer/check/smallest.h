/* The smallest counter-example: delta debugging (Zeller and Hildebrandt, 2002) over operations.
 *
 * What is left must not only be refuted, its refutation must mean that of the whole. So what
 * changes nothing can always go, for a history that explains more explains less. What writes can go
 * once nothing that is left may have seen what it wrote: then taking it out of an explanation of
 * the whole leaves one of the rest. And a result may be forgotten. */
#ifndef ORRERY_CHECK_SMALLEST_H
#define ORRERY_CHECK_SMALLEST_H

#include "check/history.h"

/* Whether nothing explains these operations, given each key's value before them; false also when
 * the steps run out. */
typedef bool refutes(struct history *h, const uint32_t *base, struct operation *const *all,
                     uint32_t n, uint64_t *steps);

/* Of a history that is refuted: copies of operations of which none can be left out, in the order of
 * their invocations; what does not matter of their results is no longer told. More than that, if
 * the steps do not suffice. To be freed with operations_free(). */
void smallest_find(struct history *h, const uint32_t *base, const struct operations *of,
                   refutes *refuted, uint64_t steps, struct operations *into);

#endif
