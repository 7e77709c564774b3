// A stand-in for an observer, for looking at the page without one: it tells a recorded run's real
// entries at the pace at which they happened. What has to do with real processes is tried against
// the real observer (walk.test.ts).
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { WebSocketRoute } from 'playwright-core';
import {
    AskSchema, EntriesSchema, StatusSchema, TellSchema, WindowSchema, type Ask, type Tell, type WatchSchema,
} from '../src/wire/gen/session_pb';
import {
    AnswerState, BeatPhase, CheckResult, LabSchema, LabStateSchema, type Lab, type LabState,
} from '../src/wire/gen/lab_pb';
import { EventSchema, type Event } from '../src/wire/gen/event_pb';
import { RunInfoSchema, type Entry } from '../src/wire/gen/recording_pb';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { tells } from '../tests/recorded';

interface Told {
    entry: Entry;
    event: Event;
    ns: number;
}

const token = 'fake-token';

export const labs: Record<string, Lab> = {
    heartbeat: create(LabSchema, {
        name: 'heartbeat', title: 'Heartbeat & Failure Detection', group: 'distributed-systems', seconds: 100, stage: 'heartbeat',
        promise: 'How systems detect node failures using periodic heartbeats and timeouts.',
        card: 'Tell dead from slow by silence alone.', question: 'Is it dead, slow, or out of reach?',
        groups: [{ name: 'watchers', protocol: 'heartbeat', count: 4 }],
        beats: [
            { title: 'A process says: I am here', seconds: 12 }, { title: 'Silence has two causes', seconds: 12 },
            { title: 'A fixed time-out', seconds: 14 }, { title: 'φ: how surprising is this silence?', seconds: 16 },
            { title: 'Pause n2: alive, but suspected', seconds: 16 }, { title: 'Kill n3: how long until it shows?', seconds: 16 },
            { title: 'Fast or sure: pick', seconds: 14 },
        ],
        exercises: [{
            name: 'race', ask: 'n3 is killed next. Which detector of n1 suspects it first?',
            choices: ['The fixed time-out', 'φ accrual', 'They all notice at once'], do: ['kill n3'], afterBeat: 5,
        }],
        controls: [
            { kind: 'kill' }, { kind: 'pause' }, { kind: 'cut' },
            { kind: 'setting', title: 'φ limit', setting: 'phi', min: 1, max: 12, step: 1 },
            { kind: 'link', title: 'Loss', setting: 'loss', min: 0, max: 50, step: 5, unit: '%' }, { kind: 'pace', title: 'Pace' },
        ],
    }),
    wal: create(LabSchema, {
        name: 'wal', title: 'Write-Ahead Log', group: 'system-design', seconds: 100, stage: 'wal',
        promise: 'How databases ensure durability and crash recovery.', card: 'Kill the process between the log and the page.',
        question: 'What is left after the power goes?', groups: [{ name: 'store', protocol: 'kv', count: 2 }],
        beats: [{ title: 'First the log, then the page', seconds: 20 }, { title: 'Kill, and cut the power', seconds: 20 }, { title: 'Replay', seconds: 20 }],
        controls: [{ kind: 'kill' }, { kind: 'power' }, { kind: 'disk', title: 'Slow disk', setting: 'slow', min: 0, max: 500, step: 50, unit: 'ms' }],
    }),
};

export class Fake {
    private readonly all: Told[];
    private readonly schemas: Uint8Array[];
    private began = Date.now();
    private watch: { id: bigint; sent: number } | undefined;
    private readonly events = new Map<string, Told>();
    readonly state: LabState;
    private openAsk = 0n;
    private runs = 0;
    private timer: NodeJS.Timeout | undefined;
    private socket: WebSocketRoute | undefined;
    names: Record<number, string> = {}; // instead of n1, n2
    failing: Record<number, string> = {}; // nodes that did not start, with their last words
    labs: Lab[] = Object.values(labs);
    labVerbs: string[] = []; // that were asked for

