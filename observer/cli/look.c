/* status, show, log, runs, end: questions to a run. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/viewing.h"

#include "base/check.h"
#include "cluster/units.h"
#include "timeline/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *run;
    bool json, causes, follow;
} given;

#define RUN_OPT                                                                                    \
    {                                                                                              \
        "--run", OPT_TEXT, &given.run, "NAME", "which run, when several are on"                    \
    }
#define JSON_OPT                                                                                   \
    {                                                                                              \
        "--json", OPT_FLAG, &given.json, NULL, "as JSON"                                           \
    }

const struct opt status_opts[] = {RUN_OPT, JSON_OPT, {NULL, 0, NULL, NULL, NULL}};
const struct opt end_opts[] = {RUN_OPT, {NULL, 0, NULL, NULL, NULL}};
const struct opt runs_opts[] = {JSON_OPT, {NULL, 0, NULL, NULL, NULL}};
const struct opt show_opts[] = {{"--causes", OPT_FLAG, &given.causes, NULL, "and what led to it"},
                                RUN_OPT,
                                JSON_OPT,
                                {NULL, 0, NULL, NULL, NULL}};
const struct opt log_opts[] = {{"--follow", OPT_FLAG, &given.follow, NULL, "and what comes"},
                               RUN_OPT,
                               JSON_OPT,
                               {NULL, 0, NULL, NULL, NULL}};

/* The answer to a question, or NULL after it was said what went wrong. */
static Orrery__Tell *answer(struct client *client, Orrery__Ask *ask)
{
    Orrery__Tell *tell = client_ask(client, ask) ? client_hear(client) : NULL;
    if (!tell) {
        cli_fail(0, "%s ended before it answered", client->run);
    } else if (tell->kind_case == ORRERY__TELL__KIND_REFUSED) {
        cli_fail(0, "%s", tell->refused->sentence);
        orrery__tell__free_unpacked(tell, NULL);
        tell = NULL;
    }
    return tell;
}

static void json_texts(const char *name, char **texts, size_t n)
{
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        printf(i ? "," : "");
        text_json_print(texts[i]);
    }
    printf("]");
}

static void status_place_json(const Orrery__NodeStatus *n)
{
    printf(",\"address\":");
    text_json_print(n->address);
    printf(",\"host\":");
    text_json_print(n->host);
    if (*n->host)
        printf(",\"one_clock\":%s", n->one_clock ? "true" : "false");
    if (n->clock_known)
        printf(",\"clock_ns\":%lld,\"clock_bound_ns\":%llu", (long long)n->clock_ns,
               (unsigned long long)n->clock_bound_ns);
}

static void status_json(const Orrery__Status *s)
{
    printf("{\"run\":\"%s\",\"protocol\":\"%s\",\"seed\":%llu,\"simulated\":%s,\"pace\":%.10g,"
           "\"now_ns\":%llu,\"newest\":%llu,\"held\":%u,\"holes\":%llu,\"recorded_bytes\":%llu",
           s->run->name, s->run->protocol, (unsigned long long)s->run->seed,
           s->run->simulated ? "true" : "false", s->pace, (unsigned long long)s->now_ns,
           (unsigned long long)s->newest, s->held, (unsigned long long)s->holes,
           (unsigned long long)s->recorded_bytes);
    printf(",\"recording\":");
    text_json_print(s->recording);
    printf(",\"trouble\":");
    text_json_print(s->trouble);
    json_texts("links", s->links, s->n_links);
    printf(",\"nodes\":[");
    for (size_t i = 0; i < s->n_nodes; i++) {
        const Orrery__NodeStatus *n = s->nodes[i];
        printf("%s{\"name\":\"%s\",\"group\":", i ? "," : "", n->name);
        text_json_print(n->group);
        printf(",\"state\":\"%s\",\"pid\":%d,\"boot\":%u,\"client_port\":%u,"
               "\"udp_port\":%u,\"tcp_port\":%u,\"lost\":%llu",
               n->state, n->pid, n->boot, n->client_port, n->udp_port, n->tcp_port,
               (unsigned long long)n->lost);
        status_place_json(n);
        json_texts("settings", n->settings, n->n_settings);
        json_texts("faults", n->faults, n->n_faults);
        json_texts("beliefs", n->beliefs, n->n_beliefs);
        printf(",\"words\":");
        text_json_print(n->words);
        printf("}");
    }
    printf("]}\n");
}

/* Where an agent runs it, and how its clock stands to ours. */
static void status_place(const Orrery__NodeStatus *n)
{
    struct buf clock = {0};
    if (n->clock_known) {
        buf_printf(&clock, ", clock %s", n->clock_ns < 0 ? "-" : "+");
        duration_print((double)(n->clock_ns < 0 ? -n->clock_ns : n->clock_ns), &clock);
        buf_printf(&clock, " give or take ");
        duration_print((double)n->clock_bound_ns, &clock);
        buf_printf(&clock, n->one_clock ? " (it is ours)" : "");
    }
    printf("         at %s (%s)%.*s\n", n->host, n->address, (int)clock.len,
           (const char *)clock.base);
    buf_free(&clock);
}

