// The stage of the write-ahead log as a fold over events: the log's records with their bytes and how
// far they are written and synced, what a kill or a power cut did to them, recovery's replay over
// them, and the pages that lag behind.
import { fromBinary } from '@bufbuild/protobuf';
import { ChangeSchema, CheckpointEndSchema, PageSchema, type Checkpoint, type NodeView, type PageFlush, type RecoveryDone } from '../wire/gen/kv_pb';
import type { Happening } from '../model/happening';
import type { Reducer } from '../model/fold';
import { encodeRecord } from './record';

export type Fate =
    | 'appended' // emitted by the step, on its way to the kernel
    | 'written' // in the kernel: a kill does not lose it, a power cut may
    | 'durable' // synced
    | 'doubtful' // not synced when the power went: recovery will tell
    | 'lost'; // not there when the log was read again

export interface LogRecord {
    lsn: number;
    type: number;
    offset: number;
    segment: number;
    size: number;
    bytes: Uint8Array | undefined; // unknown where the body was not told
    words: string; // what it changes
    fate: Fate;
    replayed: boolean; // in this life
    acked: boolean; // its client has its answer
    event: number;
}

export interface PageState {
    number: number;
    lsn: number; // newest record that it contains
    image: number; // lsn in the log of pages; 0 never written
    disk: number; // newest record that its image contains; 0 where that was not told
    dirty: boolean;
    keys: number;
    bytes: number;
    entries: string[];
    event: number;
}

export interface Death {
    how: 'kill' | 'power' | 'stop';
    lostBytes: number;
    unsynced: number; // bytes of records that were written and not synced
    at: number;
    event: number;
    lastAcked: number; // newest lsn that some client was told of
}

export interface Replay {
    at: number; // lsn
    replayed: number;
    skipped: number;
    done: boolean;
    cut: number; // lsn of the first record that was not there again; 0 none
    event: number;
}

export interface Store {
    node: number;
    boot: number;
    life: 'starting' | 'running' | 'paused' | 'dead';
    log: number; // index of "wal" among the instance's logs
    records: LogRecord[]; // by lsn, the newest of them
    written: number;
    durable: number;
    replayFrom: number;
    keys: number;
    pages: PageState[];
    death: Death | undefined;
    replay: Replay | undefined;
    gone: LogRecord[]; // what the last death took and recovery did not meet again
    acked: number;
    syncNs: number; // how long the last sync took
    slow: string; // fault of the disk, in words
    flaws: string[];
    sync: string;
}

export interface Wal {
    stores: Record<number, Store>;
}

const recordsMax = 400;
const text = new TextDecoder('utf-8', { fatal: false });

function fresh(node: number): Store {
    return {
        node, boot: 0, life: 'starting', log: 0, records: [], written: 0, durable: 0, replayFrom: 0, keys: 0,
        pages: [], death: undefined, replay: undefined, gone: [], acked: 0, syncNs: 0, slow: '', flaws: [], sync: '',
    };
}

function clean(bytes: Uint8Array): string {
    const s = text.decode(bytes.subarray(0, 24)).replace(/[^\x20-\x7e]/g, '·');
    return bytes.length > 24 ? `${s}…` : s;
}

/** "key1 = value", "key1 gone", "checkpoint: replay from 9" */
export function wordsOf(type: number, body: Uint8Array): string {
    try {
        if (type === 2) return `checkpoint: replay from ${fromBinary(CheckpointEndSchema, body).replayFrom}`;
        const writes = fromBinary(ChangeSchema, body).writes;
        const words = writes.slice(0, 3).map(w =>
            w.everything ? 'every key gone' : w.deleted ? `${clean(w.key)} gone` : `${clean(w.key)} = ${clean(w.value)}`,
        );
        return words.join(', ') + (writes.length > 3 ? ` and ${writes.length - 3} more` : '');
    } catch {
        return 'not readable';
    }
}

function put(s: Wal, store: Store): Wal {
    return { stores: { ...s.stores, [store.node]: store } };
}

