import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { create, globals } from 'webgpu';
import type { Op, WgslPlan } from '../../src/backend/op.js';
import { kernels } from '../../src/kernels/index.js';

// Dawn's null backend compiles and validates everything and runs nothing: no GPU or driver is needed. Its device has
// WebGPU's default limits (256 invocations, 16 KiB of workgroup memory), so what passes here fits every adapter.
Object.assign(globalThis, globals);
const gpu = create(['backend=null']);
const held = new Set([gpu]); // Dawn frees its instance when this is collected
const adapter = await gpu.requestAdapter();
const device = await adapter!.requestDevice();
afterAll(() => {
  device.destroy();
  held.clear();
});

const folder = new URL('../../shaders/', import.meta.url);
const source = (name: string) => readFileSync(new URL(`${name}.wgsl`, folder), 'utf8');
const planned = kernels.flatMap((op) => ('unavailable' in op.wgsl ? [] : [{ op, plan: op.wgsl }]));

async function compile(code: string, constants: Record<string, number>): Promise<GPUComputePipeline> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  const { messages } = await module.getCompilationInfo();
  expect(messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`)).toEqual([]);
  return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main', constants } });
}

/** The override sets of a plan over small, odd and large sizes, and the shader's own defaults. */
function overrideSets(op: Op, plan: WgslPlan): Record<string, number>[] {
  const letters = [...Object.values(op.inputs), ...Object.values(op.outputs)].flatMap(({ dims }) => dims);
  const sets = [1, 7, 64, 257, 4096].map((size) => {
    const sizes = Object.fromEntries(letters.map((letter) => [String(letter), size]));
    return plan.overrides?.(sizes, op.params) ?? {};
  });
  return [...new Map([{}, ...sets].map((set) => [JSON.stringify(set), set])).values()];
}

it('has one shader for every kernel with a WGSL plan, and none besides', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.wgsl'));
  expect(files.sort()).toEqual(planned.map(({ op }) => `${op.name}.wgsl`).sort());
});

it('refuses a shader that does not compile', async () => {
  await expect(compile('@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }', {})).rejects.toThrow();
  await expect(compile('@compute @workgroup_size(257) fn main() {}', {})).rejects.toThrow();
});

describe.each(planned.map((p) => [p.op.name, p] as const))('%s.wgsl', (name, { op, plan }) => {
  it.each(overrideSets(op, plan).map((set) => [JSON.stringify(set), set] as const))(
    'compiles with %s',
    async (_, set) => {
      await expect(compile(source(name), set)).resolves.toBeDefined();
    },
  );

  it('binds inputs, then outputs, then params, named as in the op', () => {
    const declared = [
      ...source(name).matchAll(/@group\(0\) @binding\((\d+)\) var<([^>]+)> (\w+): (?:array<(\w+)>|Params);/g),
    ];
    expect(declared.map(([, binding]) => Number(binding))).toEqual(declared.map((_, i) => i));
    const element = { u8: 'u32', u32: 'u32', i32: 'i32', f32: 'f32' } as Record<string, string>;
    const expected = [
      ...Object.entries(op.inputs).map(([key, s]) => ['storage, read', key, element[s.dtype]]),
      ...Object.entries(op.outputs).map(([key, s]) => ['storage, read_write', key, element[s.dtype]]),
      ['uniform', 'params', undefined],
    ];
    expect(declared.map(([, , access, key, type]) => [access, key, type])).toEqual(expected);
  });

  it("reads the plan's uniforms in the plan's order", () => {
    const [, body] = /struct Params \{([^}]*)\}/.exec(source(name))!;
    const fields = [...body.matchAll(/(\w+): (\w+),/g)].map(([, field, type]) => [field, type]);
    expect(fields).toEqual(plan.uniforms);
  });

  it('needs no optional feature', () => {
    expect(source(name)).not.toMatch(/\benable\b|\bf16\b|\brequires\b/);
  });
});
