/* Conditions on a measured value: which of the choices of an exercise it makes true. */
#ifndef ORRERY_CHECK_CONDITION_H
#define ORRERY_CHECK_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

/* "< 200 ms", ">= 1 s and < 3 s", "= 0". Durations against measures in ms. */
bool condition_read(const char *text, char *why, size_t why_size); /* False, and a sentence. */
bool condition_holds(const char *text, double value);

#endif
