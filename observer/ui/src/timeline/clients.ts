// Clients are no nodes. They share one lane; where they are few, each connection can have its own.

/** As the observer numbers it, behind all that nodes can have; connections come after it. */
export const clientsLane = 65536;
export const connectionsMost = 12; // that can have a lane of their own; more share the one

export interface Connection {
    lane: number;
    node: number;
    client: number; // its number at that node
}

export function isClients(lane: number): boolean {
    return lane >= clientsLane;
}

/** A connection's strokes where it is one of all. */
export function shared(lane: number): number {
    return Math.min(lane, clientsLane);
}

/** Which connection has which lane: as they come into view, for as long as the run is open. */
export class Connections {
    readonly all: Connection[] = [];
    crowded = false; // there are more than can have lanes
    private readonly by = new Map<string, number>();

    laneOf(node: number, client: number): number {
        const key = `${node}.${client}`;
        const known = this.by.get(key);
        if (known !== undefined) return known;
        if (this.all.length === connectionsMost) {
            this.crowded = true;
            return clientsLane;
        }
        const lane = clientsLane + 1 + this.all.length;
        this.by.set(key, lane);
        this.all.push({ lane, node, client });
        return lane;
    }

    get openable(): boolean {
        return this.all.length > 1 && !this.crowded;
    }
}

const fewUsual = 4;

/** Whether each has its own lane: as was chosen, else where they are few and there is room. */
export function isOpen(connections: number, crowded: boolean, chosen: boolean | undefined, narrow: boolean): boolean {
    if (connections < 2 || crowded) return false;
    return chosen ?? (!narrow && connections <= fewUsual);
}

/** Lanes as they come: you, clients, nodes. */
export function withClients(lanes: readonly number[], known: boolean, open: readonly number[]): number[] {
    return known ? [...lanes.slice(0, 1), clientsLane, ...open, ...lanes.slice(1)] : [...lanes];
}
