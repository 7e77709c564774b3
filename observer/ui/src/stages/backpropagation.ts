// The stage of backpropagation as a fold: of each network its weights, the values and the blame of the
// example under way, the newest product, and how the loss went.
import type { Batch, Example, Layer, Loss, Multiply, Network, Nudge, Step, View } from '../wire/gen/backpropagation_pb';
import type { Happening } from '../model/happening';
import type { Reducer } from '../model/fold';

export const phases = ['forward', 'loss', 'gradient', 'back', 'update'] as const;

export interface Product {
    phase: number;
    layer: number;
    to: number; // units from 0
    from: number;
    a: number;
    b: number;
    product: number;
    sum: number;
    event: number;
}

export interface Health {
    gradient: number;
    saturated: number;
}

export interface LossPoint {
    step: number;
    batch: number;
    set: number; // NaN: not looked at
    ns: number;
}

export interface Push {
    layer: number;
    to: number;
    from: number;
    slope: number;
    gradient: number;
    event: number;
}

export interface Net {
    node: number;
    sizes: number[];
    activation: number;
    data: number;
    points: number[]; // x, y, x, y ...
    labels: number[];
    weights: number[];
    gradient: number[]; // of the newest step, or of the batch under way as far as it is told
    values: number[][]; // by layer, [0] the inputs: of the example under way; [] not told
    blame: number[][];
    index: number; // of the example in the set; -1 none is told
    label: number;
    phase: number;
    layer: number;
    product: Product | undefined;
    loss: number; // of the example, NaN before it
    step: number;
    curve: LossPoint[];
    health: Health[];
    setLoss: number;
    accuracy: number;
    cut: number;
    push: Push | undefined;
    broken: number; // the event; 0: it is not
    untold: number;
    flaws: string[];
    event: number;
}

export interface Backpropagation {
    nets: Record<number, Net>;
}

const initial: Backpropagation = { nets: {} };
const curveMax = 400;

function blank(node: number): Net {
    return {
        node, sizes: [], activation: 0, data: 0, points: [], labels: [], weights: [], gradient: [], values: [], blame: [],
        index: -1, label: 0, phase: 0, layer: 0, product: undefined, loss: NaN, step: 0, curve: [], health: [],
        setLoss: NaN, accuracy: NaN, cut: 0, push: undefined, broken: 0, untold: 0, flaws: [], event: 0,
    };
}

function put<T>(list: readonly T[], at: number, item: T): T[] {
    const next = [...list];
    next[at] = item;
    return next;
}

/* A long curve keeps every second point: it is a picture, and the timeline has them all. */
function grow(curve: readonly LossPoint[], point: LossPoint): LossPoint[] {
    const next = curve.length >= curveMax ? curve.filter((p, i) => i % 2 === 0 || !Number.isNaN(p.set)) : curve;
    return [...(next.length >= curveMax ? next.slice(-curveMax / 2) : next), point];
}

function onNetwork(n: Net, m: Network): Net {
    return {
        ...blank(n.node), flaws: n.flaws, cut: n.cut, sizes: m.sizes, activation: m.activation, data: m.data,
        points: m.points, labels: m.labels, weights: m.weights,
    };
}

/* What a view tells of the units: of each its sum, its output and its blame. */
function unitsOf(sizes: readonly number[], told: readonly number[], which: number): number[][] {
    let at = 0;
    return sizes.map((units, l) => {
        if (l === 0) return [];
        const values = Array.from({ length: units }, (_, i) => told[at + 3 * i + which] ?? 0);
        at += 3 * units;
        return values;
    });
}

function onView(n: Net, v: View): Net {
    if (!v.network) return n;
    const same = n.sizes.join() === v.network.sizes.join() && n.data === v.network.data;
    const base = same ? n : onNetwork(n, v.network);
    const under = v.phase !== 0 || v.layer > 1 || v.next > 0;
    const inputs = v.network.points.slice(2 * v.index, 2 * v.index + 2);
    return {
        ...base, weights: v.network.weights, gradient: v.gradient, step: Number(v.step), phase: v.phase, layer: v.layer,
        cut: v.cut, index: under ? v.index : base.index, label: under ? v.network.labels[v.index] ?? base.label : base.label,
        values: under && n.values.length === 0 ? put(unitsOf(v.network.sizes, v.values, 1), 0, inputs) : base.values,
    };
}

function onExample(n: Net, m: Example): Net {
    const first = m.place === 0;
    return {
        ...n, index: m.index, label: m.label, values: [m.inputs], blame: [], loss: NaN, product: undefined, phase: 0, layer: 1,
        step: Number(m.step), gradient: first && n.step !== Number(m.step) ? [] : n.gradient,
    };
}

