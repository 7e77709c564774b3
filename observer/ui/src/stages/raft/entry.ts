// What an entry of Raft's log says, as short as a cell of the log is: "x=1", "n+1", "–".
import { fromBinary } from '@bufbuild/protobuf';
import { CommandSchema, type Call } from '../../wire/gen/machine_pb';
import { EntrySchema, Kind, type Entry, type Members } from '../../wire/gen/raft_pb';
import { list, many } from '../../model/format';

export interface Said {
    term: number;
    short: string; // in the cell
    long: string; // on asking
}

const text = new TextDecoder('utf-8', { fatal: false });
const wordsMax = 64;
const textMax = 40;

function clean(bytes: Uint8Array): string {
    const s = text.decode(bytes.subarray(0, textMax)).replace(/[^\x20-\x7e]/g, '·');
    return bytes.length > textMax ? `${s}…` : s;
}

/** The words of a frame of RESP: an array of strings. Whatever is not one has none. */
export function wordsIn(frame: Uint8Array): string[] {
    let at = 0;
    const number = (mark: number): number => {
        const end = frame.indexOf(13, at);
        if (frame[at] !== mark || end < 0) return -1;
        const n = Number(text.decode(frame.subarray(at + 1, end)));
        at = end + 2;
        return Number.isInteger(n) && n >= 0 ? n : -1;
    };
    const words: string[] = [];
    for (let n = Math.min(wordsMax, number(42)); n > 0; n--) {
        const size = number(36);
        if (size < 0 || at + size > frame.length) break;
        words.push(clean(frame.subarray(at, at + size)));
        at += size + 2;
    }
    return words;
}

const step = (sign: string): ((key: string, by?: string) => string) => (key, by = '1') => `${key}${sign}${by}`;
const phrases: Record<string, (...args: string[]) => string> = {
    SET: (key, value) => `${key}=${value}`,
    GETSET: (key, value) => `${key}=${value}`,
    SETEX: (key, _, value) => `${key}=${value}`,
    CAS: (key, _, value) => `${key}=${value}?`,
    INCR: step('+'), INCRBY: step('+'), DECR: step('−'), DECRBY: step('−'),
    APPEND: (key, value) => `${key}&${value}`,
    DEL: (...keys) => `${keys.join(',')}=∅`,
    EXPIRE: key => `${key} ends`,
};

function shortOf(call: Call): string {
    const [verb = '', ...args] = wordsIn(call.frame);
    const phrase = phrases[verb.toUpperCase()];
    return phrase && args.length > 0 ? phrase(...args) : [verb.toLowerCase(), ...args].join(' ');
}

export function membersInWords(m: Members | undefined): string {
    const names = (nodes: number[]): string => list(nodes.map(n => `n${n}`));
    if (!m) return 'nobody';
    const more = [
        m.outgoing.length > 0 ? `before: ${names(m.outgoing)}` : '', m.learners.length > 0 ? `learning: ${names(m.learners)}` : '',
    ].filter(words => words !== '');
    return [names(m.voters), ...more].join('; ');
}

function commandOf(e: Entry): Omit<Said, 'term'> {
    if (e.opener !== 0n) return { short: 'client', long: 'a session of clients is opened, so that what they repeat happens once' };
    const calls = fromBinary(CommandSchema, e.command).calls.filter(call => call.frame.length > 0);
    if (calls.length === 0) return { short: 'time', long: 'time passes' };
    const said = calls.slice(0, 4).map(shortOf);
    const rest = calls.length - said.length;
    return { short: `${said[0] ?? ''}${calls.length > 1 ? '…' : ''}`, long: said.join(', ') + (rest > 0 ? ` and ${many(rest, 'more', 'more')}` : '') };
}

/** Of a packed entry; undefined where its bytes are not there, or are none. */
export function saidBy(packed: Uint8Array): Said | undefined {
    if (packed.length === 0) return undefined;
    try {
        const e = fromBinary(EntrySchema, packed);
        const term = Number(e.term);
        if (e.kind === Kind.NOTHING) return { term, short: '–', long: 'nothing: what a new leader begins its term with' };
        if (e.kind === Kind.MEMBERS) return { term, short: 'votes', long: `who votes: ${membersInWords(e.members)}` };
        return { term, ...commandOf(e) };
    } catch {
        return undefined;
    }
}
