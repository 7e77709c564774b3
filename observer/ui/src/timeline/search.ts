// What one types to find events: nodes by name, then a pattern of the observer's, a kind, or plain
// words. "n3 heartbeat.Opinion suspected=true", "kill", "receive from=n2".
import { EventSchema } from '../wire/gen/event_pb';

export interface Search {
    nodes: number[];
    pattern: string;
    text: string;
}

const eventKinds = new Set(EventSchema.oneofs[0]?.fields.map(f => f.name) ?? []);

export function parseSearch(typed: string, nodeOf: (name: string) => number | undefined): Search | undefined {
    const words = typed.trim().split(/\s+/).filter(word => word !== '');
    const nodes: number[] = [];
    while (words[0] !== undefined) {
        const node = nodeOf(words[0].toLowerCase());
        if (node === undefined) break;
        nodes.push(node);
        words.shift();
    }
    const rest = words.join(' ');
    if (rest === '') return nodes.length > 0 ? { nodes, pattern: '', text: '' } : undefined;
    const first = words[0] ?? '';
    const isPattern = eventKinds.has(first) || /[=<>]/.test(rest) || /^[a-z]\w*\.[A-Z]\w*$/.test(first);
    return isPattern ? { nodes, pattern: rest, text: '' } : { nodes, pattern: '', text: rest };
}

export interface Found {
    event: number;
    ns: number;
    node: number;
}

/** The first found after (or before) an instant and event; the other end when there is none. */
export function stepTo(found: readonly Found[], ns: number, event: number, forward: boolean): number {
    const at = found.findIndex(f => f.event === event);
    if (at >= 0) return (at + (forward ? 1 : found.length - 1)) % found.length;
    if (forward) return Math.max(0, found.findIndex(f => f.ns >= ns));
    const before = found.filter(f => f.ns <= ns).length - 1;
    return before < 0 ? found.length - 1 : before;
}
