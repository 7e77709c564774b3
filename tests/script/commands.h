/* The commands of a transcript; see commands.c for what there is. */
#ifndef ORRERY_SCRIPT_COMMANDS_H
#define ORRERY_SCRIPT_COMMANDS_H

#include "world.h"

/* Does one command. False and a sentence when it makes no sense. */
bool command_do(struct world *w, const char *line, char *why, size_t why_size);

#endif
