// Messages between nodes: under way, and for a moment after they arrived, so that an eye can follow.
import type { Message } from '../../wire/gen/raft_pb';
import { Refusal } from '../../wire/gen/raft_pb';
import type { Kind } from '../../timeline/kinds';

export interface Flight {
    send: number; // the event; what is sent to several has a flight each
    from: number;
    to: number;
    sent: number; // ns
    arrived: number; // ns; 0: not yet
    receive: number; // the event
    lost: boolean;
    held: boolean; // by hand, beside its sender
    kind: Kind;
    reply: boolean;
    refusal: boolean;
    words: string; // at the stroke; empty for what comes by the dozen
}

type Manner = Pick<Flight, 'kind' | 'reply' | 'refusal' | 'words'>;

export const refusals: Record<number, string> = {
    [Refusal.NOT_REFUSED]: 'refused', [Refusal.STALE_TERM]: 'refused: that term is over', [Refusal.VOTED]: 'refused: my vote is given',
    [Refusal.LOG_BEHIND]: 'refused: my log has more', [Refusal.LEADER_KNOWN]: 'refused: I hear a leader',
};

const of = (kind: Kind, reply = false, refusal = false, words = ''): Manner => ({ kind, reply, refusal, words });

/** How a message is drawn. `carries`: entries were sent to its sender, so it may acknowledge them. */
export function mannerOf(m: Message, carries: boolean): Manner {
    const kind = m.kind;
    switch (kind.case) {
        case 'requestVote': return of('vote');
        case 'vote': {
            const { granted, pre, refusal } = kind.value;
            return of('vote', true, !granted, pre ? '' : granted ? 'vote granted' : (refusals[refusal] ?? 'refused'));
        }
        case 'appendEntries': return of(kind.value.entries.length > 0 ? 'data' : 'beat');
        case 'appended': return of(carries || kind.value.refused ? 'data' : 'beat', true, kind.value.refused, kind.value.refused ? 'refused' : '');
        case 'installSnapshot': return of('data', false, false, 'snapshot');
        case 'snapshotReceived': return of('data', true);
        case 'timeoutNow': return of('control', false, false, 'lead now');
        case 'leaderOrder': return of('control');
        case 'forwardRefused': return of('request', true, true);
        case 'readIndexAnswer': return of('request', true, kind.value.refused);
        default: return of('request');
    }
}

const flightsMax = 160;
const lingers: Record<Kind, number> = { beat: 60e6, data: 160e6, request: 120e6, vote: 700e6, control: 700e6 };

/** How much of it is to be seen, 1 to 0: it fades once it arrived, or when it is so late that it never will. */
export function freshness(f: Flight, at: number, usual: number): number {
    if (f.held) return 1;
    if (f.arrived === 0 || f.arrived > at) return at - f.sent > 4 * usual + 300e6 ? 0 : 1;
    return Math.max(0, 1 - (at - f.arrived) / (lingers[f.kind] * (f.reply ? 1 : 0.5)));
}

/** Those that were sent now, after those that are still to be seen. */
export function depart(flights: readonly Flight[], more: readonly Flight[], at: number, usual: number): Flight[] {
    return [...flights.filter(f => freshness(f, at, usual) > 0).slice(-flightsMax), ...more];
}

export function end(flights: readonly Flight[], send: number, to: number, how: Partial<Flight>): Flight[] | undefined {
    const i = flights.findLastIndex(f => f.send === send && f.to === to);
    return i < 0 ? undefined : flights.map((f, k) => (k === i ? { ...f, ...how } : f));
}

export const latest = 0.93; // of its way, where nobody has told yet that it arrived

/** How far one is along its way, 0 to 1; `usual` is how long the last ones took. */
export function progress(f: Flight, at: number, usual: number): number {
    if (f.held) return 0;
    if (f.arrived > 0) return Math.min(1, Math.max(0, (at - f.sent) / Math.max(1, f.arrived - f.sent)));
    return Math.min(latest, Math.max(0, (at - f.sent) / Math.max(1, usual)));
}
