// Where messages are only counted: density per bin between the lanes, and, further out, an envelope
// of each lane by kind with how long messages took. A tile's bins become a picture once; a frame then
// costs a few scaled copies, however much happened.
import { across, along, isInSight } from '../geometry';
import { kinds } from '../kinds';
import { classes, counted, type LaneBins, type Tile } from '../tile';
import { type Colours, type Ctx, type Drawn } from './brush';

interface Picture {
    key: string;
    canvas: OffscreenCanvas;
    row: number; // px of a lane
}

const pictures = new WeakMap<Tile, Picture>();
const byHand = new WeakMap<Tile, Tile>();

function withBins(tile: Tile, d: Drawn): Tile {
    if (!tile.exact) return tile;
    let made = byHand.get(tile);
    const wanted = 256e3 * 2 ** Math.max(0, Math.ceil(Math.log2(((d.view.to - d.view.from) / d.frame.length) * 2 / 256e3)));
    if (!made || made.binNs !== wanted) byHand.set(tile, (made = counted(tile, wanted)));
    return made;
}

interface Extremes {
    most: number; // events per ns of any bin
    slowest: number; // ns on the way
}
const extremes = new WeakMap<Tile, Extremes>();

function extremesOf(tile: Tile): Extremes {
    let found = extremes.get(tile);
    if (found) return found;
    found = { most: 1e-9, slowest: 1 };
    for (const bins of tile.bins.values())
        for (let at = 0; at < tile.binCount; at++) {
            let n = 0;
            for (let k = 0; k < classes; k++) n += bins.counts[at * classes + k] ?? 0;
            found.most = Math.max(found.most, n / tile.binNs);
            found.slowest = Math.max(found.slowest, bins.most[at] ?? 0);
        }
    extremes.set(tile, found);
    return found;
}

/** To a power of two, so that pictures last while it changes a little. */
function scaleOf(tiles: readonly Tile[], what: keyof Extremes): number {
    return 2 ** Math.ceil(Math.log2(Math.max(1e-9, ...tiles.map(tile => extremesOf(tile)[what]))));
}

type Rgb = [number, number, number];

function rgb(colour: string): Rgb {
    const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1] ?? '808080';
    return [0, 2, 4].map(i => parseInt(hex.slice(i, i + 2), 16)) as Rgb;
}

function colourRow(c: Colours): Rgb[] {
    return [...kinds.map(kind => rgb(c.kinds[kind])), rgb(c.ink3)];
}

/** Hue of the most frequent kind that stands out; beats and what is no message are the noise behind. */
function hueOf(bins: LaneBins, at: number): number {
    let best = -1;
    let most = 0;
    let all = 0;
    for (let k = 0; k < classes; k++) {
        const n = bins.counts[at * classes + k] ?? 0;
        all += n;
        if (k > 0 && k < classes - 1 && n > most) [best, most] = [k, n];
    }
    if (best >= 0 && most > all * 0.08) return best;
    return (bins.counts[at * classes] ?? 0) > 0 ? 0 : classes - 1;
}

function densityPicture(tile: Tile, lanes: readonly number[], most: number, colours: Rgb[], fault: Rgb): OffscreenCanvas {
    const canvas = new OffscreenCanvas(Math.max(1, tile.binCount), Math.max(1, lanes.length * 2));
    const ctx = canvas.getContext('2d');
    const image = new ImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const dot = (x: number, y: number, [r, g, b]: Rgb, alpha: number): void => {
        pixels[y * canvas.width + x] = (Math.round(alpha * 255) << 24) | (b << 16) | (g << 8) | r; // little-endian, as all browsers are
    };
    lanes.forEach((lane, row) => {
        const bins = tile.bins.get(lane);
        if (!bins) return;
        for (let at = 0; at < tile.binCount; at++) {
            let n = 0;
            for (let k = 0; k < classes; k++) n += bins.counts[at * classes + k] ?? 0;
            if (n > 0) dot(at, row * 2, colours[hueOf(bins, at)] ?? [0, 0, 0], 0.18 + 0.72 * Math.sqrt(n / tile.binNs / most));
            if ((bins.drops[at] ?? 0) > 0) dot(at, row * 2 + 1, fault, 1);
        }
    });
    ctx?.putImageData(image, 0, 0);
    return canvas;
}

