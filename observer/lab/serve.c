#include "lab/serve.h"

#include "base/check.h"
#include "cluster/units.h"
#include "lab/groups.h"
#include "lab/play.h"
#include "lab/shelf.h"
#include "session/notebook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct served {
    struct house *house;
    struct house_run *run;
    struct lab_file file;
    struct lab_play *play;
    struct buf line;
};

/* --- the catalogue --- */

static void *copy_of(const ProtobufCMessage *m)
{
    struct buf packed = {0};
    size_t n = protobuf_c_message_get_packed_size(m);
    protobuf_c_message_pack(m, buf_extend(&packed, n + 1));
    void *copy = protobuf_c_message_unpack(m->descriptor, NULL, n, packed.base);
    CHECK(copy);
    buf_free(&packed);
    return copy;
}

static void put_trouble(Orrery__Labs *all, const char *sentence)
{
    all->trouble = realloc(all->trouble, (all->n_trouble + 1) * sizeof(char *));
    CHECK(all->trouble);
    all->trouble[all->n_trouble] = strdup(sentence);
    CHECK(all->trouble[all->n_trouble]);
    all->n_trouble++;
}

/* How many of a lab's exercises were answered, each counted once, and how many of these were met.
 */
static Orrery__LabProgress *progress_of(const Orrery__Lab *lab, const Orrery__Notebook *notebook)
{
    Orrery__LabProgress *p = calloc(1, sizeof *p);
    CHECK(p);
    orrery__lab_progress__init(p);
    p->lab = strdup(lab->name);
    CHECK(p->lab);
    for (size_t i = 0; i < lab->n_exercises; i++) {
        bool answered = false, met = false;
        for (size_t k = 0; k < notebook->n_entries; k++) {
            const Orrery__NotebookEntry *e = notebook->entries[k];
            if (strcmp(e->lab, lab->name) != 0 || strcmp(e->exercise, lab->exercises[i]->name) != 0)
                continue;
            answered = true;
            met |= e->met != 0;
            if (lab->exercises[i]->after_beat > p->beat)
                p->beat = lab->exercises[i]->after_beat;
        }
        p->exercises += answered;
        p->proven += met;
    }
    return p;
}

static void put_lab(Orrery__Labs *all, const Orrery__Lab *lab, const Orrery__Notebook *notebook)
{
    all->labs = realloc(all->labs, (all->n_labs + 1) * sizeof(Orrery__Lab *));
    all->progress = realloc(all->progress, (all->n_labs + 1) * sizeof(Orrery__LabProgress *));
    CHECK(all->labs && all->progress);
    all->labs[all->n_labs++] = copy_of(&lab->base);
    all->progress[all->n_progress++] = progress_of(lab, notebook);
}

static Orrery__Labs *catalogue(void *ctx)
{
    struct house *h = ctx;
    Orrery__Labs *all = calloc(1, sizeof *all);
    struct shelf shelf;
    struct lab_file file;
    char why[1600];
    CHECK(all);
    orrery__labs__init(all);
    Orrery__Notebook *notebook = notebook_read(house_notebook(h));
    if (!shelf_open(&shelf, why, sizeof why))
        put_trouble(all, why);
    for (size_t i = 0; i < shelf.n; i++) {
        if (!shelf_read(&shelf, shelf.names[i], &file, why, sizeof why)) {
            put_trouble(all, why);
        } else if (file.n_faults) {
            size_t n = 0;
            while (n < file.faults.len && file.faults.base[n] != '\n')
                n++;
            snprintf(why, sizeof why, "%.*s", (int)n, (const char *)file.faults.base);
            put_trouble(all, why);
        } else {
            put_lab(all, file.lab, notebook);
        }
        lab_file_free(&file);
    }
    orrery__notebook__free_unpacked(notebook, NULL);
    return all;
}

/* --- a play --- */

static void changed(void *ctx, const Orrery__LabState *state)
{
    struct served *s = ctx;
    (void)state;
    house_lab_changed(s->run);
}

static void noted(void *ctx, const Orrery__NotebookEntry *entry)
{
    struct served *s = ctx;
    char why[300];
    if (*house_notebook(s->house) &&
        !notebook_add(house_notebook(s->house), entry, why, sizeof why))
        fprintf(stderr, "orrery: %s\n", why);
}

static void put_words(struct buf *line, const char *flag, char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(line, " %s ", flag);
        word_quote(words[i], line);
    }
}

