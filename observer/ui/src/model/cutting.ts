// Cutting by drawing: which links a stroke crosses, as the command lines that cut them.

export interface Point {
    x: number;
    y: number;
}
export type Pair = [number, number]; // nodes, the lower one first

export interface Drawn {
    pair: Pair;
    a: Point;
    b: Point;
}

function side(a: Point, b: Point, p: Point): number {
    return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

/** Whether two strokes cross; where one only touches the other's end, they do not. */
export function crosses(a: Point, b: Point, c: Point, d: Point): boolean {
    return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

export function pairOf(a: number, b: number): Pair {
    return a < b ? [a, b] : [b, a];
}

/** The links that a path goes over, each once. */
export function crossed(links: readonly Drawn[], path: readonly Point[]): Pair[] {
    const over = links.filter(l => path.some((p, i) => i > 0 && crosses(path[i - 1] ?? p, p, l.a, l.b)));
    return [...new Map(over.map(l => [l.pair.join(), l.pair])).values()];
}

/* Two sides with every link between them cut: the partition that one stroke through a ring makes. */
function sidesOf(pairs: readonly Pair[]): [number[], number[]] | undefined {
    const [first] = pairs;
    if (!first) return undefined;
    const right = new Set(pairs.filter(p => p.includes(first[0])).map(p => (p[0] === first[0] ? p[1] : p[0])));
    const left = new Set(pairs.filter(p => p.includes(first[1])).map(p => (p[0] === first[1] ? p[1] : p[0])));
    const between = pairs.every(([a, b]) => (left.has(a) && right.has(b)) || (left.has(b) && right.has(a)));
    const apart = [...left].every(n => !right.has(n));
    return between && apart && pairs.length === left.size * right.size ? [[...left].sort((a, b) => a - b), [...right].sort((a, b) => a - b)] : undefined;
}

export function cutLines(pairs: readonly Pair[], nameOf: (node: number) => string): string[] {
    const sides = sidesOf(pairs);
    if (sides) return [`cut ${sides.map(nodes => nodes.map(nameOf).join(',')).join('/')}`];
    return pairs.map(([a, b]) => `link ${nameOf(a)} ${nameOf(b)} --cut`);
}

export function healLine([a, b]: Pair, nameOf: (node: number) => string): string {
    return `link ${nameOf(a)} ${nameOf(b)} --no-cut`;
}

/** As the cluster says it: "n1 to n2: cut loss 10%", else "n1 to all: cut", else "every link: cut". */
function oneWayCut(faults: readonly string[], from: number, to: number): boolean {
    const rules = [`n${from} to n${to}:`, `n${from} to all:`, 'every link:'];
    const rule = rules.map(start => faults.find(words => words.startsWith(start))).find(words => words !== undefined);
    return rule !== undefined && / cut\b/.test(rule);
}

export function isCut(faults: readonly string[], [a, b]: Pair): boolean {
    return oneWayCut(faults, a, b) || oneWayCut(faults, b, a);
}

/** Nodes in a ring, the first on top. */
export function ring(nodes: readonly number[], width: number, height: number, margin: number): Map<number, Point> {
    return new Map(nodes.map((node, i) => {
        const turn = (2 * Math.PI * i) / nodes.length - Math.PI / 2;
        return [node, { x: width / 2 + (width / 2 - margin) * Math.cos(turn), y: height / 2 + (height / 2 - margin) * Math.sin(turn) }];
    }));
}

export function linksOf(places: ReadonlyMap<number, Point>): Drawn[] {
    const all = [...places];
    return all.flatMap(([m, a], i) => all.slice(i + 1).map(([n, b]): Drawn => (m < n ? { pair: [m, n], a, b } : { pair: [n, m], a: b, b: a })));
}
