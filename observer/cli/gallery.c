/* orrery gallery DIR: every lab is walked through in the simulator, or recordings are given; each
 * becomes a page of its own in DIR, and DIR/index.html lists them. */
#include "cli/cli.h"
#include "cli/export_html.h"

#include "base/must.h"
#include "lab/shelf.h"
#include "session/story.h"
#include "web/gallery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CARDS_MAX = SHELF_LABS_MAX, WHY_MAX = 1600, PATH_MAX_OURS = 4096 };
static const char mark[] = ".orrery-gallery"; /* A folder that has it is ours to write to. */

static struct {
    bool force;
    uint64_t seed;
} given;

const struct opt gallery_opts[] = {
    {"--force", OPT_FLAG, &given.force, NULL, "also into a folder that holds something else"},
    {"--seed", OPT_WHOLE, &given.seed, "NUMBER", "of all that is drawn (as each lab says)"},
    {NULL, 0, NULL, NULL, NULL}};

struct card {
    char file[80];
    struct story story;
    char run[80];
    size_t bytes;
};

struct gallery {
    const char *folder;
    struct card cards[CARDS_MAX];
    size_t n;
};

/* --- the folder --- */

static bool is_empty(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0;
    for (const struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return d && n == 0;
}

/* Whole or not at all: a page that cannot be written to its end does not replace another. */
static bool write_file(const char *folder, const char *name, struct bytes b, char *why,
                       size_t why_size)
{
    char path[PATH_MAX_OURS], part[PATH_MAX_OURS + 8];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(part, sizeof part, "%s.part", path);
    FILE *f = fopen(part, "we");
    bool done = f && fwrite(b.base, 1, b.len, f) == b.len && fflush(f) == 0;
    int error = errno;
    if (f && fclose(f) != 0 && done) {
        done = false;
        error = errno;
    }
    if (done && rename(part, path) != 0) {
        done = false;
        error = errno;
    }
    if (!done) {
        if (f)
            unlink(part);
        snprintf(why, why_size, "cannot write %.1200s: %s", path, strerror(error));
    }
    return done;
}

static bool claim(const char *folder, char *why, size_t why_size)
{
    char path[PATH_MAX_OURS];
    snprintf(path, sizeof path, "%s/%s", folder, mark);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make %s: %s", folder, strerror(errno));
        return false;
    }
    if (!given.force && access(path, F_OK) != 0 && !is_empty(folder)) {
        snprintf(why, why_size,
                 "%s holds something that is no gallery: name a new folder, or add --force",
                 folder);
        return false;
    }
    return write_file(folder, mark, bytes_str("Made by orrery gallery.\n"), why, why_size);
}

/* --- one page --- */

static bool is_plain(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n < 60 && !name[n] && strcmp(name, "index") != 0;
}

static bool is_taken(const struct gallery *g, const char *file)
{
    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->cards[i].file, file) == 0)
            return true;
    return false;
}

/* After its lab; a second run of the same lab, and one without, after the run. */
static bool name_card(const struct gallery *g, struct card *c, char *why, size_t why_size)
{
    const char *names[] = {c->story.lab ? c->story.lab->name : "", c->run};
    for (size_t i = 0; i < 2; i++) {
        if (!is_plain(names[i]))
            continue;
        snprintf(c->file, sizeof c->file, "%.60s.html", names[i]);
        if (!is_taken(g, c->file))
            return true;
    }
    snprintf(why, why_size, "its name '%.60s' is no plain word, or given twice", c->run);
    return false;
}

static bool add(struct gallery *g, const char *recording, char *why, size_t why_size)
{
    struct card *c = &g->cards[g->n];
    struct carried_figures figures;
    struct buf page = {0};
    struct timeline *t = timeline_open(recording, why, why_size);
    if (!t)
        return false;
    snprintf(c->run, sizeof c->run, "%s", timeline_info(t)->name);
    story_read(&c->story, t);
    timeline_free(t);
    char what[WHY_MAX / 2] = "";
    bool made = name_card(g, c, what, sizeof what) &&
                export_html(recording, 0, &page, &figures, what, sizeof what);
    if (!made)
        snprintf(why, why_size, "%s: %s", recording, what);
    made = made && write_file(g->folder, c->file, buf_bytes(&page), why, why_size);
    c->bytes = page.len;
    buf_free(&page);
    if (!made) {
        story_free(&c->story);
        return false;
    }
    printf("%s/%s  %.1f MB, %zu events\n", g->folder, c->file, (double)c->bytes / 1e6,
           figures.entries);
    fflush(stdout);
    g->n++;
    return true;
}

