/**
 * Enlarging images, by onnxruntime's Resize. Views of an image are mostly smaller than the encoder's input, and libvips, which
 * shrinks as Pillow does to a level or so, puts what it enlarges half a pixel off (docs/adr/0021-images.md).
 */
import type { Attributes } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { int64, Session } from '../../runtime/session.js';
import type { Kernel, Pixels } from './pixels.js';

/** Pillow's bicubic, and its way of leaving out what lies beyond the edge. Lanczos has no enlarging form there; cubic is the nearest. */
const MODES: Readonly<Record<Kernel, Attributes>> = {
  nearest: { mode: 'nearest', nearest_mode: 'floor' },
  linear: { mode: 'linear' },
  cubic: { mode: 'cubic', cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
  lanczos3: { mode: 'cubic', cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
};

const sessions = new Map<Kernel, Promise<Session>>();

/** To a size that is not smaller on either axis. */
export async function enlarge(
  { data, width, height }: Pixels,
  to: { readonly width: number; readonly height: number; readonly kernel: Kernel },
): Promise<Pixels> {
  const { kernel } = to;
  const session = sessions.get(kernel) ?? Session.load(graph(kernel), 'resize');
  sessions.set(kernel, session);
  session.catch(() => sessions.delete(kernel));
  const { out } = await (
    await session
  ).run(
    {
      pixels: { type: 'uint8', data, shape: [height, width, 3] },
      size: int64(BigInt64Array.from([1, 3, to.height, to.width].map(BigInt)), [4]),
    },
    ['out'],
  );
  return { width: to.width, height: to.height, data: out.data as Uint8Array };
}

/** uint8 [H,W,3] → uint8 [H',W',3] */
function graph(kernel: Kernel): Uint8Array {
  const g = new GraphBuilder('resize', 18);
  const pixels = g.input('pixels', 'uint8', ['height', 'width', 3]);
  const size = g.input('size', 'int64', [4]);
  const planes = g.op('Transpose', [g.op('Cast', [pixels], { to: 1 })], { perm: [2, 0, 1] });
  const batch = g.op('Unsqueeze', [planes, g.integers([0])]);
  const resized = g.op('Resize', [batch, '', '', size], {
    coordinate_transformation_mode: 'half_pixel',
    ...MODES[kernel],
  });
  const single = g.op('Squeeze', [resized, g.integers([0])]);
  const levels = g.op('Clip', [g.op('Round', [single]), g.scalar(0), g.scalar(255)]);
  const rows = g.op('Transpose', [levels], { perm: [1, 2, 0] });
  g.output(g.op('Cast', [rows], { to: 2 }), 'uint8', ['out_height', 'out_width', 3], 'out');
  return g.build();
}
