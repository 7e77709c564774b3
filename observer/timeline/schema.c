#include "timeline/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/must.h"
#include "schema_event.h"
#include "schema_history.h"

struct names {
    char **all;
    size_t n, cap;
};

struct schema {
    struct names files;         /* Known ones. */
    struct schema_type **types; /* Open addressing by name. */
    size_t size;
    size_t n;
    struct schema_type **all; /* In order of appearance. */
};

static void *zeroed(size_t n, size_t size)
{
    void *p = must_alloc(n, size);
    return p;
}

static char *copied(const char *text)
{
    char *copy = must_copy(text ? text : "");
    return copy;
}

/* Names are printed: what is not an identifier does not get in. */
static bool is_name(const char *text)
{
    if (!text || !*text)
        return false;
    size_t n = 0;
    for (const char *c = text; *c; c++, n++)
        if (!(*c == '_' || *c == '.' || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
              (*c >= 'a' && *c <= 'z')))
            return false;
    return n <= SCHEMA_NAME_MAX;
}

static size_t hash(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

static struct schema_type **slot_of(const struct schema *s, const char *name)
{
    size_t i = hash(name) & (s->size - 1);
    while (s->types[i] && strcmp(s->types[i]->name, name) != 0)
        i = (i + 1) & (s->size - 1);
    return &s->types[i];
}

static void grow(struct schema *s)
{
    s->size = s->size ? s->size * 2 : 256;
    free(s->types);
    s->types = zeroed(s->size, sizeof(struct schema_type *));
    s->all = realloc(s->all, s->size * sizeof(struct schema_type *));
    CHECK(s->all);
    for (size_t i = 0; i < s->n; i++)
        *slot_of(s, s->all[i]->name) = s->all[i];
}

/* A type with this name and room for n fields or values; NULL: known already, or not allowed. */
static struct schema_type *type_add(struct schema *s, const char *name, size_t n)
{
    if (!is_name(name) || n > SCHEMA_FIELDS_MAX || s->n == SCHEMA_TYPES_MAX)
        return NULL;
    if (s->n * 2 >= s->size)
        grow(s);
    struct schema_type **slot = slot_of(s, name);
    if (*slot)
        return NULL;
    struct schema_type *t = zeroed(1, sizeof *t);
    t->name = copied(name);
    s->all[s->n++] = t;
    return *slot = t;
}

static void type_free(struct schema_type *t)
{
    for (uint32_t i = 0; i < t->n && t->fields; i++) {
        free(t->fields[i].name);
        free(t->fields[i].of);
    }
    for (uint32_t i = 0; i < t->n && t->values; i++)
        free(t->values[i].name);
    free(t->fields);
    free(t->values);
    free(t->name);
    free(t);
}

struct schema *schema_new(void)
{
    struct schema *s = zeroed(1, sizeof *s);
    grow(s);
    CHECK(schema_add(s, schema_event()) == 0);
    CHECK(schema_add(s, schema_history()) == 0);
    return s;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        type_free(s->all[i]);
    for (size_t i = 0; i < s->files.n; i++)
        free(s->files.all[i]);
    free(s->files.all);
    free(s->types);
    free(s->all);
    free(s);
}

/* False when it is known already. */
static bool file_add(struct schema *s, const char *name)
{
    if (!name || s->n == SCHEMA_TYPES_MAX || s->files.n == SCHEMA_FILES_MAX)
        return false;
    for (size_t i = 0; i < s->files.n; i++)
        if (strcmp(s->files.all[i], name) == 0)
            return false;
    if (s->files.n == s->files.cap) {
        s->files.cap = s->files.cap ? s->files.cap * 2 : 16;
        s->files.all = realloc(s->files.all, s->files.cap * sizeof(char *));
        CHECK(s->files.all);
    }
    s->files.all[s->files.n++] = copied(name);
    return true;
}

/* "package.Outer" and "Inner" give "package.Outer.Inner". False when it gets too long. */
static bool join(const char *scope, const char *name, char full[SCHEMA_NAME_MAX + 2])
{
    size_t a = scope ? strlen(scope) : 0, b = name ? strlen(name) : 0;
    if (b == 0 || a + b + 1 > SCHEMA_NAME_MAX)
        return false;
    if (a > 0) {
        memcpy(full, scope, a);
        full[a++] = '.';
    }
    memcpy(full + a, name, b + 1);
    return true;
}

static void enum_add(struct schema *s, const char *scope,
                     const Google__Protobuf__EnumDescriptorProto *d)
{
    char full[SCHEMA_NAME_MAX + 2];
    struct schema_type *t = join(scope, d->name, full) ? type_add(s, full, d->n_value) : NULL;
    if (!t)
        return;
    t->is_enum = true;
    t->values = zeroed(d->n_value, sizeof *t->values);
    for (size_t i = 0; i < d->n_value; i++)
        if (is_name(d->value[i]->name))
            t->values[t->n++] = (struct type_value){copied(d->value[i]->name), d->value[i]->number};
}

static void field_add(struct schema_type *t, const Google__Protobuf__FieldDescriptorProto *d,
                      bool proto3)
{
    if (!is_name(d->name) || d->number < 1 || d->type < FIELD_TYPE(DOUBLE) ||
        d->type > FIELD_TYPE(SINT64))
        return;
    bool repeated = d->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    const char *of = d->type_name && d->type_name[0] == '.' ? d->type_name + 1 : d->type_name;
    t->fields[t->n++] = (struct type_field){
        .name = copied(d->name),
        .number = (uint32_t)d->number,
        .type = (int)d->type,
        .repeated = repeated,
        .implicit = proto3 && !repeated && !d->has_oneof_index && d->type != FIELD_TYPE(MESSAGE) &&
                    d->type != FIELD_TYPE(GROUP),
        .of = is_name(of) ? copied(of) : NULL,
    };
}

static void message_add(struct schema *s, const char *scope,
                        const Google__Protobuf__DescriptorProto *d, bool proto3)
{
    char full[SCHEMA_NAME_MAX + 2];
    if (!join(scope, d->name, full))
        return;
    struct schema_type *t = type_add(s, full, d->n_field);
    if (!t)
        return;
    t->fields = zeroed(d->n_field, sizeof *t->fields);
    for (size_t i = 0; i < d->n_field; i++)
        field_add(t, d->field[i], proto3);
    for (size_t i = 0; i < d->n_enum_type; i++)
        enum_add(s, full, d->enum_type[i]);
    for (size_t i = 0; i < d->n_nested_type; i++)
        message_add(s, full, d->nested_type[i], proto3);
}

static void resolve(struct schema *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct schema_type *t = s->all[i];
        for (uint32_t f = 0; f < t->n && t->fields; f++)
            if (t->fields[f].of && !t->fields[f].message)
                t->fields[f].message = schema_find(s, t->fields[f].of);
    }
}

