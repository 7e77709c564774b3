// Draws a scene on a canvas, in the order of the visual language: grid, ground, liveness, requests,
// crosses, marks, selection, needle. Knows no time but what it is given.
import { across, along, place, ticks, type Frame, type Point, type View } from './geometry';
import { dashes, widths, type Kind, type Shape } from './kinds';
import { endShare, type Mark, type Scene, type Stroke } from './scene';

export interface Colours {
    ink: string; ink2: string; ink3: string; line: string; line2: string; edge: string;
    bg: string; bg2: string; brass: string; onBrass: string; brassFill: string; fault: string; faultBg: string;
    kinds: Record<Kind, string>;
    cond: string; mono: string; sans: string;
}

export interface Drawn {
    frame: Frame;
    view: View;
    width: number;
    height: number;
    at: number;
    live: boolean;
    selected: number; // an ordinal
    hovered: number;
    names: Map<number, string>;
    roles: Map<number, string>; // of lanes that have one
}

export function coloursOf(style: CSSStyleDeclaration): Colours {
    const v = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    return {
        ink: v('ink'), ink2: v('ink-2'), ink3: v('ink-3'), line: v('line'), line2: v('line-2'), edge: v('edge'),
        bg: v('bg-1'), bg2: v('bg-2'), brass: v('brass-g'), onBrass: v('on-brass'), brassFill: v('brass'),
        fault: v('fault'), faultBg: v('fault-bg'),
        kinds: {
            beat: v('k-beat'), request: v('k-request'), data: v('k-data'), vote: v('k-vote'), control: v('k-control'),
        },
        cond: v('cond'), mono: v('mono'), sans: v('sans'),
    };
}

type Ctx = CanvasRenderingContext2D;

function line(ctx: Ctx, a: Point, b: Point): void {
    ctx.beginPath();
    ctx.moveTo(a.x, a.y);
    ctx.lineTo(b.x, b.y);
    ctx.stroke();
}

function hatch(ctx: Ctx, x: number, y: number, w: number, h: number, colour: string): void {
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.globalAlpha = 0.08;
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, w, h);
    ctx.globalAlpha = 0.42;
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.1;
    ctx.setLineDash([]);
    ctx.beginPath();
    const first = Math.floor((x - h) / 6) * 6;
    for (let at = first; at < x + w; at += 6) {
        ctx.moveTo(at, y + h);
        ctx.lineTo(at + h, y);
    }
    ctx.stroke();
    ctx.restore();
}

function grid(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame, view } = d;
    const last = frame.first + frame.pitch * frame.lanes.length;
    ctx.font = `11px ${c.mono}`;
    ctx.fillStyle = c.ink3;
    ctx.strokeStyle = c.line;
    ctx.lineWidth = 1;
    ctx.setLineDash([]);
    for (const tick of ticks(view, frame.length, frame.upright ? 48 : 84)) {
        const a = Math.round(along(frame, view, tick.ns)) + 0.5;
        if (a < frame.start) continue;
        if (frame.upright) {
            line(ctx, { x: frame.first, y: a }, { x: d.width, y: a });
            ctx.textAlign = 'right';
            ctx.textBaseline = 'middle';
            ctx.fillText(tick.label, frame.first - 6, a);
        } else {
            line(ctx, { x: a, y: frame.first }, { x: a, y: last });
            ctx.textAlign = 'center';
            ctx.textBaseline = 'top';
            ctx.fillText(tick.label, a, last + 7);
        }
    }
}

/** A stretch of a lane, along time. */
function stretch(d: Drawn, lane: number, from: number, to: number): { a: Point; b: Point } | undefined {
    const low = Math.max(from, d.view.from);
    const high = Math.min(to, d.live ? d.at : Math.min(d.view.to, to));
    if (high <= low) return undefined;
    return { a: place(d.frame, d.view, low, lane), b: place(d.frame, d.view, high, lane) };
}

