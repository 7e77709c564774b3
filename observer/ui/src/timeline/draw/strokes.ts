// Messages as strokes from send to receive. Gathered by kind, so that the canvas is told of each kind
// once; where there are many, a tile's strokes are kept as paths and only moved along.
import { across, along, type Frame, type Point } from '../geometry';
import { dashes, kinds, replyWidth, widths, type Kind } from '../kinds';
import { isLost } from '../../wire/fates';
import { crossShare, endShare, isDoubtful, type Tile } from '../tile';
import { eachMessage, type Scene } from '../scene';
import { cross } from './shapes';
import { heldKey } from '../../model/held';
import type { Colours, Ctx, Drawn } from './brush';

const dim = 0.26;

interface Batch {
    lines: Path2D;
    dotted: Path2D; // beyond the needle
    heads: Path2D;
    hollow: Path2D;
    bars: Path2D;
    hatch: Path2D; // on strokes by two clocks that may be off
    any: boolean;
}

function batch(): Batch {
    return { lines: new Path2D(), dotted: new Path2D(), heads: new Path2D(), hollow: new Path2D(), bars: new Path2D(), hatch: new Path2D(), any: false };
}

const tickGap = 6;

/** Short slanted ticks along a stroke: its slope is not to be trusted. */
function hatchAlong(path: Path2D, from: Point, to: Point): void {
    const long = Math.hypot(to.x - from.x, to.y - from.y);
    const most = Math.min(200, Math.floor(long / tickGap));
    const [ux, uy] = [(to.x - from.x) / long, (to.y - from.y) / long];
    const [dx, dy] = [ux * 1.8 - uy * 3.2, uy * 1.8 + ux * 3.2];
    for (let k = 1; k <= most; k++) {
        const at = (k * long) / (most + 1);
        path.moveTo(from.x + ux * at - dx, from.y + uy * at - dy);
        path.lineTo(from.x + ux * at + dx, from.y + uy * at + dy);
    }
}

function head(path: Path2D, at: Point, angle: number, long: number, half: number): void {
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    path.moveTo(at.x, at.y);
    path.lineTo(at.x - long * cos + half * sin, at.y - long * sin - half * cos);
    path.lineTo(at.x - long * cos - half * sin, at.y - long * sin + half * cos);
    path.closePath();
}

function put(b: Batch, d: Drawn, tile: Tile, i: number, from: Point, whole: Point): Point | undefined {
    const m = tile.messages;
    const manner = tile.manners[m.manner[i] ?? 0];
    const fate = m.fate[i] ?? 0;
    const sent = m.sent[i] ?? 0;
    // When one under way will arrive is not known: it is drawn a little behind the needle's end.
    const arrives = fate === 0 ? Math.max(m.arrives[i] ?? 0, d.at + m.longest * 0.1) : (m.arrives[i] ?? 0);
    const ends = endShare(fate);
    const share = Math.min(ends, arrives > sent && d.at > sent ? (d.at - sent) / (arrives - sent) : d.at >= sent ? 1 : 0);
    const at = (s: number): Point => ({ x: from.x + (whole.x - from.x) * s, y: from.y + (whole.y - from.y) * s });
    const flies = d.at >= sent && share < ends;
    const end = at(d.at < sent ? ends : share);
    b.any = true;
    b.lines.moveTo(from.x, from.y);
    b.lines.lineTo(end.x, end.y);
    if (flies) {
        const rest = at(ends);
        b.dotted.moveTo(end.x, end.y);
        b.dotted.lineTo(rest.x, rest.y);
    }
    if (isDoubtful(m.bound[i] ?? 0, arrives - sent)) hatchAlong(b.hatch, from, end);
    if (isLost(fate)) return at(crossShare(fate));
    if (flies || fate === 0 || !manner || d.level > 0) return undefined;
    if (manner.kind === 'beat') {
        if (manner.reply) return undefined;
        b.heads.moveTo(end.x + 1.9, end.y);
        b.heads.arc(end.x, end.y, 1.9, 0, 7);
        return undefined;
    }
    const angle = Math.atan2(whole.y - from.y, whole.x - from.x);
    if (manner.refusal) {
        const [dx, dy] = [Math.sin(angle) * 5, -Math.cos(angle) * 5];
        b.bars.moveTo(end.x - dx, end.y - dy);
        b.bars.lineTo(end.x + dx, end.y + dy);
    } else head(manner.reply ? b.hollow : b.heads, end, angle, 8, 3.4);
    return undefined;
}

/* Held at its sender: hollow, on the side of whom it is for. */
function ring(path: Path2D, at: Point, after: boolean, upright: boolean): void {
    const off = after ? 7 : -7;
    const [x, y] = upright ? [at.x + off, at.y] : [at.x, at.y + off];
    path.moveTo(x + 3.4, y);
    path.arc(x, y, 3.4, 0, 7);
}

