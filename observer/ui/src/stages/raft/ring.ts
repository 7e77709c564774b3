// Where nodes, their words and the strokes between them stand on the ring. Pixels of its own box.
import { polar } from '../dial';

export interface Place {
    x: number;
    y: number;
    words: { x: number; y: number; anchor: 'start' | 'middle' | 'end' };
}

export interface Shape {
    width: number;
    height: number;
    disc: number; // radius of a node
    dial: number; // and of the dial around it
    words: boolean; // there is room for them
}

export function shapeOf(n: number): Shape {
    const disc = n <= 5 ? 27 : n <= 7 ? 24 : 17;
    return { width: 404, height: n <= 7 ? 392 : 400, disc, dial: disc + 9, words: n <= 9 };
}

/** The first on top, the others clockwise. */
export function placesOf(nodes: readonly number[]): Map<number, Place> {
    const { width, height, dial } = shapeOf(nodes.length);
    const r = nodes.length <= 5 ? 133 : 142;
    const centre = { x: width / 2, y: nodes.length <= 5 ? 55 + r : height / 2 - 4 };
    return new Map(nodes.map((node, i) => {
        const turn = -90 + (360 * i) / Math.max(1, nodes.length);
        const [x, y] = nodes.length === 1 ? [centre.x, centre.y] : polar(centre.x, centre.y, r, turn);
        return [node, { x, y, words: wordsAt(x, y, centre, dial, nodes.length) }];
    }));
}

/* Outside the ring: beside the nodes on top and below the middle, under those at its sides. */
function wordsAt(x: number, y: number, centre: { x: number; y: number }, dial: number, n: number): Place['words'] {
    const right = x >= centre.x - 1;
    const beside = { x: x + (right ? dial + 12 : -dial - 10), anchor: right ? 'start' as const : 'end' as const };
    if (y < centre.y - 90 || (n > 7 && y < centre.y)) return { ...beside, y: y - 12 };
    if (y > centre.y + 50) return { ...beside, y: y + 8 };
    return { x: x + (right ? 10 : -10), y: y + dial + 20, anchor: 'middle' };
}

export interface Stroke {
    a: { x: number; y: number };
    b: { x: number; y: number };
    turn: number; // degrees
}

const aside = 5; // there and back do not lie on each other

/** From one dial's rim to the other's, a little to the right of the straight line. */
export function strokeBetween(a: Place, b: Place, rim: number): Stroke {
    const long = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const [ux, uy] = [(b.x - a.x) / long, (b.y - a.y) / long];
    const [ox, oy] = [-uy * aside, ux * aside];
    return {
        a: { x: a.x + ux * rim + ox, y: a.y + uy * rim + oy }, b: { x: b.x - ux * rim + ox, y: b.y - uy * rim + oy },
        turn: (Math.atan2(uy, ux) * 180) / Math.PI,
    };
}

export function along(s: Stroke, share: number): { x: number; y: number } {
    return { x: s.a.x + (s.b.x - s.a.x) * share, y: s.a.y + (s.b.y - s.a.y) * share };
}

/** Ticks of a dial, as shares of its turn: a round number of milliseconds apart, at most ten. */
export function ticksOf(lasts: number): number[] {
    if (lasts <= 0) return [];
    let step = 50e6;
    for (let i = 0; lasts / step > 10; i++) step *= i % 3 === 1 ? 2.5 : 2;
    return Array.from({ length: Math.ceil(lasts / step) }, (_, i) => (i * step) / lasts);
}

/** Words beside a stroke, inside the box. */
export function wordsBeside(s: Stroke, words: string, above: boolean, shape: Shape): Place['words'] {
    const middle = along(s, 0.5);
    const steep = Math.abs(s.b.y - s.a.y) > Math.abs(s.b.x - s.a.x);
    const left = middle.x < shape.width / 2;
    const anchor = !steep ? 'middle' : left ? 'end' : 'start';
    const long = words.length * 5.4;
    const reach = { start: [0, long], middle: [long / 2, long / 2], end: [long, 0] }[anchor] as [number, number];
    const x = middle.x + (steep ? (left ? -8 : 8) : 0);
    return { x: Math.min(shape.width - 4 - reach[1], Math.max(4 + reach[0], x)), y: middle.y + (steep ? 4 : above ? -8 : 15), anchor };
}