function mark(records: LogRecord[], change: (r: LogRecord) => LogRecord): LogRecord[] {
    return records.map(change);
}

function onAppend(st: Store, h: Happening): Store {
    if (h.event.body.case !== 'append') return st;
    const a = h.event.body.value;
    if (a.log !== st.log) return st;
    const lsn = Number(a.lsn);
    const told = a.size === a.body.length + 21;
    const record: LogRecord = {
        lsn, type: a.type, offset: Number(a.offset), segment: Number(a.segment), size: a.size,
        bytes: told ? encodeRecord(lsn, syncedKnown(st), a.type, a.body) : undefined,
        words: told ? wordsOf(a.type, a.body) : '',
        fate: 'appended', replayed: false, acked: false, event: h.ordinal,
    };
    return { ...st, records: [...st.records.filter(r => r.lsn < lsn), record].slice(-recordsMax) };
}

/* With `never`, durable is what replies need not wait for, and nothing is known to be synced. */
function syncedKnown(st: Store): number {
    return st.sync === 'never' ? 0 : st.durable;
}

function onReach(st: Store, h: Happening): Store {
    const body = h.event.body;
    if (body.case !== 'written' && body.case !== 'durable') return st;
    if (body.value.log !== st.log) return st;
    const lsn = Number(body.value.lsn);
    const synced = body.case === 'durable' && st.sync !== 'never';
    const records = mark(st.records, r => {
        if (r.lsn > lsn || r.fate === 'lost' || r.fate === 'durable') return r;
        // Told late: the power is gone already, and with it perhaps these bytes.
        if (!synced && st.life === 'dead' && st.death?.how === 'power') return { ...r, fate: 'doubtful' };
        return { ...r, fate: synced ? 'durable' : 'written' };
    });
    const next = { ...st, records, written: Math.max(st.written, lsn) };
    if (body.case === 'durable') return { ...next, durable: lsn, syncNs: Number(body.value.syncNs) };
    return next;
}

function onReply(st: Store): Store {
    // Replies leave in order, after their records: all that is durable (or with a flaw, appended) is answered.
    const early = st.sync === 'never' || st.flaws.some(f => f.replaceAll('_', '-').toLowerCase() === 'ack-before-sync');
    const upto = early ? (st.records[st.records.length - 1]?.lsn ?? 0) : st.durable;
    if (upto <= st.acked) return st;
    return { ...st, acked: upto, records: mark(st.records, r => (r.lsn <= upto && !r.acked ? { ...r, acked: true } : r)) };
}

function onExit(st: Store, h: Happening): Store {
    if (h.event.body.case !== 'exit') return st;
    const { signal, lostBytes, boot } = h.event.body.value;
    if (boot < st.boot) return st;
    const power = lostBytes > 0n || st.death?.how === 'power';
    const how = power ? 'power' : signal === 9 ? 'kill' : 'stop';
    const unsynced = st.records.filter(r => r.fate === 'written' || r.fate === 'appended').reduce((sum, r) => sum + r.size, 0);
    const records = mark(st.records, r => {
        if (r.fate === 'appended') return { ...r, fate: 'doubtful' };
        return power && r.fate === 'written' ? { ...r, fate: 'doubtful' } : r;
    });
    const death: Death = { how, lostBytes: Number(lostBytes), unsynced, at: h.ns, event: h.ordinal, lastAcked: st.acked };
    return { ...st, life: 'dead', records, death, replay: undefined, gone: [] };
}

