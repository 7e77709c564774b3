// The stage of rate limiting as a fold over events: the verdicts of each gateway on each request, what
// they leave in its bucket or window, and which requests the gateways judged differently.
import { Algorithm, Outcome, Reason, Role, Share, type Decision, type KeyView, type NodeView, type Release, type Rule as WireRule, type Volley } from '../wire/gen/limiter_pb';
import type { Happening } from '../model/happening';
import type { Reducer } from '../model/fold';
import { leakyBucket, levelAt, tokenBucket, type Fate, type Lane, type Rule, type Verdict } from './limits';

export type Life = 'starting' | 'running' | 'paused' | 'dead';

export interface Gateway {
    node: number;
    traffic: boolean;
    algorithm: number;
    share: Share;
    life: Life;
    lanes: Record<string, Lane>; // by key
}

/** A request of the traffic, and what became of it at each gateway. */
export interface Asked {
    number: number;
    key: string;
    at: number;
    burst: boolean;
    verdicts: Record<number, Verdict>; // by gateway
}

export interface RateLimit {
    gateways: Record<number, Gateway>;
    asked: Asked[]; // the newest of them, in their order
    burst: { from: number; to: number; event: number }; // numbers of the newest one
    keys: string[];
}

const verdictsMax = 240;
const askedMax = 64;
const keysMax = 8;
const text = new TextDecoder('utf-8', { fatal: false });
const fates: Record<number, Fate> = { [Outcome.ADMITTED]: 'acc', [Outcome.DELAYED]: 'shp', [Outcome.REFUSED]: 'rej' };

function fresh(node: number): Gateway {
    return { node, traffic: false, algorithm: 0, share: Share.ALONE, life: 'starting', lanes: {} };
}

function put(s: RateLimit, g: Gateway): RateLimit {
    return { ...s, gateways: { ...s.gateways, [g.node]: g } };
}

function keyOf(bytes: Uint8Array): string {
    return text.decode(bytes.subarray(0, 24)).replace(/[^\x20-\x7e]/g, '·');
}

function ruleOf(r: WireRule | undefined): Rule {
    return {
        count: Number(r?.count ?? 1n), period: Number(r?.periodNs ?? 1n), burst: Number(r?.burst ?? 1n),
        queue: Number(r?.queue ?? 0n), meter: r?.meter ?? false,
    };
}

function sameRule(a: Rule, b: Rule): boolean {
    return a.count === b.count && a.period === b.period && a.burst === b.burst && a.queue === b.queue && a.meter === b.meter;
}

/** Another rule begins anew: a full bucket, an empty window. */
function laneFor(g: Gateway, key: string, rule: Rule, algorithm: number, at: number): Lane {
    const old = g.lanes[key];
    if (old && old.algorithm === algorithm && sameRule(old.rule, rule)) return old;
    return {
        rule, algorithm, level: algorithm === tokenBucket ? rule.burst : 0, levelAt: at, waiting: 0,
        stateBytes: 0, acc: old?.acc ?? 0, shp: old?.shp ?? 0, rej: old?.rej ?? 0, verdicts: [],
    };
}

function putLane(s: RateLimit, g: Gateway, key: string, lane: Lane): RateLimit {
    const keys = s.keys.includes(key) || s.keys.length >= keysMax ? s.keys : [...s.keys, key];
    return { ...put(s, { ...g, lanes: { ...g.lanes, [key]: lane } }), keys };
}

function levelAfter(d: Decision, fate: Fate): number {
    const before = Number(d.levelMilli) / 1000;
    if (fate !== 'acc') return before;
    if (d.algorithm === Algorithm.TOKEN_BUCKET) return before - d.quantity;
    return d.algorithm === Algorithm.LEAKY_BUCKET && d.rule?.meter ? before + d.quantity : before;
}

function noteAsked(s: RateLimit, v: Verdict, key: string, gateway: number): RateLimit {
    const old = s.asked.find(a => a.number === v.number);
    const asked: Asked = old
        ? { ...old, verdicts: { ...old.verdicts, [gateway]: v } }
        : { number: v.number, key, at: v.at, burst: v.number >= s.burst.from && v.number < s.burst.to, verdicts: { [gateway]: v } };
    const others = s.asked.filter(a => a.number !== v.number);
    const place = others.findLastIndex(a => a.number < v.number) + 1;
    return { ...s, asked: [...others.slice(0, place), asked, ...others.slice(place)].slice(-askedMax) };
}

function onDecision(s: RateLimit, h: Happening, d: Decision): RateLimit {
    const g = s.gateways[h.node] ?? fresh(h.node);
    const key = keyOf(d.key);
    const fate = fates[d.outcome] ?? 'rej';
    const at = Number(d.atNs);
    const lane = laneFor(g, key, ruleOf(d.rule), d.algorithm, at);
    const v: Verdict = {
        number: Number(d.number), client: Number(d.client), fate, at, out: fate === 'acc' ? at : 0,
        level: Number(d.levelMilli) / 1000, retry: Number(d.retryAfterNs), wait: Number(d.waitNs), quantity: d.quantity, event: h.ordinal,
    };
    let next = s;
    // Where no algorithm decided, no state changed.
    if (d.reason === Reason.RULE && d.owner === 0)
        next = putLane(next, { ...g, algorithm: d.algorithm, share: d.share, life: g.life === 'starting' ? 'running' : g.life }, key, {
            ...lane, level: levelAfter(d, fate), levelAt: at, stateBytes: d.stateBytes,
            waiting: lane.waiting + (fate === 'shp' ? d.quantity : 0),
            [fate]: lane[fate] + 1, verdicts: [...lane.verdicts, v].slice(-verdictsMax),
        });
    else next = put(next, g);
    return d.client === 0n ? noteAsked(next, v, key, d.gateway || h.node) : next;
}

