// What the page knows: the one store that everything shown is drawn from.
import { create } from '@bufbuild/protobuf';
import {
    LabDoSchema, OpenSchema, QuerySchema, WatchSchema, WindowAskSchema,
    type Entries, type Hailed, type Judgement, type LabDo, type Opened, type Protocol, type Reach, type Status, type Window,
} from '../wire/gen/session_pb';
import type { Lab, LabMoment, LabProgress, LabState, NotebookEntry } from '../wire/gen/lab_pb';
import type { RunInfo } from '../wire/gen/recording_pb';
import { Schemas } from '../wire/schemas';
import { Wire, type Answer, type Line, type Question, type Socket } from '../wire/socket';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Clock } from './clock';
import { learnLine } from './faults';
import { Lives, type Happening } from './happening';
import { judge, protocols } from './library';
import type { Glance } from './travel';

export interface Selected {
    happening: Happening;
    because: Happening | undefined;
    past: number;
    future: number;
    neither: number;
    bounded: boolean; // there may be more than was counted
    bound: number; // ns by which the clocks of a message's two ends may be off each other; 0: it does not matter
    reaches: Reach[];
}

export interface WindowWish {
    from: number;
    to: number;
    columns: number;
    messages: number; // more are only counted
    counts: boolean;
}

export interface Finding {
    found: Happening[];
    more: boolean;
}

const toastMs = 6000;
const toldWholeMax = 100_000; // events of a run that a page which joins it late is told from the beginning

export class Session {
    line = $state<Line>('connecting');
    why = $state('');
    version = $state('');
    runs = $state.raw<RunInfo[]>([]);
    labs = $state.raw<Lab[]>([]);
    labsKnown = $state(false);
    progress = $state.raw<LabProgress[]>([]);
    trouble = $state.raw<string[]>([]);
    notebook = $state.raw<NotebookEntry[]>([]);
    run = $state.raw<RunInfo | undefined>();
    lab = $state.raw<Lab | undefined>();
    labState = $state.raw<LabState | undefined>();
    status = $state.raw<Status | undefined>();
    whole = $state.raw<Window | undefined>(); // the whole run, for the overview
    selected = $state.raw<Selected | undefined>();
    opening = $state(false);
    failed = $state(''); // why a run could not be opened
    ended = $state(''); // why the run that is shown is over
    missed = $state(0);
    recorded = $state(false); // what is shown is a recording: nothing can be done to it
    judgement = $state.raw<Judgement | undefined>(); // of a recording, once it is found
    unjudged = $state(''); // why it is not
    story = $state.raw<LabMoment[]>([]); // of a recording: how its lab went
    settings = $state.raw<Record<string, string>>({}); // of nodes, links and disks, as commands made them
    protocols = $state.raw<Protocol[]>([]);
    flaws = $state.raw<ReadonlyMap<number, string[]>>(new Map()); // by node that has one on
    said = $state.raw<{ text: string; bad: boolean } | undefined>();
    readonly clock = new Clock();

    private schemas = new Schemas();
    private lives = new Lives(this.schemas);
    private readonly wire: Wire;
    private asking: ReturnType<typeof setInterval> | undefined;
    private waiting: { done: () => void; failed: (why: Error) => void }[] = [];
    private watching = 0;
    private kinds: string[] = [];
    private onHappening: (h: Happening) => void = () => undefined;
    private rejoining = false; // what is opened next is the run that is shown
    private generation = 0;
    /** The run that is shown was begun anew, on a fresh cluster. */
    onAgain: () => void = () => undefined;

    /** `carried`: the run came with the page, and there is no observer. */
    constructor(private readonly connect: () => Socket, private readonly token: string, readonly carried = false) {
        this.wire = new Wire({
            connect,
            token,
            run: () => this.run?.name ?? '',
            online: (line, why) => this.online(line, why),
            told: (answer, id) => this.told(answer, id),
            after: (ms, then) => void setTimeout(then, ms),
        });
    }

    start(): void {
        this.wire.start();
        if (!this.carried) this.asking = setInterval(() => this.askStatus(), 500);
    }

    stop(): void {
        clearInterval(this.asking);
        this.wire.stop();
    }

    /** The same observer once more, for another of its runs: not started yet. */
    another(): Session {
        return new Session(this.connect, this.token);
    }

