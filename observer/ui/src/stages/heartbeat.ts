// The stage of heartbeats as a fold over events: what each node holds of each other (belief), what
// the operating system and the operator say of each (truth), and the race of the detectors since
// the last fault. All times in nanoseconds of cluster time.
import type { Gap, NodeView, Opinion, PeerView, Rebirth } from '../wire/gen/heartbeat_pb';
import type { Happening } from '../model/happening';
import type { Reducer } from '../model/fold';
import { namedLanes } from '../timeline/scene';
import { phiQuantile, spread } from './detectors';

export const detectorNames = ['fixed time-out', 'φ accrual', 'adaptive'] as const;
export const detectors = 3;

export interface Rules {
    interval: number;
    timeout: number;
    phi: number;
    quantile: number; // of phi
    margin: number;
    window: number;
    floor: number; // least deviation
    decides: number; // the detector that moves a peer's state
    noSlack: boolean; // flaw: limits leave no room for jitter
}

/** What a node holds of a peer. */
export interface Belief {
    peer: number;
    state: number; // 0 unknown, 1 trusted, 2 suspected, 3 dead
    heardAt: number; // 0 never
    lastBeat: number;
    gaps: number[]; // newest last, not more than the detectors' window
    offsets: number[]; // arrivals against their schedule, for the adaptive detector
    mean: number;
    deviation: number;
    limits: number[]; // by detector: the silence at which it suspects
    suspectedBy: number; // bit d: detector d
    event: number; // that last told of it
}

export type Life = 'starting' | 'running' | 'paused' | 'killed' | 'stopped';

export interface Truth {
    life: Life;
    since: number;
    event: number;
    boot: number;
    links: string; // faults of its links, in words
}

export interface Finding {
    at: number;
    event: number;
    silent: number;
    wrong: boolean; // the node was alive
}

/** From the last fault that silenced a node: when each watcher's detectors suspected it. */
export interface Race {
    node: number;
    how: 'killed' | 'paused' | 'stopped';
    began: number;
    event: number;
    ended: number; // 0: it is silent still
    found: Record<string, Finding>; // `watcher.detector`
}

/** Suspicions of nodes that lived. */
export interface Mistakes {
    count: number;
    event: number; // the newest
}

export interface Heartbeats {
    nodes: number[];
    rules: Rules;
    truth: Record<number, Truth>;
    beliefs: Record<number, Record<number, Belief>>;
    race: Race | undefined;
    mistakes: Record<number, Mistakes>; // by detector
}

const ms = 1e6;

export const usualRules: Rules = {
    interval: 250 * ms, timeout: 1000 * ms, phi: 8, quantile: phiQuantile(8), margin: 350 * ms,
    window: 100, floor: 50 * ms, decides: 1, noSlack: false,
};

const initial: Heartbeats = { nodes: [], rules: usualRules, truth: {}, beliefs: {}, race: undefined, mistakes: {} };

function nobody(peer: number): Belief {
    return {
        peer, state: 0, heardAt: 0, lastBeat: 0, gaps: [], offsets: [], mean: 0, deviation: 0,
        limits: [0, 0, 0], suspectedBy: 0, event: 0,
    };
}

/** Settings as words: "interval_ms" = "250", "detector" = "phi-accrual". */
export function rulesFrom(rules: Rules, settings: { key: string; value: string }[], flaws: string[] = []): Rules {
    const next = { ...rules };
    const names = ['fixed', 'phi-accrual', 'adaptive', 'link'];
    for (const { key, value } of settings) {
        const n = Number(value);
        if (key === 'detector') {
            const d = names.indexOf(value.toLowerCase().replaceAll('_', '-'));
            if (d >= 0) next.decides = d;
        } else if (!Number.isFinite(n)) continue;
        else if (key === 'interval_ms') next.interval = n * ms;
        else if (key === 'timeout_ms') next.timeout = n * ms;
        else if (key === 'margin_ms') next.margin = n * ms;
        else if (key === 'min_deviation_ms') next.floor = n * ms;
        else if (key === 'window') next.window = n;
        else if (key === 'phi' && n > 0) {
            next.phi = n;
            next.quantile = phiQuantile(n);
        }
    }
    if (flaws.some(f => f.toLowerCase().replaceAll('_', '-') === 'short-timeout')) next.noSlack = true;
    return next;
}

