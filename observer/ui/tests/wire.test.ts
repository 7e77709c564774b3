import { create, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { AskSchema, TellSchema, type Ask, type Tell } from '../src/wire/gen/session_pb';
import { Wire, type Answer, type Line, type Socket } from '../src/wire/socket';
import { splitFragment, takeToken } from '../src/wire/token';
import { parseRoute, routeText } from '../src/model/route';
import { EventSchema } from '../src/wire/gen/event_pb';
import { GapSchema, OpinionSchema } from '../src/wire/gen/heartbeat_pb';
import { unpack } from '../src/wire/flat';
import { readHead } from '../src/wire/head';
import { Schemas } from '../src/wire/schemas';
import { protoText } from '../src/model/text';
import { Clock } from '../src/model/clock';
import { bytes, clock, duration, instant, list, many } from '../src/model/format';
import { commandFor, commandsFor, slidersFor } from '../src/model/commands';
import { ControlSchema } from '../src/wire/gen/lab_pb';
import { happenings, tells } from './recorded';

class FakeSocket implements Socket {
    binaryType = '';
    readyState = 1;
    onopen: ((event: Event) => void) | null = null;
    onmessage: ((event: MessageEvent) => void) | null = null;
    onclose: ((event: CloseEvent) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;
    asked: Ask[] = [];
    send(data: Uint8Array): void {
        this.asked.push(fromBinary(AskSchema, data));
    }
    close(): void {
        this.drop(1000);
    }
    tell(id: bigint, kind: Tell['kind']): void {
        const data = toBinary(TellSchema, create(TellSchema, { id, kind }));
        this.onmessage?.({ data: data.slice().buffer } as MessageEvent);
    }
    drop(code: number, reason = ''): void {
        this.onclose?.({ code, reason } as CloseEvent);
    }
}

function wire() {
    const sockets: FakeSocket[] = [];
    const lines: [Line, string][] = [];
    const told: [Answer, number][] = [];
    const waits: [number, () => void][] = [];
    const w = new Wire({
        connect: () => {
            const socket = new FakeSocket();
            sockets.push(socket);
            return socket;
        },
        token: 'secret', run: () => 'calm-otter',
        online: (line, why) => lines.push([line, why]),
        told: (answer, id) => told.push([answer, id]),
        after: (ms, then) => waits.push([ms, then]),
    });
    w.start();
    const open = (): FakeSocket => {
        const socket = sockets[sockets.length - 1]!;
        socket.onopen?.({} as Event);
        return socket;
    };
    return { w, sockets, lines, told, waits, open };
}
const hailed: Tell['kind'] = { case: 'hailed', value: { $typeName: 'orrery.Hailed', version: '1', runs: [], joined: true } };
const done: Tell['kind'] = { case: 'done', value: { $typeName: 'orrery.Done', sentence: 'ok', ordinal: 0n } };
const refused = (sentence: string): Tell['kind'] => ({ case: 'refused', value: { $typeName: 'orrery.Refused', sentence } });
const status = { case: 'status' as const, value: { $typeName: 'orrery.StatusAsk' as const } };

describe('the wire', () => {
    it('says the token first, and nothing before it was taken', async () => {
        const t = wire();
        const socket = t.open();
        expect(socket.asked[0]?.kind).toMatchObject({ case: 'hail', value: { token: 'secret', run: 'calm-otter' } });
        expect(t.w.tell(status)).toBe(0);
        await expect(t.w.ask(status)).rejects.toThrow();
        expect(socket.asked).toHaveLength(1);
        socket.tell(1n, hailed);
        expect(t.lines.at(-1)?.[0]).toBe('open');
        expect(t.w.tell(status)).toBe(2);
    });
    it('gives answers to who asked, by number; all else is told', async () => {
        const t = wire();
        const socket = t.open();
        socket.tell(1n, hailed);
        const a = t.w.ask(status);
        const b = t.w.ask(status);
        socket.tell(3n, refused('no'));
        socket.tell(2n, done);
        socket.tell(77n, done);
        await expect(a).resolves.toMatchObject({ case: 'done' });
        await expect(b).rejects.toThrow('no');
        expect(t.told.at(-1)).toMatchObject([{ case: 'done' }, 77]);
    });
    it('stops at a refused token', () => {
        const t = wire();
        t.open().tell(1n, refused('wrong token'));
        expect(t.lines.at(-1)).toEqual(['refused', 'wrong token']);
        expect(t.waits).toHaveLength(0);
        const u = wire();
        u.open().drop(1008, 'too late');
        expect(u.lines.at(-1)).toEqual(['refused', 'too late']);
    });
    it('comes back when the observer does, waiting longer each time, and fails what was asked', async () => {
        const t = wire();
        const socket = t.open();
        socket.tell(1n, hailed);
        const asked = t.w.ask(status);
        socket.drop(1006);
        await expect(asked).rejects.toThrow();
        expect(t.lines.at(-1)?.[0]).toBe('gone');
        for (let i = 0; i < 6; i++) {
            t.waits.at(-1)?.[1]();
            t.sockets.at(-1)?.drop(1006);
        }
        expect(t.waits.map(w => w[0])).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000]);
        t.waits.at(-1)?.[1]();
        t.open().tell(BigInt(t.sockets.at(-1)!.asked[0]!.id), hailed);
        expect(t.lines.at(-1)?.[0]).toBe('open');
    });
    it('lets bytes that are no message pass', () => {
        const t = wire();
        const socket = t.open();
        socket.onmessage?.({ data: new Uint8Array([255, 255, 255]).buffer } as MessageEvent);
        expect(t.told).toHaveLength(0);
    });
});

