// Events on the lanes, what the operator did, and how long each silence was.
import { duration } from '../../model/format';
import { across, along, isInSight, place } from '../geometry';
import type { Mark } from '../tile';
import { haloText, line, spot, strip, type Colours, type Ctx, type Drawn, type Labels } from './brush';
import { shape } from './shapes';

const dim = 0.26;

function isShown(d: Drawn, m: Mark): boolean {
    const rank = d.level === 0 ? 3 : d.level === 1 ? 2 : 1;
    return m.rank <= rank && m.ns >= d.view.from && m.ns <= d.view.to && isInSight(d.frame, m.lane);
}

function isLit(d: Drawn, m: Mark): boolean {
    return !d.causes || d.causes.side(m.lane, m.event) !== 'neither';
}

/** From what the operator did to the lanes that it hit. */
export function verticals(ctx: Ctx, d: Drawn, c: Colours): void {
    ctx.lineWidth = 1;
    ctx.setLineDash([1.5, 3]);
    for (const mark of d.scene.marks) {
        if (mark.lane !== 0 || !isShown(d, mark)) continue;
        ctx.strokeStyle = mark.shape === 'cross' || mark.shape === 'cut' ? c.fault : c.edge;
        ctx.globalAlpha = isLit(d, mark) ? 1 : dim;
        const far = mark.hits.filter(lane => isInSight(d.frame, lane)).map(lane => across(d.frame, lane));
        if (far.length === 0) continue;
        const a = along(d.frame, d.view, mark.ns);
        line(ctx, spot(d.frame, a, across(d.frame, 0)), spot(d.frame, a, Math.max(...far)));
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
}

/** A cut is of links, so it stands on the operator's lane: from // to |. */
export function bars(ctx: Ctx, d: Drawn, c: Colours): void {
    if (!isInSight(d.frame, 0)) return;
    const at = across(d.frame, 0);
    ctx.fillStyle = c.fault;
    for (const bar of d.bars) {
        const a = Math.max(d.frame.start, along(d.frame, d.view, Math.max(d.view.from, bar.from)));
        const b = along(d.frame, d.view, Math.min(bar.to, d.live ? d.at : d.view.to, d.view.to));
        if (b <= a) continue;
        const box = strip(d.frame, a, b, at, 1.8);
        ctx.globalAlpha = 0.62;
        ctx.fillRect(box.x, box.y, box.w, box.h);
    }
    ctx.globalAlpha = 1;
}

export function marks(ctx: Ctx, d: Drawn, c: Colours, labels: Labels): void {
    const shown = d.scene.marks.filter(m => isShown(d, m)).sort((a, b) => b.rank - a.rank);
    for (const m of shown) {
        const p = place(d.frame, d.view, m.ns, m.lane);
        const lit = isLit(d, m);
        ctx.globalAlpha = lit ? 1 : dim;
        if (m.shape !== 'hole' || !isTorn(d, m)) shape(ctx, p, m.shape, d.frame.upright, c);
        if (m.rank < 3 && m.lane !== 0) labels.keep({ x: p.x - 7, y: p.y - 7, w: 14, h: 14 });
        if (d.found.has(m.event)) ring(ctx, p.x, p.y, 8, c.brass2, 1.2);
        if (m.event === d.hovered) ring(ctx, p.x, p.y, 9, c.brass, 1.4);
        if (m.event === d.selected) ring(ctx, p.x, p.y, 9, c.brass, 2);
    }
    ctx.globalAlpha = 1;
    if (d.frame.upright) return;
    operatorLines(ctx, d, shown, c, labels);
    silences(ctx, d, shown, c, labels);
}

/** The gap in the lane says it already. */
function isTorn(d: Drawn, m: Mark): boolean {
    return d.scene.holes.some(h => h.lane === m.lane && h.from <= m.ns && m.ns <= h.to && along(d.frame, d.view, h.to) - along(d.frame, d.view, h.from) > 14);
}

function ring(ctx: Ctx, x: number, y: number, r: number, colour: string, width: number): void {
    ctx.setLineDash([]);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 7);
    ctx.stroke();
}

/** The command lines at their marks, the newest first. */
function operatorLines(ctx: Ctx, d: Drawn, shown: readonly Mark[], c: Colours, labels: Labels): void {
    ctx.font = `12px ${c.cond}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    const own = shown.filter(m => m.lane === 0 && m.text).sort((a, b) => b.ns - a.ns);
    for (const m of own) {
        const p = place(d.frame, d.view, m.ns, 0);
        labels.keep({ x: p.x - 6, y: p.y - 8, w: 12, h: 16 });
    }
    for (const m of own) {
        const p = place(d.frame, d.view, m.ns, 0);
        const text = m.text.length > 34 ? `${m.text.slice(0, 33)}…` : m.text;
        const w = ctx.measureText(text).width;
        for (const x of [p.x + 9, p.x - 9 - w])
            if (labels.take({ x, y: p.y - 7, w, h: 14 })) {
                ctx.globalAlpha = isLit(d, m) ? 1 : dim;
                haloText(ctx, text, x, p.y, c.ink, c.bg);
                break;
            }
    }
    ctx.globalAlpha = 1;
}

/** A timeout: under the lane, a bracket over the silence that it ended, with its length. */
function silences(ctx: Ctx, d: Drawn, shown: readonly Mark[], c: Colours, labels: Labels): void {
    if (d.level > 1) return;
    const own = shown.filter(m => m.span > 0 && m.shape === 'hourglass');
    const meant = (m: Mark): number => (m.event === d.selected ? 0 : m.event === d.hovered ? 1 : 2);
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'center';
    for (const m of own.sort((x, y) => meant(x) - meant(y) || x.ns - y.ns)) {
        const b = along(d.frame, d.view, m.ns);
        const whole = along(d.frame, d.view, m.ns - m.span);
        const a = Math.max(d.frame.start, whole);
        const y = across(d.frame, m.lane) + Math.min(13, d.frame.pitch * 0.4);
        if (b - a < 40 || !labels.take({ x: a, y: y - 5, w: b - a - 8, h: 10 })) continue;
        const text = `${duration(m.span)} of silence`;
        ctx.font = `italic 14px ${c.serif}`;
        const w = ctx.measureText(text).width;
        const fits = w + 24 < b - a;
        ctx.globalAlpha = isLit(d, m) ? 1 : dim;
        ctx.strokeStyle = meant(m) < 2 ? c.brass : c.ink2;
        ctx.lineWidth = 1;
        ctx.setLineDash([]);
        const middle = (a + b) / 2;
        if (fits) {
            line(ctx, { x: a, y }, { x: middle - w / 2 - 6, y });
            line(ctx, { x: middle + w / 2 + 6, y }, { x: b, y });
            haloText(ctx, text, middle, y, c.ink, c.bg);
        } else line(ctx, { x: a, y }, { x: b, y });
        line(ctx, { x: b, y: y - 4 }, { x: b, y: y + 4 });
        if (whole >= d.frame.start) line(ctx, { x: a, y: y - 4 }, { x: a, y: y + 4 });
    }
    ctx.globalAlpha = 1;
}
