// The stage of the run that a session has open: what its view is drawn from, live and in the past.
import { flushSync, type Component } from 'svelte';
import type { Reducer } from '../model/fold';
import { isOf, type Happening } from '../model/happening';
import type { Session } from '../model/session.svelte';
import { Travel } from '../model/travel';
import { curvesOver } from '../timeline/curves';
import type { CurveDrawn } from '../timeline/draw/brush';
import { stageOf } from './all';
import type { Curves, StageProps } from './stage';

const restShare = 1; // a stage that is slow to draw leaves the page as much time for the rest

export class Staged {
    view = $state.raw<Component<StageProps<unknown>> | undefined>();
    curves = $state.raw<Curves<unknown> | undefined>();
    travel = $state.raw<Travel<unknown> | undefined>();
    turn = $state(0); // rises when the stage is to be drawn anew
    drawn = $state(0); // newest ordinal that it shows
    private fresh = 0; // newest ordinal that the fold has
    private rested = 0; // the page's clock, when it may be drawn again
    private kinds: string[] = [];

    constructor(private readonly session: Session) {}

    /** Of the run that is open now. Returns since when it is told everything; what was long before is
     * not told again: it is asked for where one looks. */
    async begin(stage: string): Promise<number> {
        const { session } = this;
        const its = stageOf(stage, session.run?.protocol ?? '');
        const reducer = its.reducer as Reducer<unknown>;
        this.fresh = this.drawn = 0;
        const from = await session.whereToWatch();
        this.kinds = reducer.kinds;
        this.travel = new Travel(reducer, glance => session.glance(reducer.kinds, glance), () => this.turn++, from);
        this.view = its.view as Component<StageProps<unknown>>;
        this.curves = its.curves as Curves<unknown> | undefined;
        return from;
    }

    /** What comes, from there on; others may want kinds of their own of it. */
    follow(from: number, others: readonly { kinds: string[]; add: (h: Happening) => void }[] = []): void {
        const { travel, kinds } = this;
        if (!travel) return;
        this.session.watch([...new Set([...kinds, ...others.flatMap(o => o.kinds)])], from, h => {
            if (isOf(kinds, h)) travel.add(h);
            for (const other of others) if (isOf(other.kinds, h)) other.add(h);
            this.fresh = Math.max(this.fresh, h.ordinal);
        });
    }

    /** Once a frame; ms is the page's clock. */
    tick(ms: number): void {
        if (this.fresh <= this.drawn || ms < this.rested) return;
        const began = performance.now();
        this.turn++;
        this.drawn = this.fresh;
        flushSync();
        const ended = performance.now();
        this.rested = ended + restShare * (ended - began);
    }

    at(ns: number, live: boolean): unknown {
        void this.turn;
        return live ? this.travel?.live.live : this.travel?.at(ns);
    }

    curvesAt(times: number[]): CurveDrawn[] {
        return this.travel && this.curves ? curvesOver(this.travel, this.curves, times) : [];
    }
}
