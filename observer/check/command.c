/* `orrery check FILE` */
#include "check/check.h"

#include "timeline/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: orrery check FILE [--json]\n"
    "\n"
    "Judges a recording: does what happened keep what the protocols promise?\n"
    "Exit code 0: proven; 1: refuted; 3: unknown, since events are missing or nothing put it to "
    "the\n"
    "test; 2: no such recording.\n"
    "\n"
    "example:\n"
    "  orrery check run.orr\n";

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

static int check_file(const char *path, bool json)
{
    char why[320];
    struct timeline *t = timeline_open(path, why, sizeof why);
    if (!t) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        return 2;
    }
    uint64_t entries;
    struct check *c = check_timeline(t, 0, 0, NULL, &entries);
    if (json)
        print_json(c, entries);
    else
        print_text(c, entries);
    enum verdict v = check_verdict(c);
    check_free(c);
    timeline_free(t);
    return v == VERDICT_PROVEN ? 0 : v == VERDICT_REFUTED ? 1 : 3;
}

int check_command(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else if (argv[i][0] == '-' || path) {
            (void)fputs(usage, stderr);
            return 2;
        } else {
            path = argv[i];
        }
    }
    if (!path) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return check_file(path, json);
}
