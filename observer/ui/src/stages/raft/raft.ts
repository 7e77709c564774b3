// The stage of Raft as a fold over events: who each node takes itself for and waits for, its log, the
// elections, and the messages between them. All times in nanoseconds of cluster time.
import { fromBinary } from '@bufbuild/protobuf';
import {
    SnapshotSchema, TermSchema, type Ballot, type Candidacy, type Committed, type Compacted, type Elected, type Members, type Membership,
    type Message, type NodeView, type Tally, type Timer,
} from '../../wire/gen/raft_pb';
import type { Event } from '../../wire/gen/event_pb';
import type { Happening } from '../../model/happening';
import type { Reducer } from '../../model/fold';
import { counts, elects, ends, opens, votes, type Campaign } from './campaign';
import { depart, end, mannerOf, type Flight } from './flights';
import { afterCommand, type Cuts } from './links';
import { append, cutBefore, cutFrom, emptyLog, fromView, snapshotTo, type Log } from './log';

export const roles = ['follower', 'pre-candidate', 'candidate', 'leader'] as const;
export const [follower, preCandidate, candidate, leader] = [0, 1, 2, 3];

export type Life = 'starting' | 'running' | 'paused' | 'killed' | 'powerless' | 'stopped';

/** Nothing was heard since `began`; after `lasts` an election begins. */
export interface Wait {
    began: number;
    lasts: number;
}

export interface Member {
    node: number;
    boot: number;
    life: Life;
    event: number; // that last told of its life or role
    role: number;
    term: number;
    votedFor: number; // 0: nobody
    leader: number; // 0: none is known
    led: number; // the last term that it led
    wait: Wait | undefined;
    log: Log;
    logs: { vote: number; log: number }; // their indices among the instance's logs
    members: Members | undefined;
    keys: number;
    waiting: number; // requests of its clients
    carries: boolean; // entries came that it has not acknowledged
    flaws: string[];
}

export interface Raft {
    nodes: Record<number, Member>;
    campaigns: Campaign[];
    flights: Flight[];
    cuts: Cuts;
    usual: number; // how long the last messages took
    told: number; // when the newest happened that is known
}

const initial: Raft = { nodes: {}, campaigns: [], flights: [], cuts: new Set(), usual: 1e6, told: 0 };

function fresh(node: number): Member {
    return {
        node, boot: 0, life: 'starting', event: 0, role: follower, term: 0, votedFor: 0, leader: 0, led: 0, wait: undefined, log: emptyLog, logs: { vote: 0, log: 1 },
        members: undefined, keys: 0, waiting: 0, carries: false, flaws: [],
    };
}

export const isAlive = (m: Member | undefined): boolean => m?.life === 'running' || m?.life === 'paused';
export const memberList = (s: Raft): Member[] => Object.values(s.nodes).sort((a, b) => a.node - b.node);

function put(s: Raft, node: number, change: Partial<Member>): Raft {
    return { ...s, nodes: { ...s.nodes, [node]: { ...(s.nodes[node] ?? fresh(node)), ...change } } };
}

type BodyOf<K extends Event['body']['case']> = Extract<Event['body'], { case: K }>['value'];

/* --- lives --- */

function onStart(s: Raft, h: Happening, start: BodyOf<'start'>): Raft {
    const instance = start.instances.find(i => i.protocol === 'raft');
    if (!instance) return s;
    const known = s.nodes[h.node] ?? fresh(h.node);
    const at = (name: string, usually: number): number => (instance.logs.includes(name) ? instance.logs.indexOf(name) : usually);
    return put(s, h.node, {
        ...fresh(h.node), led: known.led, boot: h.boot, life: 'running', event: h.ordinal, flaws: instance.flaws, logs: { vote: at('vote', 0), log: at('log', 1) },
        log: { ...emptyLog, cut: known.log.cut },
    });
}

function onExit(s: Raft, h: Happening, exit: BodyOf<'exit'>): Raft {
    const m = s.nodes[exit.node];
    if (!m || exit.boot < m.boot) return s;
    const life: Life = m.life === 'powerless' || exit.lostBytes > 0n ? 'powerless' : exit.signal === 9 ? 'killed' : 'stopped';
    const gone = put(s, exit.node, { life, event: h.ordinal, wait: undefined, role: follower, leader: 0 });
    return { ...gone, campaigns: ends(gone.campaigns, exit.node, h.ordinal), flights: gone.flights.filter(f => !(f.held && f.from === exit.node)) };
}

