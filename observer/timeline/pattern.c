#include "timeline/pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeline/pattern_value.h"
#include "timeline/types.h"

struct compiling {
    const struct schema *schema;
    const Orrery__Start *start;
    const struct schema_type *event;
    struct pattern_scope scope;
    Orrery__Pattern pattern;
    Orrery__Pattern__Term terms[PATTERN_TERMS_MAX];
    Orrery__Pattern__Term *list[PATTERN_TERMS_MAX];
    uint32_t paths[PATTERN_TERMS_MAX][PATTERN_DEPTH_MAX];
    struct pattern_text texts[PATTERN_TERMS_MAX];
    char *why;
    size_t why_size;
};

/* --- words --- */

static bool is_name_char(char c)
{
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z');
}

static const struct {
    const char *sign;
    Orrery__Pattern__Compare compare;
} signs[] = {
    {"!=", ORRERY__PATTERN__COMPARE__NOT_EQUAL},     {"<=", ORRERY__PATTERN__COMPARE__LESS_EQUAL},
    {">=", ORRERY__PATTERN__COMPARE__GREATER_EQUAL}, {"==", ORRERY__PATTERN__COMPARE__EQUAL},
    {"=", ORRERY__PATTERN__COMPARE__EQUAL},          {"<", ORRERY__PATTERN__COMPARE__LESS},
    {">", ORRERY__PATTERN__COMPARE__GREATER},
};

/* A value up to the next space, or in quotes. The position behind it; NULL: a quote is missing. */
static const char *read_value(const char *at, struct pattern_text *value)
{
    char quote = *at == '"' || *at == '\'' ? *at++ : 0;
    value->len = 0;
    while (*at && (quote ? *at != quote : *at != ' ')) {
        if (quote && *at == '\\' && at[1])
            at++;
        value->text[value->len++] = *at++;
    }
    value->text[value->len] = 0;
    if (!quote)
        return at;
    return *at == quote ? at + 1 : NULL;
}

struct word {
    char name[SCHEMA_NAME_MAX + 1];
    Orrery__Pattern__Compare compare; /* PRESENT: the name stands alone. */
    struct pattern_text value;
};

/* The position behind the next word; NULL and a sentence when there is none to be read. */
static const char *read_word(struct compiling *c, const char *at, struct word *w)
{
    size_t n = 0;
    while (is_name_char(at[n]) && n < SCHEMA_NAME_MAX)
        n++;
    memcpy(w->name, at, n);
    w->name[n] = 0;
    w->compare = ORRERY__PATTERN__COMPARE__PRESENT;
    w->value.len = 0;
    w->value.text[0] = 0;
    const char *rest = at + n;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t len = strlen(signs[i].sign);
        if (strncmp(rest, signs[i].sign, len) != 0)
            continue;
        w->compare = signs[i].compare;
        rest = read_value(rest + len, &w->value);
        break;
    }
    if (n > 0 && rest && (*rest == ' ' || *rest == 0))
        return rest;
    pattern_why(c->why, c->why_size, "'%.40s' cannot be read: say NAME, NAME=VALUE or NAME>=VALUE",
                at);
    return NULL;
}

/* --- kinds --- */

static void list_kinds(struct compiling *c, const char *name)
{
    struct buf list = {0};
    struct schema_field f;
    for (uint32_t i = 0; schema_field(c->event, i, &f); i++)
        if (f.number >= ORRERY__EVENT__BODY_START)
            buf_printf(&list, "%s%s", list.len ? ", " : "", f.name);
    for (size_t i = 0; i < c->start->n_types; i++)
        buf_printf(&list, ", %s", c->start->types[i]);
    pattern_why(c->why, c->why_size, "there is no kind of event '%s'; there are %.*s", name,
                (int)list.len, (const char *)list.base);
    buf_free(&list);
}

static bool is_type(const char *full, const char *name)
{
    size_t a = strlen(full), b = strlen(name);
    return strcmp(full, name) == 0 ||
           (a > b && full[a - b - 1] == '.' && strcmp(full + a - b, name) == 0);
}

static bool set_kind(struct compiling *c, const char *name)
{
    struct schema_field f;
    for (uint32_t i = 0; schema_field(c->event, i, &f); i++)
        if (f.number >= ORRERY__EVENT__BODY_START && strcmp(f.name, name) == 0) {
            c->pattern.body = f.number;
            c->scope.body = f.message;
            return true;
        }
    for (size_t i = 0; i < c->start->n_types; i++)
        if (is_type(c->start->types[i], name)) {
            c->pattern.body = ORRERY__EVENT__BODY_TRACE;
            c->pattern.typed = 1;
            c->pattern.trace_type = (uint32_t)i;
            c->scope.body = schema_find(c->schema, c->start->types[i]);
            c->scope.inner_field = 2;
            return true;
        }
    return false;
}

