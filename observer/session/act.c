/* From a line to what happens: expanded, checked, completed, told to the timeline, then done. */
#include "session/inside.h"
#include "session/viewer.h"

#include "base/check.h"
#include "base/errors.h"
#include "cluster/command.h"
#include "sim/settings.h"
#include "timeline/pattern.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORDS_A_LINE_MAX = 128, PATIENCE_NS = 1000000000 };

struct why {
    char *text;
    size_t size;
};

/* "deliver e1323": the message that this event sent. */
static bool deliver_of(struct session *s, const char **words, int *n, char from[16], char event[32],
                       const struct why *why)
{
    uint64_t ordinal;
    struct entry e;
    if (*n < 2 || strcmp(words[0], "deliver") != 0 || words[1][0] != 'e' ||
        !whole_parse(words[1] + 1, &ordinal) || *n + 2 >= WORDS_A_LINE_MAX)
        return true;
    if (!timeline_get(s->timeline, ordinal, &e)) {
        snprintf(why->text, why->size, "there is no e%llu (any more)", (unsigned long long)ordinal);
        return false;
    }
    if (e.head.body != ORRERY__EVENT__BODY_SEND) {
        snprintf(why->text, why->size, "e%llu is no send", (unsigned long long)ordinal);
        return false;
    }
    snprintf(from, 16, "n%u", e.node);
    snprintf(event, 32, "--event=%llu", (unsigned long long)e.head.seq);
    memmove(words + 3, words + 2, (size_t)(*n - 2) * sizeof *words);
    words[1] = from;
    words[2] = event;
    ++*n;
    return true;
}

static Orrery__Command *parse_line(struct session *s, const char *line, const struct why *why)
{
    struct buf memory = {0};
    const char *words[WORDS_A_LINE_MAX];
    char from[16], event[32];
    Orrery__Command *command = NULL;
    int n = words_split(line, &memory, words, WORDS_A_LINE_MAX);
    if (n < 0)
        snprintf(why->text, why->size, "a quote in the line is not closed, or it is too long");
    else if (deliver_of(s, words, &n, from, event, why))
        command = command_parse(words, (size_t)n, why->text, why->size);
    buf_free(&memory);
    return command;
}

/* A command that came as a message is put through its line: what the parser refuses is refused. */
static Orrery__Command *parse(struct session *s, const char *line, const Orrery__Command *command,
                              const struct why *why)
{
    if (!command)
        return parse_line(s, line, why);
    struct buf printed = {0};
    command_print(command, &printed);
    buf_append(&printed, bytes_of("", 1));
    Orrery__Command *again = parse_line(s, (const char *)printed.base, why);
    buf_free(&printed);
    return again;
}

/* A start of the nodes, if one will do for all of them. */
static const Orrery__Start *start_of_all(struct session *s, const Orrery__Break *b,
                                         const struct why *why)
{
    const Orrery__Start *start = NULL;
    for (size_t i = 0; i < b->n_nodes; i++) {
        const Orrery__Start *one = timeline_start(s->timeline, b->nodes[i]);
        if (start && one && !pattern_same_kind(start, one)) {
            snprintf(why->text, why->size,
                     "n%u and n%u are of different groups: give each group its breakpoint",
                     start->node, one->node);
            return NULL;
        }
        start = start ? start : one;
    }
    if (!start)
        snprintf(why->text, why->size, "the nodes have not begun yet: try again in a moment");
    return start;
}

static bool compile(struct session *s, Orrery__Break *b, const struct why *why)
{
    struct buf packed = {0};
    const Orrery__Start *start = start_of_all(s, b, why);
    if (!start)
        return false;
    if (!pattern_compile(b->pattern, timeline_schema(s->timeline), start, &packed, why->text,
                         why->size)) {
        buf_free(&packed);
        return false;
    }
    b->has_compiled = 1;
    b->compiled.data = malloc(packed.len + 1);
    CHECK(b->compiled.data);
    if (packed.len)
        memcpy(b->compiled.data, packed.base, packed.len);
    b->compiled.len = packed.len;
    buf_free(&packed);
    return true;
}

