// What of a window is drawn, where, and what is under the pointer.
import type { Window } from '../wire/gen/session_pb';
import { distance, lowerBound, place, type Frame, type Point, type View } from './geometry';
import { mannerOf, shapeOf, type Manner, type Shape } from './kinds';

export interface Stroke {
    i: number; // in the window's arrays
    from: number;
    to: number;
    sent: number;
    arrives: number; // received, or where the stroke of one that never was would end
    fate: number;
    name: string;
    manner: Manner;
    send: number; // ordinals
    receive: number;
}

export interface Mark {
    ns: number;
    lane: number;
    name: string;
    shape: Shape;
    event: number;
    text: string;
    hits: number[]; // lanes that the operator's command names
}

export interface Span {
    lane: number;
    from: number;
    to: number;
    state: number; // 1 running, 2 paused, 3 dead, 4 not there, 5 starting
}

export interface Bin {
    lane: number;
    ns: number;
    name: string;
    count: number;
    drops: number;
}

export interface Scene {
    from: number;
    to: number;
    newest: number;
    level: number;
    strokes: Stroke[]; // by when they were sent
    sent: number[];
    longest: number;
    marks: Mark[];
    spans: Span[];
    bins: Bin[];
    binNs: number;
}

export const fateReceived = 1;
export const fateDead = 100;

/** How far along its stroke a dropped message's cross stands; 1: it was not dropped. */
export function endShare(fate: number): number {
    if (fate < 2) return 1;
    return fate === fateDead ? 0.93 : 0.5;
}

function median(values: number[]): number {
    if (values.length === 0) return 1e6;
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 1e6;
}

export function namedLanes(text: string, lanes: readonly number[]): number[] {
    if (/\ball\b/.test(text)) return lanes.filter(lane => lane > 0);
    const named = [...text.matchAll(/\bn(\d{1,5})\b/g)].map(m => Number(m[1]));
    return [...new Set(named)].filter(lane => lanes.includes(lane));
}

export function sceneOf(w: Window, lanes: readonly number[]): Scene {
    const times: number[] = [];
    for (let i = 0; i < w.sentNs.length; i++) {
        const received = w.receivedNs[i] ?? 0;
        if (received > 0) times.push(received - (w.sentNs[i] ?? 0));
    }
    const usual = median(times);
    const strokes: Stroke[] = [];
    let longest = usual;
    for (let i = 0; i < w.sentNs.length; i++) {
        const sent = w.sentNs[i] ?? 0;
        const received = w.receivedNs[i] ?? 0;
        const name = w.names[w.name[i] ?? 0] ?? '';
        const arrives = received > 0 ? received : sent + usual;
        longest = Math.max(longest, arrives - sent);
        strokes.push({
            i, sent, arrives, name,
            from: w.from[i] ?? 0,
            to: w.to[i] ?? 0,
            fate: w.fate[i] ?? 0,
            manner: mannerOf(name),
            send: w.sendEvent[i] ?? 0,
            receive: w.receiveEvent[i] ?? 0,
        });
    }
    strokes.sort((a, b) => a.sent - b.sent);
    return {
        from: w.fromNs, to: w.toNs, newest: w.newestNs, level: w.level,
        strokes, sent: strokes.map(s => s.sent), longest,
        marks: marksOf(w, lanes), spans: spansOf(w), bins: binsOf(w),
        binNs: w.level > 0 ? 256e3 * 2 ** (w.level - 1) : 0,
    };
}

function marksOf(w: Window, lanes: readonly number[]): Mark[] {
    return w.markNs.map((ns, i) => {
        const name = w.names[w.markName[i] ?? 0] ?? '';
        const lane = w.markLane[i] ?? 0;
        const text = (w.markText[i] ?? '').replace(/^you: /, '');
        return {
            ns, lane, name, text,
            shape: shapeOf(name),
            event: w.markEvent[i] ?? 0,
            hits: lane === 0 ? namedLanes(text, lanes) : [],
        };
    });
}

function spansOf(w: Window): Span[] {
    const by = new Map<number, Span[]>();
    w.stateNs.forEach((ns, i) => {
        const lane = w.stateLane[i] ?? 0;
        const spans = by.get(lane) ?? [];
        const last = spans[spans.length - 1];
        if (last) last.to = ns;
        spans.push({ lane, from: ns, to: Infinity, state: w.state[i] ?? 0 });
        by.set(lane, spans);
    });
    return [...by.values()].flat();
}

function binsOf(w: Window): Bin[] {
    return w.binNs.map((ns, i) => ({
        ns,
        lane: w.binLane[i] ?? 0,
        name: w.names[w.binName[i] ?? 0] ?? '',
        count: w.binCount[i] ?? 0,
        drops: w.binDrops[i] ?? 0,
    }));
}

export interface Hit {
    event: number;
    stroke?: Stroke;
    mark?: Mark;
}

/** What is within `reach` pixels of a point; marks before strokes, the nearest of each. */
export function hitTest(scene: Scene, frame: Frame, view: View, p: Point, reach: number): Hit | undefined {
    let best: Hit | undefined;
    let least = reach;
    for (const mark of scene.marks) {
        const at = place(frame, view, mark.ns, mark.lane);
        const far = Math.hypot(at.x - p.x, at.y - p.y);
        if (far <= least && mark.event) [best, least] = [{ event: mark.event, mark }, far];
    }
    if (best) return best;
    const perPixel = (view.to - view.from) / frame.length;
    const a = frame.upright ? p.y : p.x;
    const ns = view.from + (a - frame.start) * perPixel;
    const slack = reach * perPixel;
    const end = lowerBound(scene.sent, ns + slack);
    for (let i = lowerBound(scene.sent, ns - slack - scene.longest); i < end; i++) {
        const s = scene.strokes[i];
        if (!s) continue;
        const from = place(frame, view, s.sent, s.from);
        const whole = place(frame, view, s.arrives, s.to);
        const share = endShare(s.fate);
        const to = { x: from.x + (whole.x - from.x) * share, y: from.y + (whole.y - from.y) * share };
        const far = distance(p, from, to);
        if (far >= least) continue;
        least = far;
        const nearer = Math.hypot(to.x - p.x, to.y - p.y) < Math.hypot(from.x - p.x, from.y - p.y);
        best = { event: nearer && s.receive ? s.receive : s.send, stroke: s };
    }
    return best;
}

/** The ordinal of the next mark or message end after (or before) an instant: for ← and →. */
export function neighbour(scene: Scene, ns: number, forward: boolean): { ns: number; event: number } | undefined {
    let best: { ns: number; event: number } | undefined;
    const consider = (at: number, event: number): void => {
        if (!event || (forward ? at <= ns : at >= ns)) return;
        if (!best || (forward ? at < best.ns : at > best.ns)) best = { ns: at, event };
    };
    for (const s of scene.strokes) {
        consider(s.sent, s.send);
        if (s.fate === fateReceived) consider(s.arrives, s.receive);
    }
    for (const m of scene.marks) consider(m.ns, m.event);
    return best;
}
