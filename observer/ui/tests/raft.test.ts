import { describe, expect, it } from 'vitest';
import { create, toBinary } from '@bufbuild/protobuf';
import { CommandSchema } from '../src/wire/gen/machine_pb';
import { BallotSchema, CandidacySchema, ElectedSchema, EntrySchema, Kind, MembersSchema, MessageSchema, NodeViewSchema, Refusal, TallySchema, type Elected, type NodeView } from '../src/wire/gen/raft_pb';
import { Fold } from '../src/model/fold';
import { counts, elects, needOf, opens, shownOf, votes, type Campaign } from '../src/stages/raft/campaign';
import { saidBy, wordsIn } from '../src/stages/raft/entry';
import { end, freshness, mannerOf, progress } from '../src/stages/raft/flights';
import { append, cellAt, cutFrom, emptyLog, fromView, snapshotTo } from '../src/stages/raft/log';
import { matrixOf, windowOf } from '../src/stages/raft/matrix';
import { apply, candidate, follower, leader, memberList, raft, type Raft } from '../src/stages/raft/raft';
import { placesOf, strokeBetween, ticksOf } from '../src/stages/raft/ring';
import { waitWords } from '../src/stages/raft/words';
import { happenings } from './recorded';

const utf8 = new TextEncoder();
const frame = (...words: string[]): Uint8Array => utf8.encode(`*${words.length}\r\n${words.map(w => `$${w.length}\r\n${w}\r\n`).join('')}`);
const entry = (term: number, ...words: string[]): Uint8Array =>
    toBinary(EntrySchema, create(EntrySchema, { term: BigInt(term), kind: Kind.COMMAND, command: toBinary(CommandSchema, create(CommandSchema, { calls: [{ frame: frame(...words) }] })) }));

describe('an entry', () => {
    it('is as short as a cell', () => {
        expect(saidBy(entry(2, 'SET', 'x', '1'))).toMatchObject({ term: 2, short: 'x=1' });
        expect(saidBy(entry(1, 'incr', 'n'))?.short).toBe('n+1');
        expect(saidBy(entry(1, 'DEL', 'a', 'b'))?.short).toBe('a,b=∅');
        expect(saidBy(entry(1, 'LPUSH', 'a', 'b'))?.short).toBe('lpush a b');
        expect(saidBy(toBinary(EntrySchema, create(EntrySchema, { term: 3n, kind: Kind.NOTHING })))).toMatchObject({ term: 3, short: '–' });
        expect(saidBy(toBinary(EntrySchema, create(EntrySchema, { kind: Kind.MEMBERS, members: { voters: [1, 2], outgoing: [3] } })))?.long).toBe('who votes: n1 and n2; before: n3');
        expect(saidBy(toBinary(EntrySchema, create(EntrySchema, { opener: 5n })))?.short).toBe('client');
    });
    it('may be anything', () => {
        expect(saidBy(new Uint8Array())).toBeUndefined();
        expect(saidBy(new Uint8Array([255, 255, 255]))).toBeUndefined();
        for (const bad of ['*x\r\n', '*2\r\n$1\r\nA', '*1\r\n$9999\r\nA\r\n', '$1\r\nA\r\n', '*9999999999\r\n']) expect(wordsIn(utf8.encode(bad)).length).toBeLessThanOrEqual(1);
        expect(wordsIn(frame('SET', 'k', 'v'.repeat(99)))[2]).toHaveLength(41);
    });
});

