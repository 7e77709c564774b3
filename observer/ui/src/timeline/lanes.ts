// Which lanes are shown, in which order: a pure value that the page keeps for the run that is open.

export interface LanesShown {
    order: number[]; // what was moved, in the order that was asked for
    hidden: number[];
    pinned: number[]; // stay at the top when the others scroll
}

export const asTheyCome: LanesShown = { order: [], hidden: [], pinned: [0] };

/** All lanes in their order: pinned ones first; what was never moved stands where it comes. */
export function ordered(lanes: readonly number[], shown: LanesShown): number[] {
    const known = new Set(lanes);
    const moved = shown.order.filter(lane => known.has(lane));
    const all = moved.length > 0 ? [...moved, ...lanes.filter(lane => !moved.includes(lane))] : [...lanes];
    const pins = all.filter(lane => shown.pinned.includes(lane));
    return [...pins, ...all.filter(lane => !shown.pinned.includes(lane))];
}

export function inView(lanes: readonly number[], shown: LanesShown): { lanes: number[]; pinned: number } {
    const all = ordered(lanes, shown).filter(lane => !shown.hidden.includes(lane));
    return { lanes: all, pinned: all.filter(lane => shown.pinned.includes(lane)).length };
}

function toggled(list: readonly number[], lane: number): number[] {
    return list.includes(lane) ? list.filter(other => other !== lane) : [...list, lane];
}

export function hideOrShow(shown: LanesShown, lane: number): LanesShown {
    return { ...shown, hidden: toggled(shown.hidden, lane) };
}

export function pinOrLoosen(shown: LanesShown, lane: number): LanesShown {
    return { ...shown, pinned: toggled(shown.pinned, lane) };
}

/** One lane to the place of another. */
export function moveTo(lanes: readonly number[], shown: LanesShown, lane: number, to: number): LanesShown {
    const all = ordered(lanes, shown);
    const from = all.indexOf(lane);
    const at = all.indexOf(to);
    if (from < 0 || at < 0 || from === at) return shown;
    all.splice(from, 1);
    all.splice(at, 0, lane);
    return { ...shown, order: all };
}

export function moveBy(lanes: readonly number[], shown: LanesShown, lane: number, by: number): LanesShown {
    const all = ordered(lanes, shown);
    const other = all[all.indexOf(lane) + by];
    return other === undefined ? shown : moveTo(lanes, shown, lane, other);
}
