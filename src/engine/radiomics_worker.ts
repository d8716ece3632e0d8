import { openBackend, openCpuBackend, type Backend, type BackendInfo } from '../backend/index.js';
import { SightlineError, type ErrorData } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { workerData, workerTask } from '../core/worker_pool.js';
import { extractRadiomics, type RadiomicsPlan } from '../features/radiomics/extract.js';
import { readCase, type CaseNotes, type CaseStage, type PreparedCase } from './radiomics_case.js';
import type { RadiomicsCase } from './radiomics_cases.js';

/** What every worker is opened with. */
export interface RadiomicsSetup {
  plan: RadiomicsPlan;
  axis: 0 | 1 | 2;
  /** auto: C++ where the addon loads, else the reference: one GPU is not worth a copy of it per decoding thread. */
  backend: 'auto' | 'webgpu' | 'native' | 'reference';
}

export interface RadiomicsTask {
  cases: RadiomicsCase[];
}

export type CaseOutcome =
  { ok: true; label?: number | 'any'; notes: CaseNotes } | { ok: false; stage: CaseStage; error: ErrorData };

export interface RadiomicsResult {
  outcomes: CaseOutcome[];
  /** [cases, features]; rows of failed cases are NaN. */
  values: Float64Array;
  ran: BackendInfo;
}

/** Bytes of images that wait for one kernel call on a GPU. */
const batchBytes = 64 << 20;

let opened: Promise<Backend> | undefined;

/** piscina entry: decodes the cases of a task and computes their features. */
export default workerTask(async ({ cases }: RadiomicsTask): Promise<RadiomicsResult> => {
  const { plan, axis, backend: name } = workerData<RadiomicsSetup>();
  const backend = await (opened ??= open(name));
  // A GPU wants many pictures of one size in a call; a CPU wants each one cropped, whatever its size.
  const together = backend.info.name === 'webgpu';
  const values = new Float64Array(cases.length * plan.names.length).fill(NaN);
  const outcomes: CaseOutcome[] = [];
  let waiting: { row: number; prepared: PreparedCase }[] = [];
  const flush = async () => {
    const batch = waiting;
    waiting = [];
    for (const group of groups(batch)) await compute(backend, plan, group, cases, values, outcomes);
  };
  for (const [row, sample] of cases.entries()) {
    let stage: CaseStage = 'read';
    try {
      const prepared = await readCase(sample, plan.settings, { axis, crop: !together }, (s) => (stage = s));
      outcomes[row] = { ok: true, label: prepared.label, notes: prepared.notes };
      waiting.push({ row, prepared });
    } catch (error) {
      outcomes[row] = { ok: false, stage, error: asData(error, sample) };
    }
    if (!together || waiting.reduce((sum, { prepared }) => sum + 5 * prepared.mask.length, 0) >= batchBytes)
      await flush();
  }
  await flush();
  return { outcomes, values, ran: backend.info };
});

/** Workers compute side by side, a thread each. */
async function open(name: RadiomicsSetup['backend']): Promise<Backend> {
  const byName = name !== 'auto' || process.env.SIGHTLINE_BACKEND;
  return byName ? openBackend({ prefer: name, threads: 1 }) : openCpuBackend({ threads: 1 });
}

type Waiting = { row: number; prepared: PreparedCase };

/** Cases of one size and spacing together. */
function groups(waiting: readonly Waiting[]): Waiting[][] {
  const byShape = new Map<string, Waiting[]>();
  for (const one of waiting) {
    const { size, spacing, planar } = one.prepared;
    const key = [...size, ...spacing, planar].join();
    const same = byShape.get(key);
    if (same) same.push(one);
    else byShape.set(key, [one]);
  }
  return [...byShape.values()];
}

async function compute(
  backend: Backend,
  plan: RadiomicsPlan,
  group: Waiting[],
  cases: readonly RadiomicsCase[],
  values: Float64Array,
  outcomes: CaseOutcome[],
): Promise<void> {
  const [{ prepared }] = group;
  const dims = [group.length, ...prepared.size];
  const joined = <T extends Float32Array | Uint8Array>(all: T, part: (p: PreparedCase) => T): T => {
    if (group.length === 1) return part(prepared);
    group.forEach((one, i) => all.set(part(one.prepared), i * prepared.mask.length));
    return all;
  };
  const count = group.length * prepared.mask.length;
  try {
    const features = await extractRadiomics(
      backend,
      {
        maps: tensor(
          'f32',
          dims,
          joined(new Float32Array(group.length > 1 ? count : 0), (p) => p.values),
        ),
        masks: tensor(
          'u8',
          dims,
          joined(new Uint8Array(group.length > 1 ? count : 0), (p) => p.mask),
        ),
        shapeMasks: tensor(
          'u8',
          dims,
          joined(new Uint8Array(group.length > 1 ? count : 0), (p) => p.shapeMask),
        ),
      },
      plan,
      { spacing: prepared.spacing, planar: prepared.planar },
    );
    const width = plan.names.length;
    group.forEach(({ row }, i) => values.set(features.values.subarray(i * width, (i + 1) * width), row * width));
  } catch (error) {
    if (group.length > 1) {
      // One of them is at fault: alone, the others pass.
      for (const one of group) await compute(backend, plan, [one], cases, values, outcomes);
    } else {
      const [{ row }] = group;
      outcomes[row] = { ok: false, stage: 'compute', error: asData(error, cases[row]) };
    }
  }
}

function asData(error: unknown, { path }: RadiomicsCase): ErrorData {
  const data = SightlineError.from(error, 'E_INTERNAL', { where: path }).toData();
  // The file is named beside the reason already.
  return data;
}
