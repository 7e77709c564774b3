// What lies over the figure: curves of the stage, horizons of the selection, names of messages, the needle.
import { across, along, isInSight, place, type Point } from '../geometry';
import { duration } from '../../model/format';
import { isClients } from '../clients';
import { eachMessage, strokeOf, type Stroke } from '../scene';
import { isDoubtful } from '../tile';
import { hatch, haloText, line, spot, strip, type Colours, type Ctx, type Drawn, type Labels } from './brush';

/** A stage's curve stands on its lane, with its limit dashed; what is over the limit is hatched. */
export function curves(ctx: Ctx, d: Drawn, c: Colours): void {
    if (d.causes) ctx.globalAlpha = 0.34;
    const { frame, view } = d;
    const tall = frame.pitch * 0.72;
    for (const curve of d.curves) {
        if (!isInSight(frame, curve.lane) || curve.ns.length === 0) continue;
        const ground = across(frame, curve.lane);
        const rise = (v: number): number => (Math.min(v, curve.max) / curve.max) * tall;
        const at = (i: number, v: number): [number, number] => {
            const p = spot(frame, along(frame, view, curve.ns[i] ?? 0), frame.upright ? ground + rise(v) : ground - rise(v));
            return [p.x, p.y];
        };
        // Where nothing rises there is nothing to compare with a limit.
        if (Number.isFinite(curve.limit) && curve.values.some(v => v > curve.limit * 0.25)) limit(ctx, d, ground, rise(curve.limit), curve.limit, c);
        let from = 0;
        for (let i = 0; i <= curve.ns.length; i++) {
            if (i < curve.ns.length && (curve.values[i] ?? NaN) > curve.max * 0.02) continue;
            if (i - from > 0) area(ctx, c, curve.values, from, i, at);
            from = i + 1;
        }
        let over = -1;
        for (let i = 0; i <= curve.ns.length; i++) {
            const is = i < curve.ns.length && (curve.values[i] ?? 0) >= curve.limit;
            if (is && over < 0) over = i;
            if (is || over < 0) continue;
            const [a, b] = [along(frame, view, curve.ns[over] ?? 0), along(frame, view, curve.ns[i - 1] ?? 0)];
            hatch(ctx, strip(frame, a, b, frame.upright ? ground + tall / 2 : ground - tall / 2, tall / 2), c.fault);
            ctx.strokeStyle = c.fault;
            ctx.lineWidth = 1.6;
            line(ctx, spot(frame, a, ground), spot(frame, a, frame.upright ? ground + tall : ground - tall));
            over = -1;
        }
    }
    ctx.globalAlpha = 1;
}