function onRelease(s: RateLimit, h: Happening, r: Release): RateLimit {
    const g = s.gateways[h.node] ?? fresh(h.node);
    const key = keyOf(r.key);
    const at = Number(r.atNs);
    const lane = laneFor(g, key, ruleOf(r.rule), r.algorithm, at);
    const number = Number(r.number);
    const left = (v: Verdict): Verdict => (v.number === number && v.client === Number(r.client) && v.fate === 'shp' && v.out === 0 ? { ...v, out: at } : v);
    const level = r.algorithm === Algorithm.TOKEN_BUCKET ? Math.max(0, levelAt(lane, at) - r.quantity) : lane.level;
    const next = putLane(s, g, key, { ...lane, level, levelAt: at, waiting: Number(r.waiting), verdicts: lane.verdicts.map(left) });
    const asked = next.asked.map(a => {
        const v = a.verdicts[h.node];
        return v && a.number === number && r.client === 0n ? { ...a, verdicts: { ...a.verdicts, [h.node]: left(v) } } : a;
    });
    return { ...next, asked };
}

/** A view tells of keys that were judged before the first event that is known. */
function fromView(k: KeyView, h: Happening): Lane {
    const rule = ruleOf(k.rule);
    const times = k.timesNs.map((t): Verdict => ({
        number: 0, client: 0, fate: 'acc', at: Number(t), out: Number(t), level: 0, retry: 0, wait: 0, quantity: 1, event: h.ordinal,
    }));
    return {
        rule, algorithm: k.algorithm, level: Number(k.levelMilli) / 1000, levelAt: Number(k.atNs), waiting: Number(k.waiting),
        stateBytes: k.stateBytes, acc: Number(k.admitted), shp: Number(k.delayed), rej: Number(k.refused), verdicts: times,
    };
}

function onView(s: RateLimit, h: Happening, v: NodeView): RateLimit {
    const g: Gateway = {
        ...(s.gateways[h.node] ?? fresh(h.node)),
        traffic: v.role === Role.TRAFFIC, algorithm: v.algorithm, share: v.share, life: 'running',
    };
    let next = put(s, g);
    for (const k of [...v.keys].reverse()) {
        const key = keyOf(k.key);
        const now = next.gateways[h.node] ?? g;
        if (!now.lanes[key]) next = putLane(next, now, key, fromView(k, h));
    }
    return next;
}

function onVolley(s: RateLimit, h: Happening, v: Volley): RateLimit {
    const from = Number(v.first);
    return { ...s, burst: { from, to: from + v.requests, event: h.ordinal } };
}

function onTrace(s: RateLimit, h: Happening): RateLimit {
    switch (h.message?.$typeName) {
        case 'limiter.Decision': return onDecision(s, h, h.message as Decision);
        case 'limiter.Release': return onRelease(s, h, h.message as Release);
        case 'limiter.Volley': return onVolley(s, h, h.message as Volley);
        default: return s;
    }
}

/** What a process kept of its keys goes with it. */
function lifeOf(s: RateLimit, node: number, life: Life, forgets: boolean): RateLimit {
    const g = s.gateways[node] ?? fresh(node);
    return put(s, { ...g, life, lanes: forgets ? {} : g.lanes });
}

export function apply(s: RateLimit, h: Happening): RateLimit {
    if (h.body === 'trace') return onTrace(s, h);
    if (h.body === 'view') return h.message?.$typeName === 'limiter.NodeView' ? onView(s, h, h.message as NodeView) : s;
    const body = h.event.body;
    switch (body.case) {
        case 'spawn': return lifeOf(s, body.value.node, 'starting', true);
        case 'exit': return lifeOf(s, body.value.node, 'dead', false);
        case 'operator': {
            const verb = body.value.line.replace(/^orrery /, '').split(' ')[0];
            if (verb !== 'pause' && verb !== 'resume') return s;
            return body.value.nodes.reduce((next, n) => (next.gateways[n] ? lifeOf(next, n, verb === 'pause' ? 'paused' : 'running', false) : next), s);
        }
        default: return s;
    }
}

/** Gateways that judge the traffic, in their order; those that share a limit only once they were asked. */
export function judges(s: RateLimit): Gateway[] {
    return Object.values(s.gateways)
        .filter(g => !g.traffic && (Object.keys(g.lanes).length > 0 || s.asked.some(a => a.verdicts[g.node])))
        .sort((a, b) => a.node - b.node);
}

/** Whether gateways that were asked for it gave different verdicts. */
export function disputed(a: Asked): boolean {
    return new Set(Object.values(a.verdicts).map(v => v.fate)).size > 1;
}

export function isQueue(lane: Lane): boolean {
    return lane.algorithm === leakyBucket && !lane.rule.meter;
}

export const ratelimit: Reducer<RateLimit> = {
    kinds: ['start', 'spawn', 'exit', 'operator', 'setting', 'view', 'trace'],
    initial: { gateways: {}, asked: [], burst: { from: 0, to: 0, event: 0 }, keys: [] },
    apply,
};
