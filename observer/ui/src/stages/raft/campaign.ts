// Elections as folds over what candidates and voters tell.
import type { Ballot, Candidacy, Elected, Members, Tally } from '../../wire/gen/raft_pb';

export type Says = 'asked' | 'grants' | 'refuses' | 'granted' | 'refused'; // grants: it is on its way to the candidate

export interface Answer {
    says: Says;
    why: number; // Refusal
    event: number;
}

export interface Campaign {
    candidate: number;
    term: number;
    pre: boolean;
    began: number; // ns
    event: number;
    voters: number[];
    outgoing: number[]; // joint consensus: both majorities are needed
    answers: Record<number, Answer>;
    outcome: 'open' | 'won' | 'lost';
    ended: number; // event
}

const kept = 6;

export function opens(all: readonly Campaign[], c: Candidacy, candidate: number, members: Members | undefined, at: number, event: number): Campaign[] {
    const before = all.map((x): Campaign => (x.candidate === candidate && x.outcome === 'open' ? { ...x, outcome: x.pre && !c.pre ? 'won' : 'lost', ended: event } : x));
    const answers: Record<number, Answer> = c.pre ? { [candidate]: { says: 'granted', why: 0, event } } : {};
    return [
        ...before.slice(1 - kept),
        {
            candidate, term: Number(c.term), pre: c.pre, began: at, event, answers, outcome: 'open', ended: 0,
            voters: members?.voters ?? [], outgoing: members?.outgoing ?? [],
        },
    ];
}

function change(all: readonly Campaign[], which: (c: Campaign) => boolean, into: (c: Campaign) => Campaign): Campaign[] {
    const i = all.findLastIndex(which);
    return all.map((c, k) => (k === i ? into(c) : c));
}

/** What a voter says of itself: its answer is on the way. */
export function votes(all: readonly Campaign[], b: Ballot, voter: number, event: number): Campaign[] {
    const its = (c: Campaign): boolean => c.candidate === b.candidate && c.term === Number(b.term) && c.pre === b.pre;
    const own = voter === b.candidate;
    const says: Says = own ? 'granted' : b.granted ? 'grants' : 'refuses';
    return change(all, its, c => (c.answers[voter]?.says === 'granted' || c.answers[voter]?.says === 'refused' ? c : { ...c, answers: { ...c.answers, [voter]: { says, why: b.refusal, event } } }));
}

/** What the candidate counts. */
export function counts(all: readonly Campaign[], t: Tally, candidate: number, event: number): Campaign[] {
    const its = (c: Campaign): boolean => c.candidate === candidate && c.term === Number(t.term) && c.pre === t.pre;
    const answers = (c: Campaign): Record<number, Answer> => {
        const next = { ...c.answers };
        const put = (nodes: number[], says: Says): void => {
            for (const n of nodes) if (next[n]?.says !== says) next[n] = { says, why: next[n]?.why ?? 0, event };
        };
        put(t.granted, 'granted');
        put(t.refused, 'refused');
        return next;
    };
    return change(all, its, c => ({ ...c, answers: answers(c) }));
}

export function elects(all: readonly Campaign[], e: Elected, leader: number, event: number): Campaign[] {
    const term = Number(e.term);
    return all.map((c): Campaign => {
        if (c.candidate !== leader || c.term !== term || c.pre) return c.outcome === 'open' && c.term <= term ? { ...c, outcome: 'lost', ended: event } : c;
        const answers = { ...c.answers };
        for (const n of e.granted) answers[n] = { says: 'granted', why: 0, event: answers[n]?.event ?? event };
        return { ...c, answers, outcome: 'won', ended: event };
    });
}

/** It is no candidate any more. */
export function ends(all: readonly Campaign[], candidate: number, event: number): Campaign[] {
    return all.map((c): Campaign => (c.candidate === candidate && c.outcome === 'open' ? { ...c, outcome: 'lost', ended: event } : c));
}

/** What is to be shown: the newest election, with those who stand in the same term until one has won it; a
 *  pre-vote only while no election is newer. */
export function shownOf(all: readonly Campaign[]): Campaign[] {
    const last = all[all.length - 1];
    if (!last) return [];
    const real = all.findLast(c => !c.pre);
    const main = last.pre && (last.outcome === 'open' || !real) ? last : (real ?? last);
    // Who stands again in the same term, as one may who only asks, is shown but once.
    const rivals = all.filter((c, i) => c.pre === main.pre && c.term === main.term && !all.slice(i + 1).some(o => o.candidate === c.candidate && o.pre === c.pre && o.term === c.term));
    const won = rivals.find(c => c.outcome === 'won');
    return won ? [won] : rivals.slice(-2);
}

export function isGranted(a: Answer | undefined): boolean {
    return a?.says === 'granted';
}

export const needOf = (voters: readonly number[]): number => Math.floor(voters.length / 2) + 1;
