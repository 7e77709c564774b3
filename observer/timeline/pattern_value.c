#include "timeline/pattern_value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "timeline/text.h"

void pattern_why(char *why, size_t why_size, const char *format, ...)
{
    char raw[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    struct buf safe = {0};
    text_put(bytes_str(raw), &safe);
    (void)snprintf(why, why_size, "%.*s", (int)safe.len, (const char *)safe.base);
    buf_free(&safe);
}

static bool whole_number(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == 0 && errno == 0;
}

bool pattern_node(const char *text, uint32_t *node)
{
    int64_t value;
    if (strcmp(text, "you") == 0)
        value = 0;
    else if (!whole_number(*text == 'n' ? text + 1 : text, &value))
        return false;
    *node = (uint32_t)value;
    return value >= 0 && value <= UINT32_MAX;
}

/* --- names for numbers --- */

static bool enum_number(const struct schema_type *t, const char *text, int64_t *value)
{
    size_t n = strlen(text);
    for (uint32_t i = 0; i < t->n; i++) { /* "cut" stands for DROP_CUT. */
        const char *name = t->values[i].name;
        size_t len = strlen(name);
        if (strcasecmp(name, text) == 0 ||
            (len > n && name[len - n - 1] == '_' && strcasecmp(name + len - n, text) == 0)) {
            *value = t->values[i].number;
            return true;
        }
    }
    return false;
}

static bool log_number(const struct pattern_scope *scope, const Orrery__Start *start,
                       const char *text, int64_t *value)
{
    for (size_t i = 0; i < start->n_instances; i++) {
        const Orrery__Instance *instance = start->instances[i];
        for (size_t k = 0; k < instance->n_logs; k++)
            if ((!scope->instance || scope->instance == instance->number) &&
                strcmp(instance->logs[k], text) == 0) {
                *value = (int64_t)k;
                return true;
            }
    }
    return false;
}

static bool machine_number(struct pattern_scope *scope, const Orrery__Start *start,
                           const char *text, int64_t *value)
{
    for (size_t i = 0; i < start->n_instances; i++) {
        const Orrery__Instance *instance = start->instances[i];
        for (size_t k = 0; k < instance->n_machines; k++)
            if ((!scope->instance || scope->instance == instance->number) &&
                strcmp(instance->machines[k]->name, text) == 0) {
                scope->machine = instance->machines[k];
                *value = (int64_t)k;
                return true;
            }
    }
    return false;
}

/* A state by name: of the machine that was named, else of all that have it, if they agree. */
static bool state_number(const struct pattern_scope *scope, const Orrery__Start *start,
                         const char *text, int64_t *value)
{
    int found = 0;
    for (size_t i = 0; i < start->n_instances; i++)
        for (size_t k = 0; k < start->instances[i]->n_machines; k++) {
            const Orrery__Machine *m = start->instances[i]->machines[k];
            if (scope->machine && scope->machine != m)
                continue;
            for (size_t s = 0; s < m->n_states; s++)
                if (strcmp(m->states[s], text) == 0) {
                    if (found && *value != (int64_t)s)
                        return false;
                    *value = (int64_t)s;
                    found = 1;
                }
        }
    return found;
}

static bool duration(const struct type_field *field, const char *text, int64_t *value)
{
    size_t n = strlen(field->name);
    if (n < 3 || strcmp(field->name + n - 3, "_ns") != 0)
        return false;
    char *end;
    double number = strtod(text, &end);
    double unit = strcmp(end, "ns") == 0   ? 1
                  : strcmp(end, "us") == 0 ? 1e3
                  : strcmp(end, "ms") == 0 ? 1e6
                  : strcmp(end, "s") == 0  ? 1e9
                                           : 0;
    double ns = number * unit;
    if (end == text || unit == 0 || !(ns > -9e18 && ns < 9e18))
        return false;
    *value = (int64_t)ns;
    return true;
}

static bool named_number(struct pattern_scope *scope, const Orrery__Start *start, uint32_t body,
                         const struct type_field *field, const char *text, int64_t *value)
{
    uint32_t node;
    bool move = body == ORRERY__EVENT__BODY_MOVE;
    if (move && strcmp(field->name, "machine") == 0)
        return machine_number(scope, start, text, value);
    if (move && (strcmp(field->name, "from") == 0 || strcmp(field->name, "to") == 0))
        return state_number(scope, start, text, value);
    if (!scope->inner_field && strcmp(field->name, "log") == 0)
        return log_number(scope, start, text, value);
    if (pattern_node(text, &node)) {
        *value = node;
        return true;
    }
    return duration(field, text, value);
}

/* --- values --- */

static Orrery__Pattern__Type type_of(const struct type_field *field)
{
    switch (field->type) {
    case FIELD_TYPE(DOUBLE):
        return ORRERY__PATTERN__TYPE__DOUBLE;
    case FIELD_TYPE(FLOAT):
        return ORRERY__PATTERN__TYPE__FLOAT;
    case FIELD_TYPE(FIXED64):
    case FIELD_TYPE(SFIXED64):
        return ORRERY__PATTERN__TYPE__FIXED64;
    case FIELD_TYPE(FIXED32):
    case FIELD_TYPE(SFIXED32):
        return ORRERY__PATTERN__TYPE__FIXED32;
    case FIELD_TYPE(SINT32):
    case FIELD_TYPE(SINT64):
        return ORRERY__PATTERN__TYPE__ZIGZAG;
    case FIELD_TYPE(INT32):
    case FIELD_TYPE(INT64):
    case FIELD_TYPE(ENUM):
        return ORRERY__PATTERN__TYPE__SIGNED;
    case FIELD_TYPE(STRING):
    case FIELD_TYPE(BYTES):
    case FIELD_TYPE(MESSAGE):
        return ORRERY__PATTERN__TYPE__BYTES;
    default:
        return ORRERY__PATTERN__TYPE__UNSIGNED;
    }
}

static bool enum_value(const struct type_field *field, const char *text, int64_t *value, char *why,
                       size_t why_size)
{
    const struct schema_type *t = field->message;
    if (whole_number(text, value) || (t && t->is_enum && enum_number(t, text, value)))
        return true;
    struct buf list = {0};
    for (uint32_t i = 0; t && t->is_enum && i < t->n; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", t->values[i].name);
    pattern_why(why, why_size, "'%s' is no value of %s; there are %.*s", text, field->name,
                (int)list.len, list.len ? (const char *)list.base : "");
    buf_free(&list);
    return false;
}

static bool real_value(const struct type_field *field, const char *text, double *value, char *why,
                       size_t why_size)
{
    char *end;
    *value = strtod(text, &end);
    if (end != text && *end == 0)
        return true;
    pattern_why(why, why_size, "%s is compared with a number, not with '%s'", field->name, text);
    return false;
}

static bool whole_value(struct pattern_scope *scope, const Orrery__Start *start, uint32_t body,
                        const struct type_field *field, const char *text, int64_t *value, char *why,
                        size_t why_size)
{
    if (field->type == FIELD_TYPE(BOOL)) {
        *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        if (*value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
            return true;
        pattern_why(why, why_size, "%s is true or false, not '%s'", field->name, text);
        return false;
    }
    if (field->type == FIELD_TYPE(ENUM))
        return enum_value(field, text, value, why, why_size);
    if (whole_number(text, value)) {
        if (body == ORRERY__EVENT__BODY_MOVE && strcmp(field->name, "machine") == 0)
            scope->machine = NULL;
        return true;
    }
    if (named_number(scope, start, body, field, text, value))
        return true;
    pattern_why(why, why_size, "%s is compared with a whole number, not with '%s'", field->name,
                text);
    return false;
}

bool pattern_value(struct pattern_scope *scope, const Orrery__Start *start, uint32_t body,
                   const struct type_field *field, struct pattern_text *text,
                   Orrery__Pattern__Term *term, char *why, size_t why_size)
{
    term->type = type_of(field);
    if (term->compare == ORRERY__PATTERN__COMPARE__PRESENT)
        return true;
    switch (field->type) {
    case FIELD_TYPE(MESSAGE):
        pattern_why(why, why_size, "%s has fields of its own: compare one of them, as %s.NAME",
                    field->name, field->name);
        return false;
    case FIELD_TYPE(STRING):
    case FIELD_TYPE(BYTES):
        term->text.data = (uint8_t *)text->text;
        term->text.len = text->len;
        return true;
    case FIELD_TYPE(DOUBLE):
    case FIELD_TYPE(FLOAT):
        return real_value(field, text->text, &term->number, why, why_size);
    default: {
        int64_t value;
        if (!whole_value(scope, start, body, field, text->text, &value, why, why_size))
            return false;
        term->integer = value;
        return true;
    }
    }
}
