/**
 * Training steps against PyTorch: DenseNet-121 at 224 × 224 and 64 × 64, ResNet-50 at 224 × 224, batches of 16 in memory,
 * Adam, all cores, both sides taking turns; PyTorch in the memory layout that is faster for it. Then the peak memory of
 * a fresh process on each side.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { row, writeRows } from '../results.mjs';
import { median, ratios } from './end_to_end.mjs';
import { openPeer } from './environment.mjs';
import { openTrainer } from './trainer.mjs';

const batch = 16;
const rounds = 7;

const jobs = [
  ['densenet121', 224],
  ['densenet121', 64],
  ['resnet50', 224],
];

export async function benchTraining() {
  const threads = availableParallelism();
  const rows = [];
  for (const [network, size] of jobs) {
    const name = `${network} at ${size} × ${size}, batch ${batch}`;
    const { layout, versions } = await fasterLayout({ name: network, size, batch, threads });
    const peer = openPeer('training.py', threads);
    await peer.ask({ do: 'prepare', name: network, size, batch, threads, layout });
    const trainer = await openTrainer({ network, size, batch, threads });
    // First steps allocate.
    await trainer.step();
    await trainer.step();
    await peer.ask({ do: 'step', repeat: 2 });
    const [mine, theirs] = [[], []];
    const inner = size < 100 ? 4 : 1;
    for (let round = 0; round < rounds; round++) {
      let total = 0;
      for (let i = 0; i < inner; i++) total += (await trainer.step()).seconds;
      mine.push((batch * inner) / total);
      const { seconds } = await peer.ask({ do: 'step', repeat: inner });
      theirs.push((batch * inner) / seconds.reduce((sum, s) => sum + s, 0));
    }
    const [ours, others] = [median(mine), median(theirs)];
    const detail = `${trainer.description}; PyTorch ${layout.replace('_', ' ')}; by round ${ratios(mine, theirs)}`;
    rows.push(
      row({
        bench: `training step, ${name}`,
        peer: 'PyTorch',
        ours,
        theirs: others,
        unit: 'images/s',
        threads,
        versions,
        detail,
      }),
    );
    await trainer.close();
    peer.close();
    rows.push(await memoryRow({ network, size, threads, layout, versions, name }));
  }
  writeRows('training', rows);
}

async function fasterLayout(job) {
  const found = { seconds: Infinity };
  const peer = openPeer('training.py', job.threads);
  for (const layout of ['contiguous', 'channels_last']) {
    const { versions } = await peer.ask({ do: 'prepare', ...job, layout });
    await peer.ask({ do: 'step', repeat: 2 });
    const { seconds } = await peer.ask({ do: 'step', repeat: 3 });
    if (Math.min(...seconds) < found.seconds) Object.assign(found, { seconds: Math.min(...seconds), layout, versions });
  }
  peer.close();
  return found;
}

async function memoryRow({ network, size, threads, layout, versions, name }) {
  const program = fileURLToPath(new URL('trainer.mjs', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [program, network, size, batch, threads, 3].map(String));
  if (status !== 0) throw new Error(`trainer.mjs ended with ${status}`);
  const peer = openPeer('training.py', threads);
  await peer.ask({ do: 'prepare', name: network, size, batch, threads, layout });
  await peer.ask({ do: 'step', repeat: 3 });
  const theirs = (await peer.ask({ do: 'memory' })).bytes / 1e6;
  peer.close();
  const ours = JSON.parse(stdout.toString()).bytes / 1e6;
  return row({
    bench: `peak memory of a training process, ${name}`,
    peer: 'PyTorch',
    ours,
    theirs,
    unit: 'MB',
    threads,
    versions,
  });
}
