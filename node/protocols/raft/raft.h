/* raft: one log on several nodes, and the key-value machine over it, for Redis clients.
 *
 * Ongaro, Ousterhout: "In Search of an Understandable Consensus Algorithm" (extended version,
 * 2014), here "the paper"; Ongaro: "Consensus: Bridging Theory and Practice" (2014), here "the
 * dissertation".
 *
 * Two logs. "vote" holds term and vote; whatever is sent or answered waits until it is durable.
 * "log" holds the entries, an entry's index is its record's ordinal. Nothing waits for "log": the
 * leader sends entries while its own disk writes them, and who has an entry on disk says so. An
 * entry is committed once a majority says so, the leader being one of those who may.
 *
 * Clients may ask any node. A command goes to the leader with the ticket of a session that the node
 * has opened in the log, so that it happens once however often it must be sent; its reply comes
 * from the node's own table, as the entry is applied there. Reads wait for a read index. */
#ifndef ORRERY_PROTOCOLS_RAFT_H
#define ORRERY_PROTOCOLS_RAFT_H

#include "core/core.h"

extern const struct core_ops raft_ops;

#endif
