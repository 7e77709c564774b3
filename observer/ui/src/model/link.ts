// One direction of a link, as the messages in view tell of it.
import type { Stroke } from '../timeline/scene';

export interface LinkFigures {
    sent: number;
    received: number;
    lost: number;
    median: number; // ns of latency; NaN where none arrived
    p99: number;
}

function quantile(sorted: number[], share: number): number {
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

type Sent = Pick<Stroke, 'from' | 'to' | 'fate' | 'sent' | 'arrives'>;

export function linkFigures(strokes: readonly Sent[], from: number, to: number): LinkFigures {
    const mine = strokes.filter(s => s.from === from && s.to === to);
    const latencies = mine.filter(s => s.fate === 1).map(s => s.arrives - s.sent).sort((a, b) => a - b);
    return {
        sent: mine.length, received: latencies.length, lost: mine.filter(s => s.fate > 1).length,
        median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99),
    };
}
