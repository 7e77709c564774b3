// A window of the observer's, made ready for drawing: columns stay columns, so that fifty thousand
// messages cost fifty thousand numbers and no objects.
import type { Window } from '../wire/gen/session_pb';
import { Connections, isClients, shared } from './clients';
import { fateDead, fateReceived, fateUnanswered, fateWaits, isLost } from '../wire/fates';
import { isMessage, kinds, mannerOf, rankOf, shapeOf, type Manner, type Shape } from './kinds';

export interface Mark {
    ns: number;
    lane: number;
    name: string;
    shape: Shape;
    rank: number;
    event: number;
    text: string;
    span: number; // ns of what ended with it: a silence, a wait
    hits: number[]; // lanes that the operator's command names
}

export interface Span {
    lane: number;
    from: number;
    to: number;
    state: number;
    term: number; // of one in charge; 0: it told none
}

/** What is missing of a lane: between two instants nobody knows. */
export interface Hole {
    lane: number;
    from: number;
    to: number;
    events: number; // that are missing
    event: number; // that tells of it
}

/** As the observer tells them. */
export const lives = { running: 1, paused: 2, dead: 3, absent: 4, starting: 5, trying: 6, charge: 7 } as const;

export const classes = kinds.length + 1; // of what is counted: the kinds of messages, and all else

/** What happened on a lane, by bins of equal time. */
export interface LaneBins {
    counts: Float32Array; // bins × classes
    drops: Float32Array;
    timed: Float32Array; // receives, and how long they took
    sum: Float64Array;
    most: Float64Array;
}

export interface Messages {
    n: number;
    sent: Float64Array; // rising
    arrives: Float64Array; // received, or where the stroke of one that never was would end
    from: Uint32Array;
    to: Uint32Array;
    fate: Uint8Array;
    manner: Uint8Array; // index in `manners`
    name: Uint16Array; // index in `names`
    send: Float64Array; // ordinals
    receive: Float64Array;
    bound: Float64Array; // ns by which the clocks of both ends may be off; empty: all is by one clock
    longest: number;
}

export interface Tile {
    from: number;
    to: number;
    newest: number;
    exact: boolean;
    count: number; // messages sent in it, about
    final: boolean; // nothing in it will change
    crowd: Map<number, number>; // messages sent or received, by lane
    kinds: string[]; // names of the messages in it
    lost: boolean;
    names: string[];
    manners: Manner[];
    messages: Messages;
    marks: Mark[]; // by time
    spans: Span[];
    holes: Hole[];
    thinned: number; // marks that are not among `marks`, about
    clockBound: number; // ns by which any two clocks may be off each other
    bins: Map<number, LaneBins>;
    binNs: number;
    binFrom: number;
    binCount: number;
    bytes: number;
}

/** How far along its stroke a dropped message's cross stands; 1: it got there. */
export function endShare(fate: number): number {
    if (fate < 2 || fate > fateDead) return 1;
    return fate === fateDead ? 0.93 : 0.5;
}

/** Where on it the cross is: a request that is never answered got there, and is crossed out above the node's own marks. */
export function crossShare(fate: number): number {
    return fate === fateUnanswered ? 0.8 : endShare(fate);
}

/** Where clocks may be off by more than 5 % of what was measured across them, the stroke says so. */
export function isDoubtful(bound: number, latency: number): boolean {
    return bound > 0 && bound > Math.abs(latency) * 0.05;
}

function median(values: Float64Array): number {
    if (values.length === 0) return 1e6;
    return values.sort()[values.length >> 1] ?? 1e6;
}

export function namedLanes(text: string, lanes: readonly number[]): number[] {
    if (/\ball\b/.test(text)) return lanes.filter(lane => lane > 0);
    const named = [...text.matchAll(/\bn(\d{1,5})\b/g)].map(m => Number(m[1]));
    return [...new Set(named)].filter(lane => lanes.includes(lane));
}

