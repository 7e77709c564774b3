// The groups of the catalogue, in its order; a lab says by `group` to which it belongs.

export interface Group {
    id: string;
    title: string;
    text: string;
}

export const groups: readonly Group[] = [
    { id: 'system-design', title: 'System design', text: 'Limits, detours, shares: what sits in front of a service, and what it stands on.' },
    { id: 'distributed-systems', title: 'Distributed systems', text: 'Agreement, time and loss among processes that only have messages.' },
    { id: 'kafka', title: 'Kafka', text: 'A log, cut in parts, shared by readers.' },
    { id: 'ai', title: 'AI', text: 'The same lab, with numbers for messages.' },
];