/* The messages that a send or receive may carry: of the instance that was named, else of any. */
static const struct schema_type *message_type(struct compiling *c, uint32_t i)
{
    const Orrery__Instance *instance = c->start->instances[i];
    if (c->pattern.instance && c->pattern.instance != instance->number)
        return NULL;
    const struct schema_type *t = schema_find(c->schema, instance->message_type);
    return t && !t->is_enum ? t : NULL;
}

static bool carries_message(const struct compiling *c)
{
    return c->pattern.body == ORRERY__EVENT__BODY_SEND ||
           c->pattern.body == ORRERY__EVENT__BODY_RECEIVE;
}

static uint32_t message_field(const struct compiling *c)
{
    return c->pattern.body == ORRERY__EVENT__BODY_SEND ? 4 : 6;
}

/* "Beat" after send or receive. */
static bool set_case(struct compiling *c, const char *name)
{
    for (uint32_t i = 0; carries_message(c) && i < c->start->n_instances; i++) {
        const struct schema_type *t = message_type(c, i);
        for (uint32_t f = 0; t && f < t->n; f++) {
            const struct type_field *field = &t->fields[f];
            if (!field->of || (strcmp(field->name, name) != 0 && !is_type(field->of, name)))
                continue;
            c->pattern.typed = 1;
            c->pattern.message_case = field->number;
            c->scope.message_case = field;
            return true;
        }
    }
    return false;
}

/* --- fields --- */

struct place {
    uint32_t path[PATTERN_DEPTH_MAX];
    size_t n;
    const struct type_field *field;
};

static const struct type_field *own_field(const struct schema_type *t, const char *name, size_t len)
{
    for (uint32_t i = 0; t && !t->is_enum && i < t->n; i++)
        if (strncmp(t->fields[i].name, name, len) == 0 && t->fields[i].name[len] == 0)
            return &t->fields[i];
    return NULL;
}

/* Appends the numbers along a dotted path from type t. */
static bool walk(const struct schema_type *t, const char *name, struct place *p)
{
    for (;;) {
        size_t len = strcspn(name, ".");
        p->field = own_field(t, name, len);
        if (!p->field || p->n == PATTERN_DEPTH_MAX)
            return false;
        p->path[p->n++] = p->field->number;
        if (name[len] == 0)
            return true;
        t = p->field->type == FIELD_TYPE(MESSAGE) ? p->field->message : NULL;
        name += len + 1;
    }
}

static bool walk_from(const struct schema_type *t, const uint32_t *before, size_t n,
                      const char *name, struct place *p)
{
    *p = (struct place){.n = n};
    memcpy(p->path, before, n * sizeof *before);
    return walk(t, name, p);
}

/* The body's own fields first, then what is packed in it, then the event's. */
static bool find_field(struct compiling *c, const char *name, struct place *p)
{
    uint32_t before[] = {c->pattern.body, 0, 0};
    if (c->scope.inner_field) {
        before[1] = c->scope.inner_field;
        if (walk_from(c->scope.body, before, 2, name, p))
            return true;
    } else if (c->scope.body && walk_from(c->scope.body, before, 1, name, p)) {
        return true;
    }
    before[1] = message_field(c);
    if (c->scope.message_case) {
        before[2] = c->scope.message_case->number;
        if (walk_from(c->scope.message_case->message, before, 3, name, p))
            return true;
    }
    for (uint32_t i = 0; carries_message(c) && i < c->start->n_instances; i++)
        if (walk_from(message_type(c, i), before, 2, name, p))
            return true;
    return walk_from(c->event, before, 0, name, p) && p->path[0] < ORRERY__EVENT__BODY_START;
}

