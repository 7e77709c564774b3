/* Flags and words of the environment that concern agents of other hosts, alike for all commands. */
#ifndef ORRERY_CLI_AGENTS_H
#define ORRERY_CLI_AGENTS_H

#include "agent/pool.h"
#include "cli/options.h"

struct agents_given {
    const char *where;
    const char *key_file;
    bool raw_clocks;
};

#define AGENTS_OPTS(given)                                                                         \
    {"--agents", OPT_TEXT, &(given).where, "ADDRESS:PORT",                                         \
     "listens there for agents of other hosts, which run the nodes (ORRERY_AGENTS)"},              \
        KEY_OPT(given),                                                                            \
    {                                                                                              \
        "--raw-clocks", OPT_FLAG, &(given).raw_clocks, NULL,                                       \
            "believes agents' wall clocks, and corrects nothing by what was measured"              \
    }

#define KEY_OPT(given)                                                                             \
    {                                                                                              \
        "--key-file", OPT_TEXT, &(given).key_file, "FILE",                                         \
            "the cluster's key, without which nobody joins (ORRERY_CLUSTER_KEY_FILE)"              \
    }

/* From the file that is named, by flag or by ORRERY_CLUSTER_KEY_FILE, or from ORRERY_CLUSTER_KEY,
 * which is wiped from the environment. False and a sentence. */
bool agents_key(const char *key_file, struct cluster_key *key, char *why, size_t why_size);

/* 1: there is a pool; 0: nobody wants agents, and it is NULL; negative and a sentence. */
int agents_open(uv_loop_t *loop, const struct agents_given *given, struct pool **pool, char *why,
                size_t why_size);

#endif
