#include "lab/lint.h"

#include "agent/load.h"
#include "base/check.h"
#include "check/check.h"
#include "check/condition.h"
#include "check/measure.h"
#include "cluster/command.h"
#include "lab/clues.h"
#include "lab/groups.h"
#include "lab/lint_groups.h"
#include "timeline/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_KNOWN_MAX = BINDINGS_MAX, WORDS_A_LINE_MAX = 64, FLAW_TRIES_MAX = 100 };

struct lint {
    struct lab_file *file;
    const Orrery__Lab *lab;
    struct vocabulary words;
    uint32_t nodes;
    char known[NAMES_KNOWN_MAX][BINDING_NAME_MAX]; /* Bound so far, in the order of the walk. */
    bool is_value[NAMES_KNOWN_MAX];
    size_t n_known;
    const void *at; /* What is looked at, for faults told by callbacks. */
};

/* --- names --- */

static bool known(const struct lint *l, const char *name, bool value)
{
    for (size_t i = 0; i < l->n_known; i++)
        if (strcmp(l->known[i], name) == 0 && (!value || l->is_value[i]))
            return true;
    return false;
}

static void learn(struct lint *l, const char *name, bool value)
{
    if (known(l, name, value) || l->n_known == NAMES_KNOWN_MAX)
        return;
    snprintf(l->known[l->n_known], BINDING_NAME_MAX, "%s", name);
    l->is_value[l->n_known++] = value;
}

static bool dollar_known(void *ctx, const char *name)
{
    struct lint *l = ctx;
    if (known(l, name, true))
        return true;
    lab_fault(l->file, l->at,
              "nothing is caught as $%s before: expected a name from an earlier catch", name);
    return false;
}

