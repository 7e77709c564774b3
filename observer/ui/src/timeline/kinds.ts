// Which of the five kinds a message is, by its name; which mark an event has. What no rule knows is
// a request or a tick: nothing is left out for being unknown.

export type Kind = 'beat' | 'request' | 'data' | 'vote' | 'control';

export interface Manner {
    kind: Kind;
    reply: boolean;
    refusal: boolean;
}

const rules: [RegExp, Kind][] = [
    [/beat|ping|pong|alive|hello/, 'beat'],
    [/vote|prepare|ballot|elect|probe/, 'vote'],
    [/commit|abort|decide|assign|cancel|transfer/, 'control'],
    [/append|entries|snapshot|page|state|sync|digest|delta|fetch/, 'data'],
];

const known = new Map<string, Manner>();

export function mannerOf(name: string): Manner {
    let manner = known.get(name);
    if (!manner) {
        const low = name.toLowerCase();
        manner = {
            kind: rules.find(([words]) => words.test(low))?.[1] ?? 'request',
            reply: /reply|response|ack|result|granted|pong/.test(low),
            refusal: /refus|reject|denied|nack/.test(low),
        };
        known.set(name, manner);
    }
    return manner;
}

export const dashes: Record<Kind, number[]> = {
    beat: [1.5, 2.5],
    request: [],
    data: [],
    vote: [6, 2.5],
    control: [9, 2, 2, 2],
};

export const widths: Record<Kind, number> = { beat: 1, request: 1.6, data: 2, vote: 1.6, control: 1.6 };

export type Shape =
    | 'cross' | 'half' | 'pause' | 'resume' | 'cut' | 'heal' | 'hourglass' | 'square' | 'flag' | 'bad' | 'tick';

const shapes: [RegExp, Shape][] = [
    [/^(kill|exit|power)$/, 'cross'],
    [/^(spawn|start|restart|add)$/, 'half'],
    [/^(pause)$/, 'pause'],
    [/^(resume)$/, 'resume'],
    [/^(cut|remove|stop)$/, 'cut'],
    [/^(heal)$/, 'heal'],
    [/^(halt|timeout)$/, 'hourglass'],
    [/^(violation|hole)$/, 'bad'],
    [/^(move)$/, 'square'],
    [/^(link|disk|clock|set|do|break|pace|hold|deliver|setting|order)$/, 'flag'],
    [/opinion|rebirth|recoverydone|checkpoint/, 'square'],
];

export function shapeOf(name: string): Shape {
    const low = name.toLowerCase();
    return shapes.find(([words]) => words.test(low))?.[1] ?? 'tick';
}

/** Rank 1: drawn, and read out, at every level. */
export function isGrave(shape: Shape): boolean {
    return shape !== 'tick' && shape !== 'square' && shape !== 'flag';
}
