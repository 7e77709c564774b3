/* orrery export FILE --to html|shiviz|perfetto|jepsen -o OUT: a recording as one page, for other
 * people's viewers, or its clients' history for other people's checkers. */
#include "cli/cli.h"
#include "cli/export_html.h"

#include "check/check.h"
#include "check/history_read.h"
#include "cluster/units.h"
#include "session/filter.h"
#include "timeline/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    const char *to, *out, *from, *until, *pattern;
    uint64_t limit;
    struct node_list nodes;
} given;

const struct opt export_opts[] = {
    {"--to", OPT_TEXT, &given.to, "html|shiviz|perfetto|jepsen",
     "a page that needs nothing else, for which viewer, or the history of the clients"},
    {"-o", OPT_TEXT, &given.out, "FILE", "where it goes; - is the standard output"},
    {"--from", OPT_TEXT, &given.from, "EVENT", "the first event: e1323"},
    {"--until", OPT_TEXT, &given.until, "EVENT", "the last event"},
    {"--limit", OPT_WHOLE, &given.limit, "N", "how many events at most"},
    {"--pattern", OPT_TEXT, &given.pattern, "PATTERN", "only events that match"},
    {"--nodes", OPT_NODES, &given.nodes, "NODES", "only of these nodes"},
    {NULL, 0, NULL, NULL, NULL}};

static bool wanted(void *ctx, const struct entry *e)
{
    return filter_passes(ctx, e);
}

static bool ordinal(const char *text, uint64_t *into)
{
    return !text || (whole_parse(text + (*text == 'e' ? 1 : 0), into) && *into > 0);
}

static bool to(const char *name)
{
    return strcmp(given.to, name) == 0;
}

static int write_history(const struct history *h, FILE *out)
{
    struct buf text = {0};
    uint32_t operations = history_write(h, &text);
    bool whole = fwrite(text.base, 1, text.len, out) == text.len && fflush(out) == 0;
    buf_free(&text);
    if (!whole)
        return cli_fail(EXIT_RUN_FAILED, "cannot write %s: %s", given.out, strerror(errno));
    fprintf(stderr, "%u operations, for 'orrery check' and Jepsen's checkers\n", operations);
    return EXIT_DONE;
}

static int write_jepsen(struct timeline *t, FILE *out)
{
    char why[300];
    uint64_t entries;
    struct check *c = check_new();
    check_keep_history(c);
    (void)check_walk(c, t, 0, 0, NULL, &entries);
    const struct history *h = check_history(c, why, sizeof why);
    int code =
        h ? write_history(h, out) : cli_fail(EXIT_RUN_FAILED, "there is no history: %s", why);
    check_free(c);
    return code;
}

static int write_export(struct timeline *t, const struct export_options *options, FILE *out)
{
    struct export_done done = {0};
    char why[400];
    bool shiviz = to("shiviz");
    if (to("jepsen"))
        return write_jepsen(t, out);
    int error = shiviz ? export_shiviz(t, options, out, &done, why, sizeof why)
                       : export_perfetto(t, options, out, &done, why, sizeof why);
    if (error < 0)
        return cli_fail(EXIT_RUN_FAILED, "%s", why);
    fprintf(stderr, "%llu events for %s", (unsigned long long)done.events,
            shiviz ? "bestchai.github.io/shiviz" : "ui.perfetto.dev");
    if (done.left_out)
        fprintf(stderr, "; %llu newer ones are left out: --from, --until and --limit choose",
                (unsigned long long)done.left_out);
    fprintf(stderr, "\n");
    return EXIT_DONE;
}

static int write_html(const char *recording, uint64_t until, FILE *out)
{
    struct buf page = {0};
    struct carried_figures figures;
    char why[600];
    if (!export_html(recording, until, &page, &figures, why, sizeof why)) {
        buf_free(&page);
        return cli_fail(EXIT_RUN_FAILED, "%s: %s", recording, why);
    }
    bool whole = fwrite(page.base, 1, page.len, out) == page.len && fflush(out) == 0;
    size_t size = page.len;
    buf_free(&page);
    if (!whole)
        return cli_fail(EXIT_RUN_FAILED, "cannot write %s: %s", given.out, strerror(errno));
    fprintf(stderr, "%zu events in %.1f MB, for any browser%s\n", figures.entries,
            (double)size / 1e6, figures.moments ? "" : "; the recording holds no walkthrough");
    return EXIT_DONE;
}

/* A device that was written to is not ours to take away. */
static bool is_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

/* `t` is NULL for a page. */
static int export_to_file(const char *recording, struct timeline *t,
                          const struct export_options *options)
{
    bool standard = strcmp(given.out, "-") == 0;
    FILE *out = standard ? stdout : fopen(given.out, "we");
    if (!out)
        return cli_fail(EXIT_BAD_USAGE, "cannot write %s: %s", given.out, strerror(errno));
    int code = t ? write_export(t, options, out) : write_html(recording, options->to, out);
    if (standard)
        return code;
    if (fclose(out) != 0 && code == EXIT_DONE)
        code = cli_fail(EXIT_RUN_FAILED, "cannot write %s: %s", given.out, strerror(errno));
    if (code != EXIT_DONE && is_file(given.out))
        unlink(given.out);
    return code;
}

static const char *misuse(const struct opt_words *words, struct export_options *options)
{
    if (words->n == 0)
        return "export needs a recording: 'orrery export FILE.orr --to html -o FILE.html'";
    if (!given.to || (!to("shiviz") && !to("perfetto") && !to("html") && !to("jepsen")))
        return "export needs --to html, --to shiviz, --to perfetto or --to jepsen";
    if (!given.out)
        return "export needs -o FILE to write to, or -o - for the standard output";
    if (!ordinal(given.from, &options->from) || !ordinal(given.until, &options->to))
        return "an event is written e1323";
    if (to("html") && (given.from || given.limit || given.pattern || given.nodes.n))
        return "a page begins where its run did and has all of it: only --until cuts it";
    if (to("jepsen") &&
        (given.from || given.until || given.limit || given.pattern || given.nodes.n))
        return "a history is whole: nothing cuts it";
    return NULL;
}

int export_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    struct export_options options = {0};
    char why[600];
    if (!options_parse(export_opts, argc, argv, 1, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    const char *wrong = misuse(&words, &options);
    if (wrong)
        return cli_bad_usage(c, wrong);
    if (to("html"))
        return export_to_file(words.words[0], NULL, &options);
    struct timeline *t = timeline_open(words.words[0], why, sizeof why);
    if (!t)
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    struct filter *filter = filter_new(t, given.pattern ? given.pattern : "", given.nodes.nodes,
                                       given.nodes.n, why, sizeof why);
    int code = EXIT_BAD_USAGE;
    if (filter) {
        options.limit = given.limit;
        options.wanted = wanted;
        options.ctx = filter;
        code = export_to_file(words.words[0], t, &options);
    } else {
        cli_fail(code, "%s", why);
    }
    filter_free(filter);
    timeline_free(t);
    node_list_free(&given.nodes);
    return code;
}