function onStart(s: Wal, h: Happening): Wal {
    if (h.event.body.case !== 'start') return s;
    const instance = h.event.body.value.instances.find(i => i.protocol === 'kv');
    if (!instance) return s;
    const old = s.stores[h.node] ?? fresh(h.node);
    const settings = new Map(instance.settings.map(kv => [kv.key, kv.value]));
    return put(s, {
        ...old,
        boot: h.boot,
        life: 'starting',
        log: Math.max(0, instance.logs.indexOf('wal')),
        flaws: instance.flaws,
        sync: (settings.get('sync') ?? 'group').toLowerCase(),
        replay: h.boot > 1 ? { at: 0, replayed: 0, skipped: 0, done: false, cut: 0, event: h.ordinal } : undefined,
        records: mark(old.records, r => (r.replayed ? { ...r, replayed: false } : r)),
        written: 0, durable: 0, pages: h.boot > 1 ? mark2(old.pages) : [],
    });
}

/* Of a page only its image on disk outlives the process. */
function mark2(pages: PageState[]): PageState[] {
    return pages.map(p => ({ ...p, dirty: false, entries: [], keys: 0, bytes: 0 }));
}

function onRecovered(st: Store, h: Happening): Store {
    if (h.event.body.case !== 'recovered') return st;
    const r = h.event.body.value;
    const replay = st.replay ?? { at: 0, replayed: 0, skipped: 0, done: false, cut: 0, event: h.ordinal };
    if (r.last) return closeReplay({ ...st, replay });
    if (r.snapshot) return st;
    if (r.log !== st.log) return { ...st, pages: pageRead(st.pages, Number(r.lsn), r.body, h.ordinal) };
    const lsn = Number(r.lsn);
    const known = st.records.find(one => one.lsn === lsn);
    const record: LogRecord = known
        ? { ...known, fate: 'durable', replayed: true, event: h.ordinal }
        : {
            lsn, type: r.type, offset: Number(r.offset), segment: Number(r.segment), size: r.size,
            bytes: undefined, words: wordsOf(r.type, r.body), fate: 'durable', replayed: true, acked: true, event: h.ordinal,
        };
    const records = known ? st.records.map(one => (one.lsn === lsn ? record : one)) : [...st.records, record].sort((a, b) => a.lsn - b.lsn);
    return { ...st, records: records.slice(-recordsMax), replay: { ...replay, at: lsn, replayed: replay.replayed + 1, event: h.ordinal } };
}

/* The newest image of a page is where its replay begins. */
function pageRead(pages: PageState[], image: number, body: Uint8Array, event: number): PageState[] {
    try {
        const page = fromBinary(PageSchema, body);
        const read: PageState = {
            number: page.number, lsn: Number(page.lsn), image, disk: Number(page.lsn), dirty: false, keys: page.entries.length,
            bytes: page.entries.reduce((sum, e) => sum + e.key.length + e.value.length, 0),
            entries: page.entries.map(e => `${clean(e.key)} = ${clean(e.value)}`), event,
        };
        return [...pages.filter(p => p.number !== page.number), read].sort((a, b) => a.number - b.number);
    } catch {
        return pages;
    }
}

/* What the log held and recovery did not meet is lost: not written, or cut at its checksum. */
function closeReplay(st: Store): Store {
    const replay = st.replay;
    if (!replay) return st;
    const last = replay.at;
    const kept = (r: LogRecord): boolean => r.lsn <= last && (r.replayed || r.fate === 'durable');
    const cut = st.records.find(r => r.lsn > last)?.lsn ?? 0;
    const records = mark(st.records, r => (kept(r) || r.fate === 'lost' ? r : { ...r, fate: 'lost' }));
    return {
        ...st,
        records,
        gone: records.filter(r => r.fate === 'lost'),
        replay: { ...replay, done: true, cut },
        written: last, durable: last, acked: Math.min(st.acked, last),
    };
}

