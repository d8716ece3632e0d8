import { SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { openSession, type Session, type SessionOptions } from '../runtime/index.js';

/** Everything a worker needs to predict regions: plain data. */
export interface RegionSetup {
  /** A segmentation model as `train` writes it. */
  onnx: SharedArrayBuffer;
  /** Names of its input and of its logits. */
  image: string;
  output: string;
}

/** A segmentation model that says where the region of interest is. */
export class RegionPredictor {
  private constructor(
    private readonly setup: RegionSetup,
    private readonly session: Session,
  ) {}

  /** @throws SightlineError E_PROVIDER, E_MODEL_FORMAT */
  static async open(setup: RegionSetup, { runtime, provider, threads }: SessionOptions): Promise<RegionPredictor> {
    return new RegionPredictor(setup, await openSession(new Uint8Array(setup.onnx), { runtime, provider, threads }));
  }

  /**
   * One channel: inside where its probability is at least one half. Several: where the highest is not the first, which is
   * background.
   * @param images f32[B,C,H,W], prepared as the model was trained
   * @returns u8[B,H·W], 1 inside
   * @throws SightlineError E_MODEL_UNSUPPORTED where the model's masks have another size than its images
   */
  async predict(images: Tensor<'f32'>): Promise<Tensor<'u8'>> {
    const { image, output } = this.setup;
    const { dims, data } = (await this.session.run({ [image]: images }))[output] as Tensor<'f32'>;
    const [batch, channels, height, width] = dims;
    if (height !== images.dims[2] || width !== images.dims[3]) {
      throw new SightlineError('E_MODEL_UNSUPPORTED', {
        where: 'region model',
        what: `its masks are ${height}×${width} but its images ${images.dims[2]}×${images.dims[3]}`,
        remedy: 'Train it on images whose sides can be halved at every level: multiples of 4 for three blocks.',
      });
    }
    const pixels = height * width;
    const masks = tensor('u8', [batch, pixels]);
    for (let b = 0; b < batch; b++) {
      const first = b * channels * pixels;
      for (let p = 0; p < pixels; p++) {
        let inside = channels === 1 && data[first + p] >= 0;
        for (let c = 1; c < channels && !inside; c++) inside = data[first + c * pixels + p] > data[first + p];
        masks.data[b * pixels + p] = Number(inside);
      }
    }
    return masks;
  }
}