function pictureOf(tile: Tile, key: string, row: number, make: () => OffscreenCanvas): Picture {
    const kept = pictures.get(tile);
    if (kept?.key === key) return kept;
    const picture = { key, row, canvas: make() };
    pictures.set(tile, picture);
    return picture;
}

/** Lays a row of a tile's picture along the lane: bins start at `binFrom`, clipped to what the piece is of. */
function lay(ctx: Ctx, d: Drawn, tile: Tile, canvas: OffscreenCanvas, from: number, to: number, sy: number, sh: number, c: number, above: number, below: number): void {
    const { frame, view } = d;
    const lowNs = Math.max(tile.binFrom, from, tile.from, view.from - tile.binNs);
    const highNs = Math.min(to, tile.binFrom + tile.binCount * tile.binNs, view.to + tile.binNs);
    if (highNs <= lowNs) return;
    const sx = (lowNs - tile.binFrom) / tile.binNs;
    const sw = (highNs - lowNs) / tile.binNs;
    const scale = canvas.width / tile.binCount;
    const a = along(frame, view, lowNs);
    const b = along(frame, view, highNs);
    if (!frame.upright) {
        ctx.drawImage(canvas, sx * scale, sy, sw * scale, sh, a, c - above, b - a, above + below);
        return;
    }
    ctx.save();
    ctx.transform(0, 1, 1, 0, 0, 0); // x and y change places
    ctx.drawImage(canvas, sx * scale, sy, sw * scale, sh, a, c - above, b - a, above + below);
    ctx.restore();
}

export function density(ctx: Ctx, d: Drawn, c: Colours): void {
    const pieces = d.scene.pieces.map(p => ({ ...p, tile: withBins(p.tile, d) }));
    const most = scaleOf(pieces.map(p => p.tile), 'most');
    const half = d.frame.pitch * 0.4;
    ctx.imageSmoothingEnabled = false;
    ctx.globalAlpha = d.causes ? 0.34 : 1;
    for (const { tile, from, to } of pieces) {
        if (tile.binCount === 0) continue;
        const { canvas } = pictureOf(tile, `d ${most} ${c.ink} ${d.frame.lanes.join()}`, 1, () => densityPicture(tile, d.frame.lanes, most, colourRow(c), rgb(c.fault)));
        d.frame.lanes.forEach((lane, row) => {
            if (!isInSight(d.frame, lane)) return;
            const at = across(d.frame, lane);
            lay(ctx, d, tile, canvas, from, to, row * 2, 1, at, half, half);
            lay(ctx, d, tile, canvas, from, to, row * 2 + 1, 1, at + half - 2, 2, 2);
        });
    }
    ctx.globalAlpha = 1;
}

const px = 2; // of a bin in an envelope's picture

function envelopePicture(tile: Tile, lanes: readonly number[], row: number, most: number, slowest: number, c: Colours): OffscreenCanvas {
    const canvas = new OffscreenCanvas(Math.max(1, tile.binCount * px), Math.max(1, lanes.length * row));
    const ctx = canvas.getContext('2d');
    if (!ctx) return canvas;
    const order = [classes - 1, 0, ...kinds.map((_, k) => k).slice(1)]; // noise at the back
    lanes.forEach((lane, i) => {
        const bins = tile.bins.get(lane);
        if (!bins) return;
        const floor = (i + 1) * row;
        const tall = (n: number): number => (row - 2) * Math.sqrt(n / tile.binNs / most);
        order.forEach((k, at) => {
            const rest = order.slice(at);
            ctx.fillStyle = k === classes - 1 ? c.line2 : c.kinds[kinds[k] ?? 'beat'];
            ctx.globalAlpha = k === classes - 1 ? 0.5 : k === 0 ? 0.55 : 0.9;
            ctx.beginPath();
            ctx.moveTo(0, floor);
            for (let b = 0; b < tile.binCount; b++) {
                let n = 0;
                for (const other of rest) n += bins.counts[b * classes + other] ?? 0;
                ctx.lineTo((b + 0.5) * px, floor - tall(n));
            }
            ctx.lineTo(tile.binCount * px, floor);
            ctx.fill();
        });
        ctx.globalAlpha = 1;
        ctx.fillStyle = c.fault;
        for (let b = 0; b < tile.binCount; b++) if ((bins.drops[b] ?? 0) > 0) ctx.fillRect(b * px, floor - 4, px, 4);
        latency(ctx, tile, bins, floor, row, slowest, c);
    });
    return canvas;
}

