#include "lab/read.h"

#include "base/check.h"
#include "cluster/units.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { NAMES_MAX = 40, SKIP_DEPTH_MAX = 64 };

struct reading {
    struct lab_file *file;
    yaml_parser_t parser;
    yaml_event_t event; /* The current one. */
    bool over;          /* Nothing more can be read. */
};

static void fault_at(struct lab_file *f, uint32_t line, uint32_t column, const char *format,
                     va_list args)
{
    char sentence[600], clean[600];
    if (f->n_faults++ >= LAB_FAULTS_MAX)
        return;
    vsnprintf(sentence, sizeof sentence, format, args);
    text_clean(clean, sizeof clean, bytes_str(sentence));
    buf_printf(&f->faults, "%s:", f->shown);
    if (line)
        buf_printf(&f->faults, "%u:%u:", line, column);
    buf_printf(&f->faults, " %s\n", clean);
}

void lab_fault(struct lab_file *f, const void *what, const char *format, ...)
{
    uint32_t line = 0, column = 0;
    va_list args;
    for (size_t i = 0; i < f->n_places && !line; i++)
        if (f->places[i].what == what) {
            line = f->places[i].line;
            column = f->places[i].column;
        }
    va_start(args, format);
    fault_at(f, line, column, format, args);
    va_end(args);
}

static void fault(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct reading *r, const char *format, ...)
{
    const yaml_mark_t *m = &r->event.start_mark;
    va_list args;
    va_start(args, format);
    fault_at(r->file, (uint32_t)m->line + 1, (uint32_t)m->column + 1, format, args);
    va_end(args);
}

static void came_from(struct reading *r, const void *what)
{
    struct lab_file *f = r->file;
    if ((f->n_places & (f->n_places - 1)) == 0) {
        size_t cap = f->n_places ? f->n_places * 2 : 1;
        f->places = realloc(f->places, cap * sizeof *f->places);
        CHECK(f->places);
    }
    const yaml_mark_t *m = &r->event.start_mark;
    f->places[f->n_places++] =
        (struct lab_place){what, (uint32_t)m->line + 1, (uint32_t)m->column + 1};
}

/* YAML that cannot be read: told once, and nothing is read behind it. */
static void broken(struct reading *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "it cannot be read";
    r->event.start_mark = p->problem_mark;
    fault(r, "this is no YAML: %s", problem);
    r->over = true;
}

static void next(struct reading *r)
{
    yaml_event_delete(&r->event);
    if (r->over)
        return;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        memset(&r->event, 0, sizeof r->event);
        broken(r);
    }
}

static bool is(const struct reading *r, yaml_event_type_t type)
{
    return !r->over && r->event.type == type;
}

/* Steps over the current node, whatever is in it. */
static void skip(struct reading *r)
{
    uint32_t depth = 0;
    do {
        if (is(r, YAML_MAPPING_START_EVENT) || is(r, YAML_SEQUENCE_START_EVENT))
            depth++;
        else if (is(r, YAML_MAPPING_END_EVENT) || is(r, YAML_SEQUENCE_END_EVENT))
            depth--;
        next(r);
    } while (depth > 0 && !r->over);
}

/* --- names --- */

static void list_fields(const ProtobufCMessageDescriptor *type, char *into, size_t size)
{
    int n = 0;
    into[0] = 0;
    for (unsigned i = 0; i < type->n_fields && (size_t)n < size; i++)
        n += snprintf(into + n, size - (size_t)n, "%s%s", i ? ", " : "", type->fields[i].name);
}

static void unknown_key(struct reading *r, const ProtobufCMessageDescriptor *type, const char *key)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (unsigned i = 0; i < type->n_fields && n < NAMES_MAX; i++)
        names[n++] = type->fields[i].name;
    const char *near = nearest_word(key, names, n);
    char list[400];
    list_fields(type, list, sizeof list);
    if (near)
        fault(r, "there is no key '%.40s' here: did you mean %s?", key, near);
    else
        fault(r, "there is no key '%.40s' here: expected one of %s", key, list);
}

/* --- scalars --- */

static const char *scalar(const struct reading *r, size_t *len)
{
    *len = r->event.data.scalar.length;
    return (const char *)r->event.data.scalar.value;
}

/* YAML lets through what a terminal would obey: C1 controls too, which UTF-8 writes as 0xc2 0x80 to
 * 0x9f. */
static bool has_control(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char after = i + 1 < n ? (unsigned char)text[i + 1] : 0;
        if ((c < 0x20 && c != '\n') || c == 0x7f || (c == 0xc2 && after >= 0x80 && after < 0xa0))
            return true;
    }
    return false;
}