function limitsOf(b: Belief, rules: Rules): number[] {
    const [fixed = 0, , adaptive = 0] = b.limits;
    const phi = rules.noSlack ? b.mean : b.mean + rules.quantile * b.deviation;
    let last = adaptive;
    if (b.offsets.length > 0 && b.heardAt > 0) {
        const expected = spread(b.offsets).mean + (b.lastBeat + 1) * rules.interval;
        last = expected + (rules.noSlack ? 0 : rules.margin) - b.heardAt;
    }
    return [fixed || rules.timeout, phi, last];
}

function setBelief(s: Heartbeats, node: number, b: Belief): Heartbeats {
    return { ...s, beliefs: { ...s.beliefs, [node]: { ...s.beliefs[node], [b.peer]: b } } };
}

function beliefOf(s: Heartbeats, node: number, peer: number): Belief {
    return s.beliefs[node]?.[peer] ?? nobody(peer);
}

function onGap(s: Heartbeats, h: Happening, gap: Gap): Heartbeats {
    const old = beliefOf(s, h.node, gap.peer);
    const g = Number(gap.gapNs);
    const gaps = g > 0 ? [...old.gaps, g].slice(-s.rules.window) : old.gaps;
    const lastBeat = Number(gap.number);
    const offsets = [...old.offsets, h.ns - lastBeat * s.rules.interval].slice(-s.rules.window);
    const known = gaps.length >= 2;
    const { mean, deviation } = known ? spread(gaps) : { mean: s.rules.interval, deviation: s.rules.interval / 4 };
    const next: Belief = {
        ...old, heardAt: h.ns, lastBeat, gaps, offsets, mean,
        deviation: Math.max(deviation, s.rules.floor),
        state: old.state === 0 ? 1 : old.state, event: h.ordinal,
    };
    next.limits = limitsOf({ ...next, limits: [s.rules.noSlack ? s.rules.interval : s.rules.timeout, 0, old.limits[2] ?? 0] }, s.rules);
    return setBelief(s, h.node, next);
}

const grace = 250 * ms; // that what is told may lag behind the page's clock

/** How long a peer has been silent for its watcher. Undefined where nobody can say: not heard yet; or silent beyond
 *  phi's limit without that detector's word, so beats came that this page was not told of. */
export function silenceOf(b: Belief | undefined, at: number): number | undefined {
    if (!b || b.heardAt === 0) return undefined;
    const silence = Math.max(0, at - b.heardAt);
    const limit = b.limits[1] ?? 0;
    if (limit > 0 && silence > limit + grace && (b.suspectedBy & 2) === 0) return undefined;
    return silence;
}

function isSilenced(truth: Truth | undefined): boolean {
    return truth?.life === 'killed' || truth?.life === 'paused' || truth?.life === 'stopped';
}

function onOpinion(s: Heartbeats, h: Happening, o: Opinion): Heartbeats {
    const old = beliefOf(s, h.node, o.peer);
    const bit = 1 << o.detector;
    const limits = [...old.limits];
    if (o.detector < detectors) limits[o.detector] = Number(o.limitNs);
    const exact = Number(o.detector) === 1 && o.expectedNs > 0n;
    const next = setBelief(s, h.node, {
        ...old, limits, event: h.ordinal,
        mean: exact ? Number(o.expectedNs) : old.mean,
        deviation: exact ? Number(o.deviationNs) : old.deviation,
        suspectedBy: o.suspected ? old.suspectedBy | bit : old.suspectedBy & ~bit,
    });
    return o.suspected ? found(next, h, o) : next;
}

