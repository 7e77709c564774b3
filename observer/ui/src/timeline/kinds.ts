// Which of the five kinds a message is, by its name; which mark an event has. What no rule knows is
// a request or a tick: nothing is left out for being unknown.

export type Kind = 'beat' | 'request' | 'data' | 'vote' | 'control';

export interface Manner {
    kind: Kind;
    reply: boolean;
    refusal: boolean;
}

/** In the order in which they are drawn. */
export const kinds: Kind[] = ['beat', 'data', 'request', 'vote', 'control'];

const rules: [RegExp, Kind][] = [
    [/beat|ping|pong|alive|hello/, 'beat'],
    [/vote|prepare|ballot|elect|probe/, 'vote'],
    [/commit|abort|decide|assign|cancel|transfer|timeoutnow|order$/, 'control'],
    [/append|entries|snapshot|page|state|sync|digest|delta|fetch/, 'data'],
];

const known = new Map<string, Manner>();

export function mannerOf(name: string): Manner {
    let manner = known.get(name);
    if (!manner) {
        const low = name.toLowerCase();
        manner = {
            kind: rules.find(([words]) => words.test(low))?.[1] ?? 'request',
            reply: /reply|response|ack|result|granted|pong|^vote$|appended|received|answer|refused/.test(low),
            refusal: /refus|reject|denied|nack/.test(low),
        };
        known.set(name, manner);
    }
    return manner;
}

/** A window counts messages by their type's name, "Beat", and all else as its event is called. */
export function isMessage(name: string): boolean {
    return /^[A-Z]\w*$|^message$/.test(name);
}

export const dashes: Record<Kind, number[]> = {
    beat: [1.5, 2.5],
    request: [],
    data: [],
    vote: [6, 2.5],
    control: [9, 2, 2, 2],
};

export const widths: Record<Kind, number> = { beat: 1, request: 1.6, data: 2, vote: 1.6, control: 1.6 };
export const replyWidth = 1.1;

export type Shape =
    | 'cross' | 'half' | 'pause' | 'resume' | 'cut' | 'heal' | 'hourglass' | 'square' | 'checked' | 'struck' | 'diamond'
    | 'flag' | 'bad' | 'hole' | 'tick';

const shapes: [RegExp, Shape][] = [
    [/^(kill|exit|power)$/, 'cross'],
    [/^(spawn|start|restart|add)$/, 'half'],
    [/^(pause)$/, 'pause'],
    [/^(resume)$/, 'resume'],
    [/^(cut|remove|stop)$/, 'cut'],
    [/^(heal)$/, 'heal'],
    [/^(halt|timeout)$/, 'hourglass'],
    [/^(violation)$/, 'bad'],
    [/^(hole)$/, 'hole'],
    [/^(durable|committed)$/, 'checked'],
    [/^(truncate|overwritten)$/, 'struck'],
    [/^(append|snapshot)$/, 'square'],
    [/^(link|disk|clock|set|do|break|pace|hold|deliver|setting|order)$/, 'flag'],
    [/timeout|timedout/, 'hourglass'],
    [/rebirth|recoverydone|checkpoint/, 'square'],
];

/** `text` tells the cases of one name apart: a move into charge, an opinion that turned. */
export function shapeOf(name: string, text = ''): Shape {
    const low = name.toLowerCase();
    if (low === 'move') return /-> (leader|primary|coordinator|controller|master)/.test(text) ? 'diamond' : 'tick';
    if (low === 'link' && /--cut/.test(text)) return 'cut';
    if (low.endsWith('opinion')) return /suspected=true/.test(text) ? 'hourglass' : 'square';
    return shapes.find(([words]) => words.test(low))?.[1] ?? 'tick';
}

const graves = new Set<Shape>(['cross', 'half', 'pause', 'resume', 'cut', 'heal', 'hourglass', 'diamond', 'bad', 'hole']);

/** Rank 1: drawn, and read out, at every level. */
export function isGrave(shape: Shape): boolean {
    return graves.has(shape);
}

/** 3 last and least, for what is drawn first and dropped first. */
export function rankOf(shape: Shape): number {
    return isGrave(shape) ? 1 : shape === 'tick' ? 3 : 2;
}