/* A copy with its line ends as spaces; NULL and a fault when it cannot stand. */
static char *take_text(struct reading *r, const char *name)
{
    size_t n;
    const char *text = scalar(r, &n);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    if (n > LAB_TEXT_MAX) {
        fault(r, "%s is too long: a text has at most %d bytes", name, LAB_TEXT_MAX);
        return NULL;
    }
    if (has_control(text, n)) {
        fault(r, "%s holds control characters: expected text", name);
        return NULL;
    }
    if (n == 0) {
        fault(r, "%s is empty: expected text, or leave it out", name);
        return NULL;
    }
    char *copy = malloc(n + 1);
    CHECK(copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = text[i] == '\n' ? ' ' : text[i];
    copy[n] = 0;
    return copy;
}

static void take_whole(struct reading *r, const ProtobufCFieldDescriptor *field, void *at)
{
    uint64_t most = field->type == PROTOBUF_C_TYPE_UINT32 ? UINT32_MAX : UINT64_MAX;
    uint64_t number;
    size_t n;
    const char *text = scalar(r, &n);
    if (!whole_parse(text, &number) || number > most)
        fault(r, "%s is '%.40s': expected a whole number", field->name, text);
    else if (field->type == PROTOBUF_C_TYPE_UINT32)
        *(uint32_t *)at = (uint32_t)number;
    else
        *(uint64_t *)at = number;
}

static void take_double(struct reading *r, const ProtobufCFieldDescriptor *field, void *at)
{
    double number;
    size_t n;
    const char *text = scalar(r, &n);
    if (!decimal_parse(text, &number) || !isfinite(number))
        fault(r, "%s is '%.40s': expected a number", field->name, text);
    else
        *(double *)at = number;
}

static void take_bool(struct reading *r, const ProtobufCFieldDescriptor *field, void *at)
{
    size_t n;
    const char *text = scalar(r, &n);
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        fault(r, "%s is '%.40s': expected true or false", field->name, text);
    else
        *(protobuf_c_boolean *)at = yes;
}

static void take_string(struct reading *r, const ProtobufCFieldDescriptor *field, char **at)
{
    char *text = take_text(r, field->name);
    if (!text)
        return;
    *at = text;
    came_from(r, text);
}

/* --- messages and lists --- */

static ProtobufCMessage *read_message(struct reading *r, const ProtobufCMessageDescriptor *type,
                                      const char *name);

static void read_scalar(struct reading *r, const ProtobufCFieldDescriptor *field, void *at)
{
    if (!is(r, YAML_SCALAR_EVENT)) {
        if (!r->over)
            fault(r, "%s cannot be a list or a mapping: expected one value", field->name);
        skip(r);
        return;
    }
    came_from(r, at);
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
        take_whole(r, field, at);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        take_double(r, field, at);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        take_bool(r, field, at);
        break;
    case PROTOBUF_C_TYPE_STRING:
        take_string(r, field, at);
        break;
    default:
        fault(r, "%s cannot be said in a file", field->name);
        break;
    }
    next(r);
}

static void list_add(size_t *n, void ***list, void *element)
{
    *list = realloc(*list, (*n + 1) * sizeof **list);
    CHECK(*list);
    (*list)[(*n)++] = element;
}

static void read_element(struct reading *r, const ProtobufCFieldDescriptor *field, size_t *n,
                         void ***list)
{
    void *element = NULL;
    if (*n == LAB_LIST_MAX) {
        fault(r, "%s has too many elements: at most %d", field->name, LAB_LIST_MAX);
        skip(r);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        element = read_message(r, field->descriptor, field->name);
    } else if (!is(r, YAML_SCALAR_EVENT)) {
        if (!r->over)
            fault(r, "expected a text in the list %s", field->name);
        skip(r);
    } else {
        char *text = take_text(r, field->name);
        if (text)
            came_from(r, text);
        element = text;
        next(r);
    }
    if (element)
        list_add(n, list, element);
}

static void read_list(struct reading *r, const ProtobufCFieldDescriptor *field,
                      ProtobufCMessage *into)
{
    size_t *n = (size_t *)(void *)((char *)into + field->quantifier_offset);
    void ***list = (void ***)(void *)((char *)into + field->offset);
    if (!is(r, YAML_SEQUENCE_START_EVENT)) {
        if (field->type == PROTOBUF_C_TYPE_STRING && is(r, YAML_SCALAR_EVENT)) {
            read_element(r, field, n, list);
            return;
        }
        if (!r->over)
            fault(r, "%s is a list: expected lines that begin with '- '", field->name);
        skip(r);
        return;
    }
    next(r);
    while (!r->over && !is(r, YAML_SEQUENCE_END_EVENT))
        read_element(r, field, n, list);
    next(r);
}

static void read_field(struct reading *r, const ProtobufCFieldDescriptor *field,
                       ProtobufCMessage *into)
{
    void *at = (char *)into + field->offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        read_list(r, field, into);
    else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        *(ProtobufCMessage **)at = read_message(r, field->descriptor, field->name);
    else
        read_scalar(r, field, at);
}

