// The paper itself: grid and axis, who was in charge, and each lane by how its process was.
import { duration, grouped } from '../../model/format';
import { across, along, isInSight, ticks, type Point } from '../geometry';
import type { Charge } from '../operator';
import { lives, type Span } from '../tile';
import { fitted, hatch, haloText, line, spot, strip, type Box, type Colours, type Ctx, type Drawn, type Labels } from './brush';
import { shape } from './shapes';

export function grid(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame, view } = d;
    ctx.font = `11px ${c.mono}`;
    ctx.fillStyle = c.ink3;
    ctx.strokeStyle = c.line;
    ctx.lineWidth = 1;
    ctx.setLineDash([]);
    ctx.textAlign = frame.upright ? 'right' : 'center';
    ctx.textBaseline = frame.upright ? 'middle' : 'top';
    for (const tick of ticks(view, frame.length, frame.upright ? 48 : 84)) {
        const a = Math.round(along(frame, view, tick.ns)) + 0.5;
        if (a < frame.start) continue;
        line(ctx, spot(frame, a, frame.first), spot(frame, a, frame.upright ? d.width : frame.last));
        if (frame.upright) ctx.fillText(tick.label, frame.first - 6, a);
        else ctx.fillText(tick.label, a, frame.last + 7);
    }
}

/** Where what has happened ends: at the needle while live, in replay as far as it has got. */
function happened(d: Drawn): number {
    return Math.min(d.view.to, d.live ? d.at : Math.max(d.happened, d.at));
}

const led = (d: Drawn, c: Charge): string => `${c.term ? `term ${c.term} · ` : ''}${d.names.get(c.lane) ?? ''} leads`;

