// What stands in the tooltip of what is under the pointer.
import { duration, grouped } from '../model/format';
import type { Stroke } from './scene';
import { isClients } from './clients';
import { fateDead, fateReceived, fateUnanswered, fateWaits } from '../wire/fates';
import { isDoubtful, type Hole } from './tile';

const reasons = ['cut', 'lost', 'queue full', 'of an older life', 'damaged', 'of another run', 'malformed', 'no link', 'not sent'];

export function fateWords(s: Pick<Stroke, 'fate' | 'arrives' | 'sent' | 'from' | 'to' | 'bound' | 'manner'>): string {
    if (s.fate === 0) return 'under way';
    if (s.fate === fateUnanswered) return 'never answered: nobody knows whether it happened';
    if (s.fate === fateWaits) return 'not answered yet';
    if (isClients(s.from) || isClients(s.to)) return s.manner.refusal ? 'refused: it did not happen' : 'as the node’s client port saw it';
    if (s.fate === fateReceived) return latencyWords(s.arrives - s.sent, s.bound);
    if (s.fate === fateDead) return 'the peer was dead';
    return reasons[s.fate - 2] ?? 'lost';
}

/** "0.31 ms ±0.8 ms": by two clocks that may be off each other. */
export function latencyWords(latency: number, bound: number): string {
    const doubt = isDoubtful(bound, latency) ? ` ±${duration(bound)}` : '';
    return `${latency < 0 ? '−' : ''}${duration(Math.abs(latency))}${doubt}`;
}

export function holeWords(hole: Hole, who: string): string {
    return `${grouped(hole.events)} events of ${who} are missing: what happened in ${duration(hole.to - hole.from)} is not known`;
}

export interface Counts {
    count: number;
    drops: number;
    binNs: number;
    timed: number;
    sum: number;
    most: number;
}

export function countWords(c: Counts): string {
    const lost = c.drops > 0 ? `, ${c.drops} lost` : '';
    const took = c.timed > 0 ? `; on the way ${duration(c.sum / c.timed)}, at most ${duration(c.most)}` : '';
    return `${Math.round(c.count)} in ${duration(c.binNs)}${lost}${took}`;
}