describe('a log', () => {
    const three = [1, 2, 3].reduce((log, i) => append(log, i, entry(1, 'SET', 'x', `${i}`), 1, i), emptyLog);
    it('keeps what is cut off, to show it struck', () => {
        const cut = cutFrom({ ...three, durable: 3 }, 2, 5e9, 40);
        expect(cut).toMatchObject({ last: 1, durable: 1, cut: { at: 5e9, event: 40 } });
        expect(cut.cut?.cells.map(c => c.short)).toEqual(['x=2', 'x=3']);
        const again = append(cut, 2, entry(2, 'SET', 'y', '9'), 2, 41);
        expect(cellAt(again, 2)).toMatchObject({ term: 2, short: 'y=9' });
        expect(again.cut?.cells).toHaveLength(2);
    });
    it('keeps words that a view does not have, and believes the view’s terms', () => {
        const v = create(NodeViewSchema, { firstIndex: 1n, lastIndex: 4n, commit: 3n, terms: [{ first: 1n, term: 1n }, { first: 3n, term: 2n }], newest: [entry(2, 'SET', 'z', '4')] });
        const log = fromView(three, v, 9);
        expect(log.cells.map(c => [c.index, c.term, c.short])).toEqual([[1, 1, 'x=1'], [2, 1, 'x=2'], [3, 2, ''], [4, 2, 'z=4']]);
        expect(log.commit).toBe(3);
    });
    it('begins anew behind a snapshot that it lacks', () => {
        expect(snapshotTo(three, 9)).toMatchObject({ first: 10, last: 9, snapshot: 9, cells: [] });
        expect(snapshotTo(three, 2).cells).toHaveLength(3);
    });
});

describe('an election', () => {
    const members = create(MembersSchema, { voters: [1, 2, 3, 4, 5] });
    const stand = (all: Campaign[], node: number, term: number, pre = false): Campaign[] => opens(all, create(CandidacySchema, { term: BigInt(term), pre }), node, members, 0, 10);
    it('knows votes that are on their way from votes that are counted', () => {
        let all = stand([], 5, 3);
        all = votes(all, create(BallotSchema, { term: 3n, candidate: 5, granted: true }), 5, 11);
        all = votes(all, create(BallotSchema, { term: 3n, candidate: 5, granted: true }), 4, 12);
        all = votes(all, create(BallotSchema, { term: 3n, candidate: 5, refusal: Refusal.LOG_BEHIND }), 2, 13);
        expect(all[0]?.answers).toMatchObject({ 5: { says: 'granted' }, 4: { says: 'grants', event: 12 }, 2: { says: 'refuses', why: Refusal.LOG_BEHIND } });
        all = counts(all, create(TallySchema, { term: 3n, granted: [5, 4], refused: [2] }), 5, 14);
        expect(all[0]?.answers).toMatchObject({ 4: { says: 'granted' }, 2: { says: 'refused', why: Refusal.LOG_BEHIND } });
        all = elects(all, create(ElectedSchema, { term: 3n, granted: [5, 4, 1] }), 5, 15);
        expect(all[0]).toMatchObject({ outcome: 'won', ended: 15 });
        expect(needOf(members.voters)).toBe(3);
        expect(needOf([1, 2, 3, 4])).toBe(3);
    });
    it('shows rivals of a term until one has won, and a pre-vote while it goes on', () => {
        const split = stand(stand([], 1, 4), 2, 4);
        expect(shownOf(split).map(c => c.candidate)).toEqual([1, 2]);
        const won = elects(split, create(ElectedSchema, { term: 4n, granted: [2, 3, 4] }), 2, 20);
        expect(shownOf(won).map(c => [c.candidate, c.outcome])).toEqual([[2, 'won']]);
        expect(won.find(c => c.candidate === 1)?.outcome).toBe('lost');
        const asks = stand(won, 3, 5, true);
        expect(shownOf(asks).map(c => c.pre)).toEqual([true]);
        expect(shownOf(stand(asks, 3, 5, true))).toHaveLength(1);
    });
});

describe('a message', () => {
    const m = (kind: object): ReturnType<typeof mannerOf> => mannerOf(create(MessageSchema, { kind } as never), false);
    it('is drawn by what it carries', () => {
        expect(m({ case: 'appendEntries', value: {} }).kind).toBe('beat');
        expect(m({ case: 'appendEntries', value: { entries: [new Uint8Array(1)] } }).kind).toBe('data');
        expect(m({ case: 'vote', value: { granted: true } })).toMatchObject({ kind: 'vote', reply: true, refusal: false, words: 'vote granted' });
        expect(m({ case: 'vote', value: { refusal: Refusal.LOG_BEHIND } })).toMatchObject({ refusal: true, words: 'refused: my log has more' });
    });
    it('moves by the time that it took, and fades once it is there', () => {
        const f = { send: 1, from: 1, to: 2, sent: 100e6, arrived: 200e6, receive: 2, lost: false, held: false, kind: 'vote' as const, reply: false, refusal: false, words: '' };
        expect(progress(f, 150e6, 1)).toBe(0.5);
        expect(progress({ ...f, arrived: 0 }, 150e6, 100e6)).toBe(0.5);
        expect(progress({ ...f, arrived: 0 }, 900e6, 100e6)).toBeLessThan(1);
        expect(progress({ ...f, held: true }, 900e6, 100e6)).toBe(0);
        expect(freshness(f, 150e6, 1e6)).toBe(1);
        expect(freshness(f, 5e9, 1e6)).toBe(0);
        expect(end([f], 1, 3, {})).toBeUndefined();
    });
});

