// Fingers on the timeline: one moves the needle, two pan and zoom. Places along time, in pixels.

export interface Pinch {
    zoom: number; // of the span: below 1 when the fingers part
    anchor: number; // where
    pan: number; // px
}

export class Fingers {
    private readonly at = new Map<number, number>();

    down(id: number, a: number): void {
        this.at.set(id, a);
    }

    up(id: number): void {
        this.at.delete(id);
    }

    get count(): number {
        return this.at.size;
    }

    /** What a move of one of two fingers does; nothing while there are not two. */
    move(id: number, a: number): Pinch | undefined {
        const old = this.at.get(id);
        if (old === undefined) return undefined;
        const other = [...this.at].find(([key]) => key !== id)?.[1];
        this.at.set(id, a);
        if (this.at.size !== 2 || other === undefined) return undefined;
        const [was, is] = [Math.abs(old - other), Math.abs(a - other)];
        const middle = (a + other) / 2;
        return { zoom: was > 12 && is > 12 ? was / is : 1, anchor: middle, pan: middle - (old + other) / 2 };
    }
}