function limit(ctx: Ctx, d: Drawn, ground: number, rise: number, value: number, c: Colours): void {
    const at = d.frame.upright ? ground + rise : ground - rise;
    const end = along(d.frame, d.view, Math.min(d.view.to, d.live ? d.at : d.view.to));
    ctx.strokeStyle = c.fault;
    const alpha = ctx.globalAlpha;
    ctx.globalAlpha = alpha * 0.55;
    ctx.lineWidth = 1;
    ctx.setLineDash([4, 3]);
    line(ctx, spot(d.frame, d.frame.start, at), spot(d.frame, end, at));
    ctx.setLineDash([]);
    ctx.globalAlpha = alpha;
    if (d.frame.upright) return;
    ctx.font = `11px ${c.mono}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    haloText(ctx, String(value), d.frame.start + 3, at, c.ink3, c.bg);
}

function area(ctx: Ctx, c: Colours, values: readonly number[], from: number, to: number, at: (i: number, v: number) => [number, number]): void {
    ctx.beginPath();
    ctx.moveTo(...at(from, 0));
    for (let i = from; i < to; i++) ctx.lineTo(...at(i, values[i] ?? 0));
    ctx.lineTo(...at(to - 1, 0));
    const alpha = ctx.globalAlpha;
    ctx.fillStyle = c.brass;
    ctx.globalAlpha = alpha * 0.2;
    ctx.fill();
    ctx.globalAlpha = alpha;
    ctx.beginPath();
    for (let i = from; i < to; i++) {
        const [x, y] = at(i, values[i] ?? 0);
        if (i === from) ctx.moveTo(x, y);
        else ctx.lineTo(x, y);
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = c.brass;
    ctx.lineWidth = 1.2;
    ctx.stroke();
}

/** On each lane, where the past of the selection ends and where its future begins. */
export function horizons(ctx: Ctx, d: Drawn, c: Colours): void {
    if (!d.causes) return;
    ctx.strokeStyle = c.ink;
    ctx.lineWidth = 1.4;
    ctx.setLineDash([]);
    for (const b of d.causes.brackets) {
        if (!isInSight(d.frame, b.lane)) continue;
        const at = across(d.frame, b.lane);
        if (b.past > 0) bracket(ctx, d, along(d.frame, d.view, b.past), at, 1);
        if (b.future > 0) bracket(ctx, d, along(d.frame, d.view, b.future), at, -1);
    }
}

/** ] closes the past, [ opens the future. */
function bracket(ctx: Ctx, d: Drawn, a: number, c: number, way: number): void {
    if (a < d.frame.start || a > d.frame.start + d.frame.length) return;
    const half = Math.min(8, d.frame.pitch * 0.36);
    ctx.beginPath();
    for (const [da, dc] of [[-5 * way, -half], [0, -half], [0, half], [-5 * way, half]] as const) {
        const p = spot(d.frame, a + da, c + dc);
        ctx.lineTo(p.x, p.y);
    }
    ctx.stroke();
}

const namedMost = 60;

/** What is sent, at the mark, where it is sparse: one name to a burst of the same. */
export function messageNames(ctx: Ctx, d: Drawn, c: Colours, labels: Labels): void {
    if (d.level > 0 || d.frame.upright) return;
    const all: Stroke[] = [];
    eachMessage(d.scene.pieces, d.view, (tile, i) => {
        if (all.length > namedMost) return;
        const s = strokeOf(tile, i);
        if (s.manner.kind !== 'beat' && !s.manner.reply && !isClients(s.from) && s.sent >= d.view.from) all.push(s);
    });
    if (all.length > namedMost) return;
    ctx.font = `12px ${c.cond}`;
    ctx.textAlign = 'right';
    ctx.textBaseline = 'middle';
    for (const s of all) {
        const p = place(d.frame, d.view, s.sent, s.from);
        const down = across(d.frame, s.to) > p.y;
        const doubt = isDoubtful(s.bound, s.arrives - s.sent);
        const text = doubt ? `${s.name} ±${duration(s.bound)}` : s.name;
        const w = ctx.measureText(text).width;
        const y = p.y + (down ? -11 : 12);
        if (!labels.take({ x: p.x - w - 3, y: y - 7, w: w + 3, h: 14 })) continue;
        ctx.globalAlpha = !d.causes || d.causes.lit(s.from, s.send, s.to, s.receive) ? 1 : 0.26;
        haloText(ctx, text, p.x - 3, y, c.ink2, c.bg);
    }
    ctx.globalAlpha = 1;
}

/** Up to here a fork and what it is of are one. */
export function parting(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame } = d;
    const a = along(frame, d.view, d.forkedAt);
    if (!(a >= frame.start && a <= frame.start + frame.length)) return;
    ctx.strokeStyle = c.brass;
    ctx.lineWidth = 1.2;
    ctx.setLineDash([2, 3]);
    line(ctx, spot(frame, a, frame.upright ? frame.first : 0), spot(frame, a, frame.upright ? d.width : frame.last));
    ctx.setLineDash([]);
    if (frame.upright) return;
    ctx.font = `12px ${c.cond}`;
    ctx.textAlign = 'right';
    ctx.textBaseline = 'top';
    haloText(ctx, 'one past', a - 5, 2, c.ink3, c.bg);
    ctx.textAlign = 'left';
    haloText(ctx, 'two futures', a + 5, 2, c.ink2, c.bg);
}

export function needle(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame } = d;
    const a = along(frame, d.view, d.at);
    if (a < frame.start - 1 || a > frame.start + frame.length + 1) return;
    ctx.strokeStyle = c.brass;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([]);
    const label = (d.live ? 'live ' : '') + (d.at / 1e9).toFixed(3);
    ctx.font = `500 11.5px ${c.mono}`;
    const width = ctx.measureText(label).width + 12;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    if (frame.upright) {
        line(ctx, { x: frame.first - 4, y: a }, { x: d.width, y: a });
        ctx.fillStyle = c.brassFill;
        const w = Math.min(width, frame.first + 30);
        ctx.fillRect(0, a - 9, w, 18);
        ctx.fillStyle = c.onBrass;
        ctx.fillText(label, w / 2, a + 0.5);
        return;
    }
    line(ctx, { x: a, y: 0 }, { x: a, y: frame.last + 4 });
    const x = Math.min(Math.max(a, frame.start + width / 2), d.width - width / 2 - 2);
    ctx.fillStyle = c.brassFill;
    ctx.beginPath();
    ctx.moveTo(a, frame.last);
    ctx.lineTo(a + 4, frame.last + 5);
    ctx.lineTo(a - 4, frame.last + 5);
    ctx.fill();
    ctx.fillRect(x - width / 2, frame.last + 5, width, 17);
    ctx.fillStyle = c.onBrass;
    ctx.fillText(label, x, frame.last + 14);
}

/** The stroke that is being drawn with the cut tool. */
export function cutStroke(ctx: Ctx, path: readonly Point[], c: Colours): void {
    ctx.strokeStyle = c.fault;
    ctx.lineWidth = 2.4;
    ctx.setLineDash([]);
    ctx.beginPath();
    path.forEach((p, i) => (i === 0 ? ctx.moveTo(p.x, p.y) : ctx.lineTo(p.x, p.y)));
    ctx.stroke();
}