/* A unit's value is known once its last product is in; until then its sum so far stands there. */
function onMultiply(n: Net, m: Multiply, event: number): Net {
    const product = { phase: m.phase, layer: m.layer, to: m.to - 1, from: m.from - 1, a: m.a, b: m.b, product: m.product, sum: m.sum, event };
    return { ...n, product, phase: m.phase, layer: m.layer, step: Number(m.step) };
}

function onLayer(n: Net, m: Layer): Net {
    const next = { ...n, phase: m.phase, layer: m.layer, step: Number(m.step) };
    if (m.phase === 0) return { ...next, values: put(n.values, m.layer, m.values) };
    if (m.phase === 3) return { ...next, blame: put(n.blame, m.layer, m.values) };
    return { ...next, blame: put(n.blame, m.layer, m.values), gradient: placed(n, m.layer, m.sums) };
}

function placed(n: Net, layer: number, sums: readonly number[]): number[] {
    if (sums.length === 0) return n.gradient;
    let at = 0;
    for (let l = 1; l < layer; l++) at += (n.sizes[l] ?? 0) * ((n.sizes[l - 1] ?? 0) + 1);
    const next = n.gradient.length === n.weights.length ? [...n.gradient] : n.weights.map(() => 0);
    sums.forEach((v, i) => (next[at + i] = v));
    return next;
}

function onStep(n: Net, m: Step, ns: number): Net {
    const step = Number(m.step);
    const stream = n.step < step; // its examples were not told
    return {
        ...n, step, phase: 4, untold: m.untold, product: undefined,
        weights: m.weights.length > 0 ? m.weights : n.weights,
        gradient: m.gradient.length > 0 ? m.gradient : n.gradient,
        values: stream ? [] : n.values, blame: stream ? [] : n.blame, index: stream ? -1 : n.index,
        health: m.layers.map(l => ({ gradient: l.gradient, saturated: l.saturated })),
        curve: grow(n.curve, { step, batch: m.loss, set: NaN, ns }),
    };
}

function onBatch(n: Net, m: Batch, ns: number): Net {
    const point = { step: Number(m.step), batch: m.loss, set: m.setLoss, ns };
    return { ...n, weights: m.weights, setLoss: m.setLoss, accuracy: m.setAccuracy, cut: m.cut, curve: grow(n.curve, point) };
}

function onMessage(n: Net, h: Happening): Net {
    const m = h.message;
    switch (m?.$typeName) {
        case 'backpropagation.Network':
            return onNetwork(n, m as Network);
        case 'backpropagation.View':
            return onView(n, m as View);
        case 'backpropagation.Example':
            return onExample(n, m as Example);
        case 'backpropagation.Multiply':
            return onMultiply(n, m as Multiply, h.ordinal);
        case 'backpropagation.Layer':
            return onLayer(n, m as Layer);
        case 'backpropagation.Loss':
            return { ...n, loss: (m as Loss).loss, phase: 1 };
        case 'backpropagation.Step':
            return onStep(n, m as Step, h.ns);
        case 'backpropagation.Batch':
            return onBatch(n, m as Batch, h.ns);
        case 'backpropagation.Nudge': {
            const p = m as Nudge;
            return { ...n, push: { layer: p.layer, to: p.to - 1, from: p.from - 1, slope: p.slope, gradient: p.gradient, event: h.ordinal } };
        }
        case 'backpropagation.Broken':
            return { ...n, broken: h.ordinal };
        default:
            return n;
    }
}

export function apply(s: Backpropagation, h: Happening): Backpropagation {
    const old = s.nets[h.node];
    if (h.body === 'trace' || h.body === 'view') {
        if (!h.message?.$typeName.startsWith('backpropagation.')) return s;
        const next = onMessage(old ?? blank(h.node), h);
        return { nets: { ...s.nets, [h.node]: { ...next, event: h.ordinal } } };
    }
    const body = h.event.body;
    if (body.case === 'start') {
        const instance = body.value.instances.find(i => i.protocol === 'backpropagation');
        if (!instance) return s;
        return { nets: { ...s.nets, [h.node]: { ...blank(h.node), flaws: instance.flaws, event: h.ordinal } } };
    }
    if (body.case === 'setting') {
        const cut = body.value.settings.find(p => p.key === 'cut');
        return cut && old ? { nets: { ...s.nets, [h.node]: { ...old, cut: Number(cut.value) || 0 } } } : s;
    }
    return s;
}

export const backpropagation: Reducer<Backpropagation> = {
    kinds: ['start', 'view', 'setting', 'backpropagation.Network', 'backpropagation.Example', 'backpropagation.Multiply',
        'backpropagation.Layer', 'backpropagation.Loss', 'backpropagation.Step', 'backpropagation.Batch',
        'backpropagation.Nudge', 'backpropagation.Broken'],
    initial,
    apply,
};
