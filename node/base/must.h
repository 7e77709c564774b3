/* Memory that must be had: without it the process ends, and recovery is a restart like any other.
 * All of it is given back by free(). */
#ifndef ORRERY_BASE_MUST_H
#define ORRERY_BASE_MUST_H

#include <stddef.h>

void *must_alloc(size_t n, size_t size); /* n zeroed things; there may be none. */
/* From n things to `to`, and not fewer; the new ones are zeroed. */
void *must_grow(void *things, size_t n, size_t to, size_t size);
char *must_copy(const char *text);

#endif
