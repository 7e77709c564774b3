// One direction of a link, as the messages in view tell of it.
import type { Scene, Stroke } from '../timeline/scene';

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

/** The messages from one node to another that are in view one by one, not only as counts. */
export function strokesOf(scene: Scene, from: number, to: number): Sent[] {
    const out: Sent[] = [];
    for (const { tile: { messages: m } } of scene.pieces)
        for (let i = 0; i < m.n; i++)
            if (m.from[i] === from && m.to[i] === to)
                out.push({ from, to, fate: m.fate[i] ?? 0, sent: m.sent[i] ?? 0, arrives: m.arrives[i] ?? 0 });
    return out;
}

export function linkFigures(mine: readonly Sent[]): LinkFigures {
    const latencies = mine.filter(s => s.fate === 1).map(s => s.arrives - s.sent).sort((a, b) => a - b);
    return {
        sent: mine.length, received: latencies.length, lost: mine.filter(s => s.fate > 1).length,
        median: quantile(latencies, 0.5), p99: quantile(latencies, 0.99),
    };
}