const all = happenings('raft.tells.gz');
const until = (end: number): Raft => all.slice(0, end).reduce(apply, raft.initial);
const indexOf = (what: (h: (typeof all)[number]) => boolean, from = 0): number => all.findIndex((h, i) => i >= from && what(h));
const now = until(all.length);

describe('a real run', () => {
    const line = (text: string): number => indexOf(h => h.event.body.case === 'operator' && h.event.body.value.line === text);
    const elected = (from: number): number => indexOf(h => h.message?.$typeName === 'raft.Elected', from);
    const cutAt = line('link n3 all --cut');
    it('has one leader, who was elected by a majority', () => {
        const first = elected(0);
        const s = until(first + 1);
        const e = all[first]?.message as Elected;
        const m = s.nodes[all[first]?.node ?? 0];
        expect(m).toMatchObject({ role: leader, term: Number(e.term), led: Number(e.term) });
        expect(shownOf(s.campaigns)).toMatchObject([{ outcome: 'won', candidate: m?.node, term: Number(e.term) }]);
        expect(e.granted.length).toBeGreaterThanOrEqual(3);
    });
    it('agrees with what each node says of itself, whenever it does', () => {
        let tried = 0;
        let s = raft.initial;
        for (const h of all) {
            if (h.message?.$typeName === 'raft.NodeView') {
                const v = h.message as NodeView;
                const before = s.nodes[h.node];
                expect(before).toMatchObject({ term: Number(v.term), votedFor: v.votedFor, role: v.role });
                expect(before?.log).toMatchObject({ last: Number(v.lastIndex), commit: Number(v.commit), durable: Number(v.durableIndex) });
                tried++;
            }
            s = apply(s, h);
        }
        expect(tried).toBeGreaterThan(5);
    });
    it('draws the cut, and lets the one that is cut off believe that it leads', () => {
        const s = until(elected(cutAt) + 1);
        expect(['3>1', '1>3', '3>5'].every(link => s.cuts.has(link))).toBe(true);
        expect(memberList(s).filter(m => m.role === leader).length).toBeGreaterThanOrEqual(1);
        expect(now.cuts.size).toBe(0);
    });
    it('has what clients wrote, in the same places on all that live', () => {
        const [first, ...others] = memberList(now).map(m => m.log.cells.filter(c => c.index <= m.log.commit).map(c => `${c.index}:${c.term}:${c.short}`));
        expect(first?.join(' ')).toMatch(/x=1.*y=2.*z=4.*n\+1/);
        for (const log of others) expect(log.slice(0, first?.length)).toEqual(first?.slice(0, log.length));
    });
    it('reads a log back after kill −9', () => {
        const dead = until(indexOf(h => h.event.body.case === 'exit') + 1).nodes[2];
        expect(dead).toMatchObject({ life: 'killed', role: follower, wait: undefined });
        expect(dead?.log.last).toBeGreaterThan(4);
        expect(now.nodes[2]).toMatchObject({ life: 'running', boot: 2 });
        expect(now.nodes[2]?.log.last).toBeGreaterThanOrEqual(dead?.log.last ?? Infinity);
    });
    it('begins a follower’s wait anew with each beat', () => {
        const beat = indexOf(h => h.body === 'receive' && h.type === 'raft.Message' && now.nodes[h.node]?.role === follower && (h.message as { kind?: { case?: string } }).kind?.case === 'appendEntries', cutAt);
        const h = all[beat];
        expect(until(beat + 1).nodes[h?.node ?? 0]?.wait?.began).toBe(h?.ns);
        expect(waitWords({ ...(now.nodes[1] as NonNullable<(typeof now.nodes)[1]>), role: candidate, life: 'running', wait: { began: 0, lasts: 275e6 } }, 35e6)).toBe('35 of 275\u2009ms');
    });
    it('is the same live and scrubbed, and leaves old states as they were', () => {
        const live = new Fold(raft);
        all.forEach(h => live.add(h));
        const middle = all[all.length >> 1];
        const n = indexOf(h => h.ns > (middle?.ns ?? 0));
        const past = live.at(middle?.ns ?? 0);
        const copy = JSON.stringify(past);
        all.slice(n).reduce(apply, past);
        expect(JSON.stringify(past)).toBe(copy);
        expect(past.nodes).toEqual(until(n).nodes);
        expect(live.live.nodes).toEqual(now.nodes);
    });
    it('shows logs aligned by index, with the line behind what is committed', () => {
        const m = matrixOf(now, 8, Infinity);
        expect(m.rows).toHaveLength(5);
        expect(m.to - m.from).toBe(7);
        expect(m.commit).toBeGreaterThanOrEqual(m.from);
        expect(m.commit).toBeLessThan(m.to);
        for (const row of m.rows) expect(row.squares.map(q => q.index)).toEqual(m.rows[0]?.squares.map(q => q.index));
        expect(m.terms.reduce((sum, t) => sum + t.span, 0)).toBe(8);
        expect(m.rows.every(row => row.squares.filter(q => q.index <= row.member.log.last && q.index <= m.commit).every(q => q.fate === 'committed'))).toBe(true);
    });
});

