// What of the logs is shown: a window of indices that are alike for all nodes, and how far is committed.
import { cellAt, type Cell, type Log } from './log';
import { memberList, type Member, type Raft } from './raft';

export type Fate =
    | 'committed' // on a majority's disks, for good
    | 'open' // appended, not committed yet
    | 'strange' // not what was committed there: it will be cut off
    | 'snapshot' // a snapshot stands for it
    | 'none';

export interface Square {
    index: number;
    fate: Fate;
    cell: Cell | undefined;
    was: Cell | undefined; // what was cut off here
    durable: boolean;
}

export interface Row {
    member: Member;
    squares: Square[];
    beyond: number; // entries behind the window
    before: boolean; // its log ends before the window begins
}

export interface Matrix {
    from: number;
    to: number;
    commit: number;
    terms: { term: number; span: number }[]; // over the columns; 0: unknown, or nothing there
    rows: Row[];
}

const cutShown = 12e9; // ns that a cut-off end is still shown

/* Who knows most of what is committed says what it is. */
function authority(nodes: Member[]): Log | undefined {
    return nodes.reduce<Member | undefined>((best, m) => (!best || m.log.commit > best.log.commit || (m.log.commit === best.log.commit && m.log.last > best.log.last) ? m : best), undefined)?.log;
}

export function windowOf(nodes: Member[], columns: number): { from: number; to: number; commit: number } {
    const commit = Math.max(0, ...nodes.map(m => m.log.commit));
    const last = Math.max(commit, ...nodes.map(m => m.log.last));
    const ahead = Math.min(Math.max(1, last - commit), Math.max(1, columns >> 1));
    const from = Math.max(1, commit + ahead - columns + 1);
    return { from, to: from + columns - 1, commit };
}

function fateOf(log: Log, cell: Cell | undefined, index: number, commit: number, truth: Log | undefined): Fate {
    if (index > log.last) return 'none';
    if (index < log.first) return 'snapshot';
    if (index > commit) return 'open';
    const known = truth && cellAt(truth, index);
    return known && cell && known.term !== cell.term ? 'strange' : 'committed';
}

export function matrixOf(s: Raft, columns: number, at: number): Matrix {
    const nodes = memberList(s);
    const { from, to, commit } = windowOf(nodes, columns);
    const truth = authority(nodes);
    const rows = nodes.map((member): Row => {
        const { log } = member;
        const cut = log.cut && at - log.cut.at < cutShown && at >= log.cut.at ? log.cut : undefined;
        const squares = Array.from({ length: columns }, (_, i): Square => {
            const index = from + i;
            const cell = cellAt(log, index);
            return { index, cell, fate: fateOf(log, cell, index, commit, truth), was: cut?.cells.find(c => c.index === index), durable: index <= log.durable };
        });
        return { member, squares, beyond: Math.max(0, log.last - to), before: log.last > 0 && log.last < from };
    });
    return { from, to, commit, terms: termsOf(rows, from, columns, truth), rows };
}

function termsOf(rows: Row[], from: number, columns: number, truth: Log | undefined): Matrix['terms'] {
    const terms: Matrix['terms'] = [];
    for (let i = 0; i < columns; i++) {
        const known = (truth && cellAt(truth, from + i)) ?? rows.map(r => r.squares[i]?.cell).find(c => c !== undefined);
        const term = known?.term ?? 0;
        const last = terms[terms.length - 1];
        if (last && last.term === term) last.span++;
        else terms.push({ term, span: 1 });
    }
    return terms;
}
