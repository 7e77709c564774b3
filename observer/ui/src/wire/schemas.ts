// What the protocols' bytes mean. Their descriptors come with the run, so a protocol that this page
// was not built with is read all the same.
import {
    createFileRegistry, createRegistry, fromBinary,
    type DescMessage, type Message, type Registry,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { unpack } from './flat';
import { file_heartbeat } from './gen/heartbeat_pb';
import { file_kv } from './gen/kv_pb';

export interface Typed {
    desc: DescMessage;
    message: Message;
}

const setsMax = 64;

export class Schemas {
    private readonly sets: Registry[] = [];
    private readonly known = new Set<string>();
    private readonly own = createRegistry(file_heartbeat, file_kv);

    add(set: Uint8Array): void {
        const mark = `${set.length}:${String.fromCharCode(...set.subarray(0, 64))}`;
        if (set.length === 0 || this.known.has(mark) || this.sets.length >= setsMax) return;
        this.known.add(mark);
        try {
            this.sets.push(createFileRegistry(fromBinary(FileDescriptorSetSchema, set)));
        } catch {
            // A run's descriptors may be damaged in an old recording: bodies then stay bytes.
        }
    }

    find(type: string): DescMessage | undefined {
        const own = this.own.getMessage(type);
        if (own) return own;
        for (const set of this.sets) {
            const found = set.getMessage(type);
            if (found) return found;
        }
        return undefined;
    }

    read(type: string, bytes: Uint8Array): Typed | undefined {
        const desc = this.find(type);
        if (!desc) return undefined;
        try {
            return { desc, message: unpack(desc, bytes) };
        } catch {
            return undefined;
        }
    }
}
