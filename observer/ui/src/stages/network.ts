// A network of fully connected layers as its events tell it, and what follows from its weights: where
// each weight lies, what it answers over the plane, and where that answer changes.

export const activations = ['tanh', 'sigmoid', 'relu', 'linear'] as const;

export interface Edge {
    layer: number; // from 1
    to: number; // unit of the layer, from 0
    from: number; // unit of the layer below
    at: number; // its place among the weights
}

/** Where a layer's block begins: rows of weights by unit, then the biases. */
export function offsetOf(sizes: readonly number[], layer: number): number {
    let at = 0;
    for (let l = 1; l < layer; l++) at += (sizes[l] ?? 0) * ((sizes[l - 1] ?? 0) + 1);
    return at;
}

export function edgesOf(sizes: readonly number[]): Edge[] {
    const edges: Edge[] = [];
    for (let layer = 1; layer < sizes.length; layer++) {
        const below = sizes[layer - 1] ?? 0;
        const base = offsetOf(sizes, layer);
        for (let to = 0; to < (sizes[layer] ?? 0); to++) for (let from = 0; from < below; from++) edges.push({ layer, to, from, at: base + to * below + from });
    }
    return edges;
}

function bend(activation: number, z: number): number {
    if (activation === 0) return Math.tanh(z);
    if (activation === 1) return 1 / (1 + Math.exp(-z));
    return activation === 2 ? Math.max(0, z) : z;
}

/** The share that class 1 is given: of a network with one output. */
export function answer(sizes: readonly number[], activation: number, weights: readonly number[], inputs: readonly number[]): number {
    let values = inputs;
    let at = 0;
    for (let l = 1; l < sizes.length; l++) {
        const below = sizes[l - 1] ?? 0;
        const units = sizes[l] ?? 0;
        const next: number[] = [];
        for (let to = 0; to < units; to++) {
            let z = weights[at + units * below + to] ?? 0;
            for (let from = 0; from < below; from++) z += (weights[at + to * below + from] ?? 0) * (values[from] ?? 0);
            next.push(l + 1 < sizes.length ? bend(activation, z) : bend(1, z));
        }
        at += units * (below + 1);
        values = next;
    }
    return values[0] ?? 0;
}

/** Answers on a grid of n by n points over [-reach, reach] both ways, row by row from the top. */
export function surface(sizes: readonly number[], activation: number, weights: readonly number[], n: number, reach: number): number[] {
    const values: number[] = [];
    for (let row = 0; row < n; row++) {
        for (let column = 0; column < n; column++) {
            const x = (2 * column / (n - 1) - 1) * reach;
            const y = (1 - 2 * row / (n - 1)) * reach;
            values.push(answer(sizes, activation, weights, [x, y]));
        }
    }
    return values;
}

/** Where a grid's values pass a level, as strokes in a square of `size` (marching squares). */
export function contour(values: readonly number[], n: number, level: number, size: number): string {
    const step = size / (n - 1);
    const cross = (a: number, b: number): number => (level - a) / (b - a);
    let path = '';
    for (let row = 0; row + 1 < n; row++) {
        for (let column = 0; column + 1 < n; column++) {
            const [a, b, c, d] = [values[row * n + column], values[row * n + column + 1], values[(row + 1) * n + column + 1], values[(row + 1) * n + column]] as [number, number, number, number];
            const ends: [number, number][] = [];
            if (a < level !== b < level) ends.push([column + cross(a, b), row]);
            if (b < level !== c < level) ends.push([column + 1, row + cross(b, c)]);
            if (c < level !== d < level) ends.push([column + 1 - cross(c, d), row + 1]);
            if (d < level !== a < level) ends.push([column, row + 1 - cross(d, a)]);
            for (let i = 0; i + 1 < ends.length; i += 2) {
                const [p, q] = [ends[i], ends[i + 1]] as [[number, number], [number, number]];
                path += `M${(p[0] * step).toFixed(1)} ${(p[1] * step).toFixed(1)}L${(q[0] * step).toFixed(1)} ${(q[1] * step).toFixed(1)}`;
            }
        }
    }
    return path;
}

/** A number as it stands beside a mark: three digits, a real minus. */
export function short(v: number): string {
    if (!Number.isFinite(v)) return '∞';
    const size = Math.abs(v);
    const text = size === 0 ? '0' : size >= 1000 || size < 0.001 ? powerOfTen(size) : size >= 100 ? size.toFixed(0) : size >= 10 ? size.toFixed(1) : size.toFixed(size < 0.1 ? 3 : 2);
    return v < 0 ? `−${text}` : text;
}

const raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

function powerOfTen(size: number): string {
    const [digits = '', power = ''] = size.toExponential(0).split('e');
    const sign = power.startsWith('-') ? '⁻' : '';
    return `${digits}·10${sign}${power.replace(/[+-]/, '').replace(/\d/g, d => raised[Number(d)] ?? '')}`;
}
