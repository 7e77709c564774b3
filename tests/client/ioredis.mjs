// What ioredis, unchanged, asks of a store at a port: "ok WHAT" or "not ok WHAT" a line.
//   node ioredis.mjs FOLDER-WITH-node_modules PORT [WHERE]
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, port, where = ''] = process.argv.slice(2);
const Redis = createRequire(join(folder, 'package.json'))('ioredis');
const options = { port: Number(port), host: '127.0.0.1', maxRetriesPerRequest: 1, connectTimeout: 60000 };
const redis = new Redis(options);
const other = new Redis(options);

const tries = {
    'sets and gets': async () => {
        assert.equal(await redis.set('a', '1', 'EX', 1000, 'NX'), 'OK');
        assert.equal(await redis.set('a', '2', 'NX'), null);
        assert.equal(await redis.set('a', '2', 'KEEPTTL', 'GET'), '1');
        assert.ok((await redis.ttl('a')) > 900);
        assert.deepEqual(await redis.mget('a', 'none'), ['2', null]);
        assert.deepEqual(await redis.getBuffer('a'), Buffer.from('2'));
    },
    'says errors as Redis does': async () => {
        await redis.set('word', 'x');
        await assert.rejects(redis.incr('word'), /^ReplyError: ERR value is not an integer or out of range$/);
    },
    'swaps by CAS': async () => {
        await redis.set('c', 'old');
        assert.equal(await redis.call('CAS', 'c', 'old', 'new'), 1);
        assert.equal(await redis.call('CAS', 'c', 'old', 'new'), 0);
    },
    'runs a transaction': async () => {
        const replies = await redis.multi().set('m', '1').incrby('m', 41).get('m').exec();
        assert.deepEqual(replies, [[null, 'OK'], [null, 42], [null, '42']]);
    },
    'is refused a transaction when a watched key has changed': async () => {
        await redis.watch('m');
        await other.set('m', '0');
        assert.equal(await redis.multi().incr('m').exec(), null);
        assert.equal(await redis.get('m'), '0');
    },
    'pipelines, in order': async () => {
        const pipeline = redis.pipeline();
        for (let i = 0; i < 2000; i++) pipeline.set(`p${i}`, i).get(`p${i}`);
        const replies = await pipeline.exec();
        replies.forEach(([error, reply], i) => assert.equal(error ?? reply, i % 2 ? String((i - 1) / 2) : 'OK'));
    },
    'scans every key once': async () => {
        const seen = [];
        for await (const keys of redis.scanStream({ match: 'p*', count: 100 })) seen.push(...keys);
        assert.equal(seen.length, 2000);
        assert.equal(new Set(seen).size, 2000);
    },
    'lets a key expire': async () => {
        assert.equal(await redis.pexpireat('a', 1), 1);
        assert.equal(await redis.exists('a'), 0);
        assert.equal(await redis.pttl('a'), -2);
    },
    'reads INFO': async () => {
        assert.match(await redis.info('keyspace'), /db0:keys=\d+,expires=0/);
        assert.ok((await redis.command('COUNT')) > 40);
    },
};

for (const [what, run] of Object.entries(tries)) {
    try {
        await run();
        console.log(`ok ioredis ${where}${what}`);
    } catch (error) {
        console.log(`not ok ioredis ${where}${what}: ${String(error).replaceAll('\n', ' ')}`);
    }
}
redis.disconnect();
other.disconnect();