/** Mean and longest time on the way, from the lane's ground up: logarithmic, from 10 µs to the slowest. */
function latency(ctx: OffscreenCanvasRenderingContext2D, tile: Tile, bins: LaneBins, floor: number, row: number, slowest: number, c: Colours): void {
    const base = Math.log(1e4);
    const tall = (ns: number): number => (row - 2) * Math.max(0, Math.min(1, (Math.log(Math.max(ns, 1)) - base) / (Math.log(Math.max(slowest, 2e4)) - base)));
    const draw = (value: (b: number) => number, colour: string): void => {
        ctx.strokeStyle = colour;
        ctx.lineWidth = 1;
        ctx.beginPath();
        let on = false;
        for (let b = 0; b < tile.binCount; b++) {
            if ((bins.timed[b] ?? 0) === 0) {
                on = false;
                continue;
            }
            const [x, y] = [(b + 0.5) * px, floor - tall(value(b))];
            if (on) ctx.lineTo(x, y);
            else ctx.moveTo(x, y);
            on = true;
        }
        ctx.stroke();
    };
    draw(b => (bins.sum[b] ?? 0) / Math.max(1, bins.timed[b] ?? 0), c.ink);
    draw(b => bins.most[b] ?? 0, c.ink3);
}

export function envelope(ctx: Ctx, d: Drawn, c: Colours): void {
    const pieces = d.scene.pieces.map(p => ({ ...p, tile: withBins(p.tile, d) }));
    const tiles = pieces.map(p => p.tile);
    const [most, slowest] = [scaleOf(tiles, 'most'), scaleOf(tiles, 'slowest')];
    const row = Math.round(d.frame.pitch * 0.84);
    ctx.imageSmoothingEnabled = true;
    ctx.globalAlpha = d.causes ? 0.34 : 1;
    for (const { tile, from, to } of pieces) {
        if (tile.binCount === 0) continue;
        const key = `e ${most} ${slowest} ${row} ${c.ink} ${d.frame.lanes.join()}`;
        const { canvas } = pictureOf(tile, key, row, () => envelopePicture(tile, d.frame.lanes, row, most, slowest, c));
        d.frame.lanes.forEach((lane, i) => {
            if (isInSight(d.frame, lane)) lay(ctx, d, tile, canvas, from, to, i * row, row, across(d.frame, lane), row / 2, row / 2);
        });
    }
    ctx.globalAlpha = 1;
}

/** Bins of a lane at an instant, for the tooltip. */
export function countsAt(d: Pick<Drawn, 'scene'>, lane: number, ns: number): { count: number; drops: number; binNs: number; timed: number; sum: number; most: number } | undefined {
    for (const { tile, from, to } of d.scene.pieces) {
        if (ns < from || ns >= to || tile.exact) continue;
        const bins = tile.bins.get(lane);
        const at = Math.floor((ns - tile.binFrom) / tile.binNs);
        if (!bins || at < 0 || at >= tile.binCount) return undefined;
        let count = 0;
        for (let k = 0; k < classes; k++) count += bins.counts[at * classes + k] ?? 0;
        return { count, drops: bins.drops[at] ?? 0, binNs: tile.binNs, timed: bins.timed[at] ?? 0, sum: bins.sum[at] ?? 0, most: bins.most[at] ?? 0 };
    }
    return undefined;
}