function onTrace(st: Store, h: Happening): Store {
    switch (h.message?.$typeName) {
        case 'kv.PageFlush': {
            const f = h.message as PageFlush;
            const pages = st.pages.map(p =>
                p.number === f.page ? { ...p, image: Number(f.imageLsn), disk: Number(f.pageLsn), dirty: p.lsn > Number(f.pageLsn), event: h.ordinal } : p,
            );
            return { ...st, pages };
        }
        case 'kv.Checkpoint': {
            const c = h.message as Checkpoint;
            return c.done ? { ...st, replayFrom: Number(c.replayFrom) } : st;
        }
        case 'kv.RecoveryDone': {
            const d = h.message as RecoveryDone;
            const replay = st.replay && { ...st.replay, done: true, replayed: Number(d.replayed), skipped: Number(d.skipped), event: h.ordinal };
            return { ...st, life: 'running', keys: Number(d.keys), replay };
        }
        default:
            return st;
    }
}

/* A view tells which image lies on disk, not what is in it; a clean page's image has all of it. */
function diskOf(st: Store, page: number, image: number, clean: number): number {
    if (image === 0) return 0;
    const known = st.pages.find(p => p.number === page && p.image === image)?.disk ?? 0;
    return Math.max(clean, known);
}

function onView(st: Store, h: Happening): Store {
    if (h.message?.$typeName !== 'kv.NodeView') return st;
    const v = h.message as NodeView;
    return {
        ...st,
        life: st.life === 'starting' ? 'running' : st.life,
        written: Number(v.writtenLsn), durable: Number(v.durableLsn), replayFrom: Number(v.replayFrom), keys: Number(v.keys),
        pages: v.pages.map(p => ({
            number: p.number, lsn: Number(p.lsn), image: Number(p.imageLsn), disk: diskOf(st, p.number, Number(p.imageLsn), p.dirty ? 0 : Number(p.lsn)),
            dirty: p.dirty, keys: p.keys, bytes: Number(p.bytes),
            entries: p.entries.map(e => `${clean(e.key)} = ${clean(e.value)}`), event: h.ordinal,
        })),
    };
}

function onOperator(s: Wal, h: Happening): Wal {
    if (h.event.body.case !== 'operator') return s;
    const { line, nodes } = h.event.body.value;
    const verb = line.replace(/^orrery /, '').split(' ')[0] ?? '';
    let next = s;
    for (const node of nodes) {
        const st = next.stores[node];
        if (!st) continue;
        if (verb === 'power')
            next = put(next, { ...st, death: { how: 'power', lostBytes: 0, unsynced: 0, at: h.ns, event: h.ordinal, lastAcked: st.acked } });
        if (verb === 'pause' && st.life === 'running') next = put(next, { ...st, life: 'paused' });
        if (verb === 'resume' && st.life === 'paused') next = put(next, { ...st, life: 'running' });
        if (verb === 'disk') next = put(next, { ...st, slow: line.includes('--well') ? '' : line.replace(/^(orrery )?disk \S+ --/, '') });
    }
    return next;
}

function onStore(st: Store, h: Happening): Store {
    switch (h.body) {
        case 'append': return onAppend(st, h);
        case 'written':
        case 'durable': return onReach(st, h);
        case 'recovered': return onRecovered(st, h);
        case 'reply': return onReply(st);
        case 'view': return onView(st, h);
        case 'trace': return onTrace(st, h);
        default: return st;
    }
}

export function apply(s: Wal, h: Happening): Wal {
    const body = h.event.body;
    if (body.case === 'start') return onStart(s, h);
    if (body.case === 'operator') return onOperator(s, h);
    if (body.case === 'spawn') {
        const st = s.stores[body.value.node] ?? fresh(body.value.node);
        return put(s, { ...st, life: 'starting' });
    }
    if (body.case === 'exit') {
        const st = s.stores[body.value.node];
        return st ? put(s, onExit(st, h)) : s;
    }
    const st = s.stores[h.node];
    if (!st) return s;
    const next = onStore(st, h);
    return next === st ? s : put(s, next);
}

export const wal: Reducer<Wal> = {
    kinds: [
        'start', 'view', 'operator', 'spawn', 'exit', 'append', 'written', 'durable', 'recovered', 'reply',
        'kv.PageFlush', 'kv.Checkpoint', 'kv.RecoveryDone',
    ],
    initial: { stores: {} },
    apply,
};
