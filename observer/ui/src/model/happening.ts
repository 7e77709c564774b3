// An entry of the timeline, unpacked as far as everyone needs it.
import { create, fromBinary, type Message } from '@bufbuild/protobuf';
import { EventSchema, type Event, type Instance, type Start } from '../wire/gen/event_pb';
import type { Entry } from '../wire/gen/recording_pb';
import { readHead, type Head } from '../wire/head';
import type { Schemas } from '../wire/schemas';

/** `body` names which of Event.body it is; `type` its protobuf name where it carries a message. The
 *  event as a whole, and that message, are unpacked when they are asked for. */
export interface Happening {
    readonly ordinal: number;
    readonly node: number; // 0 is "you"
    readonly boot: number;
    readonly seq: number;
    readonly ns: number; // cluster time
    readonly lamport: number;
    readonly cause: number;
    readonly previous: number;
    readonly event: Event;
    readonly body: string;
    readonly type: string;
    readonly message?: Message | undefined; // what a trace, view, send or receive carries
    readonly instance?: Instance | undefined;
}

class Told implements Happening {
    readonly ordinal: number;
    readonly node: number;
    readonly boot: number;
    readonly seq: number;
    readonly ns: number;
    readonly lamport: number;
    readonly cause: number;
    readonly previous: number;
    readonly body: string;
    private whole: Event | undefined;
    private carried: Uint8Array | undefined;
    private opened: Message | undefined;

    constructor(entry: Entry, head: Head, private readonly packed: Uint8Array, readonly type: string, readonly instance: Instance | undefined, private readonly schemas: Schemas) {
        this.ordinal = Number(entry.ordinal);
        this.node = entry.node;
        this.boot = entry.boot;
        this.seq = head.seq;
        this.ns = head.ns;
        this.lamport = head.lamport;
        this.cause = Number(entry.cause);
        this.previous = Number(entry.previous);
        this.body = head.body;
        this.carried = type ? head.carried : undefined;
    }

    get event(): Event {
        return (this.whole ??= unpack(this.packed) ?? create(EventSchema));
    }

    get message(): Message | undefined {
        if (this.carried) {
            this.opened = this.schemas.read(this.type, this.carried)?.message;
            this.carried = undefined;
        }
        return this.opened;
    }
}

function unpack(bytes: Uint8Array): Event | undefined {
    try {
        return fromBinary(EventSchema, bytes);
    } catch {
        return undefined;
    }
}

/** Whether it is among kinds that were asked for: bodies, or types of traces. */
export function isOf(kinds: readonly string[], h: Happening): boolean {
    return kinds.includes(h.body) || (h.body === 'trace' && kinds.includes(h.type));
}

/** Lives by node and boot: a start event says which types the events after it name by number. */
export class Lives {
    private readonly starts = new Map<string, Start>();

    constructor(private readonly schemas: Schemas) {}

    start(node: number, boot: number): Start | undefined {
        return this.starts.get(`${node}.${boot}`);
    }

    open(entry: Entry): Happening | undefined {
        const head = readHead(entry.event);
        if (!head) return undefined;
        if (head.body === 'start' && !this.begin(entry)) return undefined;
        const start = this.start(entry.node, entry.boot);
        const instance = start?.instances.find(i => i.number === head.instance);
        return new Told(entry, head, entry.event, head.carried ? (typeOf(head, start, instance) ?? '') : '', instance, this.schemas);
    }

    private begin(entry: Entry): boolean {
        const body = unpack(entry.event)?.body;
        if (body?.case !== 'start') return false;
        this.starts.set(`${entry.node}.${entry.boot}`, body.value);
        this.schemas.add(body.value.schemas);
        return true;
    }
}

function typeOf(head: Head, start: Start | undefined, instance: Instance | undefined): string | undefined {
    if (head.body === 'trace') return start?.types[head.type];
    return head.body === 'view' ? instance?.viewType : instance?.messageType;
}
