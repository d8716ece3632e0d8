import { openCpuBackend, type Backend } from '../backend/index.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { mapVectors } from '../selection/deep_features/map_vectors.js';
import type { InferenceResult, InferenceSetup } from './inference.js';
import { greyImages } from './map_radiomics.js';

/** The vectors of a batch: penultimate features, and maps or images made small. */
export class VectorMaker {
  /** Resizing is never done on a GPU. */
  readonly #cpu: Backend | null;

  constructor(private readonly setup: InferenceSetup) {
    this.#cpu = setup.vectors.maps && openCpuBackend({ threads: setup.threads, onNotice: () => {} });
  }

  /** Whether saliency maps have to be at hand. */
  get readsMaps(): boolean {
    return this.setup.vectors.maps?.of === 'saliency';
  }

  /**
   * @param outputs of the model
   * @param maps f32[B,H,W], where `readsMaps`
   */
  async make(
    images: Tensor<'f32'>,
    outputs: Readonly<Record<string, Tensor>>,
    maps: Float32Array | undefined,
  ): Promise<InferenceResult['vectors']> {
    const { vectors, preprocessing, batch, height, width } = this.setup;
    const embeddings = vectors.embeddings ? (outputs.embedding as Tensor<'f32'>).data : undefined;
    if (!vectors.maps || !this.#cpu) return embeddings ? { embeddings } : {};
    const pictures = maps ?? greyImages(images, preprocessing).data;
    const small = await mapVectors(this.#cpu, tensor('f32', [batch, height, width], pictures), vectors.maps.size);
    return { ...(embeddings && { embeddings }), maps: small.data };
  }
}