static void status_node(const Orrery__NodeStatus *n)
{
    char pid[16] = "-";
    if (n->pid)
        snprintf(pid, sizeof pid, "%d", n->pid);
    printf("%-6s %-9s %7s %5u", n->name, n->state, pid, n->boot);
    printf(*n->group ? "  %s" : "", n->group);
    if (n->client_port && *n->host)
        printf("  redis-cli -h %s -p %u", n->address, n->client_port);
    else if (n->client_port)
        printf("  redis-cli -p %u", n->client_port);
    for (size_t i = 0; i < n->n_beliefs; i++)
        printf("%s%s", i ? "; " : "  ", n->beliefs[i]);
    if (n->lost)
        printf("  (%llu events lost)", (unsigned long long)n->lost);
    printf("\n");
    if (*n->host)
        status_place(n);
    for (size_t i = 0; i < n->n_faults; i++)
        printf("         %s\n", n->faults[i]);
    bool failed = strcmp(n->state, "failed") == 0;
    if (failed && *n->words)
        printf("         %s\n", n->words);
}

static void status_text(const Orrery__Status *s)
{
    struct buf time = {0};
    duration_print((double)s->now_ns, &time);
    buf_append(&time, bytes_of("", 1));
    printf("%s: %s on %zu node%s%s, for %s at pace %.10g, %llu events\n", s->run->name,
           s->run->protocol, s->n_nodes, s->n_nodes == 1 ? "" : "s",
           s->run->simulated ? " in the simulator" : "", (const char *)time.base, s->pace,
           (unsigned long long)s->newest);
    buf_free(&time);
    printf("\n%-6s %-9s %7s %5s\n", "node", "state", "pid", "boot");
    for (size_t i = 0; i < s->n_nodes; i++)
        status_node(s->nodes[i]);
    for (size_t i = 0; i < s->n_links; i++)
        printf("%s%s\n", i ? "" : "\n", s->links[i]);
    if (s->held)
        printf("\n%u message%s held back: 'orrery deliver' lets the oldest go\n", s->held,
               s->held == 1 ? " is" : "s are");
    if (s->holes)
        printf("\n%llu events are missing\n", (unsigned long long)s->holes);
    if (*s->trouble)
        printf("\n%s\n", s->trouble);
}