static void list_fields(struct compiling *c, const char *name)
{
    const struct schema_type *t = c->scope.message_case ? c->scope.message_case->message
                                  : c->scope.body       ? c->scope.body
                                                        : NULL;
    if (!t) {
        pattern_why(
            c->why, c->why_size,
            "'%s' is no field of every event: say the kind first, as in \"receive from=n2\"", name);
        return;
    }
    struct buf list = {0};
    for (uint32_t i = 0; i < t->n; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", t->fields[i].name);
    pattern_why(c->why, c->why_size, "%s has no field '%s'; it has %.*s", t->name, name,
                (int)list.len, list.len ? (const char *)list.base : "");
    buf_free(&list);
}

/* --- terms --- */

static bool add_term(struct compiling *c, const struct word *w)
{
    struct place place;
    size_t i = c->pattern.n_terms;
    if (i == PATTERN_TERMS_MAX) {
        pattern_why(c->why, c->why_size, "a pattern has at most %d conditions", PATTERN_TERMS_MAX);
        return false;
    }
    if (!find_field(c, w->name, &place)) {
        list_fields(c, w->name);
        return false;
    }
    Orrery__Pattern__Term *t = &c->terms[i];
    orrery__pattern__term__init(t);
    memcpy(c->paths[i], place.path, place.n * sizeof *place.path);
    t->n_path = place.n;
    t->path = c->paths[i];
    t->compare = w->compare;
    c->scope.instance = c->pattern.instance;
    memcpy(c->texts[i].text, w->value.text, w->value.len + 1);
    c->texts[i].len = w->value.len;
    if (!pattern_value(&c->scope, c->start, c->pattern.body, place.field, &c->texts[i], t, c->why,
                       c->why_size))
        return false;
    c->list[c->pattern.n_terms++] = t;
    return true;
}

static bool set_instance(struct compiling *c, const struct pattern_text *value)
{
    for (size_t i = 0; i < c->start->n_instances; i++) {
        const Orrery__Instance *instance = c->start->instances[i];
        char number[16];
        (void)snprintf(number, sizeof number, "%u", (unsigned)instance->number);
        if (strcmp(number, value->text) == 0 || strcmp(instance->protocol, value->text) == 0) {
            c->pattern.instance = instance->number;
            return true;
        }
    }
    pattern_why(c->why, c->why_size, "there is no instance '%s': say its number or its protocol",
                value->text);
    return false;
}

static bool set_node(struct compiling *c, const struct pattern_text *value)
{
    if (pattern_node(value->text, &c->pattern.node) && c->pattern.node > 0)
        return true;
    pattern_why(c->why, c->why_size, "'%s' is no node: say n3 or 3", value->text);
    return false;
}

/* Decided here: a pattern is compiled for the nodes of one group. */
static bool set_group(struct compiling *c, const struct pattern_text *value)
{
    if (strcmp(c->start->group, value->text) == 0)
        return true;
    pattern_why(c->why, c->why_size, "there is no group '%s' here", value->text);
    return false;
}

static bool take_word(struct compiling *c, const struct word *w, bool first)
{
    bool alone = w->compare == ORRERY__PATTERN__COMPARE__PRESENT;
    bool equal = w->compare == ORRERY__PATTERN__COMPARE__EQUAL;
    if (alone && first) {
        if (set_kind(c, w->name))
            return true;
        list_kinds(c, w->name);
        return false;
    }
    if (alone && !c->scope.message_case && set_case(c, w->name))
        return true;
    if (equal && strcmp(w->name, "instance") == 0)
        return set_instance(c, &w->value);
    /* An exit or a hole has a field of this name: it means the node that they tell of. */
    if (equal && strcmp(w->name, "node") == 0 && !own_field(c->scope.body, "node", 4))
        return set_node(c, &w->value);
    if (equal && strcmp(w->name, "group") == 0 && !own_field(c->scope.body, "group", 5))
        return set_group(c, &w->value);
    return add_term(c, w);
}

static bool compile(struct compiling *c, const char *text)
{
    bool first = true;
    const char *at = text + strspn(text, " ");
    while (*at) {
        struct word w;
        at = read_word(c, at, &w);
        if (!at || !take_word(c, &w, first))
            return false;
        first = false;
        at += strspn(at, " ");
    }
    if (first)
        pattern_why(c->why, c->why_size, "an empty pattern matches nothing: try \"receive\"");
    return !first;
}

bool pattern_compile(const char *text, const struct schema *s, const Orrery__Start *start,
                     struct buf *packed, char *why, size_t why_size)
{
    if (strlen(text) > PATTERN_TEXT_MAX) {
        pattern_why(why, why_size, "a pattern has at most %d characters", PATTERN_TEXT_MAX);
        return false;
    }
    struct compiling *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->schema = s;
    c->start = start;
    c->event = schema_find(s, "orrery.Event");
    c->why = why;
    c->why_size = why_size;
    orrery__pattern__init(&c->pattern);
    c->pattern.terms = c->list;
    bool ok = compile(c, text);
    if (ok) {
        size_t n = orrery__pattern__get_packed_size(&c->pattern);
        orrery__pattern__pack(&c->pattern, buf_extend(packed, n));
    }
    free(c);
    return ok;
}

bool pattern_compile_each(const char *text, const struct schema *s,
                          const Orrery__Start *const *starts, size_t n,
                          struct pattern_meaning *means, char *why, size_t why_size)
{
    static const char unknown[] = "there is no ";
    char sentence[600], best[600] = "";
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        bool compiled =
            pattern_compile(text, s, starts[i], &means[i].packed, sentence, sizeof sentence);
        means[i].any = compiled;
        any = any || compiled;
        /* Who knows the words and not what is said with them has more to say. */
        if (!compiled && (!*best || strncmp(best, unknown, sizeof unknown - 1) == 0))
            memcpy(best, sentence, sizeof best);
    }
    if (!any)
        pattern_why(why, why_size, "%s", best);
    return any;
}

bool pattern_same_kind(const Orrery__Start *a, const Orrery__Start *b)
{
    bool same = strcmp(a->group, b->group) == 0 && a->n_instances == b->n_instances &&
                a->n_types == b->n_types;
    for (size_t i = 0; same && i < a->n_instances; i++)
        same = strcmp(a->instances[i]->protocol, b->instances[i]->protocol) == 0;
    return same;
}
