/* The inside of a schema: types as they are kept, and a message's fields sorted for printing. Only
 * for schema*.c. */
#ifndef ORRERY_TIMELINE_TYPES_H
#define ORRERY_TIMELINE_TYPES_H

#include "base/wire.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "timeline/schema.h"

enum {
    SCHEMA_SET_MAX = 4 << 20,         /* Bytes of one descriptor set, */
    SCHEMA_FILES_MAX = 1 << 12,       /* of all sets together: files, */
    SCHEMA_TYPES_MAX = 1 << 16,       /* types, */
    SCHEMA_FIELDS_MAX = 512,          /* fields or values of a type, */
    SCHEMA_NAME_MAX = 255,            /* and bytes of a full name. */
    SCHEMA_NESTING_MAX = 16,          /* Types declared in types. */
    SCHEMA_DEPTH_MAX = 24,            /* Messages in messages, when printing. */
    SCHEMA_PRINT_MAX = 4 << 20,       /* Bytes that one call prints, about. */
    SCHEMA_OCCURRENCES_MAX = 1 << 16, /* Fields of one message that are looked at. */
};

#define FIELD_TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

struct type_field {
    char *name;
    uint32_t number;
    int type;
    bool repeated;
    bool implicit; /* proto3: absent means zero. */
    char *of;      /* Full name of a message or enum type; else NULL. */
    const struct schema_type *message;
};

struct type_value {
    char *name;
    int32_t number;
};

struct schema_type {
    char *name;
    bool is_enum;
    struct type_field *fields;
    struct type_value *values;
    uint32_t n;
};

/* One time that a field occurs in a message. */
struct occurrence {
    uint32_t field; /* Index in fields; `n` of the type: unknown. */
    uint32_t order;
    struct wire_field wire;
};

struct occurrences {
    struct occurrence *all;
    uint32_t n;
    bool torn; /* The message ends in bytes that are not protobuf. */
};

/* Splits a message into its fields, packed ones into their elements, sorted by declaration, in
 * order of appearance within one field. free(all). */
void occurrences_read(const struct schema_type *t, struct bytes message, struct occurrences *o);
const struct type_field *type_field_by_number(const struct schema_type *t, uint32_t number);
enum wire_type wire_type_of(int field_type);
double schema_wire_number(int field_type, uint64_t bits);

#endif