function laneGround(ctx: Ctx, d: Drawn, scene: Scene | undefined, c: Colours): void {
    const end = scene ? Math.max(scene.newest, d.at) : d.at;
    const told = new Set(scene?.spans.map(s => s.lane));
    for (const lane of d.frame.lanes) {
        ctx.strokeStyle = c.line2;
        ctx.lineWidth = 1;
        ctx.setLineDash(lane === 0 ? [1, 4] : [1, 3]);
        if (lane === 0 || !told.has(lane)) {
            const s = stretch(d, lane, Math.max(0, d.view.from), end);
            if (s) line(ctx, s.a, s.b);
        }
    }
    for (const span of scene?.spans ?? []) {
        if (!d.frame.lanes.includes(span.lane)) continue;
        const s = stretch(d, span.lane, span.from, Math.min(span.to, end));
        if (s) laneState(ctx, span.state, s.a, s.b, c);
    }
    ctx.setLineDash([]);
}

function laneState(ctx: Ctx, state: number, a: Point, b: Point, c: Colours): void {
    ctx.setLineDash([]);
    if (state === 3) {
        const x = Math.min(a.x, b.x);
        const y = Math.min(a.y, b.y);
        if (a.y === b.y) hatch(ctx, x, y - 6, b.x - a.x, 12, c.fault);
        else hatch(ctx, x - 6, y, 12, b.y - a.y, c.fault);
        return;
    }
    if (state === 4) return;
    ctx.strokeStyle = c.edge;
    ctx.lineWidth = 1.5;
    if (state === 2) ctx.setLineDash([1.5, 4]);
    if (state === 5) ctx.setLineDash([4, 3]);
    line(ctx, a, b);
    ctx.setLineDash([]);
}

function head(ctx: Ctx, s: Stroke, from: Point, to: Point, c: Colours): void {
    const colour = c.kinds[s.manner.kind];
    const angle = Math.atan2(to.y - from.y, to.x - from.x);
    ctx.fillStyle = colour;
    ctx.strokeStyle = colour;
    ctx.setLineDash([]);
    if (s.manner.kind === 'beat') {
        if (s.manner.reply) return;
        ctx.beginPath();
        ctx.arc(to.x, to.y, 1.9, 0, 7);
        ctx.fill();
        return;
    }
    ctx.save();
    ctx.translate(to.x, to.y);
    ctx.rotate(angle);
    ctx.beginPath();
    if (s.manner.refusal) {
        ctx.lineWidth = 2.6;
        ctx.moveTo(-2, -5);
        ctx.lineTo(-2, 5);
        ctx.stroke();
    } else {
        ctx.moveTo(0, 0);
        ctx.lineTo(-8, -3.4);
        ctx.lineTo(-8, 3.4);
        ctx.closePath();
        if (s.manner.reply) {
            ctx.fillStyle = c.bg;
            ctx.fill();
            ctx.lineWidth = 1.3;
            ctx.stroke();
        } else ctx.fill();
    }
    ctx.restore();
}

function cross(ctx: Ctx, p: Point, r: number, width: number, c: Colours): void {
    ctx.strokeStyle = c.fault;
    ctx.lineWidth = width;
    ctx.lineCap = 'round';
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(p.x - r, p.y - r);
    ctx.lineTo(p.x + r, p.y + r);
    ctx.moveTo(p.x + r, p.y - r);
    ctx.lineTo(p.x - r, p.y + r);
    ctx.stroke();
    ctx.lineCap = 'butt';
}

function strokes(ctx: Ctx, d: Drawn, scene: Scene, c: Colours): void {
    const order: Kind[] = ['beat', 'data', 'request', 'vote', 'control'];
    const heads = scene.strokes.length <= 2500;
    for (const kind of order) {
        ctx.strokeStyle = c.kinds[kind];
        for (const s of scene.strokes) {
            if (s.manner.kind !== kind || s.arrives < d.view.from || s.sent > d.view.to || s.sent > d.at) continue;
            stroke(ctx, d, s, heads, c);
        }
    }
    for (const s of scene.strokes) {
        if (s.fate < 2 || s.sent > d.at || s.sent < d.view.from - scene.longest) continue;
        const from = place(d.frame, d.view, s.sent, s.from);
        const to = place(d.frame, d.view, s.arrives, s.to);
        const share = endShare(s.fate);
        cross(ctx, { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }, 3.4, 1.7, c);
    }
}

