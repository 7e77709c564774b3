// How much is drawn of a view: four levels of detail, by how many messages are in it and how far
// apart they stand on a lane. Rank 1 marks are exact at every level.

export type Level = 0 | 1 | 2 | 3;

export const levelNames = ['every message', 'strokes without heads', 'density', 'envelope'] as const;

export interface Crowd {
    messages: number; // in view
    gap: number; // median px between neighbouring messages of a lane
}

const most = [2e3, 5e4, 1e6]; // messages at a level, and
const least = [6, 1, 0]; // px between them
const slack = 0.2; // so that a level does not flicker at its bound

function fits(level: number, crowd: Crowd, ease: number): boolean {
    return crowd.messages <= (most[level] ?? Infinity) * ease && crowd.gap >= (least[level] ?? 0) / ease;
}

/** The finest level that bears the crowd. The one that is on keeps some room on both sides. */
export function levelFor(crowd: Crowd, now: Level): Level {
    for (const level of [0, 1, 2] as const) {
        const ease = level >= now ? 1 + slack : 1 - slack;
        if (fits(level, crowd, ease)) return level;
    }
    return 3;
}

export const budgetMs = 8;

/** Watches what frames cost, and asks for a coarser level where they cost too much. */
export class Budget {
    private slow = 0;
    private calm = 0;
    coarser = 0; // levels above what the crowd asks for

    spent(ms: number): void {
        this.slow = ms > budgetMs ? this.slow + 1 : Math.max(0, this.slow - 1);
        this.calm = ms < budgetMs / 4 ? this.calm + 1 : 0;
        if (this.slow >= 6 && this.coarser < 3) [this.coarser, this.slow, this.calm] = [this.coarser + 1, 0, 0];
        else if (this.calm >= 240 && this.coarser > 0) [this.coarser, this.slow, this.calm] = [this.coarser - 1, 0, 0];
    }

    /** Another view: what was too much there says nothing of this one. */
    forget(): void {
        this.coarser = this.slow = this.calm = 0;
    }

    over(level: Level): Level {
        return Math.min(3, level + this.coarser) as Level;
    }
}