function found(s: Heartbeats, h: Happening, o: Opinion): Heartbeats {
    const finding: Finding = { at: h.ns, event: h.ordinal, silent: Number(o.silentNs), wrong: false };
    const key = `${h.node}.${o.detector}`;
    const race = s.race;
    if (race && race.node === o.peer && race.ended === 0 && h.ns >= race.began) {
        if (race.found[key]) return s;
        return { ...s, race: { ...race, found: { ...race.found, [key]: { ...finding, wrong: race.how === 'paused' } } } };
    }
    if (isSilenced(s.truth[o.peer])) return s;
    const count = (s.mistakes[o.detector]?.count ?? 0) + 1;
    return { ...s, mistakes: { ...s.mistakes, [o.detector]: { count, event: h.ordinal } } };
}

function fromView(v: PeerView, at: number, rules: Rules, old: Belief, event: number): Belief {
    const gaps = v.gapsUs.map(us => us * 1e3);
    return {
        peer: v.peer,
        state: v.state,
        heardAt: Number(v.lastAtNs) || (v.lastBeat > 0n ? at : 0),
        lastBeat: Number(v.lastBeat),
        // The view tells of 64 gaps at most; who has seen more keeps them.
        gaps: old.gaps.length > gaps.length && old.lastBeat === Number(v.lastBeat) ? old.gaps : gaps.slice(-rules.window),
        offsets: old.lastBeat === Number(v.lastBeat) ? old.offsets : [],
        mean: Number(v.meanNs),
        deviation: Number(v.deviationNs),
        limits: [Number(v.fixedLimitNs), Number(v.phiLimitNs), Number(v.adaptiveLimitNs)],
        suspectedBy: v.suspectedBy,
        event,
    };
}

function onView(s: Heartbeats, h: Happening, view: NodeView): Heartbeats {
    const mine: Record<number, Belief> = {};
    for (const peer of view.peers) mine[peer.peer] = fromView(peer, h.ns, s.rules, beliefOf(s, h.node, peer.peer), h.ordinal);
    return { ...s, beliefs: { ...s.beliefs, [h.node]: mine } };
}

function onRebirth(s: Heartbeats, h: Happening, r: Rebirth): Heartbeats {
    const old = beliefOf(s, h.node, r.peer);
    return setBelief(s, h.node, { ...old, gaps: [], offsets: [], event: h.ordinal });
}

function setTruth(s: Heartbeats, node: number, change: Partial<Truth>): Heartbeats {
    const old = s.truth[node] ?? { life: 'starting', since: 0, event: 0, boot: 0, links: '' };
    const nodes = s.nodes.includes(node) ? s.nodes : [...s.nodes, node].sort((a, b) => a - b);
    return { ...s, nodes, truth: { ...s.truth, [node]: { ...old, ...change } } };
}

function begin(s: Heartbeats, node: number, how: Race['how'], h: Happening): Heartbeats {
    return { ...s, race: { node, how, began: h.ns, event: h.ordinal, ended: 0, found: {} } };
}

function over(s: Heartbeats, node: number, at: number): Heartbeats {
    if (s.race?.node !== node || s.race.ended > 0) return s;
    return { ...s, race: { ...s.race, ended: at } };
}

function onOperator(s: Heartbeats, h: Happening): Heartbeats {
    if (h.event.body.case !== 'operator') return s;
    const { line, nodes } = h.event.body.value;
    const verb = line.replace(/^orrery /, '').split(' ')[0] ?? '';
    let next = s;
    const named = nodes.length > 0 ? nodes : namedLanes(line, s.nodes);
    for (const node of named) {
        const life = next.truth[node]?.life;
        const was = { since: h.ns, event: h.ordinal };
        if (verb === 'pause' && life !== 'killed') next = begin(setTruth(next, node, { life: 'paused', ...was }), node, 'paused', h);
        if (verb === 'resume' && life === 'paused') next = over(setTruth(next, node, { life: 'running', ...was }), node, h.ns);
    }
    if (verb === 'link') for (const node of linkEnds(line, next.nodes)) next = setTruth(next, node, { links: linkWords(line) });
    if (verb === 'heal') for (const node of next.nodes) next = setTruth(next, node, { links: '' });
    if (verb === 'cut') for (const node of namedLanes(line, next.nodes)) next = setTruth(next, node, { links: 'cut' });
    if (verb === 'set') next = { ...next, rules: rulesFrom(next.rules, settingsIn(line)) };
    return next;
}

