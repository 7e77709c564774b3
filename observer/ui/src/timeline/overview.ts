// How much happened when, by kind: a window of any level as columns of equal time from 0 to `end`.
import type { Window } from '../wire/gen/session_pb';
import { isMessage, kinds, mannerOf } from './kinds';

export interface Column {
    count: number;
    drops: number;
    kinds: number[]; // of messages, in the order of `kinds`; the rest of `count` is other events
}

export function binned(w: Window, columns: number, end: number): Column[] {
    const out: Column[] = Array.from({ length: Math.max(1, columns) }, () => ({ count: 0, drops: 0, kinds: kinds.map(() => 0) }));
    const kindOf = w.names.map(name => (isMessage(name) ? kinds.indexOf(mannerOf(name).kind) : -1));
    const add = (ns: number, name: number, count: number, drops: number): void => {
        const column = out[Math.min(out.length - 1, Math.max(0, Math.floor((ns / end) * out.length)))];
        if (!column || ns < 0 || ns > end || w.names[name] === 'receive') return;
        column.count += count;
        column.drops += drops;
        const kind = kindOf[name] ?? -1;
        if (kind >= 0) column.kinds[kind] = (column.kinds[kind] ?? 0) + count;
    };
    w.sentNs.forEach((ns, i) => add(ns, w.name[i] ?? 0, 1, (w.fate[i] ?? 0) > 1 ? 1 : 0));
    w.binNs.forEach((ns, i) => add(ns, w.binName[i] ?? 0, w.binCount[i] ?? 0, w.binDrops[i] ?? 0));
    return out;
}
