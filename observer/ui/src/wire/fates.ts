// What became of a message, as a window tells it (proto/session.proto); between 2 and 99 it was dropped.
export const fateReceived = 1;
export const fateDead = 100;
export const fateUnanswered = 101; // of requests
export const fateWaits = 102;

/** Ends in a cross. */
export function isLost(fate: number): boolean {
    return fate > fateReceived && fate !== fateWaits;
}