/* Of "link n5 all" it is n5 whose links are bad; of "link n1 n2" both. */
function linkEnds(line: string, nodes: readonly number[]): number[] {
    const [, a = '', b = ''] = /link (\S+) (\S+)/.exec(line) ?? [];
    const named = [a, b].filter(end => end !== 'all').join(' ');
    return namedLanes(named || 'all', nodes);
}

function linkWords(line: string): string {
    const words = line.replace(/^(orrery )?link \S+ \S+ ?/, '').replaceAll('--', '');
    return /^((loss|delay|jitter) 0\S* ?)+$/.test(words) ? '' : words;
}

function settingsIn(line: string): { key: string; value: string }[] {
    return [...line.matchAll(/(\w+)=(\S+)/g)].map(m => ({ key: m[1] ?? '', value: m[2] ?? '' }));
}

function onStart(s: Heartbeats, h: Happening): Heartbeats {
    if (h.event.body.case !== 'start') return s;
    const start = h.event.body.value;
    let next = setTruth(s, h.node, { life: 'running', since: h.ns, event: h.ordinal, boot: h.boot });
    for (let n = 1; n <= start.nodes && n <= 1000; n++) if (!next.truth[n]) next = setTruth(next, n, {});
    const instance = start.instances.find(i => i.protocol === 'heartbeat');
    if (instance) next = { ...next, rules: rulesFrom(next.rules, instance.settings, instance.flaws) };
    return over(next, h.node, h.ns);
}

function onMove(s: Heartbeats, h: Happening): Heartbeats {
    if (h.event.body.case !== 'move') return s;
    const { of, to } = h.event.body.value;
    if (of === 0 || of === h.node) return s;
    return setBelief(s, h.node, { ...beliefOf(s, h.node, of), state: to, event: h.ordinal });
}

function onTold(s: Heartbeats, h: Happening): Heartbeats {
    const told = h.message;
    switch (told?.$typeName) {
        case 'heartbeat.NodeView':
            return onView(s, h, told as NodeView);
        case 'heartbeat.Gap':
            return onGap(s, h, told as Gap);
        case 'heartbeat.Opinion':
            return onOpinion(s, h, told as Opinion);
        case 'heartbeat.Rebirth':
            return onRebirth(s, h, told as Rebirth);
        default:
            return s;
    }
}

export function apply(s: Heartbeats, h: Happening): Heartbeats {
    if (h.body === 'trace' || h.body === 'view') return onTold(s, h);
    const body = h.event.body;
    switch (body.case) {
        case 'start':
            return onStart(s, h);
        case 'spawn':
            return setTruth(s, body.value.node, { life: 'starting', since: h.ns, event: h.ordinal, boot: body.value.boot });
        case 'exit': {
            const { node, boot, signal } = body.value;
            if ((s.truth[node]?.boot ?? 0) > boot) return s;
            const how = signal === 9 ? 'killed' : 'stopped';
            return begin(setTruth(s, node, { life: how, since: h.ns, event: h.ordinal }), node, how, h);
        }
        case 'operator':
            return onOperator(s, h);
        case 'move':
            return onMove(s, h);
        default:
            return s;
    }
}

export const heartbeat: Reducer<Heartbeats> = {
    kinds: ['start', 'view', 'operator', 'spawn', 'exit', 'move', 'heartbeat.Opinion', 'heartbeat.Gap', 'heartbeat.Rebirth'],
    initial,
    apply,
};
