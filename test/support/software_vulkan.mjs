/**
 * A Vulkan driver without a GPU, for tests and benches: the dev dependency @sparticuz/chromium carries SwiftShader and
 * its own Vulkan loader. They are unpacked once into node_modules/.cache.
 */
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import tar from 'tar-fs';

const folder = fileURLToPath(new URL('../../node_modules/.cache/sightline/swiftshader/', import.meta.url));
const driver = join(folder, 'vk_swiftshader_icd.json');

/**
 * Environment under which Dawn and ONNX Runtime find an adapter. The loader reads it when a process starts, so it has
 * to be given to a child. A driver that the user names in VK_ICD_FILENAMES stays; other platforms have their own.
 * @returns {Promise<Record<string, string>>}
 */
export async function softwareVulkan() {
  if (process.platform !== 'linux' || process.arch !== 'x64' || process.env.VK_ICD_FILENAMES) return {};
  if (!existsSync(driver)) await unpack();
  return {
    LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
    VK_ICD_FILENAMES: driver,
  };
}

async function unpack() {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const root = entry.slice(0, entry.lastIndexOf(join('@sparticuz', 'chromium')) + '@sparticuz/chromium'.length);
  const archive = join(root, 'bin', 'swiftshader.tar.br');
  const partial = `${folder.replace(/\/$/, '')}-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  await pipeline(createReadStream(archive), createBrotliDecompress(), tar.extract(partial));
  try {
    renameSync(partial, folder); // whole or not at all, also when two processes unpack at once
  } catch {
    rmSync(partial, { recursive: true, force: true });
  }
}
