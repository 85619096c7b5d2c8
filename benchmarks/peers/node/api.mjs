// Fastify in front of BullMQ: upload, long poll, download. Environment: PORT, REDIS_PORT, DATA
import { Job, Queue, QueueEvents } from 'bullmq';
import Fastify from 'fastify';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';

const { PORT, REDIS_PORT, DATA } = process.env;
const connection = { host: '127.0.0.1', port: +REDIS_PORT };
await fs.mkdir(`${DATA}/in`, { recursive: true });
await fs.mkdir(`${DATA}/out`, { recursive: true });
const queue = new Queue('images', {
  connection,
  defaultJobOptions: { removeOnComplete: { age: 3600 }, removeOnFail: { age: 3600 } },
});
const events = new QueueEvents('images', { connection });
await events.waitUntilReady();
await queue.waitUntilReady();

const waiters = new Map();
function settle(id, state) {
  const waiting = waiters.get(id) ?? [];
  waiters.delete(id);
  for (const resolve of waiting) resolve(state);
}
events.on('completed', ({ jobId, returnvalue }) => {
  const value = typeof returnvalue === 'string' ? JSON.parse(returnvalue) : returnvalue;
  settle(jobId, { status: 'done', files: value.files });
});
events.on('failed', ({ jobId, failedReason }) => settle(jobId, { status: 'failed', error: failedReason }));

const app = Fastify({ logger: false, bodyLimit: 64 << 20 });
app.addContentTypeParser('image/jpeg', { parseAs: 'buffer' }, (request, body, done) => done(null, body));

app.post('/jobs', async (request, reply) => {
  const id = randomUUID(), source = `${DATA}/in/${id}`;
  await fs.writeFile(source, request.body);
  await queue.add('resize', { source, stem: `${DATA}/out/${id}`, ops: request.query.ops }, { jobId: id });
  reply.code(202);
  return { id };
});

async function state(id) {
  const job = await Job.fromId(queue, id);
  if (!job) return { status: 'unknown' };
  if (!job.finishedOn) return { status: 'queued' };
  return job.failedReason ? { status: 'failed', error: job.failedReason } : { status: 'done', files: job.returnvalue.files };
}

app.get('/jobs/:id', async request => {
  const { id } = request.params, seconds = +(request.query.wait ?? 0);
  if (!seconds) return state(id);
  let timer;
  const settled = new Promise(resolve => {
    waiters.set(id, [...(waiters.get(id) ?? []), resolve]);
    timer = setTimeout(() => resolve(null), seconds * 1000);
  });
  const now = await state(id); // after subscribing: no lost wake-up
  const answer = now.status !== 'queued' ? now : (await settled) ?? now;
  clearTimeout(timer);
  settle(id, answer);
  return answer;
});

const TYPES = { jpg: 'image/jpeg', webp: 'image/webp' };
app.get('/results/:name', async (request, reply) => {
  const { name } = request.params;
  if (!/^[\w-]+\.(jpg|webp)$/.test(name)) {
    reply.code(404);
    return {};
  }
  reply.type(TYPES[name.split('.')[1]]);
  return fs.readFile(`${DATA}/out/${name}`);
});

await app.listen({ port: +PORT, host: '127.0.0.1' });
