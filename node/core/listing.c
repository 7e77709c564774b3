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

/* As it is typed: lower case, dashes. */
static void print_word(FILE *out, const char *name)
{
    for (const char *at = name; *at; at++)
        fputc(*at == '_' ? '-' : tolower((unsigned char)*at), out);
}

static void print_value(FILE *out, const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
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

static void print_enum(FILE *out, const ProtobufCEnumDescriptor *names, const uint32_t *now)
{
    for (unsigned i = 0; i < names->n_values; i++)
        if (now && (uint32_t)names->values[i].value == *now)
            print_word(out, names->values[i].name);
    fputs(" (", out);
    for (unsigned i = 0; i < names->n_values; i++) {
        fputs(i ? ", " : "", out);
        print_word(out, names->values[i].name);
    }
    fputc(')', out);
}

static void print_setting(FILE *out, const ProtobufCFieldDescriptor *field,
                          const ProtobufCMessage *settings)
{
    const void *value = (const char *)settings + field->offset;
    fprintf(out, "  %-18s ", field->name);
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        print_enum(out, field->descriptor, value);
    else
        print_value(out, field, value);
    fputc('\n', out);
}

static void print_flaws(FILE *out, const ProtobufCMessageDescriptor *settings)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(settings, "flaws");
    if (!field || field->type != PROTOBUF_C_TYPE_ENUM)
        return;
    const ProtobufCEnumDescriptor *names = field->descriptor;
    fputs("\nflaws\n", out);
    for (unsigned i = 0; i < names->n_values; i++) {
        if (names->values[i].value == 0)
            continue;
        fputs("  ", out);
        print_word(out, names->values[i].name);
        fputc('\n', out);
    }
}

void listing_settings(FILE *out, const struct core_ops *ops)
{
    fprintf(out, "%s: %s\n\nsettings\n", ops->name, ops->summary);
    const ProtobufCMessageDescriptor *type = ops->settings;
    ProtobufCMessage *settings = must_alloc(1, type->sizeof_message);
    type->message_init(settings);
    ops->defaults(settings);
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
