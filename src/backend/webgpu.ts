import { existsSync, readFileSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { sizeOf, tensor, type DType, type Tensor } from '../core/tensor.js';
import { bind, type Bound } from './binding.js';
import { isOnDevice, type AnyTensor, type BackendStatus, type DeviceTensor, type Executor } from './executor.js';
import type { Op, Params, WgslPlan } from './op.js';
import { BufferPool, wholeWords } from './webgpu_buffers.js';
import { openDevice, type OpenDevice } from './webgpu_device.js';
import { bytesPerElement, rowsPerPass, sliceRows, type PassLimits } from './webgpu_split.js';

/** What a DeviceTensor stands for. Its buffer is undefined once released. */
interface Resident {
  executor: WebgpuExecutor;
  buffer: GPUBuffer | undefined;
}

type Tensors = Readonly<Record<string, AnyTensor>>;

export interface WebgpuOptions {
  /** A software adapter counts as none. */
  hardwareOnly?: boolean;
  /** Limits below the device's own, so that tests can see a small device split its work. */
  limits?: Partial<PassLimits>;
}

/** The WGSL kernels on Dawn, or why they cannot run here. */
export async function openWebgpu(options: WebgpuOptions = {}): Promise<Executor | BackendStatus> {
  const opened = await openDevice();
  if ('available' in opened) return opened;
  if (options.hardwareOnly && !opened.hardware) {
    opened.close();
    const note = `only a software adapter (${opened.description})`;
    return { name: 'webgpu', available: false, note, remedy: 'Force it with --backend webgpu.' };
  }
  return new WebgpuExecutor(opened, options.limits);
}

class WebgpuExecutor implements Executor {
  readonly name = 'webgpu';
  readonly description: string;
  readonly #device: GPUDevice;
  readonly #limits: PassLimits;
  readonly #buffers: BufferPool;
  /** Compiled, or being compiled, by op and overrides: never by shape. */
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  /** Takes back the buffers of device tensors that nobody released. */
  readonly #forgotten = new FinalizationRegistry<GPUBuffer>((buffer) => this.#buffers.recycle(buffer));

  constructor(
    private readonly opened: OpenDevice,
    limits: Partial<PassLimits> = {},
  ) {
    this.description = opened.description;
    this.#device = opened.device;
    this.#buffers = new BufferPool(opened.device);
    const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = opened.device.limits;
    this.#limits = { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension, ...limits };
  }

  supports(op: Op, call?: Pick<Bound, 'dims' | 'params'>): true | string {
    if ('unavailable' in op.wgsl) return op.wgsl.unavailable;
    const lost = this.opened.lost();
    if (lost !== undefined) return `the device was lost: ${lost}`;
    return (call && op.wgsl.obstacle?.(call.dims, call.params)) ?? true;
  }

  async run(
    op: Op,
    inputs: Tensors,
    given: Partial<Params>,
    keep: readonly string[],
  ): Promise<Record<string, AnyTensor>> {
    const plan = planOf(op);
    const bound = bind(op, inputs, given);
    const total = bound.dims[plan.splitBy];
    const all = { ...mapValues(inputs, ({ dims }) => dims), ...bound.shapes };
    const rows = rowsPerPass(op, plan, all, bound.dims, bound.params, this.#limits);
    if (total <= rows) return this.#pass(op, plan, inputs, bound, keep);

    // Too large for one pass: the leading dimension goes in parts, results back to the host.
    const outputs = mapValues(op.outputs, ({ dtype }, name) => tensor<DType>(dtype, bound.shapes[name]));
    const step = Math.ceil(total / Math.ceil(total / rows));
    for (let from = 0; from < total; from += step) {
      const to = Math.min(total, from + step);
      const part = mapValues(inputs, (t, name) =>
        op.inputs[name].dims[0] === plan.splitBy ? sliceRows(op, name, t, from, to) : t,
      );
      const results = await this.#pass(op, plan, part, bind(op, part, given), []);
      for (const [name, whole] of Object.entries(outputs)) {
        whole.data.set((results[name] as Tensor).data as never, from * sizeOf(whole.dims.slice(1)));
      }
    }
    return outputs;
  }

  close(): void {
    this.#buffers.close();
    this.opened.close();
  }

  async #pass(op: Op, plan: WgslPlan, inputs: Tensors, bound: Bound, keep: readonly string[]) {
    const pipeline = await this.#pipeline(op, plan.overrides?.(bound.dims, bound.params) ?? {});
    const resident = mapValues(inputs, (t, name) => (isOnDevice(t) ? this.#residentBuffer(op, name, t) : undefined));
    const borrowed: GPUBuffer[] = [];
    const borrow = (bytes: number, usage: GPUBufferUsageFlags) => {
      const buffer = this.#buffers.borrow(bytes, usage);
      borrowed.push(buffer);
      return buffer;
    };
    try {
      const outputs = await this.#checked(op, () => {
        const bindings = Object.keys(op.inputs).map((name) => {
          const t = inputs[name];
          const size = sizeOf(t.dims) * bytesPerElement(t.dtype);
          const buffer = resident[name] ?? borrow(size, storage);
          if (!isOnDevice(t)) this.#upload(buffer, t.data);
          return { buffer, size };
        });
        const outputs = mapValues(op.outputs, (_, name) => {
          const size = 4 * sizeOf(bound.shapes[name]);
          return { buffer: borrow(size, storage), size, staging: undefined as GPUBuffer | undefined };
        });
        const uniforms = uniformBlock(plan, bound);
        const params = { buffer: borrow(uniforms.byteLength, uniform), size: uniforms.byteLength };
        this.#device.queue.writeBuffer(params.buffer, 0, uniforms);

        const encoder = this.#device.createCommandEncoder({ label: op.name });
        this.#encode(encoder, op, plan, bound, pipeline, [...bindings, ...Object.values(outputs), params]);
        for (const [name, output] of Object.entries(outputs)) {
          if (keep.includes(name) || output.size === 0) continue;
          output.staging = borrow(output.size, staged);
          encoder.copyBufferToBuffer(output.buffer, 0, output.staging, 0, output.size);
        }
        this.#device.queue.submit([encoder.finish()]);
        const maps = Object.values(outputs).map(({ staging, size }) => staging?.mapAsync(GPUMapMode.READ, 0, size));
        return { value: outputs, pending: maps };
      });

      const results = mapValues(outputs, ({ buffer, size, staging }, name): AnyTensor => {
        const { dtype } = op.outputs[name];
        if (keep.includes(name)) {
          borrowed.splice(borrowed.indexOf(buffer), 1);
          return this.#deviceTensor(dtype, bound.shapes[name], buffer);
        }
        const host = tensor<DType>(dtype, bound.shapes[name]);
        if (!staging) return host; // no elements
        new Uint8Array(host.data.buffer).set(new Uint8Array(staging.getMappedRange(0, size)));
        staging.unmap();
        return host;
      });
      for (const buffer of borrowed) this.#buffers.recycle(buffer);
      return results;
    } catch (error) {
      for (const buffer of borrowed) buffer.destroy(); // perhaps invalid, or still mapped
      throw error;
    }
  }

  /**
   * Runs `submit` with the device's errors caught, and waits for what it started.
   * @throws SightlineError E_BACKEND naming op and cause
   */
  async #checked<T>(op: Op, submit: () => { value: T; pending: (Promise<unknown> | undefined)[] }): Promise<T> {
    const scopes = ['validation', 'out-of-memory', 'internal'] as const;
    for (const scope of scopes) this.#device.pushErrorScope(scope);
    let thrown: unknown;
    let submitted: ReturnType<typeof submit> | undefined;
    try {
      submitted = submit();
    } catch (error) {
      thrown = error;
    }
    const popped = await Promise.allSettled(scopes.map(() => this.#device.popErrorScope()));
    const waited = await Promise.allSettled(submitted?.pending ?? []);
    for (const result of popped) {
      if (result.status === 'fulfilled' && result.value) throw this.#failure(op, result.value.message, thrown);
    }
    const rejected = [...popped, ...waited].find((result) => result.status === 'rejected');
    if (submitted && !rejected) return submitted.value;
    const cause: unknown = thrown ?? rejected?.reason;
    throw this.#failure(op, cause instanceof Error ? cause.message : String(cause), cause);
  }

  #encode(
    encoder: GPUCommandEncoder,
    op: Op,
    plan: WgslPlan,
    { dims, params }: Bound,
    pipeline: GPUComputePipeline,
    bindings: { buffer: GPUBuffer; size: number }[],
  ): void {
    const group = this.#device.createBindGroup({
      label: op.name,
      layout: pipeline.getBindGroupLayout(0),
      // Buffers may be larger than what they hold, and then larger than what a binding may be.
      entries: bindings.map(({ buffer, size }, binding) => ({ binding, resource: { buffer, size: wholeWords(size) } })),
    });
    const pass = encoder.beginComputePass({ label: op.name });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    const [x, y = 1, z = 1] = plan.workgroups(dims, params, plan.overrides?.(dims, params) ?? {});
    if (x * y * z > 0) pass.dispatchWorkgroups(x, y, z);
    pass.end();
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

  async #compile(op: Op, constants: Record<string, number>): Promise<GPUComputePipeline> {
    this.#device.pushErrorScope('validation');
    const module = this.#device.createShaderModule({ label: `${op.name}.wgsl`, code: shaderSource(op.name) });
    void this.#device.popErrorScope().catch(() => null); // a message comes with the pipeline's refusal
    const compute = { module, entryPoint: 'main', constants };
    try {
      return await this.#device.createComputePipelineAsync({ label: op.name, layout: 'auto', compute });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const lines = messages.map((m) => `${op.name}.wgsl:${m.lineNum}:${m.linePos} ${m.message}`).join('; ');
      throw this.#failure(op, `the shader does not compile: ${lines || String(cause)}`, cause);
    }
  }

  #upload(buffer: GPUBuffer, data: Tensor['data']): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (bytes.byteLength % 4 === 0 && !(data.buffer instanceof SharedArrayBuffer)) {
      this.#device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>);
      return;
    }
    // Dawn copies whole words, and refuses views of shared memory.
    const copy = new Uint8Array(wholeWords(bytes.byteLength));
    copy.set(bytes);
    this.#device.queue.writeBuffer(buffer, 0, copy);
  }

  #deviceTensor(dtype: DType, dims: readonly number[], buffer: GPUBuffer): DeviceTensor {
    const resident: Resident = { executor: this, buffer };
    this.#forgotten.register(resident, buffer, resident);
    const release = () => {
      if (!resident.buffer) return;
      this.#forgotten.unregister(resident);
      this.#buffers.recycle(resident.buffer);
      resident.buffer = undefined;
    };
    return { dtype, dims, onDevice: resident, release };
  }

  #residentBuffer(op: Op, name: string, t: DeviceTensor): GPUBuffer {
    const resident = t.onDevice as Resident;
    if (resident.executor !== this) throw this.#failure(op, `${name} lies on another device`);
    if (!resident.buffer) throw this.#failure(op, `${name} was released before`);
    return resident.buffer;
  }

  #failure(op: Op, what: string, cause?: unknown): SightlineError {
    const lost = this.opened.lost();
    return new SightlineError('E_BACKEND', {
      where: `webgpu kernel ${op.name}`,
      what: lost === undefined ? what.trim().replace(/\.$/, '') : `the device was lost: ${lost.replace(/\.$/, '')}`,
      remedy: 'Try --backend native, or a smaller --batch.',
      cause,
    });
  }
}

