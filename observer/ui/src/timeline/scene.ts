// What is in view: how crowded it is, what is under the pointer, what comes next.
import { pairOf, type Drawn } from '../model/cutting';
import { across, along, distance, lowerBound, place, type Frame, type Point, type View } from './geometry';
import type { Crowd } from './level';
import type { Manner } from './kinds';
import { isClients } from './clients';
import { fateReceived } from '../wire/fates';
import { endShare, type Hole, type Mark, type Span, type Tile } from './tile';
import { holesIn, marksIn, spansIn, type Piece } from './paper';

export { namedLanes } from './tile';

export interface Scene {
    pieces: Piece[];
    marks: Mark[];
    spans: Span[];
    holes: Hole[];
    thinned: number; // marks that are left out
    clockBound: number; // ns by which any two clocks may be off each other; 0: there is one
    newest: number;
    exact: boolean; // each message is there, in all of it
    waiting: boolean; // some of it has not come yet
}

export interface Stroke {
    from: number;
    to: number;
    sent: number;
    arrives: number;
    fate: number;
    name: string;
    manner: Manner;
    send: number;
    receive: number;
    bound: number; // ns by which the clocks of both ends may be off each other
}

export function sceneOf(pieces: Piece[], view: View, now: number): Scene {
    const first = pieces[0];
    const last = pieces[pieces.length - 1];
    return {
        pieces, marks: marksIn(pieces), spans: spansIn(pieces), holes: holesIn(pieces),
        thinned: pieces.reduce((n, p) => n + p.tile.thinned, 0),
        clockBound: Math.max(0, ...pieces.map(p => p.tile.clockBound)),
        newest: Math.max(0, ...pieces.map(p => p.tile.newest)),
        exact: pieces.every(p => p.tile.exact),
        waiting: !first || !last || last.to < Math.min(view.to, now),
    };
}

export function strokeOf(tile: Tile, i: number): Stroke {
    const m = tile.messages;
    const name = m.name[i] ?? 0;
    return {
        from: m.from[i] ?? 0, to: m.to[i] ?? 0, sent: m.sent[i] ?? 0, arrives: m.arrives[i] ?? 0, fate: m.fate[i] ?? 0,
        name: tile.names[name] ?? '', manner: tile.manners[name] ?? { kind: 'request', reply: false, refusal: false },
        send: m.send[i] ?? 0, receive: m.receive[i] ?? 0, bound: m.bound[i] ?? 0,
    };
}

/** Calls back with each message of the view, from those under way at its beginning on. */
export function eachMessage(pieces: readonly Piece[], view: View, call: (tile: Tile, i: number) => void): void {
    for (const p of pieces) {
        const m = p.tile.messages;
        const from = Math.max(p.from, view.from - m.longest);
        for (let i = lowerBound(m.sent, from); i < m.n; i++) {
            const sent = m.sent[i] ?? 0;
            if (sent >= p.to || sent > view.to) break;
            if ((m.arrives[i] ?? 0) >= view.from) call(p.tile, i);
        }
    }
}

/** How many messages are in view, and how close they stand on a lane of the middle. */
export function crowdOf(scene: Scene, view: View, length: number): Crowd {
    let messages = 0;
    const by = new Map<number, number>();
    for (const { tile, from, to } of scene.pieces) {
        const a = Math.max(view.from, from, tile.from);
        const b = Math.min(view.to, to, tile.to);
        if (b <= a) continue;
        const share = (b - a) / (tile.to - tile.from);
        messages += tile.count * share;
        for (const [lane, n] of tile.crowd) by.set(lane, (by.get(lane) ?? 0) + n * share);
    }
    const counts = [...by.values()].filter(n => n > 0).sort((a, b) => a - b);
    return { messages, gap: counts.length > 0 ? length / (counts[counts.length >> 1] ?? 1) : Infinity };
}

export interface Hit {
    event: number;
    stroke?: Stroke;
    mark?: Mark;
    hole?: Hole;
}