/* A node only warns of settings that it cannot use, so that is found out before it is told. */
static bool settings_known(struct session *s, const Orrery__Set *set, const struct why *why)
{
    uint32_t instance = set->instance ? set->instance : 1;
    for (size_t i = 0; i < set->n_nodes; i++) {
        const Orrery__Start *start = timeline_start(s->timeline, set->nodes[i]);
        if (start && !settings_accepted(start, instance, set->settings, set->n_settings, why->text,
                                        why->size))
            return false;
    }
    return true;
}

static bool order_among(const Orrery__Instance *i, const char *verb, const struct why *why)
{
    struct buf known = {0};
    for (size_t k = 0; k < i->n_orders; k++) {
        if (strcasecmp(i->orders[k], verb) == 0) {
            buf_free(&known);
            return true;
        }
        buf_printf(&known, "%s%s", k ? ", " : "", i->orders[k]);
    }
    if (i->n_orders)
        snprintf(why->text, why->size, "%s knows no order '%s', only: %.*s", i->protocol, verb,
                 (int)known.len, (const char *)known.base);
    else
        snprintf(why->text, why->size, "%s takes no orders", i->protocol);
    buf_free(&known);
    return false;
}

/* A protocol that does not know an order passes over it, so that is said before it is told. */
static bool order_known(struct session *s, const Orrery__Do *order, const struct why *why)
{
    uint32_t number = order->instance ? order->instance : 1;
    for (size_t i = 0; i < order->n_nodes; i++) {
        const Orrery__Start *start = timeline_start(s->timeline, order->nodes[i]);
        const Orrery__Instance *instance = NULL;
        for (size_t k = 0; start && k < start->n_instances; k++)
            if (start->instances[k]->number == number)
                instance = start->instances[k];
        if (start && !instance) {
            snprintf(why->text, why->size, "n%u has no instance %u", order->nodes[i], number);
            return false;
        }
        if (instance && !order_among(instance, order->verb, why))
            return false;
    }
    return true;
}

/* What the user left open, so that the line alone repeats it. */
static bool complete(struct session *s, Orrery__Command *c, const struct why *why)
{
    if (c->verb_case == ORRERY__COMMAND__VERB_POWER && c->power->seed == 0) {
        c->power->has_seed = 1;
        c->power->seed = 1 + randombytes_uniform(999999);
        if (c->power->lose == ORRERY__LOSE__LOSE_ALL)
            c->power->has_seed = 0; /* Decides nothing. */
    }
    if (c->verb_case == ORRERY__COMMAND__VERB_PACE)
        return clients_allow(s, c->pace, why->text, why->size);
    if (c->verb_case == ORRERY__COMMAND__VERB_DO)
        return order_known(s, c->do_, why);
    if (c->verb_case == ORRERY__COMMAND__VERB_SET)
        return settings_known(s, c->set, why);
    if (c->verb_case != ORRERY__COMMAND__VERB_BREAK || c->break_->clear)
        return true;
    c->break_->has_id = 1;
    c->break_->id = ++s->next_break;
    return compile(s, c->break_, why);
}

/* What was due before a command happens before it, also where the command comes at the instant of
 * another one: so that it can be given again at its time, and finds the same. */
static void settle(struct session *s)
{
    if (s->options.simulated)
        cluster_sim_run(s->cluster, cluster_now(s->cluster));
}

static uint64_t tell_timeline(struct session *s, const char *line, Orrery__Command *command)
{
    uint64_t mono;
    int64_t wall;
    size_t n;
    const uint32_t *nodes = command_nodes(command, &n);
    Orrery__Operator operator= ORRERY__OPERATOR__INIT;
    operator.line =(char *)(uintptr_t) line;
    operator.nodes =(uint32_t *)(uintptr_t) nodes;
    operator.n_nodes = n;
    operator.command = command;
    Orrery__Event event = ORRERY__EVENT__INIT;
    event.body_case = ORRERY__EVENT__BODY_OPERATOR;
    event.operator_ = &operator;
    s->cluster->ops->now(s->cluster, &mono, &wall);
    return timeline_operator(s->timeline, mono, wall, &event);
}

