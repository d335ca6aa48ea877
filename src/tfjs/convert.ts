/** Between the project's tensors and TensorFlow.js, which has float32, int32 and bool only. */
import { fromFloat16 } from '../onnx/half.js';
import type { Tensor } from '../runtime/session.js';
import type { Tensorflow, TfTensor } from './tensorflow.js';

const [LEAST, GREATEST] = [-(2n ** 31n), 2n ** 31n - 1n];

/** float64 and float16 become float32; int64 becomes int32, what is beyond it its end (ONNX writes "to the end" as 2⁶³ − 1). */
export function toTf(tf: Tensorflow, { type, data, shape }: Tensor): TfTensor {
  switch (type) {
    case 'float32':
    case 'float64':
      return tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data as Float64Array), [...shape]);
    case 'float16':
      return tf.tensor(fromFloat16(data as Uint16Array), [...shape]);
    case 'int64':
      return tf.tensor(Int32Array.from(data as BigInt64Array, clamped), [...shape], 'int32');
    case 'int32':
    case 'int8':
    case 'uint8':
      return tf.tensor(data instanceof Int32Array ? data : Int32Array.from(data as Int8Array), [...shape], 'int32');
    case 'bool':
      return tf.tensor(data as Uint8Array, [...shape], 'bool');
  }
}

const clamped = (value: bigint | number): number => {
  const whole = BigInt(value);
  return Number(whole < LEAST ? LEAST : whole > GREATEST ? GREATEST : whole);
};

/** The values of a tensor, which stays as it is. */
export async function fromTf(tensor: TfTensor): Promise<Tensor> {
  const data = await tensor.data();
  return { type: tensor.dtype as 'float32' | 'int32' | 'bool', data, shape: [...tensor.shape] };
}
