#include "timeline/clean.h"

#include <string.h>

#include "timeline/text.h"

static void clean_text(char *text)
{
    size_t left = text ? strlen(text) : 0;
    while (left > 0) {
        uint32_t point;
        bool ok;
        size_t n = text_next(bytes_of(text, left), &point, &ok);
        if (!text_printable(bytes_of(text, n)))
            memset(text, '?', n);
        text += n;
        left -= n;
    }
}

static void clean_value(const ProtobufCFieldDescriptor *f, void *value)
{
    if (f->type == PROTOBUF_C_TYPE_STRING) {
        char *text = *(char **)value;
        if (text != f->default_value && text != protobuf_c_empty_string)
            clean_text(text);
    } else if (f->type == PROTOBUF_C_TYPE_MESSAGE && *(ProtobufCMessage **)value) {
        clean_message(*(ProtobufCMessage **)value);
    }
}

void clean_message(ProtobufCMessage *message)
{
    uint8_t *base = (uint8_t *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &message->descriptor->fields[i];
        void *member = base + f->offset;
        if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(size_t *)(void *)(base + f->quantifier_offset);
            for (size_t k = 0; k < n; k++)
                clean_value(f, *(void ***)member + k);
        } else if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                   *(uint32_t *)(void *)(base + f->quantifier_offset) == f->id) {
            clean_value(f, member);
        }
    }
}
