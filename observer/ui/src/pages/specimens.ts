// What the sheet of marks shows: windows as an observer would tell them, made up for the eye, and made
// ready for the timeline's own drawing.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ReachSchema, WindowSchema } from '../wire/gen/session_pb';
import { Causes } from '../timeline/causes';
import type { Drawn } from '../timeline/draw/brush';
import { frameOf } from '../timeline/geometry';
import type { Level } from '../timeline/level';
import { chargesOf, cutBars, wordsAt } from '../timeline/operator';
import { sceneOf } from '../timeline/scene';
import { lives, tileOf } from '../timeline/tile';
import { fateDead, fateReceived } from '../wire/fates';

type Message = [name: string, from: number, to: number, sentMs: number, tookMs: number, fate?: number];
type Mark = [name: string, lane: number, ms: number, text?: string, spanMs?: number];
type State = [lane: number, ms: number, state: number];

export interface Specimen {
    lanes: number[];
    toMs: number;
    atMs?: number; // the needle; else out of sight
    level?: Level;
    messages?: Message[]; // message i is sent by event 2i + 1 and received by 2i + 2
    marks?: Mark[];
    states?: State[]; // none: all of them run
    held?: number; // the message that is still at its sender
    selected?: { event: number; reaches: MessageInitShape<typeof ReachSchema>[] };
    bare?: boolean; // no axis, no names
}

const ms = 1e6;
const underWay = 0;
const lost = 2;
const axis = 28; // px below the lanes

function windowOf(s: Specimen): MessageInitShape<typeof WindowSchema> {
    const { messages = [], marks = [] } = s;
    const states = s.states ?? s.lanes.filter(lane => lane > 0).map((lane): State => [lane, 0, lives.running]);
    const names = [...new Set([...messages, ...marks].map(m => m[0]))];
    const fate = messages.map(m => m[5] ?? fateReceived);
    return {
        fromNs: 0, toNs: s.toMs * ms, newestNs: s.toMs * ms, names,
        sentNs: messages.map(m => m[3] * ms), receivedNs: messages.map((m, i) => (fate[i] === fateReceived ? (m[3] + m[4]) * ms : 0)),
        from: messages.map(m => m[1]), to: messages.map(m => m[2]), name: messages.map(m => names.indexOf(m[0])), fate,
        sendEvent: messages.map((_, i) => 2 * i + 1), receiveEvent: messages.map((_, i) => 2 * i + 2),
        markName: marks.map(m => names.indexOf(m[0])), markLane: marks.map(m => m[1]), markNs: marks.map(m => m[2] * ms),
        markText: marks.map(m => m[3] ?? ''), markSpanNs: marks.map(m => (m[4] ?? 0) * ms), markEvent: marks.map((_, i) => 1000 + i),
        stateLane: states.map(x => x[0]), stateNs: states.map(x => x[1] * ms), state: states.map(x => x[2]),
    };
}

/** Everything that the timeline would know of it. */
export function drawnOf(s: Specimen, width: number, height: number): Drawn {
    const tile = tileOf(create(WindowSchema, windowOf(s)), s.lanes);
    const view = { from: -0.02 * s.toMs * ms, to: s.toMs * ms };
    const at = (s.atMs ?? s.toMs * 1.2) * ms;
    const scene = sceneOf([{ tile, from: 0, to: s.toMs * ms }], view, at);
    const charges = chargesOf(scene.spans);
    const frame = frameOf(false, { width, height: s.bare ? height + axis : height, charge: charges.length > 0 && !s.bare }, s.lanes);
    const sent = s.held === undefined ? [] : [`${2 * s.held + 1}>${s.messages?.[s.held]?.[2] ?? 0}`];
    return {
        frame: s.bare ? { ...frame, start: 4, length: width - 8 } : frame,
        view, width, height, at, live: false, level: s.level ?? 0, scene, charges: s.bare ? [] : charges, bars: cutBars(scene.marks), curves: [],
        selected: s.selected?.event ?? 0, hovered: 0, happened: scene.newest, forkedAt: NaN, found: new Set(), flawed: new Set(), roles: new Map(), held: new Set(sent),
        causes: s.selected ? new Causes(s.selected.event, s.selected.reaches.map(r => create(ReachSchema, r))) : undefined,
        names: new Map(s.lanes.map(lane => [lane, s.bare ? '' : lane === 0 ? 'you' : `n${lane}`])), words: s.bare ? new Map() : wordsAt(scene.spans, at),
    };
}

const lane = (states: [number, number][], marks: Mark[] = []): Specimen => ({ lanes: [1], toMs: 100, bare: true, states: states.map(([at, state]): State => [1, at, state]), marks });

export const processes: { life: string; title: string; text: string; specimen: Specimen }[] = [
    { life: 'running', title: 'Running', text: 'A thin ring, a thin lane.', specimen: lane([[0, lives.running]]) },
    { life: 'running', title: 'Trying', text: 'Broken and thick: it asks to lead, joins, is half open.', specimen: lane([[0, lives.running], [30, lives.trying]]) },
    { life: 'running', title: 'In charge', text: 'Heavy: leader, primary, coordinator, controller.', specimen: lane([[0, lives.running], [30, lives.charge]], [['move', 1, 30, 'candidate -> leader']]) },
    { life: 'paused', title: 'Paused', text: 'SIGSTOP: dotted between two bars and a triangle.', specimen: lane([[0, lives.running], [30, lives.paused], [75, lives.running]]) },
    { life: 'killed', title: 'Killed', text: 'A cross, a hatched gap, half a disc where it starts again.', specimen: lane([[0, lives.running], [30, lives.dead], [75, lives.running]], [['exit', 1, 30], ['start', 1, 75]]) },
    { life: 'starting', title: 'Starting', text: 'Combed while it reads its log back.', specimen: lane([[0, lives.dead], [25, lives.starting], [70, lives.running]], [['start', 1, 25]]) },
    { life: 'running', title: 'Timed out', text: 'An hourglass; the bracket is the silence that it ended.', specimen: lane([[0, lives.running]], [['timeout', 1, 75, '', 50]]) },
    { life: 'running', title: 'Links cut', text: 'Of links, never of a process: a bar on your own lane.', specimen: { ...lane([]), lanes: [0], marks: [['cut', 0, 25, 'cut n1/n2'], ['heal', 0, 78, 'heal']] } },
];