function paintBatch(ctx: Ctx, b: Batch, kind: Kind, reply: boolean, c: Colours): void {
    if (!b.any) return;
    const colour = c.kinds[kind];
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = reply ? replyWidth : widths[kind];
    ctx.setLineDash(dashes[kind]);
    ctx.stroke(b.lines);
    ctx.lineWidth = 1;
    ctx.setLineDash([1, 3]);
    ctx.stroke(b.dotted);
    ctx.setLineDash([]);
    ctx.stroke(b.hatch);
    ctx.fill(b.heads);
    ctx.lineWidth = 2.6;
    ctx.stroke(b.bars);
    ctx.fillStyle = c.bg;
    ctx.fill(b.hollow);
    ctx.lineWidth = 1.3;
    ctx.stroke(b.hollow);
}

/** Each with its head and fate: the level of up to some thousand. */
export function strokes(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame, view } = d;
    const batches = new Map<string, Batch>(); // by kind, reply, lit
    const crosses: { p: Point; lit: boolean }[] = [];
    const bright = new Path2D();
    let shining = false;
    eachMessage(d.scene.pieces, view, (tile, i) => {
        const m = tile.messages;
        const [lf, lt] = [m.from[i] ?? 0, m.to[i] ?? 0];
        if (!frame.index.has(lf) || !frame.index.has(lt)) return;
        const manner = tile.manners[m.manner[i] ?? 0];
        const [send, receive] = [m.send[i] ?? 0, m.receive[i] ?? 0];
        const lit = !d.causes || d.causes.lit(lf, send, lt, receive);
        const key = `${manner?.kind ?? 'request'}${manner?.reply ? 1 : 0}${lit ? 1 : 0}`;
        let b = batches.get(key);
        if (!b) batches.set(key, (b = batch()));
        const [ac, bc] = [across(frame, lf), across(frame, lt)];
        const [aa, ba] = [along(frame, view, m.sent[i] ?? 0), along(frame, view, m.arrives[i] ?? 0)];
        const from = frame.upright ? { x: ac, y: aa } : { x: aa, y: ac };
        const whole = frame.upright ? { x: bc, y: ba } : { x: ba, y: bc };
        if (m.fate[i] === 0 && d.held.size > 0 && d.held.has(heldKey(send, lt))) {
            b.any = true;
            ring(b.hollow, from, bc > ac, frame.upright);
            return;
        }
        const lost = put(b, d, tile, i, from, whole);
        if (lost) crosses.push({ p: lost, lit });
        const meant = (of: number): boolean => of !== 0 && (of === d.selected || of === d.hovered);
        if (meant(send) || meant(receive)) {
            shining = true;
            bright.moveTo(from.x, from.y);
            bright.lineTo(whole.x, whole.y);
        }
    });
    if (shining) {
        ctx.save();
        ctx.strokeStyle = c.brass;
        ctx.globalAlpha = 0.45;
        ctx.lineWidth = 5;
        ctx.setLineDash([]);
        ctx.stroke(bright);
        ctx.restore();
    }
    for (const kind of kinds)
        for (const key of ['00', '01', '10', '11']) {
            const b = batches.get(kind + key);
            if (!b) continue;
            ctx.globalAlpha = key[1] === '1' ? 1 : dim;
            paintBatch(ctx, b, kind, key[0] === '1', c);
        }
    for (const { p, lit } of crosses) {
        ctx.globalAlpha = lit ? 1 : dim;
        cross(ctx, p, 3.4, 1.7, c);
    }
    ctx.globalAlpha = 1;
}

/* --- many: kept as paths --- */

interface Paths {
    key: string;
    perNs: number; // the scale it was made at
    lines: Map<Kind, Path2D>;
    lost: Path2D;
    kept: Path2D; // at their senders
    hatch: Path2D; // on strokes by two clocks that may be off
    n: number;
    held: ReadonlySet<string> | undefined; // what was, when it was made; undefined: nothing here is under way
}

const keptPaths = new WeakMap<Tile, Paths>();
const reused = 1.6; // while zooming: a path serves scales that near to its own
const dashedMost = 6000; // beyond it dashes cost more than they tell