static void read_pair(struct reading *r, const ProtobufCMessageDescriptor *type,
                      ProtobufCMessage *into, uint64_t *seen)
{
    if (!is(r, YAML_SCALAR_EVENT)) {
        if (!r->over)
            fault(r, "expected a key");
        skip(r);
        skip(r);
        return;
    }
    size_t n;
    const char *key = scalar(r, &n);
    const ProtobufCFieldDescriptor *field =
        strlen(key) == n ? protobuf_c_message_descriptor_get_field_by_name(type, key) : NULL;
    uint64_t bit = field ? UINT64_C(1) << (field - type->fields) : 0;
    if (!field)
        unknown_key(r, type, key);
    else if (*seen & bit)
        fault(r, "%s is said twice here", field->name);
    next(r);
    if (!field || *seen & bit)
        skip(r);
    else
        read_field(r, field, into);
    *seen |= bit;
}

static ProtobufCMessage *read_message(struct reading *r, const ProtobufCMessageDescriptor *type,
                                      const char *name)
{
    if (!is(r, YAML_MAPPING_START_EVENT)) {
        char list[400];
        list_fields(type, list, sizeof list);
        if (!r->over)
            fault(r, "%s: expected keys and values (%s)", name, list);
        skip(r);
        return NULL;
    }
    CHECK(type->n_fields <= NAMES_MAX);
    ProtobufCMessage *m = calloc(1, type->sizeof_message);
    CHECK(m);
    type->message_init(m);
    came_from(r, m);
    uint64_t seen = 0;
    next(r);
    while (!r->over && !is(r, YAML_MAPPING_END_EVENT))
        read_pair(r, type, m, &seen);
    next(r);
    return m;
}

/* What libyaml would follow or call upon: nothing of it has a place in a lab. */
static bool plain(struct reading *r, struct bytes text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool fine = true, end = false;
    uint32_t depth = 0;
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, text.base, text.len);
    while (fine && !end && yaml_parser_parse(&parser, &event)) {
        const yaml_char_t *anchor = NULL, *tag = NULL;
        if (event.type == YAML_ALIAS_EVENT)
            anchor = event.data.alias.anchor;
        if (event.type == YAML_SCALAR_EVENT) {
            anchor = event.data.scalar.anchor;
            tag = event.data.scalar.tag;
        } else if (event.type == YAML_SEQUENCE_START_EVENT) {
            anchor = event.data.sequence_start.anchor;
            tag = event.data.sequence_start.tag;
        } else if (event.type == YAML_MAPPING_START_EVENT) {
            anchor = event.data.mapping_start.anchor;
            tag = event.data.mapping_start.tag;
        }
        fine = !anchor && !tag;
        r->event.start_mark = event.start_mark;
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        if (fine && depth > SKIP_DEPTH_MAX) {
            fault(r, "lists and mappings go too deep here");
            yaml_event_delete(&event);
            break;
        }
        if (!fine)
            fault(r, "anchors, aliases and tags have no place in a lab: write it out");
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return fine && depth <= SKIP_DEPTH_MAX;
}

static void read_document(struct reading *r)
{
    next(r);
    if (is(r, YAML_STREAM_START_EVENT))
        next(r);
    if (is(r, YAML_STREAM_END_EVENT)) {
        fault(r, "the file is empty: expected a lab");
        return;
    }
    if (is(r, YAML_DOCUMENT_START_EVENT))
        next(r);
    if (!r->over)
        r->file->lab = (Orrery__Lab *)read_message(r, &orrery__lab__descriptor, "a lab");
    if (is(r, YAML_DOCUMENT_END_EVENT))
        next(r);
    if (!r->over && !is(r, YAML_STREAM_END_EVENT))
        fault(r, "a second document begins here: a file holds one lab");
}

void lab_read(struct lab_file *f, const char *shown, struct bytes text)
{
    *f = (struct lab_file){0};
    text_clean(f->shown, sizeof f->shown, bytes_str(shown));
    struct reading r = {.file = f};
    if (text.len > LAB_FILE_MAX) {
        lab_fault(f, NULL, "the file is too large: at most %d bytes", LAB_FILE_MAX);
    } else if (plain(&r, text)) {
        memset(&r.event, 0, sizeof r.event);
        CHECK(yaml_parser_initialize(&r.parser));
        yaml_parser_set_input_string(&r.parser, text.base, text.len);
        read_document(&r);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
    }
    if (!f->lab) {
        f->lab = calloc(1, sizeof *f->lab);
        CHECK(f->lab);
        orrery__lab__init(f->lab);
    }
}

void lab_file_free(struct lab_file *f)
{
    if (f->lab)
        orrery__lab__free_unpacked(f->lab, NULL);
    free(f->places);
    buf_free(&f->faults);
    *f = (struct lab_file){0};
}
