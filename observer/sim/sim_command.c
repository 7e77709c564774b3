#include "sim/sim.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/units.h"
#include "core/registry.h"
#include "sim/campaign.h"
#include "timeline/text.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SHRINKS_MAX = 3, RECORDINGS_MAX = 10, LIST_MAX = 32, PATH_MAX_ = 512 };

struct failure {
    uint64_t seed;
    struct outcome outcome;
    char recording[PATH_MAX_];
    struct buf shrunk;
};

struct session {
    struct campaign campaign;
    const char *settings[LIST_MAX];
    const char *flaws[LIST_MAX];
    const char *record;
    bool one;
    bool shrink;
    bool verbose;
    bool first; /* One that fails is enough. */
    bool json;
    uint64_t done;
    uint64_t events;
    uint64_t hash;
    struct failure *failures;
    size_t n_failures;
};

static const char usage[] =
    "usage: orrery sim PROTOCOL --seeds N [--from S]   many seeds; ends with \"N seeds, F "
    "failed\"\n"
    "       orrery sim PROTOCOL --seed S               one seed; prints its hash\n"
    "\n"
    "  --nodes N          nodes of the cluster (drawn from the seed)\n"
    "  --seconds N        how long, in simulated time (drawn from the seed)\n"
    "  --set KEY=VALUE    a setting of the protocol (those left out are drawn); again for more\n"
    "  --flaw FLAW        switches a flaw on; again for more\n"
    "  --record FILE      leaves a recording of the one seed, or of the first that fails\n"
    "  --shrink           takes faults out of a failing seed while it still fails\n"
    "  --jobs N           processes (one for each processor)\n"
    "  --first            ends at the first seed that fails\n"
    "  --verbose          what was drawn, and what the checkers say\n"
    "  --json             the result as JSON\n"
    "\n"
    "examples:\n"
    "  orrery sim heartbeat --seeds 500\n"
    "  orrery sim kv --seeds 200 --flaw ack-before-sync --shrink\n"
    "  orrery sim heartbeat --seed 42 --record run.orr --verbose\n";

static void print_replay(const struct session *s, uint64_t seed)
{
    const struct trial_wish *w = &s->campaign.wish;
    (void)printf("orrery sim %s --seed %" PRIu64, w->protocol, seed);
    if (w->nodes)
        (void)printf(" --nodes %u", w->nodes);
    if (w->seconds)
        (void)printf(" --seconds %u", w->seconds);
    for (size_t i = 0; i < w->n_settings; i++)
        (void)printf(" --set %s", w->settings[i]);
    for (size_t i = 0; i < w->n_flaws; i++)
        (void)printf(" --flaw %s", w->flaws[i]);
}

/* Where recordings of failing seeds go: the state folder, else here. */
static void recording_path(const struct session *s, uint64_t seed, char *into, size_t size)
{
    char folder[PATH_MAX_ / 2] = ".";
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (s->record) {
        (void)snprintf(into, size, "%s", s->record);
        return;
    }
    if (state && state[0] == '/')
        (void)snprintf(folder, sizeof folder, "%.200s/orrery", state);
    else if (home && home[0] == '/')
        (void)snprintf(folder, sizeof folder, "%.200s/.local/state/orrery", home);
    for (char *p = folder + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            (void)mkdir(folder, 0700);
            *p = '/';
        }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        (void)snprintf(folder, sizeof folder, ".");
    (void)snprintf(into, size, "%s/sim-%s-%" PRIu64 ".orr", folder, s->campaign.wish.protocol,
                   seed);
}

static void print_findings(void *ctx, const struct check *c)
{
    const struct finding *all;
    uint32_t n = check_findings(c, &all);
    (void)ctx;
    for (uint32_t i = 0; i < n; i++) {
        const struct finding *f = &all[i];
        (void)printf("%s %s: %s (%" PRIu64 " judged, %" PRIu64 " failed)%s%s\n", f->checker,
                     f->invariant, verdict_name(f->verdict), f->judged, f->failed,
                     f->sentence[0] ? ": " : "", f->sentence);
        for (uint32_t k = 0; k < f->n_events; k++)
            (void)printf("%s e%" PRIu64 "%s", k ? "," : "  events", f->events[k],
                         k + 1 == f->n_events ? "\n" : "");
    }
    (void)fflush(stdout);
}

static void print_trial(const struct trial *t)
{
    (void)printf("%s, seed %" PRIu64 ": %u nodes", t->protocol, t->seed, t->nodes);
    for (size_t i = 0; i < t->n_settings; i++)
        (void)printf(" %s", t->settings[i]);
    putchar('\n');
    struct buf lines = {0};
    trial_print(t, &lines);
    (void)printf("%.*s", (int)lines.len, (const char *)lines.base);
    buf_free(&lines);
}

