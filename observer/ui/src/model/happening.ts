// An entry of the timeline, unpacked as far as everyone needs it.
import { fromBinary, type Message } from '@bufbuild/protobuf';
import { EventSchema, type Event, type Instance, type Start } from '../wire/gen/event_pb';
import type { Entry } from '../wire/gen/recording_pb';
import type { Schemas } from '../wire/schemas';

/** `body` names which of Event.body it is; `type` its protobuf name where it carries a message. */
export interface Happening {
    ordinal: number;
    node: number; // 0 is "you"
    boot: number;
    seq: number;
    ns: number; // cluster time
    lamport: number;
    cause: number;
    previous: number;
    event: Event;
    body: string;
    type: string;
    message?: Message; // what a trace, view, send or receive carries
    instance?: Instance;
}

/** Lives by node and boot: a start event says which types the events after it name by number. */
export class Lives {
    private readonly starts = new Map<string, Start>();

    constructor(private readonly schemas: Schemas) {}

    start(node: number, boot: number): Start | undefined {
        return this.starts.get(`${node}.${boot}`);
    }

    note(entry: Entry): void {
        this.open(entry);
    }

    open(entry: Entry): Happening | undefined {
        let event: Event;
        try {
            event = fromBinary(EventSchema, entry.event);
        } catch {
            return undefined;
        }
        const body = event.body;
        if (body.case === undefined) return undefined;
        if (body.case === 'start') {
            this.starts.set(`${entry.node}.${entry.boot}`, body.value);
            this.schemas.add(body.value.schemas);
        }
        const start = this.start(entry.node, entry.boot);
        const instance = start?.instances.find(i => i.number === event.instance);
        const happening: Happening = {
            ordinal: Number(entry.ordinal),
            node: entry.node,
            boot: entry.boot,
            seq: Number(event.seq),
            ns: Number(event.monoNs),
            lamport: Number(event.lamport),
            cause: Number(entry.cause),
            previous: Number(entry.previous),
            event,
            body: body.case,
            type: '',
        };
        if (instance) happening.instance = instance;
        this.carry(happening, start, instance);
        return happening;
    }

    private carry(h: Happening, start: Start | undefined, instance: Instance | undefined): void {
        const body = h.event.body;
        let type: string | undefined;
        let bytes: Uint8Array | undefined;
        if (body.case === 'trace') [type, bytes] = [start?.types[body.value.type], body.value.body];
        else if (body.case === 'view') [type, bytes] = [instance?.viewType, body.value.body];
        else if (body.case === 'send' || body.case === 'receive')
            [type, bytes] = [instance?.messageType, body.value.body];
        if (!type || !bytes) return;
        h.type = type;
        const typed = this.schemas.read(type, bytes);
        if (typed) h.message = typed.message;
    }
}
