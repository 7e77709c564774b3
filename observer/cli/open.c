/* `orrery`, with no command: the observer, and its page in a browser. */
#include "cli/agents.h"
#include "cli/cli.h"

#include "cli/page.h"
#include "web/assets.h"

#include <stdio.h>

static struct {
    uint64_t port;
    const char *host;
    bool no_open, terminal, json;
    struct agents_given agents;
} given = {.port = PAGE_NO_PORT};

const struct opt open_opts[] = {
    {"--port", OPT_WHOLE, &given.port, "NUMBER", "where the page is served (from 7400 on)"},
    {"--host", OPT_TEXT, &given.host, "ADDRESS", "listens there instead of on this machine alone"},
    {"--no-open", OPT_FLAG, &given.no_open, NULL, "opens no browser"},
    {"--terminal", OPT_FLAG, &given.terminal, NULL,
     "a heartbeat cluster, with its timeline on this terminal"},
    AGENTS_OPTS(given.agents),
    {"--json", OPT_FLAG, &given.json, NULL, "says the address as JSON"},
    {NULL, 0, NULL, NULL, NULL},
};

static int in_terminal(void)
{
    static char sandbox[] = "sandbox", heartbeat[] = "heartbeat";
    static char *words[] = {sandbox, heartbeat, NULL};
    return sandbox_main(cli_find(sandbox), 2, words);
}

int open_main(int argc, char **argv)
{
    struct opt_words words;
    char why[400];
    if (!options_parse(open_opts, argc, argv, 0, &words, why, sizeof why) ||
        !page_port_ok(given.port, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    /* Without a page in it there is more to see on the terminal. */
    if (given.terminal || (argc < 2 && assets_n < 2))
        return in_terminal();
    const struct page_wish wish = {.port = given.port,
                                   .host = given.host,
                                   .no_open = given.no_open,
                                   .json = given.json,
                                   .agents = &given.agents};
    return page_serve(&wish);
}