function stroke(ctx: Ctx, d: Drawn, s: Stroke, heads: boolean, c: Colours): void {
    const from = place(d.frame, d.view, s.sent, s.from);
    const whole = place(d.frame, d.view, s.arrives, s.to);
    let share = endShare(s.fate);
    // Under way at the needle's instant: solid up to it.
    const reached = s.arrives > s.sent ? (d.at - s.sent) / (s.arrives - s.sent) : 1;
    const flying = reached < share;
    if (flying) share = reached;
    const to = { x: from.x + (whole.x - from.x) * share, y: from.y + (whole.y - from.y) * share };
    const lit = (s.send !== 0 && s.send === d.selected) || (s.receive !== 0 && s.receive === d.selected);
    const under = s.send !== 0 && s.send === d.hovered;
    if (lit || under) {
        ctx.save();
        ctx.strokeStyle = c.brass;
        ctx.globalAlpha = 0.45;
        ctx.lineWidth = 5;
        ctx.setLineDash([]);
        line(ctx, from, to);
        ctx.restore();
    }
    ctx.strokeStyle = c.kinds[s.manner.kind];
    ctx.lineWidth = s.manner.reply ? 1.1 : widths[s.manner.kind];
    ctx.setLineDash(dashes[s.manner.kind]);
    line(ctx, from, to);
    ctx.setLineDash([]);
    if (heads && s.fate < 2 && !flying) head(ctx, s, from, to, c);
}

function density(ctx: Ctx, d: Drawn, scene: Scene, c: Colours): void {
    if (scene.bins.length === 0) return;
    const most = Math.max(...scene.bins.map(b => b.count), 1);
    const reach = d.frame.pitch * 0.42;
    for (const bin of scene.bins) {
        if (bin.ns > d.at || !d.frame.lanes.includes(bin.lane)) continue;
        const a = along(d.frame, d.view, bin.ns);
        const w = Math.max(1, along(d.frame, d.view, bin.ns + scene.binNs) - a);
        const h = reach * Math.sqrt(bin.count / most);
        const y = across(d.frame, bin.lane);
        ctx.globalAlpha = 0.75;
        ctx.fillStyle = c.ink3;
        if (d.frame.upright) ctx.fillRect(y - h, a, h, w);
        else ctx.fillRect(a, y - h, w, h);
        ctx.globalAlpha = 1;
        if (bin.drops > 0) {
            ctx.fillStyle = c.fault;
            if (d.frame.upright) ctx.fillRect(y, a, 5, Math.max(1.5, w * 0.5));
            else ctx.fillRect(a, y + 1, Math.max(1.5, w * 0.5), 5);
        }
    }
}

