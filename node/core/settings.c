#include "core/settings.h"

#include "base/check.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 64, LIST_MAX = 512 };

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, size_t size, const char *format,
                                                         ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, size, format, args);
    va_end(args);
    return false;
}

/* What the user typed, as far as it is fit to print. */
struct shown {
    char text[NUMBER_MAX];
};

static struct shown show(struct bytes b)
{
    struct shown s;
    size_t n = b.len < sizeof s.text - 1 ? b.len : sizeof s.text - 1;
    for (size_t i = 0; i < n; i++)
        s.text[i] = (char)(b.base[i] >= 0x20 && b.base[i] < 0x7f ? b.base[i] : '?');
    s.text[n] = '\0';
    return s;
}

static char fold(char c)
{
    if (c == '-')
        return '_';
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* "phi-accrual", "PHI_ACCRUAL" and "phi_accrual" are one name. */
static bool same_name(struct bytes typed, const char *name)
{
    if (typed.len != strlen(name))
        return false;
    for (size_t i = 0; i < typed.len; i++)
        if (fold((char)typed.base[i]) != fold(name[i]))
            return false;
    return true;
}

struct list {
    char text[LIST_MAX];
    size_t n;
};

static void list_add(struct list *l, const char *name, bool dashes)
{
    size_t n = strlen(name);
    if (l->n + n + 3 > sizeof l->text)
        return;
    if (l->n > 0) {
        l->text[l->n++] = ',';
        l->text[l->n++] = ' ';
    }
    for (size_t i = 0; i < n; i++) {
        char c = dashes ? fold(name[i]) : name[i];
        l->text[l->n++] = dashes && c == '_' ? '-' : c;
    }
    l->text[l->n] = '\0';
}

static bool is_flaws(const ProtobufCFieldDescriptor *f)
{
    return f->label == PROTOBUF_C_LABEL_REPEATED;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessage *m, struct bytes key,
                                                  char *why, size_t why_size)
{
    const ProtobufCMessageDescriptor *d = m->descriptor;
    struct list names = {"", 0};
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (is_flaws(&d->fields[i]))
            continue;
        if (same_name(key, d->fields[i].name))
            return &d->fields[i];
        list_add(&names, d->fields[i].name, false);
    }
    (void)refuse(why, why_size, "there is no setting '%s'; there are: %s", show(key).text,
                 names.text);
    return NULL;
}

/* Digits of a number as C text; false when there are too many. */
static bool number_text(struct bytes value, char text[NUMBER_MAX])
{
    if (value.len == 0 || value.len >= NUMBER_MAX)
        return false;
    memcpy(text, value.base, value.len);
    text[value.len] = '\0';
    return strlen(text) == value.len && text[0] != ' ' && text[0] != '\t' && text[0] != '+';
}

static bool set_unsigned(const ProtobufCFieldDescriptor *f, struct bytes value, uint64_t max,
                         uint64_t *v, char *why, size_t why_size)
{
    char text[NUMBER_MAX];
    char *end = text;
    errno = 0;
    if (number_text(value, text) && text[0] != '-')
        *v = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *v > max)
        return refuse(why, why_size, "%s is a whole number from 0 to %llu, not '%s'", f->name,
                      (unsigned long long)max, show(value).text);
    return true;
}

static bool set_signed(const ProtobufCFieldDescriptor *f, struct bytes value, int64_t min,
                       int64_t max, int64_t *v, char *why, size_t why_size)
{
    char text[NUMBER_MAX];
    char *end = text;
    errno = 0;
    if (number_text(value, text))
        *v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || *v < min || *v > max)
        return refuse(why, why_size, "%s is a whole number from %lld to %lld, not '%s'", f->name,
                      (long long)min, (long long)max, show(value).text);
    return true;
}

static bool set_real(const ProtobufCFieldDescriptor *f, struct bytes value, double max, double *v,
                     char *why, size_t why_size)
{
    char text[NUMBER_MAX];
    char *end = text;
    if (number_text(value, text))
        *v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*v) || fabs(*v) > max)
        return refuse(why, why_size, "%s is a number, not '%s'", f->name, show(value).text);
    return true;
}

static bool set_bool(const ProtobufCFieldDescriptor *f, struct bytes value, protobuf_c_boolean *v,
                     char *why, size_t why_size)
{
    bool yes = same_name(value, "true");
    if (!yes && !same_name(value, "false"))
        return refuse(why, why_size, "%s is true or false, not '%s'", f->name, show(value).text);
    *v = yes;
    return true;
}

static bool find_enum(const ProtobufCEnumDescriptor *d, struct bytes value, bool zero_too, int *v,
                      struct list *names)
{
    for (unsigned i = 0; i < d->n_values; i++) {
        if (d->values[i].value == 0 && !zero_too)
            continue;
        if (same_name(value, d->values[i].name)) {
            *v = d->values[i].value;
            return true;
        }
        list_add(names, d->values[i].name, true);
    }
    return false;
}

