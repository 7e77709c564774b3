#include "cluster/command.h"

#include "base/check.h"
#include "cluster/units.h"
#include "cluster/verbs.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a slot's field lies in its message. */
struct place {
    const ProtobufCFieldDescriptor *field;
    uint8_t *value;
    protobuf_c_boolean *has; /* NULL for strings and repeated fields. */
    size_t *count;           /* Of repeated fields. */
};

struct sentence {
    char *text;
    size_t size;
};

static bool refuse(const struct sentence *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(const struct sentence *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return false;
}

static void *fresh(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    CHECK(p);
    return p;
}

static char *text_copy(const char *text)
{
    char *copy = strdup(text);
    CHECK(copy);
    return copy;
}

static const struct verb *verb_find(const char *name)
{
    for (unsigned i = 0; i < verbs_n; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

bool command_is_verb(const char *word)
{
    return verb_find(word) != NULL;
}

size_t command_verbs(void)
{
    return verbs_n;
}

const char *command_verb(size_t i)
{
    return verbs[i].name;
}

const char *command_summary(size_t i)
{
    return verbs[i].summary;
}

const char *command_example(size_t i, size_t k)
{
    return k < EXAMPLES_MAX ? verbs[i].examples[k] : NULL;
}

static bool slot_used(const struct slot *s)
{
    return s->field != NULL;
}

const char *command_flag(size_t i, size_t k, const char **help)
{
    for (const struct slot *s = verbs[i].slots; s < verbs[i].slots + SLOTS_MAX; s++)
        if (slot_used(s) && s->flag && k-- == 0) {
            *help = s->help;
            return s->flag;
        }
    return NULL;
}

const char *command_usage(size_t i, struct buf *into)
{
    buf_clear(into);
    for (const struct slot *s = verbs[i].slots; s < verbs[i].slots + SLOTS_MAX; s++) {
        if (!slot_used(s))
            break;
        const char *open = s->required ? "" : "[", *close = s->required ? "" : "]";
        const char *more = s->unit == UNIT_WORDS ? "..." : "";
        if (!s->flag)
            buf_printf(into, " %s%s%s%s", open, s->place, more, close);
        else if (s->place)
            buf_printf(into, " [%s %s]", s->flag, s->place);
        else
            buf_printf(into, " [%s]", s->flag);
    }
    buf_append(into, bytes_of("", 1));
    return (const char *)into->base + (into->len > 1);
}

static struct place place_of(ProtobufCMessage *m, const struct slot *s, const char *field)
{
    struct place p = {0};
    p.field = protobuf_c_message_descriptor_get_field_by_name(m->descriptor, field);
    CHECK(p.field);
    p.value = (uint8_t *)m + p.field->offset;
    uint8_t *quantifier = (uint8_t *)m + p.field->quantifier_offset;
    if (p.field->label == PROTOBUF_C_LABEL_REPEATED)
        p.count = (size_t *)(void *)quantifier;
    else if (s->unit != UNIT_TEXT)
        p.has = (protobuf_c_boolean *)(void *)quantifier;
    return p;
}

static bool place_set(const struct place *p)
{
    if (p->count)
        return *p->count > 0;
    return p->has ? *p->has != 0 : *(char **)(void *)p->value != NULL;
}

/* "LOSE_RANDOM" of the enum Lose is "random" to people. */
static void enum_word(const ProtobufCEnumDescriptor *type, unsigned i, char word[32])
{
    const char *name = type->values[i].name;
    size_t skip = strlen(type->short_name) + 1;
    size_t n = 0;
    for (name += skip; *name && n < 31; name++)
        word[n++] = (char)(*name == '_' ? '-' : tolower((unsigned char)*name));
    word[n] = '\0';
}

static bool read_enum(const struct place *p, const struct slot *s, const char *text,
                      const struct sentence *why)
{
    const ProtobufCEnumDescriptor *type = p->field->descriptor;
    char word[32];
    for (unsigned i = 0; i < type->n_values; i++) {
        enum_word(type, i, word);
        if (strcmp(word, text) == 0) {
            *(int *)(void *)p->value = type->values[i].value;
            return true;
        }
    }
    return refuse(why, "%s takes %s, not '%s'", s->flag, s->place, text);
}

static bool no_nodes(const char *text, const struct sentence *why)
{
    return refuse(why, "'%s' names no nodes: write n2, n1,n3, n1-n5 or all", text);
}

static bool read_nodes(const struct place *p, const char *text, const struct sentence *why)
{
    struct node_list list;
    if (!node_list_parse(text, &list))
        return no_nodes(text, why);
    *(uint32_t **)(void *)p->value = list.nodes;
    *p->count = list.n;
    return true;
}

static bool read_sides(ProtobufCMessage *m, const struct slot *s, const char *text,
                       const struct sentence *why)
{
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1])
        return refuse(why, "'%s' does not say between whom: write n1,n2/n3", text);
    char *left = text_copy(text);
    left[slash - text] = '\0';
    struct place a = place_of(m, s, "a"), b = place_of(m, s, "b");
    bool read = read_nodes(&a, left, why) && read_nodes(&b, slash + 1, why);
    free(left);
    return read;
}

static bool read_duration(const struct place *p, const struct slot *s, const char *text,
                          const struct sentence *why)
{
    double ns;
    bool is_signed = p->field->type == PROTOBUF_C_TYPE_SINT64;
    if (!duration_parse(text, &ns))
        return refuse(why, "'%s' is no duration for %s: write 200ms, 5s or 1.5us", text, s->flag);
    if (ns < 0 && !is_signed)
        return refuse(why, "%s cannot be negative", s->flag);
    *(int64_t *)(void *)p->value = llround(ns);
    return true;
}

static bool read_whole(const struct place *p, const struct slot *s, const char *text,
                       const struct sentence *why)
{
    uint64_t number;
    bool narrow = p->field->type == PROTOBUF_C_TYPE_UINT32;
    if (!whole_parse(text, &number) || (narrow && number > UINT32_MAX))
        return refuse(why, "'%s' is no whole number for %s", text, s->flag ? s->flag : s->place);
    if (narrow)
        *(uint32_t *)(void *)p->value = (uint32_t)number;
    else
        *(uint64_t *)(void *)p->value = number;
    return true;
}

static bool read_decimal(const struct place *p, const struct slot *s, const char *text,
                         const struct sentence *why)
{
    double *number = (double *)(void *)p->value;
    if (s->unit == UNIT_SHARE) {
        if (share_parse(text, number))
            return true;
        return refuse(why, "'%s' is no share for %s: write 10%% or 0.1", text, s->flag);
    }
    double most = s->unit == UNIT_PPM ? 1e5 : 1000, least = s->unit == UNIT_PPM ? -1e5 : 0;
    if (!decimal_parse(text, number) || *number < least || *number > most)
        return refuse(why, "'%s' is no number from %g to %g for %s", text, least, most,
                      s->flag ? s->flag : "the pace");
    return true;
}

static void read_word(const struct place *p, const char *text)
{
    char ***words = (char ***)(void *)p->value;
    *words = realloc(*words, (*p->count + 1) * sizeof **words);
    CHECK(*words);
    (*words)[(*p->count)++] = text_copy(text);
}

static bool read_value(ProtobufCMessage *m, const struct slot *s, const char *text,
                       const struct sentence *why)
{
    if (s->unit == UNIT_SIDES)
        return read_sides(m, s, text, why);
    struct place p = place_of(m, s, s->field);
    if (s->unit != UNIT_WORDS && place_set(&p))
        return refuse(why, "%s is given twice", s->flag ? s->flag : s->place);
    if (p.has)
        *p.has = 1;
    switch (s->unit) {
    case UNIT_NODES:
        return read_nodes(&p, text, why);
    case UNIT_NODE:
        return node_parse(text, (uint32_t *)(void *)p.value) || no_nodes(text, why);
    case UNIT_DURATION:
        return read_duration(&p, s, text, why);
    case UNIT_RATE:
        return rate_parse(text, (uint64_t *)(void *)p.value) ||
               refuse(why, "'%s' is no number of bytes for %s: write 100kB or 1MB", text, s->flag);
    case UNIT_WHOLE:
        return read_whole(&p, s, text, why);
    case UNIT_ENUM:
        return read_enum(&p, s, text, why);
    case UNIT_TEXT:
        *(char **)(void *)p.value = text_copy(text);
        return true;
    case UNIT_WORDS:
        read_word(&p, text);
        return true;
    case UNIT_FLAG:
        *(protobuf_c_boolean *)(void *)p.value = 1;
        return true;
    case UNIT_SHARE:
    case UNIT_FACTOR:
    case UNIT_PPM:
    case UNIT_SIDES:
        break;
    }
    return read_decimal(&p, s, text, why);
}

static const struct slot *slot_by_flag(const struct verb *v, const char *flag, size_t length,
                                       bool *negated)
{
    char name[32];
    *negated = strncmp(flag, "--no-", 5) == 0;
    int n = *negated ? snprintf(name, sizeof name, "--%.*s", (int)length - 5, flag + 5)
                     : snprintf(name, sizeof name, "%.*s", (int)length, flag);
    if (n < 0 || (size_t)n >= sizeof name)
        return NULL;
    for (const struct slot *s = v->slots; s < v->slots + SLOTS_MAX && slot_used(s); s++)
        if (s->flag && strcmp(s->flag, name) == 0 && (!*negated || s->no))
            return s;
    return NULL;
}

static bool unknown_flag(const struct verb *v, const char *flag, const struct sentence *why)
{
    const char *known[SLOTS_MAX];
    size_t n = 0;
    for (const struct slot *s = v->slots; s < v->slots + SLOTS_MAX && slot_used(s); s++)
        if (s->flag)
            known[n++] = s->flag;
    const char *near = nearest_word(flag, known, n);
    if (near)
        return refuse(why, "%s has no flag %s: did you mean %s?", v->name, flag, near);
    if (n == 0)
        return refuse(why, "%s has no flags, so %s means nothing to it", v->name, flag);
    char list[200];
    size_t length = 0;
    for (size_t i = 0; i < n && length < sizeof list; i++)
        length +=
            (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? " " : "", known[i]);
    return refuse(why, "%s has no flag %s: it has %s", v->name, flag, list);
}

/* A flag with its value, in this word (--delay=5ms) or the next. */
static bool parse_flag(const struct verb *v, ProtobufCMessage *m, const char *const *words,
                       size_t n, size_t *at, const struct sentence *why)
{
    const char *word = words[*at], *equals = strchr(word, '=');
    bool negated;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct slot *s = slot_by_flag(v, word, length, &negated);
    if (!s)
        return unknown_flag(v, word, why);
    ++*at;
    if (s->unit == UNIT_FLAG) {
        if (equals)
            return refuse(why, "%s stands alone", s->flag);
        if (!read_value(m, s, "", why))
            return false;
        *place_of(m, s, s->field).value = !negated;
        return true;
    }
    if (equals)
        return read_value(m, s, equals + 1, why);
    if (*at == n)
        return refuse(why, "%s needs %s behind it", s->flag, s->place);
    return read_value(m, s, words[(*at)++], why);
}

static const struct slot *next_place(const struct verb *v, const struct slot *before)
{
    const struct slot *s = before && before->unit == UNIT_WORDS ? before
                           : before                             ? before + 1
                                                                : v->slots;
    return s < v->slots + SLOTS_MAX && slot_used(s) && !s->flag ? s : NULL;
}

static bool parse_words(const struct verb *v, ProtobufCMessage *m, const char *const *words,
                        size_t n, const struct sentence *why)
{
    const struct slot *place = NULL;
    bool flags = true;
    for (size_t at = 1; at < n;) {
        if (flags && strcmp(words[at], "--") == 0) {
            flags = false;
            at++;
            continue;
        }
        if (flags && strncmp(words[at], "--", 2) == 0) {
            if (!parse_flag(v, m, words, n, &at, why))
                return false;
            continue;
        }
        const struct slot *next = next_place(v, place);
        if (!next)
            return refuse(why, "%s does not know what to do with '%s'", v->name, words[at]);
        if (!read_value(m, next, words[at++], why))
            return false;
        place = next;
    }
    const struct slot *missing = next_place(v, place);
    if (missing && missing != place && missing->required)
        return refuse(why, "%s needs %s: for example 'orrery %s'", v->name, missing->place,
                      v->examples[0]);
    return true;
}

static bool any_flag(const struct verb *v, ProtobufCMessage *m)
{
    for (const struct slot *s = v->slots; s < v->slots + SLOTS_MAX && slot_used(s); s++) {
        struct place p = place_of(m, s, s->field ? s->field : "a");
        if (s->flag && strcmp(s->flag, "--one-way") != 0 && place_set(&p))
            return true;
    }
    return false;
}

static bool printable_words(const char *const *words, size_t n, const struct sentence *why)
{
    for (size_t i = 0; i < n; i++) {
        char clean[1024];
        if (strlen(words[i]) >= sizeof clean)
            return refuse(why, "word %zu is longer than %zu bytes", i + 1, sizeof clean - 1);
        text_clean(clean, sizeof clean, bytes_str(words[i]));
        if (strcmp(clean, words[i]) != 0)
            return refuse(why, "'%s' has control characters in it", clean);
    }
    return true;
}

/* What the table cannot say. */
static bool sensible(const struct verb *v, ProtobufCMessage *m, const struct sentence *why)
{
    if (v->wants_flag && !any_flag(v, m))
        return refuse(why, "%s needs to be told what: for example 'orrery %s'", v->name,
                      v->examples[0]);
    if (m->descriptor == &orrery__break__descriptor) {
        const Orrery__Break *b = (const Orrery__Break *)m;
        if (!b->clear && !b->pattern)
            return refuse(why, "break needs --at PATTERN: for example 'orrery %s'", v->examples[0]);
        if (b->clear && b->pattern)
            return refuse(why, "break takes --at or --clear, not both");
    }
    if (m->descriptor == &orrery__set__descriptor) {
        const Orrery__Set *set = (const Orrery__Set *)m;
        for (size_t i = 0; i < set->n_settings; i++)
            if (!strchr(set->settings[i], '=') || set->settings[i][0] == '=')
                return refuse(why, "'%s' is no setting: write KEY=VALUE", set->settings[i]);
    }
    if (m->descriptor == &orrery__do__descriptor &&
        strncmp(((const Orrery__Do *)m)->verb, "--", 2) == 0)
        return refuse(why, "an order is a word, not a flag");
    if (m->descriptor == &orrery__add__descriptor) {
        const Orrery__Add *add = (const Orrery__Add *)m;
        if (add->has_count && (add->count == 0 || add->count > 1000))
            return refuse(why, "add takes a count from 1 to 1000");
    }
    return true;
}

static void put_in(Orrery__Command *command, const struct verb *v, ProtobufCMessage **message)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(&orrery__command__descriptor, v->name);
    CHECK(field);
    const ProtobufCMessageDescriptor *type = field->descriptor;
    ProtobufCMessage *m = fresh(1, type->sizeof_message);
    protobuf_c_message_init(type, m);
    command->verb_case = (Orrery__Command__VerbCase)field->id;
    *(ProtobufCMessage **)(void *)((uint8_t *)command + field->offset) = m;
    *message = m;
}

