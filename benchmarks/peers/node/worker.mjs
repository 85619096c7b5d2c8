// BullMQ worker with sharp, one libvips thread a job. Environment: REDIS_PORT, CONCURRENCY
import { Worker } from 'bullmq';
import path from 'node:path';
import sharp from 'sharp';

const { REDIS_PORT, CONCURRENCY } = process.env;
const EXTENSIONS = { jpeg: 'jpg', webp: 'webp' };
sharp.concurrency(1);
sharp.cache(false);

const encode = (image, format, quality) =>
  format === 'jpeg' ? image.jpeg({ quality, optimiseCoding: false }) : image.webp({ quality });

const raw = image => image.raw().toBuffer({ resolveWithObject: true });

async function resize({ data: { source, stem, ops } }) {
  const outputs = ops.split(',').map(op => {
    const [width, format, quality] = op.split(':');
    return { width: +width, format, quality: +quality, file: `${stem}_${width}.${EXTENSIONS[format]}` };
  });
  if (outputs.length === 1) {
    const [{ width, format, quality, file }] = outputs;
    await encode(sharp(source).resize(width), format, quality).toFile(file);
  } else { // decoded once, each output from the next larger one
    outputs.sort((a, b) => b.width - a.width);
    let current = await raw(sharp(source).resize(outputs[0].width));
    for (const { width, format, quality, file } of outputs) {
      if (width !== current.info.width) current = await raw(sharp(current.data, { raw: current.info }).resize(width));
      await encode(sharp(current.data, { raw: current.info }), format, quality).toFile(file);
    }
  }
  return { files: outputs.map(output => path.basename(output.file)) };
}

const connection = { host: '127.0.0.1', port: +REDIS_PORT };
new Worker('images', resize, { connection, concurrency: +CONCURRENCY }).on('error', console.error);
