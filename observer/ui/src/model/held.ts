// Which messages are held back, as the run's own events tell: a node says that it holds one, and a command
// lets it go, loses it, or delivers it twice. What is held dies with its sender.
import type { Deliver } from '../wire/gen/command_pb';
import type { Reducer } from './fold';
import type { Happening } from './happening';
import type { Deed } from './keys';

export interface HeldMessage {
    event: number; // that told of it,
    send: number; // and the one that sent it, where that is still known
    seq: number; // the sender's own number of its send
    from: number;
    to: number;
    ns: number;
    inOrder: boolean; // of a stream
}

/** A hold in force; 0: every node. */
interface Hold {
    from: number;
    to: number;
}

export interface Holding {
    offered: boolean; // its nodes send messages
    holds: readonly Hold[];
    messages: readonly HeldMessage[]; // oldest first
}

const covers = (wide: Hold, narrow: Hold): boolean => (wide.from === 0 || wide.from === narrow.from) && (wide.to === 0 || wide.to === narrow.to);

/* As `deliver` chooses: with no event the oldest one alone; with one, its copies to all whom it names. */
function meantBy(d: Deliver, messages: readonly HeldMessage[]): HeldMessage[] {
    const fits = messages.filter(m => (!d.from || m.from === d.from) && (!d.to || m.to === d.to) && (!d.event || m.seq === Number(d.event)));
    const first = fits[0];
    return !first ? [] : d.event ? fits.filter(m => m.from === first.from) : [first];
}

/* A stream has no gaps: what was sent before goes with it or, if it is lost, what was sent behind it. */
function deliver(s: Holding, d: Deliver): Holding {
    const meant = meantBy(d, s.messages);
    const along = (m: HeldMessage, i: number): boolean => m.inOrder && meant.some(other => {
        const at = s.messages.indexOf(other);
        return other.inOrder && other.from === m.from && other.to === m.to && (d.drop ? at < i : at > i);
    });
    return { ...s, messages: s.messages.filter((m, i) => !meant.includes(m) && !along(m, i)) };
}

function without(s: Holding, gone: (m: HeldMessage) => boolean): Holding {
    return s.messages.some(gone) ? { ...s, messages: s.messages.filter(m => !gone(m)) } : s;
}

function operate(s: Holding, h: Happening): Holding {
    const verb = h.event.body.case === 'operator' ? h.event.body.value.command?.verb : undefined;
    if (verb?.case === 'deliver') return deliver(s, verb.value);
    if (verb?.case !== 'hold') return s;
    const wanted = { from: verb.value.from, to: verb.value.to };
    const others = s.holds.filter(hold => !covers(wanted, hold));
    if (!verb.value.off) return { ...s, holds: [...others, wanted] };
    const still = (m: HeldMessage): boolean => others.some(hold => covers(hold, m));
    return { ...without(s, m => !still(m)), holds: others };
}

export function apply(s: Holding, h: Happening): Holding {
    const body = h.event.body;
    switch (body.case) {
        case 'start': return s.offered ? s : { ...s, offered: body.value.instances.some(i => i.messageType !== '') };
        case 'held': {
            const one = { event: h.ordinal, send: h.cause, seq: Number(body.value.event), from: h.node, to: body.value.to, ns: h.ns, inOrder: body.value.inOrder };
            return { ...s, messages: [...s.messages, one] };
        }
        case 'drop': return without(s, m => m.send !== 0 && m.send === h.cause && m.to === body.value.to);
        case 'exit': return without(s, m => m.from === body.value.node);
        case 'operator': return operate(s, h);
        default: return s;
    }
}

export const holding: Reducer<Holding> = {
    kinds: ['start', 'held', 'drop', 'exit', 'operator'],
    initial: { offered: false, holds: [], messages: [] },
    apply,
};

export const holdLine = (s: Holding): string => (s.holds.length > 0 ? 'hold --off' : 'hold');

/** What becomes of one of them by hand; `how` is a flag of `deliver`. */
export function deliverLine(m: HeldMessage, nameOf: (node: number) => string, how: '' | '--drop' | '--duplicate' = ''): string {
    return `deliver ${nameOf(m.from)} --event ${m.seq} --to ${nameOf(m.to)}${how ? ` ${how}` : ''}`;
}

/** Hold and let go; the next message, where one looks at what is held now. */
export function lineFor(deed: Deed | undefined, s: Holding, live = true): string | undefined {
    if (!s.offered) return undefined;
    if (deed === 'hold') return holdLine(s);
    return deed === 'next' && live && s.messages.length > 0 ? 'deliver' : undefined;
}

/** Ends of messages under way, as the timeline asks for them: those that are still at their sender. */
export const heldKey = (send: number, to: number): string => `${send}>${to}`;