static bool set_enum(const ProtobufCFieldDescriptor *f, struct bytes value, int *v, char *why,
                     size_t why_size)
{
    struct list names = {"", 0};
    if (find_enum(f->descriptor, value, true, v, &names))
        return true;
    return refuse(why, why_size, "%s is one of %s, not '%s'", f->name, names.text,
                  show(value).text);
}

static bool set_text(const ProtobufCFieldDescriptor *f, struct bytes value, void *at,
                     struct arena *arena, char *why, size_t why_size)
{
    char *copy = arena_alloc(arena, value.len + 1);
    if (!copy || memchr(value.base, '\0', value.len))
        return refuse(why, why_size, "%s: the text is too long, or none", f->name);
    memcpy(copy, value.base, value.len);
    copy[value.len] = '\0';
    if (f->type == PROTOBUF_C_TYPE_STRING)
        *(char **)at = copy;
    else
        *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){value.len, (uint8_t *)copy};
    return true;
}

static bool set_number(const ProtobufCFieldDescriptor *f, struct bytes value, void *at, char *why,
                       size_t why_size)
{
    uint64_t u = 0;
    int64_t s = 0;
    double d = 0;
    switch ((int)f->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (!set_unsigned(f, value, UINT32_MAX, &u, why, why_size))
            return false;
        *(uint32_t *)at = (uint32_t)u;
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (!set_unsigned(f, value, UINT64_MAX, &u, why, why_size))
            return false;
        *(uint64_t *)at = u;
        return true;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (!set_signed(f, value, INT32_MIN, INT32_MAX, &s, why, why_size))
            return false;
        *(int32_t *)at = (int32_t)s;
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
        if (!set_real(f, value, FLT_MAX, &d, why, why_size))
            return false;
        *(float *)at = (float)d;
        return true;
    case PROTOBUF_C_TYPE_DOUBLE:
        if (!set_real(f, value, DBL_MAX, &d, why, why_size))
            return false;
        *(double *)at = d;
        return true;
    default:
        if (!set_signed(f, value, INT64_MIN, INT64_MAX, &s, why, why_size))
            return false;
        *(int64_t *)at = s;
        return true;
    }
}

static bool set_value(const ProtobufCFieldDescriptor *f, struct bytes value, void *at,
                      struct arena *arena, char *why, size_t why_size)
{
    switch ((int)f->type) {
    case PROTOBUF_C_TYPE_BOOL:
        return set_bool(f, value, at, why, why_size);
    case PROTOBUF_C_TYPE_ENUM:
        return set_enum(f, value, at, why, why_size);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
        return set_text(f, value, at, arena, why, why_size);
    case PROTOBUF_C_TYPE_MESSAGE:
        return refuse(why, why_size, "%s cannot be set by KEY=VALUE", f->name);
    default:
        return set_number(f, value, at, why, why_size);
    }
}

bool settings_set(ProtobufCMessage *m, struct bytes key, struct bytes value, struct arena *arena,
                  char *why, size_t why_size)
{
    const ProtobufCFieldDescriptor *f = find_field(m, key, why, why_size);
    if (!f)
        return false;
    CHECK((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0); /* Settings are plain. */
    uint8_t *base = (uint8_t *)m;
    if (!set_value(f, value, base + f->offset, arena, why, why_size))
        return false;
    if (f->label == PROTOBUF_C_LABEL_OPTIONAL && f->type != PROTOBUF_C_TYPE_STRING)
        *(protobuf_c_boolean *)(void *)(base + f->quantifier_offset) = true;
    return true;
}

bool settings_flaw(ProtobufCMessage *m, struct bytes flaw, struct arena *arena, char *why,
                   size_t why_size)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(m->descriptor, "flaws");
    if (!f || f->type != PROTOBUF_C_TYPE_ENUM || f->label != PROTOBUF_C_LABEL_REPEATED)
        return refuse(why, why_size, "this protocol has no flaws to switch on");
    struct list names = {"", 0};
    int v = 0;
    if (!find_enum(f->descriptor, flaw, false, &v, &names))
        return refuse(why, why_size, "there is no flaw '%s'; there are: %s", show(flaw).text,
                      names.text);
    uint8_t *base = (uint8_t *)m;
    size_t *n = (size_t *)(void *)(base + f->quantifier_offset);
    int **list = (int **)(void *)(base + f->offset);
    for (size_t i = 0; i < *n; i++)
        if ((*list)[i] == v)
            return true;
    int *longer = arena_alloc(arena, (*n + 1) * sizeof *longer);
    if (!longer)
        return refuse(why, why_size, "too many flaws");
    if (*n > 0)
        memcpy(longer, *list, *n * sizeof *longer);
    longer[(*n)++] = v;
    *list = longer;
    return true;
}