Orrery__Command *command_parse(const char *const *words, size_t n, char *why, size_t why_size)
{
    const struct sentence sentence = {why, why_size};
    if (!printable_words(words, n, &sentence))
        return NULL;
    const struct verb *v = n ? verb_find(words[0]) : NULL;
    if (!v) {
        const char *names[32];
        CHECK(verbs_n <= 32);
        for (unsigned i = 0; i < verbs_n; i++)
            names[i] = verbs[i].name;
        const char *near = n ? nearest_word(words[0], names, verbs_n) : NULL;
        refuse(&sentence,
               near ? "there is no command '%s': did you mean %s?" : "there is no command '%s'%s",
               n ? words[0] : "", near ? near : "");
        return NULL;
    }
    Orrery__Command *command = fresh(1, sizeof *command);
    orrery__command__init(command);
    ProtobufCMessage *m;
    put_in(command, v, &m);
    if (parse_words(v, m, words, n, &sentence) && sensible(v, m, &sentence))
        return command;
    orrery__command__free_unpacked(command, NULL);
    return NULL;
}

static void print_value(const struct slot *s, const struct place *p, struct buf *into)
{
    char word[32];
    switch (s->unit) {
    case UNIT_NODES:
        node_list_print(*(uint32_t **)(void *)p->value, *p->count, into);
        break;
    case UNIT_NODE:
        node_list_print((uint32_t *)(void *)p->value, 1, into);
        break;
    case UNIT_DURATION:
        duration_line(*(int64_t *)(void *)p->value, into);
        break;
    case UNIT_SHARE:
        share_print(*(double *)(void *)p->value, into);
        break;
    case UNIT_RATE:
        rate_print(*(uint64_t *)(void *)p->value, into);
        break;
    case UNIT_WHOLE:
        buf_printf(into, "%llu",
                   (unsigned long long)(p->field->type == PROTOBUF_C_TYPE_UINT32
                                            ? *(uint32_t *)(void *)p->value
                                            : *(uint64_t *)(void *)p->value));
        break;
    case UNIT_FACTOR:
    case UNIT_PPM:
        buf_printf(into, "%.10g", *(double *)(void *)p->value);
        break;
    case UNIT_ENUM: {
        const ProtobufCEnumDescriptor *type = p->field->descriptor;
        for (unsigned i = 0; i < type->n_values; i++)
            if (type->values[i].value == *(int *)(void *)p->value) {
                enum_word(type, i, word);
                buf_printf(into, "%s", word);
            }
        break;
    }
    case UNIT_TEXT:
        word_quote(*(char **)(void *)p->value, into);
        break;
    case UNIT_FLAG:
    case UNIT_WORDS:
    case UNIT_SIDES:
        break;
    }
}

