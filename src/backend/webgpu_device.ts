import type * as Dawn from 'webgpu';
import type { BackendStatus } from './executor.js';
import { loadAddon } from './native.js';

/** A Dawn device with what is known of its adapter. */
export interface OpenDevice {
  /** Held: Dawn frees its instance, and with it the device, when this is collected. */
  gpu: GPU;
  device: GPUDevice;
  description: string;
  /** False for software adapters (SwiftShader, llvmpipe). */
  hardware: boolean;
  /** Why the device was lost, once it is. */
  lost(): string | undefined;
  close(): void;
}

const vulkanLoader = 'libvulkan.so.1';
const installVulkan =
  'Install a Vulkan driver (Linux: your GPU vendor’s with the package libvulkan1, or mesa-vulkan-drivers for a software one), or use --backend native.';
const softwareRenderers = /swiftshader|llvmpipe|software|warp|basic render/i;

/** A device of its own for this thread, or why there is none. */
export async function openDevice(): Promise<OpenDevice | BackendStatus> {
  // Asked beforehand because Dawn answers a missing loader with a page of warnings on the terminal.
  const addon = loadAddon();
  if (process.platform === 'linux' && 'findsLibrary' in addon && !addon.findsLibrary(vulkanLoader)) {
    return none(`no Vulkan loader (${vulkanLoader})`, installVulkan);
  }
  let dawn: typeof Dawn;
  try {
    dawn = await import('webgpu');
  } catch (error) {
    return none(
      `Dawn does not load on this platform (${firstLine(error)})`,
      'WebGPU kernels need glibc Linux, macOS or Windows on x64 or arm64; the native backend runs everywhere.',
    );
  }
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (!adapter) {
    return none('no GPU adapter', installVulkan);
  }
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension } = adapter.limits;
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      label: 'sightline',
      requiredLimits: { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupsPerDimension },
    });
  } catch (error) {
    return none(`the adapter gives no device (${firstLine(error)})`, 'Update the GPU driver, or use --backend native.');
  }
  const { vendor, architecture, description } = adapter.info;
  const name = [description, vendor, architecture].filter((part, i, all) => part && all.indexOf(part) === i).join(', ');
  let reason: string | undefined;
  void device.lost.then((info) => (reason = info.message || info.reason));
  return {
    gpu,
    device,
    description: name || 'unnamed adapter',
    hardware: !adapter.info.isFallbackAdapter && !softwareRenderers.test(name),
    lost: () => reason,
    // Held in one place and released here, so that Node can exit.
    close: () => device.destroy(),
  };
}

function none(note: string, remedy: string): BackendStatus {
  return { name: 'webgpu', available: false, note, remedy };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0];
}
