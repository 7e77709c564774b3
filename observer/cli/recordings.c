/* orrery recordings: those in the state folder; and what the page can do to one. */
#include "cli/cli.h"

#include "session/paths.h"
#include "session/recordings.h"
#include "timeline/text.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *cli_recording(const char *word)
{
    static char path[PATH_ROOM];
    struct paths paths;
    char why[600];
    if (access(word, F_OK) < 0 && recording_name_ok(word) && paths_make(&paths, why, sizeof why) &&
        recording_path(paths.recordings, word, path, sizeof path, why, sizeof why))
        return path;
    return word;
}

static bool json;

const struct opt recordings_opts[] = {{"--json", OPT_FLAG, &json, NULL, "as JSON, one a line"},
                                      {NULL, 0, NULL, NULL, NULL}};

static const char *verdict_of(const Orrery__Recording *r)
{
    static const char *const words[] = {
        [ORRERY__CHECK_RESULT__CHECK_OPEN] = "nothing to judge",
        [ORRERY__CHECK_RESULT__CHECK_PROVEN] = "proven",
        [ORRERY__CHECK_RESULT__CHECK_REFUTED] = "refuted",
        [ORRERY__CHECK_RESULT__CHECK_UNKNOWN] = "unknown",
    };
    unsigned i = r->judgement ? (unsigned)r->judgement->verdict : UINT_MAX;
    return i < sizeof words / sizeof *words ? words[i] : "";
}

static void print_json(const Orrery__Recording *r)
{
    printf("{\"name\":");
    text_json_print(r->name);
    printf(",\"bytes\":%" PRIu64 ",\"changed_wall_ns\":%" PRId64 ",\"events\":%" PRIu64
           ",\"length_ns\":%" PRIu64 ",\"holes\":%" PRIu64 ",\"being_written\":%s,\"run\":",
           r->bytes, r->changed_wall_ns, r->events, r->length_ns, r->holes,
           r->being_written ? "true" : "false");
    text_json_print(r->run ? r->run->name : "");
    printf(",\"line\":");
    text_json_print(r->run ? r->run->line : "");
    printf(",\"verdict\":\"%s\",\"trouble\":", verdict_of(r));
    text_json_print(r->trouble);
    puts("}");
}

static void print_one(const Orrery__Recording *r)
{
    char when[32] = "";
    time_t changed = (time_t)(r->changed_wall_ns / 1000000000);
    struct tm local;
    if (localtime_r(&changed, &local))
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    printf("%-40s %s", r->name, when);
    if (r->run)
        printf(" %8.1f s %9" PRIu64 " events  %s", (double)r->length_ns / 1e9, r->events,
               *r->run->line ? r->run->line : r->run->protocol);
    if (r->being_written)
        printf("  (being written)");
    if (*verdict_of(r))
        printf("  (%s)", verdict_of(r));
    if (*r->trouble)
        printf("%s%s", r->run ? "\n    " : "  ", r->trouble);
    putchar('\n');
}

static int list(const char *folder)
{
    Orrery__Recordings *all = recordings_list(folder);
    for (size_t i = 0; i < all->n_recordings; i++)
        (json ? print_json : print_one)(all->recordings[i]);
    if (!json && all->n_recordings == 0)
        printf("There are none yet: each run leaves one in %s\n", folder);
    if (!json && all->more)
        printf("and %u older ones in %s\n", (unsigned)all->more, folder);
    orrery__recordings__free_unpacked(all, NULL);
    return EXIT_DONE;
}

static bool copy_into(struct incoming *in, FILE *from, char *why, size_t why_size)
{
    static uint8_t part[1 << 16];
    size_t n;
    while ((n = fread(part, 1, sizeof part, from)) > 0)
        if (incoming_part(in, bytes_of(part, n), why, why_size) < 0)
            return false;
    if (!ferror(from))
        return true;
    snprintf(why, why_size, "it cannot be read: %s", strerror(errno));
    return false;
}

static int add(const char *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    char why[600], name[RECORDING_NAME_MAX];
    FILE *from = fopen(path, "rb");
    if (!from)
        return cli_fail(EXIT_BAD_USAGE, "%s cannot be opened: %s", path, strerror(errno));
    struct incoming *in = incoming_new(folder, slash ? slash + 1 : path, why, sizeof why);
    bool ok =
        in && copy_into(in, from, why, sizeof why) && incoming_end(in, name, why, sizeof why) == 0;
    if (in)
        incoming_free(in);
    fclose(from);
    if (!ok)
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    printf("%s is among the recordings\n", name);
    return EXIT_DONE;
}

static int change(const char *folder, const struct opt_words *words)
{
    char why[600];
    bool removing = strcmp(words->words[0], "delete") == 0;
    int status = removing
                     ? recording_remove(folder, words->words[1], why, sizeof why)
                     : recording_rename(folder, words->words[1], words->words[2], why, sizeof why);
    if (status < 0)
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    printf(removing ? "%s is deleted\n" : "%s is %s now\n", words->words[1],
           removing ? "" : words->words[2]);
    return EXIT_DONE;
}

int recordings_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    struct paths paths;
    char why[600];
    if (!options_parse(recordings_opts, argc, argv, 3, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (!paths_make(&paths, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    if (words.n == 0)
        return list(paths.recordings);
    const char *verb = words.words[0];
    if (strcmp(verb, "add") == 0 && words.n == 2)
        return add(paths.recordings, words.words[1]);
    if ((strcmp(verb, "delete") == 0 && words.n == 2) ||
        (strcmp(verb, "rename") == 0 && words.n == 3))
        return change(paths.recordings, &words);
    return cli_bad_usage(c, "recordings takes nothing, or: add FILE, rename NAME TO, delete NAME");
}
