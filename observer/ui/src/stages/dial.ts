// The drawing of a dial: arcs and hands as SVG paths. Degrees clockwise from three o'clock.

export const start = 148;
export const sweep = 244;

const r1 = (v: number): number => Math.round(v * 10) / 10;

export function polar(cx: number, cy: number, r: number, degrees: number): [number, number] {
    const a = (degrees * Math.PI) / 180;
    return [r1(cx + r * Math.cos(a)), r1(cy + r * Math.sin(a))];
}

export function arc(cx: number, cy: number, r: number, from: number, to: number): string {
    const end = Math.max(to, from + 0.2);
    return `M${polar(cx, cy, r, from).join(' ')}A${r} ${r} 0 ${end - from > 180 ? 1 : 0} 1 ${polar(cx, cy, r, end).join(' ')}`;
}

/** The angle of a value on a scale from 0 to `max`. */
export function angle(value: number, max: number): number {
    return start + sweep * Math.min(1, Math.max(0, value) / max);
}

export function ray(cx: number, cy: number, from: number, to: number, degrees: number): string {
    return `M${polar(cx, cy, from, degrees).join(' ')}L${polar(cx, cy, to, degrees).join(' ')}`;
}

export function hand(cx: number, cy: number, long: number, degrees: number): string {
    const tip = polar(cx, cy, long, degrees);
    const left = polar(cx, cy, 4.6, degrees + 90);
    const right = polar(cx, cy, 4.6, degrees - 90);
    const tail = polar(cx, cy, 14, degrees + 180);
    return `M${left.join(' ')}L${tip.join(' ')}L${right.join(' ')}L${tail.join(' ')}Z`;
}

export interface Bar {
    x: number;
    height: number; // 0 to 1
}

/** Counts of gaps in bins of equal width, the tallest 1. */
export function histogram(gaps: readonly number[], bin: number, bins: number): Bar[] {
    const counts = new Array<number>(bins).fill(0);
    for (const gap of gaps) {
        const i = Math.min(bins - 1, Math.floor(gap / bin));
        counts[i] = (counts[i] ?? 0) + 1;
    }
    const top = Math.max(1, ...counts);
    return counts.map((n, i) => ({ x: i * bin, height: n / top })).filter(bar => bar.height > 0);
}