static void write_line(struct served *s, const Orrery__Open *open, double pace)
{
    buf_printf(&s->line, "orrery run %s", s->file.lab->name);
    if (open->nodes)
        buf_printf(&s->line, " --nodes %u", open->nodes);
    if (open->simulated)
        buf_printf(&s->line, " --sim");
    if (open->seed)
        buf_printf(&s->line, " --seed %llu", (unsigned long long)open->seed);
    if (pace < 1 || pace > 1)
        buf_printf(&s->line, " --pace %.10g", pace);
    put_words(&s->line, "--set", open->settings, open->n_settings);
    put_words(&s->line, "--flaw", open->flaws, open->n_flaws);
    buf_append(&s->line, bytes_of("", 1));
}

static bool sensible(const Orrery__Lab *lab, const Orrery__Open *open, char *why, size_t why_size)
{
    if (!lab_nodes_allowed(lab, open->nodes, why, why_size))
        return false;
    for (size_t i = 0; i < open->n_settings; i++)
        if (!strchr(open->settings[i], '=')) {
            snprintf(why, why_size, "a setting is KEY=VALUE, not '%.60s'", open->settings[i]);
            return false;
        }
    return true;
}

static bool read_lab(struct served *s, const char *name, char *why, size_t why_size)
{
    struct shelf shelf;
    if (!shelf_open(&shelf, why, why_size) || !shelf_read(&shelf, name, &s->file, why, why_size))
        return false;
    if (s->file.n_faults)
        snprintf(why, why_size,
                 "labs/%.60s/lab.yaml cannot be played: 'orrery labs check' says why", name);
    return s->file.n_faults == 0;
}

static void served_free(struct served *s)
{
    if (s->play)
        lab_play_free(s->play);
    lab_file_free(&s->file);
    buf_free(&s->line);
    free(s);
}

static void *begin(void *ctx, struct house_run *run, const Orrery__Open *open,
                   struct session_options *into, char *why, size_t why_size)
{
    struct served *s = calloc(1, sizeof *s);
    CHECK(s);
    s->house = ctx;
    s->run = run;
    if (!read_lab(s, open->lab, why, why_size) || !sensible(s->file.lab, open, why, why_size)) {
        served_free(s);
        return NULL;
    }
    write_line(s, open, into->pace);
    struct lab_play_options options = {
        .lab = s->file.lab,
        .nodes = open->nodes,
        .simulated = open->simulated,
        .seed = open->seed,
        .pace = into->pace,
        .settings = (const char *const *)open->settings,
        .n_settings = open->n_settings,
        .flaws = (const char *const *)open->flaws,
        .n_flaws = open->n_flaws,
        .changed = changed,
        .noted = noted,
        .ctx = s,
    };
    s->play = lab_play_new(&options, into, why, why_size);
    if (!s->play) {
        served_free(s);
        return NULL;
    }
    into->line = (const char *)s->line.base;
    return s;
}

static void up(void *play)
{
    struct served *s = play;
    lab_play_up(s->play, house_session(s->run));
}

static void tick(void *play)
{
    struct served *s = play;
    lab_play_tick(s->play);
}

static int act(void *play, const Orrery__LabDo *verb, char *why, size_t why_size)
{
    struct served *s = play;
    struct lab_engine *e = lab_play_engine(s->play);
    if (!e) {
        snprintf(why, why_size, "the lab has not begun yet");
        return -1;
    }
    return lab_engine_do(e, verb, why, why_size) ? 0 : -1;
}

static const Orrery__Lab *lab(void *play)
{
    const struct served *s = play;
    return s->file.lab;
}

static const Orrery__LabState *state(void *play)
{
    static Orrery__LabState none;
    struct served *s = play;
    struct lab_engine *e = lab_play_engine(s->play);
    if (e && session_timeline(house_session(s->run)) == NULL)
        lab_engine_freeze(e);
    if (e)
        return lab_engine_state(e);
    orrery__lab_state__init(&none);
    return &none;
}

static void end(void *play)
{
    served_free(play);
}

void lab_serve(struct house *h)
{
    struct house_labs table = {.labs = catalogue,
                               .begin = begin,
                               .up = up,
                               .tick = tick,
                               .act = act,
                               .lab = lab,
                               .state = state,
                               .end = end,
                               .ctx = h};
    house_serve_labs(h, &table);
}