function shape(ctx: Ctx, p: Point, s: Shape, upright: boolean, c: Colours): void {
    ctx.setLineDash([]);
    ctx.strokeStyle = c.ink;
    ctx.fillStyle = c.ink;
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    switch (s) {
        case 'cross':
        case 'bad':
            cross(ctx, p, 5, 2.4, c);
            return;
        case 'half':
            ctx.fillStyle = c.bg;
            ctx.arc(p.x, p.y, 4.5, 0, 7);
            ctx.fill();
            ctx.stroke();
            ctx.beginPath();
            ctx.fillStyle = c.ink;
            ctx.arc(p.x, p.y, 4.5, Math.PI / 2, -Math.PI / 2);
            ctx.fill();
            return;
        case 'pause':
            ctx.fillRect(p.x - 4, p.y - 5.5, 3, 11);
            ctx.fillRect(p.x + 1.5, p.y - 5.5, 3, 11);
            return;
        case 'resume':
            ctx.moveTo(p.x - 4, p.y - 5.5);
            ctx.lineTo(p.x + 5, p.y);
            ctx.lineTo(p.x - 4, p.y + 5.5);
            ctx.fill();
            return;
        case 'cut':
            ctx.strokeStyle = c.fault;
            ctx.lineWidth = 2;
            ctx.moveTo(p.x - 4, p.y + 5);
            ctx.lineTo(p.x - 0.5, p.y - 5);
            ctx.moveTo(p.x + 0.5, p.y + 5);
            ctx.lineTo(p.x + 4, p.y - 5);
            ctx.stroke();
            return;
        case 'heal':
            ctx.lineWidth = 2;
            ctx.moveTo(p.x, p.y - 6);
            ctx.lineTo(p.x, p.y + 6);
            ctx.stroke();
            return;
        case 'hourglass':
            ctx.moveTo(p.x - 4, p.y - 5.5);
            ctx.lineTo(p.x + 4, p.y - 5.5);
            ctx.lineTo(p.x - 4, p.y + 5.5);
            ctx.lineTo(p.x + 4, p.y + 5.5);
            ctx.closePath();
            ctx.fillStyle = c.bg;
            ctx.fill();
            ctx.stroke();
            return;
        case 'square':
            ctx.fillStyle = c.bg;
            ctx.lineWidth = 1.3;
            ctx.rect(p.x - 2.8, p.y - 2.8, 5.6, 5.6);
            ctx.fill();
            ctx.stroke();
            return;
        case 'flag':
            ctx.moveTo(p.x, p.y - 5);
            ctx.lineTo(p.x + 5, p.y);
            ctx.lineTo(p.x, p.y + 5);
            ctx.lineTo(p.x - 5, p.y);
            ctx.closePath();
            ctx.fill();
            return;
        case 'tick':
            ctx.strokeStyle = c.edge;
            ctx.lineWidth = 1;
            if (upright) line(ctx, { x: p.x, y: p.y }, { x: p.x + 5, y: p.y });
            else line(ctx, { x: p.x, y: p.y }, { x: p.x, y: p.y + 5 });
    }
}

function verticals(ctx: Ctx, d: Drawn, scene: Scene, c: Colours): void {
    ctx.lineWidth = 1;
    ctx.setLineDash([1.5, 3]);
    for (const mark of scene.marks) {
        if (mark.lane !== 0 || mark.ns > d.at || mark.ns < d.view.from) continue;
        ctx.strokeStyle = mark.shape === 'cross' || mark.shape === 'cut' ? c.fault : c.edge;
        for (const lane of mark.hits) line(ctx, place(d.frame, d.view, mark.ns, 0), place(d.frame, d.view, mark.ns, lane));
    }
    ctx.setLineDash([]);
}

function marks(ctx: Ctx, d: Drawn, scene: Scene, c: Colours): void {
    const shown = scene.marks.filter(m => m.ns <= d.at && m.ns >= d.view.from && d.frame.lanes.includes(m.lane));
    const rank = (m: Mark): number => (m.shape === 'tick' ? 0 : m.shape === 'square' ? 1 : 2);
    for (const m of [...shown].sort((a, b) => rank(a) - rank(b))) {
        const p = place(d.frame, d.view, m.ns, m.lane);
        shape(ctx, p, m.shape, d.frame.upright, c);
        if (m.event === d.selected || m.event === d.hovered) {
            ctx.strokeStyle = c.brass;
            ctx.lineWidth = 2;
            ctx.beginPath();
            ctx.arc(p.x, p.y, 9, 0, 7);
            ctx.stroke();
        }
    }
    if (!d.frame.upright) labels(ctx, d, shown, c);
}