    /** Resolves once questions are answered, and rejects where this page is not let in. */
    answered(): Promise<void> {
        if (this.line === 'open') return Promise.resolve();
        if (this.line === 'refused') return Promise.reject(new Error(this.why));
        return new Promise((done, failed) => this.waiting.push({ done, failed }));
    }

    private online(line: Line, why: string): void {
        this.line = line;
        this.why = why;
        if (line === 'open' || line === 'refused') {
            const waiting = this.waiting.splice(0);
            for (const w of waiting) {
                if (line === 'open') w.done();
                else w.failed(new Error(why));
            }
        }
        if (line !== 'open') return;
        void this.loadLabs();
        void protocols(q => this.ask(q)).then(all => (this.protocols = all), () => undefined);
        // Joined again: what was told meanwhile is asked for from where we were.
        if (this.run && this.kinds.length > 0) this.watch(this.kinds, this.clock.now(performance.now()), this.onHappening);
    }

    private told(answer: Answer, id: number): void {
        if (answer.case === 'hailed') this.hailed(answer.value);
        else if (answer.case === 'lab') this.labState = answer.value;
        else if (answer.case === 'opened') this.reopened(answer.value);
        else if (answer.case === 'status') this.took(answer.value);
        else if (answer.case === 'entries' && id === this.watching) this.entries(answer.value, this.onHappening);
        else if (answer.case === 'notebook') this.notebook = answer.value.entries;
        else if (answer.case === 'ended' && answer.value.run === this.run?.name) this.ended = answer.value.sentence || `The run ${answer.value.run} is over.`;
        else if (answer.case === 'refused') this.say(answer.value.sentence, true);
    }

    private hailed(hailed: Hailed): void {
        this.version = hailed.version;
        this.runs = hailed.runs;
        this.rejoining = hailed.joined;
        if (this.run && !hailed.joined) {
            this.failed = 'The observer started anew: the run that was shown has ended.';
            this.forget();
        }
    }

    private took(status: Status): void {
        this.status = status;
        const ms = performance.now();
        this.clock.setPace(status.pace, ms);
        this.clock.told(Number(status.nowNs), ms);
    }

    private entries(entries: Entries, each: (h: Happening) => void): void {
        this.missed += Number(entries.missed);
        this.unpack(entries, h => {
            this.learn(h);
            each(h);
        });
    }

    private unpack(entries: Entries, each: (h: Happening) => void): void {
        for (const set of entries.schemas) this.schemas.add(set);
        for (const start of entries.starts) this.noteFlaws(this.lives.open(start));
        for (const entry of entries.entries) {
            const h = this.lives.open(entry);
            this.noteFlaws(h);
            if (h) each(h);
        }
    }

    private noteFlaws(h: Happening | undefined): void {
        if (h?.body !== 'start' || h.event.body.case !== 'start') return;
        const flaws = h.event.body.value.instances.flatMap(i => i.flaws);
        if (flaws.length > 0) this.flaws = new Map([...this.flaws, [h.node, flaws]]);
    }

    /** Settings as they are where nothing was set, of all that runs. */
    get usual(): Record<string, string> {
        const here = new Set((this.run?.protocol ?? '').split('+'));
        return Object.fromEntries(this.protocols.filter(p => here.has(p.name)).flatMap(p => p.settings.map(s => [s.key, s.usual])));
    }

    /** It runs inside the observer: no process, and no links. */
    get module(): boolean {
        return this.protocols.some(p => p.module && p.name === this.run?.protocol);
    }

    private learn(h: Happening): void {
        if (h.body !== 'operator') return;
        const body = h.event.body;
        if (body.case === 'operator') {
            const names = this.status?.nodes.map(n => this.nameOf(n.node)) ?? [];
            this.settings = learnLine(this.settings, body.value.line, names);
        }
    }

    say(text: string, bad = false): void {
        const said = { text, bad };
        this.said = said;
        setTimeout(() => {
            if (this.said === said) this.said = undefined;
        }, toastMs);
    }

    private forget(): void {
        this.generation++;
        this.run = undefined;
        this.lab = undefined;
        this.labState = undefined;
        this.story = [];
        this.status = undefined;
        this.whole = undefined;
        this.selected = undefined;
        this.missed = 0;
        this.recorded = false;
        this.judgement = undefined;
        this.unjudged = '';
        this.settings = {};
        this.flaws = new Map();
        this.ended = '';
        this.watching = 0;
        this.kinds = [];
        this.clock.reset();
        this.schemas = new Schemas();
        this.lives = new Lives(this.schemas);
    }

