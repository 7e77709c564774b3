/* Strings of unpacked messages, made fit to be printed by anybody: control characters and bytes
 * that are no UTF-8 become '?'. */
#ifndef ORRERY_TIMELINE_CLEAN_H
#define ORRERY_TIMELINE_CLEAN_H

#include <protobuf-c/protobuf-c.h>

void clean_message(ProtobufCMessage *message); /* In place, and the messages in it. */

#endif
