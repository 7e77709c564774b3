// A stage's state at any instant of a run. What the page has folded itself is at hand; further back,
// the observer is asked for a glance: the entries behind a state that is still known, or, where none
// is, from each node's newest view. Both are the same fold, so that a jump shows what live showed.
import { Fold, type Reducer } from './fold';
import type { Happening } from './happening';

export interface Glance {
    at: number; // ns
    to: number;
    from: number; // an ordinal: entries behind it; 0: from the newest views
}
export type Fetch = (glance: Glance) => Promise<Happening[] | undefined>;

interface Past<S> {
    fold: Fold<S>;
    from: number;
    to: number;
}

const aheadNs = 0.5e9; // so that playing on needs no further glance for a while;
const nearNs = 0.02e9; // but a jump is to be seen first
const pastsMax = 6;
const patienceMs = 40;

export class Travel<S> {
    readonly live: Fold<S>;
    turn = 0; // rises when a glance came in
    tookMs = 0; // the last jump, from the question to its state
    private pasts: Past<S>[] = [];
    private asked = false;
    private wanted = NaN;

    /** `from`: since when the page is told everything; Infinity: never, it looks at a recording. */
    constructor(private readonly reducer: Reducer<S>, private readonly fetch: Fetch, private readonly onturn: () => void, from = 0, keepMax?: number) {
        this.live = new Fold(reducer, from, keepMax);
    }

    add(h: Happening): void {
        this.live.add(h);
    }

    private foldAt(ns: number): Fold<S> | undefined {
        if (this.live.covers(ns)) return this.live;
        return this.pasts.find(p => ns >= p.from && ns <= p.to)?.fold;
    }

    /** The state there; while it is being asked for, the nearest one before it that is known. */
    at(ns: number): S {
        const fold = this.foldAt(ns);
        if (fold) return fold.at(ns);
        void this.jump(ns);
        const near = this.pasts.filter(p => p.from <= ns).sort((a, b) => b.from - a.from)[0];
        return near ? near.fold.at(ns) : (this.live.waypoint(ns)?.state ?? this.reducer.initial);
    }

    knows(ns: number): boolean {
        return this.foldAt(ns) !== undefined;
    }

    /** One glance at a time; the newest wish counts. */
    async jump(ns: number): Promise<void> {
        this.wanted = ns;
        if (this.asked) return;
        this.asked = true;
        while (!Number.isNaN(this.wanted) && !this.knows(this.wanted)) {
            const at = this.wanted;
            this.wanted = NaN;
            if (!(await this.glance(at))) break;
        }
        this.asked = false;
    }

    private async glance(at: number): Promise<boolean> {
        const known = this.live.waypoint(at);
        const goesOn = this.pasts.some(p => at > p.to && at < p.to + aheadNs);
        const to = at + (goesOn ? aheadNs : nearNs);
        const began = performance.now();
        const told = await this.fetch({ at, to, from: known?.ordinal ?? 0 });
        if (!told) {
            await new Promise(done => setTimeout(done, patienceMs));
            return false;
        }
        const fold = new Fold({ ...this.reducer, initial: known?.state ?? this.reducer.initial }, 0, Infinity, known?.ns);
        for (const h of told) fold.add(h);
        this.pasts = [{ fold, from: known?.ns ?? at, to }, ...this.pasts].slice(0, pastsMax);
        this.turn++;
        fold.at(at);
        this.tookMs = performance.now() - began;
        (globalThis as { timelineJumps?: number[] }).timelineJumps?.push(this.tookMs); // for who measures
        this.onturn();
        return true;
    }

    sample<T>(times: readonly number[], read: (state: S, ns: number) => T): T[] {
        const [first, last] = [times[0] ?? 0, times[times.length - 1] ?? 0];
        const fold = this.live.covers(first) ? this.live : this.pasts.find(p => first >= p.from && last <= p.to)?.fold;
        return fold ? fold.sample(times, read) : [];
    }
}
