// What the timeline is drawn on: tiles of the run, asked for as they come into view and kept while
// there is room. Spans of tiles are powers of two, so that looking elsewhere finds them again; what is
// not there yet is drawn from a coarser tile, or from one of another level.
import type { Window } from '../wire/gen/session_pb';
import type { View } from './geometry';
import { Connections } from './clients';
import { settlesNs, tileOf, type Hole, type Mark, type Span, type Tile } from './tile';

export interface Asked {
    from: number;
    to: number;
    columns: number;
    messages: number;
    counts: boolean;
}
export type Ask = (asked: Asked) => Promise<Window | undefined>;

/** A tile, and what of it is drawn: the first of a view has no bound to the left, for what was sent before. */
export interface Piece {
    tile: Tile;
    from: number;
    to: number;
}

interface Kept {
    tile: Tile;
    used: number;
    askedAt: number;
}

const unitNs = 2 ** 18;
const cacheBytes = 64 << 20;
const underWayMost = 2;
const messagesMost = 20_000; // of a tile; more are counted
const fallbacks = 6;

function keyOf(exact: boolean, power: number, number: number): string {
    return `${exact ? 'e' : 'c'}${power}.${number}`;
}

/** Between two and four tiles to a view. */
export function powerFor(view: View): number {
    return Math.max(0, Math.floor(Math.log2((view.to - view.from) / 2 / unitNs)));
}

export class Paper {
    turn = 0; // rises when something came in
    onturn: () => void = () => undefined;
    private readonly kept = new Map<string, Kept>();
    private readonly under = new Map<string, number>();
    private uses = 0;
    private bytes = 0;
    private generation = 0;
    private now = 0; // of the page's clock, at the newest frame
    connections = new Connections(); // of clients, that were in view
    over = false; // a recording: no tile changes any more
    private cost = 0; // ms that taking in the newest tile took, smoothed

    constructor(private readonly ask: Ask, private readonly lanes: () => readonly number[]) {}

    forget(over = false): void {
        this.over = over;
        this.generation++;
        this.kept.clear();
        this.under.clear();
        this.bytes = 0;
        this.connections = new Connections();
        this.turned();
    }

    private turned(): void {
        this.turn++;
        this.onturn();
    }

    /** Asks for what a view lacks; ms is the page's clock. `live`: also for what has changed since. */
    want(view: View, exact: boolean, columns: number, ms: number, now: number): void {
        this.now = ms;
        const power = powerFor(view);
        const span = unitNs * 2 ** power;
        const first = Math.max(0, Math.floor(view.from / span));
        const last = Math.max(first, Math.floor(Math.min(view.to, now) / span));
        const wanted = [];
        for (let n = first; n <= last; n++) wanted.push(n);
        // What was never asked for comes first, then what is oldest: a slow line starves no tile.
        const askedAt = (n: number): number => this.kept.get(keyOf(exact, power, n))?.askedAt ?? -1;
        wanted.sort((a, b) => askedAt(a) - askedAt(b) || b - a);
        wanted.push(last + 1, first - 1); // where one looks next
        for (const n of wanted) {
            if (n < 0 || n * span > now || this.under.size >= underWayMost) continue;
            this.fetch(exact, power, n, span, Math.max(16, Math.round((columns * span) / (view.to - view.from))), ms);
        }
    }

    private fetch(exact: boolean, power: number, n: number, span: number, columns: number, ms: number): void {
        const key = keyOf(exact, power, n);
        const kept = this.kept.get(key);
        // One that only waits for stragglers is looked at again now and then.
        const rest = Math.max(90, this.cost * 10) * (kept && kept.tile.newest > kept.tile.to + settlesNs ? 8 : 1);
        if (this.under.has(key) || (kept && (this.over || kept.tile.final || ms - kept.askedAt < rest))) return;
        const mine = this.generation;
        this.under.set(key, ms);
        const done = (w: Window | undefined): void => {
            if (mine !== this.generation) return;
            this.under.delete(key);
            if (w) this.take(key, w, ms);
        };
        this.ask({ from: n * span, to: (n + 1) * span - 1, columns, messages: exact ? messagesMost : 1, counts: !exact }).then(done, () => done(undefined));
    }