    async loadLabs(): Promise<void> {
        try {
            const answer = await this.wire.ask({ case: 'labs', value: { $typeName: 'orrery.LabsAsk' } });
            if (answer.case !== 'labs') return;
            this.labs = answer.value.labs;
            this.progress = answer.value.progress;
            this.trouble = answer.value.trouble;
            this.labsKnown = true;
        } catch {
            // the line went; it is asked again when it is back
        }
    }

    async loadNotebook(): Promise<void> {
        try {
            const answer = await this.wire.ask({ case: 'notebook', value: { $typeName: 'orrery.NotebookAsk' } });
            if (answer.case === 'notebook') this.notebook = answer.value.entries;
        } catch {
            // as above
        }
    }

    /** What is no question of the run that is shown. */
    ask(question: Question): Promise<Answer> {
        return this.wire.ask(question);
    }

    async open(what: MessageInitShape<typeof OpenSchema>): Promise<boolean> {
        this.forget();
        this.failed = '';
        this.opening = true;
        const mine = this.generation;
        try {
            const answer = await this.wire.ask({ case: 'open', value: create(OpenSchema, what) });
            if (mine !== this.generation || answer.case !== 'opened') return false;
            this.adopt(answer.value);
            return true;
        } catch (error) {
            if (mine === this.generation) this.failed = error instanceof Error ? error.message : String(error);
            return false;
        } finally {
            if (mine === this.generation) this.opening = false;
        }
    }

    /* "Walk again": the observer ended the run and began another for whoever looks on. What is joined after a
     * broken connection is the same run, and goes on as it was. */
    private reopened(opened: Opened): void {
        const same = this.rejoining;
        this.rejoining = false;
        if (same) return;
        this.forget();
        this.adopt(opened);
        this.onAgain();
    }

    private adopt(opened: Opened): void {
        for (const set of opened.schemas) this.schemas.add(set);
        this.run = opened.run;
        this.lab = opened.lab;
        this.recorded = opened.recorded;
        this.story = opened.story;
        if (opened.recorded) this.askJudgement();
        this.askStatus();
    }

    private askJudgement(): void {
        const mine = this.generation;
        judge(q => this.ask(q)).then(
            found => { if (mine === this.generation) this.judgement = found; },
            (error: unknown) => { if (mine === this.generation) this.unjudged = error instanceof Error ? error.message : String(error); },
        );
    }

    leave(): void {
        if (!this.run) return;
        if (this.watching) this.wire.tell({ case: 'watch', value: create(WatchSchema, { off: true }) });
        this.forget();
    }

    /** From the beginning, unless so much has happened that only what is new should be told. */
    async whereToWatch(): Promise<number> {
        const status = await this.refresh();
        if (this.recorded) return Infinity;
        return Number(status?.newest ?? 0n) > toldWholeMax ? Number(status?.nowNs) : 0;
    }

    async refresh(): Promise<Status | undefined> {
        const answer = await this.wire.ask({ case: 'status', value: { $typeName: 'orrery.StatusAsk' } }).catch(() => undefined);
        if (answer?.case !== 'status') return undefined;
        this.took(answer.value);
        return answer.value;
    }

    watch(kinds: string[], fromNs: number, each: (h: Happening) => void): void {
        this.kinds = kinds;
        this.onHappening = each;
        this.watching = this.wire.tell({ case: 'watch', value: create(WatchSchema, { kinds, fromNs, perSecond: 2000 }) });
    }

    private askStatus(): void {
        if (this.line === 'open' && this.run) this.wire.tell({ case: 'status', value: { $typeName: 'orrery.StatusAsk' } });
    }

    /** A span of the timeline as it is to be drawn; nothing when the line or the run is gone. */
    async look(wish: WindowWish): Promise<Window | undefined> {
        if (this.line !== 'open' || !this.run) return undefined;
        const mine = this.generation;
        const value = create(WindowAskSchema, {
            fromNs: Math.max(0, wish.from), toNs: wish.to, columns: Math.max(1, Math.round(wish.columns)), messages: wish.messages, counts: wish.counts,
        });
        const answer = await this.wire.ask({ case: 'window', value }).catch(() => undefined);
        return mine === this.generation && answer?.case === 'window' ? answer.value : undefined;
    }

    async askWhole(toNs: number, columns: number): Promise<void> {
        const whole = await this.look({ from: 0, to: toNs, columns: columns * 2, messages: 1, counts: true });
        if (whole) this.whole = whole;
    }

