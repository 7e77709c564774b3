/* What nodes say of their types: descriptors that came with a start event, made ready for reading
 * bodies that the observer was never compiled for. Bytes from outside: every count and depth is
 * bounded, and a malformed body prints as far as it goes. */
#ifndef ORRERY_TIMELINE_SCHEMA_H
#define ORRERY_TIMELINE_SCHEMA_H

#include "base/bytes.h"
#include "base/errors.h"

struct schema; /* A growing pool of message and enum types by full name. */
struct schema_type;

struct schema *schema_new(void); /* Knows orrery.Event and history.* from the start. */
void schema_free(struct schema *s);
int schema_add(struct schema *s, struct bytes file_descriptor_set); /* Known files are skipped. */
const struct schema_type *schema_find(const struct schema *s, const char *full_name);

/* One line of `name=value` for people, the same on a line each, or JSON with the names of the
 * .proto (64-bit numbers as numbers); appended to `into`. bytes fields are shown as text where they
 * are printable, else in hex ("0x00ff"); never control characters. Absent proto3 scalars are
 * printed as what they mean: zero. */
void schema_text(const struct schema_type *t, struct bytes body, struct buf *into);
void schema_lines(const struct schema_type *t, struct bytes body, int indent, struct buf *into);
void schema_json(const struct schema_type *t, struct bytes body, struct buf *into);

/* The case that a message with one oneof is set to, by its type's last name: "Beat"; NULL when
 * none. */
const char *schema_case(const struct schema_type *t, struct bytes body);

/* A number by path, "peer" or "kind.beat.number"; false when it is not there. */
bool schema_number(const struct schema_type *t, struct bytes body, const char *path, double *value);

/* Walks a type: for completion, and for compiling patterns. */
struct schema_field {
    const char *name;
    uint32_t number;
    int type; /* google.protobuf.FieldDescriptorProto.Type */
    bool repeated;
    const struct schema_type *message; /* Of a message or an enum; else NULL, or not known. */
};
uint32_t schema_fields(const struct schema_type *t);
bool schema_field(const struct schema_type *t, uint32_t i, struct schema_field *field);
bool schema_value(const struct schema_type *t, uint32_t i, const char **name, int32_t *value);
bool schema_enum_value(const struct schema_type *t, const char *name, int32_t *value);
const char *schema_enum_name(const struct schema_type *t, int32_t value);
const char *schema_name(const struct schema_type *t);

#endif
