// One operation after the other in sharp, as told on standard input, one JSON line each:
// {source, output, read: options of sharp(), chain: [[method, ...arguments], …], write: [method, options]}
import { createInterface } from 'node:readline';
import sharp from 'sharp';

sharp.cache(false);
sharp.concurrency(1);

for await (const line of createInterface({ input: process.stdin })) {
  const { source, output, read, chain, write } = JSON.parse(line);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  let reply;
  try {
    let image = sharp(source, read);
    for (const [method, ...given] of chain) image = image[method](...given);
    if (write) await image[write[0]](write[1]).toFile(output);
    else await image;
    const used = process.cpuUsage(cpu);
    reply = { cpu: (used.user + used.system) / 1e6, wall: Number(process.hrtime.bigint() - start) / 1e9 };
  } catch (error) {
    reply = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
