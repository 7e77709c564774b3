/* The simulator's commands: `orrery sim` and `orrery replay FILE --rerun`.
 *
 * A seed decides everything: faults, workload, delays, what a power cut tears. The same seed gives
 * the same events, to the bit, in every build. */
#ifndef ORRERY_SIM_SIM_H
#define ORRERY_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

/* argv[0] is "sim", the rest as typed. Returns the exit code: 0 no seed failed, 1 one did, 2 bad
 * usage.
 *
 *   sim PROTOCOL --seeds N [--from S]    ends with "N seeds, F failed"
 *   sim PROTOCOL --seed S                one seed; prints "hash HEX", of all events in order
 *   --record FILE  --flaw FLAW  --set KEY=VALUE  --nodes N  --jobs N  --shrink  --verbose  --json
 */
int sim_command(int argc, char **argv);

/* Executes a recorded life again from its events alone, and compares every event that it produces
 * with the recorded one. `boot` 0: the newest life that began before `to`; `to` 0: to its end.
 * Prints the node's view there. 0: all as recorded; 1: they part; 3: the recording lacks what that
 * would need (a hole, or a level below full), and the sentence says which; 2: no such thing. */
int rerun_command(const char *path, uint32_t node, uint32_t boot, uint64_t to, bool json);

#endif
