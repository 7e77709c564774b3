// A span of a carried run, as the observer would tell it (observer/timeline/view_window.c): every
// message, or, where there are more than was asked for, their counts.
import { create } from '@bufbuild/protobuf';
import { isLost } from './fates';
import { WindowSchema, type Window, type WindowAsk } from './gen/session_pb';

const levels = 25;
const binUsual = 256e3; // ns, of the finest
const columnsABin = 2;
const beyondNs = 5e9;
const usual = 2000;
const marksOften = 1000;

function binNs(level: number): number {
    return binUsual * 2 ** level;
}

/** The finest level at which a span has at most so many bins. */
function levelFor(span: number, bins: number): number {
    let level = 0;
    while (level + 1 < levels && Math.floor(span / binNs(level)) >= bins) level++;
    return level;
}

function putMessages(whole: Window, w: Window): void {
    for (let i = 0; i < whole.sentNs.length; i++) {
        const sent = whole.sentNs[i] ?? 0;
        const received = whole.receivedNs[i] ?? 0;
        if (sent > w.toNs) break;
        if (sent < w.fromNs && received < w.fromNs) continue;
        w.sentNs.push(sent);
        w.receivedNs.push(received);
        for (const key of ['client', 'boundNs'] as const) if (whole[key].length > 0) w[key].push(whole[key][i] ?? 0);
        for (const key of ['from', 'to', 'name', 'fate', 'sendEvent', 'receiveEvent'] as const) w[key].push(whole[key][i] ?? 0);
    }
}

function putHoles(whole: Window, w: Window): void {
    whole.holeFromNs.forEach((from, i) => {
        if (from > w.toNs || (whole.holeToNs[i] ?? 0) < w.fromNs) return;
        for (const key of ['holeFromNs', 'holeToNs', 'holeLane', 'holeEvents', 'holeEvent'] as const) w[key].push(whole[key][i] ?? 0);
    });
}

/** Where only counts are told, what there is much of is thinned, at even distances. */
function putMarks(whole: Window, w: Window, thin: boolean): void {
    const often = (i: number): boolean => /\.|^(move|link|request|reply|append|durable)$/.test(whole.names[whole.markName[i] ?? 0] ?? '');
    const inside = whole.markNs.map((_, i) => i).filter(i => (whole.markNs[i] ?? 0) >= w.fromNs && (whole.markNs[i] ?? 0) <= w.toNs);
    const step = thin ? Math.floor(inside.filter(often).length / marksOften) + 1 : 1;
    let nth = 0;
    for (const i of inside) {
        if (often(i) && nth++ % step !== 0) {
            w.thinned++;
            continue;
        }
        w.markText.push(whole.markText[i] ?? '');
        for (const key of ['markNs', 'markLane', 'markName', 'markEvent', 'markSpanNs'] as const) w[key].push(whole[key][i] ?? 0);
    }
}

/** How each lane was when the span began, and what changed in it. */
function putStates(whole: Window, w: Window): void {
    const before = new Map<number, number>(); // by lane: which change was its last
    const later: number[] = [];
    whole.stateNs.forEach((ns, i) => {
        if (ns <= w.fromNs) before.set(whole.stateLane[i] ?? 0, i);
        else if (ns <= w.toNs) later.push(i);
    });
    const put = (ns: number, i: number): void => {
        w.stateNs.push(ns);
        w.stateLane.push(whole.stateLane[i] ?? 0);
        w.state.push(whole.state[i] ?? 0);
        w.stateTerm.push(whole.stateTerm[i] ?? 0);
    };
    for (const i of before.values()) put(w.fromNs, i);
    for (const i of later) put(whole.stateNs[i] ?? 0, i);
}

interface Bin {
    count: number;
    drops: number;
    took: number[];
}

class Bins {
    private readonly all = new Map<string, Bin & { ns: number; lane: number; name: number }>();

    constructor(private readonly length: number, private readonly from: number, private readonly to: number) {}

    at(ns: number, lane: number, name: number): Bin {
        const start = Math.floor(ns / this.length) * this.length;
        if (start + this.length <= this.from || start > this.to) return { count: 0, drops: 0, took: [] }; // of no bin that is told
        const key = `${start}.${lane}.${name}`;
        let bin = this.all.get(key);
        if (!bin) this.all.set(key, (bin = { ns: start, lane, name, count: 0, drops: 0, took: [] }));
        return bin;
    }

    put(w: Window): void {
        for (const bin of this.all.values()) {
            w.binNs.push(bin.ns);
            w.binLane.push(bin.lane);
            w.binName.push(bin.name);
            w.binCount.push(bin.count);
            w.binDrops.push(bin.drops);
            w.binTimed.push(bin.took.length);
            w.binLeastNs.push(bin.took.reduce((least, ns) => Math.min(least, ns), bin.took[0] ?? 0));
            w.binMostNs.push(bin.took.reduce((most, ns) => Math.max(most, ns), 0));
            w.binSumNs.push(bin.took.reduce((sum, ns) => sum + ns, 0));
        }
    }
}

function putBins(whole: Window, w: Window): void {
    const bins = new Bins(binNs(w.level - 1), w.fromNs, w.toNs);
    const receive = w.names.push('receive') - 1;
    let counted = -1; // a send to many is one event
    for (let i = 0; i < whole.sentNs.length; i++) {
        const [sent, received, send] = [whole.sentNs[i] ?? 0, whole.receivedNs[i] ?? 0, whole.sendEvent[i] ?? 0];
        const bin = bins.at(sent, whole.from[i] ?? 0, whole.name[i] ?? 0);
        if (send !== counted || send === 0) bin.count++;
        counted = send;
        if (isLost(whole.fate[i] ?? 0)) bin.drops++;
        if (received === 0 || whole.client[i]) continue; // of a client's only one end is seen
        const arrival = bins.at(received, whole.to[i] ?? 0, receive);
        arrival.count++;
        arrival.took.push(received - sent);
    }
    whole.markNs.forEach((ns, i) => {
        const lane = whole.markLane[i] ?? 0;
        if (lane > 0) bins.at(ns, lane, whole.markName[i] ?? 0).count++;
    });
    bins.put(w);
}

function bounded(ns: number, most: number): number {
    return ns > 0 ? Math.min(Math.floor(ns), most) : 0;
}

export function windowOf(whole: Window, ask: WindowAsk): Window {
    const fromNs = bounded(ask.fromNs, whole.newestNs + beyondNs);
    const toNs = Math.max(fromNs, bounded(ask.toNs, whole.newestNs + beyondNs));
    const messages = whole.sentNs.filter(ns => ns >= fromNs && ns <= toNs).length;
    const w = create(WindowSchema, { fromNs, toNs, messages, newestNs: whole.newestNs, names: [...whole.names], clockBoundNs: whole.clockBoundNs });
    const counts = ask.counts || messages > (ask.messages || usual);
    if (counts) {
        w.level = levelFor(toNs - fromNs, Math.max(16, ask.columns) / columnsABin) + 1;
        putBins(whole, w);
    } else {
        putMessages(whole, w);
    }
    putHoles(whole, w);
    putMarks(whole, w, counts);
    putStates(whole, w);
    return w;
}
