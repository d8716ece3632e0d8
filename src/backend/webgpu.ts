import { existsSync, readFileSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { sizeOf, tensor, type DType, type Tensor } from '../core/tensor.js';
import { bind } from './binding.js';
import { isOnDevice, type AnyTensor, type BackendStatus, type DeviceTensor, type Executor } from './executor.js';
import type { Dims, Op, Params, WgslPlan } from './op.js';
import { openDevice, type OpenDevice } from './webgpu_device.js';

/** A buffer that a DeviceTensor stands for; returned to the pool when the tensor is collected. */
interface Resident {
  executor: WebgpuExecutor;
  buffer: GPUBuffer;
}

/**
 * The WGSL kernels on Dawn, or why they cannot run here.
 * @param options.hardwareOnly a software adapter counts as none
 */
export async function openWebgpu(options: { hardwareOnly?: boolean } = {}): Promise<Executor | BackendStatus> {
  const opened = await openDevice();
  if ('available' in opened) return opened;
  if (options.hardwareOnly && !opened.hardware) {
    opened.close();
    return { name: 'webgpu', available: false, note: `only a software adapter (${opened.description})`, remedy: 'Force it with --backend webgpu.' };
  }
  return new WebgpuExecutor(opened);
}

class WebgpuExecutor implements Executor {
  readonly name = 'webgpu';
  readonly description: string;
  /** Compiled, or being compiled, by op and overrides: never by shape. */
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Buffers to use again, by usage and size. */
  readonly #idle = new Map<string, GPUBuffer[]>();
  readonly #collected = new FinalizationRegistry<GPUBuffer>((buffer) => this.#recycle(buffer));

  constructor(private readonly opened: OpenDevice) {
    this.description = opened.description;
  }

  supports(op: Op): true | string {
    return 'unavailable' in op.wgsl ? op.wgsl.unavailable : true;
  }

  async run(op: Op, inputs: Readonly<Record<string, AnyTensor>>, given: Partial<Params>, keep: readonly string[]): Promise<Record<string, AnyTensor>> {
    const plan = planOf(op);
    const { dims, params, shapes } = bind(op, inputs, given);
    const parts = this.#parts(op, plan, inputs, dims, params, shapes);
    if (parts === 1) return this.#runPart(op, plan, inputs, dims, params, shapes, keep);

    // Too large for one binding or dispatch: the leading dimension goes in parts, results back to the host.
    const outputs = Object.fromEntries(Object.entries(op.outputs).map(([name, { dtype }]) => [name, tensor<DType>(dtype, shapes[name])]));
    const total = dims[plan.splitBy];
    for (let part = 0; part < parts; part++) {
      const from = Math.floor((total * part) / parts);
      const to = Math.floor((total * (part + 1)) / parts);
      const slices = mapTensors(inputs, (name, t) => (op.inputs[name].dims[0] === plan.splitBy ? sliceRows(op, name, t, from, to) : t));
      const bound = bind(op, slices, given);
      const results = await this.#runPart(op, plan, slices, bound.dims, bound.params, bound.shapes, []);
      for (const [name, result] of Object.entries(results)) {
        const whole = outputs[name];
        const row = sizeOf(whole.dims.slice(1));
        whole.data.set((result as Tensor).data as never, from * row);
      }
    }
    return outputs;
  }

  close(): void {
    for (const buffers of this.#idle.values()) for (const buffer of buffers) buffer.destroy();
    this.#idle.clear();
    this.opened.close();
  }

  async #runPart(
    op: Op,
    plan: WgslPlan,
    inputs: Readonly<Record<string, AnyTensor>>,
    dims: Dims,
    params: Params,
    shapes: Record<string, number[]>,
    keep: readonly string[],
  ): Promise<Record<string, AnyTensor>> {
    const { device } = this.opened;
    const overrides = plan.overrides?.(dims, params) ?? {};
    const pipeline = await this.#pipeline(op, overrides);
    const borrowed: GPUBuffer[] = [];
    const bindings: GPUBuffer[] = [];
    for (const name of Object.keys(op.inputs)) {
      const t = inputs[name];
      if (isOnDevice(t)) {
        bindings.push(this.#residentBuffer(op, name, t));
      } else {
        const buffer = this.#borrow(t.data.byteLength, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC);
        this.#upload(buffer, t.data);
        borrowed.push(buffer);
        bindings.push(buffer);
      }
    }
    const outputs = Object.keys(op.outputs).map((name) => {
      const bytes = sizeOf(shapes[name]) * 4;
      return { name, bytes, buffer: this.#borrow(bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC) };
    });
    bindings.push(...outputs.map(({ buffer }) => buffer));
    const uniforms = uniformBlock(plan, dims, params);
    const uniformBuffer = this.#borrow(uniforms.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    device.queue.writeBuffer(uniformBuffer, 0, uniforms);
    borrowed.push(uniformBuffer);

    const group = device.createBindGroup({
      label: op.name,
      layout: pipeline.getBindGroupLayout(0),
      entries: [...bindings, uniformBuffer].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    const encoder = device.createCommandEncoder({ label: op.name });
    const pass = encoder.beginComputePass({ label: op.name });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    const [x, y = 1, z = 1] = plan.workgroups(dims, params, overrides);
    if (x * y * z > 0) pass.dispatchWorkgroups(x, y, z);
    pass.end();
    const read = outputs.filter(({ name, bytes }) => !keep.includes(name) && bytes > 0);
    const staging = read.map(({ buffer, bytes }) => {
      const target = this.#borrow(bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
      encoder.copyBufferToBuffer(buffer, 0, target, 0, bytes);
      return target;
    });
    device.queue.submit([encoder.finish()]);
    const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    const error = errors.find((e) => e !== null);
    if (error) throw this.#failure(op, error.message);

    const results: Record<string, AnyTensor> = {};
    for (const { name, bytes, buffer } of outputs) {
      const { dtype } = op.outputs[name];
      const dimsOut = shapes[name];
      if (keep.includes(name)) {
        const resident: Resident = { executor: this, buffer };
        const kept: DeviceTensor = { dtype, dims: dimsOut, onDevice: resident };
        this.#collected.register(resident, buffer);
        results[name] = kept;
        continue;
      }
      borrowed.push(buffer);
      const host = tensor<DType>(dtype, dimsOut);
      results[name] = host;
      const target = staging[read.findIndex((r) => r.name === name)];
      if (!target) continue; // no elements
      try {
        await target.mapAsync(GPUMapMode.READ, 0, bytes);
      } catch (cause) {
        throw this.#failure(op, `reading ${name} back failed`, cause);
      }
      new Uint8Array(host.data.buffer, host.data.byteOffset, bytes).set(new Uint8Array(target.getMappedRange(0, bytes)));
      target.unmap();
      borrowed.push(target);
    }
    for (const buffer of borrowed) this.#recycle(buffer);
    return results;
  }

  /** How many parts keep every binding and the dispatch within the device's limits. */
  #parts(op: Op, plan: WgslPlan, inputs: Readonly<Record<string, AnyTensor>>, dims: Dims, params: Params, shapes: Record<string, number[]>): number {
    const { maxStorageBufferBindingSize, maxComputeWorkgroupsPerDimension } = this.opened.device.limits;
    const whole = Math.max(...Object.entries(op.inputs).map(([name, s]) => (s.dims[0] === plan.splitBy ? 0 : bytesOf(inputs[name]))), 0);
    if (whole > maxStorageBufferBindingSize) {
      throw this.#failure(op, `an input of ${whole} bytes exceeds the device's limit of ${maxStorageBufferBindingSize}`);
    }
    const largest = Math.max(...Object.values(inputs).map(bytesOf), ...Object.values(shapes).map((shape) => 4 * sizeOf(shape)));
    const groups = Math.max(...plan.workgroups(dims, params, plan.overrides?.(dims, params) ?? {}).map((n) => n ?? 1));
    const parts = Math.max(Math.ceil(largest / maxStorageBufferBindingSize), Math.ceil(groups / maxComputeWorkgroupsPerDimension), 1);
    return Math.min(parts, Math.max(1, dims[plan.splitBy]));
  }

  #pipeline(op: Op, overrides: Record<string, number>): Promise<GPUComputePipeline> {
    const key = `${op.name} ${JSON.stringify(overrides)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(op, overrides);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #compile(op: Op, overrides: Record<string, number>): Promise<GPUComputePipeline> {
    const { device } = this.opened;
    const module = device.createShaderModule({ label: `${op.name}.wgsl`, code: shaderSource(op.name) });
    try {
      return await device.createComputePipelineAsync({ label: op.name, layout: 'auto', compute: { module, entryPoint: 'main', constants: overrides } });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const lines = messages.map((m) => `${op.name}.wgsl:${m.lineNum}:${m.linePos} ${m.message}`).join('; ');
      throw this.#failure(op, `the shader does not compile: ${lines || String(cause)}`, cause);
    }
  }

  #upload(buffer: GPUBuffer, data: Tensor['data']): void {
    // Dawn copies whole words, and refuses views of shared memory.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const shared = data.buffer instanceof SharedArrayBuffer;
    const padded = Math.ceil(bytes.byteLength / 4) * 4;
    if (!shared && padded === bytes.byteLength) {
      this.opened.device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>);
      return;
    }
    const copy = new Uint8Array(padded);
    copy.set(bytes);
    this.opened.device.queue.writeBuffer(buffer, 0, copy);
  }

  #residentBuffer(op: Op, name: string, t: DeviceTensor): GPUBuffer {
    const resident = t.onDevice as Resident;
    if (resident.executor !== this) throw this.#failure(op, `${name} lies on another device`);
    return resident.buffer;
  }

  /** A buffer of at least `bytes`; sizes are rounded up so that batches of similar size share them. */
  #borrow(bytes: number, usage: number): GPUBuffer {
    const size = bytes <= 256 ? 256 : 2 ** Math.ceil(Math.log2(bytes));
    const limited = Math.min(size, Math.max(Math.ceil(bytes / 4) * 4, this.opened.device.limits.maxBufferSize));
    const pooled = this.#idle.get(`${usage}/${limited}`)?.pop();
    return pooled ?? this.opened.device.createBuffer({ size: limited, usage });
  }

  #recycle(buffer: GPUBuffer): void {
    const key = `${buffer.usage}/${buffer.size}`;
    const idle = this.#idle.get(key) ?? [];
    this.#idle.set(key, idle);
    if (idle.length < idleBuffersPerSize) idle.push(buffer);
    else buffer.destroy();
  }

  #failure(op: Op, what: string, cause?: unknown): SightlineError {
    return new SightlineError('E_BACKEND', {
      where: `webgpu kernel ${op.name}`,
      what: this.opened.lost() ? `the device was lost: ${this.opened.lost()}` : what.replace(/\.$/, ''),
      remedy: 'Try --backend native, or a smaller --batch.',
      cause,
    });
  }
}

const idleBuffersPerSize = 6;

function planOf(op: Op): WgslPlan {
  if (!('unavailable' in op.wgsl)) return op.wgsl;
  throw new SightlineError('E_BACKEND', { where: op.name, what: op.wgsl.unavailable });
}

function bytesOf(t: AnyTensor): number {
  return sizeOf(t.dims) * (t.dtype === 'u8' ? 1 : 4);
}

function mapTensors(tensors: Readonly<Record<string, AnyTensor>>, f: (name: string, t: AnyTensor) => AnyTensor): Record<string, AnyTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, f(name, t)]));
}

/** Rows [from, to) of the leading dimension. */
function sliceRows(op: Op, name: string, t: AnyTensor, from: number, to: number): Tensor {
  if (isOnDevice(t)) {
    throw new SightlineError('E_BACKEND', { where: `${op.name}.${name}`, what: 'a tensor on the device is too large for one pass', remedy: 'Lower --batch.' });
  }
  const row = sizeOf(t.dims.slice(1));
  return { dtype: t.dtype, dims: [to - from, ...t.dims.slice(1)], data: t.data.subarray(from * row, to * row) } as Tensor;
}

/** The Params struct: 4-byte scalars in the plan's order, padded to 16 bytes as uniform buffers are. */
function uniformBlock(plan: WgslPlan, dims: Dims, params: Params): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(Math.ceil((4 * plan.uniforms.length) / 16) * 16));
  plan.uniforms.forEach(([name, type], i) => {
    const value = dims[name] ?? params[name];
    if (type === 'u32') view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

function shaderSource(name: string): string {
  const file = new URL(`../../shaders/${name}.wgsl`, import.meta.url);
  if (!existsSync(file)) throw new SightlineError('E_INTERNAL', { where: `shaders/${name}.wgsl`, what: 'the shader file is missing from the package' });
  return readFileSync(file, 'utf8');
}
