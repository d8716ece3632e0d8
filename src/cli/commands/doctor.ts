import { availableParallelism, totalmem } from 'node:os';
import type { Command } from 'commander';
import { backendStatus } from '../../backend/index.js';
import { version } from '../../core/version.js';
import { providerStatus } from '../../runtime/index.js';

/** One line of the check-up: what, whether it works, what is known, and what to do when it does not. */
interface Finding {
  subject: string;
  ok: boolean;
  note: string;
  remedy?: string;
}

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('what works on this machine, and what to do about what does not')
    .option('--json', 'print findings as JSON')
    .action(async (flags: { json?: boolean }) => {
      const findings = await examine();
      if (flags.json) {
        process.stdout.write(`${JSON.stringify({ sightline: version, findings }, null, 2)}\n`);
        return;
      }
      process.stdout.write(`sightline ${version}\n\n`);
      for (const f of findings) {
        process.stdout.write(`${f.ok ? '✓' : '–'} ${f.subject.padEnd(22)} ${f.note}\n`);
        if (!f.ok && f.remedy) process.stdout.write(`${' '.repeat(25)}→ ${f.remedy}\n`);
      }
    });
}

async function examine(): Promise<Finding[]> {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const node: Finding = {
    subject: 'Node.js',
    ok: major > 20 || (major === 20 && minor >= 11),
    note: `${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB memory`,
    remedy: 'Install Node.js 20.11 or newer.',
  };
  const backends = (await backendStatus()).map((b) => ({
    subject: `kernels: ${b.name}`,
    ok: b.available,
    note: b.note,
    remedy: b.remedy,
  }));
  const providers = (await providerStatus()).map((p) => ({
    subject: `model: ${p.runtime === 'tfjs' ? 'tfjs ' : ''}${p.provider}`,
    ok: p.available,
    note: p.note,
    remedy: p.remedy,
  }));
  return [node, ...backends, ...providers];
}