function onOperator(s: Raft, h: Happening, did: BodyOf<'operator'>): Raft {
    const verb = did.command?.verb.case;
    let next: Raft = { ...s, cuts: afterCommand(s.cuts, did.command, Object.keys(s.nodes).map(Number)) };
    for (const node of did.nodes) {
        const m = next.nodes[node];
        if (verb === 'pause' && m?.life === 'running') next = put(next, node, { life: 'paused', event: h.ordinal });
        if (verb === 'resume' && m?.life === 'paused') next = put(next, node, { life: 'running', event: h.ordinal });
        if (verb === 'power' && isAlive(m)) next = put(next, node, { life: 'powerless', event: h.ordinal });
    }
    return next;
}

/* --- messages --- */

function onSend(s: Raft, h: Happening, send: BodyOf<'send'>): Raft {
    const m = h.message as Message | undefined;
    const me = s.nodes[h.node];
    if (!m || !me) return s;
    const manner = mannerOf(m, me.carries);
    const flights = send.to.map((to): Flight => ({ send: h.ordinal, from: h.node, to, sent: h.ns, arrived: 0, receive: 0, lost: false, held: false, ...manner }));
    const next = { ...s, flights: depart(s.flights, flights, h.ns, s.usual) };
    return manner.kind === 'data' && m.kind.case === 'appended' ? put(next, h.node, { carries: false }) : next;
}

function onReceive(s: Raft, h: Happening, from: number): Raft {
    const flights = end(s.flights, h.cause, h.node, { arrived: h.ns, receive: h.ordinal, held: false });
    const sent = flights?.findLast(f => f.send === h.cause && f.to === h.node)?.sent ?? 0;
    const next: Raft = flights ? { ...s, flights, usual: s.usual + (Math.max(1e5, h.ns - sent) - s.usual) / 8 } : s;
    const kind = (h.message as Message | undefined)?.kind;
    const me = next.nodes[h.node];
    if (kind?.case !== 'appendEntries' || !me || Number(kind.value.term) < me.term) return next;
    // A leader was heard: the wait begins anew.
    const wait = me.wait && { ...me.wait, began: h.ns };
    return put(next, h.node, { leader: from, wait, carries: me.carries || kind.value.entries.length > 0 });
}

function onLost(s: Raft, h: Happening, to: number): Raft {
    const flights = end(s.flights, h.cause, to, { lost: true, arrived: h.ns, held: false });
    return flights ? { ...s, flights } : s;
}

/* --- disks --- */

function onRecord(s: Raft, h: Happening, m: Member, r: { log: number; lsn: bigint; body: Uint8Array }): Raft {
    if (r.log === m.logs.log) return put(s, h.node, { log: append(m.log, Number(r.lsn), r.body, m.term, h.ordinal) });
    if (r.log !== m.logs.vote || r.body.length === 0) return s;
    try {
        const { term, votedFor } = fromBinary(TermSchema, r.body);
        return put(s, h.node, { term: Number(term), votedFor });
    } catch {
        return s;
    }
}

function onRecovered(s: Raft, h: Happening, m: Member, r: BodyOf<'recovered'>): Raft {
    // What is read back is on disk.
    if (r.last) return put(s, h.node, { log: { ...m.log, durable: m.log.last } });
    if (!r.snapshot) return onRecord(s, h, m, r);
    if (r.log !== m.logs.log) return s;
    try {
        const members = fromBinary(SnapshotSchema, r.body).members;
        return put(s, h.node, { log: snapshotTo(m.log, Number(r.lsn)), ...(members ? { members } : {}) });
    } catch {
        return put(s, h.node, { log: snapshotTo(m.log, Number(r.lsn)) });
    }
}

function onDisk(s: Raft, h: Happening, m: Member): Raft {
    const body = h.event.body;
    switch (body.case) {
        case 'append': return onRecord(s, h, m, body.value);
        case 'recovered': return onRecovered(s, h, m, body.value);
        case 'durable': return body.value.log === m.logs.log ? put(s, h.node, { log: { ...m.log, durable: Number(body.value.lsn) } }) : s;
        case 'snapshot': return body.value.log === m.logs.log ? put(s, h.node, { log: snapshotTo(m.log, Number(body.value.lsn)) }) : s;
        case 'truncate': {
            if (body.value.log !== m.logs.log) return s;
            const index = Number(body.value.lsn);
            return put(s, h.node, { log: body.value.suffix ? cutFrom(m.log, index, h.ns, h.ordinal) : cutBefore(m.log, index) });
        }
        default: return s;
    }
}

/* --- what nodes tell of themselves --- */

