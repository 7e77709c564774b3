// The marks of events on a lane, one shape each: they read without colour.
import type { Point } from '../geometry';
import type { Shape } from '../kinds';
import { line, type Colours, type Ctx } from './brush';

export function cross(ctx: Ctx, p: Point, r: number, width: number, c: Colours): void {
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

function polygon(ctx: Ctx, p: Point, ...points: [number, number][]): void {
    ctx.beginPath();
    points.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(p.x + x, p.y + y) : ctx.lineTo(p.x + x, p.y + y)));
    ctx.closePath();
}

function box(ctx: Ctx, p: Point, c: Colours): void {
    ctx.fillStyle = c.bg;
    ctx.lineWidth = 1.3;
    ctx.beginPath();
    ctx.rect(p.x - 3.2, p.y - 3.2, 6.4, 6.4);
    ctx.fill();
    ctx.stroke();
}

const shapes: Record<Shape, (ctx: Ctx, p: Point, c: Colours, upright: boolean) => void> = {
    cross: (ctx, p, c) => cross(ctx, p, 5, 2.4, c),
    bad: (ctx, p, c) => {
        ctx.strokeStyle = c.fault;
        ctx.beginPath();
        ctx.arc(p.x, p.y, 6, 0, 7);
        ctx.stroke();
        cross(ctx, p, 2.6, 1.6, c);
    },
    half: (ctx, p, c) => {
        ctx.fillStyle = c.bg;
        ctx.beginPath();
        ctx.arc(p.x, p.y, 4.8, 0, 7);
        ctx.fill();
        ctx.fillStyle = c.ink;
        ctx.beginPath();
        ctx.arc(p.x, p.y, 4.8, -Math.PI / 2, Math.PI / 2);
        ctx.closePath();
        ctx.fill();
    },
    pause: (ctx, p) => {
        ctx.fillRect(p.x - 4, p.y - 5.5, 3, 11);
        ctx.fillRect(p.x + 1.5, p.y - 5.5, 3, 11);
    },
    resume: (ctx, p) => {
        polygon(ctx, p, [-4, -5.5], [5, 0], [-4, 5.5]);
        ctx.fill();
    },
    cut: (ctx, p, c) => {
        ctx.strokeStyle = c.fault;
        ctx.lineWidth = 2;
        line(ctx, { x: p.x - 4, y: p.y + 5 }, { x: p.x - 0.5, y: p.y - 5 });
        line(ctx, { x: p.x + 0.5, y: p.y + 5 }, { x: p.x + 4, y: p.y - 5 });
    },
    heal: (ctx, p, _, upright) => {
        ctx.lineWidth = 2;
        const [x, y] = upright ? [6, 0] : [0, 6];
        line(ctx, { x: p.x - x, y: p.y - y }, { x: p.x + x, y: p.y + y });
    },
    hourglass: (ctx, p, c) => {
        polygon(ctx, p, [-4, -5.5], [4, -5.5], [-4, 5.5], [4, 5.5]);
        ctx.fillStyle = c.bg;
        ctx.fill();
        ctx.stroke();
    },
    square: (ctx, p, c) => box(ctx, p, c),
    checked: (ctx, p, c) => {
        box(ctx, p, c);
        ctx.fillStyle = c.ink;
        ctx.fillRect(p.x - 3.2, p.y - 3.2, 6.4, 6.4);
        ctx.strokeStyle = c.bg;
        ctx.beginPath();
        ctx.moveTo(p.x - 1.9, p.y);
        ctx.lineTo(p.x - 0.4, p.y + 1.6);
        ctx.lineTo(p.x + 2, p.y - 1.8);
        ctx.stroke();
    },
    struck: (ctx, p, c) => {
        box(ctx, p, c);
        ctx.strokeStyle = c.fault;
        ctx.lineWidth = 1.6;
        line(ctx, { x: p.x - 5, y: p.y + 5 }, { x: p.x + 5, y: p.y - 5 });
    },
    diamond: (ctx, p) => {
        polygon(ctx, p, [0, -6], [6, 0], [0, 6], [-6, 0]);
        ctx.fill();
    },
    flag: (ctx, p) => {
        polygon(ctx, p, [0, -4], [4, 0], [0, 4], [-4, 0]);
        ctx.fill();
    },
    hole: (ctx, p, c) => {
        ctx.strokeStyle = c.fault;
        ctx.setLineDash([2.4, 2.2]);
        ctx.beginPath();
        ctx.arc(p.x, p.y, 5.5, 0, 7);
        ctx.stroke();
        ctx.setLineDash([]);
    },
    tick: (ctx, p, c, upright) => {
        ctx.strokeStyle = c.edge;
        ctx.lineWidth = 1;
        line(ctx, p, upright ? { x: p.x + 5, y: p.y } : { x: p.x, y: p.y + 5 });
    },
};

export function shape(ctx: Ctx, p: Point, s: Shape, upright: boolean, c: Colours): void {
    ctx.setLineDash([]);
    ctx.strokeStyle = c.ink;
    ctx.fillStyle = c.ink;
    ctx.lineWidth = 1.6;
    shapes[s](ctx, p, c, upright);
}
