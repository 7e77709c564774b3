/* What a node can run, told to a terminal. */
#ifndef ORRERY_CORE_LISTING_H
#define ORRERY_CORE_LISTING_H

#include "core/core.h"

#include <stdio.h>

void listing_line(FILE *out, const struct core_ops *ops); /* Name and summary. */
/* Its settings with their defaults, and its flaws. */
void listing_settings(FILE *out, const struct core_ops *ops);

void listing_word(FILE *out, const char *name); /* As it is typed: lower case, dashes. */
/* What a field is set to, a choice as its word. */
void listing_value(FILE *out, const ProtobufCFieldDescriptor *field,
                   const ProtobufCMessage *settings);
/* The flaws that these settings can switch on, from 1 on in the enum; NULL: none. */
const ProtobufCEnumDescriptor *listing_flaws(const ProtobufCMessageDescriptor *settings);
/* With the protocol's defaults; to be freed. */
ProtobufCMessage *listing_usual(const struct core_ops *ops);

void listing_protocols(FILE *out);
/* False: there is no such protocol. */
bool listing_protocol(FILE *out, const char *name);

#endif
