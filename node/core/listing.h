/* What a node can run, told to a terminal. */
#ifndef ORRERY_CORE_LISTING_H
#define ORRERY_CORE_LISTING_H

#include "core/core.h"

#include <stdio.h>

void listing_line(FILE *out, const struct core_ops *ops); /* Name and summary. */
/* Its settings with their defaults, and its flaws. */
void listing_settings(FILE *out, const struct core_ops *ops);

void listing_protocols(FILE *out);
/* False: there is no such protocol. */
bool listing_protocol(FILE *out, const char *name);

#endif
