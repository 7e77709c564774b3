// Draws what is in view on a canvas, in the order of the visual language: grid, ground, hatch,
// liveness, state, requests, votes, decisions, crosses, marks, horizons, selection, needle. Knows no
// time but what it is given.
import { Labels, type Colours, type Ctx, type Drawn } from './brush';
import { density, envelope } from './density';
import { charges, downTimes, grid, holes, lanes, names } from './ground';
import { bars, marks, verticals } from './marks';
import { curves, horizons, messageNames, needle, parting } from './over';
import { manyStrokes, strokes } from './strokes';

function body(ctx: Ctx, d: Drawn, c: Colours): void {
    const { frame } = d;
    const labels = new Labels(frame.upright ? { x: 0, y: 0, w: d.width, h: d.height } : { x: frame.start, y: 0, w: d.width - frame.start, h: frame.last });
    if (d.level === 3) envelope(ctx, d, c);
    if (d.level === 2) density(ctx, d, c);
    lanes(ctx, d, c);
    parting(ctx, d, c);
    curves(ctx, d, c);
    holes(ctx, d, c, labels);
    bars(ctx, d, c);
    if (d.level === 0) strokes(ctx, d, c);
    if (d.level === 1) manyStrokes(ctx, d, c);
    verticals(ctx, d, c);
    marks(ctx, d, c, labels);
    downTimes(ctx, d, c, labels);
    messageNames(ctx, d, c, labels);
    horizons(ctx, d, c);
}

export function draw(ctx: Ctx, d: Drawn, c: Colours): void {
    ctx.clearRect(0, 0, d.width, d.height);
    grid(ctx, d, c);
    charges(ctx, d, c);
    ctx.save();
    ctx.beginPath();
    // Behind the names nothing is drawn, and what is scrolled away ends at the lanes' room.
    if (d.frame.upright) ctx.rect(0, d.frame.start, d.width, d.height);
    else ctx.rect(d.frame.start, 0, d.width - d.frame.start, d.frame.last + 2);
    ctx.clip();
    body(ctx, d, c);
    ctx.restore();
    names(ctx, d, c);
    needle(ctx, d, c);
}
