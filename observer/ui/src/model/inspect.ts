// What the inspector says of an event: a headline as one would say it, and its fields in words.
import type { Happening } from './happening';
import { bytes, duration, list } from './format';
import { EventSchema } from '../wire/gen/event_pb';
import { fields, type Field } from './text';
import type { DescMessage, Message } from '@bufbuild/protobuf';

type Names = (node: number) => string;

const dropped = ['cut', 'loss', 'a full queue', 'an older life', 'a bad checksum', 'a stranger', 'not readable', 'no link', 'not sent'];

/* A protocol's one message is a choice of several: it is called by the one that it is. */
function chosenOf(message: Message | undefined): string {
    for (const value of Object.values(message ?? {})) {
        const one = (value as { case?: unknown } | undefined)?.case;
        if (typeof one === 'string') return one.charAt(0).toUpperCase() + one.slice(1);
    }
    return '';
}

/** Of a message or a trace: "Beat". */
export function messageName(h: Happening): string {
    const last = h.type.split('.').pop() || 'Message';
    return (last === 'Message' && chosenOf(h.message)) || last;
}

/** "n3 is killed", "Beat from n4": what happened, without where and when. */
export function headline(h: Happening, nameOf: Names): string {
    const body = h.event.body;
    switch (body.case) {
        case 'send': return `${messageName(h)} to ${body.value.to.length > 3 ? `${body.value.to.length} peers` : list(body.value.to.map(nameOf))}`;
        case 'receive': return `${messageName(h)} from ${nameOf(body.value.from)}`;
        case 'drop': return `Lost: ${nameOf(body.value.from)} to ${nameOf(body.value.to)}, ${dropped[body.value.reason] ?? 'dropped'}`;
        case 'operator': return body.value.line.replace(/^orrery /, '');
        case 'spawn': return `${nameOf(body.value.node)} is being started`;
        case 'exit': {
            const { node, signal, lostBytes, code } = body.value;
            if (lostBytes > 0n) return `${nameOf(node)} lost its power`;
            return signal === 9 ? `${nameOf(node)} is killed −9` : signal ? `${nameOf(node)} ended by signal ${signal}` : `${nameOf(node)} ended with ${code}`;
        }
        case 'hole': return `${body.value.to - body.value.from + 1n} events of ${nameOf(body.value.node)} are missing`;
        case 'offset': return `The clock of ${nameOf(body.value.node)}: off by at most ${duration(Number(body.value.boundNs))}`;
        case 'start': return `Life ${h.boot} begins`;
        case 'move': {
            const machine = h.instance?.machines[body.value.machine];
            const to = machine?.states[body.value.to];
            const what = body.value.of ? nameOf(body.value.of) : machine?.name ?? '';
            return to ? `${what}: ${to.toLowerCase()}` : 'Change of state';
        }
        case 'append': return `Record ${body.value.lsn} appended`;
        case 'written': return `Written up to record ${body.value.lsn}`;
        case 'durable': return `Synced up to record ${body.value.lsn}`;
        case 'recovered': return body.value.last ? 'Nothing more to read back' : `Record ${body.value.lsn} read back`;
        case 'request': return `Client ${body.value.client} asks`;
        case 'reply': return `Client ${body.value.client} is answered`;
        case 'link': return `Link to ${nameOf(body.value.peer)} ${body.value.up ? 'up' : 'down'}`;
        case 'wake': return 'A deadline passed';
        case 'view': return 'All that it holds';
        case 'violation': return 'A message refused';
        case 'stop': return 'Ends by itself';
        case 'trace': return messageName(h);
        default: return h.body;
    }
}

function inWords(nameOf: Names): (name: string, value: unknown) => string | undefined {
    return (name, value) => {
        if (name.endsWith('_ns') && typeof value === 'bigint') return duration(Number(value));
        if (/^(peer|from|to|node|of)$/.test(name) && typeof value === 'number') return nameOf(value);
        if (/(^|_)(size|bytes)$/.test(name) && (typeof value === 'bigint' || typeof value === 'number')) return bytes(Number(value));
        if (typeof value === 'number' && !Number.isInteger(value)) return value.toPrecision(4);
        return undefined;
    };
}

const asLinks = new Set(['because', 'event', 'boot', 'seq']); // told as links, or in the lead

/** The plain fields of what an event carries, else of its own body. */
export function fieldsOf(h: Happening, own: DescMessage | undefined, nameOf: Names): Field[] {
    if (h.message && own) return fields(own, h.message, inWords(nameOf));
    const body = h.event.body;
    const desc = EventSchema.fields.find(f => f.localName === body.case)?.message;
    if (!body.value || !desc) return [];
    // Numbers of machines and states are said in the headline.
    if (body.case === 'move') return fields(desc, body.value, inWords(nameOf)).filter(f => f.name === 'of');
    return fields(desc, body.value, inWords(nameOf)).filter(f => !asLinks.has(f.name));
}

/** What links one node with another through this event: [from, to], where it is a message. */
export function endsOf(h: Happening): [number, number] | undefined {
    const body = h.event.body;
    if (body.case === 'receive') return [body.value.from, h.node];
    if (body.case === 'drop') return [body.value.from, body.value.to];
    if (body.case === 'send' && body.value.to.length === 1 && body.value.to[0]) return [h.node, body.value.to[0]];
    return undefined;
}
