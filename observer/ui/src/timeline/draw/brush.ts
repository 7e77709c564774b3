// What all parts of the drawing share: the canvas, colours from the tokens, a few strokes of the pen,
// and where a label still has room.
import type { Causes } from '../causes';
import type { Frame, Point, View } from '../geometry';
import type { Kind } from '../kinds';
import type { Level } from '../level';
import type { Bar, Charge } from '../operator';
import type { Scene } from '../scene';

export type Ctx = CanvasRenderingContext2D;

export interface Colours {
    ink: string; ink2: string; ink3: string; line: string; line2: string; edge: string;
    bg: string; bg2: string; bg3: string; brass: string; brass2: string; onBrass: string; brassFill: string;
    fault: string; faultBg: string; termA: string; termB: string;
    kinds: Record<Kind, string>;
    cond: string; mono: string; sans: string; serif: string;
}

export function coloursOf(style: CSSStyleDeclaration): Colours {
    const v = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    return {
        ink: v('ink'), ink2: v('ink-2'), ink3: v('ink-3'), line: v('line'), line2: v('line-2'), edge: v('edge'),
        bg: v('bg-1'), bg2: v('bg-2'), bg3: v('bg-3'), brass: v('brass-g'), brass2: v('brass-2'), onBrass: v('on-brass'),
        brassFill: v('brass'), fault: v('fault'), faultBg: v('fault-bg'), termA: v('term-a'), termB: v('term-b'),
        kinds: {
            beat: v('k-beat'), request: v('k-request'), data: v('k-data'), vote: v('k-vote'), control: v('k-control'),
        },
        cond: v('cond'), mono: v('mono'), sans: v('sans'), serif: v('serif'),
    };
}

/** A curve that a stage draws along a lane. */
export interface CurveDrawn {
    lane: number;
    name: string;
    max: number;
    limit: number; // a dashed line; NaN: none
    ns: number[];
    values: number[]; // NaN: nothing there
}

export interface Drawn {
    frame: Frame;
    view: View;
    width: number;
    height: number;
    at: number;
    live: boolean;
    happened: number; // how far it has got
    forkedAt: number; // where a fork's past ends; NaN: it is none
    level: Level;
    scene: Scene;
    selected: number; // an ordinal
    hovered: number;
    held: ReadonlySet<string>; // messages still at their sender: heldKey()
    found: Set<number>; // what a search found
    causes: Causes | undefined;
    names: Map<number, string>;
    roles: Map<number, string>; // of lanes that have one
    flawed: Set<number>; // lanes whose node has a flaw on
    words: Map<number, string>; // how each lane is, at the needle
    bars: Bar[];
    charges: Charge[];
    curves: CurveDrawn[];
}

/** As much of a text as there is room for. */
export function fitted(ctx: Ctx, text: string, room: number): string {
    if (text.length < 2 || ctx.measureText(text).width <= room) return text;
    let kept = text.length - 1;
    while (kept > 1 && ctx.measureText(`${text.slice(0, kept)}…`).width > room) kept--;
    return `${text.slice(0, kept)}…`;
}

export function line(ctx: Ctx, a: Point, b: Point): void {
    ctx.beginPath();
    ctx.moveTo(a.x, a.y);
    ctx.lineTo(b.x, b.y);
    ctx.stroke();
}

/** A point from its places along and across time. */
export function spot(frame: Frame, a: number, c: number): Point {
    return frame.upright ? { x: c, y: a } : { x: a, y: c };
}

export interface Box {
    x: number;
    y: number;
    w: number;
    h: number;
}

/** From `a` to `b` along time, `half` to both sides of `c`. */
export function strip(frame: Frame, a: number, b: number, c: number, half: number): Box {
    return frame.upright ? { x: c - half, y: a, w: half * 2, h: b - a } : { x: a, y: c - half, w: b - a, h: half * 2 };
}

export function hatch(ctx: Ctx, { x, y, w, h }: Box, colour: string, ground = 0.08): void {
    if (w <= 0 || h <= 0) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.globalAlpha *= ground;
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, w, h);
    ctx.globalAlpha *= 0.42 / ground;
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.1;
    ctx.setLineDash([]);
    ctx.beginPath();
    for (let at = Math.floor((x - h) / 6) * 6; at < x + w; at += 6) {
        ctx.moveTo(at, y + h);
        ctx.lineTo(at + h, y);
    }
    ctx.stroke();
    ctx.restore();
}

export function haloText(ctx: Ctx, text: string, x: number, y: number, colour: string, halo: string): void {
    ctx.strokeStyle = halo;
    ctx.lineWidth = 4;
    ctx.lineJoin = 'round';
    ctx.setLineDash([]);
    ctx.strokeText(text, x, y);
    ctx.fillStyle = colour;
    ctx.fillText(text, x, y);
}

const labelsMost = 200;

/** Labels take their room in the order of their rank; one that has none is left out. */
export class Labels {
    private readonly taken: Box[] = [];

    constructor(private readonly bounds: Box) {}

    has(box: Box): boolean {
        const b = this.bounds;
        if (this.taken.length >= labelsMost || box.x < b.x || box.x + box.w > b.x + b.w || box.y < b.y || box.y + box.h > b.y + b.h) return false;
        return !this.taken.some(t => box.x < t.x + t.w && t.x < box.x + box.w && box.y < t.y + t.h && t.y < box.y + box.h);
    }

    take(box: Box): boolean {
        if (!this.has(box)) return false;
        this.taken.push(box);
        return true;
    }

    /** Kept free for a mark: no bound counts, and it may overlap others. */
    keep(box: Box): void {
        this.taken.push(box);
    }
}