/* With every $name as 1, so that what it stands in can be read. */
static bool fill(struct lint *l, const char *text, struct buf *into)
{
    l->at = text;
    buf_clear(into);
    if (!dollars_each(text, dollar_known, l))
        return false;
    while (*text) {
        size_t n = strcspn(text, "$");
        buf_append(into, bytes_of(text, n));
        text += n;
        if (!*text)
            break;
        buf_append(into, bytes_of("1", 1));
        text++;
        while (*text == '_' || (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
               (*text >= 'a' && *text <= 'z'))
            text++;
    }
    buf_append(into, bytes_of("", 1));
    return true;
}

/* --- the parts --- */

/* Whether it means something to the nodes of any group. */
static bool pattern_ok(const struct lint *l, const char *text, char *why, size_t why_size)
{
    struct pattern_meaning means[CLUSTER_GROUPS_MAX] = {0};
    const struct vocabulary *v = &l->words;
    bool ok =
        v->n == 0 || pattern_compile_each(text, v->schema, (const Orrery__Start *const *)v->starts,
                                          v->n, means, why, why_size);
    for (size_t i = 0; i < v->n; i++)
        buf_free(&means[i].packed);
    return ok;
}

static void lint_pattern(struct lint *l, const void *at, const char *text)
{
    struct buf filled = {0};
    char why[400];
    if (fill(l, text, &filled) && !pattern_ok(l, (const char *)filled.base, why, sizeof why))
        lab_fault(l->file, at, "%s", why);
    buf_free(&filled);
}

static void lint_lines(struct lint *l, char *const *lines, size_t n);

static void lint_clue(struct lint *l, const Orrery__Clue *clue)
{
    char name[BINDING_NAME_MAX], field[64];
    if (!*clue->event)
        lab_fault(l->file, clue, "a clue needs an event: a pattern, as \"receive Beat node=n1\"");
    else
        lint_pattern(l, clue->event, clue->event);
    if (*clue->unless)
        lint_pattern(l, clue->unless, clue->unless);
    if (clue->count > CLUE_COUNT_MAX)
        lab_fault(l->file, &clue->count, "count is %u: at most %d", clue->count, CLUE_COUNT_MAX);
    if (*clue->as && !binding_name_ok(clue->as))
        lab_fault(l->file, clue->as, "'%.40s' is no name: expected letters, digits and _",
                  clue->as);
    else if (*clue->as)
        learn(l, clue->as, false);
    for (size_t i = 0; i < clue->n_catch_; i++)
        if (!catch_read(clue->catch_[i], name, field))
            lab_fault(l->file, clue->catch_[i], "'%.60s': expected NAME = FIELD, as \"x = peer\"",
                      clue->catch_[i]);
        else
            learn(l, name, true);
    lint_lines(l, clue->then, clue->n_then);
}

static void lint_clues(struct lint *l, const void *of, Orrery__Clue *const *clues, size_t n)
{
    if (n > CLUES_MAX)
        lab_fault(l->file, of, "there are %zu clues here: at most %d", n, CLUES_MAX);
    for (size_t i = 0; i < n; i++)
        lint_clue(l, clues[i]);
}

static void lint_nodes(struct lint *l, const char *line, const Orrery__Command *c)
{
    size_t n;
    const uint32_t *nodes = command_nodes(c, &n);
    for (size_t i = 0; i < n; i++)
        if (nodes[i] > l->nodes) {
            lab_fault(l->file, line, "'%.60s' names n%u: the lab has %u node%s", line, nodes[i],
                      l->nodes, l->nodes == 1 ? "" : "s");
            return;
        }
}

/* A lab stays within what it was sized for. */
static bool allowed(const Orrery__Command *c)
{
    return c->verb_case != ORRERY__COMMAND__VERB_ADD && c->verb_case != ORRERY__COMMAND__VERB_PACE;
}

static void lint_line(struct lint *l, const char *line)
{
    struct buf filled = {0}, memory = {0};
    const char *words[WORDS_A_LINE_MAX];
    char why[400];
    if (!fill(l, line, &filled))
        return;
    int n = words_split((const char *)filled.base, &memory, words, WORDS_A_LINE_MAX);
    Orrery__Command *c = n > 0 ? command_parse(words, (size_t)n, why, sizeof why) : NULL;
    if (n <= 0)
        lab_fault(l->file, line, "'%.60s' is no command line", line);
    else if (!c)
        lab_fault(l->file, line, "%s", why);
    else if (!allowed(c))
        lab_fault(l->file, line, "'%s' is not for labs: nodes and pace are the viewer's", words[0]);
    else
        lint_nodes(l, line, c);
    if (c && c->verb_case == ORRERY__COMMAND__VERB_BREAK && c->break_->pattern)
        lint_pattern(l, line, c->break_->pattern);
    if (c)
        orrery__command__free_unpacked(c, NULL);
    buf_free(&filled);
    buf_free(&memory);
}

static void lint_lines(struct lint *l, char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        lint_line(l, lines[i]);
}

static bool caption_name(void *ctx, const char *name, char *why, size_t why_size)
{
    if (known(ctx, name, false))
        return true;
    snprintf(why, why_size, "{%s} is bound nowhere up to here: expected a clue's name", name);
    return false;
}

static void lint_caption(struct lint *l, const char *text)
{
    char why[300];
    if (!caption_check(text, caption_name, l, why, sizeof why))
        lab_fault(l->file, text, "%s", why);
}

static void needs(struct lint *l, const void *of, const char *text, const char *what)
{
    if (!*text)
        lab_fault(l->file, of, "%s is missing here", what);
}

static void lint_within(struct lint *l, const uint32_t *within_ms)
{
    if (*within_ms > LAB_SECONDS_MAX * 1000)
        lab_fault(l->file, within_ms, "within_ms is %u: at most %d", *within_ms,
                  LAB_SECONDS_MAX * 1000);
}

/* --- exercises --- */

struct measured_args {
    struct lint *lint;
    const char *text;
};

static bool measured_arg(void *ctx, char kind, const char *value, char *why, size_t why_size)
{
    const struct measured_args *m = ctx;
    uint32_t node;
    bool ok = true;
    if (kind == 'n' && node_parse(value, &node) && node > m->lint->nodes) {
        snprintf(why, why_size, "it names n%u: the lab has %u nodes", node, m->lint->nodes);
        ok = false;
    } else if (kind == 'e' && !known(m->lint, value, false)) {
        snprintf(why, why_size, "no clue is named '%.40s' up to here", value);
        ok = false;
    } else if (kind == 'p') {
        ok = pattern_ok(m->lint, value, why, why_size);
    }
    return ok;
}

static void lint_measure(struct lint *l, const Orrery__Exercise *x)
{
    struct buf filled = {0};
    struct measured_args args = {l, x->measure};
    char why[400];
    if (fill(l, x->measure, &filled) &&
        !measure_read((const char *)filled.base, measured_arg, &args, why, sizeof why))
        lab_fault(l->file, x->measure, "%s", why);
    buf_free(&filled);
}

static void lint_answers(struct lint *l, const Orrery__Exercise *x)
{
    char why[200];
    if (!x->n_choices == !x->number)
        lab_fault(l->file, x, "an exercise asks for one of its choices, or for a number");
    if (x->n_choices == 1 || x->n_choices > 8)
        lab_fault(l->file, x, "an exercise has 2 to 8 choices");
    if (x->n_choices != x->n_when)
        lab_fault(l->file, x, "there are %zu choices and %zu conditions: expected a when for each",
                  x->n_choices, x->n_when);
    for (size_t i = 0; i < x->n_when; i++)
        if (!condition_read(x->when[i], why, sizeof why))
            lab_fault(l->file, x->when[i], "%s", why);
    if (x->number && !(x->number->max > x->number->min))
        lab_fault(l->file, x->number, "max must be larger than min");
    if (x->number && !(x->number->tolerance >= 0 && x->number->tolerance <= 1))
        lab_fault(l->file, &x->number->tolerance, "tolerance is a share, from 0 to 1");
}

static void lint_exercise(struct lint *l, const Orrery__Exercise *x)
{
    needs(l, x, x->name, "name");
    needs(l, x, x->ask, "ask");
    needs(l, x, x->measure, "measure");
    if (x->after_beat < 1 || x->after_beat > l->lab->n_beats)
        lab_fault(l->file, &x->after_beat, "after_beat is %u: expected 1 to %zu", x->after_beat,
                  l->lab->n_beats);
    lint_lines(l, x->do_, x->n_do_);
    if (x->n_until == 0)
        lab_fault(l->file, x, "until is missing here: what must the measurement have seen?");
    lint_clues(l, x, x->until, x->n_until);
    lint_within(l, &x->within_ms);
    lint_answers(l, x);
    if (*x->measure)
        lint_measure(l, x);
    for (size_t i = 0; i < x->n_prove; i++)
        if (!known(l, x->prove[i], false))
            lab_fault(l->file, x->prove[i], "no clue is named '%.40s' up to here", x->prove[i]);
    lint_caption(l, x->because);
}

static void lint_beat(struct lint *l, const Orrery__Beat *beat)
{
    needs(l, beat, beat->title, "title");
    needs(l, beat, beat->say, "say");
    if (beat->seconds > 300)
        lab_fault(l->file, &beat->seconds, "seconds is %u: at most 300 for a beat", beat->seconds);
    lint_lines(l, beat->do_, beat->n_do_);
    lint_clues(l, beat, beat->until, beat->n_until);
    lint_within(l, &beat->within_ms);
    lint_caption(l, beat->say);
}

/* In the order of a walk, so that names are known where they are used. */
static void lint_walk(struct lint *l)
{
    const Orrery__Lab *lab = l->lab;
    uint64_t seconds = 0;
    size_t acts = 0;
    for (size_t i = 0; i < lab->n_beats; i++) {
        lint_beat(l, lab->beats[i]);
        seconds += lab->beats[i]->seconds;
        acts += lab->beats[i]->n_do_;
        for (size_t k = 0; k < lab->n_exercises; k++)
            if (lab->exercises[k]->after_beat == i + 1) {
                lint_exercise(l, lab->exercises[k]);
                acts += lab->exercises[k]->n_do_;
            }
    }
    for (size_t k = 0; k < lab->n_exercises; k++)
        if (lab->exercises[k]->after_beat < 1 || lab->exercises[k]->after_beat > lab->n_beats)
            lint_exercise(l, lab->exercises[k]);
    if (lab->n_beats == 0)
        lab_fault(l->file, lab, "beats is missing: a lab is a walk");
    if (seconds > LAB_SECONDS_MAX)
        lab_fault(l->file, lab, "the beats take %llu s together: at most %d",
                  (unsigned long long)seconds, LAB_SECONDS_MAX);
    if (lab->n_beats && acts == 0 && lab->n_exercises == 0)
        lab_fault(l->file, lab, "nothing is done in this lab: expected a do somewhere");
}

/* --- load --- */

static void lint_load(struct lint *l)
{
    const Orrery__LabLoad *load = l->lab->load;
    if (!load)
        return;
    if (load->clients < 1 || load->clients > LAB_CLIENTS_MAX)
        lab_fault(l->file, &load->clients, "clients is %u: expected 1 to %d", load->clients,
                  LAB_CLIENTS_MAX);
    if (!(load->rate >= 0 && load->rate <= LAB_RATE_MAX))
        lab_fault(l->file, &load->rate, "rate is %g: expected 0 to %d", load->rate, LAB_RATE_MAX);
    if (load->keys < 1 || load->keys > LAB_KEYS_MAX)
        lab_fault(l->file, &load->keys, "keys is %u: expected 1 to %d", load->keys, LAB_KEYS_MAX);
    if (load->value_bytes > LAB_VALUE_MAX)
        lab_fault(l->file, &load->value_bytes, "value_bytes is %u: at most %d", load->value_bytes,
                  LAB_VALUE_MAX);
    for (size_t i = 0; i < load->n_mix; i++) {
        uint32_t mix[LOAD_KINDS];
        if (!load_mix(mix, load->mix[i]))
            lab_fault(l->file, load->mix[i],
                      "'%.40s': expected set, get, del, incr, exec, append or cas and a weight, as "
                      "\"set 70\"",
                      load->mix[i]);
    }
}

/* --- flaws, invariants, controls --- */

/* Some group takes it. */
static bool has_flaw(struct lint *l, const char *flaw, char *why, size_t why_size)
{
    bool taken = false;
    for (size_t i = 0; i < l->lab->n_groups && !taken; i++) {
        struct vocabulary v = {0};
        struct cluster_instance instance;
        struct cluster_group group = lab_group(l->lab, i, &instance);
        instance.flaws = &flaw;
        instance.n_flaws = 1;
        taken = vocabulary_learn(&v, &group, why, why_size);
        vocabulary_free(&v);
    }
    return taken;
}

/* CHECKER/INVARIANT: that there is. */
static void lint_checked(struct lint *l, const void *at, const char *name)
{
    struct buf list = {0};
    bool found = false;
    for (size_t i = 0; check_invariant(i); i++) {
        found |= strcmp(check_invariant(i), name) == 0;
        buf_printf(&list, "%s%s", i ? ", " : "", check_invariant(i));
    }
    if (!found)
        lab_fault(l->file, at, "no checker has '%.80s': there are %.*s", name, (int)list.len,
                  (const char *)list.base);
    buf_free(&list);
}

static void lint_flaws(struct lint *l)
{
    char why[400];
    for (size_t i = 0; i < l->lab->n_flaws; i++) {
        const Orrery__LabFlaw *f = l->lab->flaws[i];
        needs(l, f, f->flaw, "flaw");
        needs(l, f, f->title, "title");
        needs(l, f, f->refutes, "refutes");
        if (*f->flaw && l->words.n && !has_flaw(l, f->flaw, why, sizeof why))
            lab_fault(l->file, f->flaw, "%s", why);
        if (*f->refutes)
            lint_checked(l, f->refutes, f->refutes);
        if (f->tries > FLAW_TRIES_MAX)
            lab_fault(l->file, &f->tries, "tries is %u: at most %d", f->tries, FLAW_TRIES_MAX);
        lint_lines(l, f->do_, f->n_do_);
        lint_clues(l, f, f->until, f->n_until);
    }
}

static void lint_invariants(struct lint *l)
{
    if (l->lab->n_invariants == 0)
        lab_fault(l->file, l->lab, "invariants is missing: what must always hold here?");
    for (size_t i = 0; i < l->lab->n_invariants; i++) {
        const Orrery__Invariant *v = l->lab->invariants[i];
        char name[200];
        needs(l, v, v->text, "text");
        snprintf(name, sizeof name, "%.80s/%.80s", v->checker, v->invariant);
        lint_checked(l, v, name);
    }
}

static void lint_goals(struct lint *l)
{
    for (size_t i = 0; i < l->lab->n_goals; i++) {
        const Orrery__Goal *g = l->lab->goals[i];
        needs(l, g, g->ask, "ask");
        for (size_t k = 0; k < g->n_until; k++)
            if (g->until[k]->n_then)
                lab_fault(l->file, g->until[k], "a goal is the user's to reach: it does nothing");
        if (g->n_until == 0)
            lab_fault(l->file, g, "until is missing here: which events reach the goal?");
        lint_clues(l, g, g->until, g->n_until);
    }
}

static bool has_group(const Orrery__Lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->n_groups; i++)
        if (strcmp(lab->groups[i]->name, name) == 0)
            return true;
    return false;
}

