// The causal past and future of an event of a carried run: a prefix and a suffix of each life.
import { create } from '@bufbuild/protobuf';
import type { Entry } from './gen/recording_pb';
import { ReachSchema, type Reach } from './gen/session_pb';

export interface Cone {
    past: number[]; // places among the entries, newest first
    future: number;
    reaches: Reach[];
}

export function coneOf(entries: readonly Entry[], ns: readonly number[], placeOf: (ordinal: bigint) => number | undefined, at: number): Cone {
    const lives = new Map<string, Reach>();
    const reach = (e: Entry): Reach => {
        const key = `${e.node}.${e.boot}`;
        let of = lives.get(key);
        if (!of) lives.set(key, (of = create(ReachSchema, { node: e.node, boot: e.boot })));
        return of;
    };
    const led = (e: Entry | undefined): number[] => (e ? [placeOf(e.cause), placeOf(e.previous)].filter(p => p !== undefined) : []);

    const past: number[] = [];
    const before = new Set(led(entries[at]).filter(p => p < at));
    for (let i = at - 1; i >= 0; i--) {
        const e = entries[i];
        if (!e || !before.has(i)) continue;
        past.push(i);
        for (const p of led(e)) if (p < i) before.add(p);
        const of = reach(e);
        if (!of.pastLast) [of.pastLast, of.pastNs] = [e.ordinal, ns[i] ?? 0];
        of.pastFirst = e.ordinal;
    }

    const after = new Set([at]);
    for (let i = at + 1; i < entries.length; i++) {
        const e = entries[i];
        if (!e || !led(e).some(p => after.has(p))) continue;
        after.add(i);
        const of = reach(e);
        if (!of.futureFirst) [of.futureFirst, of.futureNs] = [e.ordinal, ns[i] ?? 0];
        of.futureLast = e.ordinal;
    }
    return { past, future: after.size - 1, reaches: [...lives.values()] };
}