function onMove(s: Raft, h: Happening, move: BodyOf<'move'>): Raft {
    if (h.instance?.machines[move.machine]?.name !== 'role') return s;
    const next = put(s, h.node, { role: move.to, event: h.ordinal, ...(move.to === leader ? { leader: h.node } : move.to === follower ? {} : { leader: 0 }) });
    return move.to === follower ? { ...next, campaigns: ends(next.campaigns, h.node, h.ordinal) } : next;
}

function onView(s: Raft, h: Happening, m: Member, v: NodeView): Raft {
    const lasts = Number(v.timeoutNs);
    const wait = m.wait?.lasts === lasts || v.role === leader ? m.wait : { began: Math.min(h.ns, Number(v.deadlineNs) - lasts), lasts };
    return put(s, h.node, {
        term: Number(v.term), votedFor: v.votedFor, role: v.role, leader: v.leader, led: v.role === leader ? Number(v.term) : m.led, wait,
        log: fromView(m.log, v, h.ordinal), members: v.members ?? m.members, keys: Number(v.keys), waiting: v.waiting,
        life: m.life === 'starting' ? 'running' : m.life,
    });
}

function onBallot(s: Raft, h: Happening, m: Member, b: Ballot): Raft {
    const next: Raft = { ...s, campaigns: votes(s.campaigns, b, h.node, h.ordinal) };
    if (!b.granted || b.pre || b.candidate === h.node) return next;
    return put(next, h.node, { votedFor: b.candidate, wait: m.wait && { ...m.wait, began: h.ns } });
}

function onTrace(s: Raft, h: Happening, m: Member): Raft {
    const told = h.message;
    switch (told?.$typeName) {
        case 'raft.Timer': return put(s, h.node, { wait: { began: h.ns, lasts: Number((told as Timer).timeoutNs) } });
        case 'raft.ElectionTimeout': return put(s, h.node, { leader: 0 });
        case 'raft.Candidacy': return { ...s, campaigns: opens(s.campaigns, told as Candidacy, h.node, m.members, h.ns, h.ordinal) };
        case 'raft.Ballot': return onBallot(s, h, m, told as Ballot);
        case 'raft.Tally': return { ...s, campaigns: counts(s.campaigns, told as Tally, h.node, h.ordinal) };
        case 'raft.Elected': return put({ ...s, campaigns: elects(s.campaigns, told as Elected, h.node, h.ordinal) }, h.node, { led: Number((told as Elected).term), leader: h.node });
        case 'raft.Committed': {
            const commit = Number((told as Committed).index);
            return put(s, h.node, { log: { ...m.log, commit, last: Math.max(m.log.last, commit) } });
        }
        case 'raft.Membership': return put(s, h.node, { members: (told as Membership).members });
        case 'raft.Compacted': return put(s, h.node, { log: { ...cutBefore(m.log, Number((told as Compacted).firstIndex)), snapshot: Number((told as Compacted).index) } });
        default: return s;
    }
}

function ofNode(s: Raft, h: Happening, m: Member): Raft {
    const body = h.event.body;
    switch (body.case) {
        case 'send': return onSend(s, h, body.value);
        case 'receive': return onReceive(s, h, body.value.from);
        case 'drop': return onLost(s, h, body.value.to);
        case 'held': {
            const flights = end(s.flights, h.cause, body.value.to, { held: true });
            return flights ? { ...s, flights } : s;
        }
        case 'move': return onMove(s, h, body.value);
        case 'view': return h.message?.$typeName === 'raft.NodeView' ? onView(s, h, m, h.message as NodeView) : s;
        case 'trace': return onTrace(s, h, m);
        default: return onDisk(s, h, m);
    }
}

export function apply(s: Raft, h: Happening): Raft {
    const body = h.event.body;
    switch (body.case) {
        case 'start': return onStart(s, h, body.value);
        case 'spawn': return put(s, body.value.node, { life: 'starting', event: h.ordinal });
        case 'exit': return onExit(s, h, body.value);
        case 'operator': return onOperator(s, h, body.value);
        default: {
            const m = s.nodes[h.node];
            return m ? ofNode({ ...s, told: Math.max(s.told, h.ns) }, h, m) : s;
        }
    }
}

export const raft: Reducer<Raft> = {
    kinds: [
        'start', 'spawn', 'exit', 'operator', 'view', 'move', 'send', 'receive', 'drop', 'held', 'append', 'truncate', 'snapshot', 'recovered', 'durable',
        'raft.Timer', 'raft.ElectionTimeout', 'raft.Candidacy', 'raft.Ballot', 'raft.Tally', 'raft.Elected', 'raft.Committed', 'raft.Membership', 'raft.Compacted',
    ],
    initial,
    apply,
};
