// What everyone needs of an event, read from its bytes without unpacking the rest. Thousands of
// events come at once where one jumps to, and all but a few of them are traces.
import { EventSchema, type Event } from './gen/event_pb';
import { Fields, wires } from './fields';

/** `body` is which of Event.body it is; `carried` the bytes of the message in one that has any. */
export interface Head {
    seq: number;
    ns: number;
    lamport: number;
    instance: number;
    body: NonNullable<Event['body']['case']>;
    type: number; // of a trace
    carried: Uint8Array | undefined;
}

const names = new Map(EventSchema.fields.filter(f => f.oneof).map(f => [f.number, f.localName as Head['body']]));
/** The field that such a message is in. */
const places: Partial<Record<Head['body'], number>> = { trace: 2, view: 1, send: 4, receive: 6 };

function readBody(head: Head, bytes: Uint8Array, from: number, to: number): void {
    const place = places[head.body];
    if (place === undefined) return;
    head.carried = bytes.subarray(to, to);
    for (const at = new Fields(bytes, from, to); at.next(); ) {
        if (at.number === place && at.wire === wires.bytes) head.carried = bytes.subarray(at.from, at.to);
        else if (at.number === 1 && head.body === 'trace') head.type = at.value;
    }
}

function readFields(bytes: Uint8Array): Head | undefined {
    const head: Omit<Head, 'body'> & Partial<Head> = { seq: 0, ns: 0, lamport: 0, instance: 0, type: 0, carried: undefined };
    for (const at = new Fields(bytes); at.next(); ) {
        const body = names.get(at.number);
        if (body && at.wire === wires.bytes) {
            head.body = body;
            readBody(head as Head, bytes, at.from, at.to);
        } else if (at.number === 1) head.seq = at.value;
        else if (at.number === 2) head.ns = at.value;
        else if (at.number === 4) head.lamport = at.value;
        else if (at.number === 5) head.instance = at.value;
    }
    return head.body ? (head as Head) : undefined;
}

/** Nothing, where the bytes are no event that this page knows. */
export function readHead(bytes: Uint8Array): Head | undefined {
    try {
        return readFields(bytes);
    } catch {
        return undefined;
    }
}
