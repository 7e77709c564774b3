// The stage of a protocol that has none of its own: which processes live, and what each said last.
import type { Happening } from '../model/happening';
import type { Reducer } from '../model/fold';

export interface PlainNode {
    node: number;
    life: string;
    said: string;
    event: number;
}

export interface Plain {
    nodes: Record<number, PlainNode>;
}

function put(s: Plain, node: number, life: string | undefined, said: string, event: number): Plain {
    const old = s.nodes[node] ?? { node, life: 'starting', said: '', event: 0 };
    return { nodes: { ...s.nodes, [node]: { ...old, life: life ?? old.life, said, event } } };
}

export function apply(s: Plain, h: Happening): Plain {
    const body = h.event.body;
    switch (body.case) {
        case 'start': return put(s, h.node, 'running', 'started', h.ordinal);
        case 'spawn': return put(s, body.value.node, 'starting', 'is being started', h.ordinal);
        case 'exit': return put(s, body.value.node, 'dead', body.value.unseen ? 'out of reach' : body.value.signal ? `ended by signal ${body.value.signal}` : `ended with ${body.value.code}`, h.ordinal);
        case 'trace': return h.type ? put(s, h.node, undefined, h.type.split('.').pop() ?? h.type, h.ordinal) : s;
        case 'violation': return put(s, h.node, undefined, `refused a message: ${body.value.why}`, h.ordinal);
        default: return s;
    }
}

export const plain: Reducer<Plain> = {
    kinds: ['start', 'spawn', 'exit', 'trace', 'violation'],
    initial: { nodes: {} },
    apply,
};
