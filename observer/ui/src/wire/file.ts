// The connection of a page that has its run with it: the same questions and answers as over the
// observer's socket, and nobody at the other end.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { AskSchema, EntriesSchema, TellSchema, type Ask, type Entries, type Query, type Show, type Watch } from './gen/session_pb';
import { readCarried, unpack, type Run } from './carried';
import { coneOf } from './cone';
import type { Socket } from './socket';
import { windowOf } from './window';

type Told = MessageInitShape<typeof TellSchema>['kind'];

const shuffledNs = 50e6; // causality may have moved events by about that
const causesShown = 40;
const queryMost = 100_000;
const clients = 65536; // their lane: see Query
const ofClients = new Set(['request', 'reply', 'disconnect']);
const closedPolicy = 1008; // as the observer says that one is not let in
export const noCluster = 'This file is a recording: to do that yourself, run the lab.';
const noPattern = 'A pattern is the observer’s to read: this file finds nodes, kinds and words. Patterns work in: orrery replay FILE --page';

export class FileSocket implements Socket {
    binaryType = 'arraybuffer';
    readyState = 0;
    onopen: Socket['onopen'] = null;
    onmessage: Socket['onmessage'] = null;
    onclose: Socket['onclose'] = null;
    onerror: Socket['onerror'] = null;
    private run: Run | undefined;
    private places = new Map<bigint, number>();
    private starts: number[] = [];

    constructor(text: string) {
        void unpack(text).then(bytes => this.begin(readCarried(bytes))).catch((error: unknown) => {
            this.onclose?.(new CloseEvent('close', { code: closedPolicy, reason: error instanceof Error ? error.message : String(error) }));
        });
    }

    private begin(run: Run): void {
        this.run = run;
        run.entries.forEach((e, i) => this.places.set(e.ordinal, i));
        this.starts = run.entries.map((_, i) => i).filter(i => this.kind(i) === 'start');
        this.readyState = 1;
        this.onopen?.(new Event('open'));
    }

    close(): void {
        this.readyState = 3;
    }

    send(bytes: Uint8Array<ArrayBuffer>): void {
        const ask = fromBinary(AskSchema, bytes);
        setTimeout(() => {
            if (this.run && this.readyState === 1) this.answer(this.run, ask);
        });
    }

    private tell(id: bigint, kind: Told): void {
        const bytes = toBinary(TellSchema, create(TellSchema, { id, kind }));
        this.onmessage?.(new MessageEvent('message', { data: bytes.buffer }));
    }

    private answer(run: Run, ask: Ask): void {
        const q = ask.kind;
        if (q.case === 'hail') this.tell(ask.id, { case: 'hailed', value: { version: run.version, runs: run.opened.run ? [run.opened.run] : [] } });
        else if (q.case === 'labs') this.tell(ask.id, { case: 'labs', value: { labs: run.opened.lab ? [run.opened.lab] : [] } });
        else if (q.case === 'open') this.tell(ask.id, { case: 'opened', value: run.opened });
        else if (q.case === 'status') this.tell(ask.id, { case: 'status', value: run.status });
        else if (q.case === 'window') this.tell(ask.id, { case: 'window', value: windowOf(run.whole, q.value) });
        else if (q.case === 'watch') this.watch(run, ask.id, q.value);
        else if (q.case === 'query') this.query(run, ask.id, q.value);
        else if (q.case === 'show') this.show(run, ask.id, q.value);
        else if (q.case === 'judge' && run.judgement) this.tell(ask.id, { case: 'judgement', value: run.judgement });
        else if (q.case === 'notebook') this.tell(ask.id, { case: 'notebook', value: {} });
        else this.refuse(ask.id, noCluster);
    }

    private refuse(id: bigint, sentence: string): void {
        this.tell(id, { case: 'refused', value: { sentence } });
    }

    private kind(i: number): string {
        return this.run?.kinds[this.run.entryKind[i] ?? 0] ?? '';
    }

    private entries(run: Run, id: bigint, places: readonly number[], more: Pick<Partial<Entries>, 'boundNs' | 'past' | 'future' | 'reaches' | 'truncated'> = {}): void {
        const at = (i: number): Run['entries'] => { const e = run.entries[i]; return e ? [e] : []; };
        const value = create(EntriesSchema, { ...more, entries: places.flatMap(at), starts: this.starts.flatMap(at), last: true });
        this.tell(id, { case: 'entries', value });
    }

    /** Always from the first entry, or behind the one that is named: the page folds them to the same state. */
    private watch(run: Run, id: bigint, watch: Watch): void {
        if (watch.off) return;
        const all = new Set(watch.kinds);
        const traces = all.has('trace');
        const to = watch.toNs > 0 ? watch.toNs + shuffledNs : Infinity;
        const places: number[] = [];
        run.entries.forEach((e, i) => {
            const kind = this.kind(i);
            const told = all.size === 0 || all.has(kind) || (traces && kind.includes('.'));
            if (told && Number(e.ordinal) > watch.fromEvent && (run.entryNs[i] ?? 0) <= to) places.push(i);
        });
        this.entries(run, id, places);
    }

    private query(run: Run, id: bigint, query: Query): void {
        const ofKind = this.run?.kinds.includes(query.pattern) ? query.pattern : '';
        if (query.pattern !== ofKind) return this.refuse(id, noPattern);
        const words = query.text.toLowerCase();
        const nodes = new Set(query.nodes);
        const found = run.entries.map((_, i) => i).filter(i =>
            (ofKind === '' || this.kind(i) === ofKind) && (nodes.size === 0 || nodes.has(run.entries[i]?.node ?? -1) || (nodes.has(clients) && ofClients.has(this.kind(i)))) && (run.entryText[i] ?? '').toLowerCase().includes(words));
        const most = Math.min(query.limit || queryMost, queryMost);
        this.entries(run, id, found.slice(0, most), { truncated: found.length > most });
    }

    private show(run: Run, id: bigint, show: Show): void {
        const at = this.places.get(show.ordinal);
        if (at === undefined) return this.refuse(id, `There is no e${show.ordinal} in this file: it has e${run.entries[0]?.ordinal ?? 0n} to e${run.status.newest}.`);
        const boundNs = run.whole.boundNs[run.whole.receiveEvent.indexOf(Number(show.ordinal))] ?? 0;
        if (!show.causes) return this.entries(run, id, [at], { boundNs });
        const cone = coneOf(run.entries, run.entryNs, ordinal => this.places.get(ordinal), at);
        this.entries(run, id, [at, ...cone.past.slice(0, causesShown)], {
            boundNs, past: BigInt(cone.past.length), future: BigInt(cone.future), reaches: cone.reaches, truncated: cone.past.length > causesShown,
        });
    }
}

