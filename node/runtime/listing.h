/* What a node can run, told to a terminal. */
#ifndef ORRERY_RUNTIME_LISTING_H
#define ORRERY_RUNTIME_LISTING_H

#include <stdbool.h>
#include <stdio.h>

void listing_protocols(FILE *out);
/* Settings with their defaults, and flaws. False: there is no such protocol. */
bool listing_protocol(FILE *out, const char *name);

#endif