/* A failing seed once more: less of it if asked, and with a recording. */
static void look_closer(struct session *s, struct failure *f)
{
    struct trial t;
    char why[256];
    CHECK(trial_draw(&t, f->seed, &s->campaign.wish, why, sizeof why));
    bool asserted = strcmp(f->outcome.invariant, "assertions hold") == 0;
    if (s->shrink && !asserted && (size_t)(f - s->failures) < SHRINKS_MAX) {
        (void)trial_shrink(&t, &f->outcome);
        trial_print(&t, &f->shrunk);
    }
    struct trial_watch watch = {.recording = f->recording};
    struct outcome again;
    recording_path(s, f->seed, f->recording, sizeof f->recording);
    if (campaign_one(&t, &watch, &again) != 0)
        f->recording[0] = 0;
    trial_free(&t);
}

static void print_failure(const struct session *s, const struct failure *f)
{
    (void)printf("seed %" PRIu64 " failed: %s: %s\n  replay: ", f->seed, f->outcome.invariant,
                 f->outcome.why);
    print_replay(s, f->seed);
    putchar('\n');
    if (f->recording[0])
        (void)printf("  recording: %s\n", f->recording);
    if (f->shrunk.len)
        (void)printf("  what is left of its faults:\n%.*s", (int)f->shrunk.len,
                     (const char *)f->shrunk.base);
    (void)fflush(stdout);
}

static bool done(void *ctx, uint64_t seed, const struct outcome *o)
{
    struct session *s = ctx;
    s->done++;
    s->events += o->events;
    s->hash ^= o->hash;
    if (s->verbose && !s->json)
        (void)printf("seed %" PRIu64 " %s hash %016" PRIx64 " events %" PRIu64 "\n", seed,
                     o->failed ? "failed" : "passed", o->hash, o->events);
    if (!o->failed)
        return true;
    s->failures = realloc(s->failures, (s->n_failures + 1) * sizeof *s->failures);
    CHECK(s->failures);
    struct failure *f = &s->failures[s->n_failures++];
    *f = (struct failure){.seed = seed, .outcome = *o};
    if (s->n_failures <= RECORDINGS_MAX && (!s->record || s->n_failures == 1))
        look_closer(s, f);
    if (!s->json)
        print_failure(s, f);
    return !s->first;
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_json(const struct session *s, double seconds)
{
    (void)printf("{\"protocol\":");
    text_json_print(s->campaign.wish.protocol);
    (void)printf(",\"seeds\":%" PRIu64 ",\"failed\":%zu,\"events\":%" PRIu64 ",\"seconds\":%.3f",
                 s->done, s->n_failures, s->events, seconds);
    if (s->one)
        (void)printf(",\"hash\":\"%016" PRIx64 "\"", s->hash);
    (void)printf(",\"failures\":[");
    for (size_t i = 0; i < s->n_failures; i++) {
        const struct failure *f = &s->failures[i];
        (void)printf("%s{\"seed\":%" PRIu64 ",\"invariant\":", i ? "," : "", f->seed);
        text_json_print(f->outcome.invariant);
        (void)printf(",\"why\":");
        text_json_print(f->outcome.why);
        (void)printf(",\"recording\":");
        text_json_print(f->recording);
        putchar('}');
    }
    (void)printf("]}\n");
}

static int run_many(struct session *s)
{
    double began = now_s();
    int error = campaign_run(&s->campaign);
    if (error)
        return error;
    if (s->json)
        print_json(s, now_s() - began);
    else
        (void)printf("%" PRIu64 " seeds, %zu failed\n", s->done, s->n_failures);
    return s->n_failures ? 1 : 0;
}

/* In this process, so that a debugger finds the assertion. */
static int run_one(struct session *s)
{
    struct trial t;
    struct outcome o;
    char why[256];
    double began = now_s();
    struct trial_watch watch = {.recording = s->shrink ? NULL : s->record};
    if (s->verbose && !s->json)
        watch.findings = print_findings;
    if (!trial_draw(&t, s->campaign.from, &s->campaign.wish, why, sizeof why)) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        return 2;
    }
    if (s->verbose && !s->json)
        print_trial(&t);
    if (trial_run(&t, &watch, &o, why, sizeof why) != 0) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        trial_free(&t);
        return 2;
    }
    trial_free(&t);
    s->verbose = false;
    bool recorded = s->record != NULL && !s->shrink;
    if (o.failed && !recorded) {
        (void)done(s, s->campaign.from, &o);
    } else if (o.failed) {
        s->failures = must_alloc(1, sizeof *s->failures);
        s->n_failures = 1;
        s->failures[0] = (struct failure){.seed = s->campaign.from, .outcome = o};
        (void)snprintf(s->failures[0].recording, PATH_MAX_, "%s", s->record);
        if (!s->json)
            print_failure(s, &s->failures[0]);
    }
    s->done = 1;
    s->events = o.events;
    s->hash = o.hash;
    if (s->json)
        print_json(s, now_s() - began);
    else
        (void)printf("hash %016" PRIx64 "\n", o.hash);
    return o.failed ? 1 : 0;
}