/* Types nest in types (field 3), and unpacking recurses into them: not deeper than is sane. */
static bool nesting_ok(struct bytes message, uint32_t nested, int depth)
{
    const uint8_t *at = message.base, *end = wire_end(message);
    struct wire_field f;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at)
            return false;
        if (f.type == WIRE_BYTES && f.number == nested &&
            (depth == 0 || !nesting_ok(f.bytes, 3, depth - 1)))
            return false;
    }
    return true;
}

static bool set_ok(struct bytes set)
{
    const uint8_t *at = set.base, *end = wire_end(set);
    struct wire_field f;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at || (f.number == 1 && f.type != WIRE_BYTES))
            return false;
        if (f.number == 1 && !nesting_ok(f.bytes, 4, SCHEMA_NESTING_MAX))
            return false;
    }
    return true;
}

int schema_add(struct schema *s, struct bytes set)
{
    if (set.len > SCHEMA_SET_MAX)
        return ERROR_TOO_LARGE;
    if (set.len == 0)
        return 0;
    if (!set_ok(set))
        return ERROR_MALFORMED;
    Google__Protobuf__FileDescriptorSet *files =
        google__protobuf__file_descriptor_set__unpack(NULL, set.len, set.base);
    if (!files)
        return ERROR_MALFORMED;
    for (size_t i = 0; i < files->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *file = files->file[i];
        if (!file_add(s, file->name))
            continue;
        bool proto3 = file->syntax && strcmp(file->syntax, "proto3") == 0;
        for (size_t m = 0; m < file->n_message_type; m++)
            message_add(s, file->package, file->message_type[m], proto3);
        for (size_t e = 0; e < file->n_enum_type; e++)
            enum_add(s, file->package, file->enum_type[e]);
    }
    google__protobuf__file_descriptor_set__free_unpacked(files, NULL);
    resolve(s);
    return 0;
}

const struct schema_type *schema_find(const struct schema *s, const char *full_name)
{
    return full_name ? *slot_of(s, full_name) : NULL;
}

uint32_t schema_fields(const struct schema_type *t)
{
    return t->n;
}

bool schema_field(const struct schema_type *t, uint32_t i, struct schema_field *field)
{
    if (t->is_enum || i >= t->n)
        return false;
    const struct type_field *f = &t->fields[i];
    *field = (struct schema_field){
        .name = f->name,
        .number = f->number,
        .type = f->type,
        .repeated = f->repeated,
        .message = f->message,
    };
    return true;
}

bool schema_value(const struct schema_type *t, uint32_t i, const char **name, int32_t *value)
{
    if (!t->is_enum || i >= t->n)
        return false;
    *name = t->values[i].name;
    *value = t->values[i].number;
    return true;
}

bool schema_enum_value(const struct schema_type *t, const char *name, int32_t *value)
{
    for (uint32_t i = 0; t->is_enum && i < t->n; i++)
        if (strcmp(t->values[i].name, name) == 0) {
            *value = t->values[i].number;
            return true;
        }
    return false;
}

const char *schema_enum_name(const struct schema_type *t, int32_t value)
{
    for (uint32_t i = 0; t->is_enum && i < t->n; i++)
        if (t->values[i].number == value)
            return t->values[i].name;
    return NULL;
}

const char *schema_name(const struct schema_type *t)
{
    return t->name;
}
