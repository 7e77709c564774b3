// The loss of each network along its lane of the timeline.
import type { Backpropagation } from './backpropagation';
import type { Curves } from './stage';

export const lossCurves: Curves<Backpropagation> = {
    name: 'loss',
    max: 1,
    limit: () => NaN,
    at: s =>
        Object.values(s.nets).flatMap(n => {
            const newest = n.curve[n.curve.length - 1];
            return newest ? [{ lane: n.node, value: newest.batch }] : [];
        }),
};