    /** Entries in parts, to the last one. */
    private async gather(question: Question, mine: number): Promise<Finding> {
        const found: Happening[] = [];
        const last = await this.wire.askAll(question, answer => {
            if (mine !== this.generation || answer.case !== 'entries') return true;
            this.unpack(answer.value, h => found.push(h));
            return answer.value.last;
        });
        return { found, more: last.case === 'entries' && last.value.truncated };
    }

    /** What a stage needs for the state at an instant of the past; what is watched goes on meanwhile. */
    async glance(kinds: string[], glance: Glance): Promise<Happening[] | undefined> {
        const value = create(WatchSchema, { kinds, fromNs: Math.max(1, glance.at), toNs: Math.max(1, glance.to), fromEvent: glance.from });
        const mine = this.generation;
        const finding = await this.gather({ case: 'watch', value }, mine).catch(() => undefined);
        return mine === this.generation ? finding?.found : undefined;
    }

    /** Rejects with the observer's sentence where the pattern cannot be read. */
    find(what: { nodes: number[]; pattern: string; text: string }, limit: number): Promise<Finding> {
        return this.gather({ case: 'query', value: create(QuerySchema, { ...what, limit }) }, this.generation);
    }

    /** A command line without its `orrery`: "kill n3". */
    async act(line: string): Promise<void> {
        try {
            const answer = await this.wire.ask({ case: 'act', value: { $typeName: 'orrery.Act', line } });
            if (answer.case === 'done') this.say(answer.value.sentence || line);
            this.askStatus();
        } catch (error) {
            this.say(error instanceof Error ? error.message : String(error), true);
        }
    }

    labDo(verb: Exclude<LabDo['verb'], { case: undefined }>): void {
        if (this.recorded) return;
        this.wire.tell({ case: 'lab', value: create(LabDoSchema, { verb }) });
    }

    /** One event, without what led to it. */
    async peek(ordinal: number): Promise<Happening | undefined> {
        const mine = this.generation;
        const show = { $typeName: 'orrery.Show' as const, ordinal: BigInt(ordinal), causes: false };
        const answer = await this.wire.ask({ case: 'show', value: show }).catch(() => undefined);
        const found: Happening[] = [];
        if (mine === this.generation && answer?.case === 'entries') this.unpack(answer.value, h => found.push(h));
        return found[0];
    }

    /** The lab from its start; false where this observer wants it opened anew. */
    async again(): Promise<boolean> {
        try {
            await this.wire.ask({ case: 'lab', value: create(LabDoSchema, { verb: { case: 'again', value: true } }) });
            return true;
        } catch {
            return false;
        }
    }

    async select(ordinal: number): Promise<void> {
        if (!ordinal) {
            this.selected = undefined;
            return;
        }
        try {
            const show = { $typeName: 'orrery.Show' as const, ordinal: BigInt(ordinal), causes: true };
            const answer = await this.wire.ask({ case: 'show', value: show });
            if (answer.case !== 'entries') return;
            const found: Happening[] = [];
            this.unpack(answer.value, h => found.push(h));
            const happening = found.find(h => h.ordinal === ordinal);
            if (!happening) return;
            const because = happening.cause || happening.previous;
            this.selected = {
                happening,
                because: found.find(h => h.ordinal === because),
                past: Number(answer.value.past),
                future: Number(answer.value.future),
                neither: Math.max(0, Number(this.status?.newest ?? 0n) - 1 - Number(answer.value.past) - Number(answer.value.future)),
                bounded: answer.value.bounded,
                bound: answer.value.boundNs,
                reaches: answer.value.reaches,
            };
        } catch (error) {
            this.say(error instanceof Error ? error.message : String(error), true);
        }
    }

    describe(type: string): ReturnType<Schemas['find']> {
        return this.schemas.find(type);
    }

    /** You, and every node that is known. */
    get lanes(): number[] {
        const nodes = this.status?.nodes ?? [];
        return [0, ...(nodes.length > 0 ? nodes.map(n => n.node) : Array.from({ length: this.run?.nodes ?? 0 }, (_, i) => i + 1))];
    }

    /** Its group in the cluster; empty where all nodes are alike. */
    roleOf(node: number): string {
        return this.status?.nodes.find(n => n.node === node)?.group ?? '';
    }

    nameOf(node: number): string {
        if (node === 0) return 'you';
        return this.status?.nodes.find(n => n.node === node)?.name || `n${node}`;
    }
}