// Numbers of the WebGPU specification: GPUBufferUsage is defined only once Dawn is loaded.
const [mapRead, copySource, copyDestination] = [0x1, 0x4, 0x8];
const staged = mapRead | copyDestination;
const uniform = 0x40 | copyDestination;
const storage = 0x80 | copySource | copyDestination;

function planOf(op: Op): WgslPlan {
  if (!('unavailable' in op.wgsl)) return op.wgsl;
  throw new SightlineError('E_BACKEND', { where: op.name, what: op.wgsl.unavailable });
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, f: (value: T, name: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

/** The Params struct: 4-byte scalars in the plan's order, padded to 16 bytes as uniform buffers are. */
function uniformBlock(plan: WgslPlan, { dims, params }: Bound): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(Math.ceil((4 * plan.uniforms.length) / 16) * 16));
  plan.uniforms.forEach(([name, type, of], i) => {
    const value = of?.(dims, params) ?? dims[name] ?? params[name];
    if (type === 'u32') view.setUint32(4 * i, value, true);
    else view.setFloat32(4 * i, value, true);
  });
  return new Uint8Array(view.buffer);
}

function shaderSource(name: string): string {
  const file = new URL(`../../shaders/${name}.wgsl`, import.meta.url);
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const what = 'the shader file is missing from the package';
  throw new SightlineError('E_INTERNAL', { where: `shaders/${name}.wgsl`, what });
}
