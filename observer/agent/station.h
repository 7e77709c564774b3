/* The agent of another host or container: it calls its observer, starts the processes that it is
 * told to, and tells what becomes of them. It decides nothing by itself but this: when the link to
 * an observer breaks, the processes that were started for it end, and it calls again.
 *
 * An observer listens at one of AGENT_PORTS ports; each is called, so one agent serves as many. */
#ifndef ORRERY_AGENT_STATION_H
#define ORRERY_AGENT_STATION_H

#include "agent/endpoint.h"
#include "agent/pool.h"

struct station_options {
    struct endpoint observer;
    struct cluster_key key;
    const char *directory; /* Of its nodes' disks. Made when it is not there. */
    const char *address;   /* At which nodes listen; NULL: that by which the observer is reached. */
};

/* Runs until it is asked to end by SIGTERM, SIGINT or SIGHUP; the exit code. Negative, and a
 * sentence, when it cannot begin. */
int station_run(const struct station_options *options, char *why, size_t why_size);

#endif