function pathsOf(tile: Tile, frame: Frame, perNs: number, held: ReadonlySet<string>): Paths {
    const key = `${frame.upright} ${frame.pitch} ${frame.first} ${frame.scroll} ${frame.lanes.join()}`;
    const kept = keptPaths.get(tile);
    const fresh = !kept?.held || kept.held === held;
    if (kept?.key === key && fresh && perNs < kept.perNs * reused && perNs > kept.perNs / reused) return kept;
    const lines = new Map<Kind, Path2D>();
    const [lost, atSenders, hatch] = [new Path2D(), new Path2D(), new Path2D()];
    let waits = false;
    const m = tile.messages;
    const byManner = tile.manners.map(manner => {
        let path = lines.get(manner.kind);
        if (!path) lines.set(manner.kind, (path = new Path2D()));
        // A heartbeat and its reply are one stroke.
        return manner.kind === 'beat' && manner.reply ? undefined : path;
    });
    for (let i = 0; i < m.n; i++) {
        const path = byManner[m.manner[i] ?? 0];
        const [lf, lt] = [m.from[i] ?? 0, m.to[i] ?? 0];
        if (!path || !frame.index.has(lf) || !frame.index.has(lt)) continue;
        const fate = m.fate[i] ?? 0;
        const share = endShare(fate);
        const a = ((m.sent[i] ?? 0) - tile.from) * perNs;
        const b = a + ((m.arrives[i] ?? 0) - (m.sent[i] ?? 0)) * perNs * share;
        const ac = across(frame, lf);
        const bc = ac + (across(frame, lt) - ac) * share;
        const upright = frame.upright;
        waits ||= fate === 0;
        if (fate === 0 && held.has(heldKey(m.send[i] ?? 0, lt))) {
            ring(atSenders, upright ? { x: ac, y: a } : { x: a, y: ac }, across(frame, lt) > ac, upright);
            continue;
        }
        path.moveTo(upright ? ac : a, upright ? a : ac);
        path.lineTo(upright ? bc : b, upright ? b : bc);
        if (m.n <= dashedMost && isDoubtful(m.bound[i] ?? 0, (m.arrives[i] ?? 0) - (m.sent[i] ?? 0)))
            hatchAlong(hatch, upright ? { x: ac, y: a } : { x: a, y: ac }, upright ? { x: bc, y: b } : { x: b, y: bc });
        if (!isLost(fate)) continue;
        const back = crossShare(fate) / share;
        const [xa, xc] = [a + (b - a) * back, ac + (bc - ac) * back];
        const [x, y] = upright ? [xc, xa] : [xa, xc];
        lost.moveTo(x - 2.4, y - 2.4);
        lost.lineTo(x + 2.4, y + 2.4);
        lost.moveTo(x + 2.4, y - 2.4);
        lost.lineTo(x - 2.4, y + 2.4);
    }
    const paths = { key, perNs, lines, lost, kept: atSenders, hatch, n: m.n, held: waits ? held : undefined };
    keptPaths.set(tile, paths);
    return paths;
}

/** At another scale along time; only the places change, so that strokes stay as thin as they are. */
function stretched(path: Path2D, ratio: number, upright: boolean): Path2D {
    if (ratio === 1) return path;
    const out = new Path2D();
    out.addPath(path, upright ? { d: ratio } : { a: ratio });
    return out;
}

/** Strokes without heads. */
export function manyStrokes(ctx: Ctx, d: Drawn, c: Colours, scene: Scene = d.scene): void {
    const { frame, view } = d;
    const perNs = frame.length / (view.to - view.from);
    const all = scene.pieces.map(p => ({ p, paths: pathsOf(p.tile, frame, perNs, d.held) }));
    const dashed = all.reduce((n, { paths }) => n + paths.n, 0) <= dashedMost;
    const each = (paint: (paths: Paths) => void): void => {
        for (const { p, paths } of all) {
            ctx.save();
            clipTo(ctx, d, p.from, p.to, p.tile);
            const a = along(frame, view, p.tile.from);
            if (frame.upright) ctx.translate(0, a);
            else ctx.translate(a, 0);
            paint(paths);
            ctx.restore();
        }
    };
    for (const kind of kinds)
        each(paths => {
            const path = paths.lines.get(kind);
            if (!path) return;
            ctx.strokeStyle = c.kinds[kind];
            ctx.globalAlpha = d.causes ? dim : kind === 'beat' ? 0.7 : 1;
            ctx.lineWidth = kind === 'beat' ? 1 : Math.min(1.2, widths[kind]);
            ctx.setLineDash(dashed ? dashes[kind] : []);
            ctx.stroke(stretched(path, perNs / paths.perNs, frame.upright));
        });
    each(paths => {
        ctx.setLineDash([]);
        ctx.strokeStyle = c.ink;
        ctx.lineWidth = 1;
        ctx.stroke(stretched(paths.kept, perNs / paths.perNs, frame.upright));
        ctx.strokeStyle = c.ink3;
        if (dashed) ctx.stroke(stretched(paths.hatch, perNs / paths.perNs, frame.upright));
        ctx.strokeStyle = c.fault;
        ctx.lineWidth = 1.4;
        ctx.stroke(stretched(paths.lost, perNs / paths.perNs, frame.upright));
    });
}

/** Of a tile that stands in for finer ones, only the part that they lack. */
function clipTo(ctx: Ctx, d: Drawn, from: number, to: number, tile: Tile): void {
    const { frame, view } = d;
    if ((from === -Infinity || from <= tile.from) && to >= tile.to) return;
    const a = Math.max(frame.start, along(frame, view, Math.max(view.from, from)));
    const b = along(frame, view, Math.min(view.to, to));
    ctx.beginPath();
    if (frame.upright) ctx.rect(0, a, d.width, b - a);
    else ctx.rect(a, 0, b - a, d.height);
    ctx.clip();
}