describe('the token', () => {
    it('leaves the address, and stays in the tab', () => {
        expect(splitFragment('#token=abc&lab=wal')).toEqual({ token: 'abc', rest: 'lab=wal' });
        expect(splitFragment('#/lab/wal')).toEqual({ rest: '/lab/wal' });
        const kept = new Map<string, string>();
        const store = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) } as unknown as Storage;
        let address = '';
        const history = { replaceState: (_s: unknown, _t: string, url: string) => void (address = url) } as unknown as History;
        expect(takeToken({ hash: '#token=abc&/lab/wal', pathname: '/', search: '' }, store, history)).toBe('abc');
        expect(address).toBe('/#/lab/wal');
        expect(takeToken({ hash: '#/lab/wal', pathname: '/', search: '' }, store, history)).toBe('abc');
    });
});

describe('routes', () => {
    it('go there and back', () => {
        for (const text of ['#/', '#/notebook', '#/fork/calm-otter?at=2.5', '#/fork/calm-otter.orr?event=127&act=kill+n2', '#/lab/wal', '#/lab/heartbeat/sim', '#/sandbox/kv', '#/sandbox/heartbeat/sim/50', '#/sandbox/heartbeat/3', '#/run/calm-otter']) expect(routeText(parseRoute(text))).toBe(text);
        expect(parseRoute('#lab=wal')).toEqual({ page: 'lab', name: 'wal', simulated: false, nodes: 0 });
        expect(parseRoute('#/lab/../../etc')).toEqual({ page: 'catalogue' });
        expect(parseRoute('')).toEqual({ page: 'catalogue' });
    });
});

describe('what a run tells', () => {
    it('is read by the descriptors that come with it', () => {
        const schemas = new Schemas();
        for (const t of tells('heartbeat.tells.gz')) if (t.kind.case === 'entries') t.kind.value.schemas.forEach(s => schemas.add(s));
        expect(schemas.find('orrery.Start') ?? schemas.find('heartbeat.Settings')).toBeDefined();
        schemas.add(new Uint8Array([1, 2, 3]));
        expect(schemas.read('heartbeat.Beat', new Uint8Array([255]))).toBeUndefined();
        expect(schemas.find('no.Such')).toBeUndefined();
    });
    it('is printed as protobuf text', () => {
        const h = happenings('heartbeat.tells.gz').find(one => one.type === 'heartbeat.Opinion')!;
        const text = protoText(new Schemas().find('heartbeat.Opinion')!, h.message!);
        expect(text).toMatch(/^peer: \d+\n/);
        expect(text).toMatch(/detector: (PHI_ACCRUAL|ADAPTIVE)/);
    });
});

describe('the clock', () => {
    it('goes on between what is told, at the run’s pace, and never back', () => {
        const c = new Clock();
        expect(c.now(5)).toBe(0);
        c.told(1e9, 1000);
        expect(c.now(1500)).toBe(1.5e9);
        c.setPace(0.1, 1500);
        expect(c.now(2500)).toBeCloseTo(1.6e9, 0);
        c.told(1.55e9, 2500); // a little behind: drifts, but does not go back
        expect(c.now(2500)).toBeGreaterThanOrEqual(1.6e9);
        c.told(9e9, 2600);
        expect(c.now(2600)).toBe(9e9);
        c.told(1e9, 2700); // another run
        expect(c.now(2700)).toBe(1e9);
    });
});

