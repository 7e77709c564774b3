/* The observer with its page: until Ctrl-C, which ends all of it. */
#ifndef ORRERY_CLI_PAGE_H
#define ORRERY_CLI_PAGE_H

#include "cli/agents.h"
#include "session/house.h"

#define PAGE_NO_PORT UINT64_MAX

struct page_wish {
    uint64_t port;    /* PAGE_NO_PORT: the first that is free. */
    const char *host; /* NULL: this machine alone. */
    bool no_open;     /* No browser: the address is said in any case. */
    bool json;
    const Orrery__Open *open;          /* A run to begin with; NULL: the catalogue. */
    struct house_own own;              /* Of that run. */
    const struct agents_given *agents; /* Of other hosts, that run its nodes; NULL: none do. */
};

bool page_port_ok(uint64_t port, char *why, size_t why_size);
int page_serve(const struct page_wish *wish); /* The exit code. */

#endif
