// Where things are on the timeline. Pure arithmetic; times in nanoseconds, places in pixels. Lying
// (time to the right) or upright (time downwards, on phones), it is the same scale for all lanes.

import { clientsLane, connectionsMost } from './clients';

export interface View {
    from: number;
    to: number;
}

export interface Frame {
    upright: boolean;
    length: number; // along time
    start: number; // where time begins, behind the lanes' names
    pitch: number; // from lane to lane
    first: number; // where the first lane's ground begins, across time
    last: number; // and where the lanes' room ends
    lanes: number[]; // their numbers: 0 is "you"
    pinned: number; // so many of them stay where they are
    scroll: number; // of the others
    index: Map<number, number>; // of a lane in `lanes`
}

export interface Point {
    x: number;
    y: number;
}

export const pitchUsual = 36;
export const pitchLeast = 22;
export const pitchTouch = 56;
export const axisRoom = 24;

export interface Room {
    width: number;
    height: number;
    charge: boolean; // a row on top: who is in charge, and when
    pinned?: number;
    scroll?: number;
}

export const chargeRoom = 22;

export function frameOf(upright: boolean, room: Room, lanes: number[]): Frame {
    const index = new Map(lanes.map((lane, i) => [lane, i]));
    // A connection without a lane of its own is drawn on the clients' one.
    const row = index.get(clientsLane);
    for (let k = 1; k <= connectionsMost && row !== undefined; k++)
        if (!index.has(clientsLane + k)) index.set(clientsLane + k, row);
    const pinned = Math.min(room.pinned ?? 0, lanes.length);
    const scroll = room.scroll ?? 0;
    const shared = { upright, lanes, pinned, scroll, index };
    if (upright) {
        const start = 34; // names on top
        const first = 46 + (room.charge ? 14 : 0); // stamps at the left
        const pitch = Math.max(34, (room.width - first - 8) / Math.max(1, lanes.length));
        return { ...shared, length: room.height - start, start, pitch, first, last: first + pitch * lanes.length };
    }
    const start = 88;
    const first = 4 + (room.charge ? chargeRoom : 0);
    const last = room.height - axisRoom - 4;
    const pitch = Math.max(pitchLeast, Math.min(pitchUsual, (last - first) / Math.max(1, lanes.length)));
    return { ...shared, length: room.width - start, start, pitch, first, last };
}

/** The height that a lying timeline wants, and may have. */
export function heightFor(lanes: number, charge: boolean, most: number): number {
    const pitch = lanes <= 8 ? pitchUsual : pitchLeast;
    return Math.min(Math.max(most, 6 * pitchLeast), lanes * pitch + 4 + (charge ? chargeRoom : 0)) + axisRoom + 4;
}

/** How far the lanes can be scrolled. */
export function scrollMost(frame: Frame): number {
    return Math.max(0, frame.pitch * frame.lanes.length - (frame.last - frame.first));
}

export function along(frame: Frame, view: View, ns: number): number {
    return frame.start + ((ns - view.from) / (view.to - view.from)) * frame.length;
}

/** Lanes that are scrolled out of sight are gathered at the edge that they went behind. */
export function across(frame: Frame, lane: number): number {
    const i = frame.index.get(lane) ?? frame.lanes.length;
    const c = frame.first + frame.pitch * (i + 0.5);
    if (i < frame.pinned || frame.upright) return c;
    return Math.max(frame.first + frame.pitch * frame.pinned, Math.min(frame.last, c - frame.scroll));
}

export function isInSight(frame: Frame, lane: number): boolean {
    const i = frame.index.get(lane);
    if (i === undefined) return false;
    if (i < frame.pinned || frame.upright) return true;
    const c = frame.first + frame.pitch * (i + 0.5) - frame.scroll;
    return c > frame.first + frame.pitch * frame.pinned && c < frame.last;
}

export function place(frame: Frame, view: View, ns: number, lane: number): Point {
    const a = along(frame, view, ns);
    const c = across(frame, lane);
    return frame.upright ? { x: c, y: a } : { x: a, y: c };
}

export function timeAt(frame: Frame, view: View, point: Point): number {
    const a = frame.upright ? point.y : point.x;
    return view.from + ((a - frame.start) / frame.length) * (view.to - view.from);
}

export function laneAt(frame: Frame, point: Point): number | undefined {
    const c = (frame.upright ? point.x : point.y) - frame.first;
    const pinned = c < frame.pinned * frame.pitch;
    return frame.lanes[Math.floor((c + (pinned || frame.upright ? 0 : frame.scroll)) / frame.pitch)];
}

export const spanLeast = 1e6;
export const spanMost = 3600e9;

export function zoom(view: View, factor: number, anchor: number): View {
    const span = view.to - view.from;
    const wanted = Math.min(spanMost, Math.max(spanLeast, span * factor));
    const share = (anchor - view.from) / span;
    const from = anchor - share * wanted;
    return { from, to: from + wanted };
}

/** Live: a tenth of blank paper ahead of the needle. */
export function liveView(now: number, span: number): View {
    return { from: now - span * 0.9, to: now + span * 0.1 };
}

const steps = [1, 2, 5];

/** Ticks at least `gap` pixels apart, at round instants. */
export function ticks(view: View, length: number, gap: number): { ns: number; label: string }[] {
    const least = ((view.to - view.from) / length) * gap;
    let unit = 1e3;
    let step = unit;
    for (let i = 0; step < least; i++) {
        step = unit * (steps[i % 3] ?? 1);
        if (i % 3 === 2) unit *= 10;
    }
    const digits = Math.max(0, Math.min(6, 9 - Math.floor(Math.log10(step) + 1e-9)));
    const out: { ns: number; label: string }[] = [];
    for (let n = Math.ceil(Math.max(0, view.from) / step); n * step <= view.to; n++)
        out.push({ ns: n * step, label: ((n * step) / 1e9).toFixed(digits) });
    return out;
}

/** How far a point is from the stroke between two others. */
export function distance(p: Point, a: Point, b: Point): number {
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const long = dx * dx + dy * dy;
    const t = long === 0 ? 0 : Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / long));
    return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/** The first index whose value is not below `value`, in a rising array. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((sorted[middle] ?? 0) < value) low = middle + 1;
        else high = middle;
    }
    return low;
}