describe('words', () => {
    it('have units', () => {
        expect([duration(12), duration(1234), duration(149.2e6), duration(9.99e6), duration(1.234e9), duration(-2e6), duration(Infinity)]
            .map(s => s.replace('\u2009', ' '))).toEqual(['12 ns', '1.23 µs', '149 ms', '9.99 ms', '1.23 s', '−2.00 ms', 'never']);
        expect([instant(3.6461e9), clock(100), bytes(42).replace('\u2009', ' '), many(1, 'node'), many(2, 'process', 'processes'), list(['n1', 'n2', 'n3'])])
            .toEqual(['3.646', '1:40', '42 B', '1 node', '2 processes', 'n1, n2 and n3']);
    });
});

describe('commands', () => {
    const controls = [{ kind: 'kill' }, { kind: 'pause' }, { kind: 'power' }, { kind: 'link', setting: 'loss' }, { kind: 'setting', setting: 'phi', min: 1, max: 12 }, { kind: 'pace' }]
        .map(c => create(ControlSchema, c));
    it('are what one would type', () => {
        const all = commandsFor(controls, 'n3', 'running');
        expect(all.map(c => c.line)).toEqual(['kill n3', 'power n3 --lose all', 'pause n3', 'restart n3', 'heal']);
        expect(commandFor('kill', all)?.line).toBe('kill n3');
        expect(commandFor('kill', commandsFor(controls, 'n3', 'killed'))).toBeUndefined();
        expect(commandFor('pause', commandsFor(controls, 'n3', 'paused'))?.line).toBe('resume n3');
    });
    it('turn sliders into lines', () => {
        const all = slidersFor(controls, 'n3', 0.5, { 'set n1 phi': '8', 'set n3 phi': '5' });
        expect(all.map(s => s.line('20'))).toEqual(['link all n3 --loss 20%', 'set all phi=20', 'pace 20']);
        expect(all.map(s => s.initial)).toEqual([0, 5, 0.5]);
    });
});

describe('what is read of events in passing', () => {
    const entries = ['heartbeat.tells.gz', 'wal.tells.gz', 'ratelimit.tells.gz', 'backpropagation.tells.gz']
        .flatMap(tells).flatMap(t => (t.kind.case === 'entries' ? t.kind.value.entries : []));
    it('is what the library reads of them', () => {
        expect(entries.length).toBeGreaterThan(3000);
        for (const { event: bytes } of entries) {
            const event = fromBinary(EventSchema, bytes);
            const carried = event.body.case === 'trace' || event.body.case === 'view' || event.body.case === 'send' || event.body.case === 'receive' ? event.body.value.body : undefined;
            expect(readHead(bytes)).toEqual({
                seq: Number(event.seq), ns: Number(event.monoNs), lamport: Number(event.lamport), instance: event.instance,
                body: event.body.case, type: event.body.case === 'trace' ? event.body.value.type : 0, carried,
            });
        }
    });
    it('is the same message, whichever way it is unpacked', () => {
        let flat = 0;
        for (const h of ['heartbeat.tells.gz', 'ratelimit.tells.gz', 'backpropagation.tells.gz'].flatMap(happenings)) {
            const body = h.event.body;
            const desc = h.type === 'heartbeat.Gap' ? GapSchema : h.type === 'heartbeat.Opinion' ? OpinionSchema : undefined;
            if (!desc || body.case !== 'trace') continue;
            flat++;
            expect(h.message).toEqual(fromBinary<DescMessage>(desc, body.value.body));
        }
        expect(flat).toBeGreaterThan(500);
    });
    it('leaves what is unusual to the library: large and negative numbers, unknown fields', () => {
        const gap = create(GapSchema, { peer: 4_000_000_000, gapNs: 2n ** 63n - 1n });
        expect(unpack(GapSchema, toBinary(GapSchema, gap))).toEqual(gap);
        const strange = new Uint8Array([...toBinary(GapSchema, gap), 0xf8, 0x07, 1]);
        expect(unpack(GapSchema, strange)).toEqual(fromBinary(GapSchema, strange));
    });
    it('is nothing where the bytes are none', () => {
        for (const bytes of [[], [8], [8, 1], [0xff], [0xb2, 2, 9, 1], [8, 1, 0xb2, 2, 2, 18, 9]]) expect(readHead(new Uint8Array(bytes))).toBeUndefined();
    });
});
