/* The first process of a container: it has one child, which does the work, passes signals on to it,
 * takes away whoever ended without a parent, and ends as its child does. */
#ifndef ORRERY_AGENT_INIT_H
#define ORRERY_AGENT_INIT_H

/* Returns in the child; and at once in a process that is not the first one. */
void init_if_first(void);

#endif