/** The operator's lines at their marks, where they do not overlap. */
function labels(ctx: Ctx, d: Drawn, shown: Mark[], c: Colours): void {
    ctx.font = `12px ${c.cond}`;
    ctx.textBaseline = 'middle';
    ctx.textAlign = 'left';
    let free = Infinity;
    for (const m of shown.filter(one => one.lane === 0 && one.text).sort((a, b) => b.ns - a.ns)) {
        const p = place(d.frame, d.view, m.ns, 0);
        const text = m.text.length > 34 ? `${m.text.slice(0, 33)}…` : m.text;
        const width = ctx.measureText(text).width;
        let x = p.x + 9;
        if (x + width > Math.min(free, d.width - 4)) {
            x = p.x - 9 - width;
            if (x < d.frame.start || p.x + 6 > free) continue;
        }
        ctx.strokeStyle = c.bg;
        ctx.lineWidth = 4;
        ctx.lineJoin = 'round';
        ctx.strokeText(text, x, p.y);
        ctx.fillStyle = c.ink;
        ctx.fillText(text, x, p.y);
        free = Math.min(x, p.x - 6) - 8;
    }
}

function names(ctx: Ctx, d: Drawn, c: Colours): void {
    ctx.fillStyle = c.bg;
    if (d.frame.upright) ctx.fillRect(0, 0, d.width, d.frame.start);
    else ctx.fillRect(0, 0, d.frame.start - 1, d.height);
    ctx.font = `500 13px ${c.sans}`;
    ctx.fillStyle = c.ink;
    ctx.textBaseline = 'middle';
    for (const lane of d.frame.lanes) {
        const at = across(d.frame, lane);
        ctx.textAlign = d.frame.upright ? 'center' : 'left';
        const name = d.names.get(lane) ?? `n${lane}`;
        const role = d.roles.get(lane) ?? '';
        const up = role ? 7 : 0;
        if (d.frame.upright) ctx.fillText(name, at, d.frame.start / 2 - up);
        else ctx.fillText(name, 16, at - up);
        if (role) under(ctx, d, c, role, at);
    }
}

// What a node is, in small below its name.
function under(ctx: Ctx, d: Drawn, c: Colours, role: string, at: number): void {
    ctx.save();
    ctx.font = `11px ${c.sans}`;
    ctx.fillStyle = c.ink3;
    if (d.frame.upright) ctx.fillText(role, at, d.frame.start / 2 + 8, d.frame.pitch - 4);
    else ctx.fillText(role, 16, at + 8, d.frame.start - 20);
    ctx.restore();
}

function needle(ctx: Ctx, d: Drawn, c: Colours): void {
    const a = along(d.frame, d.view, d.at);
    if (a < d.frame.start - 1 || a > d.frame.start + d.frame.length + 1) return;
    ctx.strokeStyle = c.brass;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([]);
    const label = (d.live ? 'live ' : '') + (d.at / 1e9).toFixed(3);
    ctx.font = `500 11.5px ${c.mono}`;
    const width = ctx.measureText(label).width + 12;
    const last = d.frame.first + d.frame.pitch * d.frame.lanes.length;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    if (d.frame.upright) {
        line(ctx, { x: d.frame.first - 4, y: a }, { x: d.width, y: a });
        ctx.fillStyle = c.brassFill;
        ctx.fillRect(0, a - 9, Math.min(width, d.frame.first + 30), 18);
        ctx.fillStyle = c.onBrass;
        ctx.fillText(label, Math.min(width, d.frame.first + 30) / 2, a + 0.5);
        return;
    }
    line(ctx, { x: a, y: 0 }, { x: a, y: last + 4 });
    const x = Math.min(Math.max(a, d.frame.start + width / 2), d.width - width / 2 - 2);
    ctx.fillStyle = c.brassFill;
    ctx.fillRect(x - width / 2, last + 4, width, 17);
    ctx.fillStyle = c.onBrass;
    ctx.fillText(label, x, last + 13);
}

export function draw(ctx: Ctx, d: Drawn, scene: Scene | undefined, c: Colours): void {
    ctx.clearRect(0, 0, d.width, d.height);
    grid(ctx, d, c);
    laneGround(ctx, d, scene, c);
    if (scene) {
        if (scene.level > 0) density(ctx, d, scene, c);
        strokes(ctx, d, scene, c);
        verticals(ctx, d, scene, c);
        marks(ctx, d, scene, c);
    }
    names(ctx, d, c);
    needle(ctx, d, c);
}
