/* `orrery check FILE` */
#include "check/check.h"

#include "check/consistency.h"
#include "check/history_read.h"
#include "timeline/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: orrery check FILE [--consistency NAME] [--model NAME] [--seconds N] [--json]\n"
    "\n"
    "Judges a recording: does what happened keep what the protocols promise? Or a history of\n"
    "clients, as Jepsen writes it (EDN maps, or its log): is it linearizable, and if it is not, "
    "what\n"
    "is it? Which of both FILE is, its first bytes say.\n"
    "\n"
    "  --consistency NAME  linearizable, sequential, read-your-writes, monotonic-reads,\n"
    "                      monotonic-writes or writes-follow-reads; of a recording too\n"
    "  --model NAME        register, cas, kv or queue, where a history should be of one\n"
    "  --seconds N         how long each search may take; 60\n"
    "\n"
    "Exit code 0: proven; 1: refuted, with the smallest counter-example; 3: unknown, since events\n"
    "are missing, time ran out or nothing put it to the test; 2: no such file, or no history.\n"
    "\n"
    "examples:\n"
    "  orrery check run.orr\n"
    "  orrery check run.orr --consistency sequential\n"
    "  orrery check history.edn --json\n";

enum { SECONDS = 60, SECONDS_MORE = 5 }; /* For what was not asked for. */

struct asked {
    const char *path;
    bool json;
    bool chosen; /* A consistency. */
    enum consistency consistency;
    enum history_model model;
    double seconds;
    struct timespec until;
};

static int exit_code(enum verdict v)
{
    return v == VERDICT_PROVEN ? 0 : v == VERDICT_REFUTED ? 1 : 3;
}

/* --- recordings --- */

static void print_json(const struct check *c, uint64_t entries)
{
    const struct finding *all;
    uint32_t n = check_findings(c, &all);
    (void)printf("{\"verdict\":\"%s\",\"events\":%" PRIu64 ",\"findings\":[",
                 verdict_name(check_verdict(c)), entries);
    for (uint32_t i = 0; i < n; i++) {
        const struct finding *f = &all[i];
        (void)printf(
            "%s{\"checker\":\"%s\",\"invariant\":\"%s\",\"verdict\":\"%s\",\"judged\":%" PRIu64
            ",\"failed\":%" PRIu64 ",\"sentence\":",
            i ? "," : "", f->checker, f->invariant, verdict_name(f->verdict), f->judged, f->failed);
        text_json_print(f->sentence);
        (void)printf(",\"events\":[");
        for (uint32_t k = 0; k < f->n_events; k++)
            (void)printf("%s%" PRIu64, k ? "," : "", f->events[k]);
        (void)printf("]}");
    }
    (void)printf("]}\n");
}

static void print_text(const struct check *c, uint64_t entries)
{
    const struct finding *all;
    uint32_t n = check_findings(c, &all);
    for (uint32_t i = 0; i < n; i++) {
        const struct finding *f = &all[i];
        (void)printf("%-10s %s %s: %s\n", verdict_name(f->verdict), f->checker, f->invariant,
                     f->sentence);
        for (uint32_t k = 0; k < f->n_events; k++)
            (void)printf("%s e%" PRIu64 "%s", k ? "," : "           shown by", f->events[k],
                         k + 1 == f->n_events ? "\n" : "");
    }
    (void)printf("%s, from %" PRIu64 " events\n", verdict_name(check_verdict(c)), entries);
}

/* --- histories --- */

static bool ends(void *ctx)
{
    const struct asked *a = ctx;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > a->until.tv_sec ||
           (now.tv_sec == a->until.tv_sec && now.tv_nsec >= a->until.tv_nsec);
}

static void start_clock(struct asked *a)
{
    (void)clock_gettime(CLOCK_MONOTONIC, &a->until);
    double nsec = (double)a->until.tv_nsec + (a->seconds - (double)(time_t)a->seconds) * 1e9;
    a->until.tv_sec += (time_t)a->seconds + (nsec >= 1e9);
    a->until.tv_nsec = (long)(nsec >= 1e9 ? nsec - 1e9 : nsec);
}

static void json_judgement(const struct history *h, enum consistency c, const struct judgement *j,
                           bool first)
{
    struct buf what = {0};
    (void)printf(
        "%s{\"checker\":\"history\",\"invariant\":\"%s\",\"verdict\":\"%s\",\"judged\":%" PRIu64
        ",\"sentence\":",
        first ? "" : ",", consistency_name(c), verdict_name(j->verdict), j->judged);
    text_json_print(j->sentence);
    (void)printf(",\"example\":[");
    for (uint32_t i = 0; i < j->example.n; i++) {
        const struct operation *o = j->example.all[i];
        buf_clear(&what);
        text_json(h->clients.all[o->client], &what);
        (void)printf("%s{\"client\":%.*s,\"operation\":", i ? "," : "", (int)what.len,
                     (const char *)what.base);
        buf_clear(&what);
        history_print_operation(h, o, &what);
        struct bytes text = buf_bytes(&what);
        struct buf quoted = {0};
        text_json(text, &quoted);
        (void)printf("%.*s,\"invoked\":%" PRIu64 ",\"completed\":", (int)quoted.len,
                     (const char *)quoted.base, o->invoke_event);
        buf_free(&quoted);
        if (o->fate == FATE_OK)
            (void)printf("%" PRIu64 "}", o->complete_event);
        else
            (void)printf("null}");
    }
    (void)printf("]}");
    buf_free(&what);
}

static void text_judgement(const struct history *h, enum consistency c, const struct judgement *j,
                           const char *unit)
{
    (void)printf("%-10s history %s: %s\n", verdict_name(j->verdict), consistency_name(c),
                 j->sentence);
    if (!j->example.n)
        return;
    struct buf table = {0};
    judgement_print(h, j, unit, &table);
    (void)printf("%.*s", (int)table.len, (const char *)table.base);
    buf_free(&table);
}

