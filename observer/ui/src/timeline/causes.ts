// The causal past and future of the event that is selected: of each life on a lane, everything up to
// one event and everything from one on.
import type { Reach } from '../wire/gen/session_pb';

export type Side = 'past' | 'future' | 'neither' | 'itself';

interface Ranges {
    pastFirst: number[];
    pastLast: number[];
    futureFirst: number[];
    futureLast: number[];
}

export interface Bracket {
    lane: number;
    past: number; // ns; 0 where there is none
    future: number;
}

export class Causes {
    private readonly by = new Map<number, Ranges>();
    readonly brackets: Bracket[];

    constructor(readonly event: number, reaches: readonly Reach[]) {
        const at = new Map<number, Bracket>();
        for (const r of reaches) {
            const ranges = this.by.get(r.node) ?? { pastFirst: [], pastLast: [], futureFirst: [], futureLast: [] };
            ranges.pastFirst.push(Number(r.pastFirst));
            ranges.pastLast.push(Number(r.pastLast));
            ranges.futureFirst.push(Number(r.futureFirst));
            ranges.futureLast.push(Number(r.futureLast));
            this.by.set(r.node, ranges);
            const bracket = at.get(r.node) ?? { lane: r.node, past: 0, future: 0 };
            if (r.pastLast > 0n) bracket.past = Math.max(bracket.past, r.pastNs);
            if (r.futureLast > 0n) bracket.future = bracket.future > 0 ? Math.min(bracket.future, r.futureNs) : r.futureNs;
            at.set(r.node, bracket);
        }
        this.brackets = [...at.values()];
    }

    /** Of an event on a lane. What came in after the answer goes on where its lane was. */
    side(lane: number, event: number): Side {
        if (event === 0) return 'neither';
        if (event === this.event) return 'itself';
        const r = this.by.get(lane);
        if (!r) return 'neither';
        for (let i = 0; i < r.pastFirst.length; i++) {
            if (r.pastFirst[i] && event >= (r.pastFirst[i] ?? 0) && event <= (r.pastLast[i] ?? 0)) return 'past';
            const upTo = r.futureLast[i] === Math.max(...r.futureLast) ? Infinity : (r.futureLast[i] ?? 0);
            if (r.futureLast[i] && event >= (r.futureFirst[i] ?? 0) && event <= upTo) return 'future';
        }
        return 'neither';
    }

    /** A message belongs when both its ends do; one that is lost, when its send does. */
    lit(from: number, send: number, to: number, receive: number): boolean {
        if (send === 0) return this.side(to, receive) !== 'neither'; // a client's: it is seen where it comes in
        const sent = this.side(from, send);
        if (sent === 'future' || sent === 'itself') return true;
        if (receive === 0) return sent === 'past';
        const arrived = this.side(to, receive);
        return arrived === 'past' || arrived === 'itself';
    }
}