describe('the logs’ window', () => {
    const at = (commit: number, last: number): Raft => ({ ...raft.initial, nodes: { 1: { ...(now.nodes[1] as NonNullable<(typeof now.nodes)[1]>), log: { ...emptyLog, commit, last } } } });
    it('begins at one, and then keeps what is not committed in view', () => {
        expect(windowOf(memberList(at(2, 3)), 8)).toEqual({ from: 1, to: 8, commit: 2 });
        expect(windowOf(memberList(at(50, 51)), 8)).toEqual({ from: 44, to: 51, commit: 50 });
        expect(windowOf(memberList(at(50, 99)), 8)).toEqual({ from: 47, to: 54, commit: 50 });
    });
    it('marks an entry that is not what was committed there', () => {
        const one = (term: number, commit: number): Raft['nodes'][number] => ({ ...(now.nodes[1] as NonNullable<(typeof now.nodes)[1]>), node: term, log: { ...append(emptyLog, 1, entry(term, 'SET', 'x', '1'), term, 1), commit } });
        const m = matrixOf({ ...raft.initial, nodes: { 2: one(2, 0), 3: one(3, 1) } }, 4, 0);
        expect(m.rows.map(r => r.squares[0]?.fate)).toEqual(['strange', 'committed']);
        expect(matrixOf(raft.initial, 4, 0)).toMatchObject({ commit: 0, rows: [] });
    });
});

describe('the ring', () => {
    it('has room for one to sixteen', () => {
        for (let n = 1; n <= 16; n++) {
            const nodes = Array.from({ length: n }, (_, i) => i + 1);
            const places = [...placesOf(nodes).values()];
            expect(places.every(p => p.x > 15 && p.x < 389 && p.y > 15 && p.y < 385)).toBe(true);
            for (const a of places) for (const b of places) if (a !== b) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThan(50);
        }
    });
    it('keeps there and back apart', () => {
        const [a, b] = [...placesOf([1, 2]).values()];
        if (!a || !b) throw new Error('no places');
        const [there, back] = [strokeBetween(a, b, 41), strokeBetween(b, a, 41)];
        expect(Math.hypot(there.a.x - back.b.x, there.a.y - back.b.y)).toBeCloseTo(10);
        expect(ticksOf(275e6)).toHaveLength(6);
        expect(ticksOf(4e9).length).toBeLessThanOrEqual(10);
        expect(ticksOf(0)).toEqual([]);
    });
});
