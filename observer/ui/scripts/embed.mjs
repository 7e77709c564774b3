// Writes the built page as one C file: node embed.mjs DIST OUT. Text is compressed here, once, so
// that serving it costs nothing; fonts are compressed already.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { galleryPage } from './gallery.mjs';
import { singlePage } from './single.mjs';

const types = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.woff2': 'font/woff2',
    '.txt': 'text/plain; charset=utf-8',
};

function files(folder) {
    return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? files(path) : [path];
    });
}

function numbers(bytes) {
    const lines = [];
    for (let at = 0; at < bytes.length; at += 32) lines.push([...bytes.subarray(at, at + 32)].join(','));
    return lines.join(',\n');
}

const [dist, out] = process.argv.slice(2);
const found = files(dist).sort();
const parts = ['#include "web/assets.h"\n'];
const rows = [];
let total = 0;
found.forEach((path, i) => {
    const type = types[extname(path)];
    if (!type) throw new Error(`${path}: of what type is it?`);
    const gzip = extname(path) !== '.woff2';
    const raw = readFileSync(path);
    const bytes = gzip ? gzipSync(raw, { level: 9 }) : raw;
    total += bytes.length;
    parts.push(`static const uint8_t file_${i}[] = {\n${numbers(bytes)}};\n`);
    rows.push(`    {"/${relative(dist, path)}", "${type}", {file_${i}, sizeof file_${i}}, ${gzip}},`);
});
parts.push(`const struct asset assets[] = {\n${rows.join('\n')}\n};\n`);
parts.push('const size_t assets_n = sizeof assets / sizeof assets[0];\n');
const single = {
    single_page: gzipSync(singlePage(dist), { level: 9 }),
    gallery_page: gzipSync(await galleryPage(dist, 'src'), { level: 9 }),
};
for (const [name, bytes] of Object.entries(single)) {
    parts.push(`static const uint8_t ${name}_bytes[] = {\n${numbers(bytes)}};\n`);
    parts.push(`const struct bytes ${name} = {${name}_bytes, sizeof ${name}_bytes};\n`);
}
writeFileSync(out, parts.join('\n'));
console.log(`page: ${found.length} files, ${(total / 1024).toFixed(0)} KB compressed, ${(single.single_page.length / 1024).toFixed(0)} KB as one file`);