function messagesOf(w: Window, connections: Connections): Messages {
    const n = w.sentNs.length;
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    const rising = w.sentNs.every((ns, i) => i === 0 || ns >= (w.sentNs[i - 1] ?? 0));
    if (!rising) order.sort((a, b) => (w.sentNs[a] ?? 0) - (w.sentNs[b] ?? 0));
    const took = w.receivedNs.map((ns, i) => ns - (w.sentNs[i] ?? 0)).filter((_, i) => (w.receivedNs[i] ?? 0) > 0 && !w.client[i]);
    const usual = median(Float64Array.from(took));
    const m: Messages = {
        n, longest: usual,
        sent: new Float64Array(n), arrives: new Float64Array(n), from: new Uint32Array(n), to: new Uint32Array(n),
        fate: new Uint8Array(n), manner: new Uint8Array(n), name: new Uint16Array(n),
        send: new Float64Array(n), receive: new Float64Array(n), bound: new Float64Array(w.boundNs.length),
    };
    for (let k = 0; k < n; k++) {
        const i = order[k] ?? 0;
        const sent = w.sentNs[i] ?? 0;
        const received = w.receivedNs[i] ?? 0;
        const arrives = received > 0 ? received : sent + usual;
        m.sent[k] = sent;
        m.arrives[k] = arrives;
        m.longest = Math.max(m.longest, arrives - sent);
        const [from, to, client] = [w.from[i] ?? 0, w.to[i] ?? 0, w.client[i] ?? 0];
        m.from[k] = client && isClients(from) ? connections.laneOf(to, client) : from;
        m.to[k] = client && isClients(to) ? connections.laneOf(from, client) : to;
        m.fate[k] = Math.min(255, w.fate[i] ?? 0);
        m.name[k] = m.manner[k] = w.name[i] ?? 0;
        m.send[k] = w.sendEvent[i] ?? 0;
        m.receive[k] = w.receiveEvent[i] ?? 0;
        if (m.bound.length > 0) m.bound[k] = w.boundNs[i] ?? 0;
    }
    return m;
}

export function marksOf(w: Window, lanes: readonly number[]): Mark[] {
    return w.markNs.map((ns, i) => {
        const name = w.names[w.markName[i] ?? 0] ?? '';
        const lane = w.markLane[i] ?? 0;
        const text = (w.markText[i] ?? '').replace(/^you: /, '');
        const shape = shapeOf(name, text);
        return {
            ns, lane, name, text, shape,
            rank: rankOf(shape),
            event: w.markEvent[i] ?? 0,
            span: w.markSpanNs[i] ?? 0,
            hits: lane === 0 ? namedLanes(text, lanes) : [],
        };
    });
}

export function spansOf(w: Window): Span[] {
    const by = new Map<number, Span[]>();
    w.stateNs.forEach((ns, i) => {
        const lane = w.stateLane[i] ?? 0;
        const spans = by.get(lane) ?? [];
        const last = spans[spans.length - 1];
        if (last) last.to = ns;
        spans.push({ lane, from: ns, to: Infinity, state: w.state[i] ?? 0, term: w.stateTerm[i] ?? 0 });
        by.set(lane, spans);
    });
    return [...by.values()].flat();
}

function emptyBins(n: number): LaneBins {
    return {
        counts: new Float32Array(n * classes), drops: new Float32Array(n), timed: new Float32Array(n),
        sum: new Float64Array(n), most: new Float64Array(n),
    };
}

const binsMax = 1 << 14;

export function binsOf(w: Window): Pick<Tile, 'bins' | 'binNs' | 'binFrom' | 'binCount'> {
    const bins = new Map<number, LaneBins>();
    const binNs = w.level > 0 ? 256e3 * 2 ** (w.level - 1) : 0;
    const binFrom = binNs > 0 ? Math.floor(w.fromNs / binNs) * binNs : 0;
    const binCount = binNs > 0 ? Math.min(binsMax, Math.ceil((w.toNs - binFrom) / binNs) + 1) : 0;
    const classOf = w.names.map(name => (isMessage(name) ? kinds.indexOf(mannerOf(name).kind) : classes - 1));
    for (let i = 0; i < w.binNs.length; i++) {
        const at = Math.round(((w.binNs[i] ?? 0) - binFrom) / binNs);
        if (at < 0 || at >= binCount) continue;
        const lane = w.binLane[i] ?? 0;
        let of = bins.get(lane);
        if (!of) bins.set(lane, (of = emptyBins(binCount)));
        const name = w.binName[i] ?? 0;
        const timed = w.binTimed[i] ?? 0;
        if (w.names[name] !== 'receive') add(of.counts, at * classes + (classOf[name] ?? 0), w.binCount[i] ?? 0);
        add(of.drops, at, w.binDrops[i] ?? 0);
        if (timed === 0) continue;
        add(of.timed, at, timed);
        add(of.sum, at, w.binSumNs[i] ?? 0);
        of.most[at] = Math.max(of.most[at] ?? 0, w.binMostNs[i] ?? 0);
    }
    return { bins, binNs, binFrom, binCount };
}

