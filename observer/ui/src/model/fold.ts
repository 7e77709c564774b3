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

const saveEvery = 256;
const keepMax = 40_000;

export class Fold<S> {
    private readonly all: Happening[] = [];
    private saved: Saved<S>[];
    private base: S; // of what was forgotten
    private newest: Saved<S>;

    constructor(private readonly reducer: Reducer<S>) {
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
        this.step(h);
        if (this.all.length > keepMax) this.forget();
    }

    private step(h: Happening): void {
        this.newest = { n: this.newest.n + 1, state: this.reducer.apply(this.newest.state, h) };
        if (this.newest.n % saveEvery === 0) this.saved.push(this.newest);
    }

    private insert(h: Happening): void {
        const at = this.search(other => other.ordinal < h.ordinal);
        if (this.all[at]?.ordinal === h.ordinal) return; // told twice
        this.all.splice(at, 0, h);
        this.refold(at);
    }

    private refold(from: number): void {
        this.saved = this.saved.filter(s => s.n <= from);
        this.newest = this.saved[this.saved.length - 1] ?? { n: 0, state: this.base };
        for (const h of this.all.slice(this.newest.n)) this.step(h);
    }

    private forget(): void {
        const cut = this.saved.find(s => s.n >= keepMax / 4) ?? this.newest;
        this.base = cut.state;
        this.all.splice(0, cut.n);
        this.saved = [{ n: 0, state: this.base }];
        this.refold(0);
    }

    private search(before: (h: Happening) => boolean): number {
        let low = 0;
        let high = this.all.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            const h = this.all[middle];
            if (h && before(h)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    get live(): S {
        return this.newest.state;
    }

    /** As it was at an instant of cluster time: ordinals rise with it but for the odd late one. */
    at(ns: number): S {
        const n = this.search(h => h.ns <= ns);
        if (n >= this.newest.n) return this.newest.state;
        let from: Saved<S> = { n: 0, state: this.base };
        for (const s of this.saved) if (s.n <= n && s.n >= from.n) from = s;
        let state = from.state;
        for (const h of this.all.slice(from.n, n)) state = this.reducer.apply(state, h);
        return state;
    }

    /** Ordinals and instants, for stepping from event to event. */
    get happenings(): readonly Happening[] {
        return this.all;
    }
}