    constructor(private readonly name: 'heartbeat' | 'wal', private readonly from: number) {
        const told = tells(`${name}.tells.gz`);
        this.all = told.flatMap(t => (t.kind.case === 'entries' ? t.kind.value.entries : [])).map(entry => {
            const event = fromBinary(EventSchema, entry.event);
            return { entry, event, ns: Number(event.monoNs) };
        });
        this.schemas = told.flatMap(t => (t.kind.case === 'entries' ? t.kind.value.schemas : []));
        for (const t of this.all) this.events.set(`${t.entry.node}.${t.entry.boot}.${t.event.seq}`, t);
        const lab = labs[name];
        this.state = create(LabStateSchema, {
            lab: name, beat: name === 'heartbeat' ? 6 : 2, phase: BeatPhase.BEAT_PLAYING,
            caption: [
                { text: 'n3 is gone, but nothing says so. Only its ' }, { text: 'silence', event: 40n },
                { text: ' grows, and with every millisecond that silence is harder to believe. ' },
                { text: 'At φ = 8 the watcher stops believing.', strong: true },
            ],
            beats: lab?.beats.map((_, i) => ({ done: i < 5 })) ?? [],
            exercises: lab?.exercises.map(() => ({ state: AnswerState.ANSWER_OPEN, mine: -1, measured: -1 })) ?? [],
            checks: [
                { text: 'A killed process was suspected', result: CheckResult.CHECK_PROVEN, events: [60n, 90n], sentence: '149 ms apart' },
                { text: 'Every crashed node is suspected by every live one', result: CheckResult.CHECK_OPEN },
                { text: 'Make two nodes suspect each other while both live', result: CheckResult.CHECK_OPEN, goal: true },
            ],
        });
    }

    private now(): number {
        return this.from * 1e9 + (Date.now() - this.began) * 1e6;
    }

    serve(socket: WebSocketRoute): void {
        const say = (id: bigint, kind: MessageInitShape<typeof TellSchema>['kind']): void =>
            socket.send(Buffer.from(toBinary(TellSchema, create(TellSchema, { id, kind }))));
        socket.onMessage(data => this.answer(fromBinary(AskSchema, new Uint8Array(data as Buffer)), say));
        this.timer = setInterval(() => this.follow(say), 50);
        socket.onClose(() => clearInterval(this.timer));
        this.socket = socket;
    }

    /** The observer goes away; the page will come back to it. */
    drop(): void {
        clearInterval(this.timer);
        this.watch = undefined;
        void this.socket?.close();
    }

    private follow(say: (id: bigint, kind: Tell['kind']) => void): void {
        if (!this.watch) return;
        const due = this.all.filter((t, i) => i >= (this.watch?.sent ?? 0) && t.ns <= this.now());
        if (due.length === 0) return;
        this.watch.sent += due.length;
        say(this.watch.id, { case: 'entries', value: create(EntriesSchema, { entries: due.map(t => t.entry) }) });
    }

    private run(): MessageInitShape<typeof RunInfoSchema> {
        return { name: this.runs > 0 ? `calm-otter-${this.runs}` : 'calm-otter', protocol: this.name === 'wal' ? 'kv' : 'heartbeat', nodes: this.name === 'wal' ? 2 : 4, seed: 11n };
    }