/* The one that was asked for. Else whether it is linearizable; where it is not, what it is still.
 * The verdict is of the first. */
static enum verdict judge_history(struct asked *a, struct history *h, const char *unit)
{
    enum consistency first = a->chosen ? a->consistency : CONSISTENCY_LINEARIZABLE;
    enum consistency last = first;
    enum verdict verdict = VERDICT_NOTHING;
    const struct patience patience = {ends, a};
    for (enum consistency c = first; c <= last; c++) {
        struct judgement j;
        start_clock(a);
        consistency_judge(h, c, &patience, &j);
        if (a->json)
            json_judgement(h, c, &j, c == first);
        else
            text_judgement(h, c, &j, unit);
        if (c == first)
            verdict = j.verdict;
        if (c == first && !a->chosen && j.verdict == VERDICT_REFUTED) {
            last = CONSISTENCIES - 1;
            a->seconds = a->seconds < SECONDS_MORE ? a->seconds : SECONDS_MORE;
        }
        judgement_free(&j);
    }
    return verdict;
}

static int judge_and_print(struct asked *a, struct history *h, enum history_model model,
                           const char *unit)
{
    if (a->json)
        (void)printf("{\"model\":\"%s\",\"operations\":%u,\"findings\":[",
                     history_model_name(model), h->operations.n);
    enum verdict verdict = judge_history(a, h, unit);
    if (a->json)
        (void)printf("],\"verdict\":\"%s\"}\n", verdict_name(verdict));
    else
        (void)printf("%s, from %u operations on a %s\n", verdict_name(verdict), h->operations.n,
                     history_model_name(model));
    return exit_code(verdict);
}

static int fail(const char *path, const char *why)
{
    (void)fprintf(stderr, "orrery: %s%s%s\n", path, *path ? ": " : "", why);
    return 2;
}

static int check_told(struct asked *a, struct bytes file)
{
    struct history h;
    char why[320];
    enum history_model model = a->model;
    history_init(&h, false);
    int code = history_read(&h, file, &model, why, sizeof why)
                   ? judge_and_print(a, &h, model, "line ")
                   : fail(a->path, why);
    history_free(&h);
    return code;
}

static int judge_recorded(struct asked *a, struct check *c)
{
    char why[320];
    struct history *h = check_history(c, why, sizeof why);
    if (h)
        return judge_and_print(a, h, MODEL_KV, "e");
    (void)fail(a->path, why);
    return exit_code(VERDICT_UNKNOWN);
}

static int print_findings(const struct asked *a, const struct check *c, uint64_t entries)
{
    (a->json ? print_json : print_text)(c, entries);
    return exit_code(check_verdict(c));
}

static int check_recording(struct asked *a)
{
    char why[320];
    struct timeline *t = timeline_open(a->path, why, sizeof why);
    if (!t)
        return fail("", why);
    struct check *c = check_new();
    uint64_t entries;
    if (a->chosen)
        check_keep_history(c);
    else
        check_at_the_end(c);
    (void)check_walk(c, t, 0, 0, NULL, &entries);
    int code = a->chosen ? judge_recorded(a, c) : print_findings(a, c, entries);
    check_free(c);
    timeline_free(t);
    return code;
}

/* --- the command --- */

static bool is_recording(struct bytes b)
{
    static const char magic[] = "\x89ORR";
    return b.len >= 4 && memcmp(b.base, magic, 4) == 0;
}

/* All of a history; of a recording, which may be large, the beginning. */
static int read_file(const char *path, struct buf *into)
{
    FILE *f = fopen(path, "rbe");
    size_t n = 1;
    while (f && n > 0 && into->len <= HISTORY_FILE_MAX && !is_recording(buf_bytes(into))) {
        n = fread(buf_extend(into, 1 << 16), 1, 1 << 16, f);
        into->len -= (1 << 16) - n;
    }
    int error = !f || ferror(f) ? errno : 0;
    if (f)
        (void)fclose(f);
    return error;
}

static int check_file(struct asked *a)
{
    struct buf file = {0};
    int error = read_file(a->path, &file);
    int code;
    if (error)
        code = fail(a->path, strerror(error));
    else if (is_recording(buf_bytes(&file)))
        code = a->model ? fail(a->path, "--model is for histories, and this is a recording")
                        : check_recording(a);
    else if (file.len > HISTORY_FILE_MAX)
        code = fail(a->path, "a history is at most 256 MiB");
    else
        code = check_told(a, buf_bytes(&file));
    buf_free(&file);
    return code;
}

static bool parse_seconds(const char *text, double *seconds)
{
    char *end;
    *seconds = strtod(text, &end);
    return end != text && !*end && *seconds > 0 && *seconds < 1e6;
}

/* The value of a flag; NULL and a sentence. */
static bool parse_flag(struct asked *a, const char *flag, const char *value)
{
    if (strcmp(flag, "--consistency") == 0) {
        a->chosen = value && consistency_parse(value, &a->consistency);
        return a->chosen;
    }
    if (strcmp(flag, "--model") == 0)
        return value && history_model_parse(value, &a->model);
    return strcmp(flag, "--seconds") == 0 && value && parse_seconds(value, &a->seconds);
}

int check_command(int argc, char **argv)
{
    struct asked a = {.seconds = SECONDS};
    bool good = true;
    for (int i = 1; i < argc && good; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else if (argv[i][0] == '-') {
            good = parse_flag(&a, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
            i++;
        } else {
            good = !a.path;
            a.path = argv[i];
        }
    }
    if (!good || !a.path) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return check_file(&a);
}
