// A node's log as the stage keeps it: the newest cells by index, and what was cut off last.
import type { NodeView } from '../../wire/gen/raft_pb';
import { saidBy } from './entry';

export interface Cell {
    index: number;
    term: number;
    short: string; // empty: what it says was not told
    long: string;
    event: number;
}

/** The end that a newer leader's log did not have. */
export interface CutOff {
    at: number; // ns
    event: number;
    cells: Cell[];
}

export interface Log {
    cells: Cell[]; // ascending, without gaps
    first: number; // the oldest entry that is still there
    last: number;
    durable: number;
    commit: number;
    applied: number;
    snapshot: number; // stands for all entries up to this one
    cut: CutOff | undefined;
}

const cellsMax = 128;

export const emptyLog: Log = { cells: [], first: 1, last: 0, durable: 0, commit: 0, applied: 0, snapshot: 0, cut: undefined };

export function cellAt(log: Log, index: number): Cell | undefined {
    const begins = log.cells[0]?.index ?? 0;
    return log.cells[index - begins];
}

function cellOf(index: number, packed: Uint8Array, term: number, event: number): Cell {
    const said = saidBy(packed);
    return { index, term: said?.term ?? term, short: said?.short ?? '', long: said?.long ?? '', event };
}

export function append(log: Log, index: number, packed: Uint8Array, term: number, event: number): Log {
    const cells = [...log.cells.filter(c => c.index < index), cellOf(index, packed, term, event)];
    const whole = cells.length < 2 || cells[cells.length - 2]?.index === index - 1;
    return { ...log, cells: whole ? cells.slice(-cellsMax) : cells.slice(-1), last: index };
}

/** From `index` on; what is cut off is kept, to be shown struck. */
export function cutFrom(log: Log, index: number, at: number, event: number): Log {
    const gone = log.cells.filter(c => c.index >= index);
    return {
        ...log, cells: log.cells.filter(c => c.index < index), last: Math.min(log.last, index - 1), durable: Math.min(log.durable, index - 1),
        cut: gone.length > 0 ? { at, event, cells: gone } : log.cut,
    };
}

export function cutBefore(log: Log, index: number): Log {
    return { ...log, first: Math.max(log.first, index), cells: log.cells.filter(c => c.index >= index) };
}

/** A snapshot takes the place of a log that has nothing of it, or stands before one that goes on. */
export function snapshotTo(log: Log, index: number): Log {
    const holds = log.last >= index;
    return { ...log, snapshot: index, last: Math.max(log.last, index), cells: holds ? log.cells : [], first: holds ? log.first : index + 1 };
}

/** As a view says it; words that it does not have are kept from what was told before. */
export function fromView(log: Log, v: NodeView, event: number): Log {
    const first = Number(v.firstIndex);
    const last = Number(v.lastIndex);
    const runs = v.terms.map(r => ({ first: Number(r.first), term: Number(r.term) }));
    const newest = last - v.newest.length + 1; // the first of them
    const cells: Cell[] = [];
    for (let i = Math.max(first, last - cellsMax + 1); i <= last; i++) {
        const term = runs.findLast(r => r.first <= i)?.term ?? 0;
        const known = cellAt(log, i);
        const packed = i >= newest ? v.newest[i - newest] : undefined;
        if (known?.term === term && (known.short !== '' || !packed)) cells.push(known);
        else cells.push(cellOf(i, packed ?? new Uint8Array(), term, event));
    }
    return {
        ...log, cells, first, last, durable: Number(v.durableIndex), commit: Number(v.commit), applied: Number(v.applied), snapshot: Number(v.snapshotIndex),
    };
}