function add(into: Float32Array | Float64Array, at: number, more: number): void {
    into[at] = (into[at] ?? 0) + more;
}

/** Strokes that bins stand for, about: one to each receiver. */
function arrivalsIn(bins: Map<number, LaneBins>): number {
    let n = 0;
    for (const of of bins.values()) for (let i = 0; i < of.timed.length; i++) n += (of.timed[i] ?? 0) + (of.drops[i] ?? 0);
    return n;
}

function crowdOn(m: Messages, bins: Map<number, LaneBins>): Map<number, number> {
    const by = new Map<number, number>();
    const note = (on: number, n: number): void => {
        const lane = shared(on);
        by.set(lane, (by.get(lane) ?? 0) + n);
    };
    const said = new Map<number, number>(); // by lane: what is sent to many is sent once, as it is counted
    for (let i = 0; i < m.n; i++) {
        const [from, send] = [m.from[i] ?? 0, m.send[i] ?? 0];
        if (!send || said.get(from) !== send) note(from, 1);
        said.set(from, send);
        if (m.fate[i] === fateReceived) note(m.to[i] ?? 0, 1);
    }
    for (const [lane, of] of bins) {
        note(lane, of.timed.reduce((sum, n) => sum + n, 0));
        for (let i = 0; i < of.counts.length; i++) if (i % classes < classes - 1) note(lane, of.counts[i] ?? 0);
    }
    return by;
}

export const settlesNs = 100e6; // causality may still move something by that
const waitsNs = 5e9; // for what is under way

export function holesOf(w: Window): Hole[] {
    return w.holeFromNs.map((from, i) => ({
        lane: w.holeLane[i] ?? 0, from, to: w.holeToNs[i] ?? from, events: w.holeEvents[i] ?? 0, event: w.holeEvent[i] ?? 0,
    }));
}

export function tileOf(w: Window, lanes: readonly number[], connections = new Connections()): Tile {
    const messages = messagesOf(w, connections);
    const marks = marksOf(w, lanes);
    const binned = binsOf(w);
    const waiting = messages.fate.some(fate => fate === 0 || fate === fateWaits);
    const crowd = crowdOn(messages, binned.bins);
    const bytes = messages.n * 60 + marks.length * 200 + binned.bins.size * binned.binCount * (classes * 4 + 24) + 2000;
    return {
        from: w.fromNs, to: w.toNs, newest: w.newestNs, exact: w.level === 0,
        count: w.level === 0 ? messages.n : Math.max(w.messages, arrivalsIn(binned.bins)),
        final: w.newestNs > w.toNs + (waiting ? waitsNs : settlesNs),
        crowd, kinds: [...new Set(w.name)].map(i => w.names[i] ?? ''), lost: messages.fate.some(isLost),
        names: w.names, manners: w.names.map(mannerOf), messages, marks, spans: spansOf(w), holes: holesOf(w),
        thinned: w.thinned, clockBound: w.clockBoundNs, ...binned, bytes,
    };
}

/** Messages counted by hand, where a level wants counts and the tile has each. */
export function counted(tile: Tile, binNs: number): Tile {
    const binFrom = Math.floor(tile.from / binNs) * binNs;
    const binCount = Math.min(binsMax, Math.ceil((tile.to - binFrom) / binNs) + 1);
    const bins = new Map<number, LaneBins>();
    const of = (on: number): LaneBins => {
        const lane = shared(on);
        let found = bins.get(lane);
        if (!found) bins.set(lane, (found = emptyBins(binCount)));
        return found;
    };
    const m = tile.messages;
    for (let i = 0; i < m.n; i++) {
        const at = Math.floor(((m.sent[i] ?? 0) - binFrom) / binNs);
        if (at < 0 || at >= binCount) continue;
        const lane = of(m.from[i] ?? 0);
        const kind = tile.manners[m.manner[i] ?? 0]?.kind ?? 'request';
        add(lane.counts, at * classes + kinds.indexOf(kind), 1);
        if (isLost(m.fate[i] ?? 0)) add(lane.drops, at, 1);
    }
    return { ...tile, bins, binNs, binFrom, binCount };
}
