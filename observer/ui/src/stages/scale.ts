// How wide a byte is drawn on the tape: so that the newest records are all in view, in steps of a half,
// so that the tape does not breathe with each record.

const widest = 1.5; // pixels
const newest = 9;
export const leastWidth = 34; // of a record: its number must be readable

export function perByte(sizes: readonly number[], room: number): number {
    const last = sizes.slice(-newest);
    const sum = last.reduce((a, b) => a + b, 0);
    if (sum === 0 || room <= 0) return widest;
    const fit = Math.max(1e-4, (room - last.length * 6) / sum);
    return Math.min(widest, 2 ** (Math.floor(Math.log2(fit) * 2) / 2));
}

/** A round number of bytes whose bar is some 40 to 100 pixels long. */
export function ruler(pixels: number): { bytes: number; width: number } {
    const raw = 72 / pixels;
    const power = 2 ** Math.round(Math.log2(raw));
    return { bytes: power, width: power * pixels };
}
