// How much happened when: a window of any level as columns of equal time from 0 to `end`.
import type { Window } from '../wire/gen/session_pb';

export interface Column {
    count: number;
    drops: number;
}

export function binned(w: Window, columns: number, end: number): Column[] {
    const out: Column[] = Array.from({ length: Math.max(1, columns) }, () => ({ count: 0, drops: 0 }));
    const add = (ns: number, count: number, drops: number): void => {
        const column = out[Math.min(out.length - 1, Math.max(0, Math.floor((ns / end) * out.length)))];
        if (!column || ns < 0 || ns > end) return;
        column.count += count;
        column.drops += drops;
    };
    w.sentNs.forEach((ns, i) => add(ns, 1, (w.fate[i] ?? 0) > 1 ? 1 : 0));
    w.binNs.forEach((ns, i) => add(ns, w.binCount[i] ?? 0, w.binDrops[i] ?? 0));
    return out;
}
