// A stage's curves over a stretch of time, as lines along lanes.
import type { Travel } from '../model/travel';
import type { Curves } from '../stages/stage';
import type { CurveDrawn } from './draw/brush';

export function curvesOver<S>(travel: Travel<S>, curves: Curves<S>, times: number[]): CurveDrawn[] {
    const by = new Map<number, CurveDrawn>();
    const told = travel.sample(times, (state, ns) => ({ limit: curves.limit(state), points: curves.at(state, ns) }));
    told.forEach(({ limit, points }, i) => {
        for (const { lane, value } of points) {
            let curve = by.get(lane);
            if (!curve) by.set(lane, (curve = { lane, name: curves.name, max: curves.max, limit, ns: times, values: times.map(() => NaN) }));
            curve.values[i] = value;
            curve.limit = limit;
        }
    });
    return [...by.values()];
}