static void print_slot(const struct slot *s, ProtobufCMessage *m, struct buf *into)
{
    if (s->unit == UNIT_SIDES) {
        struct slot side = {.unit = UNIT_NODES};
        struct place a = place_of(m, s, "a"), b = place_of(m, s, "b");
        buf_printf(into, " ");
        print_value(&side, &a, into);
        buf_printf(into, "/");
        print_value(&side, &b, into);
        return;
    }
    struct place p = place_of(m, s, s->field);
    if (!place_set(&p))
        return;
    if (s->unit == UNIT_FLAG) {
        bool on = *p.value != 0;
        if (on || s->no)
            buf_printf(into, " %s%s", on ? "--" : "--no-", s->flag + 2);
        return;
    }
    if (s->unit == UNIT_WORDS) {
        char **words = *(char ***)(void *)p.value;
        bool like_flag = false;
        for (size_t i = 0; i < *p.count; i++)
            like_flag = like_flag || strncmp(words[i], "--", 2) == 0;
        if (like_flag)
            buf_printf(into, " --");
        for (size_t i = 0; i < *p.count; i++) {
            buf_printf(into, " ");
            word_quote(words[i], into);
        }
        return;
    }
    buf_printf(into, s->flag ? " %s " : " ", s->flag);
    print_value(s, &p, into);
}

void command_print(const Orrery__Command *command, struct buf *into)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
        &orrery__command__descriptor, (unsigned)command->verb_case);
    if (!field) {
        buf_printf(into, "(nothing)");
        return;
    }
    const struct verb *v = verb_find(field->name);
    CHECK(v);
    ProtobufCMessage *m =
        *(ProtobufCMessage *const *)(const void *)((const uint8_t *)command + field->offset);
    buf_printf(into, "%s", v->name);
    /* Flags first where free words follow, which may look like flags themselves. */
    const struct slot *end = v->slots + SLOTS_MAX;
    for (const struct slot *s = v->slots; s < end && slot_used(s); s++)
        if (s->unit != UNIT_WORDS)
            print_slot(s, m, into);
    for (const struct slot *s = v->slots; s < end && slot_used(s); s++)
        if (s->unit == UNIT_WORDS)
            print_slot(s, m, into);
}