    private answer(ask: Ask, say: (id: bigint, kind: MessageInitShape<typeof TellSchema>['kind']) => void): void {
        const kind = ask.kind;
        switch (kind.case) {
            case 'hail':
                if (kind.value.token !== token) say(ask.id, { case: 'refused', value: { sentence: 'That token is not of this observer.' } });
                else {
                    say(ask.id, { case: 'hailed', value: { version: '0.1.0', joined: kind.value.run !== '' } });
                    if (kind.value.run !== '') say(ask.id, { case: 'opened', value: { run: this.run(), schemas: this.schemas, lab: labs[this.name]! } });
                }
                break;
            case 'labs':
                say(ask.id, { case: 'labs', value: { labs: this.labs, progress: [{ lab: 'heartbeat', beat: 6, proven: 2, exercises: 1 }] } });
                break;
            case 'open':
                this.began = Date.now();
                this.openAsk = ask.id;
                say(ask.id, { case: 'opened', value: { run: this.run(), schemas: this.schemas, ...(kind.value.lab ? { lab: labs[kind.value.lab] } : {}) } });
                if (kind.value.lab) say(ask.id, { case: 'lab', value: this.state });
                break;
            case 'watch':
                this.watch = { id: ask.id, sent: 0 };
                this.follow(say);
                break;
            case 'status': say(ask.id, { case: 'status', value: this.status() }); break;
            case 'window': say(ask.id, { case: 'window', value: this.window(kind.value.fromNs, kind.value.toNs) }); break;
            case 'show': {
                const found = this.all.find(t => t.entry.ordinal === kind.value.ordinal);
                const because = this.all.find(t => t.entry.ordinal === (found?.entry.cause || found?.entry.previous));
                say(ask.id, { case: 'entries', value: { entries: [because, found].flatMap(t => (t ? [t.entry] : [])), past: 12n, future: 30n, last: true } });
                break;
            }
            case 'lab':
                this.labVerbs.push(kind.value.verb.case ?? '');
                // Walk again: another run for whoever looks on, told by the number of its Open.
                if (kind.value.verb.case === 'again') {
                    this.runs++;
                    this.began = Date.now();
                    this.watch = undefined;
                    say(ask.id, { case: 'done', value: { sentence: '' } });
                    say(this.openAsk, { case: 'opened', value: { run: this.run(), schemas: this.schemas, lab: labs[this.name]! } });
                    say(this.openAsk, { case: 'lab', value: { ...this.state, beat: 1, phase: BeatPhase.BEAT_PLAYING } });
                }
                if (kind.value.verb.case === 'answer') {
                    const mine = kind.value.verb.value.choice;
                    this.state.exercises[0] = { ...this.state.exercises[0]!, state: AnswerState.ANSWER_LOCKED, mine, lockedAt: 1800n };
                    say(0n, { case: 'lab', value: this.state });
                    this.state.exercises[0] = {
                        ...this.state.exercises[0]!, state: AnswerState.ANSWER_MEASURED, measured: 1, measuredNumber: 1,
                        text: [{ $typeName: 'orrery.Part', text: 'φ accrual suspected it first, ', event: 0n, node: 0, strong: false }, { $typeName: 'orrery.Part', text: '212 ms after the kill', event: 60n, node: 0, strong: false }], events: [60n, 90n],
                    };
                    setTimeout(() => say(0n, { case: 'lab', value: this.state }), 700);
                }
                break;
            case 'notebook':
                say(ask.id, { case: 'notebook', value: { entries: [{ lab: 'heartbeat', exercise: 'race', ask: 'Which detector suspects n3 first?', mine: 'The fixed time-out', measured: 'φ accrual', met: false, wallNs: 1750000000000000000n, run: 'calm-otter', events: [60n, 90n] }] } });
                break;
            default: say(ask.id, { case: 'done', value: { sentence: kind.case === 'act' ? `Done: ${kind.value.line}` : 'Done' } });
        }
    }

