/* This machine's monotonic clock, and which machines share it. */
#ifndef ORRERY_AGENT_CLOCKS_H
#define ORRERY_AGENT_CLOCKS_H

#include <stdint.h>

enum { MACHINE_ROOM = 96 };

uint64_t machine_now(void); /* Monotonic, in nanoseconds. */
int64_t machine_wall(void);
/* Names the kernel that runs, and the time namespace in it: the same name, the same clock. "" where
 * that cannot be told. */
void machine_name(char into[MACHINE_ROOM]);

#endif