    private take(key: string, w: Window, ms: number): void {
        const began = performance.now();
        const tile = tileOf(w, this.lanes(), this.connections);
        this.bytes += tile.bytes - (this.kept.get(key)?.tile.bytes ?? 0);
        this.kept.set(key, { tile, used: ++this.uses, askedAt: Math.max(ms, this.now) });
        this.cost += (performance.now() - began - this.cost) * 0.2;
        if (this.bytes > cacheBytes) this.evict();
        this.turned();
    }

    private evict(): void {
        for (const [key, kept] of [...this.kept].sort((a, b) => a[1].used - b[1].used)) {
            if (this.bytes <= cacheBytes * 0.75) return;
            this.bytes -= kept.tile.bytes;
            this.kept.delete(key);
        }
    }

    private find(exact: boolean, power: number, n: number): Tile | undefined {
        const kept = this.kept.get(keyOf(exact, power, n));
        if (kept) kept.used = ++this.uses;
        return kept?.tile;
    }

    /** The best there is of one tile's span: itself, its other kind, or one that has it in it. */
    private best(exact: boolean, power: number, n: number): Tile | undefined {
        for (let up = 0; up <= fallbacks; up++) {
            const number = Math.floor(n / 2 ** up);
            const found = this.find(exact, power + up, number) ?? this.find(!exact, power + up, number);
            if (found) return found;
        }
        return undefined;
    }

    pieces(view: View, exact: boolean): Piece[] {
        const power = powerFor(view);
        const span = unitNs * 2 ** power;
        const out: Piece[] = [];
        for (let n = Math.max(0, Math.floor(view.from / span)); n * span < view.to; n++) {
            const tile = this.best(exact, power, n);
            if (!tile) continue;
            const last = out[out.length - 1];
            if (last && last.tile === tile) last.to = (n + 1) * span;
            else out.push({ tile, from: n * span, to: (n + 1) * span });
        }
        if (out[0]) out[0].from = -Infinity;
        return out;
    }
}

/** Marks of pieces, each once, by time. */
export function marksIn(pieces: readonly Piece[]): Mark[] {
    return pieces.flatMap(p => p.tile.marks.filter(m => m.ns >= p.from && m.ns < p.to));
}

/** How lanes were, with what is one state across tiles put together. */
export function spansIn(pieces: readonly Piece[]): Span[] {
    const by = new Map<number, Span[]>();
    for (const p of pieces)
        for (const s of p.tile.spans) {
            const from = Math.max(s.from, p.from);
            const to = Math.min(s.to, p.to);
            if (to <= from) continue;
            const spans = by.get(s.lane) ?? [];
            const last = spans[spans.length - 1];
            if (last && last.state === s.state && last.to >= from) last.to = to;
            else spans.push({ ...s, from, to });
            by.set(s.lane, spans);
        }
    return [...by.values()].flat();
}

/** Holes of pieces: one that reaches over several is told by each, and is one. */
export function holesIn(pieces: readonly Piece[]): Hole[] {
    const out: Hole[] = [];
    const last = new Map<number, Hole>();
    for (const p of pieces)
        for (const h of p.tile.holes) {
            if (h.to < p.from || h.from >= p.to) continue;
            const before = last.get(h.lane);
            if (before && (h.from < before.to || h.event === before.event)) {
                before.to = Math.max(before.to, h.to);
                before.events = Math.max(before.events, h.events);
                before.event = Math.max(before.event, h.event);
                continue;
            }
            const own = { ...h };
            last.set(h.lane, own);
            out.push(own);
        }
    return out;
}
