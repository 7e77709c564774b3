// What the catalogue is to hold beside the labs that there are: announced, so that a reader sees the whole
// field, and no door, since there is nothing behind it yet. A lab of that name takes its topic's place.

export interface Topic {
    name: string;
    title: string;
    group: string;
    card: string;
}

export const topics: readonly Topic[] = [
    { name: 'circuit-breaker', title: 'Circuit Breaker', group: 'system-design', card: 'See a caller stop asking, wait, and try once.' },
    { name: 'consistent-hashing', title: 'Consistent Hashing', group: 'system-design', card: 'Add a node and count the keys that move.' },
    { name: 'lamport-clock', title: 'Lamport Clock', group: 'distributed-systems', card: 'Order events that share no clock.' },
    { name: 'quorum', title: 'Majority Quorum', group: 'distributed-systems', card: 'Find the node that two majorities must share.' },
    { name: 'cap', title: 'CAP Theorem', group: 'distributed-systems', card: 'Cut the link, then choose which answer to give.' },
    { name: 'gossip', title: 'Gossip', group: 'distributed-systems', card: 'Follow one rumour through sixteen processes.' },
    { name: 'eventual-consistency', title: 'Eventual Consistency', group: 'distributed-systems', card: 'Read three replicas until they agree.' },
    { name: 'two-phase-commit', title: 'Two-Phase Commit', group: 'distributed-systems', card: 'Lose the coordinator after everyone said yes.' },
    { name: 'kafka-partitioning', title: 'Topic Partitioning', group: 'kafka', card: 'Send a key and see which log it lands in.' },
    { name: 'consumer-groups', title: 'Consumer Group Rebalancing', group: 'kafka', card: 'Kill a consumer and watch its parts move.' },
    { name: 'producer-acks', title: 'Producer Acknowledgments', group: 'kafka', card: 'Decide how many copies make it safe.' },
    { name: 'exactly-once', title: 'Exactly-Once Semantics', group: 'kafka', card: 'Send it twice. See it stored once.' },
    { name: 'log-compaction', title: 'Log Compaction', group: 'kafka', card: 'Keep the last value of every key.' },
    { name: 'attention', title: 'Attention', group: 'ai', card: 'See which word looks at which.' },
    { name: 'tokenization-embeddings', title: 'Tokenization & Embeddings', group: 'ai', card: 'Cut a word, place the pieces in space.' },
];
