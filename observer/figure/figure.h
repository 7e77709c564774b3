/* Figures: published or derivable numbers that a run of ours measures again, beside the reference.
 *
 * A figure outside its tolerance is a failure: the protocol, the measurement or the reference is
 * wrong, and all three are ours. */
#ifndef ORRERY_FIGURE_FIGURE_H
#define ORRERY_FIGURE_FIGURE_H

/* `orrery figure NAME [--json] [--svg FILE]`; argv[0] is "figure". Exit code: 0 within tolerance, 1
 * outside, 2 bad usage. */
int figure_command(int argc, char **argv);

#endif
