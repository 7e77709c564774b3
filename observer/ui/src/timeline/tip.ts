// What stands in the tooltip of what is under the pointer.
import { duration } from '../model/format';
import type { Stroke } from './scene';
import { fateDead, fateReceived } from './tile';

const reasons = ['cut', 'lost', 'queue full', 'of an older life', 'damaged', 'of another run', 'malformed', 'no link', 'not sent'];

export function fateWords(s: Pick<Stroke, 'fate' | 'arrives' | 'sent'>): string {
    if (s.fate === 0) return 'under way';
    if (s.fate === fateReceived) return duration(s.arrives - s.sent);
    if (s.fate === fateDead) return 'the peer was dead';
    return reasons[s.fate - 2] ?? 'lost';
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
