/* Descriptors from a node that lies, and bodies that do not fit them. The input is two bytes of
 * length, a descriptor set, a body. */
#include "google/protobuf/descriptor.pb-c.h"
#include "schema_heartbeat.h"
#include "timeline/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(const struct schema *s, const char *name, struct bytes body)
{
    const struct schema_type *t = schema_find(s, name);
    struct schema_field f;
    struct buf into = {0};
    double number;
    if (!t)
        return;
    schema_text(t, body, &into);
    schema_json(t, body, &into);
    for (size_t i = 0; i < into.len; i++)
        if (into.base[i] < 0x20 || into.base[i] == 0x7f)
            abort();
    schema_lines(t, body, 2, &into);
    (void)schema_case(t, body);
    for (uint32_t i = 0; schema_field(t, i, &f); i++)
        (void)schema_number(t, body, f.name, &number);
    buf_free(&into);
}

static void print_all(const struct schema *s, struct bytes set, struct bytes body)
{
    Google__Protobuf__FileDescriptorSet *files =
        google__protobuf__file_descriptor_set__unpack(NULL, set.len, set.base);
    for (size_t i = 0; files && i < files->n_file; i++)
        for (size_t m = 0; m < files->file[i]->n_message_type; m++) {
            char name[600];
            const char *package = files->file[i]->package;
            const char *type = files->file[i]->message_type[m]->name;
            (void)snprintf(name, sizeof name, "%.280s%s%.280s", package ? package : "",
                           package && *package ? "." : "", type ? type : "");
            print(s, name, body);
        }
    if (files)
        google__protobuf__file_descriptor_set__free_unpacked(files, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = (size_t)data[0] | (size_t)data[1] << 8;
    len = len < size - 2 ? len : size - 2;
    struct bytes set = bytes_of(data + 2, len), body = bytes_of(data + 2 + len, size - 2 - len);
    struct schema *s = schema_new();
    if (schema_add(s, set) == 0)
        print_all(s, set, body);
    if (schema_add(s, schema_heartbeat()) != 0)
        abort();
    print(s, "heartbeat.NodeView", body);
    print(s, "orrery.Event", body);
    print(s, "orrery.Command", body);
    schema_free(s);
    return 0;
}