/* Opens the run and parses; EXIT_DONE, or what went wrong. */
static int begin(const struct cli_command *c, const struct opt *opts, int argc, char **argv,
                 size_t words_max, struct opt_words *words, struct client *client)
{
    char why[600];
    if (!options_parse(opts, argc, argv, words_max, words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (client && !client_open(client, given.run, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    return EXIT_DONE;
}

int status_main(const struct cli_command *c, int argc, char **argv)
{
    struct client client;
    struct opt_words words;
    int code = begin(c, status_opts, argc, argv, 0, &words, &client);
    if (code != EXIT_DONE)
        return code;
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    Orrery__Tell *tell = answer(&client, &ask);
    if (tell && tell->kind_case == ORRERY__TELL__KIND_STATUS) {
        if (given.json)
            status_json(tell->status);
        else
            status_text(tell->status);
    }
    code = tell ? EXIT_DONE : EXIT_RUN_FAILED;
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    return code;
}

int end_main(const struct cli_command *c, int argc, char **argv)
{
    struct client client;
    struct opt_words words;
    int code = begin(c, end_opts, argc, argv, 0, &words, &client);
    if (code != EXIT_DONE)
        return code;
    Orrery__End end = ORRERY__END__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_END;
    ask.end = &end;
    Orrery__Tell *tell = answer(&client, &ask);
    code = tell ? EXIT_DONE : EXIT_RUN_FAILED;
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    /* Over when it hangs up: its nodes are gone then. */
    while ((tell = client_hear(&client)))
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    return code;
}

static void show_answer(struct timeline *t, const Orrery__Entries *entries, bool causes)
{
    struct entry e;
    for (size_t i = 0; i < entries->n_entries; i++) {
        if (!viewing_entry(entries, i, &e))
            continue;
        if (i == 0 && !given.json) {
            print_entry(t, &e, false);
            viewing_details(t, &e);
            if (entries->bound_ns > 0) {
                struct buf bound = {0};
                duration_print(entries->bound_ns, &bound);
                printf("  by two clocks, which may be off each other by %.*s\n", (int)bound.len,
                       (const char *)bound.base);
                buf_free(&bound);
            }
            if (causes)
                printf("\n%llu events led to it%s, and it led to %llu\n",
                       (unsigned long long)entries->past,
                       entries->truncated ? ", of which the latest are" : "",
                       (unsigned long long)entries->future);
        } else {
            print_entry(t, &e, given.json);
        }
    }
}

int show_main(const struct cli_command *c, int argc, char **argv)
{
    struct client client;
    struct opt_words words;
    uint64_t ordinal;
    int code = begin(c, show_opts, argc, argv, 1, &words, NULL);
    if (code != EXIT_DONE)
        return code;
    if (words.n == 0)
        return cli_bad_usage(c, "show needs an event: for example 'orrery show e1323'");
    const char *word = words.words[0];
    if (!whole_parse(*word == 'e' ? word + 1 : word, &ordinal) || ordinal == 0)
        return cli_bad_usage(c, "an event is written e1323");
    char why[600];
    if (!client_open(&client, given.run, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    Orrery__Show show = ORRERY__SHOW__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    show.ordinal = ordinal;
    show.causes = given.causes;
    ask.kind_case = ORRERY__ASK__KIND_SHOW;
    ask.show = &show;
    Orrery__Tell *tell = answer(&client, &ask);
    if (tell && tell->kind_case == ORRERY__TELL__KIND_ENTRIES) {
        struct timeline *t = viewing_new(NULL);
        timeline_adopt(t, tell->entries);
        show_answer(t, tell->entries, given.causes);
        timeline_free(t);
    }
    code = tell ? EXIT_DONE : EXIT_RUN_FAILED;
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    return code;
}

static void print_log(const Orrery__Log *log)
{
    for (size_t i = 0; i < log->n_lines; i++) {
        if (given.json) {
            text_json_print(log->lines[i]);
            putchar('\n');
        } else {
            printf("%s\n", log->lines[i]);
        }
    }
}

int log_main(const struct cli_command *c, int argc, char **argv)
{
    struct client client;
    struct opt_words words;
    Orrery__LogAsk log = ORRERY__LOG_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    int code = begin(c, log_opts, argc, argv, 1, &words, NULL);
    if (code != EXIT_DONE)
        return code;
    if (words.n == 0 || !node_parse(words.words[0], &log.node) || log.node == 0)
        return cli_bad_usage(c, "log needs a node: for example 'orrery log n2'");
    char why[600];
    if (!client_open(&client, given.run, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    log.follow = given.follow;
    ask.kind_case = ORRERY__ASK__KIND_LOG;
    ask.log = &log;
    Orrery__Tell *tell = answer(&client, &ask);
    code = tell ? EXIT_DONE : EXIT_RUN_FAILED;
    while (tell) {
        if (tell->kind_case == ORRERY__TELL__KIND_LOG)
            print_log(tell->log);
        orrery__tell__free_unpacked(tell, NULL);
        tell = cli_flush() && given.follow ? client_hear(&client) : NULL;
    }
    client_close(&client);
    return code;
}

static void print_run(const char *name)
{
    struct client client;
    char why[600];
    if (!client_open(&client, name, why, sizeof why))
        return;
    Orrery__StatusAsk status = ORRERY__STATUS_ASK__INIT;
    Orrery__Ask ask = ORRERY__ASK__INIT;
    ask.kind_case = ORRERY__ASK__KIND_STATUS;
    ask.status = &status;
    Orrery__Tell *tell = client_ask(&client, &ask) ? client_hear(&client) : NULL;
    if (tell && tell->kind_case == ORRERY__TELL__KIND_STATUS) {
        const Orrery__Status *s = tell->status;
        if (given.json)
            printf("{\"run\":\"%s\",\"protocol\":\"%s\",\"nodes\":%zu,\"simulated\":%s,"
                   "\"now_ns\":%llu}\n",
                   name, s->run->protocol, s->n_nodes, s->run->simulated ? "true" : "false",
                   (unsigned long long)s->now_ns);
        else
            printf("%-20s %s on %zu node%s%s\n", name, s->run->protocol, s->n_nodes,
                   s->n_nodes == 1 ? "" : "s", s->run->simulated ? " in the simulator" : "");
    }
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
}

int runs_main(const struct cli_command *c, int argc, char **argv)
{
    static char names[RUNS_LISTED_MAX][RUN_NAME_MAX];
    struct opt_words words;
    struct paths paths;
    char why[600];
    int code = begin(c, runs_opts, argc, argv, 0, &words, NULL);
    if (code != EXIT_DONE)
        return code;
    if (!paths_make(&paths, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    size_t n = runs_list(&paths, names);
    for (size_t i = 0; i < n; i++)
        print_run(names[i]);
    if (n == 0 && !given.json)
        printf("Nothing is running. Recordings are in %s\n", paths.recordings);
    return EXIT_DONE;
}