static bool number(const char *name, const char *text, uint64_t least, uint64_t most,
                   uint64_t *into)
{
    if (whole_parse(text, into) && *into >= least && *into <= most)
        return true;
    (void)fprintf(stderr, "orrery: --%s is a number from %" PRIu64 " to %" PRIu64 ", not %s\n",
                  name, least, most, text);
    return false;
}

static bool more(const char *name, const char *list[LIST_MAX], size_t *n, const char *value)
{
    if (*n == LIST_MAX) {
        (void)fprintf(stderr, "orrery: more than %d times --%s\n", LIST_MAX, name);
        return false;
    }
    list[(*n)++] = value;
    return true;
}

static const struct option options[] = {
    {"seeds", required_argument, NULL, 'n'},
    {"from", required_argument, NULL, 'f'},
    {"seed", required_argument, NULL, 's'},
    {"nodes", required_argument, NULL, 'N'},
    {"seconds", required_argument, NULL, 'T'},
    {"set", required_argument, NULL, 'S'},
    {"flaw", required_argument, NULL, 'F'},
    {"record", required_argument, NULL, 'r'},
    {"shrink", no_argument, NULL, 'k'},
    {"jobs", required_argument, NULL, 'j'},
    {"first", no_argument, NULL, '1'},
    {"verbose", no_argument, NULL, 'v'},
    {"json", no_argument, NULL, 'J'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_option(struct session *s, int option)
{
    struct campaign *c = &s->campaign;
    uint64_t v = 0;
    bool ok = true;
    switch (option) {
    case 'n':
        return number("seeds", optarg, 1, 1000000000, &c->seeds);
    case 'f':
        return number("from", optarg, 0, UINT64_MAX / 2, &c->from);
    case 's':
        s->one = true;
        return number("seed", optarg, 0, UINT64_MAX / 2, &c->from);
    case 'N':
        ok = number("nodes", optarg, 1, 1000, &v);
        c->wish.nodes = (uint32_t)v;
        return ok;
    case 'T':
        ok = number("seconds", optarg, 1, 1000000, &v);
        c->wish.seconds = (uint32_t)v;
        return ok;
    case 'j':
        ok = number("jobs", optarg, 1, 64, &v);
        c->jobs = (uint32_t)v;
        return ok;
    case 'S':
        return more("set", s->settings, &c->wish.n_settings, optarg);
    case 'F':
        return more("flaw", s->flaws, &c->wish.n_flaws, optarg);
    case 'r':
        s->record = optarg;
        return true;
    case 'k':
        s->shrink = true;
        return true;
    case 'v':
        s->verbose = true;
        return true;
    case '1':
        s->first = true;
        return true;
    case 'J':
        s->json = true;
        return true;
    default:
        return false;
    }
}

static bool parse(struct session *s, int argc, char **argv, bool *help)
{
    optind = 0; /* A fresh scan: the command line was looked at before. */
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        *help = *help || option == 'h';
        if (option != 'h' && !take_option(s, option))
            return false;
    }
    if (*help)
        return true;
    if (optind + 1 != argc || (s->one && s->campaign.seeds) || (!s->one && !s->campaign.seeds)) {
        (void)fputs(usage, stderr);
        return false;
    }
    s->campaign.wish.protocol = argv[optind];
    return true;
}

int sim_command(int argc, char **argv)
{
    struct session s = {.campaign = {.from = 1, .done = done}};
    bool help = false;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    s.campaign.jobs = processors > 0 && processors < 64 ? (uint32_t)processors : 1;
    if (!parse(&s, argc, argv, &help))
        return 2;
    if (help) {
        (void)fputs(usage, stdout);
        return 0;
    }
    s.campaign.ctx = &s;
    s.campaign.wish.settings = s.settings;
    s.campaign.wish.flaws = s.flaws;
    int result = s.one ? run_one(&s) : run_many(&s);
    for (size_t i = 0; i < s.n_failures; i++)
        buf_free(&s.failures[i].shrunk);
    free(s.failures);
    return result;
}