/* --- walks --- */

/* By the program itself, as anybody would: 0, or its exit code. */
static int walk(const char *lab, const char *recording)
{
    char self[PATH_MAX_OURS], seed[32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return EXIT_RUN_FAILED;
    self[n] = 0;
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)given.seed);
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(nothing, STDOUT_FILENO);
        execl(self, "orrery", "run", lab, "--sim", "--headless", "--record", recording,
              given.seed ? "--seed" : NULL, seed, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUN_FAILED;
}

static bool add_lab(struct gallery *g, const char *scratch, const char *lab, char *why,
                    size_t why_size)
{
    char recording[PATH_MAX_OURS + 64];
    snprintf(recording, sizeof recording, "%s/%s.orr", scratch, lab);
    int code = walk(lab, recording);
    bool added = code == EXIT_DONE && add(g, recording, why, why_size);
    if (code != EXIT_DONE)
        snprintf(why, why_size, "%s did not come to its end: 'orrery run %s --sim --headless'", lab,
                 lab);
    unlink(recording);
    return added;
}

static bool add_labs(struct gallery *g, char *why, size_t why_size)
{
    struct shelf shelf;
    char scratch[PATH_MAX_OURS];
    const char *tmp = getenv("TMPDIR");
    bool all = true;
    if (!shelf_open(&shelf, why, why_size))
        return false;
    snprintf(scratch, sizeof scratch, "%s/orrery-gallery-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(scratch)) {
        snprintf(why, why_size, "cannot make a folder in %s: %s", tmp ? tmp : "/tmp",
                 strerror(errno));
        return false;
    }
    for (size_t i = 0; i < shelf.n && all; i++)
        all = add_lab(g, scratch, shelf.names[i], why, why_size);
    rmdir(scratch);
    return all;
}

/* --- the index --- */

static struct gallery_card shown(const struct card *c)
{
    const Orrery__Lab *lab = c->story.lab;
    struct gallery_card s = {.file = c->file,
                             .title = c->run,
                             .promise = "",
                             .group = "",
                             .glyph = "",
                             .bytes = c->bytes};
    if (lab) {
        s.title = lab->title;
        s.promise = lab->promise;
        s.group = lab->group;
        s.glyph = *lab->stage ? lab->stage : lab->name;
        s.seconds = lab->seconds;
    }
    const Orrery__LabState *end = c->story.n ? c->story.moments[c->story.n - 1]->state : NULL;
    for (size_t i = 0; end && i < end->n_checks; i++) {
        s.checks += !end->checks[i]->goal;
        s.proven +=
            !end->checks[i]->goal && end->checks[i]->result == ORRERY__CHECK_RESULT__CHECK_PROVEN;
    }
    return s;
}

static bool write_index(struct gallery *g, char *why, size_t why_size)
{
    struct gallery_card *cards = must_alloc(g->n + 1, sizeof *cards);
    struct buf page = {0};
    for (size_t i = 0; i < g->n; i++)
        cards[i] = shown(&g->cards[i]);
    bool made = gallery_page_make(cards, g->n, &page, why, why_size) &&
                write_file(g->folder, "index.html", buf_bytes(&page), why, why_size);
    buf_free(&page);
    free(cards);
    if (made)
        printf("%s/index.html\n\nAny static web server shows it: python3 -m http.server -d %s\n",
               g->folder, g->folder);
    return made;
}

int gallery_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    char why[WHY_MAX];
    if (!options_parse(gallery_opts, argc, argv, OPT_WORDS_MAX, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (words.n == 0)
        return cli_bad_usage(c, "gallery needs a folder to write to: 'orrery gallery site'");
    if (strlen(words.words[0]) > PATH_MAX_OURS / 2)
        return cli_bad_usage(c, "that folder's name is too long");
    if (!claim(words.words[0], why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    struct gallery *g = must_alloc(1, sizeof *g);
    g->folder = words.words[0];
    bool done = words.n > 1 || add_labs(g, why, sizeof why);
    for (size_t i = 1; i < words.n && done; i++)
        done = add(g, words.words[i], why, sizeof why);
    done = done && write_index(g, why, sizeof why);
    for (size_t i = 0; i < g->n; i++)
        story_free(&g->cards[i].story);
    free(g);
    return done ? EXIT_DONE : cli_fail(EXIT_RUN_FAILED, "%s", why);
}