/** What is within `reach` pixels of a point; marks before strokes, the nearest of each. */
export function hitTest(scene: Scene, frame: Frame, view: View, p: Point, reach: number): Hit | undefined {
    let best: Hit | undefined;
    let least = reach;
    for (const mark of scene.marks) {
        if (!frame.index.has(mark.lane) || !mark.event) continue;
        const at = place(frame, view, mark.ns, mark.lane);
        const far = Math.hypot(at.x - p.x, at.y - p.y) + (mark.rank - 1) * 1.5;
        if (far <= least) [best, least] = [{ event: mark.event, mark }, far];
    }
    best ??= holeAt(scene, frame, view, p, reach);
    if (best || !scene.exact) return best;
    const perPixel = (view.to - view.from) / frame.length;
    const ns = view.from + ((frame.upright ? p.y : p.x) - frame.start) * perPixel;
    const near = { from: ns - reach * perPixel, to: ns + reach * perPixel };
    eachMessage(scene.pieces, near, (tile, i) => {
        const m = tile.messages;
        const [from, to] = [m.from[i] ?? 0, m.to[i] ?? 0];
        if (!frame.index.has(from) || !frame.index.has(to)) return;
        const a = place(frame, view, m.sent[i] ?? 0, from);
        const whole = place(frame, view, m.arrives[i] ?? 0, to);
        const share = endShare(m.fate[i] ?? 0);
        const b = { x: a.x + (whole.x - a.x) * share, y: a.y + (whole.y - a.y) * share };
        const far = distance(p, a, b);
        if (far >= least) return;
        least = far;
        const stroke = strokeOf(tile, i);
        const nearer = Math.hypot(b.x - p.x, b.y - p.y) < Math.hypot(a.x - p.x, a.y - p.y);
        // Of a client's only one end is seen.
        best = { event: (nearer && stroke.receive) || stroke.send || stroke.receive, stroke };
    });
    return best;
}

function holeAt(scene: Scene, frame: Frame, view: View, p: Point, reach: number): Hit | undefined {
    const [a, c] = frame.upright ? [p.y, p.x] : [p.x, p.y];
    const hole = scene.holes.find(h => frame.index.has(h.lane) && Math.abs(across(frame, h.lane) - c) <= reach &&
        a >= along(frame, view, h.from) - reach && a <= along(frame, view, h.to) + reach);
    return hole?.event ? { event: hole.event, hole } : undefined;
}

/** The strokes of messages between shown lanes that are in view, with the nodes that they link. */
export function strokesInView(scene: Scene, frame: Frame, view: View): Drawn[] {
    const out: Drawn[] = [];
    if (scene.exact) eachMessage(scene.pieces, view, (tile, i) => {
        const m = tile.messages;
        const [from, to] = [m.from[i] ?? 0, m.to[i] ?? 0];
        if (from === 0 || to === 0 || from === to || isClients(from) || isClients(to) || !frame.index.has(from) || !frame.index.has(to)) return;
        out.push({ pair: pairOf(from, to), a: place(frame, view, m.sent[i] ?? 0, from), b: place(frame, view, m.arrives[i] ?? 0, to) });
    });
    return out;
}

/** The next mark or message end after (or before) an instant: for ← and →. */
export function neighbour(scene: Scene, ns: number, forward: boolean): { ns: number; event: number } | undefined {
    let best: { ns: number; event: number } | undefined;
    const consider = (at: number, event: number): void => {
        if (!event || (forward ? at <= ns : at >= ns)) return;
        if (!best || (forward ? at < best.ns : at > best.ns)) best = { ns: at, event };
    };
    for (const { tile, from, to } of scene.pieces) {
        const m = tile.messages;
        for (let i = 0; i < m.n; i++) {
            const sent = m.sent[i] ?? 0;
            if (sent < from || sent >= to) continue;
            consider(sent, m.send[i] ?? 0);
            if (m.fate[i] === fateReceived || m.send[i] === 0) consider(m.arrives[i] ?? 0, m.receive[i] ?? 0);
        }
    }
    for (const m of scene.marks) consider(m.ns, m.event);
    return best;
}

/** Where the messages that an event sent arrived. */
export function ledTo(scene: Scene, event: number): number[] {
    const out: number[] = [];
    for (const { tile } of scene.pieces)
        for (let i = 0; i < tile.messages.n; i++)
            if (tile.messages.send[i] === event && (tile.messages.receive[i] ?? 0) > 0) out.push(tile.messages.receive[i] ?? 0);
    return [...new Set(out)];
}