/* `note` is told behind the line. */
static int act(struct session *s, const char *line, const Orrery__Command *given, const char *note,
               uint64_t *seq, char *why, size_t why_size)
{
    const struct why sentence = {why, why_size};
    struct buf printed = {0};
    int error = ERROR_REFUSED;
    if (s->ending) {
        snprintf(why, why_size, "the run is ending");
        return ERROR_REFUSED;
    }
    if (s->options.replay) {
        snprintf(why, why_size, "%s", recorded_refusal);
        return ERROR_REFUSED;
    }
    Orrery__Command *command = parse(s, line, given, &sentence);
    if (!command)
        return ERROR_MALFORMED;
    command_print(command, &printed);
    cluster_expand(s->cluster, command);
    if (cluster_check(s->cluster, command, why, why_size) == 0 && complete(s, command, &sentence)) {
        if (command->verb_case == ORRERY__COMMAND__VERB_POWER) {
            buf_clear(&printed);
            command_print(command, &printed);
        }
        buf_append(&printed, bytes_str(note));
        buf_append(&printed, bytes_of("", 1));
        settle(s);
        *seq = tell_timeline(s, (const char *)printed.base, command);
        error = s->cluster->ops->command(s->cluster, command, *seq, why, why_size);
    }
    if (error == 0)
        snprintf(why, why_size, "%s", (const char *)printed.base);
    buf_free(&printed);
    orrery__command__free_unpacked(command, NULL);
    return error;
}

int session_act(struct session *s, const char *line, const Orrery__Command *command, uint64_t *seq,
                char *why, size_t why_size)
{
    return act(s, line, command, "", seq, why, why_size);
}

void act_again(struct session *s, const Orrery__Operator *done)
{
    char why[200]; /* What was refused then is refused again. */
    settle(s);
    uint64_t seq = tell_timeline(s, done->line, done->command);
    (void)s->cluster->ops->command(s->cluster, done->command, seq, why, sizeof why);
    if (done->command->verb_case == ORRERY__COMMAND__VERB_BREAK &&
        done->command->break_->id > s->next_break)
        s->next_break = done->command->break_->id;
}

int act_by_itself(struct session *s, const char *line, const char *note, char *why, size_t why_size)
{
    uint64_t seq;
    return act(s, line, NULL, note, &seq, why, why_size);
}

void act_and_answer(struct session *s, struct viewer *viewer, uint64_t ask, const Orrery__Act *act,
                    char *why, size_t why_size, bool *answered)
{
    uint64_t seq = 0;
    *answered = false;
    if (session_act(s, act->line, act->command, &seq, why, why_size) < 0)
        return;
    *answered = true;
    /* A simulated cluster may have run on, so that the event has its place by now. */
    if (s->operated_seq == seq || s->n_waiting == ACTS_WAITING_MAX) {
        viewer_done(viewer, ask, why, s->operated_seq == seq ? s->operated_ordinal : 0);
        return;
    }
    struct act_waiting *w = &s->waiting[s->n_waiting++];
    *w = (struct act_waiting){seq, viewer, ask, session_machine_ns(), ""};
    snprintf(w->line, sizeof w->line, "%s", why);
}

static void answer(struct session *s, size_t i, uint64_t ordinal)
{
    struct act_waiting w = s->waiting[i];
    s->waiting[i] = s->waiting[--s->n_waiting];
    if (viewers_know(s, w.viewer))
        viewer_done(w.viewer, w.ask, w.line, ordinal);
}

void acts_entry(struct session *s, const struct entry *e)
{
    if (e->node != 0 || e->head.body != ORRERY__EVENT__BODY_OPERATOR)
        return;
    s->operated_seq = e->head.seq;
    s->operated_ordinal = e->ordinal;
    for (size_t i = 0; i < s->n_waiting; i++)
        if (s->waiting[i].seq == e->head.seq) {
            answer(s, i, e->ordinal);
            return;
        }
}

void acts_tick(struct session *s)
{
    for (size_t i = s->n_waiting; i > 0; i--)
        if (session_machine_ns() - s->waiting[i - 1].since_ns > PATIENCE_NS)
            answer(s, i - 1, 0);
}
