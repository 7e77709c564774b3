import { describe, expect, it } from 'vitest';
import { apply, backpropagation, type Backpropagation, type Net } from '../src/stages/backpropagation';
import { answer, contour, edgesOf, offsetOf, short, surface } from '../src/stages/network';
import { Fold } from '../src/model/fold';
import type { Batch, Example, Layer, Loss, Multiply, Network, Nudge } from '../src/wire/gen/backpropagation_pb';
import type { Happening } from '../src/model/happening';
import { happenings } from './recorded';

const all = happenings('backpropagation.tells.gz');
const typed = (h: Happening, name: string): boolean => h.message?.$typeName === `backpropagation.${name}`;
const upTo = (i: number): Net => {
    const net = all.slice(0, i + 1).reduce<Backpropagation>(apply, backpropagation.initial).nets[1];
    if (!net) throw new Error('no network yet');
    return net;
};
const first = (name: string, from = 0): number => all.findIndex((h, i) => i >= from && typed(h, name));

describe('a network’s weights', () => {
    it('lie row by row, biases behind', () => {
        expect(offsetOf([2, 4, 4, 1], 3)).toBe(12 + 20);
        const edges = edgesOf([2, 3, 1]);
        expect(edges).toHaveLength(9);
        expect(edges[3]).toEqual({ layer: 1, to: 1, from: 1, at: 3 });
        expect(edges[6]).toEqual({ layer: 2, to: 0, from: 0, at: 9 });
    });
    it('answer as the module did', () => {
        let tried = 0;
        for (let i = first('Loss'); i >= 0; i = first('Loss', i + 1)) {
            const net = upTo(i);
            const inputs = net.values[0] ?? [];
            const told = (all[i]?.message as Loss).outputs[0] ?? NaN;
            expect(answer(net.sizes, net.activation, net.weights, inputs)).toBeCloseTo(told, 12);
            tried++;
        }
        expect(tried).toBeGreaterThan(0);
    });
    it('divide the plane where they answer a half', () => {
        const values = surface([2, 1], 0, [1, 0, 0], 5, 1); // a boundary at x = 0
        expect(values[2]).toBeCloseTo(0.5, 12);
        expect(values[0]).toBeLessThan(0.5);
        const path = contour(surface([2, 1], 0, [1, 0, 0], 4, 1), 4, 0.5, 30);
        expect(path).toContain('M15.0 0.0L15.0 10.0');
        expect(path.match(/M/g)).toHaveLength(3);
    });
    it('are written short', () => {
        expect([0.5, -0.25, 12.34, 0, 0.00012, -123.4].map(short)).toEqual(['0.50', '−0.25', '12.3', '0', '1·10⁻⁴', '−123']);
        expect(short(Infinity)).toBe('∞');
    });
});

describe('the stage of backpropagation', () => {
    it('begins with the network that was made', () => {
        const i = first('Network');
        const told = all[i]?.message as Network;
        expect(upTo(i)).toMatchObject({ sizes: [2, 4, 4, 1], weights: told.weights, values: [], broken: 0 });
    });
    it('shows the newest product, and values once a layer is through', () => {
        const i = first('Multiply');
        const m = all[i]?.message as Multiply;
        const net = upTo(i);
        expect(net.product).toMatchObject({ layer: 1, phase: 0, to: 0, from: 0, a: m.a, product: m.product });
        expect(m.product).toBeCloseTo((net.weights[0] ?? 0) * (net.values[0]?.[0] ?? 0), 15);
        expect(net.values).toHaveLength(1);
        const layer = first('Layer', i);
        expect(upTo(layer).values[1]).toHaveLength(4);
    });
    it('has no values that nobody told: a stream of steps clears them', () => {
        const example = first('Example');
        expect(upTo(example).index).toBe((all[example]?.message as Example).index);
        const streamed = all.findIndex((h, i) => i > first('Nudge') && typed(h, 'Step'));
        expect(upTo(streamed - 1).values).not.toHaveLength(0);
        expect(upTo(streamed)).toMatchObject({ values: [], blame: [], index: -1, untold: 2 });
        expect(upTo(streamed).health).toHaveLength(3);
    });
    it('keeps blame and gradients where they belong', () => {
        const i = all.findIndex(h => typed(h, 'Layer') && (h.message as Layer).phase === 2);
        const net = upTo(i);
        expect(net.blame[3]).toHaveLength(1);
        expect(net.gradient.slice(0, offsetOf(net.sizes, 3)).every(g => g === 0)).toBe(true);
        expect(net.gradient[offsetOf(net.sizes, 3)]).toBeCloseTo((net.blame[3]?.[0] ?? 0) * (net.values[2]?.[0] ?? 0), 15);
    });
    it('tells a push, a cut and another network', () => {
        const push = first('Nudge');
        const told = all[push]?.message as Nudge;
        expect(upTo(push).push).toMatchObject({ layer: 3, to: 0, from: 1, slope: told.slope });
        expect(told.slope).toBeCloseTo(told.gradient, 8);
        const cut = all.findIndex(h => h.event.body.case === 'setting');
        expect(upTo(cut).cut).toBe(1);
        const again = first('Network', first('Network') + 1);
        expect(upTo(again)).toMatchObject({ sizes: [2, 3, 1], curve: [], push: undefined });
    });
    it('draws the loss of batches, and of the whole set where it was looked at', () => {
        const i = first('Batch', first('Nudge'));
        const told = all[i]?.message as Batch;
        const net = upTo(i);
        expect(net.setLoss).toBe(told.setLoss);
        expect(net.curve[net.curve.length - 1]).toMatchObject({ step: Number(told.step), batch: told.loss, set: told.setLoss });
    });
    it('is the same at any instant, however one comes there', () => {
        const fold = new Fold(backpropagation);
        for (const h of all) fold.add(h);
        const middle = all[Math.floor(all.length / 2)];
        const back = fold.at(middle?.ns ?? 0);
        expect(fold.at(middle?.ns ?? 0)).toEqual(back);
        expect(fold.live).toEqual(all.reduce(apply, backpropagation.initial));
    });
});
