// What a limiter's state is at an instant between two events: the same arithmetic as the modules do,
// for drawing only. Times in nanoseconds.

export const algorithms = ['token bucket', 'leaky bucket', 'fixed window', 'sliding log', 'sliding counter'] as const;
export const tokenBucket = 0;
export const leakyBucket = 1;
export const fixedWindow = 2;
export const slidingLog = 3;
export const slidingCounter = 4;

export interface Rule {
    count: number; // requests in each period
    period: number;
    burst: number;
    queue: number;
    meter: boolean;
}

export type Fate = 'acc' | 'shp' | 'rej'; // passed at once, made to wait, refused

export interface Verdict {
    number: number;
    client: number; // 0: from the traffic
    fate: Fate;
    at: number;
    out: number; // when it was passed on; 0: it waits, or was refused
    level: number; // before it
    retry: number;
    wait: number;
    quantity: number;
    event: number;
}

/** One key of one gateway. */
export interface Lane {
    rule: Rule;
    algorithm: number;
    level: number; // tokens, or water, at
    levelAt: number;
    waiting: number;
    stateBytes: number;
    acc: number;
    shp: number;
    rej: number;
    verdicts: Verdict[]; // the newest of them, oldest first
}

/** Tokens in the bucket, or water in a leaky one that only measures. */
export function levelAt(lane: Lane, at: number): number {
    const { rule } = lane;
    const moved = (Math.max(0, at - lane.levelAt) * rule.count) / rule.period;
    if (lane.algorithm === tokenBucket) return Math.min(rule.burst, lane.level + moved);
    return Math.max(0, lane.level - moved);
}

/** Until the bucket has so many tokens. */
export function tokensIn(lane: Lane, tokens: number, at: number): number {
    return (Math.max(0, tokens - levelAt(lane, at)) * lane.rule.period) / lane.rule.count;
}

export function passedBy(v: Verdict, at: number): boolean {
    return v.out > 0 && v.out <= at;
}

/** What passed and counts in the window that ends now, oldest first. */
export function inWindow(lane: Lane, at: number): Verdict[] {
    return lane.verdicts.filter(v => passedBy(v, at) && v.out > at - lane.rule.period);
}

/** Counts of the window by the clock that holds `at`, and of the one before. */
export function byClock(lane: Lane, at: number): { from: number; previous: number; current: number; share: number; sum: number } {
    const { period } = lane.rule;
    const from = Math.floor(at / period) * period;
    const passed = lane.verdicts.filter(v => passedBy(v, at));
    const sumOf = (a: number, b: number): number => passed.reduce((n, v) => (v.out >= a && v.out < b ? n + v.quantity : n), 0);
    const previous = sumOf(from - period, from);
    const current = sumOf(from, from + period);
    const share = 1 - (at - from) / period; // of the window before that still lies within a period
    return { from, previous, current, share, sum: previous * share + current };
}

/** Slots of a log: a request keeps the slot that it got for as long as it counts. */
export function slots(lane: Lane, at: number): (Verdict | undefined)[] {
    const places: (Verdict | undefined)[] = Array.from({ length: lane.rule.count }, () => undefined);
    for (const v of lane.verdicts) {
        if (!passedBy(v, at)) continue;
        let free = places.findIndex(p => p === undefined || p.out <= v.out - lane.rule.period);
        if (free < 0) free = places.length - 1;
        places[free] = v;
    }
    return places.map(p => (p && p.out > at - lane.rule.period ? p : undefined));
}
