// Generates src/wire/gen from the schema in proto/, and looks for it beside this folder's parent.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const proto = process.env.ORRERY_PROTO ?? resolve(here, '../../proto');
const out = join(here, 'src/wire/gen');
if (!existsSync(join(proto, 'session.proto'))) throw new Error(`no schema in ${proto}`);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
// All of them: what no page imports is not bundled, and a new protocol need not be named here.
const files = readdirSync(proto).filter(f => f.endsWith('.proto'));
execFileSync(process.env.PROTOC ?? 'protoc', [
    `-I${proto}`,
    `--plugin=protoc-gen-es=${join(here, 'node_modules/.bin/protoc-gen-es')}`,
    `--es_out=${out}`,
    '--es_opt=target=ts',
    ...files,
], { stdio: 'inherit' });
