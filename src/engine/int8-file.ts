/** The file that holds a trunk's int8 weights, and the quantised products that read it. */
import type { FileHandle } from 'node:fs/promises';
import { replaceFile } from '../core/atomic-file.js';
import {
  SYMMETRIC_ZERO_POINT,
  type Product,
  type ProductGroup,
  type QuantisedGroup,
  type QuantisedWeight,
} from '../onnx/row-quantisation.js';
import { sizeOf } from '../onnx/shape.js';
import { elementCode, externalTensor, type ElementType } from '../onnx/tensor.js';
import type { TensorProto } from '../onnx/proto/onnx_pb.js';
import { tensorData } from '../onnx/tensor-data.js';
import { quantisedColumns, smoothingOf, turned, type Matrix } from './smoothing.js';

/** How each group is quantised, by its tensor; in the order of the groups. */
export interface Scheme {
  readonly input: string;
  readonly zeroPoint: number;
}

export interface Layout {
  readonly groups: readonly QuantisedGroup[];
  /** Constants that lie in the file. */
  readonly constants: ReadonlyMap<string, TensorProto>;
  readonly bytes: number;
}

/** Where memory-mapped tensors may begin. */
const ALIGNMENT = 64;

/** Everything's place follows from shapes and schemes. @param location name of the file */
export function layoutOf(groups: readonly ProductGroup[], schemes: readonly Scheme[], location: string): Layout {
  const constants = new Map<string, TensorProto>();
  let offset = 0;
  const place = (name: string, type: ElementType, shape: readonly number[]): string => {
    const length = sizeOf(shape) * (type === 'int8' ? 1 : 4);
    constants.set(name, externalTensor(name, elementCode(type), shape, { location, offset, length }));
    offset += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    return name;
  };
  const placed = groups.map((group, i): QuantisedGroup => {
    const { zeroPoint } = schemes[i]!;
    const smoothing =
      zeroPoint === SYMMETRIC_ZERO_POINT ? place(`${group.input}/smoothing`, 'float32', [group.width]) : undefined;
    const weights = group.products.map(({ node, columns }): QuantisedWeight => {
      // By the product and not by its weight, which others may share.
      const [product] = node.output as [string];
      return {
        values: place(`${product}/int8`, 'int8', [group.width, columns]),
        scales: place(`${product}/scales`, 'float32', [columns]),
      };
    });
    return { ...group, scheme: { zeroPoint, ...(smoothing !== undefined && { smoothing }) }, weights };
  });
  return { groups: placed, constants, bytes: offset };
}

/**
 * Quantises the weights of all groups into the file at `path`.
 *
 * @param channels largest |x| of each channel [K], of each group
 * @param folder where the float32 weights lie
 */
export async function writeWeights(
  path: string,
  { groups, constants, bytes }: Layout,
  channels: readonly Float32Array[],
  folder: string,
): Promise<void> {
  await replaceFile(path, async (file) => {
    await file.truncate(bytes);
    for (const [i, { products, scheme, weights }] of groups.entries()) {
      const matrices: Matrix[] = [];
      for (const product of products) matrices.push(await matrixOf(product, folder));
      const smoothing = scheme.smoothing === undefined ? undefined : smoothingOf(channels[i]!, matrices);
      if (smoothing !== undefined)
        await put(file, constants, scheme.smoothing!, smoothing.map((s) => 1 / s)); // prettier-ignore
      for (const [j, matrix] of matrices.entries()) {
        const { integers, scales } = quantisedColumns(matrix, smoothing);
        await put(file, constants, weights[j]!.values, integers);
        await put(file, constants, weights[j]!.scales, scales);
      }
    }
  });
}

async function matrixOf({ weight, transposed, columns }: Product, folder: string): Promise<Matrix> {
  const values = (await tensorData(weight, folder, weight.name)).data as Float32Array;
  return { values: transposed ? turned(values, columns) : values, columns };
}

async function put(
  file: FileHandle,
  constants: ReadonlyMap<string, TensorProto>,
  name: string,
  { buffer, byteOffset, byteLength }: Float32Array | Int8Array,
): Promise<void> {
  const offset = constants.get(name)!.externalData.find(({ key }) => key === 'offset')!.value;
  await file.write(new Uint8Array(buffer, byteOffset, byteLength), 0, byteLength, Number(offset));
}
