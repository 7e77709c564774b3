#include "check/history_read.h"

#include "base/must.h"
#include "check/edn.h"
#include "timeline/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const model_names[] = {"unknown", "register", "cas", "kv", "queue"};

const char *history_model_name(enum history_model m)
{
    return model_names[m];
}

bool history_model_parse(const char *text, enum history_model *m)
{
    for (enum history_model i = MODEL_REGISTER; i <= MODEL_QUEUE; i++)
        if (strcmp(text, model_names[i]) == 0) {
            *m = i;
            return true;
        }
    return false;
}

enum shape {
    SHAPE_REGISTER, /* The value, or [key value]. */
    SHAPE_KEYED,    /* Of :key. */
    SHAPE_QUEUE,
};

struct verb {
    const char *name;
    enum action_kind kind;
    enum shape shape;
    enum history_model model; /* The least that has it. */
};

static const struct verb verbs[] = {
    {"read", ACTION_READ, SHAPE_REGISTER, MODEL_REGISTER},
    {"write", ACTION_WRITE, SHAPE_REGISTER, MODEL_REGISTER},
    {"cas", ACTION_CAS, SHAPE_REGISTER, MODEL_CAS},
    {"get", ACTION_READ, SHAPE_KEYED, MODEL_KV},
    {"put", ACTION_WRITE, SHAPE_KEYED, MODEL_KV},
    {"set", ACTION_WRITE, SHAPE_KEYED, MODEL_KV},
    {"append", ACTION_APPEND, SHAPE_KEYED, MODEL_KV},
    {"del", ACTION_DELETE, SHAPE_KEYED, MODEL_KV},
    {"incr", ACTION_ADD, SHAPE_KEYED, MODEL_KV},
    {"exists", ACTION_EXISTS, SHAPE_KEYED, MODEL_KV},
    {"length", ACTION_LENGTH, SHAPE_KEYED, MODEL_KV},
    {"expire", ACTION_EXPIRE, SHAPE_KEYED, MODEL_KV},
    {"enqueue", ACTION_ENQUEUE, SHAPE_QUEUE, MODEL_QUEUE},
    {"dequeue", ACTION_DEQUEUE, SHAPE_QUEUE, MODEL_QUEUE},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

/* One line of a history, as values of the reader. */
struct said {
    uint32_t process, type, f, key, value;
};

struct reading {
    struct history *history;
    struct edn edn;
    bool log; /* Of Jepsen's log. */
    enum history_model model;
    uint64_t moment;
    uint32_t line;           /* Of what is being taken. */
    struct operation **open; /* By client. */
    uint32_t n_open;
    bool wrote_empty;
    char *why;
    size_t why_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct reading *r, const char *format, ...)
{
    char what[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)snprintf(r->why, r->why_size, "line %u: %s", r->line, what);
    return false;
}

/* What the file says, fit for a sentence. */
static const char *quoted(struct reading *r, uint32_t value, char into[64])
{
    struct buf b = {0};
    struct bytes text = value ? edn_text(&r->edn, value) : bytes_str("nothing");
    text_put(bytes_of(text.base, text.len < 40 ? text.len : 40), &b);
    (void)snprintf(into, 64, "%.*s", (int)(b.len < 60 ? b.len : 60), (const char *)b.base);
    buf_free(&b);
    return into;
}

static enum edn_kind kind_of(const struct reading *r, uint32_t value)
{
    return value ? r->edn.values[value].kind : EDN_NIL;
}

static bool is_text(const struct reading *r, uint32_t value)
{
    enum edn_kind k = kind_of(r, value);
    return k == EDN_NUMBER || k == EDN_STRING || k == EDN_KEYWORD || k == EDN_SYMBOL;
}

/* A value that a store holds. */
static bool take_word(struct reading *r, uint32_t value, uint32_t *word)
{
    *word = VALUE_ABSENT;
    if (kind_of(r, value) == EDN_NIL)
        return true;
    if (!is_text(r, value))
        return refuse(r, "a value is a number, a string or nil here");
    *word = words_add(&r->history->datatype.words, edn_text(&r->edn, value));
    return true;
}

static bool take_number(struct reading *r, uint32_t value, int64_t *number)
{
    char text[32];
    char *end;
    struct bytes b = value ? edn_text(&r->edn, value) : bytes_str("");
    (void)snprintf(text, sizeof text, "%.*s", (int)(b.len < 31 ? b.len : 31),
                   b.len ? (const char *)b.base : "");
    errno = 0;
    *number = strtoll(text, &end, 10);
    if (kind_of(r, value) != EDN_NUMBER || *end || errno || b.len > 31)
        return refuse(r, "a whole number is missing");
    return true;
}

static const struct verb *find_verb(const struct reading *r, uint32_t f)
{
    for (size_t i = 0; i < VERBS; i++)
        if (edn_is(&r->edn, f, EDN_KEYWORD, verbs[i].name))
            return &verbs[i];
    if (edn_is(&r->edn, f, EDN_KEYWORD, "r"))
        return &verbs[3];
    return edn_is(&r->edn, f, EDN_KEYWORD, "w") ? &verbs[5] : NULL;
}

/* The key and the value of a line, wherever they stand. */
static bool split(struct reading *r, const struct verb *v, uint32_t *key, uint32_t *value)
{
    const struct edn *e = &r->edn;
    if (*key && !is_text(r, *key))
        return refuse(r, "a key is a number or a string");
    if (v->shape == SHAPE_KEYED && !*key)
        return refuse(r, ":%s needs a :key", v->name);
    if (v->shape != SHAPE_REGISTER || *key || kind_of(r, *value) != EDN_VECTOR)
        return true;
    uint32_t second = edn_child(e, *value, 1);
    if (e->values[*value].n != 2)
        return refuse(r, "a vector of two is expected: [key value]");
    if (v->kind == ACTION_CAS && kind_of(r, second) != EDN_VECTOR)
        return true; /* [old new] of the one register. */
    *key = edn_child(e, *value, 0);
    *value = second;
    return is_text(r, *key) || refuse(r, "a key is a number or a string");
}

static bool take_cas(struct reading *r, struct action *a, uint32_t value)
{
    const struct edn *e = &r->edn;
    if (kind_of(r, value) != EDN_VECTOR || e->values[value].n != 2)
        return refuse(r, ":cas needs [old new]");
    return take_word(r, edn_child(e, value, 0), &a->expected) &&
           take_word(r, edn_child(e, value, 1), &a->value);
}

/* What is asked. */
static bool take_question(struct reading *r, const struct verb *v, uint32_t key, uint32_t value,
                          struct action *a)
{
    if (!split(r, v, &key, &value))
        return false;
    struct bytes name = key ? edn_text(&r->edn, key) : bytes_str("");
    *a = (struct action){.kind = v->kind, .key = words_add(&r->history->keys, name)};
    switch (v->kind) {
    case ACTION_WRITE:
    case ACTION_APPEND:
    case ACTION_ENQUEUE:
        if (!take_word(r, value, &a->value))
            return false;
        if (a->value && r->history->datatype.words.all[a->value].len == 0) {
            bool put = strcmp(v->name, "put") == 0; /* There nothing and "" are the same. */
            r->wrote_empty |= !put && v->kind == ACTION_WRITE;
            a->value = put || v->kind == ACTION_APPEND ? VALUE_ABSENT : a->value;
        }
        return true;
    case ACTION_CAS:
        return take_cas(r, a, value);
    case ACTION_ADD:
        a->by = 1;
        return kind_of(r, value) == EDN_NIL || take_number(r, value, &a->by);
    default:
        return true;
    }
}

/* What was answered. */
static bool take_answer(struct reading *r, const struct verb *v, uint32_t key, uint32_t value,
                        struct action *a)
{
    if (v->shape == SHAPE_KEYED && !key)
        key = value; /* Only the value is needed. */
    if (v->kind == ACTION_READ || v->kind == ACTION_DEQUEUE) {
        a->told = true;
        if (!split(r, v, &key, &value))
            return false;
        if (v->shape == SHAPE_REGISTER && key) /* Of a read, not all say it before. */
            a->key = words_add(&r->history->keys, edn_text(&r->edn, key));
        return take_word(r, value, &a->value);
    }
    if (v->kind == ACTION_CAS) {
        a->told = true;
        a->number = 1;
    } else if (v->kind != ACTION_WRITE && v->kind != ACTION_ENQUEUE && v->kind != ACTION_EXPIRE &&
               kind_of(r, value) == EDN_NUMBER) {
        a->told = true;
        return take_number(r, value, &a->number);
    }
    return true;
}

/* [:set "k" "v"] of a txn. */
static const struct verb *micro(struct reading *r, uint32_t one, uint32_t *key, uint32_t *value)
{
    char text[64];
    const struct edn *e = &r->edn;
    *key = edn_child(e, one, 1);
    *value = edn_child(e, one, 2);
    const struct verb *v = find_verb(r, edn_child(e, one, 0));
    if (kind_of(r, one) == EDN_VECTOR && v && v->shape == SHAPE_KEYED && *key)
        return v;
    (void)refuse(r, "a txn has no '%s': expected [:get \"k\" nil], [:set \"k\" \"v\"] and such",
                 quoted(r, kind_of(r, one) == EDN_VECTOR ? edn_child(e, one, 0) : one, text));
    return NULL;
}

static bool take_txn(struct reading *r, const struct said *s, struct operation *o, bool answer)
{
    for (uint32_t i = 0; i < o->n; i++) {
        uint32_t key;
        uint32_t value;
        const struct verb *v = micro(r, edn_child(&r->edn, s->value, i), &key, &value);
        if (!v || !(answer ? take_answer(r, v, key, value, &o->actions[i])
                           : take_question(r, v, key, value, &o->actions[i])))
            return false;
    }
    return true;
}

static bool fits_model(struct reading *r, enum history_model least)
{
    enum history_model now = r->model;
    bool queue = least == MODEL_QUEUE;
    if (now != MODEL_UNKNOWN && queue != (now == MODEL_QUEUE))
        return refuse(r, "one history is of a queue or of something else, not of both");
    r->model = least > now ? least : now;
    return true;
}

static struct operation *open_operation(struct reading *r, const struct said *s)
{
    char text[64];
    const struct verb *v = find_verb(r, s->f);
    bool txn = edn_is(&r->edn, s->f, EDN_KEYWORD, "txn");
    uint32_t n = txn && kind_of(r, s->value) == EDN_VECTOR ? r->edn.values[s->value].n : 1;
    if (!v && !txn) {
        (void)refuse(r,
                     "':%s' is not known here: read, write, cas, get, put, set, append, del, "
                     "incr, exists, length, enqueue, dequeue and txn are",
                     quoted(r, s->f, text));
        return NULL;
    }
    if (!fits_model(r, txn ? MODEL_KV : v->model))
        return NULL;
    struct operation *o = operation_new(n);
    if (n > 0 &&
        (txn ? take_txn(r, s, o, false) : take_question(r, v, s->key, s->value, &o->actions[0])))
        return o;
    if (n == 0)
        (void)refuse(r, "a txn of nothing");
    free(o);
    return NULL;
}

static bool invoke(struct reading *r, const struct said *s, uint32_t client)
{
    if (r->open[client])
        return refuse(r, "a process asks while line %llu of it is not answered",
                      (unsigned long long)r->open[client]->invoke_event);
    if (r->history->operations.n >= HISTORY_OPERATIONS_MAX)
        return refuse(r, "there are more than %d operations", HISTORY_OPERATIONS_MAX);
    struct operation *o = open_operation(r, s);
    if (!o)
        return false;
    o->client = client;
    o->invoked = r->moment;
    o->invoke_event = r->line;
    operations_add(&r->history->operations, o);
    r->open[client] = o;
    return true;
}

static bool answer(struct reading *r, const struct said *s, struct operation *o)
{
    const struct verb *v = find_verb(r, s->f);
    if (!v && !edn_is(&r->edn, s->f, EDN_KEYWORD, "txn"))
        return refuse(r, "the answer is of another kind than the question");
    if (!v && (kind_of(r, s->value) != EDN_VECTOR || r->edn.values[s->value].n != o->n))
        return refuse(r, "a txn is answered with as many parts as it has");
    if (v && o->n != 1)
        return refuse(r, "the answer is of another kind than the question");
    for (uint32_t i = 0; i < o->n; i++)
        if (v && o->actions[i].kind != v->kind)
            return refuse(r, "the answer is of another kind than the question");
    return v ? take_answer(r, v, s->key, s->value, &o->actions[0]) : take_txn(r, s, o, true);
}

/* A failed compare-and-set of the log found another value; what else failed did not happen. */
static void fail(struct reading *r, const struct said *s, struct operation *o)
{
    struct action *a = &o->actions[0];
    if (r->log && a->kind == ACTION_CAS && kind_of(r, s->value) == EDN_VECTOR) {
        a->told = true;
        a->number = 0;
        o->fate = FATE_OK;
    } else {
        o->fate = FATE_DROPPED;
    }
}

static bool complete(struct reading *r, const struct said *s, uint32_t client)
{
    struct operation *o = r->open[client];
    if (!o)
        return refuse(r, "an answer to nothing that this process asked");
    if (edn_is(&r->edn, s->type, EDN_KEYWORD, "info")) {
        o->fate = FATE_UNKNOWN;
    } else if (edn_is(&r->edn, s->type, EDN_KEYWORD, "fail")) {
        fail(r, s, o);
    } else {
        o->fate = FATE_OK;
        if (!answer(r, s, o))
            return false;
    }
    o->completed = o->fate == FATE_UNKNOWN ? NEVER : r->moment;
    o->complete_event = r->line;
    r->open[client] = NULL;
    return true;
}

static bool take_said(struct reading *r, const struct said *s)
{
    char text[64];
    const struct edn *e = &r->edn;
    if (kind_of(r, s->process) == EDN_KEYWORD || kind_of(r, s->process) == EDN_SYMBOL)
        return true; /* The nemesis: what was done to the system. */
    if (!is_text(r, s->process) || !s->type || !s->f)
        return refuse(r, "it needs :process, :type and :f");
    uint32_t client = words_add(&r->history->clients, edn_text(e, s->process));
    if (client >= r->n_open) {
        r->open = must_grow(r->open, r->n_open, 2 * (size_t)client, sizeof(struct operation *));
        r->n_open = 2 * client;
    }
    r->moment++;
    if (edn_is(e, s->type, EDN_KEYWORD, "invoke"))
        return invoke(r, s, client);
    if (edn_is(e, s->type, EDN_KEYWORD, "ok") || edn_is(e, s->type, EDN_KEYWORD, "fail") ||
        edn_is(e, s->type, EDN_KEYWORD, "info"))
        return complete(r, s, client);
    return refuse(r, "a :type is :invoke, :ok, :fail or :info, not '%s'", quoted(r, s->type, text));
}

/* A value, or the reader's fault as ours. */
static bool read_one(struct reading *r, uint32_t *value)
{
    *value = edn_read(&r->edn);
    if (!*value)
        r->line = r->edn.line;
    return *value || refuse(r, "%s", r->edn.fault);
}

static bool read_edn(struct reading *r)
{
    bool within = false;
    while (edn_more(&r->edn)) {
        uint32_t map;
        uint8_t c = r->edn.in.base[r->edn.at];
        r->line = r->edn.line;
        if ((c == '[' && !within) || (c == ']' && within)) { /* All of them in one vector. */
            within = c == '[';
            r->edn.at++;
            continue;
        }
        edn_forget(&r->edn);
        if (!read_one(r, &map))
            return false;
        const struct edn *e = &r->edn;
        if (kind_of(r, map) != EDN_MAP)
            return refuse(r, "a map like {:process 0, :type :invoke, :f :read, :value nil} is "
                             "expected");
        struct said s = {edn_get(e, map, "process"), edn_get(e, map, "type"), edn_get(e, map, "f"),
                         edn_get(e, map, "key"), edn_get(e, map, "value")};
        if (!take_said(r, &s))
            return false;
    }
    return !within || refuse(r, "the vector is not closed");
}

static const char log_prefix[] = "INFO  jepsen.util - ";

static bool read_log(struct reading *r)
{
    size_t n = sizeof log_prefix - 1;
    while (edn_more(&r->edn)) {
        struct said s = {0};
        struct edn *e = &r->edn;
        r->line = e->line;
        if (e->in.len - e->at < n || memcmp(e->in.base + e->at, log_prefix, n) != 0)
            return refuse(r, "expected '%s0 :invoke :read nil', with tabs", log_prefix);
        e->at += n;
        edn_forget(e);
        if (!read_one(r, &s.process) || !read_one(r, &s.type) || !read_one(r, &s.f) ||
            !read_one(r, &s.value))
            return false;
        if (e->line != r->line)
            return refuse(r, "the line ends too early");
        if (!take_said(r, &s))
            return false;
    }
    return true;
}

/* What nobody answered; and some stores say "" where there is nothing. */
static void finish(struct reading *r)
{
    struct history *h = r->history;
    for (uint32_t i = 0; i < h->operations.n; i++) {
        struct operation *o = h->operations.all[i];
        if (o->fate == FATE_OPEN)
            o->fate = FATE_UNKNOWN;
        for (uint32_t k = 0; k < o->n && !r->wrote_empty; k++) {
            struct action *a = &o->actions[k];
            if (a->kind == ACTION_READ && a->value && h->datatype.words.all[a->value].len == 0)
                a->value = VALUE_ABSENT;
        }
        operation_settle(o);
    }
}

bool history_read(struct history *h, struct bytes file, enum history_model *model, char *why,
                  size_t why_size)
{
    struct reading r = {.history = h, .line = 1, .why = why, .why_size = why_size};
    struct bytes mark = bytes_str(HISTORY_SHORTENED);
    h->datatype.brief = file.len >= mark.len && memcmp(file.base, mark.base, mark.len) == 0;
    edn_init(&r.edn, file);
    (void)edn_more(&r.edn);
    r.log = file.len - r.edn.at >= 4 && memcmp(file.base + r.edn.at, "INFO", 4) == 0;
    bool read = r.log ? read_log(&r) : read_edn(&r);
    finish(&r);
    if (read && h->operations.n == 0)
        read = refuse(&r, "there is no operation in it");
    if (read && *model != MODEL_UNKNOWN &&
        (r.model > *model || (*model == MODEL_QUEUE) != (r.model == MODEL_QUEUE)))
        read = refuse(&r, "a %s has not all of these operations: it is a history of a %s",
                      history_model_name(*model), history_model_name(r.model));
    *model = *model == MODEL_UNKNOWN ? r.model : *model;
    edn_free(&r.edn);
    free(r.open);
    return read;
}
