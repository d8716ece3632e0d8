import { closeSync, fstatSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import { SightlineError } from '../core/errors.js';

/** Reads a whole model file. @throws SightlineError E_NOT_FOUND, or E_MODEL_FORMAT for a folder or an unreadable file. */
export function readModelFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') {
      throw new SightlineError('E_NOT_FOUND', {
        where: path,
        what: 'no such model file',
        remedy: 'Check the path given as the model.',
        cause: error,
      });
    }
    throw new SightlineError('E_MODEL_FORMAT', {
      where: path,
      what: code === 'EISDIR' ? 'this is a folder, not a model file' : `cannot be read (${code ?? String(error)})`,
      remedy:
        code === 'EISDIR'
          ? 'Give the .onnx file or model.json inside it.'
          : 'Check its permissions and size (at most 2 GiB).',
      cause: error,
    });
  }
}

/** Reads weights that an ONNX file keeps in files beside it. */
export class ExternalData {
  #files = new Map<string, Uint8Array>();

  /** @param modelPath path of the ONNX file; undefined when the model came as bytes, without a folder. */
  constructor(private readonly modelPath: string | undefined) {}

  /** Paths of the files read so far. */
  paths(): string[] {
    const folder = dirname(resolve(this.modelPath ?? ''));
    return [...this.#files.keys()].map((location) => resolve(folder, location));
  }

  /** `length` bytes (all the rest when undefined) of `location` from `offset`. */
  read(location: string, offset: number, length: number | undefined): Uint8Array {
    const file = this.#open(location);
    const end = length === undefined ? file.byteLength : offset + length;
    if (!(offset >= 0) || end > file.byteLength || end < offset) {
      throw new SightlineError('E_MODEL_FORMAT', {
        where: this.modelPath,
        what: `weights at bytes ${offset} to ${end} lie outside '${location}' (${file.byteLength} bytes)`,
        remedy: 'The weights file is truncated or belongs to another model: copy both files again.',
      });
    }
    return file.subarray(offset, end);
  }

  #open(location: string): Uint8Array {
    const known = this.#files.get(location);
    if (known) return known;
    if (this.modelPath === undefined) {
      throw new SightlineError('E_MODEL_FORMAT', {
        what: `the model keeps its weights in another file ('${location}') but was given as bytes`,
        remedy: 'Give the path of the .onnx file instead, with the weights file beside it.',
      });
    }
    const folder = realpathSync(dirname(resolve(this.modelPath)));
    const path = resolve(folder, location);
    if (location === '' || isAbsolute(location) || !inside(folder, path)) throw this.#escapes(location);
    try {
      if (!inside(folder, realpathSync(path)) || !statSync(path).isFile()) throw this.#escapes(location);
      const bytes = readLarge(path);
      this.#files.set(location, bytes);
      return bytes;
    } catch (error) {
      if (error instanceof SightlineError) throw error;
      throw new SightlineError('E_MODEL_FORMAT', {
        where: this.modelPath,
        what: `its weights file '${location}' is missing or cannot be read`,
        remedy: 'PyTorch writes large weights beside the model: keep both files in one folder, under their own names.',
        cause: error,
      });
    }
  }

  #escapes(location: string): SightlineError {
    return new SightlineError('E_MODEL_FORMAT', {
      where: this.modelPath,
      what: `it names a weights file outside its own folder ('${location}'), which is refused`,
      remedy: 'Put the weights file beside the model and export again with a relative name.',
    });
  }
}

function inside(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Like readFileSync, without its limit of 2 GiB. */
function readLarge(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    let filled = 0;
    while (filled < bytes.byteLength) {
      const count = readSync(file, bytes, filled, Math.min(bytes.byteLength - filled, 2 ** 30), filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** What a file that is not ONNX looks like, for the error message; undefined when nothing is recognised. */
export function recogniseOther(bytes: Uint8Array): { what: string; remedy: string } | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512)).toString('latin1');
  const text = head.trimStart().toLowerCase();
  const pytorch = 'Export it with torch.onnx.export(model, example_image, "model.onnx").';
  if (bytes.byteLength === 0) return { what: 'the file is empty', remedy: 'Copy or export the model again.' };
  if (head.startsWith('PK\x03\x04')) {
    return {
      what: 'this is a zip archive: a PyTorch checkpoint (.pt, .pth) or a Keras .keras file',
      remedy: `${pytorch} For Keras use tf2onnx.`,
    };
  }
  if (head.startsWith('\x80') && bytes[1] <= 5)
    return { what: 'this is a Python pickle: an older PyTorch checkpoint', remedy: pytorch };
  if (head.startsWith('\x89HDF'))
    return {
      what: 'this is an HDF5 file: a Keras .h5 model',
      remedy: 'Convert it with tf2onnx (python -m tf2onnx.convert).',
    };
  if (head.startsWith('version https://git-lfs')) {
    return {
      what: 'this is a Git LFS pointer, not the model itself',
      remedy: 'Run `git lfs pull` where the model was cloned.',
    };
  }
  if (text.startsWith('<!doctype html') || text.startsWith('<html')) {
    return {
      what: 'this is a web page: the download returned HTML',
      remedy: 'Download the file itself, not its page.',
    };
  }
  if (text.startsWith('<?xml') || text.startsWith('<net'))
    return { what: 'this is an XML file (OpenVINO IR?)', remedy: 'Give the ONNX model that it was made from.' };
  if (text.startsWith('{')) {
    return {
      what: 'this is a JSON file: a TensorFlow.js model.json?',
      remedy: 'Give the path of the model.json itself, under a name that ends in .json.',
    };
  }
  if (head.slice(4, 8) === 'TFL3')
    return { what: 'this is a TensorFlow Lite model', remedy: 'Convert it with tf2onnx (--tflite).' };
  if (head.slice(4, 8) === 'ORTM')
    return {
      what: 'this is an ORT-format model, which has lost what explanations need',
      remedy: 'Give the .onnx file that it was made from.',
    };
  if (/^\d+ *\{|^[\s\S]{8}\{"/.test(head))
    return { what: 'this is a safetensors weight file without a graph', remedy: `Load it in PyTorch. ${pytorch}` };
  return undefined;
}