    private status(): MessageInitShape<typeof StatusSchema> {
        const n = this.run().nodes ?? 0;
        const states = new Map<number, string>();
        for (const t of this.all) {
            if (t.ns > this.now()) break;
            const body = t.event.body;
            if (body.case === 'start') states.set(t.entry.node, 'running');
            if (body.case === 'exit') states.set(body.value.node, 'killed');
            if (body.case === 'operator' && body.value.line.startsWith('pause')) for (const k of body.value.nodes) states.set(k, 'paused');
            if (body.case === 'operator' && body.value.line.startsWith('resume')) for (const k of body.value.nodes) states.set(k, 'running');
        }
        return {
            run: this.run(), pace: 1, nowNs: BigInt(Math.round(this.now())),
            nodes: Array.from({ length: n }, (_, i) => ({ node: i + 1, name: this.names[i + 1] ?? `n${i + 1}`, pid: 4000 + i, boot: 1,
                state: this.failing[i + 1] ? 'failed' : states.get(i + 1) ?? 'starting', words: this.failing[i + 1] ?? '', clientPort: 41000, udpPort: 42000, events: 400n, beliefs: ['trusted by n1,n4'] })),
        };
    }

    private window(from: number, to: number): MessageInitShape<typeof WindowSchema> {
        const names: string[] = [];
        const nameOf = (name: string): number => (names.includes(name) ? names.indexOf(name) : names.push(name) - 1);
        const w = create(WindowSchema, { fromNs: from, toNs: to, newestNs: this.now() });
        const received = new Map<string, Told>();
        const dropped = new Map<string, Told>();
        for (const t of this.all) {
            const b = t.event.body;
            if (t.ns > this.now()) break;
            if (b.case === 'receive') received.set(`${b.value.from}.${b.value.boot}.${b.value.event}.${t.entry.node}`, t);
            if (b.case === 'drop') dropped.set(`${b.value.from}.${b.value.boot}.${b.value.event}.${b.value.to}`, t);
        }
        const dead = new Set<number>();
        for (const t of this.all) {
            const b = t.event.body;
            if (t.ns > this.now()) break;
            if (b.case === 'exit') dead.add(b.value.node);
            if (b.case === 'start') dead.delete(t.entry.node);
            this.stateOf(w, t);
            if (t.ns < from - 1e9 || t.ns > to) continue;
            if (b.case === 'send')
                for (const peer of b.value.to) {
                    const key = `${t.entry.node}.${t.entry.boot}.${t.event.seq}.${peer}`;
                    const r = received.get(key);
                    w.sentNs.push(t.ns);
                    w.receivedNs.push(r?.ns ?? 0);
                    w.from.push(t.entry.node);
                    w.to.push(peer);
                    w.name.push(nameOf('Beat'));
                    w.fate.push(r ? 1 : dropped.has(key) ? 3 : dead.has(peer) ? 100 : 0);
                    w.sendEvent.push(Number(t.entry.ordinal));
                    w.receiveEvent.push(Number(r?.entry.ordinal ?? 0n));
                }
            const mark = b.case === 'operator' ? (b.value.line.split(' ')[0] ?? '') : b.case === 'exit' ? 'exit' : b.case === 'start' ? 'start' : b.case === 'append' || b.case === 'durable' || b.case === 'move' ? b.case : '';
            if (!mark) continue;
            w.markNs.push(t.ns);
            w.markLane.push(b.case === 'exit' ? b.value.node : t.entry.node);
            w.markName.push(nameOf(mark));
            w.markEvent.push(Number(t.entry.ordinal));
            w.markText.push(b.case === 'operator' ? b.value.line : '');
        }
        w.names = names;
        return w;
    }

    private stateOf(w: { stateNs: number[]; stateLane: number[]; state: number[] }, t: Told): void {
        const b = t.event.body;
        const push = (lane: number, state: number): void => {
            w.stateNs.push(t.ns);
            w.stateLane.push(lane);
            w.state.push(state);
        };
        if (b.case === 'start') push(t.entry.node, 1);
        if (b.case === 'exit') push(b.value.node, 3);
        if (b.case === 'operator' && b.value.line.startsWith('pause')) b.value.nodes.forEach(n => push(n, 2));
        if (b.case === 'operator' && b.value.line.startsWith('resume')) b.value.nodes.forEach(n => push(n, 1));
    }
}

export type WatchInit = MessageInitShape<typeof WatchSchema>;
