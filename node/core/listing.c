#include "core/listing.h"

#include "base/must.h"
#include "core/registry.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

void listing_line(FILE *out, const struct core_ops *ops)
{
    fprintf(out, "%-12s %s\n", ops->name, ops->summary);
}

void listing_protocols(FILE *out)
{
    const struct core_ops *ops;
    for (uint32_t i = 0; (ops = registry_at(i)); i++)
        listing_line(out, ops);
}

void listing_word(FILE *out, const char *name)
{
    for (const char *at = name; *at; at++)
        fputc(*at == '_' ? '-' : tolower((unsigned char)*at), out);
}

static void print_choice(FILE *out, const ProtobufCEnumDescriptor *names, const uint32_t *now)
{
    for (unsigned i = 0; i < names->n_values; i++)
        if ((uint32_t)names->values[i].value == *now)
            listing_word(out, names->values[i].name);
}

void listing_value(FILE *out, const ProtobufCFieldDescriptor *field,
                   const ProtobufCMessage *settings)
{
    const void *value = (const char *)settings + field->offset;
    switch (field->type) {
    case PROTOBUF_C_TYPE_ENUM:
        print_choice(out, field->descriptor, value);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        fprintf(out, "%" PRIu32, *(const uint32_t *)value);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        fprintf(out, "%" PRId32, *(const int32_t *)value);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        fprintf(out, "%" PRIu64, *(const uint64_t *)value);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        fprintf(out, "%" PRId64, *(const int64_t *)value);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        fprintf(out, "%g", *(const double *)value);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        fprintf(out, "%g", (double)*(const float *)value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        fputs(*(const protobuf_c_boolean *)value ? "true" : "false", out);
        break;
    case PROTOBUF_C_TYPE_STRING:
        fprintf(out, "\"%s\"", *(const char *const *)value);
        break;
    default:
        break;
    }
}

static void print_choices(FILE *out, const ProtobufCEnumDescriptor *names)
{
    fputs(" (", out);
    for (unsigned i = 0; i < names->n_values; i++) {
        fputs(i ? ", " : "", out);
        listing_word(out, names->values[i].name);
    }
    fputc(')', out);
}

static void print_setting(FILE *out, const ProtobufCFieldDescriptor *field,
                          const ProtobufCMessage *settings)
{
    fprintf(out, "  %-18s ", field->name);
    listing_value(out, field, settings);
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        print_choices(out, field->descriptor);
    fputc('\n', out);
}

const ProtobufCEnumDescriptor *listing_flaws(const ProtobufCMessageDescriptor *settings)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(settings, "flaws");
    return field && field->type == PROTOBUF_C_TYPE_ENUM ? field->descriptor : NULL;
}

static void print_flaws(FILE *out, const ProtobufCMessageDescriptor *settings)
{
    const ProtobufCEnumDescriptor *names = listing_flaws(settings);
    if (!names)
        return;
    fputs("\nflaws\n", out);
    for (unsigned i = 0; i < names->n_values; i++) {
        if (names->values[i].value == 0)
            continue;
        fputs("  ", out);
        listing_word(out, names->values[i].name);
        fputc('\n', out);
    }
}

ProtobufCMessage *listing_usual(const struct core_ops *ops)
{
    ProtobufCMessage *settings = must_alloc(1, ops->settings->sizeof_message);
    ops->settings->message_init(settings);
    ops->defaults(settings);
    return settings;
}

void listing_settings(FILE *out, const struct core_ops *ops)
{
    fprintf(out, "%s: %s\n\nsettings\n", ops->name, ops->summary);
    const ProtobufCMessageDescriptor *type = ops->settings;
    ProtobufCMessage *settings = listing_usual(ops);
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
            print_setting(out, &type->fields[i], settings);
    print_flaws(out, type);
    free(settings);
}

bool listing_protocol(FILE *out, const char *name)
{
    const struct core_ops *ops = registry_find(name);
    if (ops)
        listing_settings(out, ops);
    return ops != NULL;
}