export const messageFates = ['sent', 'reply', 'refusal', 'lost', 'peer dead', 'under way', 'held'];
/** One of each: sent, answered, refused, lost, for a dead peer, under way, held. */
export function messagesOf(name: string): Specimen {
    const all: Message[] = [[name, 1, 2, 3, 8], [`${name}Reply`, 2, 1, 17, 8], [`${name}Refused`, 2, 1, 31, 8], [name, 1, 2, 46, 8, lost], [name, 1, 2, 60, 8, fateDead], [name, 1, 2, 74, 14, underWay], [name, 1, 2, 92, 4, underWay]];
    return { lanes: [1, 2], toMs: 100, atMs: 79, bare: true, messages: all, held: 6 };
}
export const messageKinds = [
    { name: 'Beat', title: 'Liveness', text: 'heartbeat, ping, probe', token: 'k-beat' }, { name: 'Get', title: 'Request', text: 'a client asks: put, get, fetch', token: 'k-request' },
    { name: 'Append', title: 'State', text: 'entries, pages, snapshots', token: 'k-data' }, { name: 'RequestVote', title: 'Vote', text: 'may I, will you: vote, prepare', token: 'k-vote' },
    { name: 'Commit', title: 'Decision', text: 'do it: commit, abort, assign', token: 'k-control' },
];

const onLane = (name: string, text = ''): Specimen => ({ lanes: [1], toMs: 10, bare: true, marks: [[name, 1, 5, text]] });
export const events: [string, Specimen][] = [
    ['appended', onLane('append')], ['durable', onLane('durable')], ['overwritten', onLane('truncate')], ['time-out', onLane('timeout')], ['took charge', onLane('move', 'candidate -> leader')],
    ['started', onLane('start')], ['killed', onLane('exit')], ['set or ordered', onLane('set')], ['check refuted', onLane('violation')], ['events missing', onLane('hole')],
];

/* The same traffic, ever more of it. */
function traffic(n: number, level: Level): Specimen {
    const kinds = ['Append', 'Beat', 'AppendReply', 'Beat', 'Append'];
    const messages = Array.from({ length: n }, (_, i): Message => {
        const from = 1 + (i % 3);
        const at = 96 * (i / n + 0.018 * Math.sin((38 * i) / n) + 0.009 * Math.sin((97 * i) / n)); // it comes in waves
        return [(at > 60 && at < 66 ? 'RequestVote' : kinds[Math.floor(i / 9) % 3 === 0 ? 1 : (i * 7) % 5]) ?? 'Beat', from, 1 + ((from + ((i * 5) % 2)) % 3), at, 3 + ((i * 13) % 7) / 3, i % 157 === 40 ? lost : fateReceived];
    });
    return { lanes: [1, 2, 3], toMs: 100, bare: true, level, messages, marks: [['exit', 2, 58], ['move', 3, 67, 'candidate -> leader']] };
}
export const levels: [string, string, Specimen][] = [
    ['At least 6 px a message', 'Every stroke, head, mark and label.', traffic(18, 0)], ['1 to 6 px', 'Strokes without heads; marks of rank 1 and 2.', traffic(130, 1)],
    ['Less than 1 px', 'Density on each lane, in the hue of what stands out.', traffic(3000, 2)], ['More than a million in view', 'An envelope by kind; rank 1 stays exact.', traffic(6000, 3)],
];

const reach = (node: number, past: [number, number], future: [number, number]): MessageInitShape<typeof ReachSchema> =>
    ({ node, boot: 1, pastFirst: past[0] ? 1n : 0n, pastLast: BigInt(past[0]), pastNs: past[1] * ms, futureFirst: BigInt(future[0]), futureLast: future[0] ? 99n : 0n, futureNs: future[1] * ms });
/** A small run on paper: a charge, a kill, a cut, and what the selected message led to. */
export const run: Specimen = {
    lanes: [0, 1, 2, 3], toMs: 300, atMs: 232,
    states: [[1, 0, lives.charge], [1, 120, lives.dead], [2, 0, lives.running], [2, 150, lives.trying], [2, 178, lives.charge], [3, 0, lives.running]],
    marks: [['cut', 0, 52, 'cut n1/n3'], ['kill', 0, 120, 'kill n1'], ['heal', 0, 205, 'heal'], ['exit', 1, 120], ['timeout', 2, 150, '', 96], ['move', 2, 178, 'candidate -> leader']],
    messages: [['Append', 1, 2, 30, 24], ['AppendReply', 2, 1, 60, 24], ['Append', 1, 3, 62, 24, lost], ['RequestVote', 2, 3, 152, 10], ['Vote', 3, 2, 164, 12], ['RequestVote', 2, 1, 152, 20, fateDead], ['Append', 2, 3, 186, 22], ['AppendReply', 3, 2, 216, 26], ['Get', 3, 2, 100, 22]],
    selected: { event: 8, reaches: [reach(1, [1, 30], [0, 0]), reach(2, [7, 152], [10, 176]), reach(3, [0, 0], [9, 164])] },
};
