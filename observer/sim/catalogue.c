#include "sim/catalogue.h"

#include "base/check.h"
#include "base/must.h"
#include "core/listing.h"
#include "core/registry.h"
#include "ml/modules.h"

#include <stdlib.h>
#include <string.h>

static char *word_of(const char *name)
{
    char *word = NULL;
    size_t size;
    FILE *out = open_memstream(&word, &size);
    CHECK(out);
    listing_word(out, name);
    CHECK(fclose(out) == 0);
    return word;
}

static char *usual_of(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *settings)
{
    char *value = NULL;
    size_t size;
    FILE *out = open_memstream(&value, &size);
    CHECK(out);
    if (field->type == PROTOBUF_C_TYPE_STRING)
        (void)fputs(*(char *const *)(const void *)((const char *)settings + field->offset), out);
    else
        listing_value(out, field, settings);
    CHECK(fclose(out) == 0);
    return value;
}

/* The words of an enum but the one that stands for none. */
static char **words_of(const ProtobufCEnumDescriptor *names, bool but_none, size_t *n)
{
    char **words = must_alloc(names->n_values + 1, sizeof *words);
    for (unsigned i = 0; i < names->n_values; i++)
        if (!but_none || names->values[i].value != 0)
            words[(*n)++] = word_of(names->values[i].name);
    return words;
}

static bool can_be_set(const ProtobufCFieldDescriptor *field)
{
    return field->label != PROTOBUF_C_LABEL_REPEATED && field->type != PROTOBUF_C_TYPE_MESSAGE &&
           field->type != PROTOBUF_C_TYPE_BYTES;
}

static Orrery__ProtocolSetting *setting_of(const ProtobufCFieldDescriptor *field,
                                           const ProtobufCMessage *settings)
{
    static const char *const answers[] = {"false", "true"};
    Orrery__ProtocolSetting *s = must_alloc(1, sizeof *s);
    orrery__protocol_setting__init(s);
    s->key = must_copy(field->name);
    s->usual = usual_of(field, settings);
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        s->choices = words_of(field->descriptor, false, &s->n_choices);
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        s->choices = must_alloc(2, sizeof *s->choices);
        for (; s->n_choices < 2; s->n_choices++)
            s->choices[s->n_choices] = must_copy(answers[s->n_choices]);
    }
    s->number = s->n_choices == 0 && field->type != PROTOBUF_C_TYPE_STRING;
    return s;
}

static Orrery__Protocol *protocol_of(const struct core_ops *ops, bool module)
{
    Orrery__Protocol *p = must_alloc(1, sizeof *p);
    const ProtobufCEnumDescriptor *flaws = listing_flaws(ops->settings);
    orrery__protocol__init(p);
    p->name = must_copy(ops->name);
    p->summary = must_copy(ops->summary);
    p->module = module;
    p->usual_nodes = ops->usual_nodes;
    p->logs = ops->logs && ops->logs[0];
    p->settings = must_alloc(ops->settings->n_fields + 1, sizeof(void *));
    ProtobufCMessage *usual = listing_usual(ops);
    for (unsigned i = 0; i < ops->settings->n_fields; i++)
        if (can_be_set(&ops->settings->fields[i]))
            p->settings[p->n_settings++] = setting_of(&ops->settings->fields[i], usual);
    free(usual);
    if (flaws)
        p->flaws = words_of(flaws, true, &p->n_flaws);
    return p;
}

uint32_t catalogue_usual_nodes(const char *protocol)
{
    const struct core_ops *ops = registry_find(protocol);
    if (!ops)
        ops = module_find(protocol);
    return ops ? ops->usual_nodes : 1;
}

Orrery__Protocols *catalogue_protocols(void)
{
    Orrery__Protocols *all = must_alloc(1, sizeof *all);
    const struct core_ops *ops;
    uint32_t n = 0;
    orrery__protocols__init(all);
    while (registry_at(n))
        n++;
    for (uint32_t i = 0; module_at(i); i++)
        n++;
    all->protocols = must_alloc(n + 1, sizeof(void *));
    for (uint32_t i = 0; (ops = registry_at(i)); i++)
        all->protocols[all->n_protocols++] = protocol_of(ops, false);
    for (uint32_t i = 0; (ops = module_at(i)); i++)
        all->protocols[all->n_protocols++] = protocol_of(ops, true);
    return all;
}
