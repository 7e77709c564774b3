// φ of each node as one watcher sees it, along the lanes of those that it watches.
import { phiLevel } from './detectors';
import type { Heartbeats } from './heartbeat';
import type { Curves } from './stage';

/** The first that lives and watches anybody: the one whose view the stage shows unless told otherwise. */
function watcherOf(s: Heartbeats): number {
    const watches = (n: number): boolean => Object.keys(s.beliefs[n] ?? {}).length > 0;
    return s.nodes.find(n => s.truth[n]?.life === 'running' && watches(n)) ?? s.nodes.find(watches) ?? 0;
}

export const phiCurves: Curves<Heartbeats> = {
    name: 'φ',
    max: 12,
    limit: s => s.rules.phi,
    at: (s, ns) =>
        Object.values(s.beliefs[watcherOf(s)] ?? {})
            .filter(b => b.heardAt > 0 && b.mean > 0)
            .map(b => ({ lane: b.peer, value: phiLevel(ns - b.heardAt, b.mean, b.deviation) })),
};
