// A stage's state at any instant: the same fold whether live, scrubbed or replayed. The past is kept
// with a state every so often, so that going back costs little.
import type { Happening } from './happening';

export interface Reducer<S> {
    kinds: string[]; // what it asks the observer for
    initial: S;
    apply(state: S, h: Happening): S; // pure: gives a new state, leaves the old one as it was
}

interface Saved<S> {
    n: number; // how many are in `state`
    state: S;
}

/** A state of the past that is known, though not what led to it: folding may go on behind `ordinal`. */
export interface Waypoint<S> {
    ordinal: number;
    ns: number;
    state: S;
}

const saveEvery = 256;
const keepUsual = 40_000;
const waypointsMax = 1024;

export class Fold<S> {
    private readonly all: Happening[] = [];
    // When each had happened and all before it too: ordinals are causal, and the odd one is told with a
    // time a little before its predecessor's. An instant then is one place in that order, however much
    // of it is known.
    private readonly due: number[] = [];
    private saved: Saved<S>[];
    private base: S; // of what was forgotten
    private newest: Saved<S>;
    private waypoints: Waypoint<S>[] = []; // of what was forgotten; the first one is always kept

    /** `from`: since when it knows everything; what was before has to be asked for. */
    constructor(private readonly reducer: Reducer<S>, readonly from = 0, private readonly keepMax = keepUsual, private dueBefore = 0) {
        this.base = reducer.initial;
        this.saved = [{ n: 0, state: reducer.initial }];
        this.newest = { n: 0, state: reducer.initial };
    }

    /** In the order of their ordinals; one that comes late is put where it belongs. */
    add(h: Happening): void {
        const last = this.all[this.all.length - 1];
        if (last && h.ordinal <= last.ordinal) {
            this.insert(h);
            return;
        }
        this.all.push(h);
        this.due.push(Math.max(h.ns, this.due[this.due.length - 1] ?? this.dueBefore));
        this.step(h);
        if (this.all.length > this.keepMax) this.forget();
    }

    private step(h: Happening): void {
        this.newest = { n: this.newest.n + 1, state: this.reducer.apply(this.newest.state, h) };
        if (this.newest.n % saveEvery === 0) this.saved.push(this.newest);
    }

    private insert(h: Happening): void {
        const at = this.search(i => (this.all[i]?.ordinal ?? 0) < h.ordinal);
        if (this.all[at]?.ordinal === h.ordinal) return; // told twice
        this.all.splice(at, 0, h);
        this.due.splice(at, 0, 0);
        for (let i = at; i < this.all.length; i++) this.due[i] = Math.max(this.all[i]?.ns ?? 0, this.due[i - 1] ?? this.dueBefore);
        this.refold(at);
    }

    private refold(from: number): void {
        this.saved = this.saved.filter(s => s.n <= from);
        this.newest = this.saved[this.saved.length - 1] ?? { n: 0, state: this.base };
        for (const h of this.all.slice(this.newest.n)) this.step(h);
    }

    private forget(): void {
        const cut = this.saved.find(s => s.n >= this.keepMax / 4) ?? this.newest;
        const first = this.all[0];
        if (this.waypoints.length === 0 && first) this.note({ n: 1, state: this.reducer.apply(this.base, first) });
        for (const s of this.saved) if (s.n > 1 && s.n < cut.n) this.note(s);
        this.note(cut);
        this.base = cut.state;
        this.dueBefore = this.due[cut.n - 1] ?? this.dueBefore;
        this.all.splice(0, cut.n);
        this.due.splice(0, cut.n);
        this.saved = [{ n: 0, state: this.base }];
        this.refold(0);
    }

    private note(s: Saved<S>): void {
        const last = this.all[s.n - 1];
        if (last) this.waypoints.push({ ordinal: last.ordinal, ns: this.due[s.n - 1] ?? last.ns, state: s.state });
        if (this.waypoints.length > waypointsMax) this.waypoints = this.waypoints.filter((_, i) => i % 2 === 0);
    }

    private get begins(): number {
        return this.waypoints[0]?.ns ?? -Infinity;
    }

    /** Whether at() is right there. */
    covers(ns: number): boolean {
        return ns >= this.from && (ns >= this.dueBefore || ns < this.begins);
    }

    /** The newest known state before an instant that is not covered. */
    waypoint(ns: number): Waypoint<S> | undefined {
        let found: Waypoint<S> | undefined;
        for (const w of this.waypoints) if (w.ns <= ns) found = w;
        return found;
    }

    private search(before: (i: number) => boolean): number {
        let low = 0;
        let high = this.all.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (before(middle)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /** How many had happened by an instant. */
    private until(ns: number): number {
        return this.search(i => (this.due[i] ?? 0) <= ns);
    }

    get live(): S {
        return this.newest.state;
    }

    /** As it was at an instant of cluster time. */
    at(ns: number): S {
        if (ns < this.begins) return this.reducer.initial;
        const n = this.until(ns);
        if (n >= this.newest.n) return this.newest.state;
        let from: Saved<S> = { n: 0, state: this.base };
        for (const s of this.saved) if (s.n <= n && s.n >= from.n) from = s;
        let state = from.state;
        for (const h of this.all.slice(from.n, n)) state = this.reducer.apply(state, h);
        return state;
    }

    /** What `read` says at each of some rising instants, in one pass. */
    sample<T>(times: readonly number[], read: (state: S, ns: number) => T): T[] {
        const first = times[0];
        if (first === undefined) return [];
        let state = this.at(first);
        let n = this.until(first);
        return times.map(ns => {
            for (let h = this.all[n]; h && (this.due[n] ?? 0) <= ns; h = this.all[++n]) state = this.reducer.apply(state, h);
            return read(state, ns);
        });
    }

    /** Ordinals and instants, for stepping from event to event. */
    get happenings(): readonly Happening[] {
        return this.all;
    }
}