static void lint_control(struct lint *l, const Orrery__Control *c)
{
    static const char *const kinds[] = {"kill",  "pause", "resume", "restart", "stop",
                                        "power", "cut",   "heal",   "link",    "disk",
                                        "clock", "pace",  "break",  "setting", "do"};
    bool found = false, setting = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        found |= strcmp(kinds[i], c->kind) == 0;
    if (!found)
        lab_fault(l->file, c,
                  "there is no control '%.40s': expected kill, pause, resume, restart, stop, "
                  "power, cut, heal, link, disk, clock, pace, break, setting or do",
                  c->kind);
    if (*c->group && !has_group(l->lab, c->group))
        lab_fault(l->file, c->group, "there is no group '%.40s'", c->group);
    if (strcmp(c->kind, "setting") != 0 || !l->words.n)
        return;
    for (size_t i = 0; i < l->words.n; i++)
        setting |= vocabulary_has_setting(&l->words, i, c->setting, strlen(c->setting));
    if (!setting)
        lab_fault(l->file, c, "the protocol has no setting '%.40s'", c->setting);
}

static void lint_head(struct lint *l)
{
    static const char *const groups[] = {"system-design", "distributed-systems", "kafka", "ai"};
    const Orrery__Lab *lab = l->lab;
    bool found = false;
    needs(l, lab, lab->name, "name");
    needs(l, lab, lab->title, "title");
    needs(l, lab, lab->promise, "promise");
    for (size_t i = 0; i < 4; i++)
        found |= strcmp(groups[i], lab->group) == 0;
    if (!found)
        lab_fault(l->file, *lab->group ? (const void *)lab->group : lab,
                  "group is '%.40s': expected system-design, distributed-systems, kafka or ai",
                  lab->group);
    if (lab->seconds > LAB_SECONDS_MAX)
        lab_fault(l->file, &lab->seconds, "seconds is %u: at most %d", lab->seconds,
                  LAB_SECONDS_MAX);
}

void lab_lint(struct lab_file *f)
{
    struct lint *l = calloc(1, sizeof *l);
    CHECK(l);
    l->file = f;
    l->lab = f->lab;
    lint_head(l);
    l->nodes = lab_nodes(f->lab);
    lint_groups(f, &l->words);
    lint_load(l);
    lint_walk(l);
    lint_goals(l);
    lint_invariants(l);
    lint_flaws(l);
    for (size_t i = 0; i < l->lab->n_controls; i++)
        lint_control(l, l->lab->controls[i]);
    vocabulary_free(&l->words);
    free(l);
}