/** The row on top: who led and for how long; hatched with its length where nobody did. */
export function charges(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame, view } = d;
    if (d.charges.length === 0) return;
    const row = { c: frame.first - (frame.upright ? 7 : 11), half: frame.upright ? 6 : 9 };
    ctx.font = `500 12px ${c.cond}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    d.charges.forEach((charge, i) => {
        const a = Math.max(frame.start, along(frame, view, Math.max(charge.from, view.from)));
        const b = along(frame, view, Math.min(charge.to, happened(d)));
        if (b <= a) return;
        const box = strip(frame, a, b, row.c, row.half);
        const whole = charge.from > view.from && charge.to < happened(d);
        const text = charge.lane > 0 ? led(d, charge) : whole ? `nobody · ${duration(charge.to - charge.from)}` : 'nobody';
        if (charge.lane > 0) {
            ctx.fillStyle = i % 2 ? c.termA : c.termB;
            ctx.fillRect(box.x, box.y, box.w, box.h);
        } else hatch(ctx, box, c.ink3, 0.06);
        if (!frame.upright && ctx.measureText(text).width + 16 < box.w) haloText(ctx, text, a + 8, row.c + 0.5, c.ink, c.bg);
    });
}

function stretch(d: Drawn, span: Span): { a: Point; b: Point } | undefined {
    const low = Math.max(span.from, d.view.from);
    const high = Math.min(span.to, happened(d));
    if (high <= low) return undefined;
    const at = across(d.frame, span.lane);
    return { a: spot(d.frame, along(d.frame, d.view, low), at), b: spot(d.frame, along(d.frame, d.view, high), at) };
}

export function lanes(ctx: Ctx, d: Drawn, c: Colours): void {
    const told = new Set(d.scene.spans.map(s => s.lane));
    ctx.save();
    if (d.causes) ctx.globalAlpha = 0.34;
    for (const lane of d.frame.lanes) {
        if (!isInSight(d.frame, lane) || (lane > 0 && told.has(lane))) continue;
        const s = stretch(d, { lane, from: 0, to: Infinity, state: lives.absent, term: 0 });
        if (!s) continue;
        ctx.strokeStyle = c.line2;
        ctx.lineWidth = 1;
        ctx.setLineDash(lane === 0 ? [1, 4] : [1, 3]);
        line(ctx, s.a, s.b);
    }
    for (const span of d.scene.spans) {
        const s = isInSight(d.frame, span.lane) ? stretch(d, span) : undefined;
        if (s) state(ctx, d, span, s.a, s.b, c);
    }
    ctx.restore();
    ctx.setLineDash([]);
}

function state(ctx: Ctx, d: Drawn, span: Span, a: Point, b: Point, c: Colours): void {
    ctx.setLineDash([]);
    ctx.strokeStyle = c.edge;
    ctx.lineWidth = 1.5;
    switch (span.state) {
        case lives.absent:
            return;
        case lives.dead:
            down(ctx, d, a, b, c);
            return;
        case lives.paused:
            ctx.setLineDash([1.5, 4]);
            ctx.strokeStyle = c.ink2;
            break;
        case lives.starting:
            comb(ctx, d, a, b);
            break;
        case lives.trying:
            ctx.setLineDash([5, 2.5]);
            ctx.strokeStyle = c.kinds.vote;
            ctx.lineWidth = 3.5;
            break;
        case lives.charge:
            ctx.strokeStyle = c.ink;
            ctx.lineWidth = 5;
            break;
        default:
    }
    line(ctx, a, b);
    // What a pause begins and ends with stands on the lane itself.
    if (span.state !== lives.paused) return;
    if (span.from > d.view.from) shape(ctx, a, 'pause', d.frame.upright, c);
    if (span.to < happened(d)) shape(ctx, b, 'resume', d.frame.upright, c);
}

/** Dead: a hatched gap. */
function down(ctx: Ctx, d: Drawn, a: Point, b: Point, c: Colours): void {
    const box = d.frame.upright ? { x: a.x - 6, y: a.y, w: 12, h: b.y - a.y } : { x: a.x, y: a.y - 6, w: b.x - a.x, h: 12 };
    hatch(ctx, box, c.fault);
}

/** How long each gap was, where both of its ends are seen. */
export function downTimes(ctx: Ctx, d: Drawn, c: Colours, labels: Labels): void {
    if (d.frame.upright) return;
    ctx.font = `12px ${c.cond}`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    for (const span of d.scene.spans) {
        if (span.state !== lives.dead || span.from <= d.view.from || span.to >= happened(d) || !isInSight(d.frame, span.lane)) continue;
        const [a, b] = [along(d.frame, d.view, span.from), along(d.frame, d.view, span.to)];
        const text = `down ${duration(span.to - span.from)}`;
        const w = ctx.measureText(text).width;
        const at = { x: (a + b - w) / 2, y: across(d.frame, span.lane) - 8, w, h: 16 };
        if (w + 28 <= b - a && labels.take(at)) haloText(ctx, text, at.x, at.y + 8.5, c.ink2, c.bg);
    }
}

/** Nothing is known here: the lane is torn out between two broken edges, with how much is missing. */
export function holes(ctx: Ctx, d: Drawn, c: Colours, labels: Labels): void {
    const { frame, view } = d;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    for (const hole of d.scene.holes) {
        if (!isInSight(frame, hole.lane) || hole.to < view.from || hole.from > happened(d)) continue;
        const low = along(frame, view, Math.max(hole.from, view.from));
        const high = along(frame, view, Math.min(hole.to, happened(d)));
        const [a, b] = high - low < holeLeast ? [high - holeLeast, high] : [low, high];
        const at = across(frame, hole.lane);
        const half = Math.min(8, frame.pitch * 0.3);
        const box = strip(frame, a, b, at, half);
        ctx.globalAlpha = 1;
        ctx.fillStyle = c.bg;
        ctx.fillRect(box.x, box.y, box.w, box.h);
        ctx.globalAlpha = d.causes ? 0.34 : 1;
        ctx.strokeStyle = c.fault;
        ctx.lineWidth = 1.2;
        ctx.setLineDash([2.4, 2.2]);
        ctx.strokeRect(box.x + 0.5, box.y + 0.5, Math.max(1, box.w - 1), box.h - 1);
        ctx.setLineDash([]);
        missing(ctx, hole.events, box, frame.upright ? frame.pitch - 4 : box.w - 8, c, labels);
    }
    ctx.globalAlpha = 1;
}

const holeLeast = 3; // px: also of a moment it is seen that something is missing

function missing(ctx: Ctx, events: number, box: Box, room: number, c: Colours, labels: Labels): void {
    ctx.font = `12px ${c.cond}`;
    for (const text of [`${grouped(events)} events missing`, `${grouped(events)} missing`, grouped(events)]) {
        const w = ctx.measureText(text).width;
        if (w > room || box.h < 12) continue;
        const at = { x: box.x + (box.w - w) / 2, y: box.y + box.h / 2 - 7, w, h: 14 };
        if (labels.take(at)) haloText(ctx, text, box.x + box.w / 2, box.y + box.h / 2 + 0.5, c.fault, c.bg);
        return;
    }
}

/** Starting: the lane is combed while its log is read back. */
function comb(ctx: Ctx, d: Drawn, a: Point, b: Point): void {
    ctx.beginPath();
    const [from, to] = d.frame.upright ? [a.y, b.y] : [a.x, b.x];
    for (let at = from + 2; at < to; at += 4) {
        const p = spot(d.frame, at, d.frame.upright ? a.x : a.y);
        const [dx, dy] = d.frame.upright ? [4, 0] : [0, 4];
        ctx.moveTo(p.x - dx, p.y - dy);
        ctx.lineTo(p.x + dx, p.y + dy);
    }
    ctx.lineWidth = 1;
    ctx.stroke();
    ctx.lineWidth = 1.5;
}

/** Names, and how each is at the needle, on their own ground: nothing runs behind them. */
export function names(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame } = d;
    ctx.fillStyle = c.bg;
    if (frame.upright) ctx.fillRect(0, 0, d.width, frame.start);
    else ctx.fillRect(0, 0, frame.start - 1, d.height);
    ctx.textBaseline = 'middle';
    ctx.textAlign = frame.upright ? 'center' : 'left';
    for (const lane of frame.lanes) {
        if (!isInSight(frame, lane)) continue;
        const at = across(frame, lane);
        const word = d.words.get(lane) ?? '';
        const role = frame.pitch >= 30 ? (d.roles.get(lane) ?? '') : '';
        const up = role ? 7 : 0;
        ctx.font = `500 13px ${c.sans}`;
        const name = fitted(ctx, d.names.get(lane) ?? `n${lane}`, frame.upright ? frame.pitch - 4 : frame.start - 22);
        if (d.flawed.has(lane)) warning(ctx, frame.upright ? { x: at, y: frame.start - 4 } : { x: 8, y: at - up }, c);
        ctx.fillStyle = word === 'killed' || word === 'not there' ? c.ink3 : c.ink;
        if (role) under(ctx, d, c, role, at);
        if (frame.upright) ctx.fillText(name, at, frame.start / 2 - up);
        else {
            ctx.fillText(name, 16, at - up);
            const w = ctx.measureText(name).width;
            ctx.font = `12px ${c.cond}`;
            ctx.fillStyle = c.ink3;
            if (word && 16 + w + 6 + ctx.measureText(word).width < frame.start - 4) ctx.fillText(word, 16 + w + 6, at - up + 0.5);
        }
    }
}

/** A flaw is on: the triangle that warns of it. */
function warning(ctx: Ctx, at: Point, c: Colours): void {
    ctx.strokeStyle = c.fault;
    ctx.lineWidth = 1.4;
    ctx.beginPath();
    ctx.moveTo(at.x, at.y - 5);
    ctx.lineTo(at.x + 5, at.y + 4);
    ctx.lineTo(at.x - 5, at.y + 4);
    ctx.closePath();
    ctx.moveTo(at.x, at.y - 1.5);
    ctx.lineTo(at.x, at.y + 2.2);
    ctx.stroke();
}

/** What a node is, in small below its name. */
function under(ctx: Ctx, d: Drawn, c: Colours, role: string, at: number): void {
    ctx.save();
    ctx.font = `11px ${c.sans}`;
    ctx.fillStyle = c.ink3;
    if (d.frame.upright) ctx.fillText(fitted(ctx, role, d.frame.pitch - 4), at, d.frame.start / 2 + 8);
    else ctx.fillText(fitted(ctx, role, d.frame.start - 20), 16, at + 8);
    ctx.restore();
}
